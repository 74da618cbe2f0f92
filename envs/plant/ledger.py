"""What a control step adds up to: sums over its sub-steps, the energy ledger of the whole site, and the flat Flows."""

from __future__ import annotations

from typing import NamedTuple

from envs.equipment import cooling_tower
from envs.physics.namespace import Array, as_mask, namespace, upper
from envs.physics.psychrometrics import dew_point_from_humidity_ratio_c
from envs.plant.electrical import SiteFlows
from envs.plant.flows import COOLING_POWER, WATER, Flows
from envs.plant.layout import PlantParts
from envs.plant.state import PlantState, Stores, SubStep, stores_of
from envs.plant.work import Ran, WorkFlows
from envs.signals.step import Load

#: Coolant so near over the room's dew point counts as an excess [K]: the alarm on what is measured, PHYSICS D6, 2-3 K.
#: Below the floor of what may be commanded (`envs.equipment.liquid_loop`, 3 K), so that a loop at its floor is quiet.
ALARM_OVER_DEW_POINT_K = 2.0
LEAST_DRAWN_KG_S = 1e-6  # by racks without fans


class LastSubStep(NamedTuple):
    """What the last sub-step leaves to be measured."""

    did: SubStep
    site: SiteFlows


class SubStepFlows(NamedTuple):
    """One sub-step, or the sums of several: what has a name in `Flows` has the same here; ``(B,)`` unless said."""

    # powers and the like, of which Flows has the mean
    facility_power_kw: Array
    grid_power_kw: Array
    it_power_kw: Array
    accelerator_power_kw: Array
    server_fan_power_kw: Array
    psu_loss_kw: Array
    crah_fan_power_kw: Array
    chiller_power_kw: Array
    dx_power_kw: Array
    chw_pump_power_kw: Array
    cw_pump_power_kw: Array
    tower_fan_power_kw: Array
    basin_heater_power_kw: Array
    dry_cooler_fan_power_kw: Array
    fws_pump_power_kw: Array
    tcs_pump_power_kw: Array
    humidifier_power_kw: Array
    pdu_loss_kw: Array
    ups_loss_kw: Array
    transformer_loss_kw: Array
    battery_power_kw: Array
    battery_loss_kw: Array
    swing_kw: Array
    heat_rejected_kw: Array
    coolant_excess_k: Array
    # rates of the water of a step
    evaporation_kg_s: Array
    blowdown_kg_s: Array
    drift_kg_s: Array
    makeup_kg_s: Array
    humidifier_kg_s: Array
    # how fast the work ran
    cap_frac: Array  # (S, R, B)
    throttle_frac: Array  # (R, B)
    powered_frac: Array  # (R, B)
    # what is judged over time
    inlet_excess_k: Array  # (R, B)
    limit_excess_kw: Array
    overload_kw: Array
    capper_active: Array
    trips: Array
    # highest or last of the sub-steps, not sums
    rack_inlet_max_c: Array  # (R, B)
    last: LastSubStep


#: Fields of Flows that are the mean of their sub-steps.
MEANS = tuple(
    name for name in SubStepFlows._fields if name in Flows._fields and name not in ("trips", "rack_inlet_max_c")
)
#: Fields of Flows that are the integral of a field of SubStepFlows, and the seconds in the unit that they count in.
INTEGRALS = {
    "inlet_excess_degree_minutes": ("inlet_excess_k", 60.0),
    "tcs_excess_degree_minutes": ("coolant_excess_k", 60.0),
    "limit_excess_kwh": ("limit_excess_kw", 3600.0),
    "overload_kwh": ("overload_kw", 3600.0),
    "capper_active_s": ("capper_active", 1.0),
}
_SUMMED = SubStepFlows._fields.index("rack_inlet_max_c")


def sum_of_substeps(total: SubStepFlows, sub: SubStepFlows) -> SubStepFlows:
    """Sums so far and the next sub-step."""
    xp = namespace(sub.rack_inlet_max_c)
    summed = [a + b for a, b in zip(total[:_SUMMED], sub[:_SUMMED])]
    return SubStepFlows._make([*summed, xp.maximum(total.rack_inlet_max_c, sub.rack_inlet_max_c), sub.last])


def substep_flows(plant: PlantParts, before: PlantState, did: SubStep, site: SiteFlows) -> SubStepFlows:
    """Collect a sub-step.

    Parameters
    ----------
    plant : PlantParts
    before : PlantState
        At its start.
    did, site : SubStep, SiteFlows
        What the machines did, and the electrical side.
    """
    racks, air, chw, tower, power = did.racks, did.air, did.chw, did.tower, did.power
    tcs, fws, dry, dx, stored = did.liquid.tcs, did.liquid.fws, did.liquid.dry, did.dx, site.stored
    xp = namespace(did.inlet_c)
    zero = site.facility_power_kw * 0.0
    humidified = xp.sum(air.humidifier_water_kg_s, axis=0)
    over = upper(site.node_power_kw - site.node_limit_kw, 0.0)
    return SubStepFlows(
        facility_power_kw=site.facility_power_kw,
        grid_power_kw=site.grid_power_kw,
        it_power_kw=xp.sum(racks.power_kw, axis=0),
        accelerator_power_kw=xp.sum(racks.accelerator_power_kw, axis=0),
        server_fan_power_kw=xp.sum(racks.fan_power_kw, axis=0),
        psu_loss_kw=xp.sum(racks.psu_loss_kw, axis=0),
        crah_fan_power_kw=xp.sum(air.fan_power_kw, axis=0),
        chiller_power_kw=zero if chw is None else chw.chiller_power_kw,
        dx_power_kw=zero if dx is None else dx.power_kw,
        chw_pump_power_kw=zero if chw is None else chw.pump_power_kw,
        cw_pump_power_kw=zero if tower is None else tower.pump_power_kw,
        tower_fan_power_kw=zero if tower is None else tower.fan_power_kw,
        basin_heater_power_kw=zero if tower is None else tower.basin_heater_kw,
        dry_cooler_fan_power_kw=zero if dry is None else dry.fan_power_kw,
        fws_pump_power_kw=zero if fws is None else fws.pump_power_kw,
        tcs_pump_power_kw=zero if tcs is None else tcs.pump_power_kw,
        humidifier_power_kw=xp.sum(air.humidifier_power_kw, axis=0),
        pdu_loss_kw=power.pdu_loss_kw,
        ups_loss_kw=power.ups_loss_kw,
        transformer_loss_kw=site.transformer_loss_kw,
        battery_power_kw=zero if stored is None else stored.power_kw,
        battery_loss_kw=zero if stored is None else stored.loss_kw,
        swing_kw=zero if site.swings is None else site.swings.up_kw[-1] + site.swings.site_down_kw,
        heat_rejected_kw=_heat_rejection_kw(did, site),
        coolant_excess_k=_coolant_excess(plant, did, zero),
        evaporation_kg_s=_evaporating("evaporation_kg_s", did, zero),
        blowdown_kg_s=_evaporating("blowdown_kg_s", did, zero),
        drift_kg_s=zero if tower is None else tower.drift_kg_s,
        makeup_kg_s=_evaporating("makeup_kg_s", did, zero) + humidified,
        humidifier_kg_s=humidified,
        cap_frac=racks.cap_frac,
        throttle_frac=racks.throttle_frac,
        powered_frac=site.opened.powered_frac * before.alive,
        inlet_excess_k=upper(did.top_inlet_c - did.limits.recommended_c, 0.0),
        limit_excess_kw=xp.sum(over, axis=0),
        overload_kw=_overload_kw(plant, site, over),
        capper_active=site.capped.active,
        trips=site.opened.trips + xp.sum(racks.shutdown * before.alive, axis=0),
        rack_inlet_max_c=did.top_inlet_c,
        last=LastSubStep(did, site),
    )


def _evaporating(name: str, did: SubStep, zero: Array) -> Array:
    """A flow of tower and dry coolers together."""
    total = zero
    for machine in (did.tower, did.liquid.dry):
        if machine is not None:
            total = total + getattr(machine, name)
    return total


def _heat_rejection_kw(did: SubStep, site: SiteFlows) -> Array:
    """Heat that leaves the site [kW]: to outdoor air by machines, by leaks, by moisture and by outdoor losses."""
    xp = namespace(did.inlet_c)
    out = site.transformer_loss_kw
    if did.tower is not None:
        out = out + did.tower.heat_rejected_kw + did.tower.fan_power_kw + did.tower.basin_heater_kw
    elif did.chw is not None:
        out = out + did.chw.condenser_heat_kw
    if did.liquid.dry is not None and did.liquid.fws is not None:
        out = out + did.liquid.fws.heat_out_kw + did.liquid.dry.fan_power_kw
    if did.dx is not None:
        out = out + did.dx.rejected_kw
    latent = xp.sum(did.air.coil_latent_kw, axis=0)
    out = out + xp.sum(did.air.outdoor_heat_kw, axis=0)
    return out + xp.sum(did.air.humidifier_power_kw, axis=0) - latent


def _overload_kw(plant: PlantParts, site: SiteFlows, over_kw: Array) -> Array:
    """Power over the limits of rows and UPS whose breakers are warmer than their rating makes them for good [kW].

    A breaker at its rating has a memory of 1 (PHYSICS F3 i). Below that an excess only warms what was cool. The
    curves of form ii forgive nothing. The utility has no breaker: `flows` adds what a step's mean is over its limit.
    """
    many = plant.layout.n_rows + 1
    warmest = 1.0 if plant.scenario.breaker.form == "thermal" else 0.0
    hot = as_mask(site.breaker_state.memory[-many:] > warmest, over_kw)
    return namespace(over_kw).sum(over_kw[:-1] * hot, axis=0)


def _coolant_excess(plant: PlantParts, did: SubStep, zero: Array) -> Array:
    """Coolant supply over its limit, or under the room's dew point plus its margin [K]."""
    coolant, tcs = plant.scenario.coolant, did.liquid.tcs_state
    if coolant is None or tcs is None:
        return zero
    xp = namespace(did.inlet_c)
    moist = xp.max(did.air_state.humidity_ratio, axis=0)
    dew = dew_point_from_humidity_ratio_c(moist, plant.layout.pressure_kpa)
    hot = upper(tcs.supply_c - coolant.tcs_limit_c, 0.0)
    return xp.maximum(hot, upper(dew + ALARM_OVER_DEW_POINT_K - tcs.supply_c, 0.0))


def stored_kj(plant: PlantParts, now: Stores, since: Stores) -> Array:
    """Heat gained by every mass of the site since another state ``(B,)`` [kJ]."""
    lay, s = plant.layout, plant.scenario
    xp = namespace(now.chip_c)
    r = lay.racks
    gain = xp.sum(r.solids_kj_k * (now.solids_c - since.solids_c), axis=0)
    gain = gain + xp.sum(r.package_kj_k * (now.chip_c - since.chip_c), axis=0)
    z = lay.zones
    gain = gain + xp.sum(z.hot_aisle_kj_k * (now.hot_c - since.hot_c), axis=0)
    gain = gain + xp.sum(z.fabric_kj_k * (now.fabric_c - since.fabric_c), axis=0)
    gain = gain + xp.sum(z.plenum_kj_k * (now.supply_c - since.supply_c), axis=0)
    if s.chilled_water is not None and now.chw_c is not None and since.chw_c is not None:
        gain = gain + s.chilled_water.heat_capacity_kj_k * (now.chw_c - since.chw_c)
    if s.tower is not None and now.basin_c is not None and since.basin_c is not None:
        gain = gain + cooling_tower.heat_capacity_kj_k(s.tower) * (now.basin_c - since.basin_c)
    if now.tcs_c is not None and since.tcs_c is not None:
        gain = gain + lay.tcs_kj_k * (now.tcs_c - since.tcs_c)
    if now.fws_c is not None and since.fws_c is not None:
        gain = gain + lay.fws_kj_k * (now.fws_c - since.fws_c)
    return gain


def ran(plant: PlantParts, total: SubStepFlows, activity: Array) -> Ran:
    """What ran in a control step, and how fast, from the sums of its sub-steps; ``activity (S, R, B)``."""
    share = 1.0 / plant.scenario.episode.substeps
    return Ran(activity, total.cap_frac * share, total.throttle_frac * share, total.powered_frac * share)


def flows(
    plant: PlantParts, start: PlantState, end: PlantState, total: SubStepFlows, done: WorkFlows, load: Load
) -> Flows:
    """The flat Flows of one control step.

    Parameters
    ----------
    plant : PlantParts
    start, end : PlantState
        Before the first sub-step and after the last.
    total : SubStepFlows
        Sums of the sub-steps.
    done : WorkFlows
        From `envs.plant.work.settle_work`.
    load : Load
        Signals of the step.
    """
    episode = plant.scenario.episode
    substeps, substep_s = episode.substeps, float(episode.substep_s)
    share, step_s = 1.0 / substeps, substeps * substep_s
    means = {name: getattr(total, name) * share for name in MEANS}
    water = {name: getattr(total, f"{name}_s") * share for name in WATER}
    judged = {name: getattr(total, of) * (substep_s / unit_s) for name, (of, unit_s) in INTEGRALS.items()}
    over_kw = upper(means["grid_power_kw"] - total.last.site.node_limit_kw[-1], 0.0)
    judged["overload_kwh"] = judged["overload_kwh"] + over_kw * (step_s / 3600.0)
    stored = stored_kj(plant, stores_of(end), stores_of(start)) * (1.0 / step_s)
    humidified = total.humidifier_kg_s * share
    used = water["evaporation_kg"] + water["blowdown_kg"] + water["drift_kg"] + humidified
    return Flows(
        **means,
        **{name: rate * step_s for name, rate in water.items()},
        **judged,
        lighting_power_kw=means["facility_power_kw"] * 0.0 + plant.scenario.power.lighting_kw,
        cooling_power_kw=sum(means[name] for name in COOLING_POWER),
        reference_it_kw=plant.layout.reference_kw(load.activity),
        work_demanded=done.demanded,
        work_done=done.done,
        work_lost=done.lost,
        backlog=done.backlog,
        inlet_limit_c=total.last.did.limits.recommended_c,
        inlet_allowable_c=total.last.did.limits.allowable_c,
        worst_inlet_c=namespace(total.rack_inlet_max_c).max(total.rack_inlet_max_c, axis=0),
        rack_inlet_max_c=total.rack_inlet_max_c,
        trips=total.trips,
        energy_residual_kw=means["facility_power_kw"] - means["heat_rejected_kw"] - stored,
        water_residual_kg=(water["makeup_kg"] - used) * step_s,
        **_end_readings(plant, end, total.last),
    )


def _end_readings(plant: PlantParts, end: PlantState, last: LastSubStep) -> dict[str, Array]:
    """Temperatures, positions and loads at the end of the step."""
    lay, did = plant.layout, last.did
    chw, tower, tcs, fws, dry = did.chw, did.tower, did.liquid.tcs, did.liquid.fws, did.liquid.dry
    xp = namespace(did.inlet_c)
    zero = last.site.facility_power_kw * 0.0
    return {
        "rack_inlet_c": did.top_inlet_c,
        "rack_inlet_mean_c": did.inlet_c,
        "zone_inlet_max_c": lay.zone_max(did.top_inlet_c),
        "rack_power_kw": did.racks.power_kw,
        "rack_demand_kw": did.racks.uncapped_power_kw,
        "chip_max_c": xp.max(did.racks.chip_c, axis=0),
        "zone_supply_c": did.air.supply_c,
        "zone_return_c": did.air.return_c,
        "zone_fan_speed_frac": end.air.fan_speed_frac,
        "zone_air_supply_frac": did.balance.supply_kg_s / upper(did.balance.drawn_kg_s, LEAST_DRAWN_KG_S),
        "zone_aisle_pressure_pa": did.balance.dp_pa,
        "coil_valve_frac": end.air.valve_frac,
        "room_dew_point_c": dew_point_from_humidity_ratio_c(xp.max(end.air.humidity_ratio, axis=0), lay.pressure_kpa),
        "chw_supply_c": zero if chw is None else chw.supply_c,
        "chw_return_c": zero if chw is None else chw.return_c,
        "chw_mode": zero if chw is None else chw.mode,
        "chiller_plr_frac": zero if chw is None else chw.plr,
        "chillers_running": zero if chw is None else chw.running,
        "cw_supply_c": zero if tower is None else tower.supply_c,
        "tower_fan_speed_frac": zero if tower is None else tower.fan_speed,
        "fws_supply_c": zero if fws is None else fws.supply_c,
        "dry_cooler_fan_speed_frac": zero if dry is None else dry.fan_speed,
        "tcs_supply_c": zero if tcs is None else tcs.supply_c,
        "tcs_return_c": zero if tcs is None else tcs.return_c,
        "cdu_valve_frac": zero if tcs is None else tcs.valve_frac,
        "row_power_kw": did.power.row_it_kw,
        "row_demand_kw": lay.tree.row_racks @ did.racks.uncapped_power_kw,
        "ups_power_kw": did.power.ups_power_kw,
        "breaker_memory_frac": xp.max(end.breaker.memory, axis=0),
        "capper_engaged": last.site.capped.active,
        "rack_down_frac": 1.0 - xp.mean(end.alive, axis=0),
        "restart_frac": lay.restart_frac(end),
        "battery_soc_frac": zero if end.battery is None else end.battery.soc_frac,
    }
