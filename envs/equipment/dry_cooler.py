"""Dry cooler with an adiabatic pad: crossflow coil, speed-controlled fans, water only while the pad is wet.

References: PHYSICS E10, E11 (crossflow form: EnergyPlus Engineering Reference), coil and fan of the BAC Trillium
TDFS1238N (modelica-buildings), off-design conductance PHYSICS C2; sizes SCENARIOS liquid_hall. Valid for dry coolers
whose water is warmer than the air; where it is not, they reject nothing (the water never takes heat from outside).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from envs.parameters import Parameters, parameter
from envs.physics.heat_exchanger import crossflow_effectiveness, ua_off_design
from envs.physics.namespace import Array, as_mask, clip, device_of, lower, namespace, upper
from envs.physics.psychrometrics import enthalpy_kj_kg
from envs.physics.readings import Readings
from envs.units import CP_AIR_KJ_KG_K, CP_VAPOUR_KJ_KG_K, LATENT_HEAT_KJ_KG, SEA_LEVEL_KPA

MIN_FAN_SPEED = 0.2  # below it fans cycle, as the tower's (PHYSICS E8)
FREE_CONVECTION = 0.125  # share of the full-fan heat with fans off, as the tower's (PHYSICS E8); engineering guess
SPEED_CORRECTIONS = 1  # fan speed within 0.3 % for water flows 0.1-2 of design
LEAST_WATER_FRAC = 0.05  # effectiveness below this share of design water flow is taken as at it
SMALL_K = 0.01
LOG_NODE_STEP = -0.5 * math.log(MIN_FAN_SPEED)
NODES = ((MIN_FAN_SPEED,), (math.sqrt(MIN_FAN_SPEED),), (1.0,))


@dataclass(frozen=True)
class DryCooler(Parameters):
    """A bank of equal dry coolers that share water and speed; defaults are liquid_hall's."""

    units: int = parameter(3, 1, 64, "1", "SCENARIOS liquid_hall: 2+1, all run")
    ua_kw_k: float = parameter(607.5, 1.0, 1e5, "kW/K", "PHYSICS e3, BAC Trillium TDFS1238N, per unit")
    water_kw_k: float = parameter(527.0, 1.0, 1e5, "kW/K", "PHYSICS e3, design capacity rate per unit")
    air_kw_k: float = parameter(527.0, 1.0, 1e5, "kW/K", "PHYSICS e3, design capacity rate per unit")
    fan_kw: float = parameter(117.7, 0.05, 1e4, "kW", "PHYSICS e3, per unit at full speed")
    has_pad: bool = True
    pad_effectiveness: float = parameter(0.85, 0.0, 0.98, "1", "SCENARIOS liquid_hall; 0.75-0.9 PHYSICS E11")
    pad_switch_c: float = parameter(20.0, -10.0, 45.0, "degC", "SCENARIOS liquid_hall")
    pad_band_k: float = parameter(2.0, 0.1, 10.0, "K", "SCENARIOS liquid_hall, each side")
    pad_approach_k: float = parameter(
        5.0, 0.0, 20.0, "K", "engineering guess; dry air this much under the setpoint needs no pad"
    )
    pad_freeze_c: float = parameter(
        4.0, 0.0, 15.0, "degC", "PHYSICS E11; colder, the pad is drained, engineering guess"
    )
    bleed_ratio: float = parameter(1.2, 1.0, 2.0, "1", "PHYSICS E11, 1.1-1.3: make-up over evaporation")


class DryCoolerState(NamedTuple):
    """``pad_on`` (B,): 1 while the pad is wet."""

    pad_on: Array


class DryCoolerFlows(NamedTuple):
    """Means over the sub-step, all (B,); ``fan_speed`` is the time mean, ``air_in_c`` the air behind the pad."""

    heat_kw: Array
    water_out_c: Array
    fan_power_kw: Array
    fan_speed: Array
    air_in_c: Array
    evaporation_kg_s: Array
    blowdown_kg_s: Array
    makeup_kg_s: Array
    pad_on: Array


def initial(p: DryCooler, dry_bulb_c: Array) -> DryCoolerState:
    """Settled start (B,): the pad is wet above its lowest switch point."""
    return DryCoolerState(as_mask(dry_bulb_c > _lowest_switch_c(p), dry_bulb_c) * float(p.has_pad))


def _lowest_switch_c(p: DryCooler) -> Array:
    """Switch point [degC] from which the pad falls dry before it can freeze."""
    return upper(p.pad_switch_c, p.pad_freeze_c + p.pad_band_k)


def reported(p: DryCooler, state: DryCoolerState) -> dict[str, Array]:
    """The pad as the building reports it (B,)."""
    return {"dry_cooler_pad_on": state.pad_on}


def corrected(p: DryCooler, state: DryCoolerState, seen: Readings, gain: float) -> DryCoolerState:
    """State that follows real dry coolers: the pad is as reported; there is nothing to pull by ``gain``."""
    return DryCoolerState(seen.reported_value(state.pad_on, "dry_cooler_pad_on"))


def advance(
    p: DryCooler,
    state: DryCoolerState,
    water_in_c: Array,
    water_flow_kg_s: Array,
    cp_kj_kg_k: float,
    setpoint_c: Array,
    dry_bulb_c: Array,
    wet_bulb_c: Array,
    humidity_ratio: Array,
    pressure_kpa: Array,
    available_units: Array,
    dt_s: float,
    smooth: bool = False,
) -> tuple[DryCoolerState, DryCoolerFlows]:
    """Leaving water, fan power and water use of the bank; the mass of the water is the caller's loop.

    The water leaves at its setpoint where fans off, cycling or at 0.2..1 of their speed can bring it there, else as
    close as they can. Fan air and power scale with the pressure over sea level's (thin air carries and costs less).

    Parameters
    ----------
    p : DryCooler
    state : DryCoolerState
    water_in_c, setpoint_c : array (B,)
        Entering water and wanted leaving water [degC].
    water_flow_kg_s : array (B,)
        Flow of the whole bank [kg/s], shared by the running units.
    cp_kj_kg_k : float
        Of the liquid [kJ/(kg K)].
    dry_bulb_c, wet_bulb_c : array (B,)
        Outside air [degC].
    humidity_ratio : array (B,)
        Outside [kg/kg].
    pressure_kpa : array (B,) or float
        [kPa].
    available_units : array (B,) or float
        Units without a fault, 0..units; all of them run.
    dt_s : float
        Sub-step [s]; the bank holds no mass, so nothing depends on it.
    smooth : bool
        For gradients: a share of the pads is wet that rises over the hysteresis, instead of all or none.
    """
    pad_on = _wet_share(p, setpoint_c, dry_bulb_c) if smooth else _switch_pad(p, state.pad_on, setpoint_c, dry_bulb_c)
    air_in = dry_bulb_c - (p.pad_effectiveness * pad_on) * (dry_bulb_c - wet_bulb_c)
    running = lower(available_units + water_in_c * 0.0, p.units)
    any_running = lower(running, 1.0)
    stream = water_flow_kg_s * cp_kj_kg_k
    unit_stream = upper(stream / upper(running, 1.0), LEAST_WATER_FRAC * p.water_kw_k)
    density = pressure_kpa * (1.0 / SEA_LEVEL_KPA)
    drive = upper(water_in_c - air_in, 0.0)
    speed, duty, share = _fans(p, unit_stream, (water_in_c - setpoint_c) / upper(drive, SMALL_K), density)
    drop = share * drive * any_running
    mean_speed = speed * duty * any_running
    fan_power = (p.fan_kw * density) * running * duty * speed * speed * speed
    wet = 1.0 if smooth else pad_on
    evaporation = _pad_water(p, wet, running * mean_speed * density, dry_bulb_c, air_in, humidity_ratio)
    blowdown = evaporation * (p.bleed_ratio - 1.0)
    flows = DryCoolerFlows(
        heat_kw=stream * drop,
        water_out_c=water_in_c - drop,
        fan_power_kw=fan_power,
        fan_speed=mean_speed,
        air_in_c=air_in,
        evaporation_kg_s=evaporation,
        blowdown_kg_s=blowdown,
        makeup_kg_s=evaporation + blowdown,
        pad_on=pad_on,
    )
    return DryCoolerState(pad_on), flows


def water_effectiveness(p: DryCooler, unit_stream_kw_k: Array, air_frac: Array) -> Array:
    """Cooling of the water over its distance to the air, 0..1, PHYSICS E10 with the conductance of C2.

    Parameters
    ----------
    unit_stream_kw_k : array (B,)
        Capacity rate of the water of one unit [kW/K].
    air_frac : array (B,)
        Air mass flow over design [1].
    """
    air = p.air_kw_k * air_frac
    least, most = lower(air, unit_stream_kw_k), upper(air, unit_stream_kw_k)
    ua = ua_off_design(p.ua_kw_k, unit_stream_kw_k * (1.0 / p.water_kw_k), air_frac)
    return crossflow_effectiveness(ua / least, least / most) * least / unit_stream_kw_k


def _fans(p: DryCooler, unit_stream_kw_k: Array, wanted: Array, density: Array) -> tuple[Array, Array, Array]:
    """Speed while running, share of time running, and the effectiveness reached, for a wanted effectiveness.

    ``ln(-ln(1 - eps))`` bends little over ``ln(speed)``: a parabola through three speeds, equally spaced in the
    logarithm, is corrected a fixed number of times with its own slope.
    """
    xp = namespace(unit_stream_kw_k)
    nodes = xp.asarray(NODES, dtype=unit_stream_kw_k.dtype, device=device_of(unit_stream_kw_k)) + unit_stream_kw_k * 0.0
    eps = water_effectiveness(p, unit_stream_kw_k, nodes * density)
    bent = _bend(xp, eps)
    off = FREE_CONVECTION * eps[2]
    reached = clip(wanted, off, eps[2])
    goal = _bend(xp, upper(reached, eps[0]))
    first, second = (LOG_NODE_STEP / upper(bent[i + 1] - bent[i], 1e-3) for i in (0, 1))
    bend = (second - first) / upper(bent[2] - bent[0], 1e-3)
    over = goal - bent[1]
    log_speed = (first * (goal - bent[0]) + bend * over * (goal - bent[0])) - 2.0 * LOG_NODE_STEP
    slope = first + bend * (over + (goal - bent[0]))
    for _ in range(SPEED_CORRECTIONS):
        miss = goal - _bend(xp, water_effectiveness(p, unit_stream_kw_k, xp.exp(log_speed) * density))
        log_speed = log_speed + miss * slope
    speed = clip(xp.exp(log_speed), MIN_FAN_SPEED, 1.0)
    return speed, clip((reached - off) / (eps[0] - off), 0.0, 1.0), reached


def _bend(xp: Array, eps: Array) -> Array:
    """``ln(-ln(1 - eps))``, finite on 0..1."""
    return xp.log(upper(-xp.log1p(-lower(eps, 0.9999)), 1e-6))


def _switch_pad(p: DryCooler, pad_on: Array, setpoint_c: Array, dry_bulb_c: Array) -> Array:
    """Pad with hysteresis: on above the switch point plus the band, off below it minus the band, PHYSICS E11.

    The switch point is that of SCENARIOS liquid_hall, but not before dry air comes within ``pad_approach_k`` of the
    setpoint: at 26 degC and a setpoint of 31 its pads would spend 220 USD of water a day to save 1 USD of fan energy.
    Below ``pad_freeze_c`` the pad is drained whatever the switch point.
    """
    point = _switch_point_c(p, setpoint_c)
    above = as_mask(dry_bulb_c > point + p.pad_band_k, dry_bulb_c)
    not_below = as_mask(dry_bulb_c >= point - p.pad_band_k, dry_bulb_c)
    return upper(above, pad_on * not_below) * float(p.has_pad)


def _switch_point_c(p: DryCooler, setpoint_c: Array) -> Array:
    """Middle of the pad's hysteresis [degC]."""
    return upper(setpoint_c - p.pad_approach_k, _lowest_switch_c(p))


def _wet_share(p: DryCooler, setpoint_c: Array, dry_bulb_c: Array) -> Array:
    """Share of the pads that is wet where their switch is smooth: half of them where wet ones would fall dry.

    A logistic curve over half the band. Pads that are wet stay so through the hysteresis, so it must be kept clear of.
    """
    over = (dry_bulb_c - _switch_point_c(p, setpoint_c) + p.pad_band_k) * (-2.0 / p.pad_band_k)
    return float(p.has_pad) / (namespace(over).exp(over) + 1.0)


def _pad_water(
    p: DryCooler, pad_on: Array | float, air_frac: Array, dry_bulb_c: Array, air_in_c: Array, humidity_ratio: Array
) -> Array:
    """Water evaporated in the pads [kg/s]: the air is cooled along its enthalpy, ``m_air (W' - W)``, PHYSICS E11."""
    enthalpy = enthalpy_kj_kg(dry_bulb_c, humidity_ratio)
    wetter = (enthalpy - CP_AIR_KJ_KG_K * air_in_c) / (LATENT_HEAT_KJ_KG + CP_VAPOUR_KJ_KG_K * air_in_c)
    air_kg_s = air_frac * (p.air_kw_k / CP_AIR_KJ_KG_K)
    return pad_on * air_kg_s * upper(wetter - humidity_ratio, 0.0)
