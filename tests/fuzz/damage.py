"""Strategies that damage files: bytes of any file, and the cells, headings and dates of a table."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import parquet

ODD_CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e308", "1e309", "-1e308", "-1", "0", "1", "2", "1e-400", "-0",
    "+5", "5.", ".5",
    "1,234.5", "1,234", "21,4", "21.4 °C", "5 kW", "5 %", "On", "TRUE", "Bad", "None", "0x1F", "1_000", "١٢",
    "Ⅻ", "½",
    "9" * 40, "9" * 5000, '"', '""', "=1+1", "\x00", "\ufeff", "é", "eval", "rack_0", "a\nb", "-", "--",
    "#N/A", "1e5", "1e12",
)  # fmt: skip
ODD_STAMPS = (
    "2023-02-29T00:00", "2023-02-30", "0000-00-00", "9999-12-31T23:59", "10000-01-01", "1899-12-30",
    "1677-09-21T00:12",
    "1969-12-31T23:59:59Z", "2262-04-12T00:00", "2023-01-01T24:00", "2023-01-01T24:01",
    "2023-01-01T00:00+14:00", "2035-01-01",
    "2023-01-01T00:00+14:01", "2023-01-01T00:00-99", "1e18", "-1e18", "253402300800", "1672531200", "1672531200000",
    "44927", "45000.5", "20230101", "202301010000", "99999999999999", "2023-10-29T02:30", "2023-03-26T02:30",
    "T", "now",
    "2023-W01-1", "Jan 1 2023", "01/02/2023 03:04", "2023-01-01T00:00:60", "2023-01-01 00:00 PM", "1e400", "-1", "0",
    "2024-02-29T00:00Z", "2023-01-01T00:00:00.999999999", "2023-01-01T00", "2023-01-01  00:00",
    "\u0662\u0660\u0662\u0663-01-01",
)  # fmt: skip
ODD_HEADINGS = (
    "", " ", "time", "Time", "date", "Date", "time.1", "Unnamed: 0", "index", "rack_0", "rack_1", "rack_00",
    "rack_-1",
    "rack_²", "rack_99999999999999999999", "pretrain:0", "cpu:0", ":0", "submit_s", "submit_time", "class",
    "\ufeffdrybulb_c",
    "drybulb_c ", "a\nb", '"', "é", "carbon_g_kwh", "price_usd_mwh", "x" * 3000,
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-32")
KINDS: dict[str, Callable[[list[str]], pa.Array]] = {
    "text": lambda cells: pa.array(cells),
    "number": lambda cells: pa.array([_number(cell) for cell in cells]),
    "whole": lambda cells: pa.array([_whole(cell) for cell in cells], pa.int64()),
    "bool": lambda cells: pa.array([bool(cell) for cell in cells]),
    "moment": lambda cells: pa.array([_whole(cell) for cell in cells], pa.int64()).cast(pa.timestamp("ns")),
    "moment of a zone": lambda cells: pa.array(
        [3600 * k for k in range(len(cells))], pa.timestamp("s", "Asia/Kolkata")
    ),
    "date": lambda cells: pa.array(list(range(len(cells))), pa.date32()),
    "time of day": lambda cells: pa.array(list(range(len(cells))), pa.time64("us")),
    "duration": lambda cells: pa.array(list(range(len(cells))), pa.duration("s")),
    "decimal": lambda cells: pa.array(list(range(len(cells)))).cast(pa.decimal128(30, 2)),
    "list": lambda cells: pa.array([[1.0]] * len(cells)),
    "struct": lambda cells: pa.array([{"a": 1}] * len(cells)),
    "bytes": lambda cells: pa.array([b"\xff\xfe"] * len(cells)),
    "category": lambda cells: pa.array(cells).dictionary_encode(),
    "nothing": lambda cells: pa.nulls(len(cells)),
    "holes": lambda cells: pa.array([_number(cell) if k % 3 else None for k, cell in enumerate(cells)]),
}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _whole(cell: str) -> int:
    number = _number(cell)
    return int(number) if abs(number) < 9e18 else 0


@dataclass
class Cells:
    """A table as text: headings and rows, which may be of several lengths."""

    headings: list[str]
    rows: list[list[str]]

    def csv(self, comma: str = ",", newline: str = "\n") -> str:
        """Comma-separated text, quoted where it must be for a comma alone."""
        return newline.join(
            comma.join(self._quoted(cell, comma) for cell in row) for row in [self.headings, *self.rows]
        )

    @staticmethod
    def _quoted(cell: str, comma: str) -> str:
        return f'"{cell}"' if comma in cell else cell


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with a few bytes changed, cut out, put in, doubled, or cut off at its end."""
    found = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(found)))
        stop = draw(st.integers(start, min(len(found), start + 40)))
        found[start:stop] = draw(
            st.one_of(
                st.just(b""),
                st.binary(min_size=1, max_size=8),
                st.just(bytes(found[start:stop]) * 2),
                st.sampled_from(
                    (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"1e999", b"-", b"\n", b'"', b"[" * 200)
                ),
            )
        )
        if draw(st.integers(0, 7)) == 0:
            del found[draw(st.integers(0, len(found))) :]
    return bytes(found)


@st.composite
def damaged_cells(draw: st.DrawFn, whole: Cells) -> Cells:
    """A table with odd cells, dates and headings, doubled and lost rows and columns."""
    made = Cells(list(whole.headings), [list(row) for row in whole.rows])
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, max(len(made.rows) - 1, 0)))
        column = draw(st.integers(0, max(len(made.headings) - 1, 0)))
        odd = draw(st.sampled_from(ODD_CELLS + ODD_STAMPS) | st.text(max_size=12) | st.floats().map(repr))
        _DAMAGES[draw(st.sampled_from(sorted(_DAMAGES)))](made, row, column, odd, draw(st.sampled_from(ODD_HEADINGS)))
    return made


def _cell(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    if row < len(t.rows) and column < len(t.rows[row]):
        t.rows[row][column] = odd


def _whole_column(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    for k in range(len(t.rows)):
        _cell(t, k, column, odd, heading)


def _heading(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    if t.headings:
        t.headings[column] = heading


def _double_heading(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    if t.headings:
        t.headings[column] = t.headings[row % len(t.headings)]


def _lost_row(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    del t.rows[row : row + 1]


def _double_row(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    t.rows[row:row] = [list(r) for r in t.rows[row : row + 1]]


def _turned_rows(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    t.rows[row:] = t.rows[row:][::-1]


def _no_rows(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    del t.rows[row % 3 :]


def _lost_column(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    for line in [t.headings, *t.rows]:
        del line[column : column + 1]


def _more_column(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    t.headings.insert(column, heading)
    for line in t.rows:
        line.insert(column, odd)


def _more_cell(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    if row < len(t.rows):
        t.rows[row].append(odd)


def _all_more_cells(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    for line in t.rows:
        line.append(odd)


def _less_cell(t: Cells, row: int, column: int, odd: str, heading: str) -> None:
    if row < len(t.rows):
        del t.rows[row][-1:]


_DAMAGES = {
    f.__name__: f
    for f in (
        _cell, _whole_column, _heading, _double_heading, _lost_row, _double_row, _turned_rows, _no_rows, _lost_column,
        _more_column, _more_cell, _all_more_cells, _less_cell,
    )
}  # fmt: skip


@st.composite
def written_table(draw: st.DrawFn, folder: Path, whole: Cells, suffixes: Sequence[str]) -> Path:
    """A damaged table in a file: text in some encoding, packed or not, or Parquet of some types."""
    suffix = draw(st.sampled_from(suffixes))
    path = folder / f"table{suffix}"
    if suffix == ".parquet" and draw(st.booleans()):
        content = parquet_bytes(draw(damaged_cells(whole)), draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=4)))
    else:
        damaged = draw(damaged_cells(whole)) if draw(st.booleans()) else whole
        comma, newline = (
            draw(st.sampled_from((",", ",", ",", ";", "\t"))),
            draw(st.sampled_from(("\n", "\n", "\r\n", "\r"))),
        )
        encoding = draw(st.sampled_from(ENCODINGS))
        content = damaged.csv(comma, newline).encode(encoding, errors="replace")
        content = parquet_bytes(whole, []) if suffix == ".parquet" else content
    packed = gzip.compress(content, 1) if suffix.endswith(".gz") and draw(st.integers(0, 4)) else content
    path.write_bytes(draw(damaged_bytes(packed)) if draw(st.integers(0, 2)) == 0 else packed)
    return path


def parquet_bytes(table: Cells, kinds: Sequence[str]) -> bytes:
    """A table as Parquet; its first columns have the types asked for, the others are text."""
    count = len(table.rows)
    arrays: list[Any] = []
    for k in range(len(table.headings)):
        cells = [row[k] if k < len(row) else "" for row in table.rows]
        arrays.append(KINDS[kinds[k] if k < len(kinds) else "text"](cells[:count]))
    stream = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, names=table.headings), stream)
    return stream.getvalue()
