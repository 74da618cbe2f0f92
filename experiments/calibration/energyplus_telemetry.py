"""Telemetry of a hall that EnergyPlus runs, as its building system would log it while the setpoints are stepped.

Each stretch of days is a run of its own (`second_plant`), all of them on one year's clock with one set of sensors.
EnergyPlus has no racks: ours turn the load into heat, and what is logged of them is the site's IT meter alone, because
all that EnergyPlus's well-mixed room knows of a rack is its share of that heat. Rack inlets are not logged, there being
no aisles. EnergyPlus has flows and no valve: what is logged is, as in our plant, the coil's water
over the water that the pumps on duty bring it with all valves wide open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.controllers.base import Controller
from envs.controllers.fixed import Fixed
from envs.core import DataCenterCore
from envs.energyplus.plant import EnergyPlusPlant
from envs.episodes.world import Outside
from envs.interface.channels import CHANNELS, Channel
from envs.physics.namespace import Floats
from envs.play import Step
from envs.scenario import Scenario
from envs.twin.telemetry.excitation import MOVED, Excitation
from envs.twin.telemetry.quantities import there
from envs.twin.telemetry.recorder import START_UTC, recorded, true_value
from envs.twin.telemetry.synthetic import measured
from envs.twin.telemetry.telemetry import Telemetry
from experiments.transfers.setting import Setting, setting
from experiments.validation.replay import pumped_frac

DAYS_A_YEAR = 365
FROM_NODES = ("chw_return_c",)  # EnergyPlus's own node, past the bypass; the second plant's flows have another
NOT_LOGGED = (
    *("rack_power_kw", "row_power_kw", "rack_inlet_c", "outside_rh_frac"),
    *("ups_power_kw", "pdu_loss_kw", "cooling_power_kw", "facility_power_kw"),
    *(c.name for c in CHANNELS.values() if c.kind != MOVED),
)


class Stretch(NamedTuple):
    """Days of a month that are logged: ``days`` in a row in each of ``months`` (1..12)."""

    months: tuple[int, ...]
    days: int


class Logged(NamedTuple):
    """A year's telemetry, empty where nothing was logged.

    Attributes
    ----------
    telemetry : Telemetry
        With noise, constant errors and gaps.
    rows : dict
        First and last row (excluded) of each month's stretch.
    """

    telemetry: Telemetry
    rows: dict[int, tuple[int, int]]


def logged(
    scenario: Scenario, weather: Path, stretches: Sequence[Stretch], seed: int = 0, gaps_frac: float = 0.05
) -> Logged:
    """Run EnergyPlus over the stretches and read its sensors.

    Parameters
    ----------
    scenario : Scenario
        The hall; see `hall_model.hall_model` for what it may have.
    weather : Path
        EPW file; the hall stands at its height.
    stretches : sequence of Stretch
        Every month in one of them at most.
    seed : int
        Of the steps, the sensors' errors and the gaps.
    gaps_frac : float
        Share of readings lost, see `envs.twin.telemetry.synthetic.measured`.
    """
    truth: dict[str, Floats] = {}
    rows: dict[int, tuple[int, int]] = {}
    for stretch in stretches:
        given = setting(scenario, weather, stretch.months, stretch.days)
        for i, month in enumerate(stretch.months):
            if month in rows:
                raise ValueError(f"month {month} is in two stretches; name each month once")
            first = int(given.plan.site_start[i])
            month_truth = record(given, i, seed + month)
            last = first + month_truth.rows
            for name, values in month_truth.series().items():
                year = np.full((DAYS_A_YEAR * given.world.steps_per_day, values.shape[1]), np.nan)
                truth.setdefault(name, year)[first:last] = values
            rows[month] = (first, last)
    whole = Telemetry.of_hall(truth, scenario.episode.step_s, START_UTC)
    telemetry = measured(whole, 0, scenario.sensors, seed, gaps_frac)
    return Logged(telemetry, dict(sorted(rows.items())))


def record(given: Setting, i: int, seed: int) -> Telemetry:
    """What EnergyPlus truly did in episode ``i`` under stepped setpoints."""
    columns: list[Any] = [column[i : i + 1] for column in given.plan]
    plan = given.plan._replace(**dict(zip(given.plan._fields, columns, strict=True)))
    day = int(plan.site_start[0]) // given.world.steps_per_day
    plant = EnergyPlusPlant(given.scenario, given.weather, day, given.episodes[i].days, dtype="float64")
    core = DataCenterCore(given.scenario, 1, dtype="float64", world=given.world, plant=plant)
    names = [name for name in there(plant.layout, given.scenario) if name not in NOT_LOGGED]

    def read(step: Step) -> dict[str, Any]:
        return {name: _value(plant, core, step.outside, name) for name in names}

    try:
        core.reset(plan=plan)
        controller = Excitation(middle(core.channels), core.channels, core.step_s, seed)
        controller.reset(1)
        return recorded(core, controller, given.scenario.episode.steps, read)
    finally:
        plant.close()


def middle(channels: Sequence[Channel]) -> Controller:
    """What the steps go around: the middle of each channel's range, so that they reach both ways."""
    return Fixed({c.name: [0.5 * (c.low + c.high)] * c.rows for c in channels if c.kind == MOVED})


def _value(plant: EnergyPlusPlant, core: DataCenterCore, outside: Outside, name: str) -> Any:
    """True value of a quantity in the step that was just made."""
    if name in FROM_NODES:
        return plant.seen[name]
    if name == "tower_cells_running":
        assert plant.scenario.tower is not None
        return plant.scenario.tower.duty_cells  # one tower stands for all cells on duty
    if name == "coil_valve_frac":
        ours = plant.ours
        assert ours.scenario.chilled_water is not None
        share = pumped_frac(ours.layout.zones, ours.scenario.chilled_water).item()
        return core.flows.coil_valve_frac / share  # the second plant's is over the coils' design
    return true_value(core, outside, name)


def only(telemetry: Telemetry, rows: Sequence[tuple[int, int]]) -> Telemetry:
    """The same clock with what was logged outside these rows taken out."""
    keep = np.zeros(telemetry.rows, bool)
    for start, stop in rows:
        keep[start:stop] = True
    return telemetry.with_values({n: np.where(keep[:, None, None], v, np.nan) for n, v in telemetry.values.items()})
