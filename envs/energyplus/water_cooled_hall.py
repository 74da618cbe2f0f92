"""The chilled-water hall in EnergyPlus, generated from a scenario: rooms with their air handlers, chiller, tower.

The names of its schedules and outputs stand here, by our names: what a controller measures and sets, what the
comparison reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from envs.energyplus.air_handler import air_handler, air_loop_of, water_coil
from envs.energyplus.building import RunPeriod, room, simulation
from envs.energyplus.engine import Actuator, Control, Variable, schedule_actuator
from envs.energyplus.epjson import Model, Part, merged_models, single_object
from envs.energyplus.water_plant import (
    CHILLER,
    CHW_SETPOINT,
    CW_SETPOINT,
    ECONOMIZER_AVAILABLE,
    EXCHANGER,
    TOWER,
    chilled_water_loop,
    condenser_loop,
)
from envs.scenario import Scenario
from envs.units import RHO_WATER_KG_M3

SITE, KW = "Environment", 1e-3
SITE_VARIABLES = {
    "dry_bulb_c": Variable("Site Outdoor Air Drybulb Temperature", SITE),
    "wet_bulb_c": Variable("Site Outdoor Air Wetbulb Temperature", SITE),
    "humidity_ratio": Variable("Site Outdoor Air Humidity Ratio", SITE),
    "pressure_kpa": Variable("Site Outdoor Air Barometric Pressure", SITE, KW),
}
CHILLED_WATER_VARIABLES = {
    "chiller_power_kw": Variable("Chiller Electricity Rate", CHILLER, KW),
    "evaporator_heat_kw": Variable("Chiller Evaporator Cooling Rate", CHILLER, KW),
    "chw_pump_power_kw": Variable("Pump Electricity Rate", "CHW Pump", KW),
    "chw_flow_kg_s": Variable("System Node Mass Flow Rate", "CHW Supply Outlet"),
    "chw_supply_c": Variable("System Node Temperature", "CHW Supply Outlet"),
    "chw_return_c": Variable("System Node Temperature", "CHW Demand Outlet"),
    "chiller_in_c": Variable("System Node Temperature", "Chiller In"),
    "chiller_out_c": Variable("System Node Temperature", "Chiller Out"),
}
TOWER_VARIABLES = {
    "tower_fan_power_kw": Variable("Cooling Tower Fan Electricity Rate", TOWER, KW),
    "tower_heat_kw": Variable("Cooling Tower Heat Transfer Rate", TOWER, KW),
    "tower_air_ratio": Variable("Cooling Tower Air Flow Rate Ratio", TOWER),
    "cw_pump_power_kw": Variable("Pump Electricity Rate", "CW Pump", KW),
    "cw_supply_c": Variable("System Node Temperature", "CW Supply Outlet"),
    "tower_in_c": Variable("System Node Temperature", "Tower In"),
    "tower_out_c": Variable("Cooling Tower Outlet Temperature", TOWER),
    "cw_flow_kg_s": Variable("System Node Mass Flow Rate", "Tower In"),
    "condenser_in_c": Variable("System Node Temperature", "Condenser In"),
    "evaporation_kg_s": Variable("Cooling Tower Water Evaporation Volume Flow Rate", TOWER, RHO_WATER_KG_M3),
    "makeup_kg_s": Variable("Cooling Tower Make Up Water Volume Flow Rate", TOWER, RHO_WATER_KG_M3),
}
ECONOMIZER_VARIABLES = {
    "economizer_heat_kw": Variable("Fluid Heat Exchanger Heat Transfer Rate", EXCHANGER, KW),
    "economizer_in_c": Variable("System Node Temperature", "Economizer In"),
    "economizer_available": Variable("Schedule Value", ECONOMIZER_AVAILABLE),
    "economizer_cw_flow_kg_s": Variable("System Node Mass Flow Rate", "Economizer CW In"),
}


def it_design_kw(scenario: Scenario) -> list[float]:
    """Design IT heat of each zone [kW]: what its room units are sized for, the peak of the racks that stand there."""
    from envs.scenario.rack_group import archetype_of

    peaks = [0.0] * len(scenario.zones)
    for group in scenario.racks.values():
        peaks[group.zone] += group.count * archetype_of(group).air_rated_kw
    return peaks


def hall_model(
    scenario: Scenario,
    elevation_m: float,
    period: RunPeriod,
    inside_box: bool = False,
    beside: Sequence[tuple[Part, Model]] = (),
    switched: bool = False,
) -> Model:
    """The scenario's hall as epJSON.

    Parameters
    ----------
    scenario : Scenario
        Air-cooled racks, one duty chiller; a water-cooled one with a tower, an air-cooled one without.
    elevation_m : float
        Of the weather file: the fans' air is as thin there as ours.
    period : RunPeriod
    inside_box : bool
        Whether the chiller's curves are held at the ends of their published box.
    beside : sequence of (Part, Model)
        What else the chilled water cools beside the coils: each its water side and its objects.
    switched : bool
        Whether the chiller stands still unless a schedule lets it run (`shared_rule`), or starts for any load.

    Raises
    ------
    ValueError
        Where the scenario has machines that these models do not have.
    """
    plant = scenario.chilled_water
    if plant is None or scenario.coolant is not None or plant.chillers_duty != 1:
        raise ValueError(
            f"scenario {scenario.name!r}: the EnergyPlus hall has chilled water with one duty chiller and no coolant "
            "loop; of the shipped ones that is legacy_air"
        )
    parts, coils = [simulation(period), *(model for _, model in beside)], []
    for (name, zone), design in zip(scenario.zones.items(), it_design_kw(scenario), strict=True):
        loop = air_loop_of(zone, elevation_m)
        coil, coil_model, water = water_coil(name, loop)
        coils.append(water)
        parts += [
            room(name, zone.air_volume_m3, zone.hot_aisle_kj_k + zone.plenum_kj_k, design),
            air_handler(name, loop, coil, coil_model),
        ]
    tower = scenario.tower
    nodes = ("Condenser In", "Condenser Out") if tower is not None else ("Condenser Air In", "Condenser Air Out")
    coils += [part for part, _ in beside]
    parts.append(chilled_water_loop(plant, coils, inside_box, nodes, switched))
    parts.append(single_object("OutdoorAir:Node", nodes[0]) if tower is None else condenser_loop(plant, tower))
    return merged_models(*parts)


def actuators(scenario: Scenario) -> dict[str, Actuator]:
    """What may be set, by our channel names; zones carry their index, ``it_kw[0]`` is the IT heat of the first."""
    made: dict[str, Actuator] = {}
    for z, (name, design) in enumerate(zip(scenario.zones, it_design_kw(scenario), strict=True)):
        made[f"it_kw[{z}]"] = schedule_actuator(f"{name} IT Frac", design)
        made[f"crah_fan_speed_frac[{z}]"] = schedule_actuator(f"{name} Fan Speed")
        made[f"supply_air_temp_setpoint_c[{z}]"] = schedule_actuator(f"{name} Supply Air Setpoint")
    if scenario.chilled_water is not None:
        made["chw_supply_temp_setpoint_c"] = schedule_actuator(CHW_SETPOINT)
    if scenario.tower is not None:
        made["cw_supply_temp_setpoint_c"] = schedule_actuator(CW_SETPOINT)
    return made


def economizer_actuators(scenario: Scenario) -> dict[str, Actuator]:
    """What `with_economizer_guard` sets beside the channels."""
    plant = scenario.chilled_water
    if plant is None or not plant.economizer:
        return {}
    return {"economizer_available": schedule_actuator(ECONOMIZER_AVAILABLE)}


def with_economizer_guard(control: Control, scenario: Scenario) -> Control:
    """A control that also opens the economizer, from the step before: where it would cool the water that enters it.

    Every run of a hall with an economizer needs it and the actuators of `economizer_actuators`; see
    `water_plant.exchanger_model`.
    """
    plant = scenario.chilled_water
    if plant is None or not plant.economizer:
        return control
    least_k = plant.economizer_disable_k

    def both(step: int, measured: dict[str, float] | None) -> dict[str, float]:
        asked = dict(control(step, measured))
        if measured is not None:
            gap_k = measured["economizer_in_c"] - measured["cw_supply_c"]
            asked["economizer_available"] = 1.0 if gap_k > least_k else 0.0
        return asked

    return both


def setpoints_in_force(scenario: Scenario) -> dict[str, Variable]:
    """What is in force of what was set, by the names of `actuators`."""
    return {name: Variable("Schedule Value", lever.key, lever.scale) for name, lever in actuators(scenario).items()}


def variables(scenario: Scenario) -> dict[str, Variable]:
    """Read, by our names: powers [kW], temperatures [degC], flows [kg/s]; and what is in force of what was set."""
    made = {**SITE_VARIABLES, **CHILLED_WATER_VARIABLES, **setpoints_in_force(scenario)}
    for z, name in enumerate(scenario.zones):
        made |= air_variables(z, name) | _coil_variables(z, name)
    if scenario.tower is not None:
        made |= TOWER_VARIABLES
    if scenario.chilled_water is not None and scenario.chilled_water.economizer:
        made |= ECONOMIZER_VARIABLES
    return made


def air_variables(z: int, name: str) -> dict[str, Variable]:
    """Fan and air of a zone's units."""
    return {
        f"crah_fan_power_kw[{z}]": Variable("Fan Electricity Rate", f"{name} Fan", KW),
        f"zone_return_c[{z}]": Variable("System Node Temperature", f"{name} Return"),
        f"zone_humidity_ratio[{z}]": Variable("System Node Humidity Ratio", f"{name} Return"),
        f"coil_leaving_c[{z}]": Variable("System Node Temperature", f"{name} Cooled"),
        f"zone_supply_c[{z}]": Variable("System Node Temperature", f"{name} Supply"),
        f"air_flow_kg_s[{z}]": Variable("System Node Mass Flow Rate", f"{name} Supply"),
    }


def _coil_variables(z: int, name: str) -> dict[str, Variable]:
    return {
        f"coil_sensible_kw[{z}]": Variable("Cooling Coil Sensible Cooling Rate", f"{name} Coil", KW),
        f"coil_total_kw[{z}]": Variable("Cooling Coil Total Cooling Rate", f"{name} Coil", KW),
        f"coil_water_kg_s[{z}]": Variable("System Node Mass Flow Rate", f"{name} Coil Water In"),
        f"coil_water_in_c[{z}]": Variable("System Node Temperature", f"{name} Coil Water In"),
        f"coil_water_out_c[{z}]": Variable("System Node Temperature", f"{name} Coil Water Out"),
    }
