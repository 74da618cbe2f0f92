"""Telemetry of a core that is played: a recorder, and what it may read, sensors or the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from envs.controllers.base import Controller
from envs.core import DataCenterCore
from envs.episodes.world import Outside
from envs.interface.sensors import SensorBank, SensorState
from envs.physics.namespace import Floats
from envs.plant.machines import reported
from envs.play import Step, play
from envs.twin.telemetry.quantities import QUANTITIES
from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER, Telemetry

Reader = Callable[[Step], Mapping[str, Any]]

START_UTC = np.datetime64("2023-01-01T00:00:00", "s")  # first row of all that is simulated, whatever day is played
METER_STREAM = 1_000_003  # added to the noise seed, so that meters and sensors do not share their errors
PLANT_POINTS = (
    INLET, "zone_inlet_max_c", "zone_supply_c", "zone_fan_speed_frac", "coil_valve_frac", "room_dew_point_c",
    "chw_supply_c", "chiller_plr_frac", "chillers_running", "chiller_hold_frac", "economizer_on",
    "economizer_hold_frac", "cw_supply_c", "tower_cells_running", "tower_hold_frac", "fws_supply_c",
    "dry_cooler_pad_on", "tcs_supply_c", "row_demand_share", "battery_soc_frac", "site_elevation_m", "dry_bulb_c",
    "wet_bulb_c", "hour_sin", "hour_cos",
)  # fmt: skip


class Recorder:
    """Rows of what a reader shows after every control step.

    Parameters
    ----------
    core : DataCenterCore
        Gives step, batch and dtype of the rows.
    read : callable
        Of a step that was just made: name to ``(k, B)``, ``(B,)`` or a number; the same names every time.
    steps : int
        Rows to make room for.
    """

    def __init__(self, core: DataCenterCore, read: Reader, steps: int) -> None:
        self.core, self.read, self.steps = core, read, steps
        self.values: dict[str, Floats] = {}
        self.row = 0

    def add(self, step: Step) -> None:
        """Append what the reader shows."""
        for name, value in self.read(step).items():
            shown = np.atleast_2d(value)
            if not self.row:
                self.values[name] = np.empty((self.steps, len(shown), self.core.num_envs), self.core.dtype)
            self.values[name][self.row] = shown
        self.row += 1

    def telemetry(self) -> Telemetry:
        """What was read so far, as views."""
        read = {name: rows[: self.row] for name, rows in self.values.items()}
        return Telemetry(read, self.core.step_s, np.full(self.core.num_envs, START_UTC))


def record_telemetry(core: DataCenterCore, controller: Controller, steps: int, read: Reader) -> Telemetry:
    """Telemetry of ``steps`` control steps under a controller; arguments as of `play` and `Recorder`."""
    recorder = Recorder(core, read, steps)
    for step in play(core, controller, steps):
        recorder.add(step)
    return recorder.telemetry()


class PointReader:
    """Reads the core's points, and meters of cooling power and of every rack through the same sensor layer.

    Parameters
    ----------
    core : DataCenterCore
        After ``reset``.
    points : sequence of str
        Which points to keep, besides all setpoints in force; those that the hall lacks are left out.
    """

    def __init__(self, core: DataCenterCore, points: Sequence[str] = PLANT_POINTS) -> None:
        meters = {COOLING: ("power", 1), RACK_POWER: ("power", core.plant.layout.n_racks)}
        self.core = core
        self.bank = SensorBank(core.scenario.sensors, meters, core.step_s, core.dtype)
        self.state: SensorState | None = None
        self.kept = [n for n in core.measurements() if n in points or n.startswith("in_force.")]

    def __call__(self, step: Step) -> dict[str, Floats]:
        """Readings after a step ``{name: (k, B)}``."""
        measured = self.core.measurements()
        return {name: measured[name] for name in self.kept} | self._meter_readings()

    def _meter_readings(self) -> dict[str, Floats]:
        core, plan = self.core, self.core.plan
        true = self.bank.stack({name: getattr(core.flows, name) for name in self.bank.rows})
        seed = plan.noise_seed + METER_STREAM
        if self.state is None:
            self.state = self.bank.initial(true, seed, plan.episode)
        self.state, seen = self.bank.measure(self.state, true, seed, plan.episode, core.t)
        return self.bank.split(seen)


def true_value_reader(core: DataCenterCore, names: Sequence[str]) -> Reader:
    """Reader of the true values of quantities, as no sensor errs."""

    def read(step: Step) -> dict[str, Any]:
        return {name: true_value(core, step.outside, name) for name in names}

    return read


def true_value(core: DataCenterCore, outside: Outside, name: str) -> Any:
    """True value of a quantity in the step that was just made, under the signals of that step."""
    state, role = core.state, QUANTITIES[name].role
    assert state is not None
    if role == "setpoint":
        return core.in_force[name]
    if role == "weather":
        return getattr(outside, name)
    modes = reported(core.plant, state) if role == "mode" else {}
    return modes[name] if name in modes else getattr(core.flows, name)
