"""The least work that is behind a day after an event, whoever sets the limits and pauses of jobs: a bound from below.

Each job keeps of its work what its energy in the event buys, along the concave hull of its class's curve, and what it
still can do behind the event. One sum of energy binds:

    most kept = max sum_j min(x_j, r_j + s_j x_j w(u_j))   with   sum_j s_j e_j u_j <= sum_j e_j - (P - P_may) / g

x_j and e_j are the work and energy of job j in the event without limits, s_j how much longer it may take inside the
event, w(u) work over activity, and r_j what it can still do until the day's end: nothing where it outlives the day
anyhow. P - P_may is the energy above the upper edge of the target, g what the site saves for each kW of accelerators.
Jobs of tier 0 keep all. Values are concave and one sum binds, so the steepest pieces first are exact.

No rule loses less that keeps the target, as far as no job starts before it would have without the event. Looser than
the truth: energy may be moved inside the event, least throughputs of tiers are not kept, limits of single jobs and of
any depth are allowed, and each delayed job finds its accelerators free behind the event, though others wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.feeders.value_pieces import pieces_of_curves
from experiments.curtailing.job_watch import Watched

Floats = NDArray[np.float64]
MOST_GAIN = 1.2  # [kW/kW] of the site for each of the accelerators; 100 events of three ways: 1.11 to 1.18
MOST_WITHHELD = 1e-3  # of an event's energy, where its day counts as one without a feeder that binds


class Event(NamedTuple):
    """What is asked.

    Attributes
    ----------
    above_kwh : ndarray (B,)
        Energy that sites take above the target's upper edge, without an event.
    event_s, day_s : float
        From the event's beginning to its end, and the day's [s].
    """

    above_kwh: Floats
    event_s: float
    day_s: float


class LeastLoss(NamedTuple):
    """Work that is lost at least, each ``(B,)`` [accelerator-h].

    Attributes
    ----------
    during : ndarray
        At the event's end.
    behind : ndarray
        At the day's end.
    """

    during: Floats
    behind: Floats


def least_loss(
    watched: Watched, curves: Sequence[tuple[Floats, Floats]], event: Event, gain: float = MOST_GAIN
) -> LeastLoss:
    """The bound of each event.

    Parameters
    ----------
    watched : Watched
        Jobs without an event.
    curves : sequence of tuple
        As in `FreeEvents`.
    event : Event
    gain : float
        What the site saves for each kW of accelerators, at most.
    """
    by_activity = [((rho - rho[0]) / (1.0 - rho[0]), work) for rho, work in curves]
    later_h = watched.accelerators * np.maximum(event.day_s - np.maximum(watched.ended_s, event.event_s), 0.0) / 3600.0
    inside_s = np.minimum(watched.ended_s, event.event_s) - watched.begun_s
    stretch = (event.event_s - watched.begun_s) / np.maximum(inside_s, 1e-9)
    lost = np.zeros((2, len(event.above_kwh)))
    for b, above_kwh in enumerate(event.above_kwh):
        mine = np.flatnonzero((watched.event == b) & (watched.tier > 0) & (watched.energy_kwh > 0.0))
        spared = max(float(above_kwh) / gain, 0.0)
        for row, keeps_h in enumerate((np.zeros(len(later_h)), later_h)):
            jobs = [
                kept_work(
                    by_activity[watched.kind[j]], watched.energy_kwh[j], watched.work_h[j], stretch[j], keeps_h[j]
                )
                for j in mine
            ]
            lost[row, b] = _lost(jobs, float(watched.energy_kwh[mine].sum()) - spared)
    return LeastLoss(*lost)


def kept_work(
    curve: tuple[Floats, Floats], energy_kwh: float, work_h: float, stretch: float, later_h: float
) -> tuple[Floats, Floats]:
    """Points of a job's kept work over its energy in the event, both rising.

    Parameters
    ----------
    curve : tuple of ndarray
        Activity from 0 to 1, and work of it.
    energy_kwh, work_h : float
        Without limits.
    stretch : float
        Time that it may take in the event, over what it takes without limits.
    later_h : float
        Work that it can still do behind the event.
    """
    activity, work = curve
    target = np.clip((work_h - later_h) / max(stretch * work_h, 1e-12), 0.0, 1.0)
    pace = np.unique(np.concatenate([work[work <= 1.0 / stretch], [min(1.0 / stretch, 1.0), target]]))
    pace = pace[pace <= 1.0 / stretch + 1e-12]
    energy = stretch * energy_kwh * np.interp(pace, work, activity)
    return energy, np.minimum(work_h, later_h + stretch * work_h * pace)


def _lost(jobs: list[tuple[Floats, Floats]], budget_kwh: float) -> float:
    """Work that jobs lose at least under a sum of their energies."""
    if not jobs:
        return 0.0
    pieces = pieces_of_curves([points[0] for points in jobs], [points[1] for points in jobs])
    slope, width = pieces.slope[:, 0], pieces.width_kw[:, 0]
    steepest = np.argsort(-slope, kind="stable")
    before = np.cumsum(width[steepest]) - width[steepest]
    bought = np.clip(max(budget_kwh, 0.0) - before, 0.0, width[steepest])
    whole = float((slope * width).sum())
    return max(whole - float((slope[steepest] * bought).sum()), 0.0)
