"""The point map: which column of a file is which quantity, in which unit. YAML, one entry a point.

```yaml
time: {column: time, utc_offset_h: -5}       # formats: envs/signals/stamps.py; [date, time] for two columns
points:
  - {name: AHU1.SAT, channel: zone_supply_c, row: 0, unit: degF, brick: Supply_Air_Temperature_Sensor}
  - {name: "rack {row} power", channel: rack_power_kw, rows: 20, unit: W}   # twenty columns: "rack 0 power", ...
```
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.plain_yaml import read_mapping
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.signals.cells import shown
from envs.signals.stamps import SiteClock
from envs.twin.telemetry.quantities import QUANTITIES, quantities_of, rows_of
from envs.units import KELVIN_OFFSET

#: Unit to factor and constant: ``ours = factor * theirs + constant``.
CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "temperature": {
        "degC": (1.0, 0.0),
        "degF": (5.0 / 9.0, -160.0 / 9.0),
        "K": (1.0, -KELVIN_OFFSET),
    },
    "power": {"kW": (1.0, 0.0), "W": (1e-3, 0.0), "MW": (1e3, 0.0)},
    "fraction": {"1": (1.0, 0.0), "%": (0.01, 0.0), "50 Hz": (1.0 / 50.0, 0.0), "60 Hz": (1.0 / 60.0, 0.0)},
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
        For a wrong key, channel, row or unit, naming file, entry, what was found, what is allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such point map; write one (docs/calibration.md shows how)")
    content = read_mapping(path)
    _require_keys(f"{path}", content, ("time", "points"))
    if not isinstance(content.get("points"), list) or not content["points"]:
        raise ValueError(f"{path}: expected keys 'time' and 'points' (a list of entries); see docs/calibration.md")
    entries: list[PointEntry] = []
    for index, raw in enumerate(content["points"]):
        entries += _entries(f"{path}, point {index + 1}", raw, scenario, layout)
    _check_once(path, entries)
    column, clock = _time(f"{path}, time", content.get("time"))
    return PointMap(column, clock.utc_offset_h, tuple(entries), clock.zone)


def _require_keys(where: str, given: Mapping[Any, Any], known: Sequence[str]) -> None:
    """Refuse a key that nobody reads."""
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where}: key {shown(key)} is unknown, expected {', '.join(known)}{meant}")


def _time(where: str, raw: Any) -> tuple[str | tuple[str, str], SiteClock]:
    """Where the time stands, and the clock of stamps without an offset."""
    given = {} if raw is None else raw
    if not isinstance(given, dict):
        raise ValueError(f"{where}: found {shown(raw)}, expected keys {', '.join(TIME_KEYS)}: {{column: time}}")
    _require_keys(where, given, TIME_KEYS)
    column, zone = given.get("column", "time"), given.get("zone", "")
    pair = isinstance(column, list) and len(column) == 2 and all(isinstance(c, str) for c in column)
    if not isinstance(column, str) and not pair:
        raise ValueError(f"{where}: column = {shown(column)}; give a heading, or two of them as [date, time]")
    if not isinstance(zone, str):
        raise ValueError(f"{where}: zone = {shown(zone)}; give an IANA name such as Europe/Berlin")
    offset_h = _number(where, given, "utc_offset_h", 0.0)
    try:
        clock = SiteClock(offset_h, zone)
    except ValueError as fault:
        raise ValueError(f"{where}: {fault}") from fault
    return (column if isinstance(column, str) else (column[0], column[1])), clock


def _number(where: str, raw: Mapping[str, Any], key: str, default: float) -> float:
    """A finite number of an entry."""
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{where}: {key} = {shown(value)}; give a number")
    return float(value)


def _count(where: str, raw: Mapping[str, Any], key: str) -> int:
    """A whole number of an entry."""
    value = raw[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{where}: {key} = {shown(value)}; give a whole number")
    return value


def _entries(where: str, raw: Any, scenario: Scenario, layout: Layout) -> list[PointEntry]:
    """Entries of one item of the list: one, or one per row."""
    if not isinstance(raw, dict) or not {"name", "channel", "unit"} <= set(raw):
        raise ValueError(f"{where}: found {shown(raw)}; give name, channel and unit, and maybe {', '.join(KEYS[2:])}")
    _require_keys(where, raw, KEYS)
    if "row" in raw and "rows" in raw:
        raise ValueError(f"{where}: both row and rows; give row for one column, rows for a column per row")
    name, channel, unit, brick = (_word(where, raw, key) for key in ("name", "channel", "unit", "brick"))
    known = quantities_of(layout, scenario)
    if channel not in known:
        near = difflib.get_close_matches(channel, known, 3) or sorted(known)
        why = "is not in this scenario's plant" if channel in QUANTITIES else "is unknown"
        raise ValueError(f"{where}: channel {shown(channel)} {why}; choose one of {near}")
    units = [*CONVERSIONS[known[channel].kind], *(REGISTERS if known[channel].kind == "power" else ())]
    if unit not in units:
        raise ValueError(f"{where}: unit {shown(unit)} of a {known[channel].kind}; choose one of {sorted(units)}")
    shift_s = _number(where, raw, "shift_s", 0.0)
    hold = raw.get("hold", False)
    if abs(shift_s) > LONGEST_SHIFT_S or not isinstance(hold, bool):
        raise ValueError(
            f"{where}: shift_s = {shift_s:g}, hold = {shown(hold)}; give seconds within a week, and true or false"
        )
    factor = _number(where, raw, "factor", 1.0)
    if factor == 0.0 or (hold and unit in REGISTERS):
        raise ValueError(f"{where}: factor = {factor:g}, hold = {hold}; give a factor but 0, and hold no register")
    total, rest = rows_of(channel, layout), (unit, brick, shift_s, hold, factor)
    if "rows" in raw:
        count = _count(where, raw, "rows")
        if not 1 <= count <= total or "{row}" not in name:
            raise ValueError(
                f"{where}: rows = {count} of {total}; give 1 to at most {total}, and a name with {{row}} in it"
            )
        return [PointEntry(name.replace("{row}", str(k)), channel, k, *rest) for k in range(count)]
    row = _count(where, raw, "row") if "row" in raw else 0
    if not 0 <= row < total:
        raise ValueError(f"{where}: row = {row} of {channel}, which has {total} here; give 0..{total - 1}")
    return [PointEntry(name, channel, row, *rest)]


def _word(where: str, raw: Mapping[str, Any], key: str) -> str:
    """A text of an entry; YAML makes numbers of 1 and %-less units, which are meant as they stand."""
    value = raw.get(key, "")
    if isinstance(value, (dict, list)) or value is None:
        raise ValueError(f"{where}: {key} = {shown(value)}; give a text")
    return str(value)


def _check_once(path: Path, entries: list[PointEntry]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for e in entries:
        if (e.channel, e.row) in seen:
            raise ValueError(
                f"{path}: {e.name!r} and {seen[e.channel, e.row]!r} are both {e.channel} row {e.row}; keep one"
            )
        seen[e.channel, e.row] = e.name


def point_map_text(columns: Mapping[str, int], pattern: str = "{channel}[{row}]", time_column: str = "time") -> str:
    """Point map of a file in our own names and units: quantity to its number of rows."""
    ours = {"temperature": "degC", "power": "kW", "fraction": "1", "count": "1"}
    lines = [f"time: {{column: {time_column}, utc_offset_h: 0}}", "points:"]
    for channel, rows in columns.items():
        name = pattern.replace("{channel}", channel)
        unit = ours[QUANTITIES[channel].kind]
        lines.append(f'  - {{name: "{name}", channel: {channel}, rows: {rows}, unit: "{unit}"}}')
    return "\n".join(lines) + "\n"
