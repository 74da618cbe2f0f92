"""Jobs in a core: the plant runs what the scheduler placed, the ledger closes, and pairs of episodes stay pairs."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import draw_plan
from envs.episodes.world import World
from envs.interface.channels import channels_of_kind
from envs.scenario import load
from envs.scheduling.compiled import can_compile
from envs.scheduling.curtailment import LoadTarget
from envs.scheduling.job_table import PAUSED, RUNNING, WAITING
from envs.signals.step import Outside

SITE = ("jobs={}", "site.workload_weeks=1", "site.workload_seeds=[0,1]")
HELD = (*channels_of_kind("jobs"), "crah_fan_speed_frac", "rack_power_limit_frac")
STEPS = 100


@cache
def world(overrides: tuple[str, ...]) -> World:
    return World.build(load("ai_hall", overrides))


def core(n: int, *overrides: str, dtype: str = "float32") -> DataCenterCore:
    return DataCenterCore("ai_hall", n, (*SITE, *overrides), HELD, world=world((*SITE, *overrides)), dtype=dtype)


def drawn(seed: int, n: int, size: int, steps: int = STEPS) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (steps, n, size))


def element(site: DataCenterCore, name: str) -> int:
    return next(k for k, known in enumerate(site.action_names) if known.startswith(name))


@pytest.mark.parametrize("overrides", [(), ("jobs.preempt=true", "jobs.deadline_stretch=2", "jobs.rule=edf")])
def test_asked_is_done_redone_lost_or_waiting_in_every_step_whatever_is_decided(overrides: tuple[str, ...]) -> None:
    site = core(4, *overrides, "breaker.restart_s=600", "power.row_limit_kw=[660,660,150,42]")
    site.reset(seed=3)
    assert site.jobs is not None
    for action in drawn(0, 4, site.action_size):
        site.step(action)
        assert np.abs(site.jobs.residual_h()).max() < 1e-9
        table = site.jobs.jobs.table
        assert (table.free >= 0).all()
        np.testing.assert_array_equal(table.held.sum(axis=0) + table.free, table.racks[:, None] + np.zeros(4, int))
    assert site.jobs.jobs.ledger.done.sum() > 0.0
    assert site.jobs.jobs.ledger.lost.sum() > 0.0 or not overrides


def test_flows_and_sums_say_what_the_jobs_ledger_says() -> None:
    site, plain = core(3, dtype="float64"), load("ai_hall", SITE)
    site.reset(seed=1)
    assert site.jobs is not None
    scheduled = sum(g.count for g in plain.racks.values() if g.workload == "shared")
    assert (site.jobs.racks > 0).sum() == scheduled
    begun = np.stack(site.jobs.jobs.ledger)
    waits = site.jobs.jobs.ledger.asked.copy()
    for action in drawn(1, 3, site.action_size, 40):
        site.step(action)
        frontier = site.scenario.racks["r1"].count * 72 * site.step_s / 3600.0
        flows = site.flows
        assert (flows.work_done[1] <= flows.work_demanded[1] + waits[1] + 1e-9).all()  # fine-tuning is of jobs alone
        closes = flows.work_demanded[1] + waits[1] - flows.work_done[1] - flows.work_lost[1] - flows.backlog[1]
        np.testing.assert_allclose(closes, 0.0, atol=1e-9)
        assert (flows.work_done[0] <= frontier + 160 * site.step_s / 3600.0).all()
        waits = flows.backlog.copy()
    asked, done, redone, lost = np.stack(site.jobs.jobs.ledger) - begun
    assert (done.sum(axis=0) > 0.0).all() and (np.abs(asked - redone) > 0.0).any() and (lost >= 0.0).all()


def test_racks_draw_power_for_the_jobs_that_run_on_them_and_idle_without() -> None:
    site = core(2)
    site.reset(seed=5)
    assert site.jobs is not None
    stop = np.zeros((2, site.action_size))
    stop[:, element(site, "job_admission_frac")] = -1.0
    for _ in range(STEPS):
        site.step(stop)
    racks, held = site.jobs.racks > 0, site.jobs.jobs.table.held.sum(axis=0) > 0
    power = site.flows.rack_power_kw
    for b in range(2):
        busy, idle = (power[racks & held[:, b], b], power[racks & ~held[:, b], b])
        assert idle.size and idle.max() < 14.0
        assert not busy.size or busy.max() > idle.max()


def test_caps_slow_jobs_down_and_more_work_waits() -> None:
    done = []
    for limit in (1.0, -1.0):
        site = core(4)
        site.reset(seed=2)
        action = np.zeros((4, site.action_size))
        for name in ("rack_power_limit_frac", "class_power_limit_frac"):
            first = element(site, name)
            rows = sum(known.startswith(name) for known in site.action_names)
            action[:, first : first + rows] = limit
        action[:, element(site, "job_admission_frac")] = 1.0
        action[:, element(site, "job_pause_frac")] = -1.0
        for _ in range(40):
            site.step(action)
        assert site.jobs is not None
        done.append(site.jobs.jobs.ledger.done.sum())
    assert done[1] < 0.9 * done[0]


def test_a_limit_by_class_slows_its_own_class_alone() -> None:
    paces = []
    for row, limit in ((0, -1.0), (1, -1.0), (0, 1.0)):
        site = core(2)
        site.reset(seed=2)
        action = np.ones((2, site.action_size))
        action[:, element(site, "job_pause_frac")] = -1.0
        action[:, element(site, "class_power_limit_frac") + row] = limit
        for _ in range(5):
            site.step(action)
        assert site.state is not None and site.state.pace is not None
        pace = site.state.pace
        frontier = pace[0, :5].mean()  # racks of pretraining alone
        paces.append(frontier)
    assert paces[0] < 0.95 * paces[2] and paces[1] == pytest.approx(paces[2])


def test_paused_and_waiting_jobs_do_no_work() -> None:
    site = core(3)
    site.reset(seed=4)
    action = np.zeros((3, site.action_size))
    action[:, element(site, "job_pause_frac")] = 1.0
    for _ in range(10):
        assert site.jobs is not None
        site.step(action)
    table = site.jobs.jobs.table
    assert (table.state == PAUSED).any()
    before, still = table.left_h.copy(), table.state == PAUSED
    asked = table.facts.submit_s.copy()
    site.step(action)
    after = site.jobs.jobs.table
    same = still & (after.state == PAUSED) & (asked == after.facts.submit_s)
    assert same.any()
    np.testing.assert_array_equal(after.left_h[same], before[same])


def test_pairs_of_episodes_meet_the_same_jobs_under_any_policy() -> None:
    ledgers = []
    for seed in (0, 1):
        site = core(3)
        site.reset(seed=7)
        for action in drawn(seed, 3, site.action_size, 60):
            site.step(action)
        assert site.jobs is not None
        ledger = site.jobs.jobs.ledger
        ledgers.append((ledger.asked - ledger.redone, ledger.done, site.jobs.jobs.arrivals.taken.copy()))
    np.testing.assert_allclose(ledgers[0][0], ledgers[1][0], rtol=1e-12)
    np.testing.assert_array_equal(ledgers[0][2], ledgers[1][2])
    assert (ledgers[0][1] != ledgers[1][1]).any()


def test_a_site_has_the_same_jobs_in_any_batch() -> None:
    many, one = core(3), core(1)
    many.reset(seed=11)
    seen = one.reset(seed=12)
    for action in drawn(3, 3, many.action_size, 50):
        batch, _, _, _ = many.step(action)
        seen, _, _, _ = one.step(action[1:2])
        np.testing.assert_allclose(batch[1], seen[0], atol=1e-5)
        assert many.jobs is not None and one.jobs is not None
        np.testing.assert_array_equal(many.jobs.jobs.table.held[:, :, 1], one.jobs.jobs.table.held[:, :, 0])


def test_a_core_goes_on_from_a_saved_state_bit_for_bit() -> None:
    first, again = core(2), core(2)
    first.reset(seed=1)
    actions = drawn(5, 2, first.action_size, 60)
    for action in actions[:30]:
        first.step(action)
    saved = first.save_state()
    again.load_state(saved)
    for action in actions[30:]:
        a, b = first.step(action), again.step(action)
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_a_copy_of_a_core_goes_on_as_the_core_does() -> None:
    first = core(2)
    first.reset(seed=1)
    actions = drawn(5, 2, first.action_size, 60)
    for action in actions[:30]:
        first.step(action)
    again = deepcopy(first)
    for action in actions[30:]:
        a, b = first.step(action), again.step(action)
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    assert first.jobs is not None and again.jobs is not None
    np.testing.assert_array_equal(first.jobs.jobs.table.held, again.jobs.jobs.table.held)
    np.testing.assert_array_equal(first.jobs.jobs.ledger, again.jobs.jobs.ledger)


def test_episodes_that_begin_leave_the_others_jobs_as_they_are() -> None:
    site = core(3)
    site.reset(seed=1)
    for action in drawn(6, 3, site.action_size, 20):
        site.step(action)
    assert site.jobs is not None
    held = site.jobs.jobs.table.held.copy()
    done = site.jobs.jobs.ledger.done.copy()
    site.reset(np.array([False, True, False]))
    np.testing.assert_array_equal(site.jobs.jobs.table.held[:, :, [0, 2]], held[:, :, [0, 2]])
    np.testing.assert_array_equal(site.jobs.jobs.ledger.done[:, [0, 2]], done[:, [0, 2]])
    assert (site.jobs.jobs.ledger.done[:, 1] == 0.0).all() and np.abs(site.jobs.residual_h()).max() < 1e-9


def test_an_episode_begins_with_the_jobs_that_the_generator_s_scheduler_ran() -> None:
    site = core(6)
    site.reset(seed=0)
    assert site.jobs is not None and site.world.jobs is not None
    table, pool = site.jobs.jobs.table, site.world.jobs
    for b in range(6):
        of, now = site.plan.load[b], site.jobs.now_s[b]
        runs = (pool.start_s[:, of] <= now) & (pool.end_s[:, of] > now)
        assert (table.state[:, b] == RUNNING).sum() == runs.sum()
        waits = (pool.arrivals.facts.submit_s[:, of] <= now) & (pool.start_s[:, of] > now)
        assert (table.state[:, b] == WAITING).sum() == min(waits.sum(), len(table.state) - runs.sum())
        left = (pool.end_s[runs, of] - now) * pool.arrivals.facts.accelerators[runs, of] / 3600.0
        assert table.left_h[table.state[:, b] == RUNNING, b].sum() == pytest.approx(left.sum())


def test_the_queue_is_observed_as_it_is_at_the_end_of_the_step() -> None:
    site = core(2)
    site.reset(seed=0)
    assert site.jobs is not None
    at = site.observation_names.index("job_running_share")
    for action in drawn(8, 2, site.action_size, 20):
        seen, _, _, _ = site.step(action)
        table = site.jobs.jobs.table
        runs = (table.state == RUNNING) & (table.restart_left_s <= 0.0)
        share = np.where(runs, table.facts.accelerators, 0.0).sum(axis=0) / table.racks.sum()
        np.testing.assert_allclose(seen[:, at], 2.0 * share - 1.0, atol=1e-6)
        np.testing.assert_allclose(site.measurements()["job_running_share"][0], share, atol=1e-6)


def test_a_site_without_jobs_knows_nothing_of_them() -> None:
    plain = DataCenterCore("ai_hall", 1, ("site.workload_weeks=1",))
    plain.reset(seed=0)
    plain.step(np.zeros((1, plain.action_size)))
    assert plain.jobs is None and plain.state is not None and plain.state.pace is None and plain.world.jobs is None
    assert not [name for name in (*plain.observation_names, *plain.action_names) if "job" in name]


@pytest.mark.skipif(not can_compile(), reason="numba is not installed")
def test_machine_code_starts_the_others_jobs_though_an_episode_has_just_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envs.episodes.hall_jobs.chosen_engine", lambda: "llvm")
    n, held = 64, []
    for begins in (False, True):
        site = core(n)
        assert site.jobs is not None and site.jobs.compiled is not None
        site.reset(seed=3)
        admission = element(site, "job_admission_frac")
        for t in range(24):
            if t == 20 and begins:
                site.reset(np.arange(n) == n - 1)
            action = np.zeros((n, site.action_size))
            action[:, admission] = 1.0 if t >= 20 else -0.6
            site.step(action)
        held.append(site.jobs.jobs.table.held[:, :, : n - 1].copy())
    np.testing.assert_array_equal(*held)


@pytest.mark.skipif(not can_compile(), reason="numba is not installed")
@pytest.mark.parametrize("overrides", [(), ("jobs.preempt=true", "jobs.deadline_stretch=2", "jobs.rule=edf")])
def test_machine_code_decides_as_the_array_functions(
    monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...]
) -> None:
    slow = core(4, *overrides)
    monkeypatch.setattr("envs.episodes.hall_jobs.chosen_engine", lambda: "llvm")
    fast = core(4, *overrides)
    monkeypatch.undo()
    assert slow.jobs is not None and fast.jobs is not None
    assert slow.jobs.compiled is None and fast.jobs.compiled is not None
    slow.reset(seed=9)
    fast.reset(seed=9)
    for t, action in enumerate(drawn(9, 4, slow.action_size, 150)):
        if t == 120:
            for site in (slow, fast):
                now_kw = slow.flows.grid_power_kw
                assert site.jobs is not None
                site.jobs.hold(LoadTarget(0.9 * now_kw, np.zeros(4), np.full(4, 6000.0), now_kw))
        a, b = slow.step(action), fast.step(action)
        np.testing.assert_array_equal(slow.jobs.jobs.table.held, fast.jobs.jobs.table.held)
        np.testing.assert_array_equal(slow.jobs.jobs.table.state, fast.jobs.jobs.table.state)
        np.testing.assert_allclose(slow.jobs.jobs.ledger.done, fast.jobs.jobs.ledger.done, rtol=1e-6)
        np.testing.assert_allclose(a[0], b[0], atol=1e-5)


def test_an_announced_event_is_observed_before_it_begins_and_until_it_ends() -> None:
    site = core(1, "site.demand_response_per_year=365")
    seen = {name: site.observation_names.index(name) for name in ("dr_announced_frac", "dr_starts_in_h", "dr_active")}
    active = site.world.site_pool[:, Outside._fields.index("dr_active")]
    begins = np.flatnonzero(np.diff(active[:20_000]) > 0.0)[0] + 1
    plan = draw_plan(site.scenario, site.world, [np.random.default_rng(0)], np.zeros(1, np.int64))
    site.reset(plan=plan._replace(site=np.zeros(1, np.int64), site_start=np.array([begins - 2])))
    announced = [site.step(np.zeros((1, site.action_size)))[0][0] for _ in range(2)]
    before, after = ({name: float(row[k]) for name, k in seen.items()} for row in announced)
    assert before["dr_announced_frac"] > -1.0 and before["dr_starts_in_h"] == pytest.approx(1.0 / 12.0 - 1.0, abs=1e-5)
    assert before["dr_active"] == -1.0 and after["dr_active"] == 1.0 and after["dr_announced_frac"] == -1.0
