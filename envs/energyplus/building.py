"""The room and the run: a box without envelope losses, its IT heat, and how long and how finely EnergyPlus steps."""

from __future__ import annotations

from typing import Any, NamedTuple

from envs.energyplus.engine import ENGINE_VERSION
from envs.energyplus.epjson import ALWAYS_ON, Model, merged_models, schedule, single_object

ROOM_HEIGHT_M = 4.0
AIR_KJ_M3_K = 1.2  # of room air, about; the multiplier brings the zone to the heat capacity that ours has
DRIER_W_M3 = 3.0  # latent heat that leaves the room: dries its air in hours, then finds no water any more
NO_HEAT_WANTED_C, NO_COLD_WANTED_C = -20.0, 90.0  # thermostat: the fans follow their speed schedule alone


class RunPeriod(NamedTuple):
    """First and last day as ``(month, day)`` and zone time steps per hour."""

    begin: tuple[int, int] = (1, 1)
    end: tuple[int, int] = (12, 31)
    steps_per_hour: int = 12


def simulation(period: RunPeriod) -> Model:
    """Everything that says how to run: no sizing, one weather run, adiabatic construction, always-on schedule."""
    return merged_models(
        single_object("Version", "Version 1", version_identifier=ENGINE_VERSION),
        single_object(
            "Building", "Hall", terrain="City", maximum_number_of_warmup_days=6, minimum_number_of_warmup_days=2
        ),
        single_object(
            "SimulationControl",
            "Control",
            run_simulation_for_sizing_periods="No",
            run_simulation_for_weather_file_run_periods="Yes",
        ),
        single_object("Timestep", "Step", number_of_timesteps_per_hour=period.steps_per_hour),
        single_object(
            "RunPeriod",
            "Run",
            begin_month=period.begin[0],
            begin_day_of_month=period.begin[1],
            end_month=period.end[0],
            end_day_of_month=period.end[1],
            use_weather_file_daylight_saving_period="No",
            use_weather_file_holidays_and_special_days="No",
            use_weather_file_rain_indicators="No",
            use_weather_file_snow_indicators="No",
        ),
        single_object(
            "GlobalGeometryRules",
            "Geometry",
            starting_vertex_position="UpperLeftCorner",
            vertex_entry_direction="Counterclockwise",
            coordinate_system="Relative",
        ),
        single_object("Material:NoMass", "Insulation", roughness="Smooth", thermal_resistance=10.0),
        single_object("Construction", "Adiabatic", outside_layer="Insulation"),
        schedule(ALWAYS_ON, 1.0),
        schedule("No Heat Wanted", NO_HEAT_WANTED_C),
        schedule("No Cold Wanted", NO_COLD_WANTED_C),
        schedule("Dual Setpoint", 4.0),
    )


def room(name: str, volume_m3: float, heat_capacity_kj_k: float, it_design_kw: float) -> Model:
    """A zone behind adiabatic walls with convective IT heat: ``<name> IT Frac`` is its schedule, of ``it_design_kw``.

    The zone is one well-mixed node: its temperature is that of the return air. The outdoor humidity of the run's first
    hour would stay in it for ever; a drier takes it out and leaves no trace in the sensible heat.
    """
    side = (volume_m3 / ROOM_HEIGHT_M) ** 0.5
    return merged_models(
        single_object("Zone", name, volume=volume_m3, ceiling_height=ROOM_HEIGHT_M),
        *(_surface(f"{name} {key}", name, kind, corners) for key, kind, corners in _box(side, ROOM_HEIGHT_M)),
        single_object(
            "ZoneCapacitanceMultiplier:ResearchSpecial",
            f"{name} Capacity",
            zone_or_zonelist_name=name,
            temperature_capacity_multiplier=heat_capacity_kj_k / (volume_m3 * AIR_KJ_M3_K),
        ),
        schedule(f"{name} IT Frac", 0.5),
        single_object(
            "ElectricEquipment",
            f"{name} IT",
            zone_or_zonelist_or_space_or_spacelist_name=name,
            schedule_name=f"{name} IT Frac",
            design_level_calculation_method="EquipmentLevel",
            design_level=it_design_kw * 1e3,
        ),
        single_object(
            "OtherEquipment",
            f"{name} Drier",
            fuel_type="None",
            zone_or_zonelist_or_space_or_spacelist_name=name,
            schedule_name=ALWAYS_ON,
            design_level_calculation_method="EquipmentLevel",
            design_level=-DRIER_W_M3 * volume_m3,
            fraction_latent=1.0,
        ),
        single_object(
            "ZoneControl:Thermostat",
            f"{name} Thermostat",
            zone_or_zonelist_name=name,
            control_type_schedule_name="Dual Setpoint",
            control_1_object_type="ThermostatSetpoint:DualSetpoint",
            control_1_name=f"{name} Setpoints",
        ),
        single_object(
            "ThermostatSetpoint:DualSetpoint",
            f"{name} Setpoints",
            heating_setpoint_temperature_schedule_name="No Heat Wanted",
            cooling_setpoint_temperature_schedule_name="No Cold Wanted",
        ),
    )


def _surface(name: str, zone: str, kind: str, corners: list[tuple[float, float, float]]) -> Model:
    vertices: list[dict[str, Any]] = [
        {"vertex_x_coordinate": x, "vertex_y_coordinate": y, "vertex_z_coordinate": z} for x, y, z in corners
    ]
    return single_object(
        "BuildingSurface:Detailed",
        name,
        surface_type=kind,
        construction_name="Adiabatic",
        zone_name=zone,
        outside_boundary_condition="Adiabatic",
        sun_exposure="NoSun",
        wind_exposure="NoWind",
        vertices=vertices,
    )


def _box(a: float, h: float) -> list[tuple[str, str, list[tuple[float, float, float]]]]:
    """Corners of a square box, counter-clockwise from outside, upper left first."""
    return [
        ("Floor", "Floor", [(a, 0, 0), (0, 0, 0), (0, a, 0), (a, a, 0)]),
        ("Roof", "Roof", [(0, a, h), (0, 0, h), (a, 0, h), (a, a, h)]),
        ("South", "Wall", [(0, 0, h), (0, 0, 0), (a, 0, 0), (a, 0, h)]),
        ("East", "Wall", [(a, 0, h), (a, 0, 0), (a, a, 0), (a, a, h)]),
        ("North", "Wall", [(a, a, h), (a, a, 0), (0, a, 0), (0, a, h)]),
        ("West", "Wall", [(0, a, h), (0, a, 0), (0, 0, 0), (0, 0, h)]),
    ]
