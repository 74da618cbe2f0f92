"""The cells of a CSV or Parquet file, unchecked but bounded; a file that cannot be opened is refused by name."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 1 << 30  # of text, unpacked
MOST_CELLS = 100_000_000  # a year of minutes is half a million rows
LONGEST_SHOWN = 60  # characters of a cell that a message repeats
LONGEST_LIST = 240  # characters of names that a message lists
LONGEST_HEADING = 255  # characters; what is longer is no name
_UNREADABLE = (UnicodeDecodeError, OSError, EOFError, zlib.error, csv.Error)


def read_cells(path: Path) -> pd.DataFrame:
    """Every cell as text (CSV) or as stored (Parquet); an index of moments or with a name is a column like others.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For a damaged or immense file, and for a heading that stands twice, naming the file and the mend.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a .csv, .csv.gz, .parquet or .epw file")
    frame = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    require_once(path, [str(name) for name in frame.columns])
    return frame


def read_headings(path: Path) -> list[str]:
    """Names of the columns of a file, without its rows.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_cells`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a .csv, .csv.gz or .parquet file")
    if path.suffix == ".parquet":
        return [str(name) for name in _parquet(path, rows=False).columns]
    try:
        with gzip.open(path) if _is_packed(path) else path.open("rb") as stream:
            headings = _headings(_with_newlines(stream.readline(1 << 20)))
    except _UNREADABLE as fault:
        raise ValueError(f"{path}, line 1: found no headings ({fault}); {_mend(fault)}") from fault
    if not headings:
        raise ValueError(
            f"{path}, line 1: found no headings (an empty line), expected the names of comma-separated columns; "
            "write them"
        )
    require_once(path, headings)
    return headings


def line(path: Path, row: int) -> str:
    """Where a row stands for the person who opens the file: CSV lines count from 1 with the heading, and a
    list's entries from 1.
    """
    if path.suffix in (".yaml", ".yml"):
        return f"entry {row + 1}"
    return f"row {row}" if path.suffix == ".parquet" else f"line {row + 2}"


def shown(cell: object) -> str:
    """A cell as a message repeats it: quoted, and not longer than a line."""
    text = str(cell)
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "...")


def listed(names: Iterable[object]) -> str:
    """Names as a message lists them, cut off where there are many."""
    text = ", ".join(str(name) for name in names)
    return text if len(text) <= LONGEST_LIST else text[:LONGEST_LIST] + "..."


def require_once(path: Path, headings: list[str]) -> None:
    """Refuse a heading that stands twice, of which one would be ignored, or that is too long to be a name."""
    for index, name in enumerate(headings):
        if len(name) > LONGEST_HEADING:
            raise ValueError(
                f"{path}, line 1, column {index + 1}: the heading {shown(name)} has {len(name)} characters, expected "
                f"at most {LONGEST_HEADING}; is its delimiter a comma? name the columns in line 1"
            )
        if name and name in headings[:index]:
            raise ValueError(
                f"{path}, line 1, column {shown(name)}: the heading stands twice (columns {headings.index(name) + 1} "
                f"and {index + 1}); rename or remove one"
            )


def require_column(path: Path, frame: pd.DataFrame, name: str) -> pd.Series:
    """Return the column or an error that lists what there is."""
    if name not in frame.columns:
        raise ValueError(f"{path}, line 1: no column '{name}'; found: {listed(frame.columns)}; rename one or add it")
    return frame[name]


def require_columns(path: Path, frame: pd.DataFrame, names: Iterable[str], mend: str) -> None:
    """Refuse a table that lacks some of its columns, with what there is and the mend."""
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        raise ValueError(f"{path}, line 1: no columns {lacking}; found: {listed(frame.columns)}; {mend}")


def _headings(text: bytes) -> list[str]:
    """Names in the first line of a text; pandas' name where one is empty."""
    line_1 = text[: text.find(b"\n") + 1 or len(text)].decode("utf-8-sig")
    names = next(csv.reader([line_1.strip("\r\n")], skipinitialspace=True), [])
    return [name if name else f"Unnamed: {index}" for index, name in enumerate(names)]


def _with_newlines(text: bytes) -> bytes:
    """Lines that end in a carriage return alone (of an old Macintosh) end in a newline."""
    return text if b"\n" in text else text.replace(b"\r", b"\n")


def _is_packed(path: Path) -> bool:
    return path.suffix == ".gz"


def _mend(fault: BaseException) -> str:
    """What to do about a file that cannot be opened."""
    if isinstance(fault, UnicodeDecodeError):
        return "its text is not UTF-8: save it as CSV UTF-8"
    if isinstance(fault, (EOFError, zlib.error, gzip.BadGzipFile)):
        return "the gzip file is damaged or cut off: copy or pack it again"
    return "check its delimiter, expected commas"


def _text(path: Path) -> bytes:
    """The file's text, unpacked; no more than `MOST_BYTES` are ever held."""
    with gzip.open(path) if _is_packed(path) else path.open("rb") as stream:
        text = _with_newlines(stream.read(MOST_BYTES + 1))
    columns = text[: text.find(b"\n") + 1].count(b",") + 1
    cells = (text.count(b"\n") + 1) * columns  # with the headings
    if len(text) > MOST_BYTES or cells > MOST_CELLS:
        found = f"more than {MOST_BYTES >> 20} MiB" if len(text) > MOST_BYTES else f"{cells} cells"
        raise ValueError(
            f"{path}: it unpacks to {found}, expected at most {MOST_BYTES >> 20} MiB and {MOST_CELLS} cells; cut it "
            "into years, or leave out columns"
        )
    return text


def _csv(path: Path) -> pd.DataFrame:
    """Cells of comma-separated text."""
    import pandas as pd  # here, so that importing the environments does not import pandas

    try:
        text = _text(path)
        headings = _headings(text)
        require_once(path, headings)
        frame = pd.read_csv(
            io.BytesIO(text),
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            skip_blank_lines=False,
        )
    except _UNREADABLE as fault:
        raise ValueError(f"{path}: cannot be read as comma-separated text ({fault}); {_mend(fault)}") from fault
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        raise ValueError(f"{path}: cannot be read as comma-separated text ({fault}); {_mend(fault)}") from fault
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the cells before those with headings for an index
        raise ValueError(
            f"{path}, line 2: more cells than the {len(headings)} headings of line 1; add the heading that lacks, or "
            "remove the cell"
        )
    return frame


def _parquet(path: Path, rows: bool = True) -> pd.DataFrame:
    """Cells of a Parquet file (or none of its rows), an index that says something among them."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            cells = file.metadata.num_rows * file.metadata.num_columns
            if cells > MOST_CELLS:
                raise ValueError(f"{path}: it holds {cells} cells, expected at most {MOST_CELLS}; cut it into years")
            names = list(file.schema_arrow.names)
            require_once(path, names)
            frame = file.read().to_pandas() if rows else file.schema_arrow.empty_table().to_pandas()
    except (ValueError, OSError, EOFError, KeyError, pa.ArrowException) as fault:
        if str(fault).startswith(str(path)):
            raise
        raise ValueError(f"{path}: cannot be read as Parquet ({fault}); write it anew") from fault
    for name in frame.columns[[pd.api.types.is_object_dtype(t) for t in frame.dtypes]]:  # bytes: text not marked so
        frame[name] = [cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in frame[name]]
    index = frame.index
    if isinstance(index, pd.MultiIndex) or index.name is not None or isinstance(index, pd.DatetimeIndex):
        return frame.reset_index(names=[n if n is not None else f"Unnamed: {i}" for i, n in enumerate(index.names)])
    return frame.reset_index(drop=True)  # numbers of rows, which say nothing
