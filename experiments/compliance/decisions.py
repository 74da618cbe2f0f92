"""Who wrote which setpoint: the loop's log of a year, sealed day by day, and each write with its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.live.decision_log import Value, logged_rows, segments
from envs.signals.cells import listed
from envs.whole_file import whole_file

WRITES = "setpoints.csv"
WRITTEN, READ_BACK = "written.", "read_back."
NEEDED = ("time_s", "run", "cycle", "mode", "kind", "state", "approved_by", "reason", "shield", "policy_hash")
HEAD = ("time", "run", "cycle", "mode", "kind", "who", "setpoint", "written", "read_back", "reason", "shield", "policy")


class Day(NamedTuple):
    """Rows of a day of the log (UTC), how many they are, and their hash.

    The hash is of the rows, not of the files: the loop joins its segments as it goes.
    """

    day: str
    rows: int
    sha256: str


class Decisions(NamedTuple):
    """What the loop's log of a year says.

    Attributes
    ----------
    folder : Path
    days : tuple of Day
    cycles : dict
        Rows by mode and state.
    writes : tuple of tuple
        Setpoints that were written, as `HEAD` names them, each cell as text; what the log does not have is empty.
    """

    folder: Path
    days: tuple[Day, ...]
    cycles: dict[str, int]
    writes: tuple[tuple[str, ...], ...]


def decisions(folder: Path, year: int, utc_offset_h: float, most: Mapping[str, int] | None = None) -> Decisions:
    """Read the log of a loop in the order of time, and keep what lies in a year of local standard time.

    Parameters
    ----------
    folder : Path
    year : int
    utc_offset_h : float
        Local standard time less UTC [h].
    most : mapping, optional
        Rows by day that are kept, of the days that are named alone: what the log had when it was sealed.

    Raises
    ------
    FileNotFoundError
        Where the folder holds no log.
    ValueError
        Where a segment cannot be read, a column or a time is missing, or no row lies in the year.
    """
    edges = [
        datetime(of, 1, 1, tzinfo=UTC).timestamp() - 3600.0 * utc_offset_h for of in (year, year + 1)
    ]  # fmt: skip
    by_day: dict[str, list[dict[str, Value]]] = {}
    cycles: Counter[str] = Counter()
    writes: list[tuple[str, ...]] = []
    for time_s, row in sorted(_timed(folder), key=lambda one: one[0]):  # a later run's file may sort before
        day = _stamp(time_s)[:10]
        is_sealed = most is None or len(by_day.get(day, ())) < most.get(day, 0)
        if edges[0] <= time_s < edges[1] and is_sealed:
            by_day.setdefault(day, []).append(row)
            cycles[f"{_cell(row['mode'])}, {_cell(row['state']) or _cell(row['kind'])}"] += 1
            writes += _writes(row, time_s)
    if not by_day:
        raise ValueError(f"{folder}: no cycle of its log lies in {year}; give the log of that year")
    days = tuple(Day(day, len(rows), _hash(rows)) for day, rows in by_day.items())
    return Decisions(folder, days, dict(cycles), tuple(writes))


def write_setpoints(path: Path, writes: Sequence[Sequence[str]]) -> None:
    """Write each setpoint that the loop wrote as a row of a CSV file."""
    import csv

    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([HEAD, *writes])


def _timed(folder: Path) -> Iterator[tuple[float, dict[str, Value]]]:
    """Rows of a log with their times [s], each of which has the columns that are told."""
    for number, row in enumerate(_rows(folder), 1):
        lacking = [name for name in NEEDED if name not in row]
        if lacking:
            raise ValueError(
                f"{segments(folder)[0]}: no segment of this log has the columns {lacking}; found: {listed(row)}; give "
                "the folder that `coldaisle serve` writes, as it wrote it"
            )
        time_s = row["time_s"]
        if isinstance(time_s, str) or time_s is None or not np.isfinite(time_s):
            raise ValueError(
                f"{folder}, row {number} of its log, column 'time_s': found {time_s!r}, expected seconds since 1970; "
                "the log was changed: bring it back from a copy"
            )
        yield float(time_s), row


def _rows(folder: Path) -> Iterator[dict[str, Value]]:
    try:
        yield from logged_rows(folder)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError) as fault:  # pyarrow's, where segments differ in the kind of a column
        raise ValueError(
            f"{folder}: its log cannot be read ({str(fault)[:200]}); it was changed, or cut short"
        ) from fault


def _writes(row: Mapping[str, Value], time_s: float) -> list[tuple[str, ...]]:
    """The setpoints that a row tells as written, as `HEAD` names them."""
    found = []
    for name, value in row.items():
        if name.startswith(WRITTEN) and isinstance(value, float) and np.isfinite(value):
            key = name.removeprefix(WRITTEN)
            back = row.get(READ_BACK + key)
            head = _stamp(time_s), row["run"], row["cycle"], row["mode"], row["kind"], row["approved_by"]
            tail = row["reason"], row["shield"], _cell(row["policy_hash"])[:12]
            found.append(tuple(_cell(cell) for cell in (*head, key, value, back, *tail)))
    return found


def _cell(value: Value) -> str:
    """A cell as text; what is missing stays empty, so that nobody is named by it."""
    is_empty = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if is_empty else str(value).strip()


def _stamp(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hash(rows: Sequence[Mapping[str, Value]]) -> str:
    """Of the rows in their order; a column that a row does not have and one without value are alike."""
    digest = hashlib.sha256()
    for row in rows:
        told = {name: value for name, value in row.items() if value is not None}
        digest.update(json.dumps(told, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
