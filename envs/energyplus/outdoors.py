"""The outdoor air that EnergyPlus makes of a weather file, read back, so that both plants stand in the same weather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.energyplus.building import RunPeriod, simulation
from envs.energyplus.engine import Variable, simulate
from envs.episodes.world import FORECAST_H, Outside, World

KEY = "Environment"
OUTDOORS = {
    "dry_bulb_c": Variable("Site Outdoor Air Drybulb Temperature", KEY),
    "wet_bulb_c": Variable("Site Outdoor Air Wetbulb Temperature", KEY),
    "humidity_ratio": Variable("Site Outdoor Air Humidity Ratio", KEY),
    "pressure_kpa": Variable("Site Outdoor Air Barometric Pressure", KEY, 1e-3),
}


def outdoors(weather: Path, period: RunPeriod) -> dict[str, NDArray[np.float64]]:
    """Outdoor conditions of a run period by our names, ``(T,)`` each: EnergyPlus without a building."""
    return simulate(simulation(period), weather, OUTDOORS).values


def with_outdoors(world: World, weather: Path, periods: Sequence[tuple[int, RunPeriod]]) -> World:
    """The world with EnergyPlus's outdoor conditions in these periods.

    Parameters
    ----------
    world : World
        Of one site, built from the same weather file.
    weather : Path
        EPW file.
    periods : sequence of (int, RunPeriod)
        First row of each in the site's year, and the period.
    """
    pool = world.site_pool.copy()
    for first, period in periods:
        for name, values in outdoors(weather, period).items():
            pool[first : first + len(values), Outside._fields.index(name)] = values
    wet_bulb = pool[:, Outside._fields.index("wet_bulb_c")]
    for hours, name in zip(FORECAST_H, ("forecast_wet_bulb_1h_c", "forecast_wet_bulb_4h_c"), strict=True):
        pool[:, Outside._fields.index(name)] = np.roll(wet_bulb, -round(hours * world.steps_per_day / 24))
    return replace(world, site_pool=pool)
