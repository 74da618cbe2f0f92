"""A hall whose plant is EnergyPlus, stepped as the simulated one is: a building that nobody of this house wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envs.core import DataCenterCore
from envs.energyplus.plant import EnergyPlusPlant
from envs.scenario import Scenario
from experiments.simulated_site.hall import SimulatedHall
from experiments.transfers.setting import setting, weather_path


@contextmanager
def energyplus_hall(scenario: Scenario, weather: str, month: int, days: int, seed: int = 0) -> Iterator[SimulatedHall]:
    """A hall on EnergyPlus, which ends with the block.

    Parameters
    ----------
    scenario : Scenario
        One whose machines EnergyPlus has, such as ``legacy_air``.
    weather : str
        An EPW file, or its name in the EnergyPlus wheel.
    month : int
        1 to 12.
    days : int
        Days until EnergyPlus ends.
    seed : int
        Of sensors.

    Raises
    ------
    ValueError
        Where EnergyPlus has not the scenario's machines, or no year has the days.
    """
    given = setting(scenario, weather_path(weather), [month], days)
    first_day = int(given.plan.site_start[0]) // given.world.steps_per_day
    plant = EnergyPlusPlant(given.scenario, given.weather, first_day, days)
    core = DataCenterCore(given.scenario, 1, world=given.world, plant=plant)
    try:
        yield SimulatedHall(given.scenario, seed, core, given.plan)
    finally:
        plant.close()
