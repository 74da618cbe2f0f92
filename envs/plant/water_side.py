"""The water side of a sub-step: coolant and facility water, chilled water, condenser water and tower."""

from __future__ import annotations

from envs.equipment import air_side, chilled_water, cooling_tower, dry_cooler, liquid_loop, power_chain, rack
from envs.physics.namespace import Array, clip, lower, namespace, upper
from envs.plant.state import NO_LIQUID, Liquid, PlantState, StepConditions
from envs.scenario import Scenario
from envs.units import CP_WATER_KJ_KG_K, RHO_WATER_KG_M3

LEAST_COIL_WATER_FRAC = 0.02  # drifts through the coils without pumps, engineering guess


def liquid_side(
    p: Scenario, state: PlantState, now: StepConditions, racks: rack.RackFlows, smooth: bool = False
) -> Liquid:
    """Coolant loop, facility water and the dry coolers where there are any; else the tower's water is the sink.

    ``smooth``: see `dry_cooler.advance`.
    """
    if p.coolant is None or p.facility_water is None or state.tcs is None or state.fws is None:
        return NO_LIQUID
    water = p.facility_water
    pump = now.in_force["tcs_pump_speed_frac"][0]
    there = lower(now.fit.fws_pumps * (1.0 / water.pumps_running), 1.0)
    tcs_state, tcs = liquid_loop.advance_tcs(
        p.coolant,
        state.tcs,
        racks.liquid_heat_kw.sum(axis=0),
        namespace(pump).maximum(now.in_force["tcs_supply_temp_setpoint_c"][0], now.coolant_floor_c),
        pump + (1.0 - pump) * state.coolant_alarm,
        state.fws.supply_c,
        water.flow_kg_s,
        now.fit.cdus,
        now.dt_s,
        there,
    )
    flow = liquid_loop.fws_flow(water, tcs.fws_flow_kg_s, now.fit.fws_pumps)
    setpoint = now.in_force["fws_supply_temp_setpoint_c"][0]
    heat = tcs.heat_to_fws_kw
    if p.dry_cooler is not None:
        return Liquid(tcs_state, tcs, *_dry_cooler_side(p, state, now, heat, flow, setpoint, smooth))
    assert p.tower is not None and state.tower is not None
    cells = state.tower.stages.running * cooling_tower.cell_flow_kg_s(p.tower)
    fws_state, fws = liquid_loop.advance_fws(
        water, state.fws, heat, flow, setpoint, state.tower.basin_c, lower(cells, water.cw_design_kg_s), now.dt_s
    )
    return Liquid(tcs_state, tcs, fws_state, fws, None, None)


def with_coolant_trip(
    p: liquid_loop.CoolantDistribution | None,
    liquid_cooled: Array,
    racks: rack.RackFlows,
    tcs: liquid_loop.TcsState | None,
    alive: Array,
) -> rack.RackFlows:
    """Racks of which the ``liquid_cooled`` ones ``(R, 1)`` also shut down on coolant that stays too hot."""
    if p is None or tcs is None:
        return racks
    trip = liquid_cooled * liquid_loop.coolant_trip(p, tcs, alive)
    return racks._replace(shutdown=namespace(trip).maximum(racks.shutdown, trip))


def _dry_cooler_side(
    p: Scenario, state: PlantState, now: StepConditions, heat: Array, flow: Array, setpoint: Array, smooth: bool
) -> tuple[liquid_loop.FwsState, liquid_loop.FwsFlows, dry_cooler.DryCoolerState, dry_cooler.DryCoolerFlows]:
    """Facility water through the dry coolers."""
    o = now.outside
    assert p.dry_cooler is not None and p.facility_water is not None
    assert state.dry is not None and state.fws is not None
    dry_state, dry = dry_cooler.advance(
        p.dry_cooler,
        state.dry,
        liquid_loop.fws_return_c(p.facility_water, state.fws, heat, flow),
        flow,
        CP_WATER_KJ_KG_K,
        setpoint,
        o.dry_bulb_c,
        o.wet_bulb_c,
        o.humidity_ratio,
        o.pressure_kpa,
        now.fit.cells,
        now.dt_s,
        smooth,
    )
    fws_state, fws = liquid_loop.advance_fws_with_leaving_water(
        p.facility_water, state.fws, heat, flow, dry.water_out_c, now.dt_s
    )
    return fws_state, fws, dry_state, dry


def pump_water_kg_s(p: chilled_water.ChilledWater | None, pumps_fit: Array) -> Array | None:
    """Water that the pumps on duty can bring ``(B,)`` [kg/s]; None without chilled water."""
    return None if p is None else lower(pumps_fit, p.pumps_duty) * (p.pump_flow_m3_s * RHO_WATER_KG_M3)


def coil_water_frac(
    p: chilled_water.ChilledWater | None, zones: air_side.ZoneTable, now: StepConditions, electrical_kw: Array
) -> Array | None:
    """Share of the coils' full flow that the pumps leave to them beside the electrical room; None without chilled
    water.
    """
    if p is None or now.pump_water_kg_s is None:
        return None
    wide_open = (zones.coil_water_kg_s * lower(now.fit.crah_units, zones.crah_running)).sum(axis=0)
    left = now.pump_water_kg_s - chilled_water.electrical_water_kg_s(p, electrical_kw)
    return clip(left / upper(wide_open, 1e-3), LEAST_COIL_WATER_FRAC, 1.0)


def chilled_water_side(
    p: Scenario, state: PlantState, now: StepConditions, air: air_side.AirFlows, power: power_chain.PowerFlows
) -> tuple[chilled_water.ChwState | None, chilled_water.ChwFlows | None]:
    """Chillers and economizer carry the coils and, beside them, the electrical room's unit."""
    if p.chilled_water is None or state.chw is None:
        return None, None
    load = (air.coil_sensible_kw + air.coil_latent_kw).sum(axis=0) + power.ups_loss_kw
    condenser = now.outside.dry_bulb_c if state.tower is None else state.tower.basin_c
    return chilled_water.advance(
        p.chilled_water,
        state.chw,
        load,
        air.water_flow_kg_s.sum(axis=0) + chilled_water.electrical_water_kg_s(p.chilled_water, power.ups_loss_kw),
        now.in_force["chw_supply_temp_setpoint_c"][0],
        condenser,
        now.outside.wet_bulb_c,
        now.fit.chillers,
        load * 0.0,
        now.dt_s,
        now.air_terms,
        now.fit.chw_pumps,
    )


def tower_side(
    p: Scenario,
    state: PlantState,
    now: StepConditions,
    chw: chilled_water.ChwFlows | None,
    fws: liquid_loop.FwsFlows | None,
) -> tuple[cooling_tower.TowerState | None, cooling_tower.TowerFlows | None]:
    """The condenser water takes what condensers, economizer and facility water give."""
    if p.tower is None or state.tower is None:
        return None, None
    assert chw is not None and now.tower_weather is not None
    heat = chw.condenser_heat_kw + chw.economizer_heat_kw
    if fws is not None and p.dry_cooler is None:
        heat = heat + fws.heat_out_kw
    setpoint = now.in_force["cw_supply_temp_setpoint_c"][0]
    return cooling_tower.advance(p.tower, state.tower, heat, setpoint, now.tower_weather, now.fit.cells, now.dt_s)
