"""Weather and grid of one site as one block, so that an environment gathers all of it with one ``take`` per step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.signals.grid.grid import GridSamples, GridSignals
from envs.signals.weather.weather import Weather, WeatherSamples

SITE_SIGNALS: tuple[str, ...] = (*WeatherSamples._fields, *GridSamples._fields)


def site_signals(weather: Weather, grid: GridSignals, step_s: float) -> NDArray[np.float32]:
    """Put every signal of a site on the control grid.

    Parameters
    ----------
    weather : Weather
        Decides the grid: step 0 is local midnight of its first day (``weather.grid_start_utc``).
    grid : GridSignals
        Of at least the same span; aligned in UTC, or by the day of the year where its calendar year differs.
    step_s : float
        Control step [s]; must divide a day.

    Returns
    -------
    numpy.ndarray, shape (T, C)
        float32, contiguous; columns are `SITE_SIGNALS`.
    """
    outside = weather.sample(step_s)
    power = grid.sample(step_s, weather.grid_start_utc, weather.span_s)
    return np.ascontiguousarray(np.stack([*outside, *power], axis=1))
