"""Demand response: events in which the grid asks a site to draw less (PHYSICS F8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class EventSignals(NamedTuple):
    """Events on a control grid, each ``(T,)`` float32.

    Attributes
    ----------
    active : ndarray
        1 while an event runs.
    reduction_frac : ndarray
        Its reduction; 0 outside events.
    announced_frac : ndarray
        Reduction of the next event that is announced and has not begun; 0 where none is.
    starts_in_h : ndarray
        Time until that one begins [h]; 0 where none is announced.
    ends_in_h : ndarray
        Time until the event that runs ends, or else the announced one [h]; 0 where there is neither.
    """

    active: NDArray[np.float32]
    reduction_frac: NDArray[np.float32]
    announced_frac: NDArray[np.float32]
    starts_in_h: NDArray[np.float32]
    ends_in_h: NDArray[np.float32]


def event_signals(
    events: Sequence[DemandResponseEvent], start_utc: np.datetime64, step_s: float, count: int, period_s: float = np.inf
) -> EventSignals:
    """Put events on a control grid, each row ``(count,)``.

    A step belongs to an event when its middle does. An event is announced in the steps that begin after its notice.
    Events recur after ``period_s`` [s], so that a series may be sampled around its end.
    """
    signals = EventSignals(*(np.zeros(count, np.float32) for _ in EventSignals._fields))
    spans = sorted((*_steps_of(event, start_utc, step_s, count, period_s), event.reduction_frac) for event in events)
    hours = np.arange(count) * (step_s / 3600.0)
    for first, last, _, reduction_frac in spans:
        run = slice(first, last)
        signals.active[run] = 1.0
        signals.reduction_frac[run] = np.maximum(signals.reduction_frac[run], np.float32(reduction_frac))
        signals.ends_in_h[run] = np.maximum(signals.ends_in_h[run], last * (step_s / 3600.0) - hours[run])
    for first, last, told, reduction_frac in reversed(spans):  # the next one is written last
        known = slice(told, first)
        signals.announced_frac[known] = reduction_frac
        signals.starts_in_h[known] = first * (step_s / 3600.0) - hours[known]
        coming_h = last * (step_s / 3600.0) - hours[known]
        signals.ends_in_h[known] = np.where(signals.active[known] > 0.0, signals.ends_in_h[known], coming_h)
    return signals


def _steps_of(
    event: DemandResponseEvent, start_utc: np.datetime64, step_s: float, count: int, period_s: float
) -> tuple[int, int, int]:
    """First step of an event, the first behind it, and the first in which it is announced."""
    begin_s = float((event.start_utc - start_utc) / np.timedelta64(1, "s"))
    begin_s = begin_s % period_s if np.isfinite(period_s) else begin_s
    first, last = (np.ceil(moment / step_s - 0.5) for moment in (begin_s, begin_s + event.duration_s))
    told = np.ceil((begin_s - event.notice_s) / step_s)
    first, last = (min(max(int(step), 0), count) for step in (first, last))
    return first, last, min(max(int(told), 0), first)
