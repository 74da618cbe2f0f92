"""The hall that EnergyPlus runs as a second plant: the scenario's, its electrical room, and every name it speaks.

It has the machines of `hall_model`. The electrical room is a load on the chilled water beside the coils, as in our
plant. It has no moisture from outside, no humidifier, no walls that store heat and no racks.
"""

from __future__ import annotations

from collections.abc import Mapping

from envs.energyplus import water_cooled_hall
from envs.energyplus.building import RunPeriod
from envs.energyplus.engine import Actuator, Variable, schedule_actuator
from envs.energyplus.epjson import ALWAYS_ON, Model, Part, merged_models, schedule, single_object
from envs.energyplus.water_plant import CHILLER, TOWER
from envs.equipment.chilled_water import ChilledWater, electrical_water_kg_s
from envs.equipment.power_chain import ups_loss_kw
from envs.scenario import Scenario
from envs.units import RHO_WATER_KG_M3

ELECTRICAL = "Electrical Room"
ELECTRICAL_KW = "electrical_room_kw"


def closed_loop_model(
    scenario: Scenario, period: RunPeriod, orders: Mapping[str, float], hold_curves: bool = False
) -> Model:
    """The epJSON of the hall, whose warm-up days run under ``orders`` (by our actuator names).

    ``hold_curves`` holds the chiller's curves at the ends of their published box; else EnergyPlus extrapolates them.

    Raises
    ------
    ValueError
        Where the scenario has machines that the models do not have.
    """
    beside = [] if scenario.chilled_water is None else [electrical_room(scenario, scenario.chilled_water)]
    model = water_cooled_hall.hall_model(scenario, scenario.elevation_m, period, hold_curves, beside=beside)
    for name, lever in actuators(scenario).items():
        model["Schedule:Constant"][lever.key]["hourly_value"] = float(orders[name]) / lever.scale
    return model


def electrical_room(scenario: Scenario, plant: ChilledWater) -> tuple[Part, Model]:
    """Water side and objects of the electrical room: a load [kW] on a constant flow.

    EnergyPlus's load profile counts what it takes out of the water as positive; this one puts heat in.
    """
    part = Part("LoadProfile:Plant", ELECTRICAL, f"{ELECTRICAL} Water In", f"{ELECTRICAL} Water Out")
    most_kw = ups_loss_kw(scenario.power, scenario.power.ups_limit_kw)
    flow = electrical_water_kg_s(plant, most_kw) / RHO_WATER_KG_M3
    return part, merged_models(
        schedule(f"{ELECTRICAL} Load", 0.0),
        single_object(
            part.kind,
            part.name,
            inlet_node_name=part.inlet,
            outlet_node_name=part.outlet,
            load_schedule_name=f"{ELECTRICAL} Load",
            peak_flow_rate=min(float(flow), 0.2 * plant.design_flow_m3_s),
            flow_rate_fraction_schedule_name=ALWAYS_ON,
        ),
    )


def actuators(scenario: Scenario) -> dict[str, Actuator]:
    """What is set before every step, by our names: `water_cooled_hall.actuators` and ``electrical_room_kw``."""
    made = water_cooled_hall.actuators(scenario)
    made[ELECTRICAL_KW] = schedule_actuator(f"{ELECTRICAL} Load", -1e-3)
    return made


def variables(scenario: Scenario) -> dict[str, Variable]:
    """What is read after every step, by our names: `water_cooled_hall.variables` and a few more."""
    made = water_cooled_hall.variables(scenario)
    made["chiller_plr_frac"] = Variable("Chiller Part Load Ratio", CHILLER)
    made["electrical_heat_kw"] = Variable("Plant Load Profile Heat Transfer Rate", ELECTRICAL, -1e-3)
    made["electrical_water_kg_s"] = Variable("Plant Load Profile Mass Flow Rate", ELECTRICAL)
    if scenario.tower is not None:
        made["blowdown_kg_s"] = Variable("Cooling Tower Water Blowdown Volume Flow Rate", TOWER, RHO_WATER_KG_M3)
        made["drift_kg_s"] = Variable("Cooling Tower Water Drift Volume Flow Rate", TOWER, RHO_WATER_KG_M3)
    return made
