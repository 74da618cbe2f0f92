"""Machine code looks only at the racks that jobs may hold, and at when enough is free without sorting."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scheduling.compiled import CompiledJobs, can_compile
from envs.scheduling.control_step import Jobs, Laws, decide, settle
from envs.scheduling.job_table import admit, empty_ledger, empty_table
from envs.scheduling.network import network
from envs.scheduling.placement import fresh_racks
from envs.scheduling.queue_view import SEEN, queue_view
from envs.scheduling.records import empty_records
from envs.scheduling.scheduler import plain_wishes
from envs.scheduling.waiting_line import Habits
from tests.envs.scheduling.test_honesty import KINDS, begun

RACKS = np.array([0, 0, 8, 72, 0, 8, 16, 0, 0, 0])  # jobs may hold those from the third to the seventh
pytestmark = pytest.mark.skipif(not can_compile(), reason="numba is not installed")


def test_racks_that_no_job_may_hold_change_nothing_before_between_and_behind_the_others() -> None:
    sites, rng, leaf = 5, np.random.default_rng(2), np.arange(10) % 3
    laws = Laws(Habits(3), network(RACKS, leaf, np.zeros(3, np.int64)), np.full(KINDS, 0.3))
    arrivals = begun(3, sites).arrivals
    slow = Jobs(empty_table(24, RACKS, sites), empty_ledger(KINDS, sites), arrivals)
    fast = CompiledJobs(24, RACKS, sites, KINDS, arrivals._replace(taken=arrivals.taken.copy()))
    for jobs in (slow, fast.jobs):
        admit(*jobs, 0.0)
    seen, spans, dark_steps = np.zeros((len(SEEN), sites)), 0, 0
    for step in range(80):
        now_s, before = np.full(sites, step * 300.0), np.stack(slow.ledger)
        dark = rng.random((10, sites)) < (0.1 if step % 5 == 0 else 0.0)
        racks = fresh_racks(leaf, sites)._replace(dark=dark)
        wishes = plain_wishes(sites)._replace(pause=rng.choice([0.0, 0.0, 0.3], sites))
        pace = rng.choice([0.5, 1.0], (KINDS, 10, sites))
        activity, squares = decide(slow, racks, wishes, laws, now_s, 300.0)
        asks = fast.decide(racks, wishes, laws, now_s, 300.0)
        np.testing.assert_allclose(asks, [*activity, squares], atol=1e-6)
        spans += int((slow.table.span > 1).sum())
        dark_steps += int(dark[2:7].any())
        settle(slow, pace, now_s, 300.0, laws)
        fast.settle(pace, now_s, 300.0, laws, seen)
        for name in ("held", "state", "free", "span"):
            np.testing.assert_array_equal(getattr(slow.table, name), getattr(fast.jobs.table, name), name)
        np.testing.assert_allclose(seen, queue_view(slow.table, now_s + 300.0), atol=1e-9)
        asked, done, redone, lost = np.stack(slow.ledger) - before
        left = slow.ledger.asked - slow.ledger.done - slow.ledger.redone - slow.ledger.lost
        if step:  # the jobs that were let in before the first belong to no step of the slow one
            np.testing.assert_allclose(fast.rows, [asked - redone, done, lost, left], atol=1e-6)
    assert spans and dark_steps > 5 and (slow.ledger.done > 0.0).any()


@pytest.mark.parametrize("count", [1, 2, 9, 128])
def test_the_first_waits_until_the_end_that_a_sort_finds(count: int) -> None:
    from envs.scheduling.compiled_reservation import enough_from

    rng = np.random.default_rng(count)
    for _ in range(200):
        ends, sizes = rng.integers(0, 20, count).astype(np.float64), rng.integers(1, 9, count)
        there, need = float(rng.integers(0, 8)), float(rng.integers(8, 40))
        ranked = np.argsort(ends, kind="stable")
        free = there + np.cumsum(sizes[ranked])
        k = int(np.searchsorted(free, need))
        wanted = (ends[ranked][k], free[k] - need) if k < count else (np.inf, 0.0)
        assert enough_from(ends, sizes, count, there, need) == wanted


def test_machine_code_for_many_sites_serves_one_site_too() -> None:
    from numba import typeof

    one, many = (empty_records(24, RACKS, sites, KINDS) for sites in (1, 3))
    assert [typeof(part) for part in one] == [typeof(part) for part in many]
