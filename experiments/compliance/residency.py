"""Where jobs ran and their data lay, against the sites that their owners allowed; what broke that is told by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.runtime.manifest import file_hash
from envs.signals.cells import line, listed, read_cells, shown
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
    ran: tuple[Ran, ...]
    moved: dict[str, int]
    violations: tuple[str, ...]


def residency(path: Path) -> Residency:
    """Read records of where jobs ran and what moved, and judge them.

    Parameters
    ----------
    path : Path
        A table (CSV or Parquet) with the columns of `COLUMNS`, in the order of time: what ``coldaisle campus
        records=<rule>`` writes, or a scheduler's own.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = read_cells(path)
    lacking = [name for name in COLUMNS if name not in frame.columns]
    if lacking:
        raise ValueError(
            f"{path}, line 1: no columns {lacking}; found: {listed(frame.columns)}; records of residency have "
            f"{', '.join(COLUMNS)}"
        )
    if frame.empty:
        raise ValueError(f"{path}: no rows, so nothing can be stated; give records of the year")
    text = {name: frame[name].fillna("").astype(str).to_numpy(str) for name in COLUMNS}
    _require_filled(path, frame, text)
    clock = SiteClock()
    times = read_stamps(path, frame, ("time",), clock)
    falls = np.flatnonzero(np.diff(times) < np.timedelta64(0, "ms"))
    if falls.size:
        raise ValueError(f"{path}, {line(path, int(falls[0]) + 1)}: earlier than the row above it; sort by time")
    moves = text["event"] == MOVED
    there = times.copy()
    if moves.any():
        there[moves] = read_stamps(path, frame.loc[moves], ("there",), clock)
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
        empty = np.flatnonzero(asked & (np.char.strip(text[name]) == ""))
        if empty.size:
            raise ValueError(
                f"{path}, {line(path, int(empty[0]))}, column {name!r}: found nothing; fill it in, or leave the row out"
            )


def _judged(path: Path, text: dict[str, np.ndarray], times: Times, there: Times) -> Residency:
    """Follow the data of every job, and hold each row against what was allowed."""
    lies: dict[tuple[str, str], tuple[str, np.datetime64]] = {}
    starts: Counter[tuple[str, str]] = Counter()
    elsewhere: Counter[tuple[str, str]] = Counter()
    moved: Counter[str] = Counter()
    broken: list[str] = []
    columns = (text[name].tolist() for name in ("event", "campus", "job", "class", "origin", "allowed", "site", "to"))
    for row, (event, campus, job, kind, origin, allowed, site, to) in enumerate(zip(*columns)):
        at, since = lies.get((campus, job), (origin, times[0]))
        where = f"{line(path, row)}: job {job}" + (f" of campus {campus}" if campus else "")
        goes = to if event == MOVED else site
        if event != LOST and goes not in allowed.split(BETWEEN):
            broken.append(f"{where} {'was sent to' if event == MOVED else 'ran on'} {goes}; allowed: {allowed}")
        if site != at:
            broken.append(f"{where} is said to be on {site}; its data lay on {at}")
        elif since > times[row]:
            broken.append(f"{where} is on {site} before its data, which came at {since}")
        if event == MOVED:
            moved[allowed] += 1
            lies[campus, job] = to, there[row]
        elif event == RAN:
            starts[kind, site] += 1
            elsewhere[kind, site] += site != origin
    ran = tuple(Ran(kind, site, count, elsewhere[kind, site]) for (kind, site), count in sorted(starts.items()))
    return Residency(path, len(times), file_hash(path), ran, dict(sorted(moved.items())), tuple(broken))
