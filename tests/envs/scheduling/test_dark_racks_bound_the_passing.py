"""While a fault darkens every rack that could hold the first in the queue, it is passed only until it can be split."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.compiled import CompiledJobs, can_compile
from envs.scheduling.control_step import Jobs, Laws, decide, settle
from envs.scheduling.job_table import RUNNING, admit, empty_ledger, empty_table
from envs.scheduling.placement import fresh_racks
from envs.scheduling.queue_view import SEEN
from envs.scheduling.scheduler import plain_wishes
from envs.scheduling.waiting_line import Habits
from tests.envs.scheduling.test_scheduler import queue

RACKS, STEP_S, KINDS = np.array([16, 8, 8]), 300.0, 7
FIRST = {"accelerators": 12.0, "hours": 2.0, "submit_s": 1.0}
# a stream that the two small racks can just take: one of them is always held by a job that has begun an hour later
STREAM = [{"accelerators": 8.0, "hours": 2.0, "submit_s": 0.0}, {"accelerators": 8.0, "submit_s": 0.5}]
STREAM += [{"accelerators": 8.0, "hours": 2.0, "submit_s": 2.0 + k} for k in range(30)]
RULE = Habits(4, preempt=False, whole=JOB_RULES["whole_domain"].whole)


def start_of_the_first(habits: Habits, compiled: bool, dark_h: float = np.inf, hours: int = 24) -> tuple[float, int]:
    """When it starts [h], and on how many racks; infinite where it never did."""
    arrivals, laws = queue(*STREAM[:2], FIRST, *STREAM[2:]), Laws(habits, None, np.zeros(KINDS))
    own = CompiledJobs(40, RACKS, 1, KINDS, arrivals) if compiled else None
    jobs = own.jobs if own else Jobs(empty_table(40, RACKS, 1), empty_ledger(KINDS, 1), arrivals)
    admit(*jobs, 5.0)
    pace, seen = np.ones((KINDS, len(RACKS), 1)), np.zeros((len(SEEN), 1))
    for step in range(hours * 12):
        now_s = np.full(1, 10.0 + step * STEP_S)
        dark = np.array([[step * STEP_S < dark_h * 3600.0], [False], [False]])
        racks = fresh_racks(np.zeros(3, np.int64), 1)._replace(dark=dark)
        if own:
            own.decide(racks, plain_wishes(1), laws, now_s, STEP_S)
        else:
            decide(jobs, racks, plain_wishes(1), laws, now_s, STEP_S)
        runs = (jobs.table.state[:, 0] == RUNNING) & (jobs.table.facts.submit_s[:, 0] == FIRST["submit_s"])
        if runs.any():
            return step * STEP_S / 3600.0, int(jobs.table.span[runs, 0][0])
        settled = own.settle(pace, now_s, STEP_S, laws, seen) if own else settle(jobs, pace, now_s, STEP_S, laws)
        assert settled.shape == (1,)
    return np.inf, 0


NUMBA = pytest.param(True, marks=pytest.mark.skipif(not can_compile(), reason="numba is not installed"))


@pytest.mark.parametrize("compiled", [False, NUMBA])
@pytest.mark.parametrize("whole", [RULE.whole, np.inf])
def test_a_job_whose_racks_are_all_dark_starts_split_when_enough_comes_free(whole: float, compiled: bool) -> None:
    # the two that run end after one hour and two; who passes must be gone by then, and none of two hours is
    assert start_of_the_first(RULE._replace(whole=whole), compiled) == (2.0, 2)


@pytest.mark.parametrize("compiled", [False, NUMBA])
def test_it_gets_its_rack_where_the_power_comes_back_first(compiled: bool) -> None:
    assert start_of_the_first(RULE, compiled, dark_h=1.5) == (1.5, 1)


@pytest.mark.parametrize("compiled", [False, NUMBA])
def test_who_reserves_nothing_is_passed_for_as_long_as_the_stream_lasts(compiled: bool) -> None:
    assert start_of_the_first(RULE._replace(reserve=False), compiled)[0] > 20.0
