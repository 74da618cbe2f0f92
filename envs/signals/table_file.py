"""Columns of numbers from a CSV or Parquet file, refused with file, line, column, finding, expectation and mend."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
NEARLY_TIME = ("time", "timestamp", "datetime", "date", "utc", "local_time", "time_utc", "time_local")


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
    time_column: str | None = None,
    utc_offset_h: float = 0.0,
    rows: int | None = None,
) -> Table:
    """Read and check columns of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Parameters
    ----------
    path : str or Path
        The file; its first line names the columns.
    columns : sequence of Column
        What to read and the plausible range of each.
    time_column : str, optional
        Heading of the time stamps (ISO 8601); they must be evenly spaced and rising.
    utc_offset_h : float
        Offset [h] of stamps that carry none themselves (local standard time minus UTC).
    rows : int, optional
        The number of data rows the file must have.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, column, what was found, what was expected and how to mend it.
    """
    path = Path(path)
    frame = read_cells(path)
    if len(frame) == 0 or (rows is not None and len(frame) != rows):
        wanted = "at least one" if rows is None else str(rows)
        raise ValueError(f"{path}: found {len(frame)} data rows, expected {wanted}; complete or cut the file")
    values = {column.name: _numbers(path, frame, column) for column in columns}
    if time_column is None:
        return Table(values, None, None)
    times = _times(path, frame, time_column, utc_offset_h)
    return Table(values, times, _step_s(path, times, time_column))


def read_headings(path: Path) -> list[str]:
    """Names of the columns of a file, without its rows.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_table`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a .csv, .csv.gz or .parquet file")
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_schema  # here, so that importing the environments stays quick

        try:
            return list(read_schema(path).names)
        except (ValueError, OSError) as fault:
            raise ValueError(f"{path}: cannot be read as Parquet ({fault}); write it anew") from fault
    import pandas as pd

    try:
        return [str(name) for name in pd.read_csv(path, nrows=0, skipinitialspace=True).columns]
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as fault:
        raise ValueError(
            f"{path}, line 1: found no headings ({fault}), expected the names of comma-separated columns; write them"
        ) from fault


def time_heading(path: Path) -> str | None:
    """Heading of a table's time stamps, if it has any.

    Raises
    ------
    ValueError
        For a column that is nearly named so: it would be ignored in silence.
    """
    headings = read_headings(path)
    nearly = [name for name in headings if name.strip().lower().replace(" ", "_") in NEARLY_TIME]
    if nearly and TIME_COLUMN not in headings:
        raise ValueError(
            f"{path}, line 1, column '{nearly[0]}': time stamps are read from a column '{TIME_COLUMN}'; rename it, or "
            "remove it where the rows are the hours of a year from 1 January on"
        )
    return TIME_COLUMN if nearly else None


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell as text (CSV) or as stored (Parquet), unchecked."""
    import pandas as pd  # here, so that importing the environments does not import pandas

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a .csv, .csv.gz, .parquet or .epw file")
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as fault:
        raise ValueError(f"{path}: cannot be read as comma-separated text ({fault}); check its delimiter") from fault


def _line(path: Path, row: int) -> str:
    """Where a row stands for the person who opens the file: CSV lines count from 1 with the heading."""
    return f"row {row}" if path.suffix == ".parquet" else f"line {row + 2}"


def _require_column(path: Path, frame: pd.DataFrame, name: str) -> pd.Series:
    """Return the column or an error that lists what there is."""
    if name not in frame.columns:
        found = ", ".join(str(column) for column in frame.columns)
        raise ValueError(f"{path}, line 1: no column '{name}'; found: {found}; rename one or map it in 'columns'")
    return frame[name]


def _numbers(path: Path, frame: pd.DataFrame, column: Column) -> NDArray[np.float64]:
    """One column as float64, each value finite and in range."""
    import pandas as pd

    text = _require_column(path, frame, column.name)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    expected = f"a number in [{column.low:g}, {column.high:g}] {column.unit}"
    unread = np.flatnonzero(~np.isfinite(numbers))
    if unread.size:
        row = int(unread[0])
        raise ValueError(
            f"{path}, {_line(path, row)}, column '{column.name}': found {text.iloc[row]!r}, expected {expected}; "
            f"fill or remove it ({unread.size} such cells)"
        )
    outside = np.flatnonzero((numbers < column.low) | (numbers > column.high))
    if outside.size:
        row = int(outside[0])
        raise ValueError(
            f"{path}, {_line(path, row)}, column '{column.name}': found {numbers[row]:g}, expected {expected}; "
            f"{column.mend} ({outside.size} such cells)"
        )
    return numbers


def _times(path: Path, frame: pd.DataFrame, name: str, utc_offset_h: float) -> NDArray[np.datetime64]:
    """Return the time column in UTC; stamps without an offset are local standard time."""
    import pandas as pd

    text = _require_column(path, frame, name).astype(str)
    stamps = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
    unread = np.flatnonzero(stamps.isna().to_numpy())
    if unread.size:
        row = int(unread[0])
        raise ValueError(
            f"{path}, {_line(path, row)}, column '{name}': found {text.iloc[row]!r}, expected an ISO 8601 time such as "
            "2023-01-31T14:00 (local standard time) or 2023-01-31T14:00Z; rewrite it"
        )
    times = stamps.dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    carries_offset = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True).to_numpy()
    shift = np.timedelta64(round(utc_offset_h * 3600), "s")
    return np.where(carries_offset, times, times - shift)


def _step_s(path: Path, times: NDArray[np.datetime64], name: str) -> float:
    """Return the even step [s] of the stamps."""
    steps = np.diff(times).astype(np.float64)
    if steps.size == 0:
        raise ValueError(f"{path}: one row in column '{name}', expected two or more to know the step")
    rising = np.sort(steps[steps > 0])
    step = float(rising[(rising.size - 1) // 2]) if rising.size else 0.0
    faults = np.flatnonzero((steps <= 0) | (steps != step))
    if faults.size:
        row = int(faults[0])
        found = "repeats" if steps[row] == 0 else "is before" if steps[row] < 0 else f"is {steps[row]:g} s after"
        raise ValueError(
            f"{path}, {_line(path, row + 1)}, column '{name}': {times[row + 1]} {found} the stamp above it, expected "
            f"{step:g} s after; write evenly spaced standard time (no daylight saving) ({faults.size} such steps)"
        )
    return step
