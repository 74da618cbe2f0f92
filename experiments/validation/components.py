"""Component by component: each of our machines fed with the temperatures, flows and loads that EnergyPlus's had.

What differs here is the law of the machine alone; what differs more in the whole plant comes from how machines meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from envs.energyplus.air_handler import AirLoop, air_loop_of
from envs.equipment import chilled_water, chiller, cooling_tower, dx_unit
from envs.physics.coil import CoilLaw, coil_at, effectiveness, hot_effectiveness
from envs.physics.fan_pump import fan_power_kw, pressure_controlled_pump_power_kw, pump_power_kw
from envs.physics.staging import settled_stages
from envs.scenario import Scenario
from envs.units import CP_AIR_KJ_KG_K, CP_WATER_KJ_KG_K, RHO_WATER_KG_M3

Series = np.ndarray
Values = Mapping[str, Series]
STEADY_S = 60.0
IDLE_KW = 1e-3
FAILED_K = 0.3
EDGE_K = 0.05  # a setpoint of 8.9 degC counts as inside 8.89


class Comparison(NamedTuple):
    """One quantity of one machine, ``(T,)`` each; ``counts`` marks the steps in which the machine ran."""

    machine: str
    quantity: str
    unit: str
    energyplus: Series
    ours: Series
    counts: Series


def components(scenario: Scenario, elevation_m: float, run: Values) -> list[Comparison]:
    """Every machine of a chilled-water hall under the boundary conditions of an EnergyPlus run."""
    made = [*_chiller(scenario, run), _chw_pump(scenario, run)]
    for z, zone in enumerate(scenario.zones.values()):
        made += _air_side(z, air_loop_of(zone, elevation_m), run)
    if scenario.tower is not None:
        made += [*_tower(scenario, run), _cw_pump(scenario, run)]
    if "economizer_heat_kw" in run:
        made.append(_economizer(scenario, run))
    return made


def _chiller(scenario: Scenario, run: Values) -> list[Comparison]:
    """Power for the heat that EnergyPlus's chiller took, in the published box; outside it as a row of its own."""
    plant = scenario.chilled_water
    assert plant is not None
    machine, load = chiller.MACHINES[plant.machine], run["evaporator_heat_kw"]
    condenser = run["dry_bulb_c"] if machine.air_cooled else run["condenser_in_c"]
    leaving = run["chw_supply_temp_setpoint_c"]
    power = chiller.power_kw(machine, plant.nominal_capacity_kw, load, leaving, condenser) * plant.power_factor
    x, y = machine.leaving_range_c, machine.condenser_range_c
    inside = (leaving >= x[0]) & (leaving <= x[1] + EDGE_K) & (condenser >= y[0]) & (condenser <= y[1])
    ran, theirs = load > IDLE_KW, run["chiller_power_kw"]
    return [
        Comparison("chiller", "power", "kW", theirs, power, ran & inside),
        Comparison("chiller, outside its box", "power", "kW", theirs, power, ran & ~inside),
    ]


def dx_unit_power(scenario: Scenario, run: Values) -> Comparison:
    """Power of direct-expansion units for the heat that EnergyPlus's coil took."""
    assert scenario.dx is not None
    heat = run["coil_total_kw[0]"]
    flows = dx_unit.advance(scenario.dx, heat, run["dry_bulb_c"], float(scenario.dx.units_duty))
    inside = run["dry_bulb_c"] >= chiller.MACHINES["F"].condenser_range_c[0]
    return Comparison("dx units", "power", "kW", run["dx_power_kw"], flows.power_kw, inside & (heat > IDLE_KW))


def _chw_pump(scenario: Scenario, run: Values) -> Comparison:
    p = scenario.chilled_water
    assert p is not None
    flow = run["chw_flow_kg_s"] / RHO_WATER_KG_M3
    power = pressure_controlled_pump_power_kw(
        flow, p.design_flow_m3_s, p.pump_head_kpa, p.pump_setpoint_kpa, p.pump_efficiency_frac
    )
    return Comparison("chilled-water pump", "power", "kW", run["chw_pump_power_kw"], power, flow > 0.0)


def _cw_pump(scenario: Scenario, run: Values) -> Comparison:
    p = scenario.tower
    assert p is not None
    rated = p.duty_cells * pump_power_kw(p.pump_flow_l_s * 1e-3, p.pump_head_kpa, p.pump_efficiency)
    energyplus = run["cw_pump_power_kw"]
    return Comparison("condenser pump", "power", "kW", energyplus, 0.0 * energyplus + rated, energyplus > 0.0)


def _tower(scenario: Scenario, run: Values) -> list[Comparison]:
    """Fan power and leaving water for the heat that EnergyPlus's tower gave off at its leaving temperature.

    Our basin is put at that temperature with its setpoint there; the heat is the mean of the step, so nothing stores.
    """
    p = scenario.tower
    assert p is not None
    weather = cooling_tower.weather_terms(
        p, run["wet_bulb_c"], run["dry_bulb_c"], run["humidity_ratio"], run["pressure_kpa"]
    )
    leaving, heat = run["tower_out_c"], run["tower_heat_kw"]
    pumped = p.duty_cells * pump_power_kw(p.pump_flow_l_s * 1e-3, p.pump_head_kpa, p.pump_efficiency)
    state = cooling_tower.TowerState(leaving, settled_stages(0.0 * leaving + p.duty_cells, p.stage_hold_s))
    _, flows = cooling_tower.advance(p, state, heat - pumped, leaving, weather, p.duty_cells, STEADY_S)
    share = cooling_tower.cell_flow_kg_s(p) / p.cell_water_kg_s
    failed = tower_solver_failed(run, share)
    mild = run["wet_bulb_c"] >= cooling_tower.YORK_WET_BULB_C[0]
    modulates = run["tower_air_ratio"] >= cooling_tower.MIN_FAN_SPEED
    air = np.maximum(run["tower_air_ratio"], cooling_tower.MIN_FAN_SPEED)
    out = cooling_tower.outlet_c(run["tower_in_c"], run["wet_bulb_c"], air, share)
    fan = run["tower_fan_power_kw"]
    return [
        Comparison("tower", "fan power", "kW", fan, flows.fan_power_kw, ~failed & mild),
        Comparison("tower, frost too", "fan power", "kW", fan, flows.fan_power_kw, ~failed),
        Comparison("tower, failed steps too", "fan power", "kW", fan, flows.fan_power_kw, fan >= 0.0),
        Comparison("tower", "leaving water", "degC", leaving, out, modulates & ~failed & mild),
        Comparison("tower", "evaporation", "kg/s", run["evaporation_kg_s"], flows.evaporation_kg_s, fan >= 0.0),
    ]


def tower_solver_failed(run: Values, water_flow_frac: float) -> Series:
    """Steps in which EnergyPlus's search for the air flow failed, (T,) of bool.

    It then reports ("air flow rate ratio calculation failed") water at its setpoint with the fans all but off. Such a
    step is told by EnergyPlus's own polynomial: even at the least speed it would leave the water over 0.3 K warmer.
    """
    slow = cooling_tower.outlet_c(
        run["tower_in_c"], run["wet_bulb_c"], cooling_tower.MIN_FAN_SPEED + 0.0 * run["tower_in_c"], water_flow_frac
    )
    below = run["tower_air_ratio"] < cooling_tower.MIN_FAN_SPEED
    return below & (slow > run["tower_out_c"] + FAILED_K) & (run["wet_bulb_c"] > cooling_tower.YORK_WET_BULB_C[0])


def _economizer(scenario: Scenario, run: Values) -> Comparison:
    """Heat from the same water, no more than brings it to the setpoint; one chiller stands by, so the flow is whole."""
    p = scenario.chilled_water
    assert p is not None
    flow, supply = run["chw_flow_kg_s"], run["chw_supply_temp_setpoint_c"]
    wanted = flow * CP_WATER_KJ_KG_K * (run["economizer_in_c"] - supply)
    none = 0.0 * flow
    state = chilled_water.ChwState(
        supply, settled_stages(none + 1.0, p.stage_hold_s), none + 1.0, none + p.economizer_lockout_s, none + 1.0
    )
    water, wet = run["cw_supply_c"], run["wet_bulb_c"]
    _, flows = chilled_water.advance(p, state, wanted, flow, supply, water, wet, 1.0, none, STEADY_S)
    energyplus = run["economizer_heat_kw"]
    ours = np.minimum(flows.economizer_heat_kw, wanted)
    return Comparison("economizer", "heat", "kW", energyplus, ours, energyplus > IDLE_KW)


def _air_side(z: int, loop: AirLoop, run: Values) -> list[Comparison]:
    """Fan and coil of one zone."""
    flow, water = run[f"air_flow_kg_s[{z}]"], run[f"coil_water_kg_s[{z}]"]
    fan = fan_power_kw(loop.fan_kw, flow / loop.air_kg_s, loop.fan_exponent)
    back, cold = run[f"zone_return_c[{z}]"], run[f"coil_water_in_c[{z}]"]
    leaving, air_kw_k = run[f"coil_leaving_c[{z}]"], flow * CP_AIR_KJ_KG_K
    works = run[f"coil_sensible_kw[{z}]"] > IDLE_KW
    share = our_effectiveness(loop, flow, water)
    fixed = constant_ua_effectiveness(loop, flow, water)
    sensible = run[f"coil_sensible_kw[{z}]"]
    return [
        Comparison("room fans", "power", "kW", run[f"crah_fan_power_kw[{z}]"], fan, flow > 0.0),
        Comparison("coil", "leaving air", "degC", leaving, back - share * (back - cold), works),
        Comparison("coil", "sensible heat", "kW", sensible, share * air_kw_k * (back - cold), works),
        Comparison("coil, constant UA", "leaving air", "degC", leaving, back - fixed * (back - cold), works),
        Comparison("coil, constant UA", "sensible heat", "kW", sensible, fixed * air_kw_k * (back - cold), works),
    ]


def our_effectiveness(loop: AirLoop, air_kg_s: Series, water_kg_s: Series) -> Series:
    """Air-side effectiveness of our coil, whose films follow the flows (PHYSICS C2)."""
    air_kw_k = loop.air_kg_s * CP_AIR_KJ_KG_K
    law = CoilLaw(loop.coil_ua_kw_k / air_kw_k, air_kw_k / (loop.water_kg_s * CP_WATER_KJ_KG_K))
    return np.asarray(effectiveness(law, coil_at(law, air_kg_s / loop.air_kg_s), water_kg_s / loop.water_kg_s))


def constant_ua_effectiveness(loop: AirLoop, air_kg_s: Series, water_kg_s: Series) -> Series:
    """The same with the design UA at every flow: EnergyPlus's simple coil."""
    air_kw_k = np.maximum(air_kg_s * CP_AIR_KJ_KG_K, 1e-6)
    water_kw_k = np.maximum(water_kg_s * CP_WATER_KJ_KG_K, 1e-6)
    return np.asarray(hot_effectiveness(loop.coil_ua_kw_k / air_kw_k, air_kw_k / water_kw_k))
