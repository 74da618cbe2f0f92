"""What only entries of a point map hold: a unit that becomes ours, and what DSX Exchange calls the point."""

from __future__ import annotations

from typing import Any

from agents.live.units import CONVERSIONS, our_units
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry

DSX_KEYS = ("object", "point", "id", "process_area", "request", "request_path")


def unit_of(entry: YamlEntry, name: str) -> str:
    """A unit that becomes ours of a point."""
    given, ours = entry.text("unit"), our_units()[name]
    if given not in CONVERSIONS[ours]:
        raise entry.fault("unit", f"unit = {given!r} of {name}; choose one of {', '.join(CONVERSIONS[ours])}")
    return given


def dsx_of(entry: YamlEntry) -> dict[str, Any]:
    """What DSX Exchange calls the point."""
    given = entry.raw.get("dsx", {})
    if not isinstance(given, dict):
        raise entry.refused("dsx", "give {object: ..., point: ...}")
    for key in given:
        if key not in DSX_KEYS:
            raise entry.fault("dsx", unknown_name("key of dsx", str(key), DSX_KEYS))
    return given
