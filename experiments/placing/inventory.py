"""Rows of an inventory: a plain CSV, or an export of NetBox or Nautobot as CSV, REST JSON or GraphQL JSON.

What the exports call alike reads alike: custom fields stand without ``cf_``, a nested object is its name, a choice its
value. Every cell is refused by file, line, column, value, what is allowed and the mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from envs.signals.cells import line, listed, read_cells, shown
from envs.unknown_name import unknown_name
from experiments.records.spreadsheet import from_text

SPLIT = ";"
CUSTOM = ("custom_fields", "_custom_field_data")
MOST_BYTES = 256 << 20
ALMOST = 0.8  # likeness of two names from which one is a slip of the pen for the other


class Record(NamedTuple):
    """A row: where it stands, and its cells by plain names; an empty cell is not there."""

    where: str
    cells: dict[str, str]

    def fault(self, words: str) -> ValueError:
        """An error that names the place."""
        return ValueError(f"{self.where}: {words}")

    def text(self, names: Sequence[str], default: str | None = None) -> str:
        """The first of these cells that is there."""
        for name in names:
            if name in self.cells:
                return self.cells[name]
        if default is None:
            raise self.fault(f"no {names[0]}; fill it in, found are: {listed(self.cells)}")
        return default

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        """A number in a range."""
        if name not in self.cells and default is not None:
            return default
        text = self.text([name])
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise self.fault(f"{name} = {shown(text)} is outside {low:g}..{high:g}; give a number in that range")
        return value

    def whole(self, name: str, default: int | None, low: int, high: int) -> int:
        """A whole number in a range."""
        value = self.number(name, default, low, high)
        if value != int(value):
            raise self.fault(f"{name} = {shown(self.cells[name])} is no whole number; give one from {low} to {high}")
        return int(value)

    def choice(self, name: str, known: Iterable[str], default: str | None = None) -> str:
        """One of the known words, whatever its capitals."""
        given, words = self.text([name], default), {word.lower(): word for word in known}
        if given.lower() not in words:
            raise self.fault(unknown_name(name, given, words.values()))
        return words[given.lower()]

    def names(self, name: str, known: Iterable[str], kind: str) -> tuple[str, ...]:
        """Names between semicolons, each of them known and each once; none where the cell is empty."""
        found = tuple(part.strip() for part in self.cells.get(name, "").split(SPLIT) if part.strip())
        for part in found:
            if part not in known:
                raise self.fault(f"{name}: {unknown_name(kind, part, known)}")
        if len(set(found)) < len(found):
            raise self.fault(f"{name} = {shown(self.cells[name])} names one twice; name each once")
        return found


def records(path: Path, columns: Sequence[str], known: Sequence[str] = ()) -> list[Record]:
    """Rows of a file.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.parquet`` or ``.json``.
    columns : sequence of str
        Columns of which the file must have one at least: without any it is another file.
    known : sequence of str
        Columns that are read; one that is spelt almost like one of them, which is not there, is a slip of the pen.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it cannot be read, is empty, or is one page of several.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give a .csv, .parquet or .json file")
    found = _of_json(path) if path.suffix == ".json" else _of_table(path)
    if not found:
        raise ValueError(f"{path}: no rows; give one at least")
    if not any(name in one.cells for one in found for name in columns):
        raise ValueError(
            f"{path}: none of the columns {', '.join(columns)}; found: {listed(found[0].cells)}; is it another file?"
        )
    there = {name for one in found for name in one.cells}
    for name in sorted(there - set(known)):
        if (close := get_close_matches(name, known, n=1, cutoff=ALMOST)) and close[0] not in there:
            raise ValueError(f"{path}: column {shown(name)} is read nowhere; did you mean {close[0]!r}? rename it")
    return found


def _of_table(path: Path) -> list[Record]:
    frame = read_cells(path)
    names = [plain_name(str(name)) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}, line 1: columns {twice} stand twice once read; rename or remove one of each")
    rows = [[from_text(str(cell).strip()) for cell in row] for row in frame.itertuples(index=False)]
    return [
        Record(f"{path}, {line(path, number)}", {name: cell for name, cell in zip(names, row) if cell})
        for number, row in enumerate(rows)
        if any(row)
    ]


def plain_name(name: str) -> str:
    """Name of a column as all exports have it: ``cf_kw`` is ``kw``, ``location__name`` and ``Location`` are one."""
    plain = name.strip().lower().replace(" ", "_").removeprefix("cf_")
    return plain.removesuffix("__name")


def _of_json(path: Path) -> list[Record]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: more than {MOST_BYTES >> 20} MiB; export less, such as the racks of one site")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"{path}: cannot be read as JSON ({fault}); export it again") from fault
    return [Record(f"{path}, entry {n + 1}", _cells(path, n, one)) for n, one in enumerate(_entries(path, content))]


def _entries(path: Path, content: Any) -> list[Any]:
    """The list in an answer of REST (``results``) or GraphQL (``data``), or the list that the file is."""
    if isinstance(content, Mapping) and content.get("errors"):
        raise ValueError(f"{path}: the server answered with errors, not with rows; mend the query and export again")
    if isinstance(content, Mapping) and isinstance(content.get("results"), list):
        if content.get("next"):
            many = f"{len(content['results'])} of {content.get('count')}"
            raise ValueError(f"{path}: one page of several ({many} entries); export again with ?limit=0")
        return list(content["results"])
    if isinstance(content, Mapping) and isinstance(content.get("data"), Mapping):
        lists = [value for value in content["data"].values() if isinstance(value, list)]
        if len(lists) == 1:
            return list(lists[0])
        raise ValueError(f"{path}: {len(lists)} lists under data; ask for one kind of object in a query")
    if isinstance(content, list):
        return content
    raise ValueError(f"{path}: no list of entries; give an answer of REST (results), of GraphQL (data), or a list")


def _cells(path: Path, number: int, entry: Any) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{path}, entry {number + 1}: found {shown(entry)}; give objects with names and values")
    merged = {str(key): value for key, value in entry.items() if key not in CUSTOM}
    for custom in CUSTOM:
        if isinstance(entry.get(custom), Mapping):
            merged |= {str(k): v for k, v in entry[custom].items() if v is not None and plain_name(str(k)) != "id"}
    found = {plain_name(key): _cell(f"{path}, entry {number + 1}", key, value) for key, value in merged.items()}
    return {key: text for key, text in found.items() if text}


def _cell(where: str, key: str, value: Any) -> str:
    """A value as text: of an object its value or name, of a list its parts between semicolons."""
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, Mapping):
        for name in ("value", "name", "display"):
            if isinstance(value.get(name), (str, int, float)):
                return str(value[name]).strip()
        if "url" in value and key in ("status", "location", "rack_group", "power_panel", "rack", "site", "type"):
            raise ValueError(f"{where}: {key} is a reference without a name; export again with ?depth=1")
        return ""
    if isinstance(value, list):
        return SPLIT.join(part for part in (_cell(where, key, one) for one in value) if part)
    return str(value).strip()
