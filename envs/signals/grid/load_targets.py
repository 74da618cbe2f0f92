"""A list of load targets in a file: when the grid asks a site to draw less, by how much, and when it says so.

CSV or Parquet with the columns ``start``, ``end``, ``reduce_frac`` and, where it is told before, ``notice_h``; or YAML,
a list of the same keys. Stamps go through the one reader of time; without an offset they are the site's clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from envs.signals.cells import line, listed, read_cells
from envs.signals.grid.demand_response import DemandResponseEvent
from envs.signals.plain_year import is_leap_day, since_new_year_s
from envs.signals.stamps import SiteClock, Times, read_stamps
from envs.signals.table_file import Column, numbers_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("start", "end", "reduce_frac")
NOTICE = "notice_h"
_NUMBERS = {
    "reduce_frac": Column("reduce_frac", 0.0, 1.0, "1", "of the power before, such as 0.25"),
    NOTICE: Column(NOTICE, 0.0, 168.0, "h", "hours before the start"),
}
YEAR = 2023  # generated grids begin in it
LEAST_GAP = np.timedelta64(1, "h")  # the longest control step: an event's base is the power of the step before it


def read_load_targets(path: Path, clock: SiteClock) -> tuple[DemandResponseEvent, ...]:
    """Read the events of a file, by their start; they recur at the same day of every year.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, what was found and the mend.
    """
    frame = _yaml_cells(path) if path.suffix in (".yaml", ".yml") else read_cells(path)
    lacking = [name for name in COLUMNS if name not in frame.columns]
    others = [name for name in frame.columns if name not in (*COLUMNS, NOTICE)]
    if lacking or others or not len(frame):
        found = f"no {lacking}" if lacking else f"unknown {others}" if others else "no rows"
        raise ValueError(
            f"{path}, line 1: {found}; found: {listed(frame.columns)}; load targets have {', '.join(COLUMNS)} and, if "
            f"they are told before, {NOTICE}"
        )
    start, end = (read_stamps(path, frame, (name,), clock) for name in COLUMNS[:2])
    reduce, notice = (
        numbers_of(path, frame, _NUMBERS[name]) if name in frame.columns else np.zeros(len(frame))
        for name in ("reduce_frac", NOTICE)
    )
    order = np.argsort(start, kind="stable")
    _require_order(path, start, end, order, clock)
    moved = _in_year(start, clock)
    lasts_s = (end - start) / np.timedelta64(1, "s")
    events = []
    for k in order:
        try:
            events.append(DemandResponseEvent(moved[k], float(lasts_s[k]), float(notice[k]) * 3600.0, float(reduce[k])))
        except ValueError as fault:
            raise ValueError(f"{path}, {line(path, int(k))}: {fault}") from fault
    return tuple(events)


def _yaml_cells(path: Path) -> pd.DataFrame:
    """The entries of a YAML list as rows of text."""
    import pandas as pd
    import yaml

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give load targets as .yaml, .csv or .parquet")
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # stamps stay text for the one reader
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise ValueError(f"{path}: {fault}; give a YAML list of {', '.join(COLUMNS)}") from fault
    flat = isinstance(entries, list) and all(
        isinstance(one, dict) and all(isinstance(x, str) for x in one.values()) for one in entries
    )
    if not flat:
        raise ValueError(f"{path}: found no list of entries; give a YAML list of {', '.join(COLUMNS)}")
    return pd.DataFrame(entries, dtype=str)


def _local(times: Times, clock: SiteClock) -> Times:
    return times + np.timedelta64(round(clock.utc_offset_h * 3_600_000.0), "ms")


def _require_order(path: Path, start: Times, end: Times, order: np.ndarray, clock: SiteClock) -> None:
    """Refuse events that end before they begin, overlap, or cannot recur every year."""
    for at, k in enumerate(order.tolist()):
        if end[k] <= start[k]:
            raise ValueError(f"{path}, {line(path, k)}: end {end[k]} is not behind start {start[k]}; exchange them")
        if at and start[k] - end[order[at - 1]] < LEAST_GAP:
            raise ValueError(
                f"{path}, {line(path, k)}: it starts at {start[k]}, less than {LEAST_GAP} behind the end of the one "
                "before; leave so much between them: a target is a share of the power before it"
            )
        if is_leap_day(_local(start, clock))[k]:
            raise ValueError(f"{path}, {line(path, k)}: starts on 29 February, which no year here has; move it")
    years = np.unique(_local(start, clock).astype("datetime64[Y]"))
    if len(years) > 1:
        raise ValueError(f"{path}: starts in the years {', '.join(map(str, years))}; give the targets of one year")


def _in_year(start: Times, clock: SiteClock) -> Times:
    """The same days and times of the year in which generated grids begin [UTC]."""
    since_ms = np.round(since_new_year_s(_local(start, clock)) * 1000.0).astype("timedelta64[ms]")
    return _local(np.datetime64(f"{YEAR}-01-01", "ms") + since_ms, SiteClock(-clock.utc_offset_h))
