"""The constants of the building's rules as a box to search, and back: the rules stay, only their numbers move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, Progress, minimize
from envs.building.rules import building_controller
from envs.interface.channels import Channel

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from agents.planners.trial import CandidateTrials
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.plant.layout import Layout
    from envs.scenario import Rules, Scenario

Vector = NDArray[np.float64]
Value = float | NDArray[np.floating]
Constant = Value | str  # of a rule; names, such as that of the rule that shares a feeder, are texts
Part = TypeVar("Part", bound="DataclassInstance")


@dataclass(frozen=True)
class Knob:
    """One constant of a rule, and between which values a search may set it.

    Attributes
    ----------
    key : str
        Dotted name below ``rules`` of a scenario.
    channel : str
        The channel that the rule holds; the knob exists where the plant has it.
    low, high : float
        Range [unit of the constant]; where ``of_channel``, shares of the channel's range in the scenario.
    log : bool
        Searched on a logarithmic scale.
    """

    key: str
    channel: str
    low: float
    high: float
    log: bool = False
    of_channel: bool = False


_FAN, _AIR = "crah_fan_speed_frac", "supply_air_temp_setpoint_c"
_CHW, _CW = "chw_supply_temp_setpoint_c", "cw_supply_temp_setpoint_c"
_FWS, _TCS, _PUMP = "fws_supply_temp_setpoint_c", "tcs_supply_temp_setpoint_c", "tcs_pump_speed_frac"

#: Ranges are engineering guesses around the constants of SCENARIOS; limits of setpoints span the channel's range.
KNOBS: tuple[Knob, ...] = (
    Knob("fan.setpoint_c", _FAN, 21.0, 26.9),
    Knob("fan.kp_per_k", _FAN, 0.0005, 0.5, log=True),
    Knob("fan.ki_per_k_300s", _FAN, 0.0005, 0.3, log=True),
    Knob("fan.low", _FAN, 0.0, 0.7, of_channel=True),
    Knob("fan.start", _FAN, 0.0, 1.0, of_channel=True),
    Knob("supply_air.high", _AIR, 0.2, 1.0, of_channel=True),
    Knob("supply_air.start", _AIR, 0.0, 1.0, of_channel=True),
    Knob("supply_air.trim_k", _AIR, 0.02, 0.6, log=True),
    Knob("supply_air.ignore", _AIR, 0.0, 4.0),
    Knob("supply_air.respond_k", _AIR, 0.05, 1.0, log=True),
    Knob("supply_air.respond_max_k", _AIR, 0.1, 2.0, log=True),
    Knob("request_one_c", _AIR, 22.0, 26.9),
    Knob("chilled_water.high", _CHW, 0.2, 1.0, of_channel=True),
    Knob("chilled_water.start", _CHW, 0.0, 1.0, of_channel=True),
    Knob("chilled_water.trim_k", _CHW, 0.02, 0.6, log=True),
    Knob("chilled_water.ignore", _CHW, 0.0, 3.0),
    Knob("chilled_water.respond_k", _CHW, 0.05, 1.0, log=True),
    Knob("condenser_water.low", _CW, 0.0, 0.95, of_channel=True),
    Knob("condenser_water.approach_k", _CW, 1.5, 10.0),
    Knob("condenser_water.part_load_k", _CW, 0.0, 6.0),
    Knob("fws_setpoint_c", _FWS, 0.0, 1.0, of_channel=True),
    Knob("tcs_setpoint_c", _TCS, 0.0, 1.0, of_channel=True),
    Knob("tcs_pump_speed_frac", _PUMP, 0.0, 1.0, of_channel=True),
    Knob("caps_budget_frac", "rack_power_limit_frac", 0.7, 1.0),
)


class RuleBox:
    """The knobs of one plant as a unit box.

    Attributes
    ----------
    knobs : tuple of Knob
        With ranges in physical units.
    """

    def __init__(self, layout: Layout) -> None:
        there = [k for k in KNOBS if k.channel in layout.channels]
        self.knobs = tuple(_in_units(k, layout.channels[k.channel]) for k in there)

    def encode(self, rules: Rules) -> Vector:
        """Point of the box ``(n,)`` of the rules' constants, clipped into it."""
        point = [_to_unit(k, _get(rules, k.key)) for k in self.knobs]
        return np.clip(np.array(point, np.float64), 0.0, 1.0)

    def decode(self, points: NDArray[np.floating]) -> dict[str, Value]:
        """Constants by dotted key of points ``(..., n)``: numbers, or arrays ``(...)``, in the points' dtype."""
        return {k.key: _from_unit(k, points[..., i]) for i, k in enumerate(self.knobs)}

    def frozen_constants(self, point: Vector) -> dict[str, float]:
        """Constants of one point with four significant digits: what is frozen and scored again."""
        return {key: float(f"{float(value):.4g}") for key, value in self.decode(point).items()}


def with_rules(scenario: Scenario, values: Mapping[str, Constant]) -> Scenario:
    """Copy of the scenario with other rule constants: dotted keys below ``rules``, numbers or arrays ``(B,)``."""
    rules = scenario.rules
    for key, value in values.items():
        rules = _with_value(rules, key.split("."), value)
    return replace(scenario, rules=rules)


def rules_from(core: DataCenterCore, values: Mapping[str, Constant]) -> Controller:
    """Make the building's rules for every channel of the plant, with other constants."""
    names = [c.name for c in core.channels]
    return building_controller(with_rules(core.scenario, values), core.plant.layout, names)


def find_rules(
    bench: CandidateTrials,
    limits: Mapping[str, float],
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
    caps: str = "",
) -> dict[str, float]:
    """Search the constants of the rules on the bench's episodes, starting from those of its scenario.

    Parameters
    ----------
    bench, limits, budget, seed, progress
        Episodes, gates, and the search.
    caps : str
        Another rule to share the feeder than the scenario's.

    Returns
    -------
    dict
        Constants by dotted key, rounded; what ``rules_from`` takes.
    """
    box = RuleBox(bench.single.plant.layout)
    rule = {"caps": caps or bench.scenario.rules.caps}
    cost = bench.cost(lambda core, points: rules_from(core, {**box.decode(points), **rule}), limits)
    return box.frozen_constants(minimize(cost, box.encode(bench.scenario.rules), budget, seed, progress).best)


def changed_constants(rules: Rules, values: Mapping[str, float]) -> dict[str, list[float]]:
    """List what a search moved: constant to ``[before, after]``."""
    return {key: [_get(rules, key), float(value)] for key, value in values.items()}


def _get(rules: Rules, key: str) -> float:
    part: object = rules
    for name in key.split("."):
        part = getattr(part, name)
    return float(part)  # type: ignore[arg-type]


def _with_value(part: Part, path: list[str], value: Constant) -> Part:
    name, *rest = path
    return replace(part, **{name: _with_value(getattr(part, name), rest, value) if rest else value})


def _in_units(k: Knob, channel: Channel) -> Knob:
    if not k.of_channel:
        return k
    low, high = channel.low, channel.high
    return replace(k, low=low + k.low * (high - low), high=low + k.high * (high - low), of_channel=False)


def _to_unit(k: Knob, value: float) -> float:
    if k.log:
        return float(np.log(max(value, k.low) / k.low) / np.log(k.high / k.low))
    return (value - k.low) / (k.high - k.low)


def _from_unit(k: Knob, share: NDArray[np.floating]) -> Value:
    if k.log:
        found: NDArray[np.floating] = k.low * np.exp(share * float(np.log(k.high / k.low)))
        return found
    return k.low + share * (k.high - k.low)
