"""The point map of a building: which address is which of our points, in which unit. One YAML file.

```yaml
protocol: bacnet                 # a key of agents.live.connectors.PROTOCOLS
connection: {host: 127.0.0.1, port: 47808}
points:
  - {name: zone_supply_c, rows: 2, unit: degC, brick: Supply_Air_Temperature_Sensor, address: "analog-input,{n}",
     start: 1, dsx: {object: CRAH, point: AirTemperature}}
  - {name: dr_active, unit: "1", fixed: 0}          # a point that the building does not have
setpoints:
  - {channel: supply_air_temp_setpoint_c, row: 0, unit: degC, address: "analog-value,1", low: 18, high: 27}
```
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.live.map_entry import dsx_of, unit_of
from agents.live.reading import Key
from agents.live.units import CONVERSIONS, IN_FORCE, brick_classes, our_units
from agents.runtime.hall_clock import FURTHEST_OFFSET_H
from agents.runtime.relations import FOLLOWS
from envs.interface.channels import CHANNELS
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry

TOP = ("protocol", "connection", "utc_offset_h", "points", "setpoints")
POINT_KEYS = (
    *("name", "row", "rows", "start", "stride", "unit", "brick", "dsx", "address", "scale", "offset"),
    *("fixed", "most_per_min", "still_s", "shared"),
)
SETPOINT_KEYS = (
    *("channel", "row", "rows", "start", "stride", "unit", "brick", "dsx", "address", "scale", "offset"),
    *("low", "high", "fallback", "priority", "enable", "left_to_building", "fixed"),
)
LARGEST = 1e9
#: Temperatures that the limits of a hall watch: a fixed number there would hide what the limits are for.
WATCHED = ("zone_supply_c", "zone_inlet_max_c", "rack_inlet_c", *FOLLOWS)


@dataclass(frozen=True)
class Place:
    """Where a value stands in the building, and how its number becomes ours.

    Attributes
    ----------
    key : Key
        Our name and row; of a setpoint ``in_force.<channel>``.
    unit : str
        Of the building's number times ``scale`` plus ``offset``.
    address : str
        As the protocol writes it.
    scale, offset : float
        Of the raw number, before its unit: of a register in tenths ``scale: 0.1``.
    brick : str
        Brick class; that of our table where the map has none.
    dsx : mapping
        Object type, point type, id and process area of DSX Exchange.
    line : int
        In the file.
    """

    key: Key
    unit: str
    address: str
    scale: float = 1.0
    offset: float = 0.0
    brick: str = ""
    dsx: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0

    def ours(self, raw: float) -> float:
        """The building's number in our unit."""
        factor, constant = CONVERSIONS[our_units()[self.key.name]][self.unit]
        return factor * (raw * self.scale + self.offset) + constant

    def theirs(self, value: float) -> float:
        """Our number as the building writes it."""
        factor, constant = CONVERSIONS[our_units()[self.key.name]][self.unit]
        return ((value - constant) / factor - self.offset) / self.scale


@dataclass(frozen=True)
class MappedPoint:
    """A point that is read.

    Attributes
    ----------
    place : Place
    fixed : float, optional
        Its value [our unit] where the building has no such point.
    most_per_min : float
        Fastest believed change [our unit/min]; infinite: any.
    still_s : float
        Longest time that a live sensor shows one number [s]; infinite: for ever.
    shared : bool
        Whether it may stand on an object that another point has too.
    """

    place: Place
    fixed: float | None = None
    most_per_min: float = math.inf
    still_s: float = math.inf
    shared: bool = False


@dataclass(frozen=True)
class MappedSetpoint:
    """A setpoint that may be written.

    Attributes
    ----------
    place : Place
    channel : Key
        Name of the channel and row.
    low, high : float
        Limits of the site [our unit]; nothing is ever written outside them.
    fallback : float, optional
        What is written to hand the point back, where the protocol has no release of its own [our unit].
    priority : int
        Slot of BACnet's priority array.
    enable : str
        Address of a coil that is 1 while the loop holds the point; empty: there is none.
    """

    place: Place
    channel: Key
    low: float
    high: float
    fallback: float | None = None
    priority: int = 10
    enable: str = ""


@dataclass(frozen=True)
class LiveMap:
    """All of a building that the loop may read or write.

    Attributes
    ----------
    path : Path
    protocol : str
    connection : mapping
        As the protocol needs it; secrets stand in the environment, their variables' names here.
    points, setpoints : tuple
        A setpoint that is left to the building is a point: in force it is read, and never written.
    digest : str
        SHA-256 of the file, as hex.
    utc_offset_h : float, optional
        The hall's local standard time less UTC [h]; left out: that of the bundle's site.
    """

    path: Path
    protocol: str
    connection: Mapping[str, Any]
    points: tuple[MappedPoint, ...]
    setpoints: tuple[MappedSetpoint, ...]
    digest: str = ""
    utc_offset_h: float | None = None

    def places(self) -> list[Place]:
        """Everything that is read from the building: points without a fixed value, and setpoints."""
        return [p.place for p in self.points if p.fixed is None] + [s.place for s in self.setpoints]

    def setpoint(self, channel: Key) -> MappedSetpoint:
        """The setpoint of a channel's row."""
        return next(s for s in self.setpoints if s.channel == channel)


def read_live_map(path: str | Path) -> LiveMap:
    """Read and check a point map.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, what was found, what is allowed and the mend.
    """
    from agents.live.connectors import PROTOCOLS, check_address, check_connection

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such point map; `coldaisle simulate-site` writes one, `configs/points` has a template for "
            "each protocol"
        )
    top = YamlEntry.of_file(path, TOP)
    protocol = top.choice("protocol", PROTOCOLS)
    connection = top.raw.get("connection", {})
    if not isinstance(connection, dict):
        raise top.refused("connection", "give {host: ..., ...}")
    check_connection(protocol, connection, top.where("connection"))
    offset_h = top.number("utc_offset_h", 0.0, -FURTHEST_OFFSET_H, FURTHEST_OFFSET_H) if "utc_offset_h" in top else None
    points: list[MappedPoint] = []
    for entry in top.entries("points", POINT_KEYS, least=1):
        points += _points(entry)
    setpoints: list[MappedSetpoint] = []
    for entry in top.entries("setpoints", SETPOINT_KEYS):
        if _is_left(entry):
            points += _left(entry)
        else:
            setpoints += _setpoints(entry)
    _require_once(path, [p.place for p in points] + [s.place for s in setpoints])
    for place in [p.place for p in points if p.fixed is None] + [s.place for s in setpoints]:
        check_address(protocol, place.address, f"{path}, line {place.line}")
    _require_own_objects(path, protocol, points, setpoints)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return LiveMap(path, protocol, connection, tuple(points), tuple(setpoints), digest, offset_h)


def _points(entry: YamlEntry) -> list[MappedPoint]:
    name = entry.text("name")
    known = [n for n in our_units() if not n.startswith(IN_FORCE)]
    if name not in known:
        raise ValueError(f"{entry.where('name')}: {unknown_name('point', name, known)}")
    if ("fixed" in entry.raw) == ("address" in entry.raw):
        raise ValueError(f"{entry.where()}: {name} needs an address, or fixed where the building has no such point")
    fixed = entry.number("fixed", 0.0, -LARGEST, LARGEST) if "fixed" in entry.raw else None
    most = entry.number("most_per_min", math.inf, 1e-9, LARGEST)
    still = entry.number("still_s", math.inf, 1.0, LARGEST)
    if fixed is not None and name in WATCHED:
        raise ValueError(
            f"{entry.where('fixed')}: fixed = {fixed:g} of {name}, which the hall's limits watch; give the address of "
            "a sensor"
        )
    shared = entry.truth("shared", False)
    return [MappedPoint(place, fixed, most, still, shared) for place in _places(entry, name)]


def _is_left(entry: YamlEntry) -> bool:
    left = entry.truth("left_to_building", False)
    if "fixed" in entry.raw and not left:
        raise ValueError(
            f"{entry.where('fixed')}: a setpoint that is fixed cannot be written; add left_to_building: true"
        )
    return left


def _left(entry: YamlEntry) -> list[MappedPoint]:
    """A channel that the building keeps: what is in force is read, or known."""
    name = IN_FORCE + _channel(entry)
    for key in ("low", "high", "fallback", "enable", "priority"):
        if key in entry.raw:
            raise ValueError(f"{entry.where(key)}: {key} of a channel that is left_to_building; take one of both out")
    if ("fixed" in entry.raw) == ("address" in entry.raw):
        raise ValueError(f"{entry.where()}: {name} needs an address, or fixed where the building never moves it")
    fixed = entry.number("fixed", 0.0, -LARGEST, LARGEST) if "fixed" in entry.raw else None
    return [MappedPoint(place, fixed) for place in _places(entry, name)]


def _channel(entry: YamlEntry) -> str:
    channel = entry.text("channel")
    if channel not in CHANNELS:
        raise ValueError(f"{entry.where('channel')}: {unknown_name('channel', channel, CHANNELS)}")
    return channel


def _setpoints(entry: YamlEntry) -> list[MappedSetpoint]:
    channel = _channel(entry)
    least, most = CHANNELS[channel].possible or (-LARGEST, LARGEST)
    for key in ("low", "high"):
        if key not in entry.raw:
            raise ValueError(
                f"{entry.where()}: {channel} has no {key}; give the site's own limits {{low: ..., high: ...}}, for "
                "nothing is ever written outside them"
            )
    low, high = entry.number("low", least, least, most), entry.number("high", most, least, most)
    if not low < high:
        raise ValueError(f"{entry.where('low')}: low = {low:g}, high = {high:g} of {channel}; give low below high")
    fallback = entry.number("fallback", 0.0, low, high) if "fallback" in entry.raw else None
    priority = entry.whole("priority", 10, 8, 16)
    enable = entry.text("enable", "")
    return [
        MappedSetpoint(place, Key(channel, place.key.row), low, high, fallback, priority, _enable(entry, enable, place))
        for place in _places(entry, IN_FORCE + channel)
    ]


def _enable(entry: YamlEntry, text: str, place: Place) -> str:
    """Address of a row's coil: ``{n}`` is ``start`` plus the row."""
    row = place.key.row
    return text.replace("{row}", str(row)).replace("{n}", str(int(entry.raw.get("start", 0)) + row))


def _places(entry: YamlEntry, name: str) -> list[Place]:
    """Places of an entry: one, or one for each of its rows."""
    if "row" in entry.raw and "rows" in entry.raw:
        raise ValueError(
            f"{entry.where('rows')}: both row and rows; give row for one value, rows for the first of many"
        )
    if "rows" in entry.raw:
        rows = range(entry.whole("rows", 1, 1, 100_000))
    else:
        row = entry.whole("row", 0, 0, 100_000)
        rows = range(row, row + 1)
    start, stride = entry.whole("start", 0, 0, 10_000_000), entry.whole("stride", 1, 1, 1000)
    address = entry.text("address", "")
    if len(rows) > 1 and "fixed" not in entry.raw and "{row}" not in address and "{n}" not in address:
        raise ValueError(
            f"{entry.where('address')}: address = {address!r} of {len(rows)} rows; put {{row}} or {{n}} in"
        )
    scale = entry.number("scale", 1.0, -LARGEST, LARGEST)
    if scale == 0.0:
        raise ValueError(f"{entry.where('scale')}: scale = 0; give any other number")
    rest = (
        unit_of(entry, name),
        scale,
        entry.number("offset", 0.0, -LARGEST, LARGEST),
        entry.text("brick", brick_classes()[name]),
        dsx_of(entry),
    )
    unit, scale, offset, brick, dsx = rest
    found = []
    for row in rows:
        at = address.replace("{row}", str(row)).replace("{n}", str(start + stride * row))
        found.append(Place(Key(name, row), unit, at, scale, offset, brick, dsx, entry.line))
    return found


def _require_once(path: Path, places: Sequence[Place]) -> None:
    seen: dict[Key, int] = {}
    for place in places:
        if place.key in seen:
            raise ValueError(
                f"{path}, line {place.line}: {place.key} stands in line {seen[place.key]} already; keep one of them"
            )
        seen[place.key] = place.line


def _require_own_objects(
    path: Path, protocol: str, points: Sequence[MappedPoint], setpoints: Sequence[MappedSetpoint]
) -> None:
    """Refuse two values on one object: one of them is a slip, and two setpoints there undo each other."""
    from agents.live.connectors import objects_of

    seen: dict[str, Place] = {}
    may = {p.place.key for p in points if p.shared}
    for place in [s.place for s in setpoints] + [p.place for p in points if p.fixed is None]:
        for each in objects_of(protocol, place):
            other = seen.setdefault(each, place)
            if other is not place and place.key not in may:
                mend = (
                    "give each its own"
                    if place.key.name.startswith(IN_FORCE)
                    else ("give each its own, leave out what the bundle derives, or say shared: true")
                )
                raise ValueError(
                    f"{path}, line {place.line}: {place.key} is at {place.address!r}, where line {other.line} has "
                    f"{other.key}; {mend}"
                )
