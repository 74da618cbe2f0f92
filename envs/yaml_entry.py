"""The one strict reader of settings in a user's YAML file: an entry that refuses by file, line, key, value and mend.

Point maps, campaign plans, power trees, splits and rows of the leaderboard are read through it. An entry knows its
keys; any other is refused with the one that is spelt most like it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from envs.plain_yaml import checked_text, read_mapping
from envs.unknown_name import unknown_name

LONGEST_SHOWN = 60  # characters of a value that a message repeats
LONGEST_TEXT = 1000  # characters
PLAIN_NAME = re.compile(r"\w([\w .-]{0,98}\w)?")
NAME_MEND = "give letters, digits, '_', '-', '.' and spaces, 100 at most, a letter or a digit first and last"


class YamlEntry:
    """One mapping of a YAML file.

    Parameters
    ----------
    path : Path
    raw : object
        What the file holds there.
    node : yaml.Node
        Where it stands.
    known : sequence of str, optional
        Keys that it may have; without it any.

    Raises
    ------
    ValueError
        Where it is no mapping, or has another key.
    """

    def __init__(self, path: Path, raw: object, node: yaml.Node, known: Sequence[str] | None = None) -> None:
        self.path, self.line = path, node.start_mark.line + 1
        self._nodes: dict[str, tuple[int, yaml.Node]] = {}
        if not isinstance(raw, dict):
            raise self.fault("", f"found {shown(raw)!r}; give keys such as {known[0] if known else 'name'}: ...")
        self.raw: dict[str, Any] = {str(key): value for key, value in raw.items()}
        if isinstance(node, yaml.MappingNode):
            self._nodes = {str(key.value): (key.start_mark.line + 1, value) for key, value in node.value}
        for key in self.raw:
            if known is not None and key not in known:
                raise self.fault(key, unknown_name("key", shown(key), known))

    @classmethod
    def of_file(cls, path: Path, known: Sequence[str]) -> YamlEntry:
        """The whole of a file.

        Raises
        ------
        ValueError
            As `envs.plain_yaml.read_mapping`, and for a key that is not known.
        """
        node = yaml.compose(checked_text(path), Loader=yaml.SafeLoader)
        assert node is not None  # the text was checked to hold a mapping
        return cls(path, read_mapping(path), node, known)

    def __contains__(self, key: str) -> bool:
        return key in self.raw

    def where(self, key: str = "") -> str:
        """File and line of a key; of the entry where it has none."""
        return f"{self.path}, line {self._nodes[key][0] if key in self._nodes else self.line}"

    def fault(self, key: str, words: str) -> ValueError:
        """An error that names the place of a key."""
        return ValueError(f"{self.where(key)}: {words}")

    def refused(self, key: str, mend: str) -> ValueError:
        """An error that names place, key and value of what was given, or that nothing was."""
        if key not in self.raw:
            return self.fault("", f"{key} is missing; {mend}")
        return self.fault(key, f"{key} = {shown(self.raw[key])}; {mend}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text; a number is one as it is written."""
        value = self.raw.get(key, default)
        if value is None or isinstance(value, (dict, list)) or len(str(value)) > LONGEST_TEXT:
            raise self.refused(key, "give a text")
        return str(value)

    def name(self, key: str, default: str | None = None) -> str:
        """A name that a folder, a table and a metric can bear."""
        value = self.text(key, default)
        if not PLAIN_NAME.fullmatch(value):
            raise self.fault(key, f"{key} = {shown(value)!r}; {NAME_MEND}")
        return value

    def require_plain_names(self) -> None:
        """Refuse keys that are no such names."""
        for key in self.raw:
            if not PLAIN_NAME.fullmatch(key):
                raise self.fault(key, f"name {shown(key)!r}; {NAME_MEND}")

    def choice(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """One of the known names."""
        value, names = self.text(key, default), list(known)
        if value not in names:
            raise self.fault(key, unknown_name(key, shown(value), names))
        return value

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        """A number in a range; without a default it must be there."""
        if key not in self.raw and default is not None:
            return default
        value = self.raw.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self._outside(key, f"{low:g}..{high:g}", "give a number in that range")
        return float(value)

    def finite(self, key: str, default: float | None = None) -> float:
        """A finite number of any size; without a default it must be there."""
        value = self.raw.get(key, default)
        most = sys.float_info.max
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -most <= value <= most:
            raise self.refused(key, "give a finite number")
        return float(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number in a range; without a default it must be there."""
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._outside(key, f"{low}..{high}", "give a whole number there")
        return value

    def truth(self, key: str, default: bool) -> bool:
        """True or false; no text and no number stands for either."""
        value = self.raw.get(key, default)
        if not isinstance(value, bool):
            raise self.refused(key, "give true or false, without quotes")
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> list[str]:
        """A list of texts."""
        value = self.raw.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise self.refused(key, "give a list of texts, such as [one, two]")
        return list(value)

    def numbers(self, key: str, low: float, high: float) -> list[float]:
        """A list of numbers in a range."""
        value = self.raw.get(key)
        plain = isinstance(value, list) and all(type(item) in (int, float) and low <= item <= high for item in value)
        if not plain:
            raise self.refused(key, f"give a list of numbers from {low:g} to {high:g}")
        assert isinstance(value, list)
        return [float(item) for item in value]

    def wholes(self, key: str, low: int, high: int) -> list[int]:
        """A list of whole numbers in a range."""
        value = self.raw.get(key)
        if not isinstance(value, list) or not all(type(item) is int and low <= item <= high for item in value):
            raise self.refused(key, f"give a list of whole numbers from {low} to {high}")
        return list(value)

    def mapping(
        self, key: str, default: Mapping[str, object] | None = None, known: Sequence[str] | None = None
    ) -> YamlEntry:
        """An entry below this one; its keys are the known ones, or else names of the user's own."""
        value = self.raw.get(key, default)
        if not isinstance(value, Mapping):
            raise self.refused(key, f"give names and values, such as {{{known[0] if known else 'name'}: value}}")
        return YamlEntry(self.path, dict(value), self._below(key), known)

    def entries(self, key: str, known: Sequence[str], least: int = 0) -> list[YamlEntry]:
        """Entries of a list."""
        listed, node = self.raw.get(key, []), self._below(key)
        if not isinstance(listed, list) or len(listed) < least:
            raise self.refused(key, "give a list of entries")
        places = node.value if isinstance(node, yaml.SequenceNode) else []
        return [
            YamlEntry(self.path, raw, places[index] if index < len(places) else node, known)
            for index, raw in enumerate(listed)
        ]

    def named(self, known: Sequence[str]) -> dict[str, YamlEntry]:
        """Entries by their names, where this one's keys are names; an empty one has no keys."""
        return {
            name: YamlEntry(self.path, {} if raw is None else raw, self._below(name), known)
            for name, raw in self.raw.items()
        }

    def _below(self, key: str) -> yaml.Node:
        mark = yaml.Mark(str(self.path), 0, self.line - 1, 0, None, 0)
        return self._nodes[key][1] if key in self._nodes else yaml.Node("", "", mark, mark)

    def _outside(self, key: str, allowed: str, mend: str) -> ValueError:
        if key not in self.raw:
            return self.refused(key, mend.replace("that range", allowed).replace("there", f"in {allowed}"))
        return self.fault(key, f"{key} = {shown(self.raw[key])} is outside {allowed}; {mend}")


def shown(value: object) -> str:
    """A value as a message repeats it, cut where it is long."""
    try:
        return str(value)[:LONGEST_SHOWN]
    except ValueError:  # python writes no integer of more than some thousand digits
        return "a number of thousands of digits"
