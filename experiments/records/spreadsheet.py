"""Names in CSV files, written so that a spreadsheet takes none of them for a formula."""

from __future__ import annotations

#: What a spreadsheet begins a formula with, and the mark itself.
BEGINS = ("=", "+", "-", "@", "\t", "\r", "'")


def as_text(name: str) -> str:
    """The name as a cell; a quotation mark before it where it would begin a formula."""
    return f"'{name}" if name.startswith(BEGINS) else name


def from_text(cell: str) -> str:
    """The name that ``as_text`` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(BEGINS) else cell
