"""What a control step adds up to: sums over its sub-steps, the energy ledger of the whole site, and the flat Flows."""

from __future__ import annotations

from typing import Any, NamedTuple

from envs.equipment import cooling_tower
from envs.physics.namespace import Array, namespace, upper
from envs.physics.psychrometrics import dew_point_from_humidity_ratio_c
from envs.plant.flows import Flows

#: Coolant so near over the room's dew point counts as an excess [K]: the alarm on what is measured, PHYSICS D6, 2-3 K.
#: Below the floor of what may be commanded (`envs.equipment.liquid_loop`, 3 K), so that a loop at its floor is quiet.
ALARM_OVER_DEW_POINT_K = 2.0


class Sub(NamedTuple):
    """One sub-step: what is summed over the control step. Powers [kW] become means, the rest is said."""

    facility_kw: Array
    grid_kw: Array
    it_kw: Array
    accelerator_kw: Array
    server_fan_kw: Array
    psu_loss_kw: Array
    crah_fan_kw: Array
    chiller_kw: Array
    dx_kw: Array
    chw_pump_kw: Array
    cw_pump_kw: Array
    tower_fan_kw: Array
    dry_fan_kw: Array
    fws_pump_kw: Array
    tcs_pump_kw: Array
    humidifier_kw: Array
    pdu_loss_kw: Array
    ups_loss_kw: Array
    transformer_kw: Array
    battery_kw: Array
    battery_loss_kw: Array
    rejected_kw: Array
    evaporation_kg_s: Array
    blowdown_kg_s: Array
    drift_kg_s: Array
    makeup_kg_s: Array
    humidifier_kg_s: Array
    cap_frac: Array  # (S, R, B)
    throttle_frac: Array  # (R, B)
    powered_frac: Array  # (R, B)
    inlet_excess_k: Array  # (R, B)
    coolant_excess_k: Array
    trips: Array
    limit_excess_kw: Array
    capper_active: Array
    # highest or last of the sub-steps, not sums
    inlet_max_c: Array  # (R, B)
    last: Any


class Last(NamedTuple):
    """What the last sub-step leaves to be measured."""

    inlet_c: Array
    balance: Any
    racks: Any
    air: Any
    liquid: Any
    chw: Any
    tower: Any
    power: Any
    site: Any


_SUMMED = len(Sub._fields) - 2
_FLOWING = Sub._fields.index("cap_frac")


def add(total: Sub, sub: Sub) -> Sub:
    """Sums so far and the next sub-step."""
    xp = namespace(sub.inlet_max_c)
    summed = [a + b for a, b in zip(total[:_SUMMED], sub[:_SUMMED])]
    return Sub._make([*summed, xp.maximum(total.inlet_max_c, sub.inlet_max_c), sub.last])


def sub(
    plant: Any,
    state: Any,
    inlet_c: Array,
    balance: Any,
    racks: Any,
    liquid: Any,
    power: Any,
    air: Any,
    dx: Any,
    chw: Any,
    tower: Any,
    site: Any,
    air_state: Any,
) -> Sub:
    """Collect a sub-step."""
    xp = namespace(inlet_c)
    zero = site.facility_kw * 0.0
    humidified = xp.sum(air.humidifier_water_kg_s, axis=0)
    tcs, fws, dry = liquid.tcs, liquid.fws, liquid.dry
    humidifier = xp.sum(air.humidifier_power_kw, axis=0)
    over = upper(site.node_power_kw - site.node_limit_kw, 0.0)
    return Sub(
        facility_kw=site.facility_kw,
        grid_kw=site.grid_kw,
        it_kw=xp.sum(racks.power_kw, axis=0),
        accelerator_kw=xp.sum(racks.accelerator_power_kw, axis=0),
        server_fan_kw=xp.sum(racks.fan_power_kw, axis=0),
        psu_loss_kw=xp.sum(racks.psu_loss_kw, axis=0),
        crah_fan_kw=xp.sum(air.fan_power_kw, axis=0),
        chiller_kw=zero if chw is None else chw.chiller_power_kw,
        dx_kw=zero if dx is None else dx.power_kw,
        chw_pump_kw=zero if chw is None else chw.pump_power_kw,
        cw_pump_kw=zero if tower is None else tower.pump_power_kw,
        tower_fan_kw=zero if tower is None else tower.fan_power_kw,
        dry_fan_kw=zero if dry is None else dry.fan_power_kw,
        fws_pump_kw=zero if fws is None else fws.pump_power_kw,
        tcs_pump_kw=zero if tcs is None else tcs.pump_power_kw,
        humidifier_kw=humidifier,
        pdu_loss_kw=power.pdu_loss_kw,
        ups_loss_kw=power.ups_loss_kw,
        transformer_kw=site.transformer_kw,
        battery_kw=zero if site.stored is None else site.stored.power_kw,
        battery_loss_kw=zero if site.stored is None else site.stored.loss_kw,
        rejected_kw=_rejected(site, chw, tower, fws, dry, dx, air, humidifier, xp),
        evaporation_kg_s=_sum_of("evaporation_kg_s", tower, dry, zero),
        blowdown_kg_s=_sum_of("blowdown_kg_s", tower, dry, zero),
        drift_kg_s=zero if tower is None else tower.drift_kg_s,
        makeup_kg_s=_sum_of("makeup_kg_s", tower, dry, zero) + humidified,
        humidifier_kg_s=humidified,
        cap_frac=racks.cap_frac,
        throttle_frac=racks.throttle_frac,
        powered_frac=site.opened.powered_frac * state.alive,
        inlet_excess_k=upper(inlet_c - plant.scenario.reward.inlet_limit_c, 0.0),
        coolant_excess_k=_coolant_excess(plant, liquid, air_state, zero, xp),
        trips=site.opened.trips + xp.sum(racks.shutdown * state.alive, axis=0),
        limit_excess_kw=xp.sum(over, axis=0),
        capper_active=site.capped.active,
        inlet_max_c=inlet_c,
        last=Last(inlet_c, balance, racks, air, liquid, chw, tower, power, site),
    )


def _sum_of(name: str, tower: Any, dry: Any, zero: Array) -> Array:
    total = zero
    for machine in (tower, dry):
        if machine is not None:
            total = total + getattr(machine, name)
    return total


def _rejected(
    site: Any, chw: Any, tower: Any, fws: Any, dry: Any, dx: Any, air: Any, humidifier_kw: Array, xp: Any
) -> Array:
    """Heat that leaves the site [kW]: to outdoor air by machines, by moisture and by outdoor losses."""
    out = site.transformer_kw
    if tower is not None:
        out = out + tower.heat_rejected_kw + tower.fan_power_kw
    elif chw is not None:
        out = out + chw.condenser_heat_kw
    if dry is not None:
        out = out + fws.heat_out_kw + dry.fan_power_kw
    if dx is not None:
        out = out + dx.rejected_kw
    latent = xp.sum(air.coil_latent_kw, axis=0)
    return out + humidifier_kw - latent


def _coolant_excess(plant: Any, liquid: Any, air_state: Any, zero: Array, xp: Any) -> Array:
    """Coolant supply over its limit, or under the room's dew point plus its margin [K]."""
    if liquid.tcs_state is None:
        return zero
    supply = liquid.tcs_state.supply_c
    dew = dew_point_from_humidity_ratio_c(xp.max(air_state.humidity_ratio, axis=0), plant.layout.pressure_kpa)
    hot = upper(supply - plant.scenario.coolant.tcs_limit_c, 0.0)
    return xp.maximum(hot, upper(dew + ALARM_OVER_DEW_POINT_K - supply, 0.0))


def stored_kj(plant: Any, state: Any, since: Any) -> Array:
    """Heat gained by every mass of the site since another state ``(B,)`` [kJ]."""
    lay, s = plant.layout, plant.scenario
    xp = namespace(state.exhaust_c)
    r = lay.racks
    gain = xp.sum(r.solids_kj_k * (state.rack.solids_c - since.rack.solids_c), axis=0)
    gain = gain + xp.sum(r.package_kj_k * (state.rack.chip_c - since.rack.chip_c), axis=0)
    z = lay.zones
    gain = gain + xp.sum(z.hot_aisle_kj_k * (state.air.hot_c - since.air.hot_c), axis=0)
    gain = gain + xp.sum(z.fabric_kj_k * (state.air.fabric_c - since.air.fabric_c), axis=0)
    gain = gain + xp.sum(z.plenum_kj_k * (state.air.supply_c - since.air.supply_c), axis=0)
    if state.chw is not None:
        gain = gain + s.chilled_water.heat_capacity_kj_k * (state.chw.supply_c - since.chw.supply_c)
    if state.tower is not None:
        gain = gain + cooling_tower.heat_capacity_kj_k(s.tower) * (state.tower.basin_c - since.tower.basin_c)
    if state.tcs is not None:
        gain = gain + lay.tcs_kj_k * (state.tcs.supply_c - since.tcs.supply_c)
        gain = gain + lay.fws_kj_k * (state.fws.supply_c - since.fws.supply_c)
    return gain


def flows(plant: Any, start: Any, end: Any, total: Sub, done: Any, load: Any, substep_s: float, substeps: int) -> Flows:
    """The flat Flows of one control step."""
    share, step_s = 1.0 / substeps, substeps * substep_s
    m = {name: value * share for name, value in zip(Sub._fields[:_FLOWING], total[:_FLOWING])}
    last: Last = total.last
    xp = namespace(last.inlet_c)
    zero = m["facility_kw"] * 0.0
    lighting = zero + plant.scenario.power.lighting_kw
    cooling = sum(
        m[k]
        for k in (
            "crah_fan_kw", "chiller_kw", "dx_kw", "chw_pump_kw", "cw_pump_kw", "tower_fan_kw", "dry_fan_kw",
            "fws_pump_kw", "tcs_pump_kw", "humidifier_kw",
        )
    )  # fmt: skip
    stored = stored_kj(plant, end, start) * (1.0 / step_s)
    residual = m["facility_kw"] - m["rejected_kw"] - stored
    used = m["evaporation_kg_s"] + m["blowdown_kg_s"] + m["drift_kg_s"] + m["humidifier_kg_s"]
    return Flows(
        facility_power_kw=m["facility_kw"],
        grid_power_kw=m["grid_kw"],
        it_power_kw=m["it_kw"],
        accelerator_power_kw=m["accelerator_kw"],
        server_fan_power_kw=m["server_fan_kw"],
        psu_loss_kw=m["psu_loss_kw"],
        crah_fan_power_kw=m["crah_fan_kw"],
        chiller_power_kw=m["chiller_kw"],
        dx_power_kw=m["dx_kw"],
        chw_pump_power_kw=m["chw_pump_kw"],
        cw_pump_power_kw=m["cw_pump_kw"],
        tower_fan_power_kw=m["tower_fan_kw"],
        dry_cooler_fan_power_kw=m["dry_fan_kw"],
        fws_pump_power_kw=m["fws_pump_kw"],
        tcs_pump_power_kw=m["tcs_pump_kw"],
        humidifier_power_kw=m["humidifier_kw"],
        lighting_power_kw=lighting,
        pdu_loss_kw=m["pdu_loss_kw"],
        ups_loss_kw=m["ups_loss_kw"],
        transformer_loss_kw=m["transformer_kw"],
        battery_power_kw=m["battery_kw"],
        battery_loss_kw=m["battery_loss_kw"],
        cooling_power_kw=cooling,
        reference_it_kw=plant.layout.reference_kw(load.activity),
        evaporation_kg=m["evaporation_kg_s"] * step_s,
        blowdown_kg=m["blowdown_kg_s"] * step_s,
        drift_kg=m["drift_kg_s"] * step_s,
        makeup_kg=m["makeup_kg_s"] * step_s,
        work_demanded=done.demanded,
        work_done=done.done,
        work_lost=done.lost,
        backlog=done.backlog,
        worst_inlet_c=xp.max(total.inlet_max_c, axis=0),
        rack_inlet_max_c=total.inlet_max_c,
        inlet_excess_degree_minutes=total.inlet_excess_k * (substep_s / 60.0),
        coolant_excess_k=total.coolant_excess_k * share,
        tcs_excess_degree_minutes=total.coolant_excess_k * (substep_s / 60.0),
        trips=total.trips,
        limit_excess_kwh=total.limit_excess_kw * (substep_s / 3600.0),
        capper_active_s=total.capper_active * substep_s,
        heat_rejected_kw=m["rejected_kw"],
        energy_residual_kw=residual,
        water_residual_kg=(m["makeup_kg_s"] - used) * step_s,
        **_measured(plant, end, last, zero, xp),
    )


def _measured(plant: Any, end: Any, last: Last, zero: Array, xp: Any) -> dict[str, Array]:
    """Temperatures, positions and loads at the end of the step."""
    lay, chw, tower, liquid = plant.layout, last.chw, last.tower, last.liquid
    tcs = liquid.tcs
    return {
        "rack_inlet_c": last.inlet_c,
        "zone_inlet_max_c": lay.zone_max(last.inlet_c),
        "rack_power_kw": last.racks.power_kw,
        "rack_demand_kw": last.racks.uncapped_power_kw,
        "chip_max_c": xp.max(last.racks.chip_c, axis=0),
        "zone_supply_c": last.air.supply_c,
        "zone_return_c": last.air.return_c,
        "zone_fan_speed_frac": end.air.fan_speed_frac,
        "zone_aisle_pressure_pa": last.balance.dp_pa,
        "coil_valve_frac": end.air.valve_frac,
        "room_dew_point_c": dew_point_from_humidity_ratio_c(xp.max(end.air.humidity_ratio, axis=0), lay.pressure_kpa),
        "chw_supply_c": zero if chw is None else chw.supply_c,
        "chw_return_c": zero if chw is None else chw.return_c,
        "chw_mode": zero if chw is None else chw.mode,
        "chiller_plr_frac": zero if chw is None else chw.plr,
        "chillers_running": zero if chw is None else chw.running,
        "cw_supply_c": zero if tower is None else tower.supply_c,
        "tower_fan_speed_frac": zero if tower is None else tower.fan_speed,
        "fws_supply_c": zero if liquid.fws is None else liquid.fws.supply_c,
        "dry_cooler_fan_speed_frac": zero if liquid.dry is None else liquid.dry.fan_speed,
        "tcs_supply_c": zero if tcs is None else tcs.supply_c,
        "tcs_return_c": zero if tcs is None else tcs.return_c,
        "cdu_valve_frac": zero if tcs is None else tcs.valve_frac,
        "row_power_kw": last.power.row_it_kw,
        "row_demand_kw": lay.tree.row_racks @ last.racks.uncapped_power_kw,
        "ups_power_kw": last.power.ups_power_kw,
        "breaker_memory_frac": xp.max(end.breaker.memory, axis=0),
        "capper_engaged": last.site.capped.active,
        "rack_down_frac": 1.0 - xp.mean(end.alive, axis=0),
        "restart_frac": lay.restart_frac(end),
        "battery_soc_frac": zero if end.battery is None else end.battery.soc_frac,
    }
