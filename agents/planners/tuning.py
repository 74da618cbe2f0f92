"""The constants of the building's rules as a box to search, and back: the rules stay, only their numbers move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, Progress, minimize
from envs.building.rules import building_controller
from envs.interface.action import APPROACH_HIGH_K, APPROACH_LOW_K
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
    machine : str
        What the plant must have too, by its name in `Layout.present`; empty: nothing.
    """

    key: str
    channel: str
    low: float
    high: float
    log: bool = False
    of_channel: bool = False
    machine: str = ""


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
    Knob("outdoor.cold_c", _AIR, -10.0, 12.0),
    Knob("outdoor.warm_c", _AIR, 13.0, 27.0),
    Knob("outdoor.fan_frac", _FAN, -0.3, 0.3),
    Knob("outdoor.supply_air_k", _AIR, -6.0, 6.0),
    Knob("outdoor.chilled_water_k", _CHW, -8.0, 8.0),
    Knob("outdoor.condenser_water_k", _CW, -6.0, 6.0),
    Knob("outdoor.fws_k", _FWS, -12.0, 8.0),
    Knob("outdoor.tcs_k", _TCS, -12.0, 8.0),
    Knob("outdoor.fws_over_air_k", _FWS, 0.0, 10.0, machine="dry"),
    Knob("caps_budget_frac", "rack_power_limit_frac", 0.7, 1.0),
    Knob("caps_high_frac", "rack_power_limit_frac", 0.7, 1.0),
)

#: Where the rules stand when they hold a constant: loops that rest at one end of their range.
HELD_AT = {
    "fan.low": _FAN,
    "fan.start": _FAN,
    "supply_air.high": _AIR,
    "supply_air.start": _AIR,
    "chilled_water.high": _CHW,
    "chilled_water.start": _CHW,
    "condenser_water.low": _CW,
    "fws_setpoint_c": _FWS,
    "tcs_setpoint_c": _TCS,
    "tcs_pump_speed_frac": _PUMP,
}
#: What cold weather adds to a setpoint that no loop drives, and the constant that holds it.
COLD_ADDS = {"outdoor.fws_k": "fws_setpoint_c", "outdoor.tcs_k": "tcs_setpoint_c"}
#: Inlets under which fans and supply air rest at the constant; a search tries each [degC]; engineering guess.
REST_BELOW_C = (26.5, 26.0, 25.5, 25.0)
#: Distances of facility water to the outdoor air that a search of a hall with pads tries [K]; engineering guess.
PADS_DRY_K = (0.0, 5.0)
DEEPEST_APPROACH_K = 1.5  # the tower goes no deeper than the constant asks
APPROACH_SPAN_K = APPROACH_HIGH_K - APPROACH_LOW_K
SPREAD = 0.1  # of the box's side: what a search that starts well first tries; engineering guess


class RuleBox:
    """The knobs of one plant as a unit box.

    Attributes
    ----------
    knobs : tuple of Knob
        With ranges in physical units.
    """

    def __init__(self, layout: Layout) -> None:
        there = [k for k in KNOBS if k.channel in layout.channels and (not k.machine or k.machine in layout.present)]
        self.knobs = tuple(_in_units(k, layout.channels[k.channel]) for k in there)

    def encode(self, rules: Rules) -> Vector:
        """Point of the box ``(n,)`` of the rules' constants, clipped into it."""
        point = [_to_unit(k, _get(rules, k.key)) for k in self.knobs]
        return np.clip(np.array(point, np.float64), 0.0, 1.0)

    def decode(self, points: NDArray[np.floating]) -> dict[str, Value]:
        """Constants by dotted key of points ``(..., n)``: numbers, or arrays ``(...)``, in the points' dtype."""
        return {k.key: _from_unit(k, points[..., i]) for i, k in enumerate(self.knobs)}

    def frozen_constants(self, point: Vector) -> dict[str, float]:
        """Constants of one point with four significant digits: what is frozen and scored again.

        A line over the weather is made flatter where it would leave the range of its channel.
        """
        found = {key: float(f"{float(value):.4g}") for key, value in self.decode(point).items()}
        ranges = {k.key: (k.low, k.high) for k in self.knobs}
        for added, held in COLD_ADDS.items():
            if added in found and held in found:
                low, high = ranges[held]
                found[added] = round(min(max(found[added], low - found[held]), high - found[held]), 4)
        return found


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
    starts: Iterable[Mapping[str, float]] = (),
) -> dict[str, float]:
    """Search the constants of the rules on the bench's episodes.

    The search starts from the cheapest of those of its scenario and the constants that were found.

    Parameters
    ----------
    bench, limits, budget, seed, progress
        Episodes, gates, and the search.
    caps : str
        Another rule to share the feeder than the scenario's.
    starts : iterable of mapping, optional
        Other constants of the rules to start from: `holding` what the searches for constants found.

    Returns
    -------
    dict
        Constants by dotted key, rounded; what ``rules_from`` takes.
    """
    box = RuleBox(bench.single.plant.layout)
    rule = {"caps": caps or bench.scenario.rules.caps}
    cost = bench.cost(lambda core, points: rules_from(core, {**box.decode(points), **rule}), limits)
    rest = [{"fan.setpoint_c": t, "request_one_c": t} for t in REST_BELOW_C]
    dry = [{"outdoor.fws_over_air_k": k} for k in PADS_DRY_K if "dry" in bench.single.plant.layout.present] or [{}]
    begun = [{}, *({**values, **at, **over} for values in starts for at in rest for over in dry)]
    tried = np.stack([box.encode(with_rules(bench.scenario, values).rules) for values in begun])
    start = tried[int(np.argmin(cost(tried)))]
    return box.frozen_constants(minimize(cost, start, replace(budget, spread=SPREAD), seed, progress).best)


def holding(fixed: Mapping[str, float]) -> dict[str, float]:
    """Constants by dotted key with which the rules hold fixed setpoints while inlets stay cool."""
    held = {key: fixed[channel] for key, channel in HELD_AT.items() if channel in fixed}
    return {**held, "condenser_water.approach_k": DEEPEST_APPROACH_K}


def holding_action(core: DataCenterCore, action: NDArray[np.floating]) -> dict[str, float]:
    """The same for a constant action of the agent's box: a channel's rows share their mean, rows that wait a limit."""
    fixed, other, at = dict[str, float](), dict[str, float](), 0
    priority = np.asarray(core.plant.layout.row_priority)
    for c in core.agent_channels:
        share = 0.5 * (action[at : at + c.action_rows] + 1.0)
        at += c.action_rows
        value = c.low + share * (c.high - c.low)
        if c.encoding == "approach":
            other["condenser_water.approach_k"] = float(np.mean(APPROACH_LOW_K + share * APPROACH_SPAN_K))
        elif c.kind == "cap" and c.encoding == "absolute":
            other["caps_high_frac"] = float(np.max(value[priority == priority.min()]))
        elif c.encoding == "absolute":
            fixed[c.name] = float(np.mean(value))
    return holding(fixed) | other


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
