"""Which waiting job goes where, by a transport program (HiGHS): the least price of wire, waiting and energy.

Jobs are sent from the sites at which they stand to sites and hours at which they start. Each site has accelerators
that running jobs leave by then; a job takes its share for as long as it lasts. What the feeder does not carry beside
them slows all jobs of the site, and has a price too. The program is relaxed: a job may be split, and then goes where
most of it would. Needs the extra ``planner``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Floats, Ints
from experiments.campuses.moment import LATER_H, STARTS_H, Moment

if TYPE_CHECKING:
    import highspy


class Plan(NamedTuple):
    """What the program finds.

    Attributes
    ----------
    site : ndarray of int (M,)
        Where each job goes.
    usd : float
        Least price of the relaxed program [USD]: no plan of whole jobs costs less.
    split_frac : float
        Share of the jobs that it splits between sites.
    """

    site: Ints
    usd: float
    split_frac: float


class _Columns(NamedTuple):
    """A way for a job: at which site it starts and when; each ``(N,)``."""

    job: NDArray[np.int64]
    site: NDArray[np.int64]
    start: NDArray[np.int64]
    usd: Floats


def transport_plan(moment: Moment) -> Plan:
    """Send all jobs where the relaxed program sends most of them.

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.
    RuntimeError
        Where the solver finds no optimum, which only a fault in its input can cause.
    """
    if not (moment.allowed.sum(axis=1) > 1).any():
        return Plan(moment.site.copy(), 0.0, 0.0)
    ways = _columns(moment)
    share, usd = _solved(moment, ways)
    by_site = np.zeros(moment.move_usd.shape)
    np.add.at(by_site, (ways.job, ways.site), share)
    by_site[np.arange(len(moment.site)), moment.site] += 1e-6
    return Plan(by_site.argmax(axis=1), usd, float((by_site.max(axis=1) < 0.999).mean()))


def _columns(moment: Moment) -> _Columns:
    """All ways that are open: a job starts once it has come and its data are there, or later than the plan looks."""
    ready_h = np.maximum(moment.travel_h, moment.comes_h[:, None])
    starts = [*STARTS_H, LATER_H]
    parts = []
    for nth, start_h in enumerate(starts):
        job, site = np.nonzero(moment.allowed & ((ready_h <= start_h) | (start_h == LATER_H)))
        waits_h = start_h - moment.comes_h[job]
        usd = moment.move_usd[job, site] + moment.wait_usd_h[job] * waits_h + moment.energy_usd(start_h)[job, site]
        parts.append(_Columns(job, site, np.full(len(job), nth), usd))
    job, site, start, usd = (np.concatenate(part) for part in zip(*parts))
    return _Columns(job, site, start, usd)


class _Program(NamedTuple):
    """A program with a matrix by its entries: least ``usd x`` with ``0 <= x <= top`` and ``low <= A x <= high``."""

    usd: Floats
    top: Floats
    low: Floats
    high: Floats
    column: NDArray[np.int64]
    row: NDArray[np.int64]
    value: Floats


def _solved(moment: Moment, ways: _Columns) -> tuple[Floats, float]:
    """Share of each job that takes each way, and the least price."""
    jobs, (sites, times), many = len(moment.site), moment.free.shape, len(ways.job)
    places = sites * times
    starts = np.append(STARTS_H, LATER_H)[ways.start]
    ends = starts + np.maximum(moment.lasts_h[ways.job, ways.site], 1e-3)
    way, at = np.nonzero((starts[:, None] <= STARTS_H) & (ends[:, None] > STARTS_H))
    takes, place = moment.size[ways.job[way]], ways.site[way] * times + at
    over = np.arange(places)
    hours = np.diff(np.append(STARTS_H, LATER_H))
    program = _Program(
        usd=np.concatenate([ways.usd, (moment.slow_usd_h[:, None] * hours).ravel()]),
        top=np.concatenate([np.ones(many), np.full(places, np.inf)]),
        low=np.concatenate([np.ones(jobs), np.full(2 * places, -np.inf)]),
        high=np.concatenate(
            [np.ones(jobs), np.maximum(moment.free, 0.0).ravel(), np.maximum(moment.powered, 0.0).ravel()]
        ),
        column=np.concatenate([np.arange(many), way, way, many + over]),
        row=np.concatenate([ways.job, jobs + place, jobs + places + place, jobs + places + over]),
        value=np.concatenate([np.ones(many), takes, takes, np.full(places, -1.0)]),
    )
    found, usd = _least(program)
    return found[:many], usd


def _least(program: _Program) -> tuple[Floats, float]:
    """The arguments and the price of the optimum."""
    import highspy

    columns, rows = len(program.usd), len(program.low)
    order = np.lexsort((program.row, program.column))
    given = highspy.HighsLp()
    given.num_row_, given.num_col_ = rows, columns
    given.col_cost_, given.col_lower_, given.col_upper_ = program.usd, np.zeros(columns), program.top
    given.row_lower_, given.row_upper_ = program.low, program.high
    given.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    given.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(program.column, minlength=columns))])
    given.a_matrix_.index_, given.a_matrix_.value_ = program.row[order], program.value[order]
    solver = _solver()
    solver.passModel(given)
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS ended with {solver.modelStatusToString(status)} instead of an optimum")
    return np.asarray(solver.getSolution().col_value, np.float64), float(solver.getObjectiveValue())


def _solver() -> highspy.Highs:
    """One thread, no words."""
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("log_to_console", False)
    solver.setOptionValue("threads", 1)
    return solver
