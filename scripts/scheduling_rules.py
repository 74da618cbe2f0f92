"""Rules of the scheduler on the generator's shared jobs: waiting and use; ``python -m scripts.scheduling_rules``."""

from __future__ import annotations

import sys
from functools import partial
from typing import NamedTuple

import numpy as np

from envs.scheduling.arrivals import job_arrivals
from envs.scheduling.control_step import Jobs, Laws, advance
from envs.scheduling.job_table import RUNNING, WAITING, Floats, empty_ledger, empty_table
from envs.scheduling.placement import fresh_racks
from envs.scheduling.scheduler import plain_wishes
from envs.scheduling.waiting_line import Habits
from envs.signals.workload.jobs import shared_jobs
from envs.signals.workload.partitions import Partition
from envs.signals.workload.workload import CLASSES, random_stream

RACKS = np.full(5, 32)
PARTITION = Partition("shared", tuple(range(5)), 32)
SLOTS = 256
STEP_S = 120.0
WARM_UP_DAYS, DAYS = 3, 14
RULES = {
    "first in, first out": Habits(starts=8, backfill=False, preempt=False),
    "passing who does not fit": Habits(starts=8, reserve=False, preempt=False),
    "backfill with a reservation": Habits(starts=8, preempt=False),
}


class Waited(NamedTuple):
    """How long jobs waited [s], their accelerators, and the share of accelerators that ran."""

    wait_s: Floats
    accelerators: Floats
    use: float


def played(habits: Habits, sites: int, seed: int = 0) -> Waited:
    """The same jobs under one rule, after a warm-up."""
    lists = [
        shared_jobs(partial(random_stream, seed + k, PARTITION), 24 * (WARM_UP_DAYS + DAYS), 160, PARTITION.occupancy)
        for k in range(sites)
    ]
    kinds = len(CLASSES)
    jobs = Jobs(empty_table(SLOTS, RACKS, sites), empty_ledger(kinds, sites), job_arrivals(lists))
    pace, racks = np.ones((kinds, len(RACKS), sites)), fresh_racks(np.zeros(5, np.int64), sites)
    waited: list[tuple[Floats, Floats]] = []
    use, wishes = [], plain_wishes(sites)
    for step in range(round((WARM_UP_DAYS + DAYS) * 86_400.0 / STEP_S)):
        before = jobs.table.state == WAITING, jobs.table.facts.submit_s.copy()
        now_s = step * STEP_S
        advance(jobs, racks, wishes, pace, now_s, STEP_S, Laws(habits, None, np.zeros(kinds)))
        if now_s >= WARM_UP_DAYS * 86_400.0:
            same = before[1] == jobs.table.facts.submit_s
            started = (jobs.table.state == RUNNING) & (~same | before[0])
            waited.append((now_s - jobs.table.facts.submit_s[started], jobs.table.facts.accelerators[started]))
            use.append(jobs.table.taken.mean() / RACKS.sum())
    wait_s, accelerators = (np.concatenate(column) for column in zip(*waited))
    return Waited(wait_s, accelerators, float(np.mean(use)))


def main(sites: int = 16) -> None:
    """Print the table."""
    print("| rule | use | mean wait s | median s | 95 % s | mean wait from 16 accelerators s |")
    print("|---|---|---|---|---|---|")
    for name, habits in RULES.items():
        found = played(habits, sites)
        wait, large = found.wait_s, found.wait_s[found.accelerators >= 16]
        numbers = [wait.mean(), np.median(wait), np.quantile(wait, 0.95), large.mean()]
        print(f"| {name} | {found.use:.2f} | " + " | ".join(f"{x:,.0f}" for x in numbers) + " |")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
