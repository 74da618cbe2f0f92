"""Markdown of the generated pages: prose, tables, and what docstrings say of attributes."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MADE = "<!-- Made by `python -m scripts.generate_docs`. Change the table that it names, not this page. -->"
COLUMNS = 100
LIST = re.compile(r"^(?:Attributes|Parameters|Raises)\n-+\n", re.MULTILINE)
ENTRY = re.compile(r"^([\w, ]+) : [^\n]+\n((?: {4,}[^\n]+\n?)+)", re.MULTILINE)


def page(title: str, *blocks: str) -> str:
    """One page: its title, the note on its origin, and blocks of prose, tables and headings."""
    return "\n\n".join([f"# {title}", MADE, *filter(None, blocks)]) + "\n"


def prose(text: str) -> str:
    """Paragraph wrapped at `COLUMNS`."""
    return textwrap.fill(" ".join(text.split()), COLUMNS, break_long_words=False, break_on_hyphens=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table of the given cells; an empty cell is a dash."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def code(text: str) -> str:
    """Literal text, or nothing where there is none."""
    return f"`{text}`" if text else ""


def number(value: float) -> str:
    """Number as short as it is exact, a truth as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def span(low: float, high: float) -> str:
    """Range in words."""
    return f"{number(low)} to {number(high)}"


def shown(value: Any) -> str:
    """A default or a scenario's value as it is typed on the command line."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    return "null" if value is None else '""' if value == "" else number(value)


def attribute_meanings(cls: type) -> dict[str, str]:
    """Text of each attribute in the numpy docstrings of a class and its parents."""
    found: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        _, *lists = LIST.split(_docstring(part))
        for names, text in (pair for block in lists for pair in ENTRY.findall(block)):
            words = " ".join(text.split()).replace("``", "`")
            found |= {name.strip(): words for name in names.split(",")}
    return found


def summary(cls: type) -> str:
    """What the docstring of a class says before its list of attributes."""
    return prose(LIST.split(_docstring(cls))[0].replace("``", "`"))


def _docstring(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def columns(cls: type) -> str:
    """What each column of a table means, as its row's class says."""
    return table(("column", "means"), ((code(name), words) for name, words in attribute_meanings(cls).items()))
