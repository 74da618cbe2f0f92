"""Columns of numbers from a CSV or Parquet file, refused with file, line, column, finding, expectation and mend."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.cell_numbers import plain_numbers
from envs.signals.cells import line, listed, read_cells, read_headings, require_column, shown
from envs.signals.stamps import SiteClock, are_stamps, even_stamps, read_stamps
from envs.unit_text import unit_behind

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column to read: its name in the file and what a plausible value is.

    Parameters
    ----------
    name : str
        The heading in the file.
    low, high : float
        Plausible range, inclusive, in ``unit``.
    unit : str
        The unit the numbers must have.
    mend : str
        What to do when a value leaves the range ("values near 290 are kelvin: subtract 273.15").
    """

    name: str
    low: float = -np.inf
    high: float = np.inf
    unit: str = "1"
    mend: str = "correct or remove the row"


DRY_BULB_C = Column("dry_bulb_c", -70.0, 60.0, "degC", "200..330 looks like kelvin: subtract 273.15; else mend the row")
RH_FRAC = Column("rh_frac", 0.0, 1.05, "1", "above 1 looks like percent: divide by 100")
PRESSURE_PA = Column("pressure_pa", 50e3, 110e3, "Pa", "500..1100 is hPa: multiply by 100; 50..110 is kPa: by 1000")


TIME_COLUMN = "time"
DATE_COLUMN = "date"
#: Words of a heading that speak of time; a column so named is not taken for a number that nobody asked for.
TIME_WORDS = frozenset(
    ["time", "timestamp", "timestamps", "datetime", "date", "utc", "gmt", "ts", "mtu", "stamp", "cet", "cest"]
)
TIME_PARTS = frozenset(["year", "month", "day", "hour", "minute", "yr", "mo", "dy", "hr"])


def packaged_rows(package: str, name: str) -> list[dict[str, str]]:
    """Read the rows of a CSV file that ships inside a package of ours, as text by heading."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


class Table(NamedTuple):
    """What was read: columns (T,) float64 by name and, where the file has one, the time column in UTC."""

    columns: dict[str, NDArray[np.float64]]
    times_utc: NDArray[np.datetime64] | None
    step_s: float | None


def read_table(
    path: str | Path,
    columns: Sequence[Column],
    *,
    time_column: str | Sequence[str] | None = None,
    utc_offset_h: float = 0.0,
    zone: str = "",
    rows: int | None = None,
    others: Collection[str] | None = None,
) -> Table:
    """Read and check columns of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Parameters
    ----------
    path : str or Path
        The file; its first line names the columns.
    columns : sequence of Column
        What to read and the plausible range of each.
    time_column : str or sequence of str, optional
        Heading of the time stamps, or headings of date and time of day (see `stamps`); they must be evenly spaced and
        rising.
    utc_offset_h : float
        Offset [h] of stamps that carry none themselves (local standard time minus UTC).
    zone : str
        IANA zone of the clock on the wall that such stamps follow, with daylight saving; empty: standard time.
    rows : int, optional
        The number of data rows the file must have.
    others : collection of str, optional
        Columns that may be there unread; any further one is refused. None: the caller chose, all may be there.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, column, what was found, what was expected and how to mend it.
    """
    path = Path(path)
    frame = read_cells(path)
    stamped = () if time_column is None else (time_column,) if isinstance(time_column, str) else tuple(time_column)
    if others is not None:
        refuse_others(path, frame, [*stamped, *(column.name for column in columns)], others)
    if len(frame) == 0 or (rows is not None and len(frame) != rows):
        wanted = "at least one" if rows is None else str(rows)
        raise ValueError(f"{path}: found {len(frame)} data rows, expected {wanted}; complete or cut the file")
    values = {column.name: numbers_of(path, frame, column) for column in columns}
    if not stamped:
        return Table(values, None, None)
    times = read_stamps(path, frame, stamped, SiteClock(utc_offset_h, zone))
    return Table(values, *even_stamps(path, " + ".join(stamped), times))


def time_heading(path: Path) -> tuple[str, ...] | None:
    """Heading of a table's time stamps, or headings of date and time of day, if it has any.

    Raises
    ------
    ValueError
        For a column that is nearly named so: it would be ignored in silence.
    """
    headings = read_headings(path)
    plain = {name.strip().lower(): name for name in headings}
    if TIME_COLUMN in plain and DATE_COLUMN in plain:
        return plain[DATE_COLUMN], plain[TIME_COLUMN]
    if TIME_COLUMN in headings:
        return (TIME_COLUMN,)
    nearly = [name for name in headings if _speaks_of_time(name)]
    if nearly:
        raise ValueError(f"{path}, line 1, column '{nearly[0]}': {_time_mend(nearly)}")
    return None


def refuse_others(path: Path, frame: pd.DataFrame, asked: Collection[str], others: Collection[str]) -> None:
    """Refuse columns that nobody asked for: they would be ignored in silence.

    Raises
    ------
    ValueError
        Naming the first of them, and the mend.
    """
    unasked = [str(name) for name in frame.columns if name not in asked and name not in others]
    timely = [name for name in unasked if _speaks_of_time(name) or are_stamps(frame[name])]
    if timely and TIME_COLUMN not in asked:
        raise ValueError(f"{path}, line 1, column '{timely[0]}': {_time_mend(timely)}")
    if unasked:
        raise ValueError(
            f"{path}, line 1, column '{unasked[0]}': nobody asked for it, expected {', '.join(asked)}; rename or "
            f"remove the column ({len(unasked)} such columns: {listed(unasked)})"
        )


def _speaks_of_time(heading: str) -> bool:
    """Whether a word of the heading means time, or the heading is a part of a date, or there is none."""
    plain = heading.strip().lower()
    return plain in TIME_PARTS or plain.startswith("unnamed:") or bool(TIME_WORDS & set(re.split(r"[^a-z]+", plain)))


def _time_mend(headings: Sequence[str]) -> str:
    """What to do with a column of time under another heading."""
    parts = [name for name in headings if name.strip().lower() in TIME_PARTS]
    if headings[0].startswith("Unnamed:"):
        return f"it has no heading; name it '{TIME_COLUMN}' where it holds time stamps, else remove it (index=False)"
    if len(parts) > 1:
        return f"time stamps are read from a column '{TIME_COLUMN}'; join {listed(parts)} into it (2023-01-31T14:00)"
    zone = " and end its stamps in Z" if re.search(r"utc|gmt", headings[0].lower()) else ""
    return (
        f"time stamps are read from a column '{TIME_COLUMN}'; rename it{zone}, or remove it where the rows are the "
        "hours of a year from 1 January on"
    )


def numbers_of(path: Path, frame: pd.DataFrame, column: Column) -> NDArray[np.float64]:
    """One column as float64, each value finite and in range."""
    text = require_column(path, frame, column.name)
    numbers, _, unit = plain_numbers(text)
    expected = f"a number in [{column.low:g}, {column.high:g}]{unit_behind(column.unit)}"
    unread = np.flatnonzero(~np.isfinite(numbers) | (unit not in ("", column.unit)))
    if unread.size:
        row = int(unread[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column '{column.name}': found {shown(text.iloc[row])}, expected {expected}; "
            f"fill or remove it ({unread.size} such cells)"
        )
    outside = np.flatnonzero((numbers < column.low) | (numbers > column.high))
    if outside.size:
        row = int(outside[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column '{column.name}': found {numbers[row]:g}, expected {expected}; "
            f"{column.mend} ({outside.size} such cells)"
        )
    return numbers
