"""The room on direct expansion in EnergyPlus: one single-speed coil for all units, cycling to hold supply air.

Capacity and input ratio follow our published curve of the outdoor dry bulb alone, so neither answers to the indoor
wet bulb; cycling costs nothing, as in ours. The coil is dry: rated sensible heat ratio 1.
"""

from __future__ import annotations

from envs.energyplus.air_handler import AirLoop, air_handler, air_loop_of, coil_nodes
from envs.energyplus.building import RunPeriod, room, simulation
from envs.energyplus.engine import Variable
from envs.energyplus.epjson import ALWAYS_ON, Model, Part, biquadratic, merged_models, quadratic, single_object
from envs.energyplus.water_cooled_hall import SITE_VARIABLES, air_variables, it_design_kw, setpoints_in_force
from envs.equipment.chiller import MACHINES
from envs.equipment.dx_unit import DxUnits
from envs.scenario import Scenario

COIL = "DX Coil"
LEAVING_C, RATING_C = 6.67, 35.0  # where our units read the curves of machine F (`envs.equipment.dx_unit`)
WET_BULB_RANGE_C = (-20.0, 50.0)  # indoors: no curve of the model reads it


def dx_model(scenario: Scenario, elevation_m: float, period: RunPeriod) -> Model:
    """The scenario's room as epJSON; EnergyPlus holds the curves at the ends of their published range.

    Raises
    ------
    ValueError
        Where the scenario has no direct-expansion units.
    """
    if scenario.dx is None or len(scenario.zones) != 1:
        raise ValueError(f"scenario {scenario.name!r} is no room on direct expansion; take dx_room")
    (name, zone), (design,) = next(iter(scenario.zones.items())), it_design_kw(scenario)
    loop = air_loop_of(zone, elevation_m)
    coil, coil_model = _coil(name, loop, scenario.dx)
    return merged_models(
        simulation(period),
        room(name, zone.air_volume_m3, zone.hot_aisle_kj_k + zone.plenum_kj_k, design),
        air_handler(name, loop, coil, coil_model),
    )


def _over_dry_bulb(curve: list[float]) -> list[float]:
    """A curve of machine F as one of the dry bulb alone, 1 at the rating point: the shape of our units."""
    c, x, y = curve, LEAVING_C, RATING_C
    a, b, d = c[0] + x * (c[1] + c[2] * x), c[3] + c[5] * x, c[4]
    at_rating = a + y * (b + d * y)
    return [a / at_rating, 0.0, 0.0, b / at_rating, d / at_rating, 0.0]


def _coil(name: str, loop: AirLoop, dx: DxUnits) -> tuple[Part, Model]:
    back, cooled = coil_nodes(name)
    part = Part("CoilSystem:Cooling:DX", f"{name} DX System", back, cooled)
    shape = MACHINES["F"]
    span = shape.condenser_range_c
    model = merged_models(
        biquadratic("DX CapFT", _over_dry_bulb(shape.cap_ft), WET_BULB_RANGE_C, span),
        biquadratic("DX EIRFT", _over_dry_bulb(shape.eir_ft), WET_BULB_RANGE_C, span),
        quadratic("DX Flat", (1.0, 0.0, 0.0), (0.0, 2.0)),
        single_object(
            "Coil:Cooling:DX:SingleSpeed",
            COIL,
            availability_schedule_name=ALWAYS_ON,
            gross_rated_total_cooling_capacity=dx.units_duty * dx.nominal_capacity_kw * 1e3,
            gross_rated_sensible_heat_ratio=1.0,
            gross_rated_cooling_cop=dx.rated_cop / dx.power_factor,
            rated_air_flow_rate=loop.flow_m3_s,
            air_inlet_node_name=back,
            air_outlet_node_name=cooled,
            total_cooling_capacity_function_of_temperature_curve_name="DX CapFT",
            total_cooling_capacity_function_of_flow_fraction_curve_name="DX Flat",
            energy_input_ratio_function_of_temperature_curve_name="DX EIRFT",
            energy_input_ratio_function_of_flow_fraction_curve_name="DX Flat",
            part_load_fraction_correlation_curve_name="DX Flat",
            condenser_air_inlet_node_name="DX Outdoor Air",
        ),
        single_object("OutdoorAir:Node", "DX Outdoor Air"),
        single_object(
            "CoilSystem:Cooling:DX",
            part.name,
            availability_schedule_name=ALWAYS_ON,
            dx_cooling_coil_system_inlet_node_name=back,
            dx_cooling_coil_system_outlet_node_name=cooled,
            dx_cooling_coil_system_sensor_node_name=cooled,
            cooling_coil_object_type="Coil:Cooling:DX:SingleSpeed",
            cooling_coil_name=COIL,
        ),
    )
    return part, model


def variables(scenario: Scenario) -> dict[str, Variable]:
    """What is read, by our names."""
    (name,) = scenario.zones
    coil = {
        "dx_power_kw": Variable("Cooling Coil Electricity Rate", COIL, 1e-3),
        "coil_sensible_kw[0]": Variable("Cooling Coil Sensible Cooling Rate", COIL, 1e-3),
        "coil_total_kw[0]": Variable("Cooling Coil Total Cooling Rate", COIL, 1e-3),
    }
    return {**SITE_VARIABLES, **coil, **air_variables(0, name), **setpoints_in_force(scenario)}
