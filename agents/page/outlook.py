"""A band of what comes next: the last value stays, give or take what it missed on the last day; it scores itself."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

SHARE = 0.9  # of the values that come shall lie in the band
LEAST_SCORES = 24


class Band(NamedTuple):
    """What is expected ``ahead`` steps from now; low and high are NaN until enough was scored."""

    low: float
    high: float


class Outlook:
    """Foresees one quantity.

    Parameters
    ----------
    ahead : int
        Control steps.
    day : int
        Control steps of a day: so many errors are kept.
    """

    def __init__(self, ahead: int, day: int) -> None:
        self.ahead = ahead
        self._errors: deque[float] = deque(maxlen=day)
        self._waiting: deque[tuple[float, Band]] = deque()
        self._held: deque[bool] = deque(maxlen=day)

    def band(self, value: float) -> Band:
        """Take the value of this step, score what was said of it, and say what comes."""
        if len(self._waiting) == self.ahead:
            said, band = self._waiting.popleft()
            if math.isfinite(band.low):
                self._held.append(band.low <= value <= band.high)
            self._errors.append(abs(value - said))
        width = self._half_width()
        made = Band(value - width, value + width)
        self._waiting.append((value, made))
        return made

    @property
    def held_frac(self) -> float:
        """Share of the last day's values that lay in their band; NaN before any."""
        return float(np.mean(self._held)) if self._held else math.nan

    def _half_width(self) -> float:
        n = len(self._errors)
        if n < LEAST_SCORES:
            return math.nan
        return float(np.quantile(np.array(self._errors), min(1.0, SHARE * (n + 1) / n)))
