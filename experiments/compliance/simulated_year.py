"""A simulated year as a building would meter it: hourly files and the file of meters that names them.

Twelve parts of a year run side by side, each from a settled start; the building's rules run the plant.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import draw_plan
from envs.episodes.world import World
from envs.scenario import Scenario
from envs.signals.weather.weather import load_weather
from envs.whole_file import whole_file, write_whole

YEAR, DAYS, PARTS = 2023, 365, 12
HOUR_S = 3600.0
METERS, FILE = "meters.yaml", "meters.csv"
Floats = NDArray[np.float64]
#: Columns of the file: quantity, unit, and what it reads.
COLUMNS = {
    "total_energy_kwh": ("total_energy", "kWh", "interval"),
    "it_energy_kwh": ("it_energy", "kWh", "interval"),
    "makeup_water_l": ("water", "L", "interval"),
    "carbon_kg": ("carbon", "kg", "interval"),
    "supply_air_setpoint_c": ("intake_temperature", "degC", "mean"),
}


def write_year(scenario: Scenario, folder: Path) -> Path:
    """Simulate a year and write its meters; the file that names them.

    Raises
    ------
    ValueError
        Where a twelfth of a year or an hour is not a whole number of the scenario's steps.
    """
    import pandas as pd

    offset_h = float(load_weather(scenario.site.climates[0], 0, site=scenario.site.weather_site or None).utc_offset_h)
    hourly = simulated_hours(scenario)
    start = np.datetime64(f"{YEAR}-01-01T00:00:00", "s") - np.timedelta64(round(offset_h * HOUR_S), "s")
    stamps = start + np.arange(len(hourly["carbon_kg"])) * np.timedelta64(1, "h")
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / FILE) as draft:
        rows = {"time": np.datetime_as_string(stamps, unit="s", timezone="UTC"), **hourly}
        pd.DataFrame(rows).to_csv(draft, index=False, float_format="%.9g")
    entries = [
        {"name": column, "quantity": quantity, "file": FILE, "column": column, "unit": unit, "reads": reads}
        for column, (quantity, unit, reads) in COLUMNS.items()
    ]
    rated_kw = float(DataCenterCore(scenario, 1).plant.layout.rated_it_kw)
    site = {
        "name": scenario.name,
        "year": YEAR,
        "simulated": True,
        "utc_offset_h": offset_h,
        "facts": {"installed_it_kw": round(rated_kw, 3)},
        "meters": entries,
    }
    write_whole(folder / METERS, yaml.safe_dump(site, sort_keys=False))
    return folder / METERS


def simulated_hours(scenario: Scenario, days: int = DAYS) -> dict[str, Floats]:
    """What the meters of `COLUMNS` count in each hour of the first ``days`` of a year ``(hours,)``."""
    step_s = float(scenario.episode.step_s)
    steps, per_hour = days * 86_400.0 / PARTS / step_s, HOUR_S / step_s
    if steps % 1.0 or per_hour % 1.0 or steps % per_hour:
        raise ValueError(
            f"episode.step_s = {step_s:g}: a twelfth of {days} days and an hour are whole numbers of steps in a "
            "simulated year; give 60, 100 or 300"
        )
    whole = replace(scenario, episode=replace(scenario.episode, steps=round(steps)))
    world = World.build(whole)
    rngs = [np.random.default_rng([0, part]) for part in range(PARTS)]
    plan = draw_plan(whole, world, rngs, np.zeros(PARTS, np.int64))
    starts = np.arange(PARTS) * round(steps)
    loads = [
        world.draw_load_start(rng, int(first // world.steps_per_day), int(first % world.steps_per_day))
        for rng, first in zip(rngs, starts)
    ]
    plan = plan._replace(site=plan.site * 0, site_start=starts, load=plan.load * 0, load_start=np.array(loads))
    core = DataCenterCore(whole, PARTS, world=world)
    core.reset(seed=0, plan=plan)
    counted = np.zeros((len(COLUMNS), round(steps / per_hour), PARTS))
    for t in range(round(steps)):
        carbon_g_kwh = np.asarray(core.outside.carbon_g_kwh, np.float64)
        core.step_setpoints(core.rules.act(core.measurements()))
        counted[:, t // round(per_hour)] += _counted(core, carbon_g_kwh, step_s / HOUR_S, per_hour)
    return dict(zip(COLUMNS, counted.transpose(0, 2, 1).reshape(len(COLUMNS), -1)))


def _counted(core: DataCenterCore, carbon_g_kwh: Floats, step_h: float, per_hour: float) -> Floats:
    """What the meters count in a step, in the order of `COLUMNS` ``(k, parts)``."""
    flows = core.flows
    energy_kwh = np.asarray(flows.grid_power_kw, np.float64) * step_h
    it_kwh = np.asarray(flows.it_power_kw + flows.pdu_loss_kw, np.float64) * step_h
    setpoint_c = np.asarray(core.in_force["supply_air_temp_setpoint_c"], np.float64).mean(axis=0) / per_hour
    water_l = np.asarray(flows.makeup_kg, np.float64)
    return np.stack([energy_kwh, it_kwh, water_l, energy_kwh * carbon_g_kwh * 1e-3, setpoint_c])
