"""Lines of the pages that commands write, as wide as those of the pages that people write."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

COLUMNS = 100
_UNBROKEN = re.compile(r"`[^`]*`|\[[^\]]*\]\(|(?<=\d) (?=%|K\b|s\b)")  # code, words of a link, a number's unit
_GAP = "\N{NO-BREAK SPACE}"


def wrapped_lines(lines: Iterable[str]) -> list[str]:
    """Markdown lines with prose and items wrapped at `COLUMNS`; headings and rows of tables stay as they are."""
    made: list[str] = []
    for line in lines:
        is_prose = not line.startswith(("#", "|"))
        made += _pieces(line) if is_prose and len(line) > COLUMNS else [line]
    return made


def _pieces(line: str) -> list[str]:
    """One line of prose as lines of at most `COLUMNS`; those of an item hang below its words."""
    kept = _UNBROKEN.sub(lambda piece: piece[0].replace(" ", _GAP), line)
    hang = "  " if line.startswith("- ") else ""
    parts = textwrap.wrap(kept, COLUMNS, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
    return [part.replace(_GAP, " ") for part in parts]
