"""Whether a curtailment was held: depth, ramp, tiers of service, work after a day, rebound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.curtailing.least_loss import MOST_WITHHELD, Event, least_loss
from experiments.curtailing.trial import BEFORE_S, DAY_S, STEP_S, Asked, Trial, base_and_peak_kw, window_means
from experiments.evaluation.bootstrap import Interval
from experiments.evaluation.stats import mean_difference

HELD_POINTS = 0.02  # of the power before
HELD_EVENTS = 0.95
MOST_BEHIND = 0.01  # of a day's work
MOST_REBOUND = 0.02  # over the peak of the hour before
UNTOUCHED = 0.995  # of the throughput without an event


class BatteryShare(NamedTuple):
    """What batteries did in the day behind an event, means over events, by MW of the power before [kWh/MW].

    Attributes
    ----------
    gave, took : float
        At their terminals. What they took is part of the site's power, and of its rebound.
    short : float
        What they could give less at the day's end than before the event.
    """

    gave: float
    took: float
    short: float


class Judged(NamedTuple):
    """One way over all events.

    Attributes
    ----------
    held, under, ramped : float
        Share of the events in which every mean of `WINDOW_S` stood within `HELD_POINTS` of the target, or at most so
        far above it, and the first step behind the ramp at most so far above it.
    worst_point, mean_depth : float
        Median over events of the largest distance from the target, and mean reduction, as shares of the power before.
    tiers : tuple of float
        Throughput of the tiers 0 to 3 during the event, over that without one; NaN where no such job ran.
    behind : Interval
        Work not done by the end of the day that would have been done without the event, over that.
    during : float
        Work not done by the end of the event, over a day's without it.
    lost : float
        Work lost for good or redone, over the same, more than without the event.
    rebounded : float
        Share of the events behind whose end power rose over `MOST_REBOUND`.
    rebound : float
        Its 95th percentile.
    gain : float
        What the site took less in the event, by kW that the jobs' accelerators drew less: the largest of the events;
        NaN where a battery takes part.
    battery : BatteryShare or None
        None where no battery takes part.
    """

    held: float
    under: float
    ramped: float
    worst_point: float
    mean_depth: float
    tiers: tuple[float, ...]
    behind: Interval
    during: float
    lost: float
    rebounded: float
    rebound: float
    gain: float = float("nan")
    battery: BatteryShare | None = None

    def bars(self) -> dict[str, bool | None]:
        """What is asked of a curtailment, and whether it was met; None where an interval crosses its bar."""
        crosses = self.behind.low <= MOST_BEHIND < self.behind.high
        return {
            "held": self.held >= HELD_EVENTS,
            "ramp": self.ramped >= HELD_EVENTS,
            "tier 0": bool(np.isnan(self.tiers[0]) or self.tiers[0] >= UNTOUCHED),
            "work after a day": None if crosses else self.behind.estimate <= MOST_BEHIND,
            "rebound": self.rebounded <= 1.0 - HELD_EVENTS,
        }


def judged(trial: Trial, free: Trial, asked: Asked) -> Judged:
    """A way against the same days without an event.

    Parameters
    ----------
    trial, free : Trial
        With and without.
    asked : Asked
    """
    before, during = round(BEFORE_S / STEP_S), round(3600.0 * asked.hours / STEP_S)
    base_kw, peak_kw = base_and_peak_kw(trial.grid_kw[:before])
    ramp = -(-round(asked.ramp_s) // round(STEP_S))
    inside = trial.grid_kw[before + ramp : before + during]
    over = window_means(inside) / base_kw - (1.0 - asked.reduce_frac)
    off = np.abs(over).max(axis=0)
    first = inside[0] / base_kw <= 1.0 - asked.reduce_frac + HELD_POINTS
    after = window_means(trial.grid_kw[before + during : before + 2 * during])
    rebound = after.max(axis=0) / peak_kw - 1.0
    with np.errstate(invalid="ignore"):
        pace, free_pace = (x.did_h.sum(axis=1) / x.could_h.sum(axis=1) for x in (trial, free))
        tiers = pace / free_pace
    work = np.maximum(free.done_h, 1e-9)
    return Judged(
        held=float((off <= HELD_POINTS).mean()),
        under=float((over.max(axis=0) <= HELD_POINTS).mean()),
        ramped=float(first.mean()),
        worst_point=float(np.median(off)),
        mean_depth=float((1.0 - inside.mean(axis=0) / base_kw).mean()),
        tiers=tuple(float(x) for x in tiers),
        behind=mean_difference(free.done_h / work, trial.done_h / work),
        during=float(((free.did_h - trial.did_h).sum(axis=0) / work).mean()),
        lost=float((trial.lost_h - free.lost_h).sum() / work.sum()),
        rebounded=float((rebound > MOST_REBOUND).mean()),
        rebound=float(np.quantile(rebound, 0.95)),
        gain=_gain(trial, free, asked),
        battery=None if trial.stored is None else BatteryShare(*((1000.0 * x / base_kw).mean() for x in trial.stored)),
    )


def _gain(trial: Trial, free: Trial, asked: Asked) -> float:
    """As `Judged.gain`."""
    if free.free is None or trial.stored is not None:
        return float("nan")
    before, during = round(BEFORE_S / STEP_S), round(3600.0 * asked.hours / STEP_S)
    saved_kw = (free.grid_kw - trial.grid_kw)[before : before + during]
    jobs = free.free.jobs
    drawn_kwh = np.bincount(jobs.event, jobs.energy_kwh, len(trial.drawn_kwh)) - trial.drawn_kwh
    return float((saved_kw.sum(axis=0) * STEP_S / 3600.0 / np.maximum(drawn_kwh, 1e-9)).max())


class Least(NamedTuple):
    """Work that limits and pauses lose at least, over a day's work without an event, means over events.

    Attributes
    ----------
    during : float
        At the event's end.
    behind : float
        At the day's end, if nothing hindered what can be won back.
    """

    during: float
    behind: float


def least(free: Trial, asked: Asked) -> Least | None:
    """A bound that no limits or pauses pass; None where the feeder's caps bind without an event.

    Parameters
    ----------
    free : Trial
        Without an event.
    asked : Asked
    """
    before, during = round(BEFORE_S / STEP_S), round(3600.0 * asked.hours / STEP_S)
    inside = free.grid_kw[before : before + during]
    if free.free is None or free.free.withheld_kwh.sum() > MOST_WITHHELD * inside.sum() * STEP_S / 3600.0:
        return None
    ramp = -(-round(asked.ramp_s) // round(STEP_S))
    base_kw, _ = base_and_peak_kw(free.grid_kw[:before])
    may_kw = (1.0 - asked.reduce_frac + HELD_POINTS) * base_kw
    above_kwh = (inside[ramp:] - may_kw).sum(axis=0) * STEP_S / 3600.0
    found = least_loss(free.free.jobs, free.free.curves, Event(above_kwh, 3600.0 * asked.hours, DAY_S))
    work = np.maximum(free.done_h, 1e-9)
    return Least(*(float((part / work).mean()) for part in found))


def natural_rebound(free: Trial, asked: Asked) -> float:
    """Share of the events behind whose hours power passes the peak before by more than `MOST_REBOUND` of itself."""
    before, during = round(BEFORE_S / STEP_S), round(3600.0 * asked.hours / STEP_S)
    _, peak_kw = base_and_peak_kw(free.grid_kw[:before])
    after = window_means(free.grid_kw[before + during : before + 2 * during])
    return float((after.max(axis=0) / peak_kw - 1.0 > MOST_REBOUND).mean())
