"""Demand response: events in which the grid asks a site to draw less (PHYSICS F8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DURATION_H = (1.0, 4.0)  # PHYSICS F8, engineering guess
NOTICE_H = (1.0 / 6.0, 2.0)  # PHYSICS F8, engineering guess
REDUCTION_FRAC = (0.10, 0.25)  # PHYSICS F8, engineering guess
FIRST_HOUR, LAST_HOUR = 14, 20  # local standard hours in which generated events begin, engineering guess


@dataclass(frozen=True)
class DemandResponseEvent:
    """From ``start_utc`` on, for ``duration_s``, a site draws ``reduction_frac`` less; known ``notice_s`` before."""

    start_utc: np.datetime64
    duration_s: float
    notice_s: float
    reduction_frac: float

    def __post_init__(self) -> None:
        """Refuse what no contract says."""
        if not 0.0 < self.duration_s <= 86400.0 or not 0.0 <= self.notice_s <= 7 * 86400.0:
            raise ValueError(
                f"demand response at {self.start_utc}: duration_s = {self.duration_s}, notice_s = {self.notice_s}; "
                "give 0..86400 s and 0..604800 s"
            )
        if not 0.0 < self.reduction_frac <= 1.0:
            raise ValueError(
                f"demand response at {self.start_utc}: reduction_frac = {self.reduction_frac}; give a fraction in 0..1 "
                "(0.15 for 15 %)"
            )


def generate_events(
    rng: np.random.Generator, start_utc: np.datetime64, days: int, events_per_year: float
) -> tuple[DemandResponseEvent, ...]:
    """Draw events on distinct days: Poisson count, uniform duration, notice and reduction in the ranges of F8.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    start_utc : numpy.datetime64
        Local midnight of the first day, in UTC.
    days : int
        Days covered.
    events_per_year : float
        Mean rate, 0 for none.
    """
    if not 0.0 <= events_per_year <= 365.0:
        raise ValueError(f"events_per_year = {events_per_year}; give 0..365")
    count = min(int(rng.poisson(events_per_year * days / 365.0)), days)
    chosen = np.sort(rng.choice(days, size=count, replace=False))
    begin_h = rng.integers(FIRST_HOUR * 12, LAST_HOUR * 12 + 1, count) / 12.0
    duration_h, notice_h = rng.uniform(*DURATION_H, count), rng.uniform(*NOTICE_H, count)
    reduction = rng.uniform(*REDUCTION_FRAC, count)
    return tuple(
        DemandResponseEvent(
            start_utc + np.timedelta64(round((float(day) * 24.0 + float(begin_h[k])) * 3600.0), "s"),
            round(float(duration_h[k]) * 12.0) * 300.0,
            round(float(notice_h[k]) * 12.0) * 300.0,
            float(reduction[k]),
        )
        for k, day in enumerate(chosen)
    )


def event_signals(
    events: Sequence[DemandResponseEvent], start_utc: np.datetime64, step_s: float, count: int, period_s: float = np.inf
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Put events on a control grid: (active 0/1, reduction fraction), each (count,) float32.

    A step belongs to an event when its middle does. Events recur after ``period_s`` [s], so that a series may be
    sampled around its end.
    """
    active, reduction = (np.zeros(count, np.float32) for _ in range(2))
    for event in events:
        begin_s = float((event.start_utc - start_utc) / np.timedelta64(1, "s"))
        begin_s = begin_s % period_s if np.isfinite(period_s) else begin_s
        first, last = (
            min(max(int(np.ceil(moment / step_s - 0.5)), 0), count) for moment in (begin_s, begin_s + event.duration_s)
        )
        active[first:last] = 1.0
        reduction[first:last] = np.maximum(reduction[first:last], np.float32(event.reduction_frac))
    return active, reduction
