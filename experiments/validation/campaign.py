"""The comparisons a validation consists of: which plant, run how, in which climates; both plants, one after the other.

EnergyPlus runs first; ours replays the weather, load and setpoints that were in force in it, all climates at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.runtime.manifest import file_hash
from envs.energyplus import dx_room, engine, shared_rule, water_cooled_hall
from envs.energyplus.building import RunPeriod
from envs.energyplus.engine import SECONDS_PER_HOUR
from envs.energyplus.epjson import Model
from envs.scenario import Scenario, load
from envs.signals.weather.epw import read_epw
from experiments.validation import components
from experiments.validation.bars import ComponentRow
from experiments.validation.compare import Pair
from experiments.validation.guideline14 import agreement, means_by
from experiments.validation.replay import SECONDS_PER_DAY, replay
from experiments.validation.schedules import COLD, WARM, Case, cw_setpoint_c, hourly_year
from experiments.validation.stored_run import stored_or_new_run

CLIMATES = ("il_chicago", "fl_miami", "co_denver", "ca_san_francisco", "az_phoenix")
ABLATION_CLIMATES = ("il_chicago",)
PIECES = 24  # of a year that our plant steps side by side
WHOLE_YEAR = RunPeriod()


class Study(NamedTuple):
    """One plant run one way.

    Attributes
    ----------
    plant : str
        Scenario of ``configs/validation``.
    case : Case
        Setpoints.
    name : str
        Of the way it is run, in tables.
    inside_box : bool
        Whether EnergyPlus holds the chiller's curves at the ends of their published box or extrapolates them.
    overrides : tuple of str
        Of the scenario, for both plants.
    ablation : bool
        Run in few climates, to tell where a difference comes from; not judged.
    words : str
        What the reader must know about it.
    shared_rule : bool
        Whether our supervisory rule switches EnergyPlus's economizer and chiller too, or each plant has its own.
    """

    plant: str
    case: Case
    name: str
    inside_box: bool
    words: str
    overrides: tuple[str, ...] = ()
    ablation: bool = False
    shared_rule: bool = False


OWN = ". Each plant has its own control: EnergyPlus's has no hysteresis and starts the chiller for any load"
SHARED = (
    ". Both plants are run by one supervisory rule, ours, each at its own temperatures (hysteresis and lockout of the "
    "economizer, staging of the chiller)"
)
NO_MINIMUM = ("chilled_water.evaporator_min_flow_frac=0",)
HALL_COLD = Study(
    "chilled_water_hall", COLD, "cold", True, "chilled water 7-8.9 degC, inside the published box of chiller B"
)
HALL_WARM = Study(
    "chilled_water_hall",
    WARM,
    "warm",
    False,
    "chilled water 15-18 degC: EnergyPlus extrapolates the chiller's polynomial, ours gains 3 % per kelvin",
)
STUDIES = {
    "hall_cold": HALL_COLD._replace(words=HALL_COLD.words + OWN),
    "hall_warm": HALL_WARM._replace(words=HALL_WARM.words + OWN),
    "hall_cold_shared": HALL_COLD._replace(name="cold, one rule", words=HALL_COLD.words + SHARED, shared_rule=True),
    "hall_warm_shared": HALL_WARM._replace(name="warm, one rule", words=HALL_WARM.words + SHARED, shared_rule=True),
    "air_cooled": Study(
        "air_cooled_hall",
        COLD,
        "cold",
        True,
        "chiller F, published for outdoor air of 29.4-46.1 degC: below it EnergyPlus holds the curve, ours follows the "
        "Carnot lift on purpose. The rows 'in the box' are the hours above 29.4 degC",
    ),
    "dx_room": Study("dx_room", WARM, "warm", True, "units of the shape of chiller F; the same box"),
    "hall_warm_free_flow": Study(
        "chilled_water_hall", WARM, "warm, no minimum flow", False, "as warm, with no minimum flow", NO_MINIMUM, True
    ),
    "hall_warm_held": Study(
        "chilled_water_hall",
        WARM,
        "warm, curves held",
        True,
        "as warm, with EnergyPlus's curves held at the ends of the box instead of extrapolated",
        (),
        True,
    ),
}


class StudyOutcome(NamedTuple):
    """A study in its climates: pairs of years, machines under equal conditions, warnings of EnergyPlus."""

    study: Study
    scenario: Scenario
    pairs: list[Pair]
    components: list[ComponentRow]
    warnings: dict[str, list[str]]


def scenario_of(study: Study) -> Scenario:
    """The study's scenario, from ``configs/validation``."""
    with resources.as_file(resources.files("configs").joinpath("validation", f"{study.plant}.yaml")) as path:
        return load(str(path), study.overrides)


def model_of(study: Study, scenario: Scenario, elevation_m: float, period: RunPeriod) -> Model:
    """The EnergyPlus model of a study."""
    if scenario.dx is not None:
        return dx_room.dx_model(scenario, elevation_m, period)
    return water_cooled_hall.hall_model(scenario, elevation_m, period, study.inside_box, switched=study.shared_rule)


def energyplus_year(
    study: Study, weather: Path, period: RunPeriod = WHOLE_YEAR, keep: Path | None = None
) -> engine.EngineRun:
    """One run of EnergyPlus under the study's schedules; the hours of the year count from the run's first.

    ``keep`` is a folder in which runs are kept and found again.
    """
    scenario, elevation = scenario_of(study), read_epw(weather).elevation_m
    model = model_of(study, scenario, elevation, period)
    read = dx_room.variables(scenario) if scenario.dx is not None else water_cooled_hall.variables(scenario)
    levers = water_cooled_hall.actuators(scenario) | water_cooled_hall.economizer_actuators(scenario)
    play = water_cooled_hall.with_economizer_guard(_year_control(study.case, scenario, period.steps_per_hour), scenario)
    rule: list[Any] = []
    if study.shared_rule:
        read, levers = read | shared_rule.rule_variables(), levers | shared_rule.rule_actuators()
        play = shared_rule.with_our_rule(play, scenario, SECONDS_PER_HOUR / period.steps_per_hour)
        rule = shared_rule.rule_fingerprint(scenario)
    year = [column.tolist() for column in hourly_year(study.case)]
    depends_on = [model, file_hash(weather), year, list(study.case), read, levers, engine.engine_version(), *rule]
    return stored_or_new_run(keep, depends_on, lambda: engine.simulate(model, weather, read, levers, play))


def _year_control(case: Case, scenario: Scenario, steps_per_hour: int) -> engine.Control:
    """Load and setpoints of the year as a control; the condenser water follows the wet bulb of the step before."""
    year, designs = hourly_year(case), water_cooled_hall.it_design_kw(scenario)

    def control(step: int, measured: dict[str, float] | None) -> dict[str, float]:
        hour = step // steps_per_hour
        asked: dict[str, float] = {}
        for z, design in enumerate(designs):
            asked[f"it_kw[{z}]"] = year.it_frac[hour] * design
            asked[f"crah_fan_speed_frac[{z}]"] = year.fan_speed_frac[hour]
            asked[f"supply_air_temp_setpoint_c[{z}]"] = year.supply_air_c[hour]
        if scenario.chilled_water is not None:
            asked["chw_supply_temp_setpoint_c"] = year.chw_c[hour]
        if scenario.tower is not None and measured is not None:
            asked["cw_supply_temp_setpoint_c"] = cw_setpoint_c(case, measured["wet_bulb_c"])
        return asked

    return control


def run_study(
    study: Study,
    climates: Sequence[str],
    period: RunPeriod = WHOLE_YEAR,
    pieces: int = PIECES,
    early_s: float = SECONDS_PER_DAY,
    keep: Path | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> StudyOutcome:
    """Run both plants through a study.

    Parameters
    ----------
    study : Study
    climates : sequence of str
        Names of `engine.weather_files`.
    period : RunPeriod
        The whole year, or days of it.
    pieces : int
        Of the period that our plant steps side by side; 1 for a few days.
    early_s : float
        How long before its report each of them begins [s].
    keep : Path, optional
        Folder in which EnergyPlus's runs are kept and found again.
    told : callable
        Hears a line of progress after every run.

    Raises
    ------
    ValueError
        Where a climate is unknown or EnergyPlus is not installed.
    """
    files = engine.weather_files()
    unknown = [c for c in climates if c not in files]
    if unknown:
        raise ValueError(f"climates {unknown} are unknown; the wheel carries {', '.join(files)}")
    runs = []
    for climate in climates:
        runs.append(energyplus_year(study, files[climate], period, keep))
        told(f"{study.plant} {study.name}: EnergyPlus in {climate}, {runs[-1].system_steps} system steps")
    scenario = scenario_of(study)
    elevations = [read_epw(files[climate]).elevation_m for climate in climates]
    ours = replay(scenario, elevations, [run.values for run in runs], runs[0].step_s, pieces, early_s)
    told(f"{study.plant} {study.name}: our plant in {len(runs)} climates")
    pairs = [
        Pair(study.plant, study.name, climate, run.values, own, run.month, run.hour)
        for climate, run, own in zip(climates, runs, ours, strict=True)
    ]
    machines = [
        row
        for pair, elevation in zip(pairs, elevations, strict=True)
        for row in component_rows(pair, scenario, elevation)
    ]
    return StudyOutcome(study, scenario, pairs, machines, {c: r.warnings for c, r in zip(climates, runs, strict=True)})


def component_rows(pair: Pair, scenario: Scenario, elevation_m: float) -> Iterator[ComponentRow]:
    """Hourly agreement of every machine under EnergyPlus's boundary conditions, of the steps in which it ran."""
    if scenario.chilled_water is None:
        compared = [components.dx_unit_power(scenario, pair.energyplus)]
    else:
        compared = components.components(scenario, elevation_m, pair.energyplus)
    for c in compared:
        if np.count_nonzero(c.counts) < 2 * len(pair.hour) // max(int(pair.hour[-1]) + 1, 1):
            continue
        hour = pair.hour[c.counts]
        a = agreement(means_by(hour, c.energyplus[c.counts]), means_by(hour, c.ours[c.counts]))
        head = (pair.plant, pair.case, pair.climate, c.machine, c.quantity, c.unit)
        yield ComponentRow(*head, a.mean, a.bias, a.rmse, a.cv_rmse_frac, a.n)
