"""Orders of a queue: who goes first by each, in both engines, and what a search keeps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from agents.planners.tuning import rules_from
from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import load
from envs.scheduling.compiled import can_compile
from envs.scheduling.job_table import RUNNING, WAITING, JobTable, empty_table
from envs.scheduling.order import plain_order
from envs.scheduling.scheduler import queued
from experiments.ordering.known_jobs import HOUR_S, job_key, known_jobs
from experiments.ordering.order_search import SearchedOrder, day_of, scored, searched
from experiments.ordering.orders import Ordered, Ranked, earliest_deadline, least_slack, most_by, shortest_first

SITE = ("site.workload_weeks=1", "site.workload_seeds=[0]", "jobs={occupancy: 1.3}")
NOW = np.zeros(1)


@cache
def world() -> World:
    return World.build(load("ai_hall", SITE))


def hall(sites: int = 1) -> DataCenterCore:
    core = DataCenterCore("ai_hall", sites, SITE, world=world())
    core.reset(seed=3)
    return core


def queue() -> JobTable:
    """A long large job that came first, a short one with a late deadline, a middle one with an early deadline."""
    table = empty_table(3, np.array([8, 8]), 1)
    facts = table.facts
    facts.accelerators[:, 0], table.left_h[:, 0] = (16, 4, 8), (160, 4, 40)
    facts.submit_s[:, 0], facts.deadline_s[:, 0] = (0, 60, 120), (np.inf, 9 * HOUR_S, 8 * HOUR_S)
    table.state[:] = WAITING
    return table


@pytest.mark.parametrize(
    ("order", "who"),
    [
        (shortest_first, [1, 2, 0]),
        (earliest_deadline, [2, 1, 0]),
        (least_slack, [2, 1, 0]),
        (most_by(np.array([24 * HOUR_S])), [0, 2, 1]),
        (most_by(np.array([1.5 * HOUR_S])), [0, 2, 1]),
    ],
)
def test_each_order_puts_first_who_its_name_says(order, who: list[int]) -> None:
    table = queue()
    table.facts.priority[...] = order(table, NOW)
    assert list(queued(table, plain_order(1)).slot) == who


def test_slack_counts_what_a_job_still_needs_and_a_deadline_alone_does_not() -> None:
    table = queue()
    table.facts.deadline_s[1:, 0] = 9 * HOUR_S, 9.5 * HOUR_S
    assert earliest_deadline(table, NOW)[1, 0] > earliest_deadline(table, NOW)[2, 0]
    assert least_slack(table, NOW)[2, 0] > least_slack(table, NOW)[1, 0]


def test_a_rank_finds_its_job_wherever_it_stands_and_forgets_who_left() -> None:
    table = queue()
    ranks = [{job_key(table.facts, j, 0): float(j) for j in range(2)}]
    order = Ranked(ranks, unknown=-5.0)
    assert list(order(table, NOW)[:, 0]) == [0.0, 1.0, -5.0]
    for column in (*table.facts, table.left_h):
        column[0, 0] = column[1, 0]
    assert list(order(table, NOW)[:, 0]) == [1.0, 1.0, -5.0]


def played(engine: str, monkeypatch: pytest.MonkeyPatch, order=shortest_first, steps: int = 16) -> DataCenterCore:
    monkeypatch.setenv("COLDAISLE_ENGINE", engine)
    core = hall(2)
    policy = rules_from(core, {})
    policy = policy if order is None else Ordered(policy, core, order)
    policy.reset(2)
    for _ in range(steps):
        core.step_setpoints(policy.act(core.measurements()))
    return core


@pytest.mark.parametrize("priority", [1.0, np.zeros((3, 1)), np.full((128, 1), np.nan)])
def test_a_priority_of_another_shape_or_no_number_is_refused_and_changes_nothing(priority) -> None:
    core = hall()
    assert core.jobs is not None
    before = core.jobs.jobs.table.facts.priority.copy()
    with pytest.raises(ValueError, match=r"give finite numbers of shape \(J, B\) = \(128, 1\)"):
        core.jobs.prioritize(priority)
    np.testing.assert_array_equal(core.jobs.jobs.table.facts.priority, before)


@pytest.mark.skipif(not can_compile(), reason="needs the extra [jobs]")
def test_both_engines_start_the_same_jobs_in_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, compiled = (played(engine, monkeypatch).jobs for engine in ("numpy", "llvm"))
    usual = played("llvm", monkeypatch, None).jobs
    assert compiled.compiled is not None and plain.compiled is None
    np.testing.assert_array_equal(plain.jobs.table.state, compiled.jobs.table.state)
    np.testing.assert_array_equal(plain.jobs.table.facts.submit_s, compiled.jobs.table.facts.submit_s)
    assert np.abs(compiled.residual_h()).max() < 1e-9
    assert (usual.jobs.table.facts.submit_s != compiled.jobs.table.facts.submit_s).any()


def test_an_order_asks_for_jobs() -> None:
    core = DataCenterCore("edge_room", 1, ("site.workload_weeks=1", "site.workload_seeds=[0]"))
    with pytest.raises(ValueError, match="edge_room has no jobs"):
        Ordered(rules_from(core, {}), core, shortest_first)


def test_a_day_is_known_with_all_that_run_wait_and_come() -> None:
    core = hall()
    assert core.jobs is not None
    jobs, now_s = core.jobs.jobs, float(core.jobs.now_s[0])
    known = known_jobs(jobs, 0, now_s, 24.0)
    state = jobs.table.state[:, 0]
    assert known.runs.sum() == (state == RUNNING).sum()
    np.testing.assert_array_equal(known.held.sum(axis=1)[known.runs], known.accelerators[known.runs])
    come = jobs.arrivals.facts.submit_s[:, jobs.arrivals.of[0]]
    assert len(known.kind) == (state != 0).sum() + ((come > now_s) & (come < now_s + 86_400.0)).sum()
    assert (np.diff(known.release_h[(state != 0).sum() :]) >= 0.0).all() and known.release_h.max() < 24.0
    assert (known.part(~known.runs).left_h > 0.0).all()


def test_a_search_finds_who_must_go_first_and_never_loses_its_best() -> None:
    core = hall()
    assert core.jobs is not None
    day = day_of(known_jobs(core.jobs.jobs, 0, float(core.jobs.now_s[0]), 6.0))
    told: list[str] = []

    def play(order: SearchedOrder, copies: int) -> np.ndarray:
        """Best where the longest goes first, by far."""
        asked, longest = order.values[0] + 1e-9 * day.features[:, :1], day.features[:, 1]
        return np.array([[np.corrcoef(asked[:, c], longest)[0, 1]] for c in range(copies)])

    best = searched([day], play, 12, 3, told=told.append)
    assert play(SearchedOrder([day], best[None]), 1).item() == pytest.approx(1.0)
    assert len(told) == 3
    with pytest.raises(ValueError, match="at least 8 candidates"):
        searched([day], play, 3, 3)


def test_waiting_twice_as_long_costs_a_twentieth_of_the_work() -> None:
    found = scored(np.full((3, 1), 100.0), np.array([[600.0], [1200.0], [9e9]])[None].repeat(2, 0), np.zeros((2, 1)))
    assert found[:, 0] == pytest.approx([90.0, 90.0, 90.0])
    level = scored(np.full((1, 1), 100.0), np.full((2, 1, 1), 600.0), np.full((2, 1), 600.0))
    assert level.item() == pytest.approx(100.0)
