"""Halls and climates whose EnergyPlus telemetry our scenario is fitted to: file in, file out, and a calibration.

A building's path is walked in full: ``telemetry.csv`` and ``points.yaml`` are written, read back through the point map,
screened, fitted on four weeks of the year and judged on months without any of them.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.runtime.manifest import file_hash
from envs.energyplus import hall, plant, readings
from envs.energyplus.engine import engine_version, weather_files
from envs.scenario import Scenario, load
from envs.signals.weather.epw import read_epw
from envs.twin.calibration.fit import Report
from envs.twin.screening.screen import ScreenedTelemetry
from envs.twin.telemetry import excitation, synthetic
from envs.twin.telemetry.recorder import START_UTC
from envs.twin.telemetry.synthetic import write
from envs.twin.telemetry.telemetry import Telemetry
from envs.whole_file import write_whole
from experiments.calibration import energyplus_telemetry
from experiments.calibration.energyplus_hall import JudgedFit, calibrate_months
from experiments.calibration.energyplus_telemetry import Stretch, log_year
from experiments.calibration.screened import screened_file
from experiments.records.provenance import content_hash, plant_hash

FITTED = Stretch((1, 4, 7, 10), 7)
HELD_OUT = Stretch((2, 5, 8, 11), 28)
KEY, ROWS = "key.txt", "rows.json"
COLD_RANGES = (
    "channel_ranges.chw_supply_temp_setpoint_c=[5.5,9.5]",
    "channel_ranges.supply_air_temp_setpoint_c=[13.0,20.0]",
    *("rules.chilled_water.low=5.5", "rules.chilled_water.high=9.5", "rules.chilled_water.start=8"),
    "legacy_setpoints.chw_supply_temp_setpoint_c=7",
    *("rules.supply_air.low=13", "rules.supply_air.high=20", "rules.supply_air.start=16"),
)


class HallStudy(NamedTuple):
    """A hall: scenario by name or file of ``configs/validation``, its overrides, and what the reader must know."""

    scenario: str
    overrides: tuple[str, ...]
    words: str


STUDIES = {
    "legacy_air": HallStudy(
        "legacy_air",
        (),
        "80 racks, chiller D, two tower cells, constant pump, no economizer; chilled water stepped in 6.9-11.1 degC",
    ),
    "hall_cold": HallStudy(
        "chilled_water_hall.yaml",
        COLD_RANGES,
        "13 racks, chiller B, one tower cell, variable pump, economizer; chilled water stepped in 6.1-8.9 degC, inside "
        "the chiller's published box",
    ),
    "hall_warm": HallStudy(
        "chilled_water_hall.yaml",
        (),
        "the same hall with chilled water stepped in 15.2-20.8 degC, outside the box: EnergyPlus extrapolates the "
        "chiller's polynomial, ours follows the Carnot lift, on purpose",
    ),
}


class Hall(NamedTuple):
    """A hall at its site with what its file says, screened, and the rows of each month in it."""

    scenario: Scenario
    checked: ScreenedTelemetry
    rows: dict[int, tuple[int, int]]
    hashes: dict[str, str]


class StudyRun(NamedTuple):
    """One study in one climate, with what it came from."""

    name: str
    climate: str
    sizes: Scenario
    judged: JudgedFit
    facts: dict[str, Any]


def scenario_of(study: HallStudy) -> Scenario:
    """The hall that EnergyPlus is generated from."""
    if not study.scenario.endswith(".yaml"):
        return load(study.scenario, study.overrides)
    with resources.as_file(resources.files("configs").joinpath("validation", study.scenario)) as path:
        return load(str(path), study.overrides)


def telemetry_hash(scenario: Scenario, weather: Path, stretches: Sequence[Stretch], seed: int) -> str:
    """SHA-256 of what makes a telemetry file: the model as generated, weather, our racks, the steps and sensors."""
    orders = dict.fromkeys(hall.actuators(scenario), 0.0)
    model = hall.closed_loop_model(scenario, plant.run_period(0, 1, scenario.episode.step_s), orders)
    written = [inspect.getsource(m) for m in (energyplus_telemetry, plant, readings, excitation, synthetic)]
    hall_of = [scenario.hash(), plant_hash(), engine_version()]
    return content_hash([model, file_hash(weather), *hall_of, *written, list(stretches), seed])


def run(
    name: str,
    climate: str,
    keep: Path,
    seed: int = 0,
    report: Report | None = None,
    fitted: Stretch = FITTED,
    held_out: Stretch = HELD_OUT,
    window_s: float = 86_400.0,
    parameters: Sequence[str] = (),
) -> StudyRun:
    """Log a year in EnergyPlus (or find it in ``keep``), calibrate, judge.

    Parameters
    ----------
    name, climate : str
        Key of `STUDIES`; weather file of the wheel, such as ``il_chicago``.
    keep : Path
        Folder of the telemetry files.
    seed : int
        Of steps, sensors and gaps, and of the wrong sizes.
    report : callable, optional
        Called with words and the share of the fit that is done.
    fitted, held_out : Stretch
        Months to fit and to judge.
    window_s : float
        How long a replay runs before it begins anew [s].
    parameters : sequence of str
        Parts of parameter paths to fit; all where empty.
    """
    study = STUDIES[name]
    stretches = (fitted, held_out)
    hall = hall_with_file(name, climate, keep, seed, stretches)
    start = time.perf_counter()
    found = calibrate_months(
        hall.scenario, hall.checked.telemetry, hall.rows, fitted.months, seed, report, window_s, parameters
    )
    facts = {
        "words": study.words,
        "seed": seed,
        "scenario_hash": hall.scenario.hash(),
        **hall.hashes,
        "fitted_days": found.found.fitted.count,
        "converged": found.found.fit.converged,
        "iterations": len(found.found.fit.costs) - 1,
        "fit_and_judging_s": round(time.perf_counter() - start),
        "findings": len(hall.checked.findings),
    }
    return StudyRun(name, climate, hall.scenario, found, facts)


def hall_with_file(name: str, climate: str, keep: Path, seed: int, stretches: Sequence[Stretch]) -> Hall:
    """A study's hall with its telemetry file, logged anew where ``keep`` has none of the same making."""
    files = weather_files()
    if climate not in files:
        raise ValueError(f"climate {climate!r} is unknown; the wheel carries {', '.join(files)}")
    scenario, weather, folder = scenario_of(STUDIES[name]), files[climate], keep / f"{name}_{climate}_{seed}"
    key = telemetry_hash(scenario, weather, stretches, seed)
    if not (folder / KEY).is_file() or (folder / KEY).read_text(encoding="utf-8") != key:
        made = log_year(scenario, weather, stretches, seed)
        folder.mkdir(parents=True, exist_ok=True)
        write(made.telemetry, folder)
        write_whole(folder / ROWS, json.dumps(made.rows))
        write_whole(folder / KEY, key)
    site = replace(scenario, elevation_m=read_epw(weather).elevation_m)  # where EnergyPlus's hall stands
    table = folder / "telemetry.csv"
    checked = screened_file(site, table, folder / "points.yaml")
    rows = {int(m): span for m, span in json.loads((folder / ROWS).read_text(encoding="utf-8")).items()}
    hashes = {"weather_hash": file_hash(weather), "telemetry_hash": file_hash(table)}
    return Hall(site, checked, _rows_in_file(rows, checked.telemetry), hashes)


def _rows_in_file(rows: Mapping[int, Sequence[int]], telemetry: Telemetry) -> dict[int, tuple[int, int]]:
    """Rows of the months in a file that begins at its first logged row."""
    first = round(float((telemetry.start_utc[0] - START_UTC) / np.timedelta64(1, "s")) / telemetry.step_s)
    return {month: (start - first, stop - first) for month, (start, stop) in rows.items()}
