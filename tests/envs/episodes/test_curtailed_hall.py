"""A hall with jobs holds a load target of the grid."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import load
from envs.scheduling.curtailment import LoadTarget
from envs.scheduling.job_table import RUNNING

FACTORY = ("site.workload_weeks=1", "jobs.rigid_frac=0.5", "jobs.slots=128")
SITES, BEFORE = 4, 3


@cache
def world() -> World:
    return World.build(load("ai_factory", FACTORY))


def begun() -> DataCenterCore:
    core = DataCenterCore("ai_factory", SITES, FACTORY, world=world())
    core.reset(seed=0)
    return core


def stepped_kw(core: DataCenterCore, steps: int) -> NDArray[np.float64]:
    power = []
    for _ in range(steps):
        core.step_setpoints({})
        power.append(np.array(core.flows.grid_power_kw, np.float64))
    return np.array(power)


def less_by(power_kw: NDArray[np.float64], share: float, **others: object) -> LoadTarget:
    ceiling = np.full(SITES, power_kw.max(axis=0))
    asked = LoadTarget((1.0 - share) * ceiling, np.zeros(SITES), np.full(SITES, 7200.0), ceiling, release_s=600.0)
    return asked._replace(**others)


@pytest.mark.parametrize("way", ["tiers", "caps"])
def test_a_hall_comes_down_to_its_target_and_stays_there(way: str) -> None:
    core = begun()
    before = stepped_kw(core, BEFORE)
    target = less_by(before, 0.1)
    assert core.jobs is not None
    core.jobs.hold(target, way)
    held = stepped_kw(core, 24)[1:]
    assert (held <= 1.02 * target.power_kw).all()
    assert (np.abs(held[2:] / target.power_kw - 1.0).min(axis=0) < 0.01).all()
    assert np.abs(core.jobs.residual_h()).max() < 1e-9


def test_rigid_jobs_run_on_at_full_pace_under_tiers_and_slower_under_one_limit() -> None:
    did = {}
    for way in (None, "tiers", "caps"):
        core = begun()
        before = stepped_kw(core, BEFORE)
        assert core.jobs is not None
        if way is not None:
            core.jobs.hold(less_by(before, 0.3), way)
        table = core.jobs.jobs.table
        rigid = (table.state == RUNNING) & (table.facts.tier == 0) & (table.span == 1)
        left = table.left_h.copy()
        core.step_setpoints({})
        rigid &= table.left_h > 0.0
        did[way] = (left - table.left_h)[rigid].sum()
    assert did["tiers"] >= did[None] * (1.0 - 1e-6) and did["caps"] < 0.99 * did[None]


def test_a_firm_target_pauses_flexible_jobs_where_limits_do_not_reach_and_best_effort_does_not() -> None:
    paused, power = {}, {}
    for best_effort in (False, True):
        core = begun()
        before = stepped_kw(core, BEFORE)
        assert core.jobs is not None
        core.jobs.hold(less_by(before, 0.4, best_effort=best_effort))
        power[best_effort] = stepped_kw(core, 6)[-1]
        paused[best_effort] = core.jobs.seen[2]
    assert paused[False].max() > 0.0 and paused[True].max() == 0.0
    assert power[False].sum() < power[True].sum()


def test_a_hall_goes_on_from_a_saved_state_inside_an_event_as_it_would_have() -> None:
    core = begun()
    target = less_by(stepped_kw(core, BEFORE), 0.2)
    assert core.jobs is not None
    core.jobs.hold(target)
    stepped_kw(core, 3)
    saved = core.save_state()
    wanted = stepped_kw(core, 4)
    other = begun()
    assert other.jobs is not None
    other.jobs.hold(target)
    other.load_state(saved)
    np.testing.assert_array_equal(stepped_kw(other, 4), wanted)


def test_a_new_episode_is_asked_nothing() -> None:
    core = begun()
    assert core.jobs is not None
    core.jobs.hold(less_by(stepped_kw(core, BEFORE), 0.3))
    stepped_kw(core, 2)
    core.reset(seed=0)
    np.testing.assert_array_equal(stepped_kw(core, 3), stepped_kw(begun(), 3))
