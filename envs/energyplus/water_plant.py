"""Chilled-water loop and condenser loop in EnergyPlus, from our dataclasses: chiller, economizer, pumps, tower.

Return water passes the plate exchanger, then the chiller, both held at the supply setpoint, each where it stands
(`PlantEquipmentOperation:ComponentSetpoint`): an integrated economizer. One pump and one machine are on duty.
"""

from __future__ import annotations

from collections.abc import Sequence

from envs.energyplus.epjson import (
    ALWAYS_ON,
    Model,
    Part,
    biquadratic,
    branch,
    loop_side,
    merged_models,
    pipe,
    power_law,
    quadratic,
    schedule,
    single_object,
)
from envs.equipment.chilled_water import ChilledWater
from envs.equipment.chiller import MACHINES
from envs.equipment.cooling_tower import CoolingTower, cell_flow_kg_s
from envs.physics.fan_pump import pump_power_kw
from envs.units import RHO_WATER_KG_M3

WIDE_X_C, WIDE_Y_C = (0.0, 40.0), (-40.0, 60.0)  # the polynomial goes on outside its box
# What YorkCalc gives at its design range and wet bulb (PHYSICS E3); with any other approach EnergyPlus rescales it.
DESIGN_APPROACH_K, DESIGN_RANGE_K, DESIGN_WET_BULB_C = 3.8425, 5.56, 25.56
CHILLER, EXCHANGER, TOWER = "Chiller", "Economizer", "Tower"
CHW_SETPOINT, CW_SETPOINT, ECONOMIZER_AVAILABLE = "CHW Setpoint", "CW Setpoint", "Economizer Available"
CHILLER_AVAILABLE = "Chiller Available"


def chiller_model(p: ChilledWater, inside_box: bool, condenser: tuple[str, str]) -> Model:
    """The duty chiller by the coefficients of its machine.

    Parameters
    ----------
    p : ChilledWater
    inside_box : bool
        True holds the curves at the ends of their published box, False lets EnergyPlus extrapolate them.
    condenser : tuple of str
        Nodes of the condenser; air-cooled machines take an outdoor air node.
    """
    m = MACHINES[p.machine]
    x = m.leaving_range_c if inside_box else WIDE_X_C
    y = m.condenser_range_c if inside_box else WIDE_Y_C
    return merged_models(
        biquadratic("CapFT", m.cap_ft, x, y),
        biquadratic("EIRFT", m.eir_ft, x, y),
        quadratic("EIRFPLR", m.eir_fplr, (0.0, 1.5)),
        single_object(
            "Chiller:Electric:EIR",
            CHILLER,
            reference_capacity=p.nominal_capacity_kw * 1e3,
            reference_cop=m.cop_ref / p.power_factor,
            reference_chilled_water_flow_rate=p.design_flow_m3_s,
            **({} if m.air_cooled else {"reference_condenser_fluid_flow_rate": condenser_flow_m3_s(p)}),
            cooling_capacity_function_of_temperature_curve_name="CapFT",
            electric_input_to_cooling_output_ratio_function_of_temperature_curve_name="EIRFT",
            electric_input_to_cooling_output_ratio_function_of_part_load_ratio_curve_name="EIRFPLR",
            minimum_part_load_ratio=m.plr_min,
            maximum_part_load_ratio=m.plr_max,
            optimum_part_load_ratio=1.0,
            minimum_unloading_ratio=m.plr_min,
            chilled_water_inlet_node_name="Chiller In",
            chilled_water_outlet_node_name="Chiller Out",
            condenser_inlet_node_name=condenser[0],
            condenser_outlet_node_name=condenser[1],
            condenser_type="AirCooled" if m.air_cooled else "WaterCooled",
            fraction_of_compressor_electric_consumption_rejected_by_condenser=1.0,
            chiller_flow_mode="NotModulated",
        ),
    )


def condenser_flow_m3_s(p: ChilledWater) -> float:
    """Condenser flow of EnergyPlus's chiller [m3/s], two thirds of the chilled water's: no curve of it reads this."""
    return p.design_flow_m3_s * 2.0 / 3.0


def exchanger_model(p: ChilledWater) -> Model:
    """Plate exchanger of the economizer: our UA, counterflow, cold flow modulated to hold the supply setpoint.

    Schedule: ``Economizer Available``. It must be switched off where the condenser water is too warm
    (`water_cooled_hall.with_economizer_guard`): left to its own control there, EnergyPlus 25.2 takes no heat in it but
    ends the step with more water in the coils than their air was cooled with, some 5 % of heat from nowhere.
    """
    return single_object(
        "HeatExchanger:FluidToFluid",
        EXCHANGER,
        availability_schedule_name=ECONOMIZER_AVAILABLE,
        loop_demand_side_inlet_node_name="Economizer CW In",
        loop_demand_side_outlet_node_name="Economizer CW Out",
        loop_demand_side_design_flow_rate=p.design_flow_m3_s,
        loop_supply_side_inlet_node_name="Economizer In",
        loop_supply_side_outlet_node_name="Chiller In",
        loop_supply_side_design_flow_rate=p.design_flow_m3_s,
        heat_exchange_model_type="CounterFlow",
        heat_exchanger_u_factor_times_area_value=p.economizer_design_kw / p.economizer_approach_k * 1e3,
        control_type="CoolingSetpointModulated",
        heat_exchanger_setpoint_node_name="Chiller In",
        minimum_temperature_difference_to_activate_heat_exchanger=p.economizer_disable_k,
        heat_transfer_metering_end_use_type="FreeCooling",
    )


def pump_model(p: ChilledWater, inlet: str, outlet: str) -> tuple[Part, Model]:
    """The chilled-water pump, PHYSICS C7 as a cubic in the flow; all of its power heats the water."""
    rated_kw = float(pump_power_kw(p.design_flow_m3_s, p.pump_head_kpa, p.pump_efficiency_frac))
    held = p.pump_setpoint_kpa / p.pump_head_kpa
    common = {
        "inlet_node_name": inlet,
        "outlet_node_name": outlet,
        "design_pump_head": p.pump_head_kpa * 1e3,
        "design_power_consumption": rated_kw * 1e3,
        "motor_efficiency": 1.0,
        "pump_control_type": "Continuous" if p.pump_constant_speed else "Intermittent",
    }
    if p.pump_constant_speed:
        kind, fields = "Pump:ConstantSpeed", {"design_flow_rate": p.design_flow_m3_s}
    else:
        kind = "Pump:VariableSpeed"
        fields = {
            "design_maximum_flow_rate": p.design_flow_m3_s,
            "design_minimum_flow_rate": p.evaporator_min_flow_frac * p.design_flow_m3_s,
            "coefficient_1_of_the_part_load_performance_curve": 0.0,
            "coefficient_2_of_the_part_load_performance_curve": held,
            "coefficient_3_of_the_part_load_performance_curve": 0.0,
            "coefficient_4_of_the_part_load_performance_curve": 1.0 - held,
        }
    return Part(kind, "CHW Pump", inlet, outlet), single_object(kind, "CHW Pump", **common, **fields)


def chilled_water_loop(
    p: ChilledWater, coils: Sequence[Part], inside_box: bool, condenser: tuple[str, str], switched: bool = False
) -> Model:
    """The loop from the coils' water sides to the supply header.

    Schedules: ``CHW Setpoint`` [degC]; where the chiller is ``switched`` beside an economizer, ``Chiller Available``.
    """
    first = "Economizer In" if p.economizer else "Chiller In"
    pump, pump_objects = pump_model(p, "CHW Supply Inlet", "CHW Pump Out")
    inlet_pipe, inlet_model = pipe("CHW Plant Pipe", "CHW Pump Out", first)
    line = [inlet_pipe]
    machines = [("Chiller:Electric:EIR", CHILLER, "Chiller In", "Chiller Out")]
    if p.economizer:
        line.append(Part("HeatExchanger:FluidToFluid", EXCHANGER, "Economizer In", "Chiller In"))
        machines.insert(0, ("HeatExchanger:FluidToFluid", EXCHANGER, "Economizer In", "Chiller In"))
    line.append(Part("Chiller:Electric:EIR", CHILLER, "Chiller In", "Chiller Out"))
    outlet_pipe, outlet_model = pipe("CHW Header Pipe", "Chiller Out", "CHW Supply Outlet")
    return merged_models(
        chiller_model(p, inside_box, condenser),
        merged_models(exchanger_model(p), schedule(ECONOMIZER_AVAILABLE, 1.0)) if p.economizer else {},
        pump_objects,
        inlet_model,
        outlet_model,
        branch("CHW Supply Branch", [pump, *line, outlet_pipe]),
        single_object("BranchList", "CHW Supply Branches", branches=[{"branch_name": "CHW Supply Branch"}]),
        loop_side("CHW Demand", [], [(f"{c.name} Water Branch", [c]) for c in coils]),
        plant_loop("CHW", 2.0, 60.0, p.design_flow_m3_s, p.loop_volume_m3),
        _operation("CHW", p, machines, switched),
        schedule(CHW_SETPOINT, 8.0),
        _setpoint_manager(CHW_SETPOINT, ["CHW Supply Outlet", "Chiller In", "Chiller Out"] if p.economizer else
                          ["CHW Supply Outlet", "Chiller Out"]),
    )  # fmt: skip


def plant_loop(prefix: str, coldest_c: float, hottest_c: float, flow_m3_s: float, volume_m3: float) -> Model:
    """A water loop whose nodes, branches, connectors and schemes carry its prefix."""
    return single_object(
        "PlantLoop",
        f"{prefix} Loop",
        fluid_type="Water",
        plant_equipment_operation_scheme_name=f"{prefix} Schemes",
        loop_temperature_setpoint_node_name=f"{prefix} Supply Outlet",
        maximum_loop_temperature=hottest_c,
        minimum_loop_temperature=coldest_c,
        maximum_loop_flow_rate=flow_m3_s,
        minimum_loop_flow_rate=0.0,
        plant_loop_volume=volume_m3,
        plant_side_inlet_node_name=f"{prefix} Supply Inlet",
        plant_side_outlet_node_name=f"{prefix} Supply Outlet",
        plant_side_branch_list_name=f"{prefix} Supply Branches",
        demand_side_inlet_node_name=f"{prefix} Demand Inlet",
        demand_side_outlet_node_name=f"{prefix} Demand Outlet",
        demand_side_branch_list_name=f"{prefix} Demand Branches",
        demand_side_connector_list_name=f"{prefix} Demand Connectors",
        load_distribution_scheme="SequentialLoad",
    )


def _operation(prefix: str, p: ChilledWater, machines: Sequence[tuple[str, str, str, str]], switched: bool) -> Model:
    """Schemes of the loop: all machines, or without the last one while a ``switched`` chiller is not available.

    EnergyPlus follows the first scheme whose schedule is on.
    """
    schemes = [(f"{prefix} Operation", machines, CHILLER_AVAILABLE if switched else ALWAYS_ON)]
    if switched:
        schemes.append((f"{prefix} Free Operation", machines[:-1], ALWAYS_ON))
    fields: dict[str, object] = {}
    for i, (name, _, available) in enumerate(schemes, start=1):
        fields |= {
            f"control_scheme_{i}_object_type": "PlantEquipmentOperation:ComponentSetpoint",
            f"control_scheme_{i}_name": name,
            f"control_scheme_{i}_schedule_name": available,
        }
    return merged_models(
        *(_setpoint_scheme(name, p, running) for name, running, _ in schemes),
        single_object("PlantEquipmentOperationSchemes", f"{prefix} Schemes", **fields),
        schedule(CHILLER_AVAILABLE, 1.0) if switched else {},
    )


def _setpoint_scheme(name: str, p: ChilledWater, machines: Sequence[tuple[str, str, str, str]]) -> Model:
    """Each machine meets the setpoint at its own outlet from what enters it."""
    fields: dict[str, object] = {}
    for i, (kind, machine, inlet, outlet) in enumerate(machines, start=1):
        fields |= {
            f"equipment_{i}_object_type": kind,
            f"equipment_{i}_name": machine,
            f"demand_calculation_{i}_node_name": inlet,
            f"setpoint_{i}_node_name": outlet,
            f"component_{i}_flow_rate": p.design_flow_m3_s,
            f"operation_{i}_type": "Cooling",
        }
    return single_object("PlantEquipmentOperation:ComponentSetpoint", name, **fields)


def _setpoint_manager(name: str, nodes: Sequence[str]) -> Model:
    return merged_models(
        single_object("NodeList", f"{name} Nodes", nodes=[{"node_name": n} for n in nodes]),
        single_object(
            "SetpointManager:Scheduled",
            f"{name} Manager",
            control_variable="Temperature",
            schedule_name=name,
            setpoint_node_or_nodelist_name=f"{name} Nodes",
        ),
    )


def condenser_loop(p: ChilledWater, tower: CoolingTower) -> Model:
    """Condenser loop of one duty cell with its constant pump: chiller and economizer side by side, and a bypass.

    Schedule: ``CW Setpoint`` [degC].
    """
    flow = float(cell_flow_kg_s(tower)) * tower.duty_cells / RHO_WATER_KG_M3
    users = [("Chiller Condenser Branch", [Part("Chiller:Electric:EIR", CHILLER, "Condenser In", "Condenser Out")])]
    if p.economizer:
        cold = Part("HeatExchanger:FluidToFluid", EXCHANGER, "Economizer CW In", "Economizer CW Out")
        users.append(("Economizer CW Branch", [cold]))
    pump_kw = float(pump_power_kw(flow, tower.pump_head_kpa, tower.pump_efficiency))
    pump = Part("Pump:ConstantSpeed", "CW Pump", "CW Supply Inlet", "Tower In")
    line = [pump, Part("CoolingTower:VariableSpeed", TOWER, "Tower In", "CW Supply Outlet")]
    return merged_models(
        tower_model(tower),
        single_object(
            "Pump:ConstantSpeed",
            "CW Pump",
            inlet_node_name="CW Supply Inlet",
            outlet_node_name="Tower In",
            design_flow_rate=flow,
            design_pump_head=tower.pump_head_kpa * 1e3,
            design_power_consumption=pump_kw * 1e3,
            motor_efficiency=1.0,
            pump_control_type="Continuous",
        ),
        branch("CW Supply Branch", line),
        single_object("BranchList", "CW Supply Branches", branches=[{"branch_name": "CW Supply Branch"}]),
        loop_side("CW Demand", [], users),
        plant_loop("CW", 3.0, 80.0, flow, tower.cells * tower.cell_basin_m3 + tower.loop_m3),
        single_object("PlantEquipmentList", "CW Equipment", equipment=[
            {"equipment_object_type": "CoolingTower:VariableSpeed", "equipment_name": TOWER}]),
        single_object("PlantEquipmentOperation:CoolingLoad", "CW Operation", load_range_1_lower_limit=0.0,
            load_range_1_upper_limit=1e9, range_1_equipment_list_name="CW Equipment"),
        single_object("PlantEquipmentOperationSchemes", "CW Schemes",
            control_scheme_1_object_type="PlantEquipmentOperation:CoolingLoad",
            control_scheme_1_name="CW Operation", control_scheme_1_schedule_name=ALWAYS_ON),
        schedule(CW_SETPOINT, 24.0),
        _setpoint_manager(CW_SETPOINT, ["CW Supply Outlet"]),
    )  # fmt: skip


def tower_model(tower: CoolingTower) -> Model:
    """The duty cells as one YorkCalc tower with our design flow, fan and fan law; no basin heater."""
    cells = tower.duty_cells
    return merged_models(
        power_law("Tower Fan Law", 3.0, (0.0, 1.0)),
        single_object(
            "CoolingTower:VariableSpeed",
            TOWER,
            water_inlet_node_name="Tower In",
            water_outlet_node_name="CW Supply Outlet",
            model_type="YorkCalc",
            design_inlet_air_wet_bulb_temperature=DESIGN_WET_BULB_C,
            design_approach_temperature=DESIGN_APPROACH_K,
            design_range_temperature=DESIGN_RANGE_K,
            design_water_flow_rate=cells * tower.cell_water_kg_s / RHO_WATER_KG_M3,
            design_air_flow_rate=cells * tower.cell_air_kg_s / 1.2,
            design_fan_power=cells * tower.cell_fan_kw * 1e3,
            fan_power_ratio_function_of_air_flow_rate_ratio_curve_name="Tower Fan Law",
            minimum_air_flow_rate_ratio=0.2,
            fraction_of_tower_capacity_in_free_convection_regime=0.125,
            evaporation_loss_mode="SaturatedExit",
            drift_loss_percent=tower.drift_frac * 100.0,
            blowdown_calculation_mode="ConcentrationRatio",
            blowdown_concentration_ratio=tower.cycles_of_concentration,
            number_of_cells=1,
        ),
    )
