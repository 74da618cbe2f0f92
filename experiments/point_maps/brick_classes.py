"""Which classes of the Brick ontology are which of our points, and on which equipment they must stand.

Brick 1.3 to 1.5 (https://brickschema.org). A class is taken as it is named: the subclasses of
``Outside_Air_Temperature_Sensor`` are other quantities. Brick has no coolant distribution unit, so the points of its
loops must be named in the model by hand.
"""

from __future__ import annotations

from typing import NamedTuple

ROOM_UNITS = (
    *("CRAH", "Computer_Room_Air_Handler", "CRAC", "Computer_Room_Air_Conditioning", "AHU", "Air_Handling_Unit"),
    "Air_Handler_Unit",
)
RACKS = ("ICT_Rack", "Server", "ICT_Hardware", "ICT_Equipment")
SPEEDS = ("Fan_Speed_Status", "Speed_Status", "Speed_Sensor", "Motor_Speed_Sensor")


class BrickPlace(NamedTuple):
    """Classes of a point, and of the equipment that it belongs to; no equipment: any."""

    classes: tuple[str, ...]
    on: tuple[str, ...] = ()


#: Our point to its place in Brick.
POINT_PLACES: dict[str, BrickPlace] = {
    "zone_supply_c": BrickPlace(("Supply_Air_Temperature_Sensor", "Discharge_Air_Temperature_Sensor"), ROOM_UNITS),
    "zone_return_c": BrickPlace(("Return_Air_Temperature_Sensor",), ROOM_UNITS),
    "zone_fan_speed_frac": BrickPlace(SPEEDS, ROOM_UNITS),
    "coil_valve_frac": BrickPlace(("Valve_Position_Sensor",), ROOM_UNITS),
    "zone_aisle_pressure_pa": BrickPlace(("Air_Differential_Pressure_Sensor",)),
    "rack_inlet_c": BrickPlace(("Intake_Air_Temperature_Sensor", "Air_Temperature_Sensor"), RACKS),
    "room_dew_point_c": BrickPlace(("Zone_Air_Dewpoint_Sensor", "Dewpoint_Sensor")),
    "chw_supply_c": BrickPlace((
        "Leaving_Chilled_Water_Temperature_Sensor", "Chilled_Water_Supply_Temperature_Sensor",
        "Supply_Chilled_Water_Temperature_Sensor", "Chilled_Water_Discharge_Temperature_Sensor",
    )),
    "chw_return_c": BrickPlace((
        "Entering_Chilled_Water_Temperature_Sensor", "Chilled_Water_Return_Temperature_Sensor",
        "Return_Chilled_Water_Temperature_Sensor",
    )),
    "cw_supply_c": BrickPlace((
        "Entering_Condenser_Water_Temperature_Sensor", "Supply_Condenser_Water_Temperature_Sensor",
    )),
    "tower_fan_speed_frac": BrickPlace(SPEEDS, ("Cooling_Tower", "Cooling_Tower_Fan")),
    "dry_cooler_fan_speed_frac": BrickPlace(SPEEDS, ("Dry_Cooler",)),
    "fws_supply_c": BrickPlace(
        ("Leaving_Water_Temperature_Sensor", "Supply_Water_Temperature_Sensor"), ("Dry_Cooler",)
    ),
    "facility_power_share": BrickPlace(
        ("Electric_Power_Sensor", "Electrical_Power_Sensor", "Active_Power_Sensor"), ("Building_Electrical_Meter",)
    ),
    "dry_bulb_c": BrickPlace(("Outside_Air_Temperature_Sensor",)),
    "wet_bulb_c": BrickPlace(("Outside_Air_Wet_Bulb_Temperature_Sensor",)),
}  # fmt: skip
#: Our channel to its place in Brick.
CHANNEL_PLACES: dict[str, BrickPlace] = {
    "supply_air_temp_setpoint_c": BrickPlace(
        ("Supply_Air_Temperature_Setpoint", "Discharge_Air_Temperature_Setpoint"), ROOM_UNITS
    ),
    "crah_fan_speed_frac": BrickPlace(("Fan_Speed_Command", "Speed_Command", "Speed_Setpoint"), ROOM_UNITS),
    "chw_supply_temp_setpoint_c": BrickPlace((
        "Leaving_Chilled_Water_Temperature_Setpoint", "Supply_Chilled_Water_Temperature_Setpoint",
        "Discharge_Chilled_Water_Temperature_Setpoint", "Chilled_Water_Temperature_Setpoint",
    )),
    "cw_supply_temp_setpoint_c": BrickPlace((
        "Entering_Condenser_Water_Temperature_Setpoint", "Supply_Condenser_Water_Temperature_Setpoint",
    )),
    "fws_supply_temp_setpoint_c": BrickPlace(
        ("Leaving_Water_Temperature_Setpoint", "Supply_Water_Temperature_Setpoint"), ("Dry_Cooler",)
    ),
}  # fmt: skip
#: Unit of QUDT to that of a point map.
UNITS = {
    "DEG_C": "degC", "DEG_F": "degF", "K": "K", "PERCENT": "%", "UNITLESS": "1", "NUM": "1", "FRACTION": "1",
    "KiloW": "kW", "W": "W", "MegaW": "MW", "PA": "Pa", "KiloPA": "kPa", "IN_H2O": "inH2O", "HR": "h", "MIN": "min",
    "SEC": "s", "M": "m", "FT": "ft",
}  # fmt: skip
