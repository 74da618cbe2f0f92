"""Alibaba's GPU trace of 2020 (PAI; Weng and others, NSDI 2022) as a list of jobs. No data is shipped.

``pai_task_table.csv`` has a row for each task of a job and, as published, no headings: ``job_name, task_name,
inst_num, status, start_time, end_time, plan_cpu, plan_mem, plan_gpu, gpu_type``. Where ``pai_job_table.csv`` lies
beside it, submissions are its; else a job is submitted when its first task starts. Times are seconds that, as Unix time
on the clock of UTC+8, keep hour and weekday. ``plan_gpu`` is in percent of an accelerator; a job takes whole ones here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from envs.signals.cells import require_once, shown
from envs.signals.stamps import SiteClock
from envs.signals.workload.job_logs import UNIX_ZERO_S, Floats, JobLog, job_log

if TYPE_CHECKING:
    import pandas as pd

TASKS = (
    *("job_name", "task_name", "inst_num", "status", "start_time", "end_time"),
    *("plan_cpu", "plan_mem", "plan_gpu", "gpu_type"),
)
JOBS = ("job_name", "inst_id", "user", "status", "start_time", "end_time")
TASK_FILE, JOB_FILE = "pai_task_table", "pai_job_table"
LOG_OFFSET_H = 8.0
PERCENT = 100.0


def is_pai(path: Path, first_line: str) -> bool:
    """Whether a file is the trace's table of tasks, by its name or by its headings."""
    return path.name.startswith(TASK_FILE) or {"plan_gpu", "inst_num"} <= set(first_line.strip().split(","))


def read_pai(path: Path, clock: SiteClock) -> JobLog:
    """Read the table of tasks, with the table of jobs where it lies beside.

    Parameters
    ----------
    path : Path
    clock : SiteClock
        The site's wall shows the hours of the log.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = _table(path, TASKS)
    start, end = (_numbers(path, frame, name, 0.0, 1e10) for name in ("start_time", "end_time"))
    instances, share = _numbers(path, frame, "inst_num", 0.0, 1e6), _numbers(path, frame, "plan_gpu", 0.0, 1e6)
    backwards = np.flatnonzero(end < start)
    if backwards.size:
        row = int(backwards[0])
        raise ValueError(
            f"{path}, line {_line(frame, row)}: end_time {end[row]:g} is before start_time {start[row]:g}; remove the "
            "row, or mend it"
        )
    gpus = instances * share / PERCENT
    ran = np.isfinite(start) & np.isfinite(end) & (gpus > 0.0)
    names, of = np.unique(frame["job_name"].to_numpy(str)[ran], return_inverse=True)
    if not names.size:
        raise ValueError(f"{path}: none of its {len(frame)} tasks ran on accelerators; is it the right file?")
    first, last = np.full(len(names), np.inf), np.zeros(len(names))
    np.minimum.at(first, of, start[ran])
    np.maximum.at(last, of, end[ran])
    whole: Floats = np.ceil(np.bincount(of, gpus[ran]) - 1e-9)
    submit = _submissions(path, names, first)
    lasted = last > first
    wall_s = UNIX_ZERO_S + 3600.0 * (LOG_OFFSET_H - clock.utc_offset_h)
    moments = wall_s + submit[lasted], wall_s + first[lasted]
    left_out = int((~ran).sum() + (~lasted).sum())
    return job_log(path, *moments, (last - first)[lasted], whole[lasted], left_out, clock)


def _submissions(path: Path, names: np.ndarray, first: Floats) -> Floats:
    """When the jobs were submitted; when their first task starts, where the table of jobs is not there."""
    beside = path.with_name(path.name.replace(TASK_FILE, JOB_FILE))
    if beside == path or not beside.is_file():
        return first
    jobs = _table(beside, JOBS)
    told = dict(zip(jobs["job_name"].to_numpy(str), _numbers(beside, jobs, "start_time", 0.0, 1e10)))
    found = np.array([told.get(name, np.nan) for name in names])
    return np.where(np.isfinite(found), np.minimum(found, first), first)


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Cells of a table with or without headings; its index is the line."""
    import pandas as pd

    try:
        with path.open(encoding="utf-8") as stream:
            head = stream.readline(10_000).strip().split(",")
        with_headings = "job_name" in head
        names = head if with_headings else list(columns)
        require_once(path, names)
        frame = pd.read_csv(
            path, header=None, names=names, skiprows=int(with_headings), dtype=str, keep_default_na=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise ValueError(
            f"{path}: cannot be read ({str(fault).strip()}); unpack the published archive again"
        ) from fault
    if not with_headings and len(head) != len(columns):
        raise ValueError(f"{path}, line 1: found {len(head)} cells, expected {len(columns)}: {', '.join(columns)}")
    if lacking := [name for name in columns[:1] + ("start_time",) if name not in frame.columns]:
        raise ValueError(f"{path}, line 1: no columns {lacking}; the trace has {', '.join(columns)}")
    frame.index = frame.index + 1 + int(with_headings)
    return frame


def _line(frame: pd.DataFrame, row: int) -> int:
    return int(frame.index[row])


def _numbers(path: Path, frame: pd.DataFrame, name: str, low: float, high: float) -> Floats:
    """A column's numbers; nan where a cell is empty, as the trace leaves what it does not know."""
    import pandas as pd

    if name not in frame.columns:
        raise ValueError(f"{path}, line 1: no column {name!r}; the trace has {', '.join(TASKS)}")
    cells = frame[name]
    values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    empty = (cells.isna() | (cells == "")).to_numpy()
    bad = np.flatnonzero(~empty & ~((values >= low) & (values <= high)))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"{path}, line {_line(frame, row)}, column {name!r}: found {shown(cells.iloc[row])}, expected a number "
            f"from {low:g} to {high:g}; mend the cell, or leave it empty where it is not known"
        )
    return np.where(empty, np.nan, values)
