"""Lists of jobs from which episodes draw: who comes when, and who ran where when an episode begins.

The generator's own scheduler (`place_jobs`) plays each list once. An episode that begins at a moment finds the jobs
that ran and waited then, and everything after it is the episode's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.arrivals import job_arrivals
from envs.scheduling.job_table import EMPTY, RUNNING, WAITING, Arrivals, Floats, Ints, JobTable, Ledger
from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log
from envs.signals.workload.job_logs import jobs_of_log
from envs.signals.workload.jobs import Jobs, shared_jobs
from envs.signals.workload.partitions import Partition
from envs.signals.workload.placement import Placement, place_jobs
from envs.signals.workload.profiles import SECONDS_PER_WEEK
from envs.signals.workload.workload import WARM_UP_WEEKS, random_stream
from envs.units import SECONDS_PER_DAY


class JobPool(NamedTuple):
    """L lists of jobs; second 0 is where the load pools begin.

    Attributes
    ----------
    arrivals : Arrivals
        With one site per list.
    start_s, end_s : ndarray (N, L)
        When the generator's scheduler ran them [s]; inf where a list has ended.
    placed : tuple of Placement
        Where, list by list; by job.
    covers_s : float
        From second 0 on, how long jobs come [s]; infinite where the lists can be made longer.
    """

    arrivals: Arrivals
    start_s: Floats
    end_s: Floats
    placed: tuple[Placement, ...]
    covers_s: float = np.inf


def logged_pool(path: Path, clock: SiteClock, lists: int, racks: Ints, stretch: float, rigid_frac: float) -> JobPool:
    """One job log, so many times over; what it has before its first Monday warms the hall up.

    Parameters
    ----------
    path : Path
    clock : SiteClock
        Of the site.
    lists : int
    racks, stretch, rigid_frac
        As in `generated_pool`; which jobs are rigid is drawn by list.

    Raises
    ------
    ValueError
        Where a job asks more than the racks have, the log ends before its first Monday, or it cannot be read.
    """
    log = read_job_log(path, clock)
    largest, there = int(log.accelerators.max()), int(racks.sum())
    if largest > there:
        raise ValueError(
            f"jobs.log = {path}: its largest job asks {largest} accelerators and the racks for jobs have {there}; give "
            "a larger hall, or leave such jobs out of the file"
        )
    zero_s = -log.week_start_s % SECONDS_PER_WEEK
    covers_s = float(log.submit_s[-1]) - zero_s
    if covers_s <= 0.0:
        raise ValueError(
            f"jobs.log = {path}: its {log.submit_s[-1] / SECONDS_PER_DAY:.1f} days end before their first Monday "
            "midnight, up to which they warm the hall up; give a longer log"
        )
    jobs = jobs_of_log(log)
    drawn = (np.random.default_rng([k, len(jobs.submit_s)]).random(len(jobs.submit_s)) for k in range(lists))
    rigid = [(x < rigid_frac) & (jobs.gpus <= racks.max()) for x in drawn]
    return pool_of([jobs] * lists, racks, zero_s, stretch, rigid)._replace(covers_s=covers_s)


def generated_pool(
    seeds: Sequence[int],
    racks: Ints,
    first_rack: int,
    weeks: int,
    occupancy: float,
    stretch: float,
    rigid_frac: float = 0.0,
) -> JobPool:
    """Lists of the workload generator, one for each seed, from the streams of its shared partitions.

    Parameters
    ----------
    seeds : sequence of int
    racks : ndarray of int (R,)
        Accelerators of each rack that jobs may hold.
    first_rack : int
        Lowest of these racks in the hall: it names the streams.
    weeks : int
        Length of the load pools. A longer list begins as a shorter one.
    occupancy : float
        Offered load over capacity.
    stretch : float
        Deadlines, as in `arrivals.job_arrivals`.
    rigid_frac : float
        Share of the jobs of up to the largest rack that is of tier 0.
    """
    streams, gpus, hours = Partition("shared", (first_rack,)), int(racks.sum()), (WARM_UP_WEEKS + weeks) * 168
    draws = [partial(random_stream, seed, streams) for seed in seeds]
    lists = [shared_jobs(draw, hours, gpus, occupancy) for draw in draws]
    rigid = [
        (draw("rigid").random(len(jobs.submit_s)) < rigid_frac) & (jobs.gpus <= racks.max())
        for draw, jobs in zip(draws, lists)
    ]
    return pool_of(lists, racks, WARM_UP_WEEKS * SECONDS_PER_WEEK, stretch, rigid)


def pool_of(
    lists: Sequence[Jobs],
    racks: Ints,
    zero_s: float,
    stretch: float,
    rigid: Sequence[NDArray[np.bool_]] | None = None,
) -> JobPool:
    """Lists played by the generator's scheduler; second ``zero_s`` of the lists becomes second 0.

    ``rigid`` says which jobs of each list are of tier 0; none where it is left out.
    """
    placed: list[Placement] = []
    starts, ends = [], []
    longest = max(len(jobs.submit_s) for jobs in lists)
    for nth, jobs in enumerate(lists):
        if nth and jobs is lists[nth - 1]:
            where = placed[-1]
        else:
            where = place_jobs(jobs.submit_s, jobs.duration_s, jobs.gpus, len(racks), racks.tolist())
        placed.append(where)
        rest = np.full(longest - len(jobs.submit_s), np.inf)
        starts.append(np.concatenate([where.start_s - zero_s, rest]))
        ends.append(np.concatenate([where.start_s - zero_s + jobs.duration_s, rest]))
    arrivals = job_arrivals(lists, stretch=stretch)
    for k, few in enumerate(rigid or ()):
        arrivals.facts.tier[: len(few), k][few] = 0
    facts = arrivals.facts
    moved = facts._replace(submit_s=facts.submit_s - zero_s, deadline_s=facts.deadline_s - zero_s)
    return JobPool(arrivals._replace(facts=moved), np.stack(starts, axis=1), np.stack(ends, axis=1), tuple(placed))


def begin(pool: JobPool, of: int, now_s: float, table: JobTable, ledger: Ledger, site: int) -> int:
    """Put the jobs of a moment into one site of a table, and open its ledger with their work.

    Jobs past their deadline are left out, and those that wait longest behind the last slot.

    Parameters
    ----------
    pool : JobPool
    of : int
        List.
    now_s : float
        The moment [s].
    table, ledger : JobTable, Ledger
        Written into.
    site : int

    Returns
    -------
    int
        Jobs of the list that have come until then.
    """
    _clear(table, ledger, site)
    facts, start_s, end_s = (part[:, of] for part in (pool.arrivals.facts.submit_s, pool.start_s, pool.end_s))
    come = int(np.searchsorted(facts, now_s, side="right"))
    there = (end_s[:come] > now_s) & (pool.arrivals.facts.deadline_s[:come, of] > now_s)
    runs = there & (start_s[:come] <= now_s)
    jobs = np.concatenate([np.flatnonzero(runs), np.flatnonzero(there & ~runs)])[: len(table.state)]
    slots, running = np.arange(len(jobs)), runs[jobs]
    for mine, coming in zip(table.facts, pool.arrivals.facts):
        mine[slots, site] = coming[jobs, of]
    table.state[slots, site] = np.where(running, RUNNING, WAITING)
    size = table.facts.accelerators[slots, site]
    ran_s = np.where(running, now_s - start_s[jobs], 0.0)
    table.left_h[slots, site] = table.facts.work_h[slots, site] - size * ran_s / 3600.0
    since = np.fmod(ran_s, table.facts.checkpoint_s[slots, site])
    table.since_s[slots, site], table.risk_h[slots, site] = since, size * since / 3600.0
    np.add.at(ledger.asked, (table.facts.kind[slots, site], site), table.left_h[slots, site])
    _place(pool.placed[of], jobs[running], table, site)
    return come


def _clear(table: JobTable, ledger: Ledger, site: int) -> None:
    """An empty site."""
    table.state[:, site] = EMPTY
    table.held[:, :, site] = 0
    table.free[:, site] = table.racks
    for part in (table.risk_h, table.since_s, table.restart_left_s, table.stops, table.span, *ledger):
        part[:, site] = 0


def _place(placed: Placement, jobs: NDArray[np.intp], table: JobTable, site: int) -> None:
    """Give the running jobs, which stand in the first slots, the racks that they ran on."""
    rows = np.flatnonzero(np.isin(placed.job, jobs))
    slot = np.searchsorted(jobs, placed.job[rows])
    table.held[slot, placed.rack[rows], site] = placed.gpus[rows]
    table.free[:, site] -= np.bincount(placed.rack[rows], placed.gpus[rows], len(table.racks)).astype(np.int64)
    held = table.held[: len(jobs), :, site] > 0
    table.home[: len(jobs), site], table.span[: len(jobs), site] = held.argmax(axis=1), held.sum(axis=1)
