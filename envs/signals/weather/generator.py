"""Synthetic weather years from monthly normals: PHYSICS K1, hourly, never twice the same year."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.signals.noise import autoregressive_noise
from envs.signals.plain_year import DAYS_PER_YEAR, MONTH_DAYS, MONTH_EDGES
from envs.signals.weather.climates import Climate
from envs.signals.weather.periodic_spline import periodic_spline_slope

DAY_PERSISTENCE = 0.7  # phi of the AR(1) day anomaly, PHYSICS K1
DEW_POINT_COUPLING = 0.6  # share of the anomaly the dew point follows, PHYSICS K1
IN_MONTH_VARIANCE = 0.725  # expected 30-day sample variance of the anomaly, interpolated between noons, per unit AR(1)


def smooth_year(monthly: NDArray[np.float64], days: NDArray[Any]) -> NDArray[np.float64]:
    """Draw a smooth year through monthly means: no kinks, and each month's mean is kept exactly.

    The derivative of the periodic cubic spline through the running integral at the month edges.

    Parameters
    ----------
    monthly : numpy.ndarray, shape (12,)
        Monthly means, any unit.
    days : numpy.ndarray
        Days since 1 January 00:00 local standard time, of any shape; wraps after 365.

    Returns
    -------
    numpy.ndarray
        Values at ``days``, unit of ``monthly``.
    """
    mean = float(np.dot(monthly, MONTH_DAYS)) / DAYS_PER_YEAR
    integral = np.concatenate([[0.0], np.cumsum((monthly - mean) * MONTH_DAYS)])
    integral[-1] = 0.0
    return mean + periodic_spline_slope(np.asarray(MONTH_EDGES, np.float64), integral, np.mod(days, DAYS_PER_YEAR))


def _anomaly_variance_k2(climate: Climate) -> NDArray[np.float64]:
    """Return the variance (12,) of the day anomaly [K2] that gives daily means the spread of the normals.

    The seasonal trend within a month is already part of that spread; at least a tenth of its variance stays weather.
    """
    days = smooth_year(climate.temp_mean_c, np.arange(DAYS_PER_YEAR) + 0.5)
    trend = np.array([days[a:b].var() for a, b in zip(MONTH_EDGES[:-1], MONTH_EDGES[1:])])
    spread = climate.day_mean_sd_k**2
    return np.maximum(spread - trend, 0.1 * spread) / IN_MONTH_VARIANCE


def hourly_weather(climate: Climate, seed: int, years: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dry bulb and dew point [degC], each (8760 * years,), at the local standard hours 0, 1, 2, ...

    ``T = Tbar + A cos(2 pi (h - h_max)/24) + a``, ``Td = min(Td_bar + 0.6 a, T)`` with the AR(1) day anomaly ``a``
    (PHYSICS K1); normals interpolated smoothly over the year, the anomaly linearly between noons.

    Parameters
    ----------
    climate : Climate
        Monthly normals.
    seed : int
        With the site's key it decides everything.
    years : int
        Years of 365 days; they differ from each other.
    """
    if years < 1 or seed < 0:
        raise ValueError(f"years = {years}, seed = {seed}; give years >= 1 and a seed >= 0")
    rng = np.random.default_rng([zlib.crc32(climate.site.key.encode()), seed])
    count = DAYS_PER_YEAR * years
    hours = np.arange(24 * count)
    days = hours / 24.0
    noons = np.arange(count + 2) - 0.5
    spread = np.sqrt(np.maximum(smooth_year(_anomaly_variance_k2(climate), days), 0.0))
    anomaly = np.interp(days, noons, autoregressive_noise(rng, count + 2, DAY_PERSISTENCE)) * spread
    phase = 2.0 * np.pi * (hours % 24 - smooth_year(climate.hour_of_max, days)) / 24.0
    amplitude = np.maximum(smooth_year(climate.diurnal_amplitude_k, days), 0.0)
    dry_bulb = smooth_year(climate.temp_mean_c, days) + amplitude * np.cos(phase) + anomaly
    dew_point = smooth_year(climate.dew_point_c, days) + DEW_POINT_COUPLING * anomaly
    return dry_bulb, np.minimum(dew_point, dry_bulb)
