"""The first reading of a building as a table: what each point shows, what it becomes, and what it usually is.

No check finds two sensors of one kind that changed places; a person who knows the building does, in this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.live.point_map import LiveMap, Place
from agents.live.reading import Key, Readings
from agents.live.units import IN_FORCE, our_units
from agents.runtime.relations import FOLLOWS

HEADINGS = ("point", "address", "raw", "in our unit", "usual range", "setpoint", "look at")
Usual = Mapping[str, tuple[int, str, float, float]]


def first_look(site: LiveMap, readings: Readings, usual: Usual) -> str:
    """A table, one line a value: point, address, raw number, our number, usual range, setpoint, what to look at.

    Parameters
    ----------
    site : LiveMap
    readings : mapping
        What the building said.
    usual : mapping
        Rows, unit and usual range of each point, from the bundle.
    """
    lines = [HEADINGS, *(_measured(place, readings, usual) for place in site.places())]
    for point in site.points:
        if point.fixed is not None:
            key = point.place.key
            ours = _number(point.fixed, key.name)
            lines.append((str(key), "-", "-", ours, _range(key, usual), "-", "fixed, not read"))
    return _aligned(lines)


def unusual(site: LiveMap, readings: Readings, usual: Usual) -> dict[str, str]:
    """What a person should look at, by point."""
    lines = [_measured(place, readings, usual) for place in site.places()]
    return {line[0]: line[-1] for line in lines if line[-1]}


def _measured(place: Place, readings: Readings, usual: Usual) -> tuple[str, ...]:
    key, reading = place.key, readings.get(place.key)
    if reading is None:
        return str(key), place.address, "-", "-", _range(key, usual), "-", "was not read"
    raw, ours = f"{place.theirs(reading.value):g} {place.unit}", _number(reading.value, key.name)
    rest = _range(key, usual), _setpoint(key, readings), _remark(key, reading.value, usual)
    return str(key), place.address, raw, ours, *rest[:2], rest[2] if reading.good else f"bad: {reading.why}"


def _remark(key: Key, value: float, usual: Usual) -> str:
    if key.name not in usual:
        return ""
    _, _, low, high = usual[key.name]
    return "" if low <= value <= high else "outside its usual range"


def _range(key: Key, usual: Usual) -> str:
    return f"{usual[key.name][2]:g}..{usual[key.name][3]:g}" if key.name in usual else "-"


def _setpoint(key: Key, readings: Readings) -> str:
    """The setpoint that a supply temperature follows: of its row, or the only one."""
    channel = IN_FORCE + FOLLOWS.get(key.name, "")
    found = readings.get(Key(channel, key.row)) or readings.get(Key(channel, 0))
    return "-" if found is None else f"{found.value:.4g}"


def _number(value: float, name: str) -> str:
    return f"{value:.4g} {our_units()[name]}"


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(line, widths)).rstrip() for line in lines) + "\n"
