"""Mistakes that telemetry files carry, one at a time: what each does to a clean file, and what must be said of it.

They are the single faults with which strangers tried the screening of commit 998cf49; ``before`` is what came out then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from envs.episodes.world import World
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import free_parameters, with_values
from envs.twin.calibration.windows import BURN_IN_S
from envs.twin.screening.expected import expected_of
from envs.twin.screening.screen import UnusableInput, screen
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.quantities import LOADS, QUANTITIES
from envs.twin.telemetry.synthetic import hidden_values, plan_of, simulated_truth, synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry

Change = Callable[[Floats], Floats]
HOUR_S = 3600.0
STUCK_H = 50.0
WEATHER = ("dry_bulb_c", "wet_bulb_c")


def recorded_halls(scenario: Scenario, starts: Sequence[int], days: int, seed: int) -> list[Telemetry]:
    """Clean telemetry of halls with hidden parameters: noise, constant sensor errors, 5 % gaps, and no mistake.

    Parameters
    ----------
    scenario : Scenario
        Its sizes are the middle of what is hidden.
    starts : sequence of int
        Day of the year on which each hall's record begins.
    days : int
        Length of a record, behind a burn-in of three hours.
    seed : int
        Of parameters, load, steps, and sensors.
    """
    world = World.build(scenario)
    hidden = hidden_values(free_parameters(scenario), len(starts), np.random.default_rng(seed))
    rows = round(BURN_IN_S / scenario.episode.step_s) + days * world.steps_per_day
    truth = simulated_truth(with_values(scenario, hidden), rows, plan_of(world, starts, seed), world, seed)
    return [synthetic_telemetry(truth, k, scenario.sensors, seed) for k in range(len(starts))]


def found(telemetry: Telemetry, scenario: Scenario, replayed: bool = True) -> list[Finding]:
    """What screening says of telemetry beside its gaps, whether it stops or not."""
    expected = expected_of(Plant(scenario, "float64").layout)
    try:
        said = screen(telemetry, expected, scenario=scenario if replayed else None).findings
    except UnusableInput as stop:
        said = stop.findings
    return [f for f in said if f.kind != "gap"]


@dataclass(frozen=True)
class SingleFault:
    """One mistake.

    Attributes
    ----------
    name : str
        What is wrong with the file.
    make : callable
        Clean telemetry to that with the mistake; a generator for what is random.
    points : tuple of str
        Quantities of which one must be named.
    kind : str
        Kind of finding that names it.
    says : str
        Words that must be in it.
    before : str
        What screening at commit 998cf49 said.
    """

    name: str
    make: Callable[[Telemetry, np.random.Generator], Telemetry]
    points: tuple[str, ...]
    kind: str
    says: str
    before: str

    def named(self, findings: Sequence[Finding]) -> list[Finding]:
        """Those of the findings that name this mistake and its point."""
        return [
            f
            for f in findings
            if f.kind == self.kind and self.says in f.words and any(name in f.point for name in self.points)
        ]


def _changed(names: tuple[str, ...], change: Callable[[Floats, float], Floats], row: int | None = None) -> Callable[
    [Telemetry, np.random.Generator], Telemetry
]:  # fmt: skip
    """Maker of a fault that changes every point of some quantities, or one row of them."""

    def make(telemetry: Telemetry, rng: np.random.Generator) -> Telemetry:
        values = dict(telemetry.values)
        for name in names:
            if name in values:
                x = values[name].astype(np.float64)
                rows = slice(None) if row is None else slice(row, row + 1)
                x[:, rows] = change(x[:, rows], telemetry.step_s)
                values[name] = x
        return telemetry.with_values(values)

    return make


def _fahrenheit(x: Floats, step_s: float) -> Floats:
    return x * 1.8 + 32.0


def _times(factor: float) -> Callable[[Floats, float], Floats]:
    return lambda x, step_s: x * factor


def _late(x: Floats, step_s: float) -> Floats:
    rows = round(HOUR_S / step_s)
    return np.concatenate([np.full_like(x[:rows], np.nan), x[:-rows]])


def _register(x: Floats, step_s: float) -> Floats:
    return 12_345.0 + np.cumsum(np.nan_to_num(x), axis=0) * step_s / HOUR_S


def _swap(a: str, b: str) -> Callable[[Telemetry, np.random.Generator], Telemetry]:
    def make(telemetry: Telemetry, rng: np.random.Generator) -> Telemetry:
        return telemetry.with_values({**telemetry.values, a: telemetry.values[b], b: telemetry.values[a]})

    return make


def _stuck(gaps_frac: float) -> Callable[[Telemetry, np.random.Generator], Telemetry]:
    """An inlet that hangs for 50 hours, with so many of its readings lost."""

    def make(telemetry: Telemetry, rng: np.random.Generator) -> Telemetry:
        x = telemetry.values["rack_inlet_c"].astype(np.float64)
        rows = round(STUCK_H * HOUR_S / telemetry.step_s)
        start = (len(x) - rows) // 2
        x[start : start + rows, 0] = 23.4
        x[rng.random(len(x)) < gaps_frac, 0] = np.nan
        return telemetry.with_values({**telemetry.values, "rack_inlet_c": x})

    return make


def _zeros(names: tuple[str, ...], share: float) -> Callable[[Telemetry, np.random.Generator], Telemetry]:
    def make(telemetry: Telemetry, rng: np.random.Generator) -> Telemetry:
        values = dict(telemetry.values)
        for name in names:
            x = values[name].astype(np.float64)
            x[rng.random(len(x)) < share, 0] = 0.0
            values[name] = x
        return telemetry.with_values(values)

    return make


def _setpoints_late(telemetry: Telemetry, rng: np.random.Generator) -> Telemetry:
    names = tuple(n for n in telemetry.values if QUANTITIES[n].role == "setpoint")
    return _changed(names, _late)(telemetry, rng)


CHW = "chw_supply_temp_setpoint_c"
SUPPLY = "supply_air_temp_setpoint_c"
SPIKED = ("rack_power_kw", "facility_power_kw", "zone_return_c")
NO, YES = "no", "yes"

SINGLE_FAULTS: tuple[SingleFault, ...] = (
    SingleFault("chilled-water setpoint in degF", _changed((CHW,), _fahrenheit), (CHW,), "unit", "degF",
                "no, and it drives the replay"),
    SingleFault("supply-air setpoint in degF", _changed((SUPPLY,), _fahrenheit), (SUPPLY,), "unit", "degF", YES),
    SingleFault("dry bulb in degF", _changed(("dry_bulb_c",), _fahrenheit), ("dry_bulb_c",), "unit", "degF", YES),
    SingleFault("return air in degF", _changed(("zone_return_c",), _fahrenheit), ("zone_return_c",), "unit", "degF",
                YES),
    SingleFault("fan speed in %", _changed(("zone_fan_speed_frac",), _times(100.0)), ("zone_fan_speed_frac",), "unit",
                "%", YES),
    SingleFault("fan speed in Hz", _changed(("zone_fan_speed_frac",), _times(60.0)), ("zone_fan_speed_frac",), "unit",
                "60 Hz", 'as "%", which then passes'),
    SingleFault("chiller meter in W", _changed(("chiller_power_kw",), _times(1000.0)), ("chiller_power_kw",), "unit",
                '"W"', NO),
    SingleFault("chiller meter in MW", _changed(("chiller_power_kw",), _times(0.001)), ("chiller_power_kw",), "unit",
                '"MW"', NO),
    SingleFault("chiller meter reads twice", _changed(("chiller_power_kw",), _times(2.0)), ("chiller_power_kw",),
                "ratio", "factor: 0.5", NO),
    SingleFault("fan meter in W", _changed(("crah_fan_power_kw",), _times(1000.0)), ("crah_fan_power_kw",), "unit",
                '"W"', NO),
    SingleFault("facility meter in W", _changed(("facility_power_kw",), _times(1000.0)), ("facility_power_kw",),
                "unit", '"W"', YES),
    SingleFault("one rack's meter reads ten times", _changed(("rack_power_kw",), _times(10.0), 0), ("rack_power_kw",),
                "ratio", "10 times", 'as "W"'),
    SingleFault("chiller power from an energy register", _changed(("chiller_power_kw",), _register),
                ("chiller_power_kw",), "register", "takes differences", 'no, or as "W", which then passes'),
    SingleFault("chiller meter an hour late", _changed(("chiller_power_kw",), _late), ("chiller_power_kw",), "clock",
                "shift_s: -3600", NO),
    SingleFault("facility meter an hour late", _changed(("facility_power_kw",), _late), ("facility_power_kw",),
                "clock", "shift_s: -3600", NO),
    SingleFault("return air an hour late", _changed(("zone_return_c",), _late), ("zone_return_c",), "clock",
                "shift_s: -3600", NO),
    SingleFault("chilled-water return an hour late", _changed(("chw_return_c",), _late), ("chw_return_c",), "clock",
                "shift_s: -3600", NO),
    SingleFault("all rack inlets an hour late", _changed(("rack_inlet_c",), _late), ("rack_inlet_c",), "clock",
                "shift_s: -3600", NO),
    SingleFault("all loads an hour late", _changed(LOADS, _late), ("rack_power_kw",), "clock", "shift_s: -3600", NO),
    SingleFault("the weather an hour late", _changed(WEATHER, _late), WEATHER, "clock", "weather", NO),
    SingleFault("all setpoints an hour late", _setpoints_late, (SUPPLY, CHW, "crah_fan_speed_frac"), "clock",
                "shift_s: -3600", "names the points that are right, and shifts them"),
    SingleFault("chilled-water supply and return swapped", _swap("chw_supply_c", "chw_return_c"),
                ("chw_supply_c", "chw_return_c"), "swapped", "exchange", NO),
    SingleFault("chilled-water supply reads 3 K high", _changed(("chw_supply_c",), lambda x, s: x + 3.0),
                ("chw_supply_c",), "offset", "K high", NO),
    SingleFault("an inlet stuck for 50 h", _stuck(0.0), ("rack_inlet_c",), "stuck", "same reading", YES),
    SingleFault("the same with 5 % gaps", _stuck(0.05), ("rack_inlet_c",), "stuck", "same reading",
                "62 % of its hours"),
    SingleFault("the same with 8 % gaps", _stuck(0.08), ("rack_inlet_c",), "stuck", "same reading",
                "41 % of its hours"),
    SingleFault("zeros in 2 % of the rows of three points", _zeros(SPIKED, 0.02), SPIKED, "outlier", "out of line",
                NO),
    SingleFault("zeros in 5 % of the rows of a setpoint", _zeros((SUPPLY,), 0.05), (SUPPLY,), "outlier", "out of line",
                NO),
)  # fmt: skip
