"""The point map: which column of a file is which quantity, in which unit. YAML, one entry a point.

```yaml
time: {column: time, utc_offset_h: -5}       # ISO 8601 stamps, or seconds since any moment
points:
  - {name: AHU1.SAT, channel: zone_supply_c, row: 0, unit: degF, brick: Supply_Air_Temperature_Sensor}
  - {name: "rack {row} power", channel: rack_power_kw, rows: 20, unit: W}   # twenty columns: "rack 0 power", ...
```
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from envs.plant.layout import Layout
from envs.scenario import Scenario
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
    "fraction": {"1": (1.0, 0.0), "%": (0.01, 0.0)},
    "count": {"1": (1.0, 0.0)},
}
KEYS = {"name", "channel", "row", "rows", "unit", "brick", "shift_s"}


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
    """

    name: str
    channel: str
    row: int
    unit: str
    brick: str = ""
    shift_s: float = 0.0

    def in_our_unit(self, values: Any) -> Any:
        """Values in our unit."""
        factor, constant = CONVERSIONS[QUANTITIES[self.channel].kind][self.unit]
        return values * factor + constant


@dataclass(frozen=True)
class PointMap:
    """All points of a file and where its time stands."""

    time_column: str
    utc_offset_h: float
    points: tuple[PointEntry, ...]


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
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as fault:
        raise ValueError(f"{path}: cannot be read as YAML ({fault}); mend its indentation or quotes") from fault
    if not isinstance(content, dict) or not isinstance(content.get("points"), list):
        raise ValueError(f"{path}: expected keys 'time' and 'points' (a list); see docs/calibration.md")
    time = content.get("time") or {}
    entries: list[PointEntry] = []
    for index, raw in enumerate(content["points"]):
        entries += _entries(f"{path}, point {index + 1}", raw, scenario, layout)
    _check_once(path, entries)
    return PointMap(str(time.get("column", "time")), float(time.get("utc_offset_h", 0.0)), tuple(entries))


def _entries(where: str, raw: Any, scenario: Scenario, layout: Layout) -> list[PointEntry]:
    if not isinstance(raw, dict) or not {"name", "channel", "unit"} <= set(raw) or set(raw) - KEYS:
        raise ValueError(f"{where}: found {raw!r}; give name, channel and unit, and maybe {sorted(KEYS)}")
    channel, unit = str(raw["channel"]), str(raw["unit"])
    known = quantities_of(layout, scenario)
    if channel not in known:
        near = difflib.get_close_matches(channel, known, 3) or sorted(known)
        why = "is not in this scenario's plant" if channel in QUANTITIES else "is unknown"
        raise ValueError(f"{where}: channel {channel!r} {why}; choose one of {near}")
    units = CONVERSIONS[known[channel].kind]
    if unit not in units:
        raise ValueError(f"{where}: unit {unit!r} of a {known[channel].kind}; choose one of {sorted(units)}")
    total, rest = rows_of(channel, layout), (unit, str(raw.get("brick", "")), float(raw.get("shift_s", 0.0)))
    if "rows" in raw:
        count = int(raw["rows"])
        if count > total or "{row}" not in str(raw["name"]):
            raise ValueError(f"{where}: rows = {count} of {total}; give at most {total}, and a name with {{row}} in it")
        return [PointEntry(str(raw["name"]).replace("{row}", str(k)), channel, k, *rest) for k in range(count)]
    row = int(raw.get("row", 0))
    if not 0 <= row < total:
        raise ValueError(f"{where}: row = {row} of {channel}, which has {total} here; give 0..{total - 1}")
    return [PointEntry(str(raw["name"]), channel, row, *rest)]


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
