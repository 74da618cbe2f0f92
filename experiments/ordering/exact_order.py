"""The exact best of a small hall: when each job starts and on which racks, by CP-SAT (OR-Tools, extra ``planner``).

Jobs start at control steps, on all their accelerators, and run until they end: nobody is stopped or moved. Numbers are
whole, so the answer is exact: work is counted in tenths of an accelerator step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from envs.scheduling.job_table import Ints
from experiments.ordering.small_halls import SPLIT_TENTHS, SmallHall

TENTHS = 10


class Exact(NamedTuple):
    """The best that can be done.

    Attributes
    ----------
    work : float
        Until the horizon [accelerator steps].
    start : ndarray of int (N,)
        Step at which each job starts; -1 where it does not.
    proven : bool
        Whether nothing better exists; else only the bound holds.
    bound : float
        No order does more [accelerator steps].
    """

    work: float
    start: Ints
    proven: bool
    bound: float


def held_steps(lasts: int, tenths: int) -> int:
    """For how many steps a job holds its accelerators at a speed of so many tenths: the last one whole."""
    return -(-TENTHS * lasts // tenths)


def exact_order(hall: SmallHall, seconds: float = 20.0) -> Exact:
    """The starts and places with most work until the horizon.

    Parameters
    ----------
    hall : SmallHall
    seconds : float
        The search stops then.

    Raises
    ------
    ModuleNotFoundError
        Where ortools is not installed.

    Notes
    -----
    Each way (job, start t, whole on a rack or split) is a truth value. A whole way holds its accelerators on its rack;
    a split one holds some on each rack, one number for each, that add up to its size, on at least two racks. At every
    step no rack holds more than it has.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    ways: list[tuple[int, int, Any, int]] = []
    intervals: list[list[tuple[int, int, Any]]] = [[] for _ in hall.racks]
    for j in range(len(hall.kind)):
        mine = _ways_of(model, hall, j, intervals)
        model.add(sum(way[2] for way in mine) <= 1)
        ways += mine
    for rack, size in enumerate(hall.racks.tolist()):
        for step in range(hall.steps):
            there = [takes for begin, end, takes in intervals[rack] if begin <= step < end]
            model.add(sum(there) <= size)
    for step in range(hall.steps):  # follows from the racks, and tightens the relaxation
        model.add(
            sum(takes for rack in intervals for begin, end, takes in rack if begin <= step < end)
            <= int(hall.racks.sum())
        )
    model.maximize(sum(work * way for _, _, way, work in ways))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds, solver.parameters.num_workers = seconds, 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):  # out of time with nothing found
        return Exact(0.0, np.full(len(hall.kind), -1), False, np.inf)
    start = np.full(len(hall.kind), -1)
    for j, begin, way, _ in ways:
        if solver.value(way):
            start[j] = begin
    done, bound = solver.objective_value / TENTHS, solver.best_objective_bound / TENTHS
    return Exact(done, start, status == cp_model.OPTIMAL, bound)


def _ways_of(model: Any, hall: SmallHall, j: int, intervals: list[list[tuple[int, int, Any]]]) -> list[Any]:
    """All ways of a job, and what they hold on the racks."""
    size, lasts, speed = int(hall.accelerators[j]), int(hall.lasts[j]), SPLIT_TENTHS[int(hall.kind[j])]
    ways = []
    for begin in range(int(hall.release[j]), hall.steps):
        for rack, room in enumerate(hall.racks.tolist()):
            if size <= room:
                way = model.new_bool_var(f"{j} {begin} {rack}")
                end = begin + held_steps(lasts, TENTHS)
                intervals[rack].append((begin, end, size * way))
                ways.append((j, begin, way, work_done(size, lasts, TENTHS, hall.steps - begin)))
        if len(hall.racks) > 1 and size > 1:
            way = model.new_bool_var(f"{j} {begin} split")
            end = begin + held_steps(lasts, speed)
            parts = []
            for rack, room in enumerate(hall.racks.tolist()):
                part = model.new_int_var(0, min(room, size - 1), f"{j} {begin} on {rack}")
                model.add(part == 0).only_enforce_if(way.negated())
                intervals[rack].append((begin, end, part))
                parts.append(part)
            model.add(sum(parts) == size * way)
            ways.append((j, begin, way, work_done(size, lasts, speed, hall.steps - begin)))
    return ways


def work_done(size: int, lasts: int, tenths: int, steps: int) -> int:
    """Work of a job that runs for so many steps at a speed of so many tenths [tenths of an accelerator step]."""
    return size * min(TENTHS * lasts, tenths * steps)
