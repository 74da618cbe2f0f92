"""Chillers by published curves: capacity and power at any load, leaving water and condenser temperature.

The machine alone, without memory. It is a part of the chilled-water room: `envs.equipment.chilled_water` stages it.

References: PHYSICS e1 (E1, E2, E2a). Curves: Buildings/Fluid/Chillers/Data/ElectricEIR.mo of lbl-srg/modelica-buildings
@c4117cc and datasets/AirCooledChiller.idf of NREL/EnergyPlus @1a2d901.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, clip, lower, namespace, upper

_AIR_REFERENCE_C = 6.67  # leaving water at which E2a reads the curve of an air-cooled machine
_CARNOT_KELVIN = 271.15  # evaporating temperature in K: leaving water - 2 K, PHYSICS E2
WATER_CUT_OUT_C, AIR_CUT_OUT_C = 50.0, 60.0  # entering condenser water, dry bulb: high-pressure trip, engineering guess
CUT_OUT_BAND_K = 5.0  # over which a machine unloads before it trips, engineering guess
_LEAST_CAPACITY = 1e-4
_LEAST_LIFT_K = 10.0  # between evaporator and condenser, under head-pressure control, PHYSICS E2
WARM_WATER_GAIN_PER_K = 0.03  # of power, beyond the warmest published water: operators' rule 2-4 %/K, PHYSICS E2
#: Head-pressure control holds warmer condenser water for warmer chilled water beyond the box [K/K], engineering guess.
#: It keeps warm water with cold condensers near the best published COP, and costs less than the gain above.
HEAD_PRESSURE_SLOPE = 0.5


@dataclass(frozen=True)
class Chiller(Parameters):
    """One machine's curves (PHYSICS E1); x is the leaving chilled water, y the entering condenser water or the air."""

    q_ref_kw: float = parameter(2317.4, 10.0, 2e4, "kW", "published size; a plant scales the machine to its own")
    cop_ref: float = parameter(6.33, 1.5, 12.0, "1", "PHYSICS e1")
    plr_min: float = parameter(0.10, 0.02, 0.5, "1", "PHYSICS e1; below it the machine cycles")
    plr_max: float = parameter(1.04, 0.8, 1.3, "1", "PHYSICS e1")
    leaving_range_c: list[float] = parameter([4.44, 8.89], 0.0, 30.0, "degC", "PHYSICS e1")
    condenser_range_c: list[float] = parameter([12.78, 29.44], 5.0, 55.0, "degC", "PHYSICS e1")
    cap_ft: list[float] = parameter([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], -5.0, 5.0, "1", "PHYSICS e1")
    eir_ft: list[float] = parameter([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], -5.0, 5.0, "1", "PHYSICS e1")
    eir_fplr: list[float] = parameter([0.0, 1.0, 0.0], -5.0, 5.0, "1", "PHYSICS e1")
    air_cooled: bool = False


#: The published machines. A and E have wrong signs inside their own box: they check the law, no scenario uses them.
MACHINES: dict[str, Chiller] = {
    "A": Chiller(  # York YT, vanes
        1055.0, 5.96, 0.10, 1.05, [4.44, 8.89], [12.78, 35.0],
        [0.1785912, -0.05900023, -0.0005946963, 0.09297889, -0.002841024, 0.004974221],
        [0.524511, -0.02850126, 0.000803472, 0.01893133, 0.0001151629, -9.340642e-05],
        [0.2619878, 0.2393605, 0.4988306],
    ),
    "B": Chiller(  # Trane CVHF, variable speed
        2317.4, 6.33, 0.10, 1.04, [4.44, 8.89], [12.78, 29.44],
        [0.7277716, 0.01018101, -0.0006282438, 0.01337701, -0.0005050352, 0.001527259],
        [0.350233, -0.0230151, 0.0005749596, 0.01902421, 0.0003109974, -0.0004714517],
        [0.09861441, 0.5297727, 0.3707229],
    ),
    "C": Chiller(  # Carrier 19XR, variable speed, low lift
        1403.1, 7.09, 0.17, 1.03, [6.67, 12.22], [12.78, 23.89],
        [0.9601814, -0.003596494, -0.001706786, 0.006272429, -0.0009858212, 0.002611673],
        [1.098641, -0.0248588, -6.240421e-05, -0.001719488, 0.0004887321, 9.618075e-05],
        [0.08788698, 0.2678891, 0.644518],
    ),
    "D": Chiller(  # York YS, screw
        1758.3, 5.84, 0.20, 1.04, [4.44, 8.89], [12.78, 35.0],
        [0.8130185, -0.01425368, -0.001618007, 0.02638417, -0.0009154379, 0.001696015],
        [0.6381264, 0.006304193, 0.0009233511, -0.004552881, 0.0008256904, -0.001561533],
        [0.3149879, 0.3171267, 0.3709077],
    ),
    "E": Chiller(  # DOE-2 generic centrifugal
        100.0, 5.5, 0.10, 1.0, [5.0, 10.0], [24.0, 35.0],
        [0.257896, 0.0389016, -0.00021708, 0.0468684, -0.00094284, -0.00034344],
        [0.933884, -0.058212, 0.00450036, 0.00243, 0.000486, -0.001215],
        [0.222903, 0.313387, 0.46371],
    ),
    "F": Chiller(  # Carrier 30XA, air-cooled screw; condenser fans are inside its COP
        1348.0, 3.0, 0.10, 1.15, [4.44, 10.0], [29.44, 46.11],
        [0.0322203622, 0.0708503482, -0.0002846855, 0.0458012364, -0.0006440302, -0.001261153],
        [-0.0499492489, 0.0398844283, 0.0003767003, 0.0289000732, 7.61174e-05, -0.0013970133],
        [0.0, 1.0, 0.0],
        air_cooled=True,
    ),
}  # fmt: skip


def biquadratic(c: Sequence[float], x: Array, y: Array) -> Array:
    """``c0 + c1 x + c2 x^2 + c3 y + c4 y^2 + c5 x y``, PHYSICS E1."""
    return c[0] + x * (c[1] + c[2] * x) + y * (c[3] + c[4] * y + c[5] * x)


def temperature_factors(machine: Chiller, leaving_c: Array, condenser_in_c: Array) -> tuple[Array, Array]:
    """Capacity and energy input ratio over their reference values at two temperatures.

    Inside the published box this is E1. Outside, capacity stays at the edge of the box. The energy input ratio follows
    the Carnot lift from there (E2 water-cooled, E2a air-cooled), so that a machine never does better than its published
    share of Carnot. Warmer chilled water than published gains 3 % per kelvin at most. Condenser water colder than
    published, or than half a kelvin more per kelvin of such warm water, gains nothing (head-pressure control).

    Parameters
    ----------
    machine : Chiller
    leaving_c : array (B,)
        Leaving chilled water [degC], checked for 5..26.
    condenser_in_c : array (B,)
        Entering condenser water, or outdoor dry bulb of an air-cooled machine [degC], checked for 5..40 (air 5..46).

    Returns
    -------
    tuple of array (B,)
        CapFT and EIRFT [1].
    """
    if machine.air_cooled:
        return factors_with_air(machine, leaving_c, air_terms(machine, condenser_in_c))
    x_low, x_high = machine.leaving_range_c
    y_low, y_high = machine.condenser_range_c
    y_held = upper(upper(condenser_in_c, y_low), y_low + HEAD_PRESSURE_SLOPE * (leaving_c - x_high))
    left = _cut_out_share(condenser_in_c, WATER_CUT_OUT_C)
    xb, yb = clip(leaving_c, x_low, x_high), lower(y_held, y_high)
    carnot = upper(y_held - leaving_c + 9.5, _LEAST_LIFT_K) * ((xb + _CARNOT_KELVIN) / (leaving_c + _CARNOT_KELVIN))
    warm = (y_held - xb + 9.5) * _warm_water_factor(machine, leaving_c)
    over_edge = namespace(carnot).maximum(carnot, warm) / (yb - xb + 9.5)
    return biquadratic(machine.cap_ft, xb, yb) * left, biquadratic(machine.eir_ft, xb, yb) * over_edge


def _warm_water_factor(machine: Chiller, leaving_c: Array) -> Array:
    """Power over that at the warmest published water, at least, for a leaving water (B,) [1], PHYSICS E2."""
    beyond_k = upper(leaving_c - machine.leaving_range_c[1], 0.0)
    return namespace(beyond_k).exp(-WARM_WATER_GAIN_PER_K * beyond_k)


def _cut_out_share(condenser_in_c: Array, cut_out_c: float) -> Array:
    """Share of the capacity that the high-pressure limit leaves: it unloads the machine over the last 5 K [1]."""
    return clip((cut_out_c - condenser_in_c) * (1.0 / CUT_OUT_BAND_K), _LEAST_CAPACITY, 1.0)


class AirTerms(NamedTuple):
    """What outdoor air alone says about an air-cooled machine, (B,): computed once per control step.

    Attributes
    ----------
    cap_constant, cap_slope : array
        CapFT as a polynomial in the leaving water, without its own square term.
    eir_carnot : array
        ``EIRFT(6.67, yb) La(6.67, yb)`` of E2a.
    condensing_c : array
        Condensing temperature held by the fans [degC].
    below_cut_out : array
        Share of the capacity that the high-pressure limit leaves [1].
    """

    cap_constant: Array
    cap_slope: Array
    eir_carnot: Array
    condensing_c: Array
    below_cut_out: Array


def air_terms(machine: Chiller, dry_bulb_c: Array) -> AirTerms:
    """Terms of E2a that depend on the outdoor dry bulb (B,) alone."""
    c, x = machine.cap_ft, _AIR_REFERENCE_C
    yb = clip(dry_bulb_c, *machine.condenser_range_c)
    eir = biquadratic(machine.eir_ft, x, yb)
    at_edge = eir * ((x + _CARNOT_KELVIN) / upper(_condensing_c(yb) - (x - 2.0), 10.0))
    left = _cut_out_share(dry_bulb_c, AIR_CUT_OUT_C)
    return AirTerms(c[0] + yb * (c[3] + c[4] * yb), c[1] + c[5] * yb, at_edge, _condensing_c(dry_bulb_c), left)


def _condensing_c(dry_bulb_c: Array) -> Array:
    """Condensing temperature of an air-cooled machine [degC], PHYSICS E2a."""
    return upper(dry_bulb_c + 12.0, 30.0)


def factors_with_air(machine: Chiller, leaving_c: Array, air: AirTerms) -> tuple[Array, Array]:
    """CapFT and EIRFT of an air-cooled machine at the leaving water (B,), PHYSICS E2a."""
    xb = clip(leaving_c, *machine.leaving_range_c)
    cap = air.cap_constant + xb * (air.cap_slope + machine.cap_ft[2] * xb)
    carnot = upper(air.condensing_c - leaving_c + 2.0, _LEAST_LIFT_K) / (leaving_c + _CARNOT_KELVIN)
    edge_c = lower(leaving_c, machine.leaving_range_c[1])
    at_edge = upper(air.condensing_c - edge_c + 2.0, _LEAST_LIFT_K) / (edge_c + _CARNOT_KELVIN)
    least = at_edge * _warm_water_factor(machine, leaving_c)
    return cap * air.below_cut_out, air.eir_carnot * namespace(carnot).maximum(carnot, least)


def part_load_factor(machine: Chiller, plr: Array) -> Array:
    """Power over power at reference load, PHYSICS E1, for a part load ratio (B,) [1].

    ``EIRFPLR(clip(PLR, PLRmin, PLRmax)) min(1, PLR/PLRmin)``: below its least load a machine cycles, so that power
    falls smoothly to zero with the load.
    """
    d0, d1, d2 = machine.eir_fplr
    p = clip(plr, machine.plr_min, machine.plr_max)
    return (d0 + p * (d1 + d2 * p)) * lower(plr * (1.0 / machine.plr_min), 1.0)


def power_kw(machine: Chiller, nominal_kw: Array, load_kw: Array, leaving_c: Array, condenser_in_c: Array) -> Array:
    """Electric power [kW] of one machine, PHYSICS E1; load beyond its capacity is not met and not paid for.

    Parameters
    ----------
    machine : Chiller
    nominal_kw : array (B,) or float
        Capacity at reference that the machine is scaled to [kW]; its COP stays.
    load_kw : array (B,)
        Heat to take at the evaporator [kW].
    leaving_c, condenser_in_c : array (B,)
        See `temperature_factors`.
    """
    cap, eir = temperature_factors(machine, leaving_c, condenser_in_c)
    available = nominal_kw * cap
    plr = lower(load_kw / available, machine.plr_max)
    return available * eir * part_load_factor(machine, plr) * (1.0 / machine.cop_ref)
