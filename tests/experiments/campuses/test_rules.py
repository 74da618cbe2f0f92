"""Rules of a campus: nobody goes where he may not, and the program finds the plan that is known to be best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.campuses.moment import STARTS_H, Moment, free_accelerators
from experiments.campuses.rules import RULES

highspy = pytest.importorskip("highspy", reason="needs the extra [planner]")
SITES = 3


def moment(seed: int, jobs: int, free: float = 40.0) -> Moment:
    rng = np.random.default_rng(seed)
    site = rng.integers(0, SITES, jobs)
    here = np.arange(SITES) == site[:, None]
    may_go = here | (rng.random((jobs, SITES)) < 0.5)
    return Moment(
        site=site,
        size=rng.integers(1, 33, jobs).astype(float),
        lasts_h=rng.uniform(0.1, 30.0, (jobs, 1)) * np.ones((1, SITES)),
        comes_h=np.zeros(jobs),
        wait_usd_h=rng.uniform(0.0, 20.0, jobs),
        move_usd=np.where(here, 0.0, np.where(may_go, rng.uniform(0.0, 30.0, (jobs, 1)), np.inf)),
        travel_h=np.where(here, 0.0, rng.uniform(0.0, 2.0, (jobs, 1))),
        free=np.maximum.accumulate(rng.uniform(0.0, free, (SITES, len(STARTS_H))), axis=1),
        powered=np.maximum.accumulate(rng.uniform(-20.0, free, (SITES, len(STARTS_H))), axis=1),
        slow_usd_h=rng.uniform(0.0, 3.0, SITES),
        usd_h=rng.uniform(0.0, 0.2, (SITES, 48)),
        carbon_kg_h=rng.uniform(0.1, 0.8, SITES),
    )


def still(size: float, free: list[float], wait_usd_h: float = 10.0, move_usd: float = 5.0) -> Moment:
    """One job of an hour at site 0."""
    return Moment(
        site=np.array([0]),
        size=np.array([size]),
        lasts_h=np.ones((1, SITES)),
        comes_h=np.zeros(1),
        wait_usd_h=np.array([wait_usd_h]),
        move_usd=np.array([[0.0, move_usd, move_usd]]),
        travel_h=np.array([[0.0, 0.5, 0.5]]),
        free=np.repeat(np.array(free)[:, None], len(STARTS_H), axis=1),
        powered=np.full((SITES, len(STARTS_H)), 100.0),
        slow_usd_h=np.full(SITES, 2.0),
        usd_h=np.full((SITES, 48), 0.1) * np.array([[1.0], [1.0], [2.0]]),
        carbon_kg_h=np.array([0.3, 0.2, 0.1]),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_no_rule_sends_a_job_where_it_may_not_be(seed: int, jobs: int) -> None:
    seen = moment(seed, jobs)
    for name, rule in RULES.items():
        sites = rule.sites(seen)
        assert seen.allowed[np.arange(jobs), sites].all(), name


def test_the_program_leaves_a_job_that_finds_room_at_home() -> None:
    assert RULES["transport"].sites(still(8.0, [8.0, 8.0, 8.0])).tolist() == [0]


def test_the_program_sends_a_job_without_room_to_the_cheaper_of_two_empty_sites() -> None:
    assert RULES["transport"].sites(still(8.0, [0.0, 8.0, 8.0])).tolist() == [1]


@pytest.mark.parametrize(("wait_usd_h", "goes"), [(0.05, 0), (10.0, 1)])
def test_a_job_travels_only_where_waiting_is_dearer_than_the_wire(wait_usd_h: float, goes: int) -> None:
    seen = still(8.0, [0.0, 8.0, 0.0], wait_usd_h=wait_usd_h)
    seen.free[0, STARTS_H >= 1.0] = 8.0
    assert RULES["transport"].sites(seen).tolist() == [goes]


def test_a_job_leaves_a_site_whose_feeder_would_slow_all_its_jobs() -> None:
    seen = still(8.0, [8.0, 8.0, 8.0])
    seen.powered[0] = -5.0
    assert RULES["transport"].sites(seen).tolist() == [1]


def test_two_jobs_do_not_take_the_same_room() -> None:
    one = still(8.0, [8.0, 8.0, 0.0])
    both = Moment(*(np.repeat(x, 2, axis=0) if k < 7 else x for k, x in enumerate(one)))
    assert sorted(RULES["transport"].sites(both).tolist()) == [0, 1]


@pytest.mark.parametrize(("name", "goes"), [("cheapest", 0), ("greenest", 2), ("emptiest", 1), ("home", 0)])
def test_each_simple_rule_goes_by_its_own_number(name: str, goes: int) -> None:
    assert RULES[name].sites(still(8.0, [9.0, 30.0, 20.0])).tolist() == [goes]


def test_the_energy_of_a_job_is_that_of_the_hours_in_which_it_runs() -> None:
    seen = still(8.0, [8.0, 8.0, 8.0])
    seen.usd_h[0, :3] = 1.0, 2.0, 4.0
    assert seen.energy_usd(0.0)[0, 0] == pytest.approx(8.0)
    assert seen.energy_usd(1.5)[0, 0] == pytest.approx(8.0 * (0.5 * 2.0 + 0.5 * 4.0))


def test_running_jobs_leave_their_accelerators_when_they_end() -> None:
    free = free_accelerators(4.0, np.array([2.0, 8.0]), np.array([0.7, 100.0]))
    np.testing.assert_array_equal(free, np.where(STARTS_H >= 0.7, 6.0, 4.0))
