"""A site's record from what was logged: telemetry of the building, the live loop's own log, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.live.decision_log import logged_table
from envs.plant.flows import COOLING_POWER
from experiments.savings.record import Floats, SiteRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from envs.scenario import Scenario
    from envs.twin.telemetry.point_map import PointMap
    from envs.twin.telemetry.telemetry import Telemetry

HOUR_S = 3600.0
UNIX_TO_EPOCH_H = 262_968  # hours from 1970 to 2000
IN_CONTROL = "in control"
LESS_IT, METERS = "facility_less_it_kw", "cooling_meters_kw"
OUTCOMES = ("cooling_power_kw", "facility_power_kw", LESS_IT, METERS)


def record_of_telemetry(
    path: Path, points: Path, scenario: Scenario, outcome: str, utc_offset_h: float, who: str = ""
) -> SiteRecord:
    """Hours of a CSV or Parquet file.

    Parameters
    ----------
    path, points : Path
        File and point map, as of ``coldaisle calibrate``.
    scenario : Scenario
        Says how many racks and zones the map may name.
    outcome : str
        One of `OUTCOMES`.
    utc_offset_h : float
        Local standard time of the site less UTC [h].
    who : str
        Heading of a column that is 1 where the policy was in control; empty where another log tells.

    Raises
    ------
    ValueError
        Where the outcome is not mapped.
    """
    from envs.plant.datacenter import Plant
    from envs.twin.telemetry.point_map import read_point_map
    from envs.twin.telemetry.read import read_telemetry

    layout = Plant(scenario, "float64").layout
    mapped = read_point_map(points, scenario, layout)
    telemetry, _ = read_telemetry(path, mapped, layout, HOUR_S)
    record = record_of(telemetry, outcome, utc_offset_h)
    if not who:
        return record
    return replace(record, in_control=_who_column(path, mapped, who, utc_offset_h, record))


def record_of(telemetry: Telemetry, outcome: str, utc_offset_h: float) -> SiteRecord:
    """Hours of telemetry of one hall on an hourly clock, whose rows end at their stamps."""
    from envs.twin.telemetry.telemetry import EPOCH

    values = telemetry.series()
    first_h = (telemetry.start_utc[0] - EPOCH) / np.timedelta64(1, "h") - 1.0 + utc_offset_h
    nothing = np.full(telemetry.rows, np.nan)

    def site(name: str) -> Floats:
        found: Floats = values[name][:, 0] if name in values else nothing
        return found

    inlets = values.get("rack_inlet_c")
    return SiteRecord(
        round(float(first_h)),
        _outcome(values, outcome),
        _load(values),
        site("wet_bulb_c"),
        site("dry_bulb_c"),
        nothing if inlets is None else _largest(inlets),
        nothing,
    )


def _outcome(values: dict[str, Floats], outcome: str) -> Floats:
    if outcome == METERS:
        parts = [values[name][:, 0] for name in COOLING_POWER if name in values]
        if not parts:
            raise ValueError(f"outcome = {outcome}, but none of {', '.join(COOLING_POWER)} is in the point map")
        return np.sum(parts, axis=0)
    name = "facility_power_kw" if outcome == LESS_IT else outcome
    if name not in values:
        others = [o for o in OUTCOMES[:2] if o in values] + [METERS] * any(n in values for n in COOLING_POWER)
        raise ValueError(f"outcome = {outcome}, but the point map has no {name}; map it, or give one of {others}")
    return values[name][:, 0] - _load(values) if outcome == LESS_IT else values[name][:, 0]


def _load(values: dict[str, Floats]) -> Floats:
    """IT power: the sum of racks or rows, each that is missing standing for the usual share of the rest."""
    from envs.twin.telemetry.quantities import LOADS

    name = next((n for n in reversed(LOADS) if n in values), None)
    if name is None:
        return np.full(len(next(iter(values.values()))), np.nan)
    parts = values[name]
    known = np.isfinite(parts)
    usual = np.array([column[good].mean() if good.any() else 0.0 for column, good in zip(parts.T, known.T)])
    weight = (known * usual).sum(axis=1) / max(float(usual.sum()), 1e-9)
    total = np.where(known, parts, 0.0).sum(axis=1)
    return np.where(weight > 0.5, total / np.maximum(weight, 1e-9), np.nan)


def _largest(values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.where(known.any(axis=1), np.where(known, values, -np.inf).max(axis=1), np.nan)


def _who_column(path: Path, points: PointMap, who: str, utc_offset_h: float, record: SiteRecord) -> Floats:
    """Share of each hour of the record in which a column says that the policy was in control."""
    from envs.signals.cell_numbers import plain_numbers
    from envs.signals.cells import read_cells, require_column
    from envs.signals.stamps import SiteClock, read_stamps, usual_step_s
    from envs.twin.telemetry.telemetry import EPOCH

    frame = read_cells(path)
    values = plain_numbers(require_column(path, frame, who), switches=True).values
    clock = SiteClock(points.utc_offset_h, points.zone)
    stamps = (read_stamps(path, frame, points.time_columns, clock, any_zero=True) - EPOCH) / np.timedelta64(1, "s")
    if np.nanmin(values) < 0.0 or np.nanmax(values) > 1.0:
        raise ValueError(f"{path}, column {who!r}: holds {np.nanmin(values):g} to {np.nanmax(values):g}; give 0 and 1")
    middle = stamps - 0.5 * usual_step_s(stamps)  # a row belongs to the step that ends at it
    return _hourly(middle / HOUR_S + utc_offset_h, values, record.first_hour, record.hours)


def _hourly(at_h: Floats, values: Floats, first_hour: int, hours: int) -> Floats:
    """Means of values at moments [h since `record.EPOCH`] over the hours of a span."""
    index = np.floor(at_h).astype(np.int64) - first_hour
    known = np.isfinite(values) & (index >= 0) & (index < hours)
    count = np.bincount(index[known], minlength=hours)
    total = np.bincount(index[known], values[known], hours)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


# ---- the live loop's log --------------------------------------------------------------------------------------------


def record_of_log(folder: Path, utc_offset_h: float) -> SiteRecord:
    """Hours of a live loop's log alone: power less IT power as a share of the rated IT power.

    Raises
    ------
    FileNotFoundError
        Where the folder holds no log.
    ValueError
        Where the bundle reads no facility power.
    """
    table = logged_table(folder)
    at_h = table["time_s"].to_numpy() / HOUR_S - UNIX_TO_EPOCH_H + utc_offset_h
    first, last = (int(np.floor(edge)) for edge in (at_h.min(), at_h.max()))
    hours = last - first + 1

    def site(name: str) -> Floats:
        heading = f"measured.{name}[0]"
        if heading not in table.column_names:
            return np.full(hours, np.nan)
        return _hourly(at_h, _column(table, heading), first, hours)

    facility, load = site("facility_power_share"), site("it_power_share")
    if not np.isfinite(facility).any():
        raise ValueError(f"{folder}: the log has no facility_power_share; give telemetry=... and points=... beside it")
    inlets = [name for name in table.column_names if name.startswith("measured.zone_inlet_max_c[")]
    hottest = [_hourly(at_h, _column(table, name), first, hours) for name in inlets]
    inlet = _largest(np.stack(hottest, axis=1)) if hottest else np.full(hours, np.nan)
    record = SiteRecord(
        first, facility - load, load, site("wet_bulb_c"), site("dry_bulb_c"), inlet, np.full(hours, np.nan)
    )
    return with_log(record, folder, utc_offset_h)


def with_log(record: SiteRecord, folder: Path, utc_offset_h: float) -> SiteRecord:
    """The record with who was in control by a live loop's log; while the loop does not run, it controls nothing."""
    table = logged_table(folder, ("time_s", "state", "cycle_s"))
    begin = table["time_s"].to_numpy()
    at_h = begin / HOUR_S - UNIX_TO_EPOCH_H + utc_offset_h
    lasts = np.minimum(np.diff(begin, append=np.inf), table["cycle_s"].to_numpy())
    held = np.array([state == IN_CONTROL for state in table["state"].to_pylist()])
    edges = record.first_hour + np.arange(record.hours)
    share = np.zeros(record.hours)
    index = np.floor(at_h).astype(np.int64) - record.first_hour
    inside = held & (index >= 0) & (index < record.hours)
    np.add.at(share, index[inside], lasts[inside] / HOUR_S)
    ran = (edges >= np.floor(at_h.min())) & (edges <= np.floor(at_h.max()))
    return replace(record, in_control=np.where(ran, np.minimum(share, 1.0), np.nan))


def _column(table: pa.Table, name: str) -> Floats:
    return np.array([np.nan if v is None else float(v) for v in table[name].to_pylist()])
