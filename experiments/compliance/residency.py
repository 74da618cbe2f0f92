"""Where jobs ran and their data lay, against the sites that their owners allowed; what broke that is told by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.runtime.manifest import file_hash
from envs.signals.cells import line, read_cells, require_columns, shown
from envs.signals.stamps import SiteClock, Times, read_stamps

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("time", "event", "campus", "job", "class", "accelerators", "origin", "allowed", "site", "to", "there")
RAN, MOVED, LOST = "ran", "moved", "lost"
EVENTS = (RAN, MOVED, LOST)
BETWEEN = "+"  # between the sites that a job's owner allows


class Ran(NamedTuple):
    """Starts of jobs of one class on one site."""

    kind: str
    site: str
    starts: int
    came_elsewhere: int


class Residency(NamedTuple):
    """A statement of residency.

    Attributes
    ----------
    file, rows, sha256
        Of the records.
    first, last : str
        The first and the last time in them [UTC].
    ran : tuple of Ran
        By class and site.
    moved : dict
        Moves by the sites that were allowed.
    violations : tuple of str
        Each with line, job and what was broken; empty where every job and its data stayed where they might.
    """

    file: Path
    rows: int
    sha256: str
    first: str
    last: str
    ran: tuple[Ran, ...]
    moved: dict[str, int]
    violations: tuple[str, ...]


class _Said(NamedTuple):
    """What the first row of a job says of it, and the line of that row."""

    origin: str
    allowed: str
    line: str


def residency(path: Path, year: int, utc_offset_h: float = 0.0) -> Residency:
    """Read records of a year of where jobs ran and what moved, and judge them.

    What the first row of a job says of its origin and of the sites that its owner allows holds for all its rows.

    Parameters
    ----------
    path : Path
        A table (CSV or Parquet) with the columns of `COLUMNS`, in the order of time: what ``coldaisle campus
        records=<rule>`` writes, or a scheduler's own.
    year : int
        That is reported, on the clock of local standard time.
    utc_offset_h : float
        Local standard time less UTC [h]; also of stamps that carry no offset.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = read_cells(path)
    require_columns(path, frame, COLUMNS, f"records of residency have {', '.join(COLUMNS)}")
    if frame.empty:
        raise ValueError(f"{path}: no rows, so nothing can be stated; give records of the year")
    text = {name: np.char.strip(frame[name].fillna("").astype(str).to_numpy(str)) for name in COLUMNS}
    text["allowed"] = np.array([_joined(sites) for sites in text["allowed"].tolist()], str)
    _require_filled(path, frame, text)
    clock = SiteClock(utc_offset_h)
    times = read_stamps(path, frame, ("time",), clock)
    falls = np.flatnonzero(np.diff(times) < np.timedelta64(0, "ms"))
    if falls.size:
        raise ValueError(f"{path}, {line(path, int(falls[0]) + 1)}: earlier than the row above it; sort by time")
    _require_year(path, times, year, utc_offset_h)
    moves = text["event"] == MOVED
    there = times.copy()
    if moves.any():
        there[moves] = read_stamps(path, frame.loc[moves], ("there",), clock)
    early = np.flatnonzero(there < times)
    if early.size:
        row = int(early[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column 'there': found {_told(there[row])}, before the move itself at "
            f"{_told(times[row])}; give the time at which the data were at the new site, no earlier than 'time'"
        )
    return _judged(path, text, times, there)


def _require_filled(path: Path, frame: pd.DataFrame, text: dict[str, np.ndarray]) -> None:
    bad = np.flatnonzero(~np.isin(text["event"], EVENTS))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column 'event': found {shown(frame['event'].iloc[row])}, expected one of "
            f"{', '.join(EVENTS)}"
        )
    needed = {name: np.ones(len(frame), bool) for name in ("job", "class", "origin", "allowed", "site")}
    needed |= {name: text["event"] == MOVED for name in ("to", "there")}
    for name, asked in needed.items():
        empty = np.flatnonzero(asked & (text[name] == ""))
        if empty.size:
            raise ValueError(
                f"{path}, {line(path, int(empty[0]))}, column {name!r}: found nothing; fill it in, or leave the row out"
            )


def _require_year(path: Path, times: Times, year: int, utc_offset_h: float) -> None:
    """Refuse rows that lie outside the year that is reported."""
    offset = np.timedelta64(round(utc_offset_h * 3600.0), "s")
    begins, ends = (np.datetime64(f"{of}-01-01T00:00:00", "ms") - offset for of in (year, year + 1))
    outside = np.flatnonzero((times < begins) | (times >= ends))
    if outside.size:
        row = int(outside[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column 'time': found {_told(times[row])}, outside {year}, the year of the "
            f"report ({_told(begins)} to {_told(ends)}); {len(outside)} of {len(times)} rows lie outside; give the "
            "rows of that year alone, with the site where its data lay as origin of a job that moved before"
        )


def _joined(allowed: str) -> str:
    """The sites that are allowed, without the blanks around them."""
    return BETWEEN.join(filter(None, (site.strip() for site in allowed.split(BETWEEN))))


def _told(at: np.datetime64) -> str:
    return f"{np.datetime_as_string(at, unit='s')}Z"


def _judged(path: Path, text: dict[str, np.ndarray], times: Times, there: Times) -> Residency:
    """Follow the data of every job, and hold each row against what was allowed."""
    lies: dict[tuple[str, str], tuple[str, np.datetime64]] = {}
    said: dict[tuple[str, str], _Said] = {}
    starts: Counter[tuple[str, str]] = Counter()
    elsewhere: Counter[tuple[str, str]] = Counter()
    moved: Counter[str] = Counter()
    broken: list[str] = []
    columns = (text[name].tolist() for name in ("event", "campus", "job", "class", "origin", "allowed", "site", "to"))
    for row, (event, campus, job, kind, origin, allowed, site, to) in enumerate(zip(*columns)):
        where = f"{line(path, row)}: job {job}" + (f" of campus {campus}" if campus else "")
        if (campus, job) not in said:
            said[campus, job] = _Said(origin, allowed, line(path, row))
            if origin not in allowed.split(BETWEEN):
                broken.append(f"{where} came with its data to {origin}; allowed: {allowed}")
        first = said[campus, job]
        broken += [f"{where} {words}" for words in _changes(first, origin, allowed)]
        at, since = lies.get((campus, job), (first.origin, times[0]))
        goes = to if event == MOVED else site
        if event != LOST and goes not in first.allowed.split(BETWEEN):
            broken.append(f"{where} {'was sent to' if event == MOVED else 'ran on'} {goes}; allowed: {first.allowed}")
        if site != at:
            broken.append(f"{where} is said to be on {site}; its data lay on {at}")
        elif since > times[row]:
            broken.append(f"{where} is on {site} before its data, which came at {since}")
        if event == MOVED:
            moved[first.allowed] += 1
            lies[campus, job] = to, there[row]
        elif event == RAN:
            starts[kind, site] += 1
            elsewhere[kind, site] += site != first.origin
    ran = tuple(Ran(kind, site, count, elsewhere[kind, site]) for (kind, site), count in sorted(starts.items()))
    period = _told(times[0]), _told(times[-1])
    return Residency(path, len(times), file_hash(path), *period, ran, dict(sorted(moved.items())), tuple(broken))


def _changes(first: _Said, origin: str, allowed: str) -> list[str]:
    """What a row says otherwise than the first row of its job, which holds."""
    found = []
    if set(allowed.split(BETWEEN)) != set(first.allowed.split(BETWEEN)):
        found.append(f"is now allowed {allowed}; {first.line} allowed {first.allowed}, which holds")
    if origin != first.origin:
        found.append(f"is now said to have come to {origin}; {first.line} says {first.origin}, which holds")
    return found
