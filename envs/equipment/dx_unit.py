"""Direct-expansion room units: compressor and condenser on outdoor air, no water.

The temperature shape is that of the air-cooled screw chiller (machine F of PHYSICS e1) at 6.67 degC leaving water,
collapsed to the outdoor dry bulb alone and normalised at 35 degC; sizes and COP are those of SCENARIOS liquid_hall.

References: PHYSICS E1, E2a; datasets/AirCooledChiller.idf of NREL/EnergyPlus @1a2d901.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, clip, lower, upper

_RATING_C = 35.0
_EDGES_C = (29.44, 46.11)  # box of the published curves
# CapFT and EIRFT of machine F at x = 6.67 degC as quadratics in the dry bulb.
_CAPACITY = (0.49212683995, 0.03738934589, -0.0006440302)
_INPUT_RATIO = (0.23283886984, 0.01958199449, 7.61174e-05)
_LEAVING_C = 6.67


@dataclass(frozen=True)
class DxUnits(Parameters):
    """Equal direct-expansion units of one room; the defaults are those of SCENARIOS liquid_hall."""

    units_installed: int = parameter(4, 1, 50, "1", "SCENARIOS liquid_hall")
    units_duty: int = parameter(3, 1, 50, "1", "SCENARIOS liquid_hall; the others stand by for a failed one")
    nominal_capacity_kw: float = parameter(50.0, 1.0, 1000.0, "kW", "SCENARIOS liquid_hall; of each unit at 35 degC")
    rated_cop: float = parameter(3.5, 1.0, 8.0, "1", "SCENARIOS liquid_hall; at 35 degC, condenser fans included")
    fan_kw: float = parameter(8.0, 0.0, 200.0, "kW", "SCENARIOS liquid_hall; room fans of the units on duty")
    power_factor: float = parameter(1.0, 0.5, 2.0, "1", "on compressor power: fouling, calibration")

    def __post_init__(self) -> None:
        """Check ranges and that the duty units are installed."""
        super().__post_init__()
        if self.units_duty > self.units_installed:
            raise ValueError(
                f"DxUnits.units_duty = {self.units_duty} exceeds units_installed = {self.units_installed}; "
                "count the standby among the installed"
            )


class DxConditions(NamedTuple):
    """What outdoor air and available units say, (B,): computed once per control step.

    Attributes
    ----------
    capacity_kw : array
        Heat the units can take [kW].
    power_per_heat : array
        Electric power per heat taken, 1/COP [1].
    fan_power_kw : array
        Room fans of the running units [kW].
    """

    capacity_kw: Array
    power_per_heat: Array
    fan_power_kw: Array


class DxFlows(NamedTuple):
    """Means of a sub-step, each (B,) [kW]: ``rejected = heat + power``; the fans' heat stays in the room air.

    Attributes
    ----------
    power_kw : array
        Compressors and condenser fans.
    heat_kw : array
        Heat taken from the room: what was asked for, at most the capacity.
    capacity_kw : array
        Heat the units could take.
    rejected_kw : array
        Heat to the outdoor air.
    fan_power_kw : array
        Room fans; the caller adds them to the heat of the room.
    """

    power_kw: Array
    heat_kw: Array
    capacity_kw: Array
    rejected_kw: Array
    fan_power_kw: Array


def conditions(p: DxUnits, dry_bulb_c: Array, units_available: Array) -> DxConditions:
    """Capacity and efficiency at an outdoor dry bulb (B,) [degC], with ``units_available`` (B,) or float fit to run.

    Capacity follows CapFT inside 29.44..46.11 degC and stays at the edge outside. The power per heat follows E2a: the
    published curve inside the box, the Carnot lift outside, held from 18 degC down (condensing at 30 degC).
    """
    running = lower(units_available, float(p.units_duty))
    yb = clip(dry_bulb_c, *_EDGES_C)
    capacity = _quadratic(_CAPACITY, yb) * (p.nominal_capacity_kw / _quadratic(_CAPACITY, _RATING_C))
    ratio = _quadratic(_INPUT_RATIO, yb) * (_lift_k(dry_bulb_c) / _lift_k(yb))
    scale = p.power_factor / (p.rated_cop * _quadratic(_INPUT_RATIO, _RATING_C))
    fans = running * (p.fan_kw / p.units_duty) + dry_bulb_c * 0.0
    return DxConditions(running * capacity, ratio * scale, fans)


def _quadratic(c: tuple[float, float, float], y: Array) -> Array:
    """``c0 + c1 y + c2 y^2``."""
    return c[0] + y * (c[1] + c[2] * y)


def _lift_k(dry_bulb_c: Array) -> Array:
    """Condensing over evaporating temperature [K], PHYSICS E2a."""
    return upper(dry_bulb_c + 12.0, 30.0) - (_LEAVING_C - 2.0)


def capacity_kw(p: DxUnits, dry_bulb_c: Array, units_available: Array) -> Array:
    """Heat [kW] that the units on duty can take at an outdoor dry bulb (B,) [degC]; see `conditions`."""
    return conditions(p, dry_bulb_c, units_available).capacity_kw


def performance(now: DxConditions, heat_kw: Array) -> DxFlows:
    """Flows while ``heat_kw`` (B,) [kW] is asked for; the compressors cycle, so power is in proportion to the heat."""
    heat = clip(heat_kw, 0.0, now.capacity_kw)
    power = heat * now.power_per_heat
    return DxFlows(power, heat, now.capacity_kw, heat + power, now.fan_power_kw)


def advance(p: DxUnits, heat_kw: Array, dry_bulb_c: Array, units_available: Array) -> DxFlows:
    """Flows at an outdoor dry bulb: `performance` under `conditions`, for callers that hoist nothing."""
    return performance(conditions(p, dry_bulb_c, units_available), heat_kw)
