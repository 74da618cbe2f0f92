"""Days that stand for a year of weather: two of each month, with the number of days that each stands for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats

KINDS_OF_MONTH = 2
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class TypicalDays(NamedTuple):
    """Days of a year, the first is 0.

    Attributes
    ----------
    days : ndarray of int (k,)
        Those that stand for the year, in order, and behind them the hottest and the most humid day of the year.
    weights : ndarray (k,)
        Days that each stands for; 0 of the two extreme ones, which only say whether a design holds.
    """

    days: NDArray[np.int64]
    weights: Floats


def typical_days(dry_bulb_c: Floats, wet_bulb_c: Floats) -> TypicalDays:
    """Choose 24 days of a year, and its two extreme ones.

    The days of each calendar month are parted at the median of their mean wet bulb. Of either half that day is taken
    whose 24 h of dry and wet bulb are nearest to the half's mean profile (a medoid, least squares). It stands for as
    many days as its half has.

    Parameters
    ----------
    dry_bulb_c, wet_bulb_c : ndarray (365 * n,)
        A year in even steps that fill days.
    """
    dry, wet = (np.asarray(x, np.float64).reshape(365, -1) for x in (dry_bulb_c, wet_bulb_c))
    profile = np.concatenate([dry, wet], axis=1)
    days, weights = [], []
    for first, count in zip(np.cumsum((0, *MONTH_DAYS[:-1])), MONTH_DAYS):
        month = np.arange(first, first + count)
        by_warmth = month[np.argsort(wet[month].mean(axis=1), kind="stable")]
        for half in np.array_split(by_warmth, KINDS_OF_MONTH):
            away = ((profile[half] - profile[half].mean(axis=0)) ** 2).sum(axis=1)
            days.append(int(half[np.argmin(away)]))
            weights.append(float(len(half)))
    extreme = [int(np.argmax(dry.max(axis=1))), int(np.argmax(wet.max(axis=1)))]
    return TypicalDays(np.array([*days, *extreme]), np.array([*weights, 0.0, 0.0]))


def all_days() -> TypicalDays:
    """Every day of a year, to hold the typical ones against."""
    return TypicalDays(np.arange(365), np.ones(365))
