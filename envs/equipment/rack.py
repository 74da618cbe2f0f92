"""A rack of servers: power under a cap, chip temperature, server fans, power supplies, heat to air and to coolant.

Sources: PHYSICS b (B1, B2, B4, B6, B7, B8), D5 (cold plate), F2 (power supplies), T1 (time steps and the ledger).
What a rack is made of stands in `rack_archetypes`, its arrays in `rack_table`, its chips' temperature in `rack_chips`,
the workload side in `throughput`.
"""

from __future__ import annotations

from typing import NamedTuple

from envs.equipment.power_swing import Swing, input_swing, smoothed_swing
from envs.equipment.rack_archetypes import ENTERPRISE_AIR, HGX_AIR, LEGACY_AIR, LIQUID_200, NVL72, RackArchetype
from envs.equipment.rack_chips import (
    DERATE_FLOOR,
    DERATE_PER_K,
    LEAKAGE_END_C,
    LEAKAGE_REFERENCE_C,
    THROTTLE_C,
    chip_terms,
    next_excess_k,
)
from envs.equipment.rack_table import RackTable, rack_table, racks_at_pressure
from envs.physics.namespace import Array, as_mask, lag_share, lower, namespace
from envs.units import CP_AIR_KJ_KG_K

__all__ = [
    "ENTERPRISE_AIR",
    "HGX_AIR",
    "LEGACY_AIR",
    "LIQUID_200",
    "NVL72",
    "RackArchetype",
    "RackDemand",
    "RackFlows",
    "RackState",
    "RackTable",
    "ServerFans",
    "advance",
    "demand_terms",
    "with_inlet_rise",
    "initial",
    "rack_table",
    "racks_at_pressure",
    "server_fans",
]

SHUTDOWN_C = 105.0  # PHYSICS B8
SHUTDOWN_INLET_C = 50.0  # inlet air at which servers switch themselves off, engineering guess above class A4's 45
RESTART_CHIP_K, RESTART_INLET_K = 40.0, 10.0  # below these limits before a rack may start again, engineering guess
FAN_LAG_S = 30.0  # server-fan control, engineering guess

_CPU_EXPONENT = 1.4  # PHYSICS B1
_LEAST_USE = 1e-12
_FEW = 1e-3  # accelerators; a slot with fewer has no say in a cap
_NO_LIMIT = 1e6
_SETTLING_S = 1e5
_SETTLING_STEPS = 8


class RackDemand(NamedTuple):
    """What the racks would draw, constant over a control step, made by `demand_terms`."""

    slot_kw: Array  # (S, R, B) at 60 degC
    total_kw: Array  # (R, B), the sum of slot_kw
    lower_kw: Array  # (S, R, B), demand of the slots below the j-th
    inverse_rest: Array  # (S, R, B), one over the accelerators from the j-th up
    base_kw: Array  # (R, B), with idle accelerators and CPUs
    fixed_kw: Array  # (R, B), base less the leakage that chips at 0 degC would lack
    idle_kw: Array  # (R, B), idle accelerators, and what smoothing burns
    inverse_active: Array  # (R, B)
    rest_chip_kw: Array  # (R, B)
    leak_kw_k: Array  # (R, B)
    use: Array  # (R, B), share of the rack at work
    fan_room: Array  # (R, B), 1 less the fan speed of a cool inlet
    swing: Swing | None  # (R, B), of training within its steps; None where nothing swings


class RackState(NamedTuple):
    """State of the racks, each (R, B)."""

    fan_speed_frac: Array
    chip_c: Array
    solids_c: Array
    psu_loss_kw: Array


class ServerFans(NamedTuple):
    """Server fans over a sub-step, each (R, B)."""

    speed_frac: Array
    power_kw: Array
    airflow_kg_s: Array


class RackFlows(NamedTuple):
    """What the racks did in a sub-step, each (R, B) unless said; powers are means in kW."""

    power_kw: Array
    accelerator_power_kw: Array
    uncapped_power_kw: Array
    fan_power_kw: Array
    psu_loss_kw: Array
    air_heat_kw: Array
    liquid_heat_kw: Array
    air_gain_kw_k: Array  # heat to the air that a warmer inlet takes away
    airflow_kg_s: Array
    exhaust_c: Array
    chip_c: Array
    cap_frac: Array  # (S, R, B)
    throttle_frac: Array
    shutdown: Array
    swing: Swing | None  # at the rack's input


def demand_terms(table: RackTable, activity: Array, swing: Array | None = None) -> RackDemand:
    """Return what an activity draws without a cap, and the terms by which a cap is shared; once per control step.

    Parameters
    ----------
    table : RackTable
        Of R racks with S slots.
    activity : array (S, R, B)
        Share of the rack's rated accelerators (``cpu``: of its sockets) at work in each slot, 0..1; the rest idles.
    swing : array (R, B), optional
        Peak-to-peak share of the rack's training draw within a step (B5).

    Returns
    -------
    RackDemand

    Notes
    -----
    ``P = P_base + n (P_idle + sum_k a_k (P_k - P_idle))`` (WORKLOAD 6c), CPU servers
    ``P_idle + (P_max - P_idle)(2u - u^1.4)`` (B1).
    """
    xp = namespace(activity)
    count = table.slot_accelerators * activity
    power_of_use = xp.exp(_CPU_EXPONENT * xp.log(xp.clip(activity, _LEAST_USE, 1.0)))
    slot_kw = count * table.slot_draw_kw + table.slot_cpu_kw * (2.0 * activity - power_of_use)
    active = xp.sum(count, axis=0)
    idle_kw = table.idle_kw * (table.accelerators - active)
    inverse_active = 1.0 / xp.maximum(active, table.least_active)
    rest_chip_kw = table.rest_chip_kw * (1.0 - active * inverse_active)
    steps = None
    if table.smoothing is not None and swing is not None:
        mean_kw, share, many = (_over_slots(table.trains * x) for x in (slot_kw, activity, count))
        steps, burnt_kw = smoothed_swing(table.smoothing, mean_kw, share, many, swing)
        idle_kw, rest_chip_kw = idle_kw + burnt_kw, rest_chip_kw + burnt_kw * inverse_active
    use = xp.clip(xp.sum(activity, axis=0), 0.0, 1.0)
    rest = xp.sum(table.slot_above * count, axis=1)
    base_kw = table.base_kw + idle_kw
    leak_kw_k = table.leak_kw_k * (active + table.sockets)
    return RackDemand(
        slot_kw=slot_kw,
        total_kw=_over_slots(slot_kw),
        lower_kw=xp.sum((1.0 - table.slot_above) * slot_kw, axis=1),
        inverse_rest=1.0 / xp.clip(rest, _FEW, _NO_LIMIT),
        base_kw=base_kw,
        fixed_kw=base_kw - leak_kw_k * LEAKAGE_REFERENCE_C,
        idle_kw=idle_kw,
        inverse_active=inverse_active,
        rest_chip_kw=rest_chip_kw,
        leak_kw_k=leak_kw_k,
        use=use,
        fan_room=1.0 - (table.fan_idle_speed + table.fan_load_speed * use),
        swing=steps,
    )


def initial(
    table: RackTable, demand: RackDemand, inlet_air_c: Array, coolant_supply_c: Array, coolant_flow_frac: Array
) -> RackState:
    """State that has settled under constant conditions without a cap; arguments as in `advance`."""
    alive = 0.0 * inlet_air_c + 1.0
    state = RackState(1.0 - demand.fan_room, inlet_air_c + 30.0, inlet_air_c + 14.0, 0.0 * inlet_air_c)
    for _ in range(_SETTLING_STEPS):
        state, _flows = advance(
            table,
            state,
            inlet_air_c,
            coolant_supply_c,
            coolant_flow_frac,
            demand,
            _NO_LIMIT * alive,
            alive,
            _SETTLING_S,
        )
    return state


def advance(
    table: RackTable,
    state: RackState,
    inlet_air_c: Array,
    coolant_supply_c: Array,
    coolant_flow_frac: Array,
    demand: RackDemand,
    limit_kw: Array,
    alive: Array,
    dt_s: float,
    fans: ServerFans | None = None,
) -> tuple[RackState, RackFlows]:
    """One sub-step of every rack.

    Parameters
    ----------
    table : RackTable
        Constants of the R racks.
    state : RackState
        At the start, each (R, B).
    inlet_air_c : array (R, B)
        Server inlet [degC]; the fan law is stated for 15..45 degC and constant outside its ramp.
    coolant_supply_c, coolant_flow_frac : array (B,)
        Technology coolant at the racks [degC] and its flow over design [1]; 0 is allowed.
    demand : RackDemand
        From `demand_terms`.
    limit_kw : array (R, B)
        Limit on the rack's input power [kW]. It acts on accelerators only, down to their cap floor, and only where
        it lies under the demand (B4).
    alive : array (R, B)
        1, or 0 for a rack that is down: no power, no work, a draught of air.
    dt_s : float
        Length of the sub-step [s].
    fans : ServerFans, optional
        From `server_fans`, where the air balance had to know them before the inlet; else they follow ``inlet_air_c``.

    Returns
    -------
    RackState, RackFlows

    Notes
    -----
    Ledger, exact: ``power = air_heat + liquid_heat + (C_solids dT_solids + C_packages dT_chip)/dt``. The inlet is that
    of the start; `with_inlet_rise` takes the step's change of it into account and sees whether the rack shuts down.
    """
    if fans is None:
        fans = server_fans(table, state, inlet_air_c, demand, alive, dt_s)
    fan_speed, fan_kw, airflow = fans
    cap_frac, slots_kw = _draw_under_cap(table, demand, state, limit_kw, fan_kw)
    chip_kw = (slots_kw * demand.inverse_active + demand.rest_chip_kw) * alive
    excess = state.chip_c - THROTTLE_C
    terms = chip_terms(table, coolant_supply_c, coolant_flow_frac, airflow, dt_s)
    new_excess = next_excess_k(terms, excess, chip_kw, inlet_air_c)
    xp = namespace(inlet_air_c)
    derate = xp.clip(1.0 - DERATE_PER_K * new_excess, DERATE_FLOOR, 1.0)
    leaking = lower(new_excess, LEAKAGE_END_C - THROTTLE_C)
    silicon_kw = slots_kw * derate + demand.leak_kw_k * (leaking + (THROTTLE_C - LEAKAGE_REFERENCE_C))
    output_kw = (demand.base_kw + silicon_kw) * alive + fan_kw
    psu_loss_kw = _psu_loss(table, output_kw) * alive
    power_kw = output_kw + psu_loss_kw
    it_heat = power_kw - fan_kw - table.package_kj_k / dt_s * (new_excess - excess)
    liquid_heat = table.liquid_share * it_heat
    solids_c, air_heat, air_gain = _solids_step(
        table, state.solids_c, inlet_air_c, it_heat - liquid_heat + fan_kw, airflow, dt_s
    )
    chip_c = new_excess + THROTTLE_C
    flows = RackFlows(
        power_kw=power_kw,
        accelerator_power_kw=(silicon_kw * table.is_accelerated + demand.idle_kw) * alive,
        uncapped_power_kw=power_kw + (demand.total_kw - slots_kw) * alive * table.psu_marginal,
        fan_power_kw=fan_kw,
        psu_loss_kw=psu_loss_kw,
        air_heat_kw=air_heat,
        liquid_heat_kw=liquid_heat,
        air_gain_kw_k=air_gain,
        airflow_kg_s=airflow,
        exhaust_c=solids_c,
        chip_c=chip_c,
        cap_frac=cap_frac,
        throttle_frac=derate,
        shutdown=as_mask(chip_c + RESTART_CHIP_K * (1.0 - alive) > SHUTDOWN_C, chip_c),
        swing=input_swing(demand.swing, slots_kw * derate * alive, demand.total_kw, table.psu_marginal),
    )
    return RackState(fan_speed, chip_c, solids_c, psu_loss_kw), flows


def server_fans(
    table: RackTable, state: RackState, inlet_c: Array, demand: RackDemand, alive: Array, dt_s: float
) -> ServerFans:
    """Speed, power and airflow of the server fans, B7 behind a first-order lag; arguments as in `advance`.

    They follow the warmer of inlet and chips, each on its own ramp. The chips are those of the start, and hot ones are
    only in the share of the rack that works.
    """
    xp = namespace(inlet_c)
    cool = xp.clip(table.fan_offset - table.fan_slope * inlet_c, 0.0, 1.0)
    cool_chip = xp.clip(table.fan_chip_offset - table.fan_chip_slope * state.chip_c, 0.0, 1.0)
    cool = xp.minimum(cool, 1.0 - demand.use * (1.0 - cool_chip))
    target, speed = 1.0 - demand.fan_room * cool, state.fan_speed_frac
    speed = (speed + (target - speed) * lag_share(FAN_LAG_S, dt_s)) * alive
    power_kw = table.fan_max_kw * (speed * speed * speed)
    return ServerFans(speed, power_kw, table.flow_kg_s * speed + table.draught_kg_s)


def with_inlet_rise(
    table: RackTable,
    state: RackState,
    flows: RackFlows,
    top_c: Array,
    rise_k: Array,
    alive: Array,
    dt_s: float,
) -> tuple[RackState, RackFlows]:
    """Racks after a sub-step in which their inlet came out ``rise_k`` warmer than `advance` was told.

    Parameters
    ----------
    table, state, flows : RackTable, RackState, RackFlows
        What `advance` took and gave.
    top_c : array (R, B)
        Warmest inlet air of the rack [degC], at its top: there its servers switch themselves off first.
    rise_k : array (R, B)
        By how much its mean inlet came out over what `advance` was told [K].
    alive : array (R, B)
        As in `advance`; a rack that is down stays so (``shutdown`` 1) until it is well below its limits.
    dt_s : float
        Length of the sub-step [s].
    """
    kept_kw = flows.air_gain_kw_k * rise_k
    solids_c = state.solids_c + kept_kw * (dt_s / table.solids_kj_k)
    stuffy = as_mask(top_c + RESTART_INLET_K * (1.0 - alive) > SHUTDOWN_INLET_C, top_c)
    shutdown = namespace(top_c).maximum(flows.shutdown, stuffy)
    return state._replace(solids_c=solids_c), flows._replace(
        air_heat_kw=flows.air_heat_kw - kept_kw, exhaust_c=solids_c, shutdown=shutdown
    )


def _over_slots(values: Array) -> Array:
    """Sum over the first axis; with two or three slots quicker than a reduction."""
    total = values[0]
    for j in range(1, values.shape[0]):
        total = total + values[j]
    return total


def _draw_under_cap(
    table: RackTable, demand: RackDemand, state: RackState, limit_kw: Array, fan_kw: Array
) -> tuple[Array, Array]:
    """Share of each slot's demand that the limit leaves (S, R, B), and what the slots then draw (R, B), B4.

    One cap for all accelerators at work, found in closed form: slots that draw less leave their part to the others.
    The power supplies' loss is that of the last sub-step, the leakage that of the chips as they are.
    """
    xp = namespace(limit_kw)
    leakage_kw = demand.leak_kw_k * lower(state.chip_c, LEAKAGE_END_C)
    budget = limit_kw - state.psu_loss_kw - fan_kw - demand.fixed_kw - leakage_kw
    cap = budget * demand.inverse_rest[0]
    for j in range(1, demand.slot_kw.shape[0]):
        cap = xp.maximum(cap, (budget - demand.lower_kw[j]) * demand.inverse_rest[j])
    cap_frac = xp.clip(xp.maximum(cap, table.cap_floor_kw) * table.slot_inverse_draw, 0.0, 1.0)
    return cap_frac, _over_slots(demand.slot_kw * cap_frac)


def _psu_loss(table: RackTable, output_kw: Array) -> Array:
    """Loss of the power supplies [kW], F2: the highest of the lines between the points of their efficiency curve."""
    loss = table.psu_intercept_kw[0] + table.psu_slope[0] * output_kw
    for j in range(1, table.psu_slope.shape[0]):
        loss = namespace(output_kw).maximum(loss, table.psu_intercept_kw[j] + table.psu_slope[j] * output_kw)
    return loss


def _solids_step(
    table: RackTable, solids_c: Array, inlet_c: Array, heat_kw: Array, airflow: Array, dt_s: float
) -> tuple[Array, Array, Array]:
    """Temperature of the solids, which is that of the exhaust, the heat to the air and its fall per K of inlet, T1.

    Written with ``phi(x) = (1 - exp(-x))/x``, so that the heat is no difference of two rounded temperatures; without a
    guard at zero conductance: there is always a draught.
    """
    stream_kw_k = airflow * CP_AIR_KJ_KG_K
    exponent = stream_kw_k * (-dt_s / table.solids_kj_k)
    passed = namespace(heat_kw).expm1(exponent) / exponent
    gain = stream_kw_k * passed
    surplus = heat_kw * passed - gain * (solids_c - inlet_c)
    return solids_c + surplus * (dt_s / table.solids_kj_k), heat_kw - surplus, gain
