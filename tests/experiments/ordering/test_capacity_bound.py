"""The bound of a day's work: its check values, what it holds for, and that no play lies above it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.planners.tuning import rules_from
from envs.core import DataCenterCore
from envs.equipment import rack
from envs.equipment.rack import HGX_AIR, NVL72
from envs.equipment.throughput import throughput
from envs.scenario import load
from envs.scheduling.network import network
from experiments.ordering.capacity_bound import Power, most_work_h, most_work_unstopped_h
from experiments.ordering.known_jobs import KnownJobs, known_jobs, split_speed
from experiments.ordering.least_power import (
    RackPool,
    idle_rack_kw,
    most_flow_frac,
    rack_pools,
    racks_kw,
    supply_factor,
    working_points,
)
from experiments.ordering.orders import Ordered, shortest_first

highspy = pytest.importorskip("highspy", reason="needs the extra [planner]")
POOLS = (RackPool(8, 1, HGX_AIR), RackPool(4, 2, HGX_AIR))
RACKS = np.array([8, 4, 4])


def jobs(*told: dict[str, float]) -> KnownJobs:
    """Jobs of 4 accelerators and two hours that are there from the beginning, where nothing else is said."""
    given = [{"kind": 0, "size": 4, "hours": 2.0, "comes": 0.0, "ends": np.inf, "activity": 1.0, **j} for j in told]
    kind, size, hours, comes, ends, activity = (np.array([j[k] for j in given], float) for k in given[0] if k != "on")
    held = np.array([j.get("on", (0, 0, 0)) for j in given], np.int64)
    keys = tuple((float(n), 0.0, 0.0) for n in range(len(given)))
    return KnownJobs(kind.astype(int), size, size * hours, comes, ends, activity, held.any(axis=1), held, keys)


def bound(known: KnownJobs, hours: float = 4.0, split: float = 0.5, power: Power | None = None) -> float:
    return most_work_h(known, np.full(len(known.kind), split), POOLS, np.arange(hours + 1.0), power)


def test_the_bound_of_the_handbooks_example_is_28() -> None:
    # 16 accelerators for 2 hours: three of 4 do 24, a split one of 12 gets the other 8 accelerator-hours, at a half
    assert bound(jobs({"size": 12, "hours": 9.0}, *[{"hours": 9.0}] * 3), 2.0) == pytest.approx(28.0)


def test_work_past_a_deadline_before_it_comes_or_more_than_is_asked_counts_nowhere() -> None:
    assert bound(jobs({"hours": 9.0, "ends": 1.5})) == pytest.approx(4 * 1.5)
    assert bound(jobs({"hours": 9.0, "comes": 3.25})) == pytest.approx(4 * 0.75)
    assert bound(jobs({"hours": 0.5})) == pytest.approx(4 * 0.5)
    assert bound(jobs({"comes": 9.0})) == 0.0


def test_a_job_that_only_the_large_rack_holds_is_at_full_speed_there_and_nowhere_else() -> None:
    assert bound(jobs({"size": 8, "hours": 9.0})) == pytest.approx(8 * 4)
    assert bound(jobs(*[{"size": 8, "hours": 9.0}] * 2)) == pytest.approx(8 * 4 + 8 * 0.5 * 4)


def test_short_jobs_that_come_together_are_bounded_as_one_and_lose_nothing() -> None:
    known = jobs(*[{"size": 2, "hours": 0.25, "comes": 0.1 * n} for n in range(30)])
    assert bound(known) == pytest.approx(known.left_h.sum())


def test_who_runs_split_stays_so_where_nobody_is_stopped() -> None:
    known = jobs({"size": 8, "hours": 9.0, "on": (4, 4, 0)}, {"size": 8, "hours": 9.0})
    assert bound(known) == pytest.approx(8 * 4 + 8 * 0.5 * 4)
    unstopped = most_work_unstopped_h(known, np.full(2, 0.5), POOLS, RACKS, np.arange(5.0))
    assert unstopped == pytest.approx(8 * 0.5 * 4 + 4 * 4 + 4 * 0.5 * 4)  # 4 of the large rack, 4 beside it


def test_the_speed_of_a_split_job_is_that_of_its_port_until_it_crosses_leaves() -> None:
    racks = np.full(4, 72)
    net = network(racks, np.array([0, 0, 1, 1]), np.zeros(2, int), (1.0, 2.0, 7.0))
    found = split_speed(net, np.array([0.03]), racks, np.zeros(3, int), np.array([100.0, 144.0, 288.0]))
    assert found == pytest.approx([1 / (1 + 0.03 * 17)] * 2 + [1 / (1 + 0.03 * 35)])  # 288 x 50 / 2 over 288 is 25


def test_power_bounds_work_by_the_corners_of_the_throughput_curve() -> None:
    work, draw = working_points(HGX_AIR, 1, 1.0)
    draw = draw + idle_rack_kw(HGX_AIR) / HGX_AIR.accelerators
    kw = 4 * draw[-1]  # of four accelerators at full pace
    full = Power(np.full(4, kw))
    known = jobs({"kind": 1, "hours": 9.0})
    assert bound(known, power=full) == pytest.approx(4 * 4)
    half = bound(known, power=Power(np.full(4, 0.5 * kw)))
    best = (work / draw).max()  # some accelerators at the pace that does most for its power, the others off
    assert 0.5 < half / 16.0 == pytest.approx(0.5 * draw[-1] * best, rel=1e-6)
    assert bound(known, power=Power(np.zeros(4))) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", [HGX_AIR, NVL72])
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("limit", [1.0, 0.8, 0.6, 0.5])
def test_no_rack_draws_less_than_the_least_power_of_the_work_that_it_does(kind, index: int, limit: float) -> None:
    table = rack.rack_table([kind], np.array([[0], [1]]), np.float64)
    activity = np.zeros((2, 1, 1))
    activity[index] = 1.0
    demand = rack.demand_terms(table, activity)
    cold, flow = np.full((1, 1), 18.0), np.array([1.5])
    state = rack.initial(table, demand, cold, np.array([25.0]), flow)
    given = state, cold, np.array([25.0]), flow, demand
    for _ in range(20):
        state, did = rack.advance(table, state, *given[1:], np.full((1, 1), limit * kind.peak_kw), cold * 0 + 1.0, 60.0)
    work = float(throughput(table, did.cap_frac, did.throttle_frac)[index, 0, 0])
    corners, draw = working_points(kind, index, 1.5)
    least = idle_rack_kw(kind) + kind.accelerators * np.interp(work, np.r_[0.0, corners], np.r_[0.0, draw])
    assert 0.85 * did.power_kw.item() < least < did.power_kw.item()


def test_a_capped_job_may_hold_its_accelerators_for_longer_than_it_needs_at_full_pace() -> None:
    work, draw = working_points(HGX_AIR, 0, 1.0)
    deepest = 4 * (draw[0] + idle_rack_kw(HGX_AIR) / HGX_AIR.accelerators)
    known = jobs({"hours": float(work[0])})
    assert bound(known, hours=1.0, power=Power(np.full(1, deepest))) == pytest.approx(4 * work[0])


def test_a_dark_rack_leaves_its_idle_power_to_the_others() -> None:
    kind = HGX_AIR
    lit = idle_rack_kw(kind) + kind.accelerators * working_points(kind, 0, 1.0)[1][-1]
    pools = (RackPool(kind.accelerators, 2, kind),)
    known = jobs({"size": kind.accelerators, "hours": 1.0})
    found = most_work_h(known, np.ones(1), pools, np.arange(2.0), Power(np.full(1, lit)))
    assert found == pytest.approx(kind.accelerators)


def test_jobs_told_together_have_the_best_speed_of_any_of_them_in_whatever_order() -> None:
    told = jobs(*[{"size": 10, "hours": 0.4}] * 2)
    speeds = np.array([0.8, 0.5])
    found = [most_work_h(told, split, POOLS, np.arange(1.5, step=0.5), None) for split in (speeds, speeds[::-1])]
    assert found[0] == found[1] >= 10 * 0.4


def test_no_play_does_more_than_the_bound() -> None:
    site = ("site.workload_weeks=1", "site.workload_seeds=[0]", "episode.steps=48", "jobs.occupancy=1.0")
    core = DataCenterCore("ai_factory", 2, site)
    core.reset(seed=5)
    assert core.jobs is not None
    begins, pools, racks = core.jobs.now_s.copy(), rack_pools(core.scenario), core.jobs.racks
    known = [known_jobs(core.jobs.jobs, b, float(begins[b]), 4.0) for b in range(2)]
    laws, edges = core.jobs.laws, np.arange(5.0)
    room = Power(racks_kw(core.scenario, np.zeros(4)), most_flow_frac(core.scenario))
    bounds = []
    for k in known:
        split = split_speed(laws.net, laws.exposed, racks, k.kind, k.accelerators)
        free, with_power = (most_work_h(k, split, pools, edges, p) for p in (None, room))
        stays = most_work_unstopped_h(k, split, pools, racks, edges, room)
        assert stays <= with_power * (1.0 + 1e-6) <= free * (1.0 + 2e-6)
        bounds.append(stays)
    rules = Ordered(rules_from(core, {"caps": "marginal_value"}), core, shortest_first)
    rules.reset(2)
    for _ in range(core.max_episode_steps):
        core.step_setpoints(rules.act(core.measurements()))
    done = core.jobs.jobs.ledger.done.sum(axis=0)
    assert (done <= np.array(bounds)).all() and (done > 0.5 * np.array(bounds)).all()


def test_supplies_and_idle_racks_draw_what_the_table_of_racks_says() -> None:
    assert supply_factor(HGX_AIR) == pytest.approx(1.0 / 0.96)
    assert supply_factor(NVL72) == pytest.approx(1.0 / 0.975)
    idle = 7.8 + 32 * 0.16 * 0.7 + 0.15 * 33.6 * 0.3**3
    assert idle_rack_kw(HGX_AIR) == pytest.approx(idle / 0.96)


def test_what_racks_may_draw_leaves_the_losses_under_the_tighter_of_the_two_limits() -> None:
    scenario = load("ai_factory")
    free = racks_kw(scenario, np.zeros(1))[0]
    assert 2800.0 < free < scenario.power.utility_limit_kw
    assert racks_kw(scenario, np.array([100.0]))[0] == pytest.approx(free - 97.5, abs=3.0)
    tight = replace(scenario, power=replace(scenario.power, ups_limit_kw=2000.0))
    assert 1960.0 < racks_kw(tight, np.zeros(1))[0] < 2000.0
