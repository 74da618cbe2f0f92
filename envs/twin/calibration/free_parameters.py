"""What may be fitted in a scenario: paths, bounds, and priors around the scenario's own values.

A parameter lives in ``u``, in which its prior is the standard normal distribution: ``value = prior exp(sd u)`` for
sizes (ratios matter), ``value = prior + sd u`` for shares and exponents. Bounds are those that its machine declares,
and four standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of

REACH = 4.0  # bounds in standard deviations of the prior
INPUT = "input."
LOAD_GAIN = "input.rack_power_gain."  # and the zone whose meters err together
SITE_GAIN = f"{LOAD_GAIN}site"


@dataclass(frozen=True)
class FreeParameter:
    """One number that a fit may move.

    Attributes
    ----------
    path : str
        Its name: the dotted path in the scenario, ``racks.<archetype>.<field>`` for every group of an archetype, or
        ``input.<...>`` for a constant error of what drives the replay.
    prior, sd : float
        Scenario's value [unit]; standard deviation of its logarithm, or of itself where ``log`` is false.
    low, high : float
        Bounds [unit].
    log : bool
        A size (positive, judged by ratios) or a share.
    kind : str
        What the bars call it: ``ua``, ``curve``, ``scale``, ``loss``, ``leakage``, ``mass`` or ``input``.
    driver : str
        Quantity that must have moved for the data to know it; empty where none in particular.
    seen_in : tuple of str
        Outputs of which at least one must be measured.
    """

    path: str
    prior: float
    sd: float
    low: float
    high: float
    log: bool
    kind: str
    driver: str = ""
    seen_in: tuple[str, ...] = ()

    def value(self, u: Any) -> Any:
        """Value [unit] at ``u``, inside the bounds."""
        return np.clip(self.unbound(u), self.low, self.high)

    def unbound(self, u: Any) -> Any:
        """What ``u`` would mean without bounds [unit]."""
        return self.prior * np.exp(self.sd * u) if self.log else self.prior + self.sd * u

    def u(self, value: float) -> float:
        """Where a value stands in its prior."""
        return float(np.log(value / self.prior) / self.sd if self.log else (value - self.prior) / self.sd)

    def reach(self) -> tuple[float, float]:
        """Bounds of ``u``."""
        return max(self.u(self.low), -REACH), min(self.u(self.high), REACH)

    @property
    def is_input(self) -> bool:
        """Whether it is an error of an input instead of a property of the hall."""
        return self.path.startswith(INPUT)


@dataclass(frozen=True)
class _Rule:
    """A row of the table: machine, field, prior width, what tells it."""

    machine: str
    field: str
    sd: float
    kind: str
    log: bool = True
    driver: str = ""
    seen_in: tuple[str, ...] = ()


_VALVE = ("coil_valve_frac", "chw_return_c")
_AIR = ("rack_inlet_c", "zone_return_c")
#: Widths are engineering guesses: what a design document is usually wrong by.
RULES: tuple[_Rule, ...] = (
    _Rule("zones", "unit_flow_m3_s", 0.10, "curve", driver="crah_fan_speed_frac", seen_in=_AIR),
    _Rule("zones", "fan_kw", 0.15, "curve", driver="crah_fan_speed_frac", seen_in=("crah_fan_power_kw",)),
    _Rule("zones", "fan_exponent", 0.15, "curve", False, "crah_fan_speed_frac", ("crah_fan_power_kw",)),
    _Rule("zones", "coil_ua_kw_k", 0.20, "ua", driver="supply_air_temp_setpoint_c", seen_in=_VALVE),
    _Rule("zones", "coil_water_kg_s", 0.15, "curve", driver="supply_air_temp_setpoint_c", seen_in=_VALVE),
    _Rule("zones", "leakage_frac", 0.03, "leakage", False, "crah_fan_speed_frac", ("rack_inlet_c",)),
    _Rule("zones", "hot_aisle_kj_k", 0.30, "mass", driver="crah_fan_speed_frac", seen_in=_AIR),
    _Rule("zones", "plenum_kj_k", 0.30, "mass", driver="supply_air_temp_setpoint_c", seen_in=("chiller_power_kw",)),
    _Rule("racks", "airflow_m3_s_kw", 0.10, "curve", driver="rack_power_kw", seen_in=_AIR),
    _Rule("racks", "solids_kj_k", 0.30, "mass", driver="rack_power_kw", seen_in=_AIR),
    _Rule("chilled_water", "power_factor", 0.10, "scale", seen_in=("chiller_power_kw",)),
    _Rule("chilled_water", "nominal_capacity_kw", 0.10, "scale", seen_in=("chiller_power_kw", "chw_supply_c")),
    _Rule("chilled_water", "pump_head_kpa", 0.15, "curve", driver="coil_valve_frac", seen_in=("chw_pump_power_kw",)),
    _Rule("chilled_water", "pump_efficiency_frac", 0.12, "curve", seen_in=("chw_pump_power_kw",)),
    _Rule("chilled_water", "loop_volume_m3", 0.30, "mass", driver="chw_supply_temp_setpoint_c",
          seen_in=("chiller_power_kw", "chw_supply_c")),
    _Rule("chilled_water", "economizer_approach_k", 0.30, "ua", driver="economizer_on",
          seen_in=("chw_supply_c", "chiller_power_kw")),
    _Rule("tower", "cell_water_kg_s", 0.12, "ua", driver="cw_supply_temp_setpoint_c",
          seen_in=("cw_supply_c", "tower_fan_speed_frac")),
    _Rule("tower", "cell_fan_kw", 0.15, "curve", driver="cw_supply_temp_setpoint_c", seen_in=("tower_fan_power_kw",)),
    _Rule("tower", "pump_efficiency", 0.12, "curve", seen_in=("cw_pump_power_kw",)),
    _Rule("tower", "cell_basin_m3", 0.30, "mass", driver="cw_supply_temp_setpoint_c",
          seen_in=("tower_fan_speed_frac", "tower_fan_power_kw")),
    _Rule("coolant", "ua_kw_k", 0.20, "ua", driver="tcs_supply_temp_setpoint_c", seen_in=("cdu_valve_frac",)),
    _Rule("coolant", "pump_efficiency", 0.12, "curve", seen_in=("tcs_pump_power_kw",)),
    _Rule("coolant", "pump_exponent", 0.12, "curve", False, "tcs_pump_speed_frac", ("tcs_pump_power_kw",)),
    _Rule("coolant", "stored_litres", 0.30, "mass", driver="tcs_supply_temp_setpoint_c", seen_in=("cdu_valve_frac",)),
    _Rule("facility_water", "exchanger_ua_kw_k", 0.20, "ua", driver="fws_supply_temp_setpoint_c",
          seen_in=("fws_supply_c",)),
    _Rule("facility_water", "pump_efficiency", 0.12, "curve", seen_in=("fws_pump_power_kw",)),
    _Rule("facility_water", "volume_m3", 0.30, "mass", driver="fws_supply_temp_setpoint_c", seen_in=("fws_supply_c",)),
    _Rule("dry_cooler", "ua_kw_k", 0.20, "ua", driver="fws_supply_temp_setpoint_c",
          seen_in=("fws_supply_c", "dry_cooler_fan_speed_frac")),
    _Rule("dry_cooler", "fan_kw", 0.15, "curve", driver="fws_supply_temp_setpoint_c",
          seen_in=("dry_cooler_fan_power_kw",)),
    _Rule("dx", "power_factor", 0.10, "scale", seen_in=("dx_power_kw",)),
    _Rule("power", "ups_loss_scale", 0.15, "loss", seen_in=("ups_loss_kw", "facility_power_kw")),
    _Rule("power", "pdu_loss_frac", 0.30, "loss", seen_in=("pdu_loss_kw", "ups_power_kw")),
    _Rule("power", "lighting_kw", 0.30, "loss", seen_in=("facility_power_kw",)),
)  # fmt: skip


def free_parameters(
    scenario: Scenario, keep: Sequence[str] = (), drop: Sequence[str] = (), load: str = "rack_power_kw"
) -> list[FreeParameter]:
    """Every parameter of the table that the scenario's machines have, with the errors of its inputs.

    Parameters
    ----------
    scenario : Scenario
        Gives the priors.
    keep, drop : sequence of str
        Only paths that contain one of ``keep`` (empty: all), and none of ``drop``.
    load : str
        Which point measures the load: racks, rows or the site; more meters err less together.

    Raises
    ------
    ValueError
        Where nothing is left to fit.
    """
    found: list[FreeParameter] = []
    for rule in RULES:
        for path, machine in _machines(scenario, rule.machine):
            value = float(getattr(machine, rule.field))
            idle = rule.field.startswith("economizer") and not machine.economizer
            if not idle and (value > 0.0 or not rule.log):
                found.append(_free_parameter(f"{path}.{rule.field}", value, rule, type(machine)))
    chosen = [p for p in found if (not keep or any(k in p.path for k in keep)) and not any(d in p.path for d in drop)]
    if not chosen:
        raise ValueError(f"parameters = {list(keep)} leaves nothing to fit; choose from {[p.path for p in found]}")
    return chosen + _inputs(scenario, load)


def _machines(scenario: Scenario, machine: str) -> list[tuple[str, Any]]:
    if machine == "zones":
        return [(f"zones.{key}", zone) for key, zone in scenario.zones.items()]
    if machine == "racks":
        kinds = {group.archetype: archetype_of(group) for group in reversed(list(scenario.racks.values()))}
        return [(f"racks.{name}", kinds[name]) for name in reversed(kinds)]
    one = getattr(scenario, machine)
    return [] if one is None else [(machine, one)]


def _free_parameter(path: str, value: float, rule: _Rule, owner: type) -> FreeParameter:
    spec = next(f for f in fields(owner) if f.name == rule.field).metadata
    width = REACH * rule.sd
    low = value * np.exp(-width) if rule.log else value - width
    high = value * np.exp(width) if rule.log else value + width
    low, high = max(float(low), spec["low"]), min(float(high), spec["high"])
    return FreeParameter(path, value, rule.sd, low, high, rule.log, rule.kind, rule.driver, rule.seen_in)


def _inputs(scenario: Scenario, load: str) -> list[FreeParameter]:
    """Constant errors of what drives the replay: they hide in the fit where they are not let in."""
    sensors, made = scenario.sensors, []
    if sensors.temperature_bias_k > 0.0:
        name = "wet_bulb" if scenario.tower is not None else "dry_bulb"
        sd = sensors.temperature_bias_k
        made.append(FreeParameter(f"input.{name}_offset_k", 0.0, sd, -REACH * sd, REACH * sd, False, "input"))
    if sensors.power_bias_frac > 0.0 and load == "it_power_kw":
        sd = sensors.power_bias_frac
        made.append(FreeParameter(SITE_GAIN, 0.0, sd, -REACH * sd, REACH * sd, False, "input"))
    elif sensors.power_bias_frac > 0.0:
        for index, key in enumerate(scenario.zones):
            groups = [g for g in scenario.racks.values() if g.zone == index]
            meters = len({g.row for g in groups}) if load == "row_power_kw" else sum(g.count for g in groups)
            sd = sensors.power_bias_frac / np.sqrt(max(meters, 1))
            path = f"{LOAD_GAIN}{key}"
            made.append(FreeParameter(path, 0.0, float(sd), -REACH * sd, REACH * sd, False, "input"))
    return made


def with_values(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """The scenario with other values at paths; numbers, or arrays ``(B,)`` with the environment axis last.

    ``input.`` paths are no part of a scenario and are left out.
    """
    tree: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        if not path.startswith(INPUT):
            owner, _, name = path.rpartition(".")
            tree.setdefault(owner, {})[name] = value
    changed: dict[str, Any] = {}
    for owner, new in tree.items():
        machine, _, key = owner.partition(".")
        if machine == "zones":
            changed.setdefault("zones", dict(scenario.zones))
            changed["zones"][key] = replace(scenario.zones[key], **new)
        elif machine == "racks":
            groups = changed.setdefault("racks", dict(scenario.racks))
            for name, group in scenario.racks.items():
                if group.archetype == key:
                    groups[name] = replace(groups[name], overrides={**groups[name].overrides, **new})
        else:
            one = getattr(scenario, machine, None)
            if not is_dataclass(one) or isinstance(one, type):
                raise ValueError(f"{owner}: scenario {scenario.name!r} has no such machine; take its paths out")
            changed[machine] = replace(one, **new)
    return replace(scenario, **changed)
