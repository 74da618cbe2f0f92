"""A plan of starts by a time-indexed integer program (HiGHS): which job begins in which slot, and so an order.

Who knows every arrival of a day plans it once. Who knows only what has come plans again and again (`plans.Rolling`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.linear_solver import Program, highs_program, quiet_solver
from envs.scheduling.job_table import Floats, Ints

WAIT_PRICE = 1e-3  # of a job's work, for an hour of waiting: among plans of equal work the sooner start wins [G]


class Starts(NamedTuple):
    """What is to be planned.

    Attributes
    ----------
    accelerators, lasts_h, speed : ndarray (N,)
        Of each job; how long it lasts from its start, and its speed meanwhile.
    release_h, deadline_h : ndarray (N,)
        From when it may start, and until when its work counts [h].
    whole : ndarray of bool (N,)
        Whether it needs one of the larger racks for itself and others, being larger than the smaller ones.
    free : ndarray (2, T)
        Accelerators that may be taken in each slot: on all racks, and on the larger ones.
    edges_h : ndarray (T + 1,)
        Ends of the slots [h].
    """

    accelerators: Floats
    lasts_h: Floats
    speed: Floats
    release_h: Floats
    deadline_h: Floats
    whole: np.ndarray
    free: Floats
    edges_h: Floats


def planned(starts: Starts, seconds: float = 10.0, gap: float = 1e-3) -> Floats:
    """When each job starts by the plan ``(N,)`` [h]; infinite for who starts behind the horizon.

    Parameters
    ----------
    starts : Starts
    seconds : float
        The solver stops then with the best that it has.
    gap : float
        Share of the bound within which a plan counts as the best.

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.

    Notes
    -----
    With z[j,t] whether job j starts in slot t, at the later of slot and release::

        most  sum of z[j,t] (speed_j n_j (min(end of job, horizon, deadline) - start)) (1 - price (start - release_j))
        sum over t of z[j,t] <= 1
        sum over j, t of z[j,t] n_j (share of slot s in which it runs) <= free[s]      all racks, and the larger ones

    Jobs may lie on any racks, and a slot may be shared by one that ends and one that begins: a plan is an order, which
    the scheduler then plays with gangs and whole racks.
    """
    job, slot, start_h = _ways(starts)
    if not len(job):
        return np.full(len(starts.lasts_h), np.inf)
    end_h = start_h + starts.lasts_h[job]
    until_h = np.minimum(np.minimum(end_h, starts.edges_h[-1]), starts.deadline_h[job])
    work = starts.speed[job] * starts.accelerators[job] * np.maximum(until_h - start_h, 0.0)
    worth = work * np.maximum(1.0 - WAIT_PRICE * (start_h - starts.release_h[job]), 0.0)
    low, high = starts.edges_h[:-1], starts.edges_h[1:]
    runs = np.minimum(high, end_h[:, None]) - np.maximum(low, start_h[:, None])
    way, at = np.nonzero(runs > 1e-9)
    takes = starts.accelerators[job[way]] * runs[way, at] / (high - low)[at]
    big = starts.whole[job[way]]
    jobs, slots = len(starts.lasts_h), len(low)
    program = Program(
        cost=-worth,
        top=np.ones(len(job)),
        low=np.full(jobs + 2 * slots, -np.inf),
        high=np.concatenate([np.ones(jobs), np.maximum(starts.free, 0.0).ravel()]),
        row=np.concatenate([job, jobs + at, jobs + slots + at[big]]),
        column=np.concatenate([np.arange(len(job)), way, way[big]]),
        value=np.concatenate([np.ones(len(job)), takes, takes[big]]),
    )
    chosen = _whole_numbers(program, seconds, gap) > 0.5
    found = np.full(jobs, np.inf)
    found[job[chosen]] = start_h[chosen]
    return found


def _ways(starts: Starts) -> tuple[Ints, Ints, Floats]:
    """Job, slot and time of every start that is open."""
    low, high = starts.edges_h[:-1], starts.edges_h[1:]
    job, slot = np.nonzero((starts.release_h[:, None] < high) & (starts.deadline_h[:, None] > low))
    return job, slot, np.maximum(low[slot], starts.release_h[job])


def _whole_numbers(program: Program, seconds: float, gap: float) -> Floats:
    """Values of a program whose columns are 0 or 1."""
    import highspy

    solver = quiet_solver(time_limit=float(seconds), mip_rel_gap=float(gap))
    made = highs_program(program)
    made.integrality_ = [highspy.HighsVarType.kInteger] * len(program.cost)
    solver.passModel(made)
    solver.run()
    found = solver.getSolution()
    if not found.value_valid:
        return np.zeros(len(program.cost))
    return np.asarray(found.col_value, np.float64)
