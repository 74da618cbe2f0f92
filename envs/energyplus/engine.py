"""Run an EnergyPlus model through the API of the wheel: measured names out, schedule values in, step by step.

A model is the dict of an epJSON file. The engine has no executable and no IDD in the wheel; everything goes through
``libenergyplusapi``. Values are means over the zone time step (EnergyPlus may cut it into several system steps, whose
values are weighted by their length), so energies add up whatever the sub-steps were.

To drive a running model in closed loop, hand ``simulate`` a ``control``::

    def control(step, measured):  # measured: means of the step before, or None at the first
        return {"chw_supply_temp_setpoint_c": 16.0 if step % 2 else 17.0}

    run = simulate(model, weather, {"chw_supply_c": Variable("System Node Temperature", "CHW Supply Outlet")},
                   actuators={"chw_supply_temp_setpoint_c": schedule_actuator("CHW Setpoint")}, control=control)
    run.values["chw_supply_c"]  # (T,)

``control`` is called once before every zone time step, outside the warm-up days; what it returns holds in that very
step and until it returns something else for the name. ``control(step, ...)`` decides step ``step`` and
``run.values[...][step]`` is its outcome. An exception inside it stops the simulation and is raised again here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ENGINE_VERSION = "25.2"
MISSING = (
    "EnergyPlus is not installed (package pyenergyplus-lbnl is missing); install the extra: "
    "pip install 'coldaisle[energyplus]'"
)
WEATHER_RUN = 3  # kind_of_sim of a run period on a weather file
SECONDS_PER_HOUR = 3600.0
#: What the engine says of every schedule without a type: one schedule may be a temperature, the next a fraction.
UNTYPED_SCHEDULE = ("ProcessScheduleInput", "schedule_type_limits_name", "Schedule will not be validated")

Control = Callable[[int, "dict[str, float] | None"], Mapping[str, float]]


class Variable(NamedTuple):
    """An output variable of EnergyPlus by its name and key; the value times ``scale`` plus ``offset`` is handed out."""

    name: str
    key: str
    scale: float = 1.0
    offset: float = 0.0


class Actuator(NamedTuple):
    """Something that EnergyPlus lets be set: component type, control type, unique key; what is set is divided by scale.

    Schedules keep what is set until it is set again; node setpoints of a setpoint manager do not: set schedules.
    """

    component: str
    control: str
    key: str
    scale: float = 1.0


class EngineRun(NamedTuple):
    """Outcome of a simulation.

    Attributes
    ----------
    values : dict of str to array (T,)
        Mean of every asked variable over each zone time step.
    month, hour : array (T,)
        Month 1..12 of a step; its hour of the year, counted from 0 at the run's start.
    step_s : float
        Zone time step [s].
    warnings : list of str
        Warnings of the engine, first lines, in order.
    system_steps : int
        System time steps: how often the engine cut its zone steps.
    """

    values: dict[str, np.ndarray]
    month: np.ndarray
    hour: np.ndarray
    step_s: float
    warnings: list[str]
    system_steps: int


def schedule_actuator(name: str, scale: float = 1.0) -> Actuator:
    """The value of a ``Schedule:Constant`` called ``name``."""
    return Actuator("Schedule:Constant", "Schedule Value", name, scale)


def available() -> bool:
    """Whether the engine can be imported here."""
    from importlib.util import find_spec

    return find_spec("pyenergyplus") is not None


def weather_files() -> dict[str, Path]:
    """The weather files that the wheel carries, by short name such as ``fl_miami``.

    Raises
    ------
    ValueError
        Where the wheel is not installed.
    """
    if not available():
        raise ValueError(MISSING)
    from pyenergyplus.dataset import weather_files as files

    return {name.removeprefix("usa_"): Path(path) for name, path in sorted(files.items())}


def engine_version() -> str:
    """Version of the wheel."""
    from importlib.metadata import version

    return version("pyenergyplus-lbnl")


def simulate(
    model: Mapping[str, Any],
    weather: Path,
    variables: Mapping[str, Variable],
    actuators: Mapping[str, Actuator] | None = None,
    control: Control | None = None,
) -> EngineRun:
    """Run a model over its run period.

    Parameters
    ----------
    model : mapping
        epJSON: ``{type: {name: {field: value}}}``.
    weather : Path
        EPW file.
    variables, actuators : mapping
        What is read and what may be set, by our names.
    control : callable, optional
        See the module.

    Raises
    ------
    ValueError
        Where the wheel is missing, or a variable or actuator does not exist in the model.
    RuntimeError
        Where EnergyPlus stops with an error; the message quotes its error file.
    """
    if not available():
        raise ValueError(MISSING)
    with tempfile.TemporaryDirectory(prefix="energyplus-") as folder:
        path = Path(folder) / "in.epJSON"
        path.write_text(json.dumps(model), encoding="utf-8")
        stepper = _Stepper(variables, actuators or {}, control)
        code = stepper.run(path, weather)
        said = _error_lines(Path(folder) / "eplusout.err")
    if stepper.failure is not None:
        raise stepper.failure
    if code != 0:
        first = next((i for i, line in enumerate(said) if "Severe" in line or "Fatal" in line), 0)
        raise RuntimeError("EnergyPlus stopped:\n" + "\n".join(said[first : first + 20]))
    return stepper.outcome([line for line in said if "Warning" in line])


class _Stepper:
    """Callbacks of one simulation and what they have collected."""

    def __init__(self, variables: Mapping[str, Variable], actuators: Mapping[str, Actuator], control: Any) -> None:
        from pyenergyplus.api import EnergyPlusAPI

        self.api = EnergyPlusAPI()
        self.variables, self.actuators, self.control = dict(variables), dict(actuators), control
        self.handles: list[int] = []
        self.levers: dict[str, int] = {}
        self.rows: list[list[float]] = []
        self.stamps: list[tuple[int, float]] = []
        self.sums = np.zeros(len(self.variables))
        self.hours, self.system_steps, self.step_h = 0.0, 0, 0.0
        self.last: dict[str, float] | None = None
        self.failure: BaseException | None = None
        self.ready = False

    def run(self, path: Path, weather: Path) -> int:
        runtime, exchange = self.api.runtime, self.api.exchange
        state = self.api.state_manager.new_state()
        try:
            runtime.set_console_output_status(state, False)
            for variable in self.variables.values():
                exchange.request_variable(state, variable.name, variable.key)
            # before the schedules of the step are read: what is set later takes effect a step late
            runtime.callback_begin_zone_timestep_before_set_current_weather(state, self._guarded(self._before))
            runtime.callback_end_system_timestep_after_hvac_reporting(state, self._guarded(self._add))
            runtime.callback_end_zone_timestep_after_zone_reporting(state, self._guarded(self._after))
            return int(runtime.run_energyplus(state, ["-w", str(weather), "-d", str(path.parent), str(path)]))
        finally:
            runtime.clear_callbacks()
            self.api.state_manager.delete_state(state)

    def outcome(self, warnings: list[str]) -> EngineRun:
        table = np.asarray(self.rows, dtype=np.float64).reshape(-1, len(self.variables))
        scale = np.array([v.scale for v in self.variables.values()])
        offset = np.array([v.offset for v in self.variables.values()])
        columns = (table * scale + offset).T
        month = np.array([m for m, _ in self.stamps])
        hour = np.arange(len(self.rows)) * self.step_h
        values = dict(zip(self.variables, columns, strict=True))
        return EngineRun(values, month, hour.astype(int), self.step_h * SECONDS_PER_HOUR, warnings, self.system_steps)

    def _guarded(self, do: Callable[[Any], None]) -> Callable[[Any], None]:
        """A callback whose exception stops the run instead of being lost in the engine."""

        def call(state: Any) -> None:
            if self.failure is not None:
                return
            try:
                if self._counts(state):
                    do(state)
            except BaseException as error:
                self.failure = error
                self.api.runtime.stop_simulation(state)

        return call

    def _counts(self, state: Any) -> bool:
        """Whether this is a step of the run period, not of the warm-up."""
        exchange = self.api.exchange
        if not exchange.api_data_fully_ready(state) or exchange.warmup_flag(state):
            return False
        if exchange.kind_of_sim(state) != WEATHER_RUN:
            return False
        if not self.ready:
            self._find(state)
        return True

    def _find(self, state: Any) -> None:
        exchange = self.api.exchange
        for ours, variable in self.variables.items():
            self.handles.append(exchange.get_variable_handle(state, variable.name, variable.key))
            if self.handles[-1] < 0:
                raise ValueError(f"variable {ours!r}: the model has no {variable.name!r} of {variable.key!r}")
        for ours, actuator in self.actuators.items():
            self.levers[ours] = exchange.get_actuator_handle(state, actuator.component, actuator.control, actuator.key)
            if self.levers[ours] < 0:
                raise ValueError(f"actuator {ours!r}: the model has no {actuator.control!r} of {actuator.key!r}")
        self.step_h = float(exchange.zone_time_step(state))
        self.ready = True

    def _before(self, state: Any) -> None:
        """Ask the control what holds in the step that begins."""
        if self.control is None:
            return
        for ours, value in self.control(len(self.rows), self.last).items():
            if ours not in self.levers:
                raise ValueError(f"control returned {ours!r}; the model's actuators are {sorted(self.levers)}")
            scaled = float(value) / self.actuators[ours].scale
            self.api.exchange.set_actuator_value(state, self.levers[ours], scaled)

    def _add(self, state: Any) -> None:
        exchange = self.api.exchange
        read, hours = exchange.api.getVariableValue, exchange.system_time_step(state)
        self.sums += hours * np.array([read(state, h) for h in self.handles])
        self.hours += hours
        self.system_steps += 1

    def _after(self, state: Any) -> None:
        exchange = self.api.exchange
        row = self.sums / self.hours
        self.rows.append(row.tolist())
        self.stamps.append((exchange.month(state), exchange.current_time(state)))
        self.sums = np.zeros(len(self.variables))
        self.hours = 0.0
        if self.control is not None:
            items = zip(self.variables.items(), self.rows[-1], strict=True)
            self.last = {name: value * v.scale + v.offset for (name, v), value in items}


def _error_lines(path: Path) -> Sequence[str]:
    """Lines of the engine's error file that say something went wrong."""
    if not path.is_file():
        return ["no error file was written"]
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.strip() for line in lines if "**" in line and "*************" not in line]
    return [line for line in told if not any(words in line for words in UNTYPED_SCHEDULE)]
