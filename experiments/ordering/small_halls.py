"""Small halls with a few jobs, drawn by chance, on which the exact answer can be had: what the scheduler makes of them.

Time is counted in control steps; jobs come, start and are told at their ends. A job that one rack holds runs at full
speed there; split it runs at its class's speed, whoever else is on the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from envs.equipment.rack_archetypes import HGX_AIR
from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.control_step import Jobs, Laws, admit, decide, settle
from envs.scheduling.job_table import EMPTY, Arrivals, Facts, Floats, Ints, empty_ledger, empty_table
from envs.scheduling.network import network
from envs.scheduling.placement import fresh_racks
from envs.scheduling.scheduler import plain_wishes
from envs.scheduling.waiting_line import Habits
from experiments.ordering.known_jobs import HOUR_S, KnownJobs, known_jobs
from experiments.ordering.least_power import RackPool

if TYPE_CHECKING:
    from experiments.ordering.orders import Order

STEP_S = 900.0
SPLIT_TENTHS = (5, 8)  # speed of a split job by class, in tenths
HOME_OVER_OUT = 18.0


class SmallHall(NamedTuple):
    """A hall and its jobs.

    Attributes
    ----------
    racks : ndarray of int (R,)
        Accelerators of each.
    kind, accelerators, lasts, release : ndarray of int (N,)
        Of the jobs: class, size, steps at full speed, step from which they may start; by release, rising.
    steps : int
        Horizon.
    """

    racks: Ints
    kind: Ints
    accelerators: Ints
    lasts: Ints
    release: Ints
    steps: int


def drawn_hall(rng: np.random.Generator, racks: int, jobs: int, steps: int = 24) -> SmallHall:
    """A hall of racks with 4 or 8 accelerators, and jobs of up to all of them, more than it can do."""
    size = rng.choice([4, 8], racks)
    total = int(size.sum())
    accelerators = np.minimum(rng.choice([1, 2, 3, 4, 6, 8, 12, 16], jobs, p=_SIZES), total)
    lasts = rng.integers(1, steps // 2 + 1, jobs)
    release = np.sort(np.where(rng.random(jobs) < 0.4, 0, rng.integers(0, steps // 2, jobs)))
    return SmallHall(size, rng.integers(0, 2, jobs), accelerators, lasts, release, steps)


_SIZES = (0.15, 0.15, 0.1, 0.2, 0.15, 0.15, 0.05, 0.05)


def small_laws(hall: SmallHall, rule: str) -> Laws:
    """How jobs run there under one of `envs.scenario.jobs_config.JOB_RULES`, on one leaf that is not oversubscribed."""
    leaf = np.zeros(len(hall.racks), np.int64)
    net = network(hall.racks, leaf, np.zeros(1, np.int64), (1.0, 1.0, 1.0), HOME_OVER_OUT, 1.0)
    exposed = np.array([(10.0 / tenths - 1.0) / (HOME_OVER_OUT - 1.0) for tenths in SPLIT_TENTHS])
    r = JOB_RULES[rule]
    habits = Habits(len(hall.kind), r.backfill, r.reserve, False, r.by_deadline, r.whole)
    return Laws(habits, net, exposed)


def beginning(hall: SmallHall) -> Jobs:
    """The hall before anything has come."""
    count = len(hall.kind)
    column: Floats = np.ones((count, 1))
    facts = Facts(
        kind=hall.kind[:, None].astype(np.int64),
        accelerators=hall.accelerators[:, None].astype(np.float64),
        work_h=column * (hall.accelerators * hall.lasts * (STEP_S / HOUR_S))[:, None],
        submit_s=column * STEP_S * hall.release[:, None],
        deadline_s=np.inf * column,
        priority=0.0 * column,
        tier=np.ones((count, 1), np.int64),
        checkpoint_s=np.inf * column,
        restart_s=0.0 * column,
        activity=1.0 * column,
    )
    arrivals = Arrivals(facts, np.zeros(1, np.int64), np.zeros(1, np.int64))
    return Jobs(empty_table(count, hall.racks, 1), empty_ledger(2, 1), arrivals)


def known_of(hall: SmallHall) -> KnownJobs:
    """All its jobs, to somebody who knows the future."""
    return known_jobs(beginning(hall), 0, 0.0, hall.steps * STEP_S / HOUR_S)


def played(hall: SmallHall, rule: str, order: Order | None = None) -> float:
    """Work that the real scheduler does until the horizon [accelerator steps].

    Parameters
    ----------
    hall : SmallHall
    rule : str
    order : callable, optional
        Priorities of the table's jobs, asked before each step; None: the rule's own order.
    """
    jobs, laws = beginning(hall), small_laws(hall, rule)
    racks, wishes = fresh_racks(np.zeros(len(hall.racks), np.int64), 1), plain_wishes(1)
    pace = np.ones((2, len(hall.racks), 1))
    now_s = np.zeros(1)
    admit(*jobs, now_s)
    for _ in range(hall.steps):
        if order is not None:
            table = jobs.table
            table.facts.priority[...] = np.where(table.state == EMPTY, 0.0, order(table, now_s))
        decide(jobs, racks, wishes, laws, now_s, STEP_S)
        settle(jobs, pace, now_s, STEP_S, laws)
        now_s = now_s + STEP_S
    return float(jobs.ledger.done.sum()) * HOUR_S / STEP_S


def small_pools(hall: SmallHall) -> tuple[RackPool, ...]:
    """Its racks by size, the largest first; of a kind whose power nobody asks."""
    sizes, counts = np.unique(hall.racks, return_counts=True)
    return tuple(RackPool(int(s), int(c), HGX_AIR) for s, c in zip(sizes[::-1], counts[::-1]))
