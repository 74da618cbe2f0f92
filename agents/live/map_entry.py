"""One entry of a point map, which refuses what it holds by file, line, key, value, what is allowed and the mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from agents.live.units import CONVERSIONS, our_units
from envs.unknown_name import unknown_name

DSX_KEYS = ("object", "point", "id", "process_area", "request", "request_path")


class Lines:
    """Line of every entry and key of a YAML file."""

    def __init__(self, text: str) -> None:
        self.top: dict[str, yaml.Node] = {}
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        assert isinstance(node, yaml.MappingNode)
        self.key_line = {key.value: key.start_mark.line + 1 for key, _ in node.value}
        self.top = {key.value: value for key, value in node.value}

    def entry(self, group: str, index: int) -> dict[str, int]:
        """Line of each key of an entry, and under the empty name that of the entry."""
        listed = self.top[group]
        node = listed.value[index] if isinstance(listed, yaml.SequenceNode) else listed
        found = {"": node.start_mark.line + 1}
        if isinstance(node, yaml.MappingNode):
            found |= {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
        return found


class Entry:
    """One entry of the file, which refuses what it holds by file, line, key, value, what is allowed and the mend."""

    def __init__(self, path: Path, lines: Mapping[str, int], raw: Any, known: Sequence[str]) -> None:
        self.path, self.lines, self.raw = path, lines, raw
        if not isinstance(raw, dict):
            raise ValueError(f"{path}, line {lines['']}: found {str(raw)[:60]!r}; give keys such as {known[0]}: ...")
        for key in raw:
            if key not in known:
                raise ValueError(f"{self.where(str(key))}: {unknown_name('key', str(key), known)}")

    def where(self, key: str = "") -> str:
        """File and line of a key, or of the entry."""
        return f"{self.path}, line {self.lines.get(key, self.lines[''])}"

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        value = self.raw.get(key, default)
        if value is None or isinstance(value, (dict, list)):
            raise ValueError(f"{self.where(key)}: {key} = {str(value)[:60]}; give a text")
        return str(value)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number inside a range."""
        value = self.raw.get(key, default)
        good = not isinstance(value, bool) and isinstance(value, (int, float))
        if key not in self.raw:
            return default
        if not good or not low <= value <= high:
            raise ValueError(
                f"{self.where(key)}: {key} = {str(value)[:60]} is outside {low:g}..{high:g}; give a number in that "
                "range"
            )
        return float(value)

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number inside a range."""
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(
                f"{self.where(key)}: {key} = {str(value)[:60]} is outside {low}..{high}; give a whole number there"
            )
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self.raw.get(key, False)
        if not isinstance(value, bool):
            raise ValueError(f"{self.where(key)}: {key} = {str(value)[:60]!r}; give true or false")
        return value

    def unit(self, name: str) -> str:
        """A unit that becomes ours of a point."""
        given, ours = self.text("unit"), our_units()[name]
        if given not in CONVERSIONS[ours]:
            raise ValueError(
                f"{self.where('unit')}: unit = {given!r} of {name}; choose one of {', '.join(CONVERSIONS[ours])}"
            )
        return given

    def dsx(self) -> dict[str, Any]:
        """What DSX Exchange calls the point."""
        given = self.raw.get("dsx", {})
        if not isinstance(given, dict):
            raise ValueError(f"{self.where('dsx')}: dsx = {str(given)[:60]!r}; give {{object: ..., point: ...}}")
        for key in given:
            if key not in DSX_KEYS:
                raise ValueError(f"{self.where('dsx')}: {unknown_name('key of dsx', str(key), DSX_KEYS)}")
        return given
