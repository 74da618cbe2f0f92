"""A list of jobs read from a file and placed on the shared partition; what it would allocate is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.cells import line, read_cells, require_column, shown
from envs.signals.stamps import SiteClock, read_stamps
from envs.signals.table_file import Column, read_table
from envs.signals.workload.jobs import EVAL, FINETUNE, PRETRAIN, with_power
from envs.signals.workload.partitions import Partition, require
from envs.signals.workload.placement import place_jobs
from envs.signals.workload.profiles import SECONDS_PER_WEEK
from envs.signals.workload.workload import Workload, blank_workload, random_stream, write_jobs

if TYPE_CHECKING:
    import pandas as pd

JOB_KINDS = {"pretrain": PRETRAIN, "finetune": FINETUNE, "eval": EVAL}
SUBMIT_COLUMNS = ("submit_s", "submit_time")  # seconds from the trace's zero, or stamps
SUBMIT_DATE = "submit_date"  # may stand beside submit_time, which is then the time of day
MONDAY = np.datetime64("2024-01-01T00:00:00")
DAY_S = 86_400.0
LATEST_FIRST_S = DAY_S  # a first job later than that counts from another zero
LONGEST_IDLE_S = 28.0 * DAY_S  # without any job
LONGEST_TRACE_S = 731.0 * DAY_S

Floats = NDArray[np.float64]


class JobList(NamedTuple):
    """Rows of a job list in the file's order, each (n,), and the place of second 0 in the week [s]."""

    submit_s: Floats
    duration_s: Floats
    gpus: NDArray[np.int64]
    kind: NDArray[np.int64]
    week_start_s: float


def since_monday_s(moment_utc: np.datetime64, clock: SiteClock) -> float:
    """Place of a moment in the week of a site [s since Monday midnight, local standard time]."""
    since = (moment_utc - MONDAY) / np.timedelta64(1, "s") + 3600.0 * clock.utc_offset_h
    return float(since % SECONDS_PER_WEEK)


def read_job_list(path: Path, table: tuple[Partition, ...], step_s: float, clock: SiteClock, seed: int) -> Workload:
    """Read a job list and place it on the shared partition by the generator's scheduler.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the mend; also for a list that is mostly idle time.
    """
    shared = [partition for partition in table if partition.kind == "shared"]
    require(
        len(shared) == 1,
        f"{path}: partitions",
        [p.kind for p in table],
        "one shared partition for a job list to run on",
    )
    require(step_s % 60 == 0 and step_s > 0, f"{path}: step_s", step_s, "whole minutes, such as 300")
    partition = shared[0]
    rows = _rows(path, partition, clock)
    _check_span(path, rows, partition)
    order = np.argsort(rows.submit_s, kind="stable")
    submit, duration, gpus, kind = (column[order] for column in rows[:4])
    jobs = with_power(partial(random_stream, seed, partition), submit, duration, gpus, kind)
    placed = place_jobs(submit, duration, gpus, len(partition.racks), partition.gpus_per_rack)
    workload = blank_workload(table, int(np.ceil((placed.start_s + duration).max() / step_s)), step_s, -1)
    write_jobs(workload, partition, jobs, placed)
    return replace(workload, week_start_s=rows.week_start_s)


def _rows(path: Path, partition: Partition, clock: SiteClock) -> JobList:
    """Read and check every cell."""
    frame = read_cells(path)
    counted = "submit_s" in frame.columns
    stamped = (SUBMIT_DATE, "submit_time") if SUBMIT_DATE in frame.columns else ("submit_time",)
    most = "the shared partition has no more: split or drop the job"
    columns = [
        Column("duration_s", 1.0, LONGEST_TRACE_S, "s", "drop jobs that never ran; are these seconds?"),
        Column("gpus", 1.0, float(partition.gpus), "accelerators", most),
    ]
    if counted:
        mend = "count seconds from the first row of the trace, or name the column submit_time to have stamps read"
        columns.append(Column("submit_s", 0.0, np.inf, "s", mend))
    numbers = read_table(path, columns, others=("class", *(() if counted else stamped))).columns
    gpus = np.ceil(numbers["gpus"]).astype(np.int64)
    kind = _job_kinds(path, frame)
    if counted:
        return JobList(numbers["submit_s"], numbers["duration_s"], gpus, kind, 0.0)
    moments = read_stamps(path, frame, stamped, clock)
    offset = np.timedelta64(round(clock.utc_offset_h * 3600.0), "s")
    midnight = (moments.min() + offset).astype("datetime64[D]").astype("datetime64[ms]") - offset
    submit = (moments - midnight) / np.timedelta64(1, "s")
    return JobList(submit, numbers["duration_s"], gpus, kind, since_monday_s(midnight, clock))


def _check_span(path: Path, rows: JobList, partition: Partition) -> None:
    """Refuse a list that counts from another zero, holds a stray moment, or asks for years of the partition."""
    order = np.argsort(rows.submit_s, kind="stable")
    submit, first = rows.submit_s[order], int(order[0])
    if submit[0] > LATEST_FIRST_S:
        raise ValueError(
            f"{path}, {line(path, first)}, column 'submit_s': found {submit[0]:.15g} as the first submission, "
            f"{submit[0] / DAY_S:.0f} days after second 0, expected at most {LATEST_FIRST_S:g}; subtract "
            f"{submit[0]:.15g} from the column, or name it submit_time to have it read as stamps"
        )
    ends = np.maximum.accumulate(submit + rows.duration_s[order])
    idle = submit[1:] - ends[:-1]
    if idle.size and idle.max() > LONGEST_IDLE_S:
        row = int(order[int(idle.argmax()) + 1])
        raise ValueError(
            f"{path}, {line(path, row)}: its job comes {idle.max() / DAY_S:.0f} days after the jobs before it have "
            f"ended, expected at most {LONGEST_IDLE_S / DAY_S:g} idle days; mend its submission, or split the file"
        )
    work_s = float((rows.duration_s * rows.gpus).sum()) / partition.gpus
    if max(float(ends[-1]), work_s) > LONGEST_TRACE_S:
        row = int(np.argmax(rows.submit_s + rows.duration_s))
        raise ValueError(
            f"{path}, {line(path, row)}: the list lasts {max(float(ends[-1]), work_s) / DAY_S:.0f} days on "
            f"{partition.gpus} accelerators, expected at most {LONGEST_TRACE_S / DAY_S:g}; cut the file"
        )


def _job_kinds(path: Path, frame: pd.DataFrame) -> NDArray[np.int64]:
    """Column ``class`` of a job list as kinds."""
    if "class" not in frame.columns:
        raise ValueError(f"{path}, line 1: no column 'class'; add one with {', '.join(JOB_KINDS)}")
    names = require_column(path, frame, "class").astype(str).str.strip()
    bad = np.flatnonzero(~names.isin(list(JOB_KINDS)).to_numpy())
    if bad.size:
        found = shown(names.iloc[int(bad[0])])
        raise ValueError(
            f"{path}, {line(path, int(bad[0]))}, column 'class': found {found}, expected {', '.join(JOB_KINDS)}"
        )
    return np.asarray([JOB_KINDS[name] for name in names], np.int64)
