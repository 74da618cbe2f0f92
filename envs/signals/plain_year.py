"""The year of every generated series: 365 days of local standard time; 29 February does not exist."""

from __future__ import annotations

import numpy as np

DAYS_PER_YEAR = 365
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_EDGES = np.concatenate([[0], np.cumsum(MONTH_DAYS)])
MONTH_EDGES.flags.writeable = False
