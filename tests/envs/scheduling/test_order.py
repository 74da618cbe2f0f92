"""The order of a queue: the rule's own at 0, hours ahead by size, length and deadline, and nobody starves."""

from __future__ import annotations

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scheduling.job_table import WAITING, JobTable, empty_ledger, empty_table
from envs.scheduling.order import LEADS, Order, lead_s, passed_until_s, plain_order
from envs.scheduling.placement import fresh_racks
from envs.scheduling.scheduler import Habits, plain_wishes, queued, schedule

HOUR = 3600.0
ORDER = ("order_small_h", "order_short_h", "order_urgent_h", "backfill_grace_h")


def waiting(*jobs: dict[str, float], racks: tuple[int, ...] = (8, 8)) -> JobTable:
    """A site in which these jobs wait: an hour on 8 accelerators, without a deadline, where nothing else is said."""
    table = empty_table(len(jobs), np.array(racks), 1)
    for j, job in enumerate(jobs):
        told = {"accelerators": 8.0, "hours": 1.0, "submit_s": 0.0, "deadline_s": np.inf, **job}
        table.left_h[j] = told["accelerators"] * told.pop("hours")
        for name, value in told.items():
            getattr(table.facts, name)[j] = value
    table.state[:] = WAITING
    return table


def order(small: float = 0.0, short: float = 0.0, urgent: float = 0.0, grace: float = 0.0) -> Order:
    return Order(np.array([[small], [short], [urgent]]), np.array([grace]))


def started(table: JobTable, asked: Order, now_s: float = 0.0, habits: Habits | None = None) -> list[bool]:
    wishes = plain_wishes(1)._replace(order=asked)
    schedule(table, empty_ledger(1, 1), fresh_racks(np.zeros(len(table.racks), int), 1), wishes, now_s, habits)
    return [bool(x) for x in table.state[:, 0] != WAITING]


@pytest.mark.parametrize("by_deadline", [False, True])
def test_an_order_of_zeros_is_the_rules_own_to_the_bit(by_deadline: bool) -> None:
    rng = np.random.default_rng(0)
    table = empty_table(40, np.array([8, 72]), 3)
    facts, shape = table.facts, (40, 3)
    facts.submit_s[:] = rng.choice(rng.uniform(0.0, 1e6, 12), shape)  # many came in the same second
    facts.deadline_s[:] = np.where(rng.random(shape) < 0.5, facts.submit_s + rng.uniform(0.0, 1e5, shape), np.inf)
    facts.priority[:], facts.accelerators[:] = rng.integers(0, 2, shape), rng.integers(1, 60, shape)
    table.left_h[:], table.state[:] = rng.uniform(0.1, 99.0, shape), np.where(rng.random(shape) < 0.8, WAITING, 0)
    queue = queued(table, plain_order(3), by_deadline)
    slot, site = np.nonzero(table.state == WAITING)
    due = facts.deadline_s[slot, site] if by_deadline else np.zeros(len(slot))
    rows = np.lexsort((facts.submit_s[slot, site], due, -facts.priority[slot, site], site))
    np.testing.assert_array_equal(queue.slot, slot[rows])
    np.testing.assert_array_equal(queue.site, site[rows])


@pytest.mark.parametrize(("name", "job", "share"), [
    ("small", {"accelerators": 8.0}, 0.5),
    ("small", {"accelerators": 24.0}, 0.25),
    ("short", {"hours": 1.0}, 0.5),
    ("short", {"hours": 3.0}, 0.25),
    ("urgent", {"deadline_s": 13.0 * HOUR}, 0.5),
    ("urgent", {"deadline_s": 0.5 * HOUR}, 1.0),
    ("urgent", {}, 0.0),
])  # fmt: skip
def test_a_lead_is_the_share_of_its_hours_that_the_page_gives(name: str, job: dict[str, float], share: float) -> None:
    table = waiting(job)
    facts, hours = table.facts, order(**{name: 10.0}).lead_h
    need = facts.accelerators[:, 0]
    found = lead_s(hours, need, table.left_h[:, 0] * HOUR / need, facts.submit_s[:, 0], facts.deadline_s[:, 0], 8.0)
    assert found == pytest.approx([share * 10.0 * HOUR])


@pytest.mark.parametrize(("later_h", "passes"), [(1.9, True), (2.1, False)])
def test_who_comes_later_passes_by_its_lead_and_not_by_more(later_h: float, passes: bool) -> None:
    # of 8 accelerators and of 24: leads of 4 and 2 of 8 hours
    table = waiting({"accelerators": 24.0}, {"accelerators": 8.0, "submit_s": later_h * HOUR})
    assert list(queued(table, order(small=8.0)).slot) == ([1, 0] if passes else [0, 1])


def test_who_comes_later_than_the_widest_lead_passes_nobody_whatever_is_asked() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        lead = rng.uniform(-24.0, 24.0, 3)
        span_s = np.abs(lead).sum() * HOUR
        jobs = [{"accelerators": float(rng.integers(1, 500)), "hours": rng.uniform(0.1, 50.0)} for _ in range(2)]
        jobs[1]["submit_s"], jobs[1]["deadline_s"] = span_s + 1.0, span_s + rng.uniform(0.0, 1e6)
        assert list(queued(waiting(*jobs), order(*lead)).slot) == [0, 1]


def test_a_day_for_the_urgent_is_the_order_of_least_slack() -> None:
    rng = np.random.default_rng(2)
    hours, submit, slack = rng.uniform(0.5, 4.0, 9), rng.uniform(0.0, 4.0, 9) * HOUR, rng.uniform(0.0, 23.0, 9) * HOUR
    jobs = [{"hours": h, "submit_s": s, "deadline_s": s + h * HOUR + left} for h, s, left in zip(hours, submit, slack)]
    np.testing.assert_array_equal(queued(waiting(*jobs), order(urgent=24.0)).slot, np.argsort(submit + slack))


def blocked(hours: float) -> JobTable:
    """8 of 16 accelerators run for two hours more, the first asks all, the second asks 4 for so many hours."""
    table = waiting({"hours": 2.0}, {"accelerators": 16.0, "submit_s": 1.0}, {"accelerators": 4.0, "hours": hours})
    table.facts.submit_s[2] = 2.0
    assert started(table, order(), habits=Habits(starts=1)) == [True, False, False]
    return table


@pytest.mark.parametrize(
    ("hours", "grace", "now_h", "passes"),
    [
        (1.9, 0.0, 0.0, True),  # gone when the first can start
        (2.5, 0.0, 0.0, False),
        (2.5, 3.0, 0.1, True),  # gone three hours after the first came
        (3.5, 3.0, 0.1, False),
        (2.5, 3.0, 1.0, False),  # it would stay too long now
        (1.9, -1.0, 0.0, False),  # it must end an hour before
        (0.9, -1.0, 0.0, True),
    ],
)
def test_the_first_may_be_passed_within_its_grace_and_not_beyond(
    hours: float, grace: float, now_h: float, passes: bool
) -> None:
    assert started(blocked(hours), order(grace=grace), now_h * HOUR)[2] == passes


def test_without_a_grace_there_is_no_moment_until_which_the_first_may_be_passed() -> None:
    assert passed_until_s(np.array([-1.0, 0.0, 2.0]), np.zeros(3), HOUR).tolist() == [-np.inf, -np.inf, HOUR]


@pytest.mark.parametrize("rule", ["slurm_block", "edf"])
def test_an_agent_that_asks_for_nothing_gets_the_scenarios_rule_to_the_bit(rule: str) -> None:
    overrides = ("jobs={}", f"jobs.rule={rule}", "jobs.occupancy=1.2", "site.workload_weeks=1")
    agent, alone = (DataCenterCore("ai_hall", 3, overrides, ORDER) for _ in range(2))
    agent.reset(seed=4)
    alone.reset(seed=4)
    assert agent.jobs is not None and alone.jobs is not None
    for _ in range(40):
        agent.step(np.zeros((3, agent.action_size)))
        alone.step_setpoints({})
        np.testing.assert_array_equal(agent.jobs.jobs.table.held, alone.jobs.jobs.table.held)
        np.testing.assert_array_equal(agent.jobs.jobs.ledger.done, alone.jobs.jobs.ledger.done)


def test_an_agent_that_asks_for_small_jobs_first_lets_them_wait_less_and_large_ones_more() -> None:
    waits = []
    for asked in (0.0, 1.0):
        core = DataCenterCore("ai_hall", 4, ("jobs={}", "jobs.occupancy=1.2", "site.workload_weeks=1"), ORDER)
        core.reset(seed=4)
        action = np.zeros((4, core.action_size))
        action[:, 0] = asked
        assert core.jobs is not None
        for _ in range(120):
            core.step(action)
        table = core.jobs.jobs.table
        sizes = np.where(table.state == WAITING, table.facts.accelerators, 0.0)
        waits.append(((sizes > 0.0).sum(), sizes.sum() / (sizes > 0.0).sum()))
    (plain, mean), (fewer, larger) = waits
    assert fewer < plain and larger > mean


def test_every_lead_has_its_channel() -> None:
    assert tuple(f"order_{name}_h" for name in LEADS) == ORDER[:3]
