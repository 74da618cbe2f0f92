"""Power of fans and pumps by speed or by flow, PHYSICS C1 and C7."""

from __future__ import annotations

from envs.physics.namespace import Array


def fan_power_kw(rated_kw: Array, speed: Array, exponent: float = 3.0) -> Array:
    """Fan power [kW] by the fan law ``P = P_rated n^exponent``, PHYSICS C1.

    Parameters
    ----------
    rated_kw : array
        Power at full speed [kW].
    speed : array
        Speed over full speed, 0..1.
    exponent : float
        3 for a free system (towers), 2.7 for room units, 2.2-2.7 against a held plenum pressure.
    """
    return rated_kw * speed**exponent


def pump_power_kw(flow_m3_s: Array, pressure_kpa: Array, efficiency: Array) -> Array:
    """Electric power [kW] to move liquid [m3/s] against a head [kPa], total efficiency 0..1, PHYSICS D6."""
    return flow_m3_s * pressure_kpa / efficiency


def pressure_controlled_pump_power_kw(
    flow_m3_s: Array, design_flow_m3_s: Array, design_kpa: Array, setpoint_kpa: Array, efficiency: Array
) -> Array:
    """Electric power [kW] of a pump held at a differential pressure at the loads, PHYSICS C7.

    ``P = V (dp_set + (dp0 - dp_set)(V/V0)^2)/eta``: what is beyond the sensor falls with the square of the flow.

    Parameters
    ----------
    flow_m3_s, design_flow_m3_s : array
        Flow now and at design [m3/s].
    design_kpa : array
        Head at design flow [kPa].
    setpoint_kpa : array
        Held differential pressure [kPa], 80 in PHYSICS C7.
    efficiency : array
        Total efficiency, 0..1.
    """
    share = flow_m3_s / design_flow_m3_s
    return flow_m3_s * (setpoint_kpa + (design_kpa - setpoint_kpa) * share * share) / efficiency
