"""From a CSV or Parquet file and its point map to telemetry on one even clock, with what was odd about the clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.plant.layout import Layout
from envs.signals.cell_numbers import plain_numbers
from envs.signals.cells import line, read_cells, shown
from envs.signals.stamps import SiteClock, on_grid, read_stamps, usual_step_s
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.point_map import PointEntry, PointMap
from envs.twin.telemetry.quantities import QUANTITIES, rows_of
from envs.twin.telemetry.telemetry import EPOCH, Telemetry, timespan

if TYPE_CHECKING:
    import pandas as pd

MOST_READINGS = 60_000_000  # points times steps of the even clock: a year of minutes with a hundred points
LONGEST_HOLE_S = 366.0 * 86_400.0  # between two rows
CLOCK_CHANGE_S = 3600.0  # daylight saving
ON_CHANGE_FRAC = 0.5  # of a setpoint's cells empty: it looks logged on change


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
        Telemetry of one hall, and findings about the clock, columns that no point names, and cells nobody can read.
    """
    path = Path(path)
    frame = read_cells(path)
    frame, stamps, findings = _rows(path, frame, points)
    spacing = usual_step_s(stamps[:1000])
    if not 0.0 < spacing <= step_s:
        raise ValueError(
            f"{path}: rows are {spacing:g} s apart, the scenario's step is {step_s:g} s; give data as fine, or "
            "set scenario.episode.step_s"
        )
    origin = np.ceil(stamps.min() / step_s - 1e-6)
    count = int(np.ceil(stamps.max() / step_s - 1e-6) - origin) + 1
    rows = frame.index.to_numpy()
    _check_span(path, stamps, rows, count * len(points.points))
    findings += _shared_steps(path, stamps, rows, step_s) + _unmapped(frame, points)
    values: dict[str, Floats] = {}
    names: dict[str, list[str]] = {}
    for p in points.points:
        column = _numbers(path, frame, p, findings)
        at = np.ceil((stamps + p.shift_s) / step_s - 1e-6) - origin
        into = values.setdefault(p.channel, np.full((count, rows_of(p.channel, layout)), np.nan))
        names.setdefault(p.channel, [""] * into.shape[1])[p.row] = p.name
        ours = p.in_our_unit(column)
        means = _step_means(_register_power_kw(stamps, ours) if p.is_register else ours, at, count)
        into[:, p.row] = _held(means) if p.hold else means
    start = EPOCH + timespan(origin * step_s)
    return Telemetry.of_hall(values, step_s, start, {k: tuple(v) for k, v in names.items()}), findings


def _rows(path: Path, frame: pd.DataFrame, points: PointMap) -> tuple[pd.DataFrame, Floats, list[Finding]]:
    """Rows that are kept, their moments on the logger's grid [s since `EPOCH`], and what was found about the clock."""
    for name in points.time_columns:
        if name not in frame.columns:
            found = [str(column) for column in frame.columns][:8]
            raise ValueError(f"{path}, line 1: no time column {name!r}; found {found}; set time.column in the map")
    clock = SiteClock(points.utc_offset_h, points.zone)
    times = read_stamps(path, frame, points.time_columns, clock, any_zero=True)
    if len(times) < 3:
        raise ValueError(f"{path}: {len(times)} rows; give at least a day")
    stamps = (times - EPOCH) / np.timedelta64(1, "s")
    again = _exported_twice(frame, points, stamps)
    findings = []
    if again.any():
        where = line(path, int(np.argmax(again)))
        words = f"{int(again.sum())} rows, the first in {where}, repeat an earlier row in every cell; left out"
        findings.append(Finding("clock", "time", words))
        frame, stamps = frame[~again], stamps[~again]
    snapped = on_grid(stamps, usual_step_s(stamps))
    moved = np.abs(snapped - stamps)
    if moved.any():
        words = f"{int((moved > 0).sum())} stamps lay up to {moved.max():.3g} s off the logger's grid; put onto it"
        findings.append(Finding("clock", "time", words))
    stamps, changes = _clock(path, snapped, frame.index.to_numpy())
    return frame, stamps, findings + changes


def _exported_twice(frame: pd.DataFrame, points: PointMap, stamps: Floats) -> NDArray[np.bool_]:
    """Rows whose moment and every reading stood there before: pages that overlap, not a clock set back."""
    again = np.zeros(len(stamps), bool)
    moments, counts = np.unique(stamps, return_counts=True)
    rows = np.flatnonzero(np.isin(stamps, moments[counts > 1]))
    cells = frame.drop(columns=list(points.time_columns)).iloc[rows].astype(str)
    said = ~cells.isin(["", "nan", "None"]).all(axis=1).to_numpy()
    again[rows] = cells.assign(_moment=stamps[rows]).duplicated().to_numpy() & said
    return again


def _clock(path: Path, stamps: Floats, place: NDArray[np.int64]) -> tuple[Floats, list[Finding]]:
    """Stamps with a clock that was set back or forth by an hour put right, and what was found."""
    steps = np.diff(stamps)
    usual = float(np.median(steps))
    findings, mended = [], stamps.copy()
    back = np.flatnonzero(steps < 0.0)
    for row in back:
        jump, where = float(steps[row] - usual), line(path, int(place[row + 1]))
        if abs(jump + CLOCK_CHANGE_S) > usual:
            raise ValueError(
                f"{path}, {where}: the stamp goes back by {-steps[row]:g} s; sort the file, or split it there"
            )
        end = _clock_restored_row(steps, int(row), usual)
        mended[row + 1 : end] -= jump
        words = f"set back by an hour at {where}; {end - row - 1} rows were put right"
        findings.append(Finding("clock", "time", words))
    again = np.flatnonzero(np.diff(mended) == 0.0)
    if again.size:
        where = line(path, int(place[again[0] + 1]))
        words = f"{again.size} stamps come twice, the first in {where}; their readings are averaged"
        findings.append(Finding("clock", "time", words))
    return mended, findings


def _clock_restored_row(steps: Floats, row: int, usual: float) -> int:
    """Row before which a clock that was set back is right again: where it jumps an hour, or the end."""
    later = np.flatnonzero(np.abs(steps[row + 1 :] - usual - CLOCK_CHANGE_S) < 0.5 * usual)
    return int(row + 2 + later[0]) if later.size else len(steps) + 1


def _check_span(path: Path, stamps: Floats, rows: NDArray[np.int64], readings: int) -> None:
    """Refuse a stray stamp or an immense span before anything is allocated."""
    holes = np.diff(stamps)
    row = int(holes.argmax())
    if holes[row] > LONGEST_HOLE_S:
        found = f"{EPOCH + timespan(stamps[row + 1])} comes {holes[row] / 86_400.0:.0f} days after the row above it"
        raise ValueError(
            f"{path}, {line(path, int(rows[row + 1]))}: {found}, expected at most 366; mend it, or split the file"
        )
    if readings > MOST_READINGS:
        raise ValueError(
            f"{path}: steps times points are {readings}, expected at most {MOST_READINGS}; cut the file into years, or "
            "set a longer scenario.episode.step_s"
        )


def _shared_steps(path: Path, stamps: Floats, rows: NDArray[np.int64], step_s: float) -> list[Finding]:
    """Say where rows that should have a step each fall into the same one: the step beside it then looks like a gap."""
    if usual_step_s(stamps[:1000]) < 0.99 * step_s:
        return []
    at = np.ceil(stamps / step_s - 1e-6)
    shared = np.flatnonzero((np.diff(at) == 0.0) & (np.diff(stamps) > 0.0))
    if not shared.size:
        return []
    where = line(path, int(rows[shared[0] + 1]))
    words = (
        f"{shared.size} rows, the first in {where}, fall into the step of the row above them by rounding; they are "
        "averaged and leave a step empty: the logger does not keep its step"
    )
    return [Finding("doubled", "time", words)]


def _unmapped(frame: pd.DataFrame, points: PointMap) -> list[Finding]:
    """Say which columns no entry of the point map names."""
    mapped = {p.name for p in points.points} | set(points.time_columns)
    rest = [str(name) for name in frame.columns if name not in mapped]
    if not rest:
        return []
    words = f"no entry of the point map names it; not read ({len(rest)} such columns: {', '.join(rest)[:200]})"
    return [Finding("unmapped", rest[0], words)]


def _numbers(path: Path, frame: pd.DataFrame, p: PointEntry, findings: list[Finding]) -> Floats:
    """One column; empty cells and words such as ``Bad`` are missing, other words are said."""
    if p.name not in frame.columns:
        found = [str(c) for c in frame.columns][:8]
        raise ValueError(f"{path}: no column {p.name!r}; found {found}, ...; mend the map")
    q = QUANTITIES[p.channel]
    cells = frame[p.name]
    values, unread, unit = plain_numbers(cells, switches=q.kind == "count")
    if unit and unit != p.unit:
        raise ValueError(
            f"{path}, column {p.name!r}: its cells say {unit} ({shown(cells.iloc[0])}), the point map says {p.unit}; "
            "mend unit in the map"
        )
    if unread.any():
        row = int(np.argmax(unread))
        where = line(path, int(frame.index[row]))
        words = (
            f"{int(unread.sum())} of {len(cells)} cells are neither empty nor a number, the first "
            f"{shown(cells.iloc[row])} in {where}; write plain numbers with a decimal point"
        )
        findings.append(Finding("unreadable", p.name, words))
    empty = float(np.mean(~np.isfinite(values) & ~unread))
    if q.role in ("setpoint", "mode") and not p.hold and empty > ON_CHANGE_FRAC:
        words = f"{100 * empty:.0f} % of its cells are empty: it looks logged on change; write hold: true in its entry"
        findings.append(Finding("on change", p.name, words))
    return values


def _register_power_kw(stamps: Floats, energy_kwh: Floats) -> Floats:
    """Mean power [kW] of the time before each reading of an energy register; missing where it was set back."""
    power = np.full(len(stamps), np.nan)
    known = np.flatnonzero(np.isfinite(energy_kwh))
    hours = np.diff(stamps[known]) / 3600.0
    made = np.diff(energy_kwh[known]) / np.where(hours > 0.0, hours, np.nan)
    after_a_gap = np.diff(known) > 1
    power[known[1:]] = np.where((made < 0.0) | after_a_gap, np.nan, made)
    return power


def _step_means(values: Floats, at: Floats, count: int) -> Floats:
    """Means of the readings in each step; NaN where there is none."""
    known = np.isfinite(values) & (at >= 0) & (at < count)
    index = at[known].astype(np.int64)
    total, number = np.bincount(index, values[known], count), np.bincount(index, minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _held(values: Floats) -> Floats:
    """Each reading held until the next one (T,); NaN before the first."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], np.nan)
