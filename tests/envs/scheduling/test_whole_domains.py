"""A job that one rack can hold waits for it, unless being split costs it less; its rack is kept meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scheduling.compiled import CompiledJobs, can_compile
from envs.scheduling.control_step import Laws, decide, settle
from envs.scheduling.job_table import RUNNING, admit, empty_ledger, empty_table
from envs.scheduling.order import LEADS, Order
from envs.scheduling.placement import fresh_racks
from envs.scheduling.queue_view import SEEN
from envs.scheduling.scheduler import plain_wishes, schedule
from envs.scheduling.waiting_line import Habits
from tests.envs.scheduling.test_honesty import KINDS, begun, scores
from tests.envs.scheduling.test_honesty import RACKS as HALL
from tests.envs.scheduling.test_scheduler import queue

RACKS = [8, 8]
ALWAYS = Habits(starts=1, whole=np.inf)


def spans(jobs: tuple[dict[str, float], ...], habits: Habits, rounds: int) -> dict[float, int]:
    """Racks of the jobs that run after some rounds of one start each in which no work is done, by submission."""
    arrivals = queue(*jobs)
    table, ledger = empty_table(12, np.array(RACKS), 1), empty_ledger(7, 1)
    for _ in range(rounds):
        admit(table, ledger, arrivals, 10.0)
        schedule(table, ledger, fresh_racks(np.zeros(2, np.int64), 1), plain_wishes(1), 10.0, habits)
    runs = table.state[:, 0] == RUNNING
    return dict(zip(table.facts.submit_s[runs, 0].tolist(), table.span[runs, 0].tolist()))


BUSY = (  # five of each rack are held, for an hour and for ten
    {"accelerators": 5.0, "hours": 1.0, "submit_s": 0.0},
    {"accelerators": 5.0, "hours": 10.0, "submit_s": 1.0},
)


def test_a_job_waits_where_it_would_be_split_though_there_is_room() -> None:
    jobs = (*BUSY, {"accelerators": 6.0, "hours": 2.0, "submit_s": 2.0})
    assert spans(jobs, Habits(starts=1), 3) == {0.0: 1, 1.0: 1, 2.0: 2}
    assert spans(jobs, ALWAYS, 3) == {0.0: 1, 1.0: 1}


@pytest.mark.parametrize(("whole", "hours", "starts"), [(0.4, 2.0, True), (0.6, 2.0, False), (0.4, 3.0, False)])
def test_it_is_split_after_all_where_its_rack_comes_too_late_for_what_it_needs(
    whole: float, hours: float, starts: bool
) -> None:
    jobs = (*BUSY, {"accelerators": 6.0, "hours": hours, "submit_s": 2.0})
    found = spans(jobs, Habits(starts=1, whole=whole), 3)
    assert (2.0 in found) is starts and found.get(2.0, 2) == 2


def test_a_job_that_no_rack_can_hold_is_split_at_once() -> None:
    assert spans(({"accelerators": 10.0, "hours": 1.0, "submit_s": 0.0},), ALWAYS, 1) == {0.0: 2}


def test_the_rack_that_comes_first_is_kept_from_jobs_that_last_longer() -> None:
    first = {"accelerators": 6.0, "hours": 2.0, "submit_s": 2.0}
    long, short = ({"accelerators": 3.0, "hours": h, "submit_s": 3.0 + h} for h in (5.0, 0.5))
    small = {"accelerators": 2.0, "hours": 0.9, "submit_s": 9.0}
    found = spans((*BUSY, first, long, {**long, "submit_s": 8.5}, short, small), ALWAYS, 8)
    assert (
        8.0 in found and 8.5 not in found
    )  # one long job takes the other rack; a second finds none beside the first's
    assert 3.5 in found and 9.0 not in found  # a short one may use the kept rack, and then it is full


def test_without_backfill_nobody_passes_the_job_that_waits_for_its_rack() -> None:
    jobs = (*BUSY, {"accelerators": 6.0, "hours": 2.0, "submit_s": 2.0}, {"accelerators": 1.0, "submit_s": 3.0})
    assert 3.0 not in spans(jobs, ALWAYS._replace(backfill=False), 5) and 3.0 in spans(jobs, ALWAYS, 5)


@pytest.mark.skipif(not can_compile(), reason="numba is not installed")
@pytest.mark.parametrize(
    "habits", [Habits(3, whole=0.3), Habits(2, preempt=False, whole=np.inf), Habits(3, True, False, whole=0.1)]
)
def test_machine_code_starts_the_same_jobs_on_the_same_racks(habits: Habits) -> None:
    sites, rng = 6, np.random.default_rng(5)
    slow, laws = begun(5, sites), Laws(habits, None, np.zeros(KINDS))
    fast = CompiledJobs(24, HALL, sites, KINDS, slow.arrivals._replace(taken=slow.arrivals.taken.copy()))
    admit(*slow, 0.0)
    admit(*fast.jobs, 0.0)
    seen, split = np.zeros((len(SEEN), sites)), 0
    for step in range(90):
        dark = rng.random((len(HALL), sites)) < 0.01
        order = Order(rng.choice([0.0, 6.0], (len(LEADS), sites)), rng.choice([-0.5, 0.0, 2.0], sites))
        wishes = plain_wishes(sites)._replace(admission=rng.choice([0.7, 1.0], sites), order=order)
        pace, now_s = rng.choice([0.5, 1.0], (KINDS, len(HALL), sites)), np.full(sites, step * 300.0)
        racks = scores(sites)._replace(dark=dark)
        decide(slow, racks, wishes, laws, now_s, 300.0)
        fast.decide(racks, wishes, laws, now_s, 300.0)
        np.testing.assert_array_equal(slow.table.held, fast.jobs.table.held)
        split += int((slow.table.span > 1).sum())
        settle(slow, pace, now_s, 300.0, laws)
        fast.settle(pace, now_s, 300.0, laws, seen)
    assert split and (slow.ledger.done > 0.0).all()
