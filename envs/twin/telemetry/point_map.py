"""The point map: which column of a file is which quantity, in which unit. YAML, one entry a point.

```yaml
time: {column: time, utc_offset_h: -5}       # formats: envs/signals/stamps.py; [date, time] for two columns
points:
  - {name: AHU1.SAT, channel: zone_supply_c, row: 0, unit: degF, brick: Supply_Air_Temperature_Sensor}
  - {name: "rack {row} power", channel: rack_power_kw, rows: 20, unit: W}   # twenty columns: "rack 0 power", ...
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.signals.stamps import SiteClock
from envs.twin.telemetry.quantities import QUANTITIES, quantities_of, rows_of
from envs.units import KELVIN_OFFSET
from envs.yaml_entry import YamlEntry, shown

#: Unit to factor and constant: ``ours = factor * theirs + constant``.
CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "temperature": {
        "degC": (1.0, 0.0),
        "degF": (5.0 / 9.0, -160.0 / 9.0),
        "K": (1.0, -KELVIN_OFFSET),
    },
    "power": {"kW": (1.0, 0.0), "W": (1e-3, 0.0), "MW": (1e3, 0.0)},
    "fraction": {"1": (1.0, 0.0), "%": (0.01, 0.0), "50 Hz": (1.0 / 50.0, 0.0), "60 Hz": (1.0 / 60.0, 0.0)},
    "hours": {"h": (1.0, 0.0), "min": (1.0 / 60.0, 0.0), "s": (1.0 / 3600.0, 0.0)},
    "count": {"1": (1.0, 0.0)},
}
#: Units of an energy register in place of a power, in kWh: the reader takes differences.
REGISTERS = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
KEYS = ("name", "channel", "row", "rows", "unit", "brick", "shift_s", "hold", "factor")
TIME_KEYS = ("column", "utc_offset_h", "zone")
LONGEST_SHIFT_S = 7.0 * 86_400.0


@dataclass(frozen=True)
class PointEntry:
    """One column of the file.

    Attributes
    ----------
    name : str
        Heading in the file.
    channel, row : str, int
        Quantity of the table, and its row (rack, zone, power row).
    unit : str
        Of the column; converted when it is read.
    brick : str
        Brick class, kept for the reader.
    shift_s : float
        Added to this point's time stamps [s]: mends a clock that is off.
    hold : bool
        Whether the point is logged on change: each reading then holds until the next one.
    factor : float
        Of every reading, beside its unit: mends the ratio of a meter; -1 turns a reversed one round.
    """

    name: str
    channel: str
    row: int
    unit: str
    brick: str = ""
    shift_s: float = 0.0
    hold: bool = False
    factor: float = 1.0

    @property
    def is_register(self) -> bool:
        """Whether the column counts energy instead of reading a power."""
        return self.unit in REGISTERS

    def in_our_unit(self, values: Any) -> Any:
        """Values in our unit; of a register in kWh."""
        if self.is_register:
            return values * (REGISTERS[self.unit] * self.factor)
        factor, constant = CONVERSIONS[QUANTITIES[self.channel].kind][self.unit]
        return values * (factor * self.factor) + constant


@dataclass(frozen=True)
class PointMap:
    """All points of a file and where its time stands.

    Attributes
    ----------
    time_column : str or tuple of str
        Heading of the stamps, or headings of date and time of day.
    utc_offset_h : float
        Local standard time minus UTC [h], for stamps that carry no offset.
    points : tuple of PointEntry
        The columns that are read.
    zone : str
        IANA zone whose clock on the wall, with daylight saving, such stamps follow; empty: standard time.
    """

    time_column: str | tuple[str, str]
    utc_offset_h: float
    points: tuple[PointEntry, ...]
    zone: str = ""

    @property
    def time_columns(self) -> tuple[str, ...]:
        """Headings of the time, one or two."""
        return (self.time_column,) if isinstance(self.time_column, str) else self.time_column


def read_point_map(path: str | Path, scenario: Scenario, layout: Layout) -> PointMap:
    """Read and check a point map.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For a wrong key, channel, row or unit, naming file, line, what was found and what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such point map; write one (docs/calibration.md shows how)")
    top = YamlEntry.of_file(path, ("time", "points"))
    column, clock = _time(top.mapping("time", {}, TIME_KEYS))
    seen: dict[tuple[str, int], str] = {}
    points: list[PointEntry] = []
    for entry in top.entries("points", KEYS, least=1):
        for point in _points(entry, scenario, layout):
            place = point.channel, point.row
            if place in seen:
                both = f"{shown(point.name)!r} and {shown(seen[place])!r}"
                raise entry.fault("channel", f"{both} are both {point.channel} row {point.row}; keep one")
            seen[place] = point.name
            points.append(point)
    return PointMap(column, clock.utc_offset_h, tuple(points), clock.zone)


def _time(entry: YamlEntry) -> tuple[str | tuple[str, str], SiteClock]:
    """Where the time stands, and the clock of stamps without an offset."""
    offset_h, zone = entry.finite("utc_offset_h", 0.0), entry.text("zone", "")
    try:
        clock = SiteClock(offset_h, zone)
    except ValueError as fault:
        raise entry.fault("zone" if zone else "utc_offset_h", str(fault)) from fault
    if not isinstance(entry.raw.get("column"), list):
        return entry.text("column", "time"), clock
    pair = entry.texts("column")
    if len(pair) != 2:
        raise entry.refused("column", "give a heading, or two of them as [date, time]")
    return (pair[0], pair[1]), clock


def _points(entry: YamlEntry, scenario: Scenario, layout: Layout) -> list[PointEntry]:
    """Points of one entry: one, or one per row."""
    name, channel = entry.text("name"), entry.text("channel")
    known = quantities_of(layout, scenario)
    if channel in QUANTITIES and channel not in known:
        raise entry.refused("channel", f"it is not in this scenario's plant, which has {', '.join(sorted(known))}")
    kind = known[entry.choice("channel", known)].kind
    unit = entry.choice("unit", [*CONVERSIONS[kind], *(REGISTERS if kind == "power" else ())])
    hold, factor = entry.truth("hold", False), entry.finite("factor", 1.0)
    if hold and unit in REGISTERS:
        raise entry.refused("hold", f"a register in {unit} holds nothing between its readings; leave hold out")
    if factor == 0.0:
        raise entry.refused("factor", "give a factor but 0")
    shift_s = entry.number("shift_s", 0.0, -LONGEST_SHIFT_S, LONGEST_SHIFT_S)
    rest = unit, entry.text("brick", ""), shift_s, hold, factor
    total = rows_of(channel, layout)
    if "rows" not in entry:
        return [PointEntry(name, channel, entry.whole("row", 0, 0, total - 1), *rest)]
    if "row" in entry:
        raise entry.fault("row", "both row and rows; give row for one column, rows for a column per row")
    count = entry.whole("rows", None, 1, total)
    if "{row}" not in name:
        raise entry.refused("name", f"rows = {count}; give a name with {{row}} in it, such as 'rack {{row}}'")
    return [PointEntry(name.replace("{row}", str(k)), channel, k, *rest) for k in range(count)]


def point_map_text(columns: Mapping[str, int], pattern: str = "{channel}[{row}]", time_column: str = "time") -> str:
    """Point map of a file in our own names and units: quantity to its number of rows."""
    ours = {"temperature": "degC", "power": "kW", "fraction": "1", "hours": "h", "count": "1"}
    lines = [f"time: {{column: {time_column}, utc_offset_h: 0}}", "points:"]
    for channel, rows in columns.items():
        name = pattern.replace("{channel}", channel)
        unit = ours[QUANTITIES[channel].kind]
        lines.append(f'  - {{name: "{name}", channel: {channel}, rows: {rows}, unit: "{unit}"}}')
    return "\n".join(lines) + "\n"
