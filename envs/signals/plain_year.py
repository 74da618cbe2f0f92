"""The year of every generated series: 365 days of local standard time; 29 February does not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DAYS_PER_YEAR = 365
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_EDGES = np.concatenate([[0], np.cumsum(MONTH_DAYS)])
MONTH_EDGES.flags.writeable = False
DAY = np.timedelta64(86_400, "s")


def is_leap_day(local: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Whether a moment is on 29 February; a comparison of whole months keeps other years untouched."""
    month = local.astype("datetime64[M]")
    february = month.astype(np.int64) % 12 == 1
    return february & ((local - month.astype("datetime64[ms]")) >= 28 * DAY)


def since_new_year_s(local: Any) -> Any:
    """Seconds since 1 January of each moment's own year in a calendar without 29 February."""
    year = local.astype("datetime64[Y]")
    since = (local - year.astype("datetime64[ms]")) / np.timedelta64(1, "s")
    march = (year.astype("datetime64[M]") + 2).astype("datetime64[ms]")
    leap = (march - year.astype("datetime64[ms]")) / DAY > 59.5
    return since - 86_400.0 * (leap & (local >= march))


def plain_seconds(moment: np.datetime64) -> float:
    """Seconds since 1970 in a calendar whose years all have 365 days."""
    year = int(moment.astype("datetime64[Y]").astype(np.int64))
    return 86_400.0 * DAYS_PER_YEAR * year + float(since_new_year_s(moment.astype("datetime64[ms]")))
