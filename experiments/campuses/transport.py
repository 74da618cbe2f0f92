"""Which waiting job goes where, by a transport program (HiGHS): the least price of wire, waiting and energy.

Jobs are sent from the sites at which they stand to sites and hours at which they start. Each site has accelerators
that running jobs leave by then; a job takes its share for as long as it lasts. What the feeder does not carry beside
them slows all jobs of the site, and has a price too. The program is relaxed: a job may be split, and then goes where
most of it would. Needs the extra ``planner``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.linear_solver import Program, least_cost, quiet_solver
from envs.scheduling.job_table import Floats, Ints
from experiments.campuses.moment import LATER_H, STARTS_H, Moment


class _Columns(NamedTuple):
    """A way for a job: at which site it starts and when; each ``(N,)``."""

    job: NDArray[np.int64]
    site: NDArray[np.int64]
    start: NDArray[np.int64]
    usd: Floats


def transport(moment: Moment) -> Ints:
    """Site of each job ``(M,)``: where the relaxed program sends most of it.

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.
    RuntimeError
        Where the solver finds no optimum, which only a fault in its input can cause.
    """
    if not (moment.allowed.sum(axis=1) > 1).any():
        return moment.site.copy()
    ways = _columns(moment)
    share = _shares(moment, ways)
    by_site = np.zeros(moment.move_usd.shape)
    np.add.at(by_site, (ways.job, ways.site), share)
    by_site[np.arange(len(moment.site)), moment.site] += 1e-6
    return by_site.argmax(axis=1)


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


def _shares(moment: Moment, ways: _Columns) -> Floats:
    """Share of each job that takes each way ``(N,)``."""
    jobs, (sites, times), many = len(moment.site), moment.free.shape, len(ways.job)
    places = sites * times
    starts = np.append(STARTS_H, LATER_H)[ways.start]
    ends = starts + np.maximum(moment.lasts_h[ways.job, ways.site], 1e-3)
    way, at = np.nonzero((starts[:, None] <= STARTS_H) & (ends[:, None] > STARTS_H))
    takes, place = moment.size[ways.job[way]], ways.site[way] * times + at
    over = np.arange(places)
    hours = np.diff(np.append(STARTS_H, LATER_H))
    program = Program(
        cost=np.concatenate([ways.usd, (moment.slow_usd_h[:, None] * hours).ravel()]),
        top=np.concatenate([np.ones(many), np.full(places, np.inf)]),
        low=np.concatenate([np.ones(jobs), np.full(2 * places, -np.inf)]),
        high=np.concatenate(
            [np.ones(jobs), np.maximum(moment.free, 0.0).ravel(), np.maximum(moment.powered, 0.0).ravel()]
        ),
        column=np.concatenate([np.arange(many), way, way, many + over]),
        row=np.concatenate([ways.job, jobs + place, jobs + places + place, jobs + places + over]),
        value=np.concatenate([np.ones(many), takes, takes, np.full(places, -1.0)]),
    )
    return least_cost(quiet_solver(), program)[:many]
