"""From a CSV or Parquet file and its point map to telemetry on one even clock, with what was odd about the clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from envs.physics.namespace import Floats
from envs.plant.layout import Layout
from envs.signals.table_file import read_cells
from envs.twin.telemetry.point_map import PointMap
from envs.twin.telemetry.quantities import rows_of
from envs.twin.telemetry.screening import Finding
from envs.twin.telemetry.telemetry import EPOCH, Telemetry, timespan

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 2_000_000  # of the even clock
CLOCK_CHANGE_S = 3600.0  # daylight saving


def read_telemetry(
    path: str | Path, points: PointMap, layout: Layout, step_s: float
) -> tuple[Telemetry, list[Finding]]:
    """Read the mapped columns of a file.

    Parameters
    ----------
    path : str or Path
        CSV (also gzipped) or Parquet, one row a moment; empty cells are missing readings.
    points : PointMap
        From `point_map.read_point_map`.
    layout : Layout
        Of the scenario.
    step_s : float
        Control step of the scenario [s]: the even clock; a finer file is averaged, rows that lack become gaps.

    Returns
    -------
    tuple
        Telemetry of one hall, and findings about the clock.
    """
    path = Path(path)
    frame = read_cells(path)
    stamps, findings = _clock(path, _stamps(path, frame, points))
    spacing = float(np.median(np.diff(stamps[:1000]))) if len(stamps) > 1 else 0.0
    if not 0.0 < spacing <= step_s:
        raise ValueError(
            f"{path}: rows are {spacing:g} s apart, the scenario's step is {step_s:g} s; give data as fine, or "
            "set scenario.episode.step_s"
        )
    origin = np.ceil(stamps.min() / step_s - 1e-6)
    last = np.ceil(stamps.max() / step_s - 1e-6)
    count = int(last - origin) + 1
    if count > MOST_ROWS:
        raise ValueError(f"{path}: its stamps span {count} steps; a stamp is wrong, or cut the file into years")
    values: dict[str, Floats] = {}
    names: dict[str, list[str]] = {}
    for p in points.points:
        column = _numbers(path, frame, p.name)
        at = np.ceil((stamps + p.shift_s) / step_s - 1e-6) - origin
        into = values.setdefault(p.channel, np.full((count, rows_of(p.channel, layout)), np.nan))
        names.setdefault(p.channel, [""] * into.shape[1])[p.row] = p.name
        into[:, p.row] = _step_means(p.in_our_unit(column), at, count)
    start = EPOCH + timespan(origin * step_s)
    return Telemetry.of_hall(values, step_s, start, {k: tuple(v) for k, v in names.items()}), findings


def _stamps(path: Path, frame: pd.DataFrame, points: PointMap) -> Floats:
    """Stamps in seconds since `EPOCH`; a file that counts seconds may begin at any moment."""
    import pandas as pd

    name = points.time_column
    if name not in frame.columns:
        raise ValueError(f"{path}: no time column {name!r}; found {list(frame.columns)[:8]}; set time.column")
    text = frame[name]
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    if np.isfinite(numbers).all():
        return numbers
    times = pd.to_datetime(text.astype(str), errors="coerce", utc=True, format="ISO8601")
    bad = np.flatnonzero(times.isna().to_numpy())
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"{path}, line {row + 2}, column {name!r}: found {text.iloc[row]!r}, expected an ISO 8601 time such as "
            f"2023-01-31T14:00Z or seconds; rewrite it ({bad.size} such cells)"
        )
    plain = times.dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    carries = text.astype(str).str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True).to_numpy()
    seconds = (plain - EPOCH).astype(np.float64)
    return np.where(carries, seconds, seconds - points.utc_offset_h * 3600.0)


def _clock(path: Path, stamps: Floats) -> tuple[Floats, list[Finding]]:
    """Stamps with a clock that was set back or forth by an hour put right, and what was found."""
    if len(stamps) < 3:
        raise ValueError(f"{path}: {len(stamps)} rows; give at least a day")
    steps = np.diff(stamps)
    usual = float(np.median(steps))
    findings, mended = [], stamps.copy()
    back = np.flatnonzero(steps < 0.0)
    for row in back:
        jump = float(steps[row] - usual)
        if abs(jump + CLOCK_CHANGE_S) > usual:
            raise ValueError(
                f"{path}, line {row + 3}: the stamp goes back by {-steps[row]:g} s; sort the file, or split it there"
            )
        end = _clock_restored_row(steps, int(row), usual)
        mended[row + 1 : end] -= jump
        findings.append(
            Finding("clock", "time", f"set back by an hour at line {row + 3}; {end - row - 1} rows were put right")
        )
    again = int((np.diff(mended) == 0.0).sum())
    if again:
        findings.append(Finding("clock", "time", f"{again} stamps come twice; their readings are averaged"))
    return mended, findings


def _clock_restored_row(steps: Floats, row: int, usual: float) -> int:
    """Row before which a clock that was set back is right again: where it jumps an hour, or the end."""
    later = np.flatnonzero(np.abs(steps[row + 1 :] - usual - CLOCK_CHANGE_S) < 0.5 * usual)
    return int(row + 2 + later[0]) if later.size else len(steps) + 1


def _numbers(path: Path, frame: pd.DataFrame, name: str) -> Floats:
    """One column; empty cells and words such as ``Bad`` are missing."""
    import pandas as pd

    if name not in frame.columns:
        raise ValueError(f"{path}: no column {name!r}; found {[str(c) for c in frame.columns][:8]}, ...; mend the map")
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _step_means(values: Floats, at: Floats, count: int) -> Floats:
    """Means of the readings in each step; NaN where there is none."""
    known = np.isfinite(values) & (at >= 0) & (at < count)
    index = at[known].astype(np.int64)
    total, number = np.bincount(index, values[known], count), np.bincount(index, minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
