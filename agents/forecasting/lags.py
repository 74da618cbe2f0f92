"""What a series' own past says at each horizon: the present level, yesterday, last week, the usual day."""

from __future__ import annotations

import numpy as np

from envs.physics.namespace import Floats

LOOKBACK_DAYS = 7
HALF_WINDOW_S = 900.0  # a value of the past is the mean of half an hour around it: sensors are noisy
LAG_NAMES = ("now", "hour", "day", "yesterday", "last week", "usual day")


def steps_per_day(step_s: float) -> int:
    """Control steps of a day."""
    return round(86_400.0 / step_s)


def lookback_steps(step_s: float) -> int:
    """Rows of history that the lags reach back to."""
    return LOOKBACK_DAYS * steps_per_day(step_s) + round(HALF_WINDOW_S / step_s) + 1


def lag_features(series: Floats, knots: Floats, step_s: float) -> Floats:
    """Features ``(K, k, B, 6)`` of series ``(T, k, B)``, whose last row is now, in the order of ``LAG_NAMES``.

    Parameters
    ----------
    series : array (T, k, B)
        At least ``lookback_steps`` rows.
    knots : array (K,)
        Horizons, at most a day [control steps].
    step_s : float
        Control step [s].
    """
    day, half = steps_per_day(step_s), round(HALF_WINDOW_S / step_s)
    if len(series) < lookback_steps(step_s) or int(knots.max()) > day:
        raise ValueError(
            f"lags of {len(series)} rows at horizons up to {int(knots.max())}; give at least "
            f"{lookback_steps(step_s)} rows (a week and the present) and horizons of at most {day} steps"
        )
    constant = (smoothed_now(series, step_s), _mean(series, day // 24), _mean(series, day))
    found = np.empty((len(knots), *series.shape[1:], len(LAG_NAMES)))
    for i, h in enumerate(knots):
        past = [_around(series, int(h) - d * day, half) for d in range(1, LOOKBACK_DAYS + 1)]
        values = (*constant, past[0], past[-1], sum(past) / LOOKBACK_DAYS)
        for j, value in enumerate(values):
            found[i, ..., j] = value
    return found


def smoothed_now(series: Floats, step_s: float) -> Floats:
    """Mean ``(k, B)`` of the last quarter of an hour."""
    return _mean(series, max(1, round(HALF_WINDOW_S / step_s)))


def _mean(series: Floats, rows: int) -> Floats:
    last: Floats = series[-rows:].mean(axis=0, dtype=np.float64)
    return last


def _around(series: Floats, offset: int, half: int) -> Floats:
    """Mean around ``offset`` steps from now (0 or less), as far as it has been."""
    centre = len(series) - 1 + offset
    around: Floats = series[centre - half : centre + half + 1].mean(axis=0, dtype=np.float64)
    return around
