"""Markdown of the generated pages: prose, tables, and what docstrings say of attributes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from experiments.keys import attribute_meanings, number, shown, span, summary_words

__all__ = ["attribute_meanings", "code", "columns", "number", "page", "prose", "shown", "span", "summary", "table"]

MADE = "<!-- Made by `python -m scripts.generate_docs`. Change the table that it names, not this page. -->"
COLUMNS = 100


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


def summary(cls: type) -> str:
    """What the docstring of a class says before its list of attributes."""
    return prose(summary_words(cls))


def columns(cls: type) -> str:
    """What each column of a table means, as its row's class says."""
    return table(("column", "means"), ((code(name), words) for name, words in attribute_meanings(cls).items()))
