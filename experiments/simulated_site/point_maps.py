"""The point map that fits a simulated hall behind a protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents.live.units import IN_FORCE
from experiments.point_maps.flow import flow
from experiments.simulated_site.hall import SimulatedHall

Entry = dict[str, Any]
#: DSX Exchange object and point type of a point: from the guide's tables of object types and point types.
DSX: dict[str, tuple[str, str]] = {
    "zone_supply_c": ("CRAH", "AirTemperature"),
    "zone_return_c": ("CRAH", "AirTemperature"),
    "zone_inlet_max_c": ("Sensor", "AirTemperature"),
    "rack_inlet_c": ("Sensor", "AirTemperature"),
    "zone_fan_speed_frac": ("CRAH", "FanSpeed"),
    "zone_aisle_pressure_pa": ("CRAH", "AirDifferentialPressure"),
    "coil_valve_frac": ("CRAH", "ValvePosition"),
    "chw_supply_c": ("Chiller", "LiquidTemperature"),
    "chw_return_c": ("Chiller", "LiquidTemperature"),
    "cw_supply_c": ("CoolingTower", "LiquidTemperature"),
    "tower_fan_speed_frac": ("CoolingTower", "FanSpeed"),
    "fws_supply_c": ("CDU", "LiquidTemperature"),
    "tcs_supply_c": ("CDU", "LiquidTemperature"),
    "tcs_return_c": ("CDU", "LiquidTemperature"),
    "cdu_valve_frac": ("CDU", "ValvePosition"),
    "dry_cooler_fan_speed_frac": ("HX", "FanSpeed"),
    "dry_bulb_c": ("Sensor", "AirTemperature"),
    "tcs_supply_temp_setpoint_c": ("CDU", "LiquidTemperature"),
    "fws_supply_temp_setpoint_c": ("HX", "LiquidTemperature"),
    "tcs_pump_speed_frac": ("CDU", "PumpSpeed"),
    "supply_air_temp_setpoint_c": ("CRAH", "AirTemperature"),
    "crah_fan_speed_frac": ("CRAH", "FanSpeed"),
    "chw_supply_temp_setpoint_c": ("Chiller", "LiquidTemperature"),
    "cw_supply_temp_setpoint_c": ("CoolingTower", "LiquidTemperature"),
}
#: A live temperature sensor shows another number within the hour, and moves by no more in a minute.
STILL_S, MOST_K_PER_MIN = 3600, 30
GENERIC = ("GenericObject", "GenericPoint")
#: Point type of a request that an integration publishes: the guide has one for the coolant of a CDU.
REQUEST = {"tcs_supply_temp_setpoint_c": "LiquidTemperatureSpRequest"}


def point_map_text(hall: SimulatedHall, protocol: str, connection: Mapping[str, Any]) -> str:
    """A point map in which each row of each point and setpoint of a hall has its address."""
    make = ADDRESSES[protocol]
    lines = [
        "# Written by `coldaisle simulate-site`: every point and setpoint of the simulated hall.",
        f"protocol: {protocol}",
    ]
    lines += [f"connection: {flow(connection)}", "points:"]
    at = 0
    for point in hall.points():
        entry = _point(point.name, point.rows, point.unit, point.brick) | make(point.name, at, point.rows, False)
        if point.sensor == "temperature" and hall.is_noisy:
            entry |= {"most_per_min": MOST_K_PER_MIN, "still_s": STILL_S}
        lines.append(f"  - {flow(entry)}")
        at += point.rows
    lines.append("setpoints:")
    at = 0
    for c in hall.channels:
        entry = {"channel": c.name, "rows": c.rows, "unit": c.unit}
        entry |= {"brick": c.brick} if c.brick else {}
        entry |= {"low": c.low, "high": c.high} | make(c.name, at, c.rows, True)
        if protocol in ("modbus", "opcua", "redfish"):  # they have no release of their own
            entry |= {"fallback": float(min(max(hall.values()[_key(c.name)], c.low), c.high))}
        lines.append(f"  - {flow(entry)}")
        at += c.rows
    return "\n".join(lines) + "\n"


def connection_to(protocol: str, host: str, port: int) -> dict[str, Any]:
    """What a point map says of how to reach a hall."""
    scheme = {"opcua": "opc.tcp", "redfish": "http"}.get(protocol)
    return {"url": f"{scheme}://{host}:{port}"} if scheme else {"host": host, "port": port}


def _key(channel: str) -> Any:
    from agents.live.reading import Key

    return Key(IN_FORCE + channel, 0)


def _point(name: str, rows: int, unit: str, brick: str) -> Entry:
    entry: Entry = {"name": name, "rows": rows, "unit": unit} | ({"brick": brick} if brick else {})
    return entry | ({"dsx": dict(zip(("object", "point"), DSX[name]))} if name in DSX else {})


def _by_name(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    return {"address": name + "[{row}]"}


def _bacnet(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    kind = "analog-value" if setpoint else "analog-input"
    return {"address": kind + ",{n}", "start": at}


def _modbus(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    """Two registers a value: 32 bit floats; input registers for points, holding ones for setpoints."""
    if setpoint:
        return {"address": "holding:{n}:float32", "start": 2 * at, "stride": 2, "enable": "coil:{n}"}
    return {"address": "input:{n}:float32", "start": 2 * at, "stride": 2}


def _opcua(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    node = "ns=2;s=hall/" + name + "/{row}"
    return {"address": node, "enable": node + "/enable"} if setpoint else {"address": node}


def _redfish(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    kind, value = ("Controls", "SetPoint") if setpoint else ("Sensors", "Reading")
    resource = f"/redfish/v1/Chassis/Hall/{kind}/{name}" + "-{row}#/"
    return (
        {"address": resource + value, "enable": resource + "ControlMode"} if setpoint else {"address": resource + value}
    )


def _dsx(name: str, at: int, rows: int, setpoint: bool) -> Entry:
    obj, point = DSX.get(name, GENERIC)
    entry: Entry = {"address": "hall/" + name + "/{row}"}
    told: Entry = {"object": obj, "point": point, "id": f"{obj}-1", "process_area": [name]}
    return entry | {"dsx": told | ({"request": REQUEST.get(name, "GenericPoint")} if setpoint else {})}


ADDRESSES: dict[str, Callable[[str, int, int, bool], Entry]] = {
    "simulated": _by_name,
    "table": _by_name,
    "bacnet": _bacnet,
    "modbus": _modbus,
    "mqtt": _dsx,
    "opcua": _opcua,
    "redfish": _redfish,
}
