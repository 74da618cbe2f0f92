"""A year of weather on a world's calendar: 365 days from local midnight of 1 January, wherever a file starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.signals.plain_year import DAYS_PER_YEAR, is_leap_day, since_new_year_s
from envs.signals.weather.weather import Weather, WeatherSamples


def calendar_year(weather: Weather, name: str, year: int = 2023) -> Weather:
    """Roll a year of weather so that its first value is the first of a calendar year of 365 days.

    A year from July to June becomes its January to June followed by its July to December; 29 February is left out.

    Parameters
    ----------
    weather : Weather
        One year from any moment on.
    name : str
        What errors call it: a climate's key or a file's path.
    year : int
        The calendar year that it is said to be.

    Raises
    ------
    ValueError
        Where it covers less or more than one year.
    """
    offset = np.timedelta64(round(weather.utc_offset_h * 3600.0), "s")
    stamps = np.arange(len(weather.dry_bulb_c)) * np.timedelta64(round(weather.step_s * 1000.0), "ms")
    local = (weather.start_utc + offset).astype("datetime64[ms]") + stamps
    kept = ~is_leap_day(local)
    span_s = int(kept.sum()) * weather.step_s
    if abs(span_s - DAYS_PER_YEAR * 86_400.0) > 1e-6 * weather.step_s:
        first, last = (np.datetime_as_string(moment, unit="m") for moment in (local[0], local[-1]))
        raise ValueError(
            f"{name}: {len(local)} values every {weather.step_s:g} s from {first} to {last} local standard time cover "
            f"{span_s / 86_400.0:g} days without 29 February, expected one year of {DAYS_PER_YEAR} days; complete or "
            f"cut it (in a table the last value stands in line {len(local) + 1})"
        )
    since_s = since_new_year_s(local)
    order = np.flatnonzero(kept)[np.argsort(since_s[kept], kind="stable")]
    start = (
        np.datetime64(f"{year:04d}-01-01T00:00:00", "s") - offset + np.timedelta64(round(float(since_s[order[0]])), "s")
    )
    columns = {column: getattr(weather, column)[order] for column in WeatherSamples._fields}
    return replace(weather, start_utc=start, **columns)
