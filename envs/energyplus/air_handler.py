"""The room units of a zone as one EnergyPlus air loop: coil, draw-through fan on a speed schedule, zone, back.

The units of our zone stand side by side and run alike, so one loop carries their sum. The fan's speed is that of the
terminal's minimum flow schedule (the thermostat never asks for more); supply air is held behind the fan.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.energyplus.epjson import ALWAYS_ON, Model, Part, branch, merged_models, power_law, schedule, single_object
from envs.equipment.air_side import AirZone
from envs.physics.coil import CoilLaw, coil_at
from envs.physics.psychrometrics import pressure_kpa
from envs.units import CP_AIR_KJ_KG_K, CP_WATER_KJ_KG_K, RHO_AIR_KG_M3, SEA_LEVEL_KPA

STANDARD_DENSITY_KG_M3 = 1.2041  # what EnergyPlus makes a volume flow a mass flow with, at sea level: dry, 20 degC
LEAST_SPEED_FRAC = 0.05
DESIGN_RETURN_C, DESIGN_WATER_C = 36.0, 16.0  # where EnergyPlus reads the coil's UA
DRY_HUMIDITY_RATIO = 0.004


class AirLoop(NamedTuple):
    """One zone's units together: design air flow of EnergyPlus [m3/s] and what follows at the site's height."""

    flow_m3_s: float
    fan_kw: float
    fan_exponent: float
    air_kg_s: float
    water_kg_s: float
    coil_ua_kw_k: float


def air_loop_of(zone: AirZone, elevation_m: float) -> AirLoop:
    """Sums over the running units of a zone, with our air density at a height [m]; EnergyPlus moves the same mass."""
    thin = float(pressure_kpa(elevation_m)) / SEA_LEVEL_KPA
    units = float(zone.crah_running)
    flow = units * zone.unit_flow_m3_s
    return AirLoop(
        flow_m3_s=flow * RHO_AIR_KG_M3 / STANDARD_DENSITY_KG_M3,
        fan_kw=units * zone.fan_kw * thin,
        fan_exponent=float(zone.fan_exponent),
        air_kg_s=flow * RHO_AIR_KG_M3 * thin,
        water_kg_s=units * zone.coil_water_kg_s,
        coil_ua_kw_k=units * zone.coil_ua_kw_k,
    )


def air_handler(name: str, loop: AirLoop, coil: Part, coil_model: Model) -> Model:
    """The air loop of zone ``name`` with a cooling part between the nodes `coil_nodes` gives.

    Schedules: ``<name> Fan Speed`` [0..1] and ``<name> Supply Air Setpoint`` [degC].
    """
    back, cooled, supply = f"{name} Return", f"{name} Cooled", f"{name} Supply"
    return merged_models(
        coil_model,
        schedule(f"{name} Fan Speed", 0.7),
        schedule(f"{name} Supply Air Setpoint", 22.0),
        power_law(f"{name} Fan Law", loop.fan_exponent, (0.0, 1.0)),
        single_object(
            "Fan:SystemModel",
            f"{name} Fan",
            air_inlet_node_name=cooled,
            air_outlet_node_name=supply,
            design_maximum_air_flow_rate=loop.flow_m3_s,
            speed_control_method="Continuous",
            electric_power_minimum_flow_rate_fraction=LEAST_SPEED_FRAC,
            design_pressure_rise=400.0,
            motor_efficiency=1.0,
            motor_in_air_stream_fraction=1.0,
            design_electric_power_consumption=loop.fan_kw * 1e3,
            electric_power_function_of_flow_fraction_curve_name=f"{name} Fan Law",
        ),
        branch(f"{name} Air Branch", [coil, Part("Fan:SystemModel", f"{name} Fan", cooled, supply)]),
        single_object("BranchList", f"{name} Air Branches", branches=[{"branch_name": f"{name} Air Branch"}]),
        single_object(
            "AirLoopHVAC",
            f"{name} Air Loop",
            **({"controller_list_name": f"{name} Controllers"} if coil.kind == "Coil:Cooling:Water" else {}),
            design_supply_air_flow_rate=loop.flow_m3_s,
            branch_list_name=f"{name} Air Branches",
            supply_side_inlet_node_name=back,
            demand_side_outlet_node_name=f"{name} Zone Return",
            demand_side_inlet_node_names=f"{name} Zone Supply",
            supply_side_outlet_node_names=supply,
        ),
        _setpoints(name, cooled, supply),
        _zone_side(name, loop),
    )


def coil_nodes(name: str) -> tuple[str, str]:
    """Air nodes before and behind the cooling part of zone ``name``."""
    return f"{name} Return", f"{name} Cooled"


def _setpoints(name: str, cooled: str, supply: str) -> Model:
    return merged_models(
        single_object(
            "SetpointManager:Scheduled",
            f"{name} Supply Setpoint Manager",
            control_variable="Temperature",
            schedule_name=f"{name} Supply Air Setpoint",
            setpoint_node_or_nodelist_name=supply,
        ),
        single_object(
            "SetpointManager:MixedAir",
            f"{name} Coil Setpoint Manager",
            control_variable="Temperature",
            reference_setpoint_node_name=supply,
            fan_inlet_node_name=cooled,
            fan_outlet_node_name=supply,
            setpoint_node_or_nodelist_name=cooled,
        ),
    )


def _zone_side(name: str, loop: AirLoop) -> Model:
    """Terminal on the fan's schedule, the zone's nodes, supply and return path."""
    terminal, entering = f"{name} Terminal", f"{name} Terminal In"
    return merged_models(
        single_object(
            "AirTerminal:SingleDuct:VAV:NoReheat",
            terminal,
            air_inlet_node_name=entering,
            air_outlet_node_name=f"{name} Zone In",
            maximum_air_flow_rate=loop.flow_m3_s,
            zone_minimum_air_flow_input_method="Scheduled",
            minimum_air_flow_fraction_schedule_name=f"{name} Fan Speed",
        ),
        single_object(
            "ZoneHVAC:AirDistributionUnit",
            f"{name} Distribution",
            air_distribution_unit_outlet_node_name=f"{name} Zone In",
            air_terminal_object_type="AirTerminal:SingleDuct:VAV:NoReheat",
            air_terminal_name=terminal,
        ),
        single_object(
            "ZoneHVAC:EquipmentList",
            f"{name} Equipment",
            equipment=[
                {
                    "zone_equipment_object_type": "ZoneHVAC:AirDistributionUnit",
                    "zone_equipment_name": f"{name} Distribution",
                    "zone_equipment_cooling_sequence": 1,
                    "zone_equipment_heating_or_no_load_sequence": 1,
                }
            ],
        ),
        single_object(
            "ZoneHVAC:EquipmentConnections",
            f"{name} Connections",
            zone_name=name,
            zone_conditioning_equipment_list_name=f"{name} Equipment",
            zone_air_inlet_node_or_nodelist_name=f"{name} Zone In",
            zone_air_node_name=f"{name} Air",
            zone_return_air_node_or_nodelist_name=f"{name} Zone Out",
        ),
        single_object(
            "AirLoopHVAC:SupplyPath",
            f"{name} Supply Path",
            supply_air_path_inlet_node_name=f"{name} Zone Supply",
            components=[
                {"component_object_type": "AirLoopHVAC:ZoneSplitter", "component_name": f"{name} Air Splitter"}
            ],
        ),
        single_object(
            "AirLoopHVAC:ZoneSplitter",
            f"{name} Air Splitter",
            inlet_node_name=f"{name} Zone Supply",
            nodes=[{"outlet_node_name": entering}],
        ),
        single_object(
            "AirLoopHVAC:ReturnPath",
            f"{name} Return Path",
            return_air_path_outlet_node_name=f"{name} Zone Return",
            components=[{"component_object_type": "AirLoopHVAC:ZoneMixer", "component_name": f"{name} Air Mixer"}],
        ),
        single_object(
            "AirLoopHVAC:ZoneMixer",
            f"{name} Air Mixer",
            outlet_node_name=f"{name} Zone Return",
            nodes=[{"inlet_node_name": f"{name} Zone Out"}],
        ),
    )


def water_coil(name: str, loop: AirLoop) -> tuple[Part, Model, Part]:
    """The chilled-water coil with its valve: its air side, its objects and its water side.

    EnergyPlus reads a UA from a design point; the design point is what our coil does at full flows with dry air, so
    that both have the same UA there. Its simple analysis (all wet or all dry) is right here because the room's air is
    dry (`building.room`); with humid air it keeps the coil wet for months, and the detailed one costs three times the
    time.
    """
    back, cooled = coil_nodes(name)
    part = Part("Coil:Cooling:Water", f"{name} Coil", back, cooled)
    water = Part("Coil:Cooling:Water", f"{name} Coil", f"{name} Coil Water In", f"{name} Coil Water Out")
    air_kw_k = loop.air_kg_s * CP_AIR_KJ_KG_K
    law = CoilLaw(loop.coil_ua_kw_k / air_kw_k, air_kw_k / (loop.water_kg_s * CP_WATER_KJ_KG_K))
    effectiveness = float(coil_at(law, np.ones(1)).full[0])
    leaving = DESIGN_RETURN_C - effectiveness * (DESIGN_RETURN_C - DESIGN_WATER_C)
    flow_m3_s = loop.water_kg_s / 998.0
    model = merged_models(
        single_object(
            "Coil:Cooling:Water",
            part.name,
            availability_schedule_name=ALWAYS_ON,
            design_water_flow_rate=flow_m3_s,
            design_air_flow_rate=loop.flow_m3_s,
            design_inlet_water_temperature=DESIGN_WATER_C,
            design_inlet_air_temperature=DESIGN_RETURN_C,
            design_outlet_air_temperature=leaving,
            design_inlet_air_humidity_ratio=DRY_HUMIDITY_RATIO,
            design_outlet_air_humidity_ratio=DRY_HUMIDITY_RATIO,
            air_inlet_node_name=back,
            air_outlet_node_name=cooled,
            water_inlet_node_name=water.inlet,
            water_outlet_node_name=water.outlet,
            type_of_analysis="SimpleAnalysis",
            heat_exchanger_configuration="CounterFlow",
        ),
        single_object(
            "Controller:WaterCoil",
            f"{name} Valve",
            control_variable="Temperature",
            action="Reverse",
            actuator_variable="Flow",
            sensor_node_name=cooled,
            actuator_node_name=water.inlet,
            controller_convergence_tolerance=0.01,
            maximum_actuated_flow=flow_m3_s,
            minimum_actuated_flow=0.0,
        ),
        single_object(
            "AirLoopHVAC:ControllerList",
            f"{name} Controllers",
            controller_1_object_type="Controller:WaterCoil",
            controller_1_name=f"{name} Valve",
        ),
    )
    return part, model, water
