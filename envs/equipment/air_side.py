"""The air of a zone: room units, recirculation, the hot aisle, the supply plenum and the moisture.

A zone is an aisle with its room units (CRAH). Its states are the hot-aisle temperature, the supply temperature behind
the fans, the humidity ratio, the fan speed, the valve position and the temperature of slab and walls. Zones ride on
axis 0: states are ``(Z, B)``.

Order in a sub-step: `fan_speed`, `balance`, `inlet_temperatures`, (the racks), `advance`.

References
----------
PHYSICS C1-C7, T1, b6 and j15; Tang, Gupta, Varsamopoulos, IEEE TPDS 2008 (recirculation matrix); SCENARIOS (sizes).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.equipment.air_moisture import HUMIDIFIER_KJ_KG, moisture
from envs.equipment.air_state import AirBalance, AirFlows, AirState, HeatResponse, OutdoorAir
from envs.equipment.air_zone import AirZone, ZoneTable, zone_table, zones_at_pressure
from envs.physics import coil
from envs.physics.fan_pump import fan_power_kw
from envs.physics.namespace import Array, lower, namespace, relax, upper
from envs.physics.readings import Readings
from envs.physics.recirculation import RackInlets, mixed_inlet, rack_share, smooth_minimum, to_racks, top_share
from envs.units import CP_AIR_KJ_KG_K, LATENT_HEAT_KJ_KG

__all__ = [
    "AirBalance", "AirFlows", "AirState", "AirZone", "HeatResponse", "OutdoorAir", "ZoneTable", "advance", "balance",
    "corrected", "fan_speed", "heat_response", "initial", "inlet_rise_k", "inlet_temperatures", "taken_over",
    "zone_table", "zones_at_pressure",
]  # fmt: skip

FAN_LAG_S = 10.0  # drive ramp, engineering guess
VALVE_LAG_S = 60.0  # closed local loop, PHYSICS 0
SMOOTH_WIDTH = 0.02  # C5
BACKDRAFT_LEAK = 0.05  # of a unit's flow, back through each stopped unit, C5
LARGEST_DX_DROP_K = 20.0  # over a direct-expansion unit, engineering guess (freeze protection)
LEAST_STREAM_KW_K = 1e-2  # of air through the coils; below it the return reads ever nearer to the supply
_SMALL = 1e-6
_STILL = 1e-3  # shares of a hot aisle's heat that leave it in a sub-step; below it the aisle is a plain integrator


def initial(
    zt: ZoneTable,
    n: int,
    supply_c: Array = 22.0,
    hot_c: Array = 35.0,
    humidity_ratio: Array = 0.008,
    fan_speed_frac: Array = 0.6,
    valve_frac: Array = 0.5,
) -> AirState:
    """State of ``n`` environments; each value a number or broadcastable to ``(Z, n)``."""
    ones = np.ones((zt.unit_kg_s.shape[0], n), dtype=zt.unit_kg_s.dtype)
    values = (hot_c, supply_c, humidity_ratio, fan_speed_frac, valve_frac, hot_c)
    return AirState(*((ones * value).astype(ones.dtype) for value in values))


def corrected(zt: ZoneTable, state: AirState, seen: Readings, gain: float) -> AirState:
    """State that follows a real hall: supply and hot aisle are pulled to their sensors, fan speeds are as reported.

    The hot aisle has no sensor of its own: it moves by what the return air shows above what was expected of it. Slab
    and walls are remembered.
    """
    return state._replace(
        supply_c=seen.corrected_value(state.supply_c, "zone_supply_c", gain),
        hot_c=seen.corrected_value(state.hot_c, "zone_return_c", gain),
        fan_speed_frac=seen.reported_value(state.fan_speed_frac, "zone_fan_speed_frac"),
    )


def taken_over(state: AirState, air: AirBalance, flows: AirFlows, humidity_ratio: Array) -> AirState:
    """State behind what another model of the room did, whose air is one node: the hot aisle is its return air."""
    now = flows.return_c, flows.supply_c, humidity_ratio, air.fan_speed_frac, flows.valve_frac
    return AirState(*now, state.fabric_c)


def fan_speed(state: AirState, command: Array, dt_s: float) -> Array:
    """Fan speed [fraction, ``(Z, B)``] at the end of a sub-step that commands ``command``: a ramp of 10 s."""
    return relax(state.fan_speed_frac, command, FAN_LAG_S, dt_s)


def balance(zt: ZoneTable, fan_speed_frac: Array, units_available: Array, it_airflow_kg_s: Array) -> AirBalance:
    """Who breathes whose air, PHYSICS C5; valid from no airflow upward.

    ``m_direct = (1 - phi_0) min(m_sup, m_IT)`` with a smooth minimum, ``phi = 1 - m_direct/m_IT``, and
    ``dp = sign(d)(|d|/K)^2``, ``d = m_sup - m_IT``, 5 Pa at a tenth of the design airflow.

    Parameters
    ----------
    zt : ZoneTable
        The zones.
    fan_speed_frac, units_available : array
        Speed and units able to run, ``(Z, B)``.
    it_airflow_kg_s : array
        Air drawn by the racks of the zone, ``(Z, B)`` [kg/s].
    """
    running = lower(units_available, zt.crah_running)
    unit_kg_s = zt.unit_kg_s * fan_speed_frac
    supply = unit_kg_s * upper(running * (1.0 + BACKDRAFT_LEAK) - zt.crah_units * BACKDRAFT_LEAK, 0.0)
    direct = (1.0 - zt.leakage_frac) * smooth_minimum(supply, it_airflow_kg_s, SMOOTH_WIDTH)
    excess = supply - it_airflow_kg_s
    through = unit_kg_s * running
    return AirBalance(
        supply_kg_s=supply,
        drawn_kg_s=it_airflow_kg_s,
        direct_kg_s=direct,
        bypass_kg_s=through - direct,
        phi=1.0 - direct / upper(it_airflow_kg_s, _SMALL),
        dp_pa=zt.dp_pa_s2_kg2 * excess * abs(excess),
        coil_kg_s=through,
        fan_speed_frac=fan_speed_frac,
        running=running,
    )


def inlet_temperatures(
    zt: ZoneTable,
    state: AirState,
    air: AirBalance,
    exhaust_c: Array,
    matrix: Array,
    spread: Array,
    membership: Array,
) -> RackInlets:
    """Air at the inlets of every rack, PHYSICS C4 and C5.

    Taken at the start of a sub-step; `inlet_rise_k` says by how much the sub-step moves it.

    Parameters
    ----------
    zt, state, air : ZoneTable, AirState, AirBalance
        The zones.
    exhaust_c : array
        Rack exhaust of the last sub-step, ``(R, B)`` [degC].
    matrix, spread : array
        ``recirculation_matrix`` ``(R, R)`` and ``rack_spread`` ``(R, 1)``.
    membership : array
        ``(Z, R)`` of 0 and 1.

    Returns
    -------
    RackInlets
        Each ``(R, B)``.
    """
    local = zt.local_recirculation_frac
    share = rack_share(to_racks(membership, air.phi), spread)
    top = top_share(share, to_racks(membership, zt.recirculated_height_frac))
    aside = to_racks(membership, (1.0 - local) * state.hot_c - state.supply_c)
    near = to_racks(membership, local) * namespace(exhaust_c).matmul(matrix, exhaust_c)
    supply, recirculated = to_racks(membership, state.supply_c), aside + near
    return RackInlets(mixed_inlet(supply, recirculated, share), mixed_inlet(supply, recirculated, top), share, top)


def fans_kw(zt: ZoneTable, air: AirBalance) -> Array:
    """Power of the running fans ``(Z, B)`` [kW] by the fan law, C1."""
    return fan_power_kw(zt.fan_kw, air.fan_speed_frac, zt.fan_exponent) * air.running


def heat_response(zt: ZoneTable, air_gain_kw_k: Array, share: Array, membership: Array) -> HeatResponse:
    """Response of each zone's rack heat to its supply and to its hot aisle.

    Parameters
    ----------
    air_gain_kw_k : array
        Heat that a rack's air gives up per K of its inlet, ``(R, B)`` [kW/K].
    share, membership : array
        As in `inlet_temperatures`.
    """
    of_hot = membership @ (air_gain_kw_k * share)
    return HeatResponse(membership @ air_gain_kw_k - of_hot, (1.0 - zt.local_recirculation_frac) * of_hot)


def inlet_rise_k(zt: ZoneTable, flows: AirFlows, share: Array, membership: Array) -> Array:
    """Rise over what `inlet_temperatures` said of air with a recirculated ``share``, ``(R, B)`` [K]: supply at the end
    of the sub-step, hot aisle at its mean.
    """
    aside = (1.0 - zt.local_recirculation_frac) * flows.hot_rise_k - flows.supply_rise_k
    return mixed_inlet(to_racks(membership, flows.supply_rise_k), to_racks(membership, aside), share)


class _Plenum(NamedTuple):
    """Outcome of the two coupled temperature nodes over a step."""

    hot_c: Array
    supply_c: Array
    coil_kw: Array
    carried_kw: Array
    supply_rise_k: Array
    hot_rise_k: Array
    fabric_c: Array
    outdoor_kw: Array


def advance(
    zt: ZoneTable,
    state: AirState,
    air: AirBalance,
    rack_air_heat_kw: Array,
    room_gain_kw: Array,
    supply_setpoint_c: Array,
    chw_supply_c: Array,
    outside: OutdoorAir,
    dt_s: float,
    cooling_limit_kw: Array | None = None,
    water_available_frac: Array | None = None,
    response: HeatResponse | None = None,
) -> tuple[AirState, AirFlows]:
    """Advance the zones by one sub-step.

    Parameters
    ----------
    zt, state, air : ZoneTable, AirState, AirBalance
        The zones; ``air`` from `balance` of this sub-step.
    rack_air_heat_kw, room_gain_kw : array
        Heat that the racks' exhaust and the room put into the hot aisle, ``(Z, B)`` [kW]; the racks' as it would be if
        their inlets stayed as they were at the start.
    supply_setpoint_c : array
        ``(Z, B)`` [degC], measured behind the fans.
    chw_supply_c : array
        Chilled water supply ``(B,)`` [degC].
    outside : OutdoorAir
        That leaks in: it brings its heat and its moisture.
    dt_s : float
        Step [s], any length.
    cooling_limit_kw : array, optional
        Zones on direct expansion: what their units can take, ``(Z, B)`` [kW]; replaces the water coil.
    water_available_frac : array, optional
        Chilled water there is over the full flow of the running coils, ``(B,)`` or ``(Z, B)``: 0 without pumps.
    response : HeatResponse, optional
        How the racks' heat answers to the air; without it their heat is fixed.

    Notes
    -----
    Ledger: ``rack heat + gains + fan power = coil + outdoor heat + d(stored)/dt`` exactly. A coil never heats the air.
    """
    fan_kw = fans_kw(zt, air)
    at = coil.coil_at(zt.coil_law, air.fan_speed_frac)
    most = at.full if water_available_frac is None else coil.effectiveness(zt.coil_law, at, water_available_frac)
    heat_kw = rack_air_heat_kw + room_gain_kw
    fixed = HeatResponse(0.0, 0.0) if response is None else response
    node = _temperatures(
        zt,
        state,
        air,
        heat_kw,
        fixed,
        fan_kw,
        supply_setpoint_c,
        chw_supply_c,
        outside.dry_bulb_c,
        most,
        dt_s,
        cooling_limit_kw,
    )
    through_kw_k = upper(air.coil_kg_s * CP_AIR_KJ_KG_K, LEAST_STREAM_KW_K)
    return_c = node.supply_c + node.carried_kw / through_kw_k
    if cooling_limit_kw is None:
        needed = node.coil_kw / upper(through_kw_k * (node.supply_c - chw_supply_c) + node.carried_kw, _SMALL)
        opening = coil.cold_flow_frac(zt.coil_law, at, lower(needed, most))
        water = opening * zt.coil_water_kg_s * air.running
        if water_available_frac is not None:
            opening = lower(opening / upper(water_available_frac, _SMALL), 1.0)
    else:
        opening = node.coil_kw / upper(cooling_limit_kw, _SMALL)
        water = 0.0 * opening
    contact = -namespace(return_c).expm1(-at.full_ntu)
    surface_c = return_c - node.coil_kw / (through_kw_k * contact)
    humidity, condensed, added = moisture(
        zt, state.humidity_ratio, surface_c, air.coil_kg_s * contact, outside.humidity_ratio, dt_s
    )
    valve = relax(state.valve_frac, opening, VALVE_LAG_S, dt_s)
    flows = AirFlows(
        fan_power_kw=fan_kw,
        coil_sensible_kw=node.coil_kw,
        coil_latent_kw=condensed * LATENT_HEAT_KJ_KG,
        condensate_kg_s=condensed,
        humidifier_power_kw=added * HUMIDIFIER_KJ_KG,
        humidifier_water_kg_s=added,
        water_flow_kg_s=water,
        valve_frac=valve,
        return_c=return_c,
        supply_c=node.supply_c,
        supply_rise_k=node.supply_rise_k,
        hot_rise_k=node.hot_rise_k,
        outdoor_heat_kw=node.outdoor_kw,
    )
    return AirState(node.hot_c, node.supply_c, humidity, air.fan_speed_frac, valve, node.fabric_c), flows


def _temperatures(
    zt: ZoneTable,
    state: AirState,
    air: AirBalance,
    heat_kw: Array,
    response: HeatResponse,
    fan_kw: Array,
    setpoint_c: Array,
    chw_c: Array,
    outdoor_c: Array,
    full: Array,
    dt_s: float,
    limit_kw: Array | None,
) -> _Plenum:
    """Racks' air, hot aisle and plenum in one closed form.

    The racks' heat falls by ``A y + G u`` where the supply rises by ``y`` and the hot aisle by ``u``. The hot aisle
    relaxes exactly (T1) with the supply of the end of the step: ``C du/dt = K + (D - A) y - (G + D + F + L) u``, ``K``
    the surplus at the start, ``D`` the stream that returns to the coil, ``F`` the film on slab and walls, ``L`` the
    outdoor air that leaks through. So its mean rise and the heat carried to the coil are linear in ``y``: ``q = a - b
    y``. The plenum keeps ``a - b y + fan - coil = c y`` with ``c = C/dt``. Without cooling (coil = 0) that gives
    ``y_off``, with the coil wide open (``coil = eps C_air (T_return - T_water)``) ``y_sat``, at the set-point, with its
    lag, ``y_target``: ``y = min(max(y_target, y_sat), y_off)``.
    """
    xp = namespace(fan_kw)
    direct_kw_k = air.direct_kg_s * CP_AIR_KJ_KG_K
    leaving_kw_k = direct_kw_k + response.per_hot_kw_k + zt.fabric_kw_k + zt.outdoor_kw_k
    x = upper(leaving_kw_k * (dt_s / zt.hot_aisle_kj_k), _STILL)
    risen = (1.0 + xp.expm1(-x) / x) * (dt_s / zt.hot_aisle_kj_k) / x
    behind_kw = direct_kw_k * (state.hot_c - state.supply_c)
    soaked_kw = zt.fabric_kw_k * (state.hot_c - state.fabric_c)
    outdoor_kw = zt.outdoor_kw_k * (state.hot_c - outdoor_c)
    surplus_kw, per_y_kw_k = heat_kw - behind_kw - soaked_kw - outdoor_kw, direct_kw_k - response.per_supply_kw_k
    a = behind_kw + direct_kw_k * risen * surplus_kw
    b = direct_kw_k * (1.0 - risen * per_y_kw_k)
    c = zt.plenum_kj_k * (1.0 / dt_s)
    y_off = (a + fan_kw) / (b + c)
    through_kw_k = air.coil_kg_s * CP_AIR_KJ_KG_K
    if limit_kw is None:
        exchange, past = full * through_kw_k, 1.0 - full
        y_sat = (past * a + fan_kw - exchange * (state.supply_c - chw_c)) / (past * b + c + exchange)
    else:
        y_sat = y_off - lower(limit_kw, LARGEST_DX_DROP_K * through_kw_k) / (b + c)
    y_target = relax(0.0, setpoint_c - state.supply_c, VALVE_LAG_S, dt_s)
    y = lower(upper(y_target, y_sat), y_off)
    u = risen * (surplus_kw + per_y_kw_k * y)
    carried = a - b * y
    soaked_kw, outdoor_kw = soaked_kw + zt.fabric_kw_k * u, outdoor_kw + zt.outdoor_kw_k * u
    kept_kw = heat_kw - response.per_supply_kw_k * y - response.per_hot_kw_k * u - carried - soaked_kw - outdoor_kw
    hot = state.hot_c + kept_kw * (dt_s / zt.hot_aisle_kj_k)
    fabric = state.fabric_c + soaked_kw * (dt_s / zt.fabric_kj_k)
    return _Plenum(hot, state.supply_c + y, (y_off - y) * (b + c), carried, y, u, fabric, outdoor_kw)
