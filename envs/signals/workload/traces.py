"""Load read from a file: utilisation per rack, shares per class and rack, or a list of jobs to be placed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from envs.signals.cells import read_headings
from envs.signals.series import Column, Series, read_series
from envs.signals.stamps import SiteClock
from envs.signals.table_file import TIME_COLUMN, time_heading
from envs.signals.workload import profiles as tables
from envs.signals.workload import requests
from envs.signals.workload.job_list import SUBMIT_COLUMNS, read_job_list, since_monday_s
from envs.signals.workload.partitions import KIND_SLOTS, Partition
from envs.signals.workload.workload import CLASSES, Workload, blank_workload


def read_workload(
    path: str | Path,
    partitions: Iterable[Partition],
    step_s: float = 300.0,
    *,
    time_column: str = TIME_COLUMN,
    utc_offset_h: float = 0.0,
    zone: str = "",
    seed: int = 0,
) -> Workload:
    """Read a workload trace from a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Two forms are told apart by their headings. A utilisation trace has a time column and, for every rack of the
    partitions, either ``rack_<index>`` or one or both of its ``<class>:<index>`` columns, all 0..1. ``rack_<index>`` is
    the utilisation of a CPU rack, the share of accelerators that train, the load over saturation of an interactive rack
    (the batch law makes phases of it) or the demand of a batch rack over what it can do. A job list has ``submit_s``
    (or ``submit_time``, stamps), ``duration_s``, ``gpus`` and ``class`` (pretrain, finetune or eval) and is placed on
    the shared partition by the scheduler of the generator. Steps are time means; an incomplete last step is cut off.

    Parameters
    ----------
    path : str or Path
        The file.
    partitions : iterable of Partition
        The racks of the hall.
    step_s : float
        Control step [s]; whole minutes for a job list.
    time_column : str
        Heading of the time stamps (evenly spaced, interval starts; formats: `stamps`). ``date`` beside ``time`` is
        read with it.
    utc_offset_h : float
        Site's standard time minus UTC [h], for stamps without an offset and for the place in the week.
    zone : str
        IANA zone whose clock on the wall, with daylight saving, stamps without an offset follow; empty: standard time.
    seed : int
        Job list: draws start-up lengths and the power of evaluation jobs.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found, what was expected and how to mend it.
    """
    path, table = Path(path), tuple(partitions)
    headings = read_headings(path)
    clock = SiteClock(utc_offset_h, zone)
    if set(SUBMIT_COLUMNS) & set(headings):
        return read_job_list(path, table, step_s, clock, seed)
    stamped = time_heading(path) if time_column == TIME_COLUMN else None
    return _read_utilisation(path, table, headings, step_s, stamped or (time_column,), clock)


def _read_utilisation(
    path: Path,
    table: tuple[Partition, ...],
    headings: list[str],
    step_s: float,
    stamped: tuple[str, ...],
    clock: SiteClock,
) -> Workload:
    owner = {rack: partition for partition in table for rack in partition.racks}
    wanted = {name: _target(path, name, owner) for name in headings if name not in stamped}
    missing = sorted(set(owner) - {rack for _, rack in wanted.values()})
    if missing:
        raise ValueError(f"{path}, line 1: no column for rack {missing[0]}; add rack_{missing[0]} (0 where it is idle)")
    columns = [Column(name, 0.0, 1.0, "1", "percent must be divided by 100") for name in wanted]
    series = read_series(path, columns, time_column=stamped, utc_offset_h=clock.utc_offset_h, zone=clock.zone)
    _check_sums(path, series, wanted)
    resampled = _whole_steps(path, series, step_s).resample(step_s)
    workload = blank_workload(table, len(resampled), step_s, -1)
    for name, (slot, rack) in wanted.items():
        _write(workload, owner[rack], slot, rack, resampled.column(name))
    trains = np.isin(workload.slot_class, [CLASSES.index("pretrain"), CLASSES.index("finetune")])
    workload.swing[:] = tables.STEP_SWING_FRAC * (workload.activity * trains).sum(axis=1)
    for partition in table:
        if partition.kind == "frontier":
            workload.job[:, list(partition.racks)] = min(partition.racks)
    return replace(workload, week_start_s=since_monday_s(resampled.start_utc, clock))


def _target(path: Path, name: str, owner: dict[int, Partition]) -> tuple[int | None, int]:
    """Slot (None: the rack's load as a whole) and rack a column speaks of."""
    prefix, _, index = name.partition(":") if ":" in name else name.rpartition("_")
    rack = int(index) if index.isascii() and index.isdigit() and len(index) < 10 else -1
    if rack in owner:
        slots = KIND_SLOTS[owner[rack].kind]
        if ":" not in name and prefix == "rack":
            return None, rack
        if ":" in name and prefix in slots and prefix != "none":
            return slots.index(prefix), rack
        expected = " or ".join([f"rack_{rack}", *(f"{c}:{rack}" for c in slots if c != "none")])
    else:
        expected = f"rack_<index> or <class>:<index> with one of the {len(owner)} rack indices of the partitions"
    raise ValueError(f"{path}, line 1, column '{name}': expected {expected}; rename or remove the column")


def _check_sums(path: Path, series: Series, wanted: dict[str, tuple[int | None, int]]) -> None:
    """Refuse a rack that is named twice or whose classes sum to more than its accelerators."""
    for rack in {rack for _, rack in wanted.values()}:
        names = [name for name, (_, r) in wanted.items() if r == rack]
        if len(names) > 1 and any(wanted[name][0] is None for name in names):
            raise ValueError(f"{path}, line 1, column 'rack_{rack}': expected it or its classes, not both; remove one")
        over = np.flatnonzero(sum(series.column(name) for name in names) > 1.0 + 1e-6)
        if over.size:
            where = f"row {over[0]}" if path.suffix == ".parquet" else f"line {over[0] + 2}"
            raise ValueError(
                f"{path}, {where}, columns '{', '.join(names)}': their sum is above 1, expected shares of the rack's "
                f"accelerators; scale them ({over.size} such rows)"
            )


def _whole_steps(path: Path, series: Series, step_s: float) -> Series:
    """Cut the tail that does not fill a control step; refuse steps of which neither is a multiple of the other."""
    ratio = max(series.step_s / step_s, step_s / series.step_s)
    if abs(ratio - round(ratio)) > 1e-6 * ratio:
        raise ValueError(
            f"{path}: its rows are {series.step_s:g} s apart, the control step is {step_s:g} s, and neither is a "
            f"multiple of the other, so every step would mix parts of rows; resample the file to {step_s:g} s (or a "
            "divisor or multiple of it), or set episode.step_s to its step"
        )
    for count in range(len(series), 0, -1):
        steps = count * series.step_s / step_s
        if steps >= 1.0 and abs(steps - round(steps)) < 1e-9 * steps:
            return series.part(0, count)
    raise ValueError(f"{path}: {len(series)} rows of {series.step_s:g} s hold no whole step of {step_s:g} s")


def _write(workload: Workload, partition: Partition, slot: int | None, rack: int, values: np.ndarray) -> None:
    """Put one column into the arrays, as the kind of its rack understands it."""
    gpu_hours = partition.gpus_per_rack * workload.step_s / 3600.0
    if partition.kind == "batch":
        workload.batch_arrival[:] += (values * gpu_hours).astype(np.float32)
    elif partition.kind == "interactive" and slot is None:
        most, awake = requests.most_load(partition.batch_max), np.ones_like(values)
        phases = requests.serving_activity(values, awake, partition.service, most)
        workload.activity[:, :, rack] = np.stack(phases, axis=1)
        workload.unserved[:] += (requests.beyond(values, awake, most) * gpu_hours).astype(np.float32)
    else:
        workload.activity[:, slot or 0, rack] = values
