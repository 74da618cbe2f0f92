"""A point map as text: from a Brick model, or as a template with question marks that the reader refuses by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.live.connectors import OPEN, PROTOCOLS, connection_of
from experiments.point_maps.assignment import Assigned, Row
from experiments.point_maps.flow import flow
from experiments.point_maps.wanted import Wanted

PLACES = ("host", "url", "file")  # keys of a connection that only the building knows
HANDED_BACK_BY_VALUE = ("modbus", "opcua", "redfish")
CLOCK = "# utc_offset_h: -5   # local standard time less UTC, where the bundle does not know it"
#: How an address of each protocol is written.
FORMS = {
    "bacnet": '"analog-input,101"; of several rows "analog-input,{n}" with start: 101',
    "modbus": '"input:10:int16", "holding:20:float32"; of several rows "input:{n}:float32" with start and stride',
    "mqtt": "pod1/cdu1/supplyTemp, and dsx: {object: CDU, point: LiquidTemperature}; of several pod1/row{row}/power",
    "opcua": '"ns=2;s=Plant.CHW.SupplyTemp"; of several rows "ns=2;s=Hall.Zone{row}.Valve"',
    "redfish": '"/redfish/v1/Chassis/Rack1/EnvironmentMetrics#/PowerWatts/Reading"; of several rows Rack{row}',
    "nvml": '"gpu:0:temperature", "gpu:0:power", "gpu:0:limit"',
    "table": 'a heading of the file; of several rows "AHU{row} SAT"',
}


def template_text(wishes: Sequence[Wanted], protocol: str) -> str:
    """Every point and setpoint of a bundle, with a question mark for what only the building knows."""
    told = {key: OPEN if key in PLACES else value for key, value in connection_of(protocol).items()}
    lines = [
        f"# A point map over {PROTOCOLS[protocol]}, written by `coldaisle point-map template`.",
        f'# Put your own in for every "{OPEN}": `coldaisle serve` refuses the first that is left, by its line.',
        f"# An address: {FORMS[protocol]}",
        f"protocol: {protocol}",
        f"connection: {flow(told)}",
        CLOCK,
        "points:",
    ]
    for wish in wishes:
        if not wish.is_setpoint:
            lines += _note(wish)
            lines.append(f"  {'# ' if wish.is_derived else ''}- {flow(_entry(wish) | {'address': OPEN})}")
    lines.append("setpoints:")
    for wish in wishes:
        if wish.is_setpoint:
            lines.append(f"  - {flow(_setpoint(wish, protocol, '') | {'address': OPEN})}")
    return "\n".join(lines) + "\n"


def brick_text(assigned: Sequence[Assigned], protocol: str, connection: Mapping[str, Any], limits: str) -> str:
    """What the model has as entries, what it lacks as comments that say why."""
    lines = [
        f"# A point map over {PROTOCOLS[protocol]}, written by `coldaisle point-map` from a Brick model.",
        "# Read every line with somebody who knows the building: a class says what a point is, not that it works.",
        f"protocol: {protocol}",
        f"connection: {flow(connection)}",
        CLOCK,
        "points:",
    ]
    for one in (one for one in assigned if not one.wanted.is_setpoint):
        lines += _found(one, protocol, limits) if one.rows else _lacking(one)
    lines.append("setpoints:")
    for one in (one for one in assigned if one.wanted.is_setpoint):
        lines += _found(one, protocol, limits) if one.rows else _lacking(one)
    return "\n".join(lines) + "\n"


def address_of(row: Row, protocol: str) -> str:
    """Where a row stands."""
    reference = row.point.bacnet
    return row.point.series if protocol == "table" else (reference.object if reference else "")


def _found(one: Assigned, protocol: str, limits: str) -> list[str]:
    """A line for each row: a model knows no rule by which addresses count up."""
    lines = []
    for k, row in enumerate(one.rows):
        entry = _setpoint(one.wanted, protocol, limits) if one.wanted.is_setpoint else _entry(one.wanted)
        entry.pop("rows")
        scale = {"scale": row.scale} if row.scale != 1.0 else {}
        brick = {"brick": row.point.classes[0]} if row.point.classes else {}
        entry |= {"row": k, "unit": row.unit, "address": address_of(row, protocol), **scale, **brick}
        lines.append(f"  - {flow(entry)}  # {row.point.words}")
    return lines


def _lacking(one: Assigned) -> list[str]:
    wish = one.wanted
    rows = f", {wish.rows} rows" if wish.rows > 1 else ""
    rest = "; the bundle derives it" if wish.is_derived else ""
    lines = [f"  # {wish.name} [{wish.unit}]{rows}: {one.why}{rest}"]
    return lines + [f"  #   perhaps {point.words}" for point in one.candidates]


def _note(wish: Wanted) -> list[str]:
    notes = ["the bundle derives it; map it where it is measured"] if wish.is_derived else []
    if wish.rated_kw:
        notes.append(f"from kW: scale is 1 over {', '.join(f'{kw:g}' for kw in wish.rated_kw)}")
    return [f"  # {'; '.join(notes)}"] if notes else []


def _entry(wish: Wanted) -> dict[str, Any]:
    return {"name": wish.name, "rows": wish.rows, "unit": wish.unit} | ({"brick": wish.brick} if wish.brick else {})


def _setpoint(wish: Wanted, protocol: str, limits: str) -> dict[str, Any]:
    """With limits of the bundle, or a question mark: they are the site's own."""
    ends = {"low": wish.low, "high": wish.high} if limits == "bundle" else {"low": OPEN, "high": OPEN}
    back = {"fallback": OPEN} if protocol in HANDED_BACK_BY_VALUE else {}
    brick = {"brick": wish.brick} if wish.brick else {}
    return {"channel": wish.name, "rows": wish.rows, "unit": wish.unit, **brick, **ends, **back}
