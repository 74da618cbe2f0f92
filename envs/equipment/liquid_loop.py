"""The two liquid loops: technology coolant (TCS) behind the distribution units, and facility water (FWS) behind them.

Each loop is one well-mixed mass at its supply temperature. Its exchanger takes what the set-point asks for, between
nothing and what it can; the heat comes from the state change (PHYSICS T1), so both ends book one number.

References
----------
PHYSICS D1-D7, C7, T1, b6 and j16-17; SCENARIOS (sizes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics import coil
from envs.physics.coolants import PG25, WATER
from envs.physics.fan_pump import pressure_controlled_pump_power_kw, pump_power_kw
from envs.physics.namespace import Array, clip, lower, namespace, relax, upper
from envs.physics.readings import Readings
from envs.units import litres_per_minute_to_m3_s

PUMP_LAG_S = 10.0  # drive ramp, engineering guess
VALVE_LAG_S = 60.0  # closed local loop, PHYSICS 0
FILM_RATIO, FILM_EXPONENT = 1.0, 0.8  # of plate exchangers, liquid on both sides, engineering guess
SMALLEST_FLOW_FRAC = 0.02  # below it the return temperature is that of this flow
# Of what may be commanded: SCENARIOS "Channels an agent may hold". What is measured has its alarm at 2 K
# (`envs.plant.ledger`).
FLOOR_OVER_DEW_POINT_K = 3.0
_SMALL = 1e-6
_NOT_ZERO = 1e-12


@dataclass(frozen=True)
class CoolantDistribution(Parameters):
    """Coolant distribution units and the coolant they pump. Defaults: ai_hall."""

    cdus: float = parameter(3, 1, 200, "1", "SCENARIOS ai_hall; installed")
    cdus_running: float = parameter(2, 1, 200, "1", "SCENARIOS ai_hall; on duty, carry the design flow")
    ua_kw_k: float = parameter(165.0, 1.0, 5_000.0, "kW/K", "SCENARIOS ai_hall; each, D3: 250-300 W/K per kW")
    tcs_flow_lpm: float = parameter(1530.0, 10.0, 200_000.0, "L/min", "SCENARIOS ai_hall, D4: 1.5 lpm/kW; all on duty")
    pump_dp_kpa: float = parameter(250.0, 10.0, 1_000.0, "kPa", "SCENARIOS ai_hall")
    pump_efficiency: float = parameter(0.65, 0.1, 0.95, "1", "SCENARIOS ai_hall")
    pump_exponent: float = parameter(2.8, 2.5, 3.0, "1", "C1, D6: closed loop 2.6-3")
    min_flow_frac: float = parameter(0.70, 0.1, 1.0, "1", "D6; vendor interlock")
    stored_litres: float = parameter(1200.0, 5.0, 200_000.0, "L", 'SCENARIOS "Masses": 120 L per liquid rack')
    tcs_limit_c: float = parameter(45.0, 25.0, 60.0, "degC", "D7: class S45")


@dataclass(frozen=True)
class FacilityWater(Parameters):
    """Facility water loop with its pumps and, where there is one, a plate exchanger to the condenser header."""

    flow_kg_s: float = parameter(24.4, 0.1, 2_000.0, "kg/s", "SCENARIOS ai_hall; design")
    min_flow_frac: float = parameter(0.30, 0.0, 1.0, "1", "D6; kept through the bypass")
    pumps_running: float = parameter(1, 1, 50, "1", "SCENARIOS ai_hall 1+1; carry the design flow")
    pump_dp_kpa: float = parameter(150.0, 10.0, 1_000.0, "kPa", "SCENARIOS ai_hall")
    pump_held_kpa: float = parameter(80.0, 0.0, 500.0, "kPa", "C7; held at the loads")
    pump_efficiency: float = parameter(0.65, 0.1, 0.95, "1", "SCENARIOS ai_hall: 5.7 kW")
    volume_m3: float = parameter(4.0, 0.05, 1_000.0, "m3", "SCENARIOS ai_hall")
    exchanger_ua_kw_k: float = parameter(261.0, 0.0, 20_000.0, "kW/K", "SCENARIOS ai_hall; 0 without an exchanger")
    cw_design_kg_s: float = parameter(30.0, 0.1, 5_000.0, "kg/s", "SCENARIOS ai_hall: half of two 30 L/s tower pumps")


class TcsState(NamedTuple):
    """Coolant supply [degC], pump speed and valve position [0..1], each ``(B,)``."""

    supply_c: Array
    pump_speed_frac: Array
    valve_frac: Array


class TcsFlows(NamedTuple):
    """What the coolant loop exchanged over a step, each ``(B,)``; temperatures and valve at its end."""

    heat_to_fws_kw: Array
    pump_power_kw: Array
    return_c: Array
    supply_c: Array
    flow_frac: Array
    fws_flow_kg_s: Array
    valve_frac: Array


class FwsState(NamedTuple):
    """Facility water supply temperature ``(B,)`` [degC]."""

    supply_c: Array


class FwsFlows(NamedTuple):
    """What the facility water exchanged over a step, each ``(B,)``.

    ``valve_frac`` is the share of the exchanger's full heat that was used (1: it floats).
    """

    heat_out_kw: Array
    pump_power_kw: Array
    supply_c: Array
    return_c: Array
    flow_kg_s: Array
    valve_frac: Array


def condensation_floor_c(dew_point_c: Array, margin_k: float = FLOOR_OVER_DEW_POINT_K) -> Array:
    """Lowest coolant supply temperature [degC] that keeps pipes dry at a room dew point [degC], PHYSICS D6."""
    return dew_point_c + margin_k


def initial_tcs(n: int, supply_c: Array = 35.0, valve_frac: Array = 0.5, dtype: DTypeLike = np.float32) -> TcsState:
    """State of ``n`` environments at full pump speed; values are numbers or ``(n,)``."""
    ones = np.ones(n, dtype=dtype)
    return TcsState(*((ones * value).astype(dtype) for value in (supply_c, 1.0, valve_frac)))


def initial_fws(n: int, supply_c: Array = 31.0, dtype: DTypeLike = np.float32) -> FwsState:
    """State of ``n`` environments; the temperature is a number or ``(n,)``."""
    return FwsState((np.ones(n, dtype=dtype) * supply_c).astype(dtype))


def corrected_tcs(p: CoolantDistribution, state: TcsState, seen: Readings, gain: float) -> TcsState:
    """Coolant loop that follows a real one: its supply is pulled to the sensor."""
    return state._replace(supply_c=seen.corrected_value(state.supply_c, "tcs_supply_c", gain))


def corrected_fws(p: FacilityWater, state: FwsState, seen: Readings, gain: float) -> FwsState:
    """Facility water that follows a real loop: its supply is pulled to the sensor."""
    return FwsState(seen.corrected_value(state.supply_c, "fws_supply_c", gain))


def pump_speed(p: CoolantDistribution, state: TcsState, command: Array, dt_s: float) -> Array:
    """Pump speed [fraction, ``(B,)``] at the end of a sub-step: a ramp of 10 s within the interlock's range."""
    return relax(state.pump_speed_frac, clip(command, p.min_flow_frac, 1.0), PUMP_LAG_S, dt_s)


def tcs_flow_frac(p: CoolantDistribution, pump_speed_frac: Array, cdus_available: Array) -> Array:
    """Coolant flow over design, ``(B,)``: falls with the speed and with every unit that cannot be replaced."""
    return pump_speed_frac * lower(cdus_available * (1.0 / p.cdus_running), 1.0)


def advance_tcs(
    p: CoolantDistribution,
    state: TcsState,
    rack_liquid_heat_kw: Array,
    tcs_setpoint_c: Array,
    pump_speed_cmd: Array,
    fws_supply_c: Array,
    fws_design_kg_s: Array,
    cdus_available: Array,
    dt_s: float,
    fws_available_frac: Array | None = None,
) -> tuple[TcsState, TcsFlows]:
    """Advance the coolant loop by one sub-step, PHYSICS D2-D6.

    Parameters
    ----------
    p : CoolantDistribution
    state : TcsState
    rack_liquid_heat_kw : array
        Heat of all racks into the coolant, ``(B,)`` [kW].
    tcs_setpoint_c, pump_speed_cmd : array
        Supply set-point [degC] and pump speed [fraction], ``(B,)``.
    fws_supply_c : array
        Facility water supply, ``(B,)`` [degC].
    fws_design_kg_s : float
        Facility water through the units on duty with their valves open [kg/s].
    cdus_available : array
        Units able to run, ``(B,)``.
    dt_s : float
        Step [s], any length.
    fws_available_frac : array, optional
        Facility water there is, over design, ``(B,)``: 0 after a loss of its pumps.

    Notes
    -----
    Ledger: ``racks + pump = heat to FWS + d(stored)/dt`` exactly. The exchanger never heats the coolant: with
    facility water warmer than the return the heat is zero.
    """
    share = lower(cdus_available * (1.0 / p.cdus_running), 1.0)
    speed = pump_speed(p, state, pump_speed_cmd, dt_s)
    stream_kw_k = litres_per_minute_to_m3_s(p.tcs_flow_lpm) * (PG25.density_kg_m3 * PG25.cp_kj_kg_k)
    law = _plate(p.ua_kw_k * p.cdus_running, stream_kw_k, fws_design_kg_s * WATER.cp_kj_kg_k)
    at = coil.coil_at(law, speed)
    most = at.full if fws_available_frac is None else coil.effectiveness(law, at, fws_available_frac)
    pump_kw = _tcs_pump_kw(p, speed) * share
    heat_kw = rack_liquid_heat_kw + pump_kw
    flow_frac = speed * share
    flow_kw_k = stream_kw_k * flow_frac
    mass_kj_k = p.stored_litres * 1e-3 * (PG25.density_kg_m3 * PG25.cp_kj_kg_k)
    rise, out_kw, _ = _exchange(
        state.supply_c, tcs_setpoint_c, heat_kw, most, flow_kw_k, fws_supply_c, mass_kj_k, dt_s, VALVE_LAG_S
    )
    supply = state.supply_c + rise
    return_c = supply + heat_kw / upper(flow_kw_k, stream_kw_k * SMALLEST_FLOW_FRAC)
    needed = out_kw / upper(flow_kw_k * (return_c - fws_supply_c), _SMALL)
    opening = coil.cold_flow_frac(law, at, lower(needed, most))
    position = opening if fws_available_frac is None else lower(opening / upper(fws_available_frac, _SMALL), 1.0)
    valve = relax(state.valve_frac, position, VALVE_LAG_S, dt_s)
    flows = TcsFlows(out_kw, pump_kw, return_c, supply, flow_frac, opening * fws_design_kg_s * share, valve)
    return TcsState(supply, speed, valve), flows


def fws_flow(p: FacilityWater, cdu_flow_kg_s: Array, pumps_available: Array) -> Array:
    """Facility water flow, ``(B,)`` [kg/s]: what the valves take, at least 30 %, at most what the pumps can."""
    can = lower(pumps_available * (1.0 / p.pumps_running), 1.0) * p.flow_kg_s
    return lower(upper(cdu_flow_kg_s, p.flow_kg_s * p.min_flow_frac), can)


def fws_return_c(p: FacilityWater, state: FwsState, heat_in_kw: Array, flow_kg_s: Array) -> Array:
    """Water temperature at the exchanger or dry cooler, ``(B,)`` [degC]: loads and pump heat above the supply."""
    return state.supply_c + (heat_in_kw + fws_pump_power_kw(p, flow_kg_s)) / _fws_stream(p, flow_kg_s)


def fws_pump_power_kw(p: FacilityWater, flow_kg_s: Array) -> Array:
    """Pump power [kW] at a flow [kg/s], held differential pressure at the loads, PHYSICS C7."""
    rho = WATER.density_kg_m3
    return pressure_controlled_pump_power_kw(
        flow_kg_s * (1.0 / rho), p.flow_kg_s / rho, p.pump_dp_kpa, p.pump_held_kpa, p.pump_efficiency
    )


def advance_fws(
    p: FacilityWater,
    state: FwsState,
    heat_in_kw: Array,
    flow_kg_s: Array,
    fws_setpoint_c: Array,
    cw_supply_c: Array,
    cw_flow_kg_s: Array,
    dt_s: float,
) -> tuple[FwsState, FwsFlows]:
    """Advance facility water that gives its heat to condenser water through the plate exchanger, PHYSICS D2.

    Parameters
    ----------
    p : FacilityWater
    state : FwsState
    heat_in_kw : array
        Heat from the coolant loop, ``(B,)`` [kW].
    flow_kg_s : array
        From `fws_flow`, ``(B,)`` [kg/s].
    fws_setpoint_c : array
        Supply set-point, ``(B,)`` [degC]; above what the exchanger can do the supply floats.
    cw_supply_c, cw_flow_kg_s : array
        Condenser water at the exchanger, ``(B,)`` [degC], [kg/s].
    dt_s : float
        Step [s], any length.

    Notes
    -----
    Ledger: ``heat in + pump = heat out + d(stored)/dt`` exactly.
    """
    cp = WATER.cp_kj_kg_k
    law = _plate(p.exchanger_ua_kw_k, p.flow_kg_s * cp, p.cw_design_kg_s * cp)
    at = coil.coil_at(law, flow_kg_s * (1.0 / p.flow_kg_s))
    most = coil.effectiveness(law, at, cw_flow_kg_s * (1.0 / p.cw_design_kg_s))
    pump_kw = fws_pump_power_kw(p, flow_kg_s)
    heat_kw = heat_in_kw + pump_kw
    rise, out_kw, used = _exchange(
        state.supply_c, fws_setpoint_c, heat_kw, most, flow_kg_s * cp, cw_supply_c, _fws_mass(p), dt_s, VALVE_LAG_S
    )
    return _fws_result(p, state.supply_c + rise, heat_kw, pump_kw, out_kw, flow_kg_s, used)


def advance_fws_with_leaving_water(
    p: FacilityWater, state: FwsState, heat_in_kw: Array, flow_kg_s: Array, leaving_c: Array, dt_s: float
) -> tuple[FwsState, FwsFlows]:
    """Advance facility water into which a dry cooler sends water of a known temperature; stable at any step.

    Parameters
    ----------
    p, state, heat_in_kw, flow_kg_s, dt_s
        As in `advance_fws`.
    leaving_c : array
        Water leaving the dry cooler, ``(B,)`` [degC], found for an entering `fws_return_c`.

    Notes
    -----
    The loop relaxes to ``leaving_c`` with the time its water takes to pass; ``heat_out_kw`` is what the dry cooler took
    (mean of the step).
    """
    stream = flow_kg_s * WATER.cp_kj_kg_k
    mass = _fws_mass(p)
    passed = -namespace(stream).expm1(-stream * (dt_s / mass))
    rise = (leaving_c - state.supply_c) * passed
    pump_kw = fws_pump_power_kw(p, flow_kg_s)
    heat_kw = heat_in_kw + pump_kw
    out_kw = heat_kw - rise * (mass / dt_s)
    return _fws_result(p, state.supply_c + rise, heat_kw, pump_kw, out_kw, flow_kg_s, flow_kg_s * (1.0 / p.flow_kg_s))


def _exchange(
    t_c: Array,
    setpoint_c: Array,
    heat_kw: Array,
    most: Array,
    flow_kw_k: Array,
    sink_c: Array,
    mass_kj_k: Array,
    dt_s: float,
    lag_s: float,
) -> tuple[Array, Array, Array]:
    """Rise of a loop's supply [K], heat its exchanger took [kW] and the share of the possible heat that is [1].

    With the exchanger shut the loop rises by ``y_off``; wide open (effectiveness ``most`` of the flow's stream) it
    relaxes exactly, T1, by ``y_sat``; on its set-point, with the valve's lag, it would rise by ``y_target``.
    """
    exchange = most * flow_kw_k
    x = exchange * (dt_s / mass_kj_k) + _NOT_ZERO
    passed = -namespace(x).expm1(-x) / x
    per_kw = dt_s / mass_kj_k
    y_off = heat_kw * per_kw
    y_sat = ((1.0 - most) * heat_kw - exchange * (t_c - sink_c)) * passed * per_kw
    y = lower(upper(relax(0.0, setpoint_c - t_c, lag_s, dt_s), y_sat), y_off)
    return y, (y_off - y) / per_kw, (y_off - y) / upper(y_off - y_sat, _SMALL)


def _plate(ua_kw_k: Array, hot_kw_k: Array, cold_kw_k: Array) -> coil.CoilLaw:
    """Law of a plate exchanger by its design conductance and streams [kW/K]."""
    return coil.CoilLaw(ua_kw_k / hot_kw_k, hot_kw_k / cold_kw_k, FILM_RATIO, FILM_EXPONENT, FILM_EXPONENT)


def _tcs_pump_kw(p: CoolantDistribution, speed: Array) -> Array:
    """Power of all pumps on duty [kW] at a speed, PHYSICS D6."""
    rated = pump_power_kw(litres_per_minute_to_m3_s(p.tcs_flow_lpm), p.pump_dp_kpa, p.pump_efficiency)
    return rated * speed**p.pump_exponent


def _fws_stream(p: FacilityWater, flow_kg_s: Array) -> Array:
    """Capacity rate of the facility water [kW/K], not below 2 % of design (for a return temperature)."""
    return upper(flow_kg_s, p.flow_kg_s * SMALLEST_FLOW_FRAC) * WATER.cp_kj_kg_k


def _fws_mass(p: FacilityWater) -> Array:
    """Heat capacity of the facility water [kJ/K]."""
    return p.volume_m3 * WATER.density_kg_m3 * WATER.cp_kj_kg_k


def _fws_result(
    p: FacilityWater, supply: Array, heat_kw: Array, pump_kw: Array, out_kw: Array, flow_kg_s: Array, used: Array
) -> tuple[FwsState, FwsFlows]:
    """State and flows of facility water after a step."""
    return_c = supply + heat_kw / _fws_stream(p, flow_kg_s)
    return FwsState(supply), FwsFlows(out_kw, pump_kw, supply, return_c, flow_kg_s, used)
