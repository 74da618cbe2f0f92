"""Job logs that clusters have published: tables of Acme and Helios, and the JSON of Philly; which format a file has.

Acme (Hu and others, NSDI 2024) and Helios (Hu and others, SC 2021): columns ``gpu_num``, ``submit_time``,
``start_time`` and ``end_time``; further ones are let be. Philly (Jeon and others, ATC 2019): ``cluster_job_log``, whose
jobs ran in one or more attempts; their lengths are added up. No data is shipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.signals.cells import line, read_cells, read_headings, require_column, require_columns, shown
from envs.signals.stamps import ZERO, SiteClock, read_stamps
from envs.signals.workload.duration_tables import read_duration_table, table_of
from envs.signals.workload.job_logs import NEVER, Floats, JobLog, job_log, read_sacct, read_swf, require_order
from envs.signals.workload.pai_trace import is_pai, read_pai

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("gpu_num", "submit_time", "start_time", "end_time")
PACIFIC = (" PST", " PDT")  # behind some of Philly's stamps


def read_job_log(path: Path, clock: SiteClock) -> JobLog:
    """Read a job log, whatever its format.

    Parameters
    ----------
    path : Path
        ``.swf``: Standard Workload Format; ``.json``: Philly; ``pai_task_table.csv``: Alibaba; a first line with bars:
        ``sacct -P``; headings of `duration_tables.TABLES`: Microsoft ITP, Philly as a table, Alibaba 2023; else a
        table as of Acme or Helios (CSV or Parquet).
    clock : SiteClock
        Of stamps that carry no offset.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming file, line, what was found and the mend.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give a job log (sacct -P, .swf, .json, .csv or .parquet)")
    if path.suffix == ".swf":
        return read_swf(path, clock)
    if path.suffix == ".json":
        return read_philly(path, clock)
    with path.open("rb") as stream:
        first = stream.readline(10_000).decode("utf-8", "replace")
    if is_pai(path, first):
        return read_pai(path, clock)
    if "|" in first and path.suffix not in (".parquet", ".gz"):
        return read_sacct(path, clock)
    table = table_of(read_headings(path))
    return read_duration_table(path, clock, table) if table else read_cluster_table(path, clock)


def read_cluster_table(path: Path, clock: SiteClock) -> JobLog:
    """Read a table of jobs as Acme and Helios have it.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = read_cells(path)
    require_columns(path, frame, COLUMNS, f"a job log has {', '.join(COLUMNS)}")
    gpus = _counts(path, frame)
    text = {name: require_column(path, frame, name) for name in COLUMNS[1:]}
    never = np.zeros(len(frame), bool)
    for name in ("start_time", "end_time"):
        unknown = text[name].isna() | text[name].astype(str).str.strip().isin(NEVER)
        frame[name] = text[name].where(~unknown, text["submit_time"])
        never |= unknown.to_numpy()
    submit, start, end = (
        (read_stamps(path, frame, (name,), clock) - ZERO) / np.timedelta64(1, "s") for name in COLUMNS[1:]
    )
    require_order(path, submit, start, end, never, lambda row: f"row {row + 1}")
    ran = ~never & (end > start) & (gpus > 0.0)
    return job_log(path, submit[ran], start[ran], (end - start)[ran], gpus[ran], int((~ran).sum()), clock)


def read_philly(path: Path, clock: SiteClock) -> JobLog:
    """Read Philly's ``cluster_job_log``.

    Raises
    ------
    ValueError
        Naming file, entry, what was found and the mend.
    """
    import pandas as pd

    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as fault:
        raise ValueError(f"{path}: cannot be read as JSON ({fault}); give Philly's cluster_job_log") from fault
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path}: expected a list of jobs, as Philly's cluster_job_log is; is it another file?")
    rows = [row for number, entry in enumerate(entries, 1) for row in _attempts(path, number, entry)]
    if not rows:
        raise ValueError(f"{path}: none of its {len(entries)} jobs ran; is it the right file?")
    frame = pd.DataFrame(rows, columns=("job", "gpus", "submit", "start", "end"))
    submit, start, end = (
        (read_stamps(path, frame, (name,), clock) - ZERO) / np.timedelta64(1, "s")
        for name in ("submit", "start", "end")
    )
    require_order(path, submit, start, end, np.zeros(len(frame), bool), lambda row: f"entry {rows[row][0]}")
    _, first, of = np.unique(frame["job"].to_numpy(np.int64), return_index=True, return_inverse=True)
    lasted: Floats = np.asarray(np.bincount(of, end - start), np.float64)
    gpus = np.zeros(len(first))
    np.maximum.at(gpus, of, frame["gpus"].to_numpy(np.float64))
    ran = (lasted > 0.0) & (gpus > 0.0)
    left_out = len(entries) - int(ran.sum())
    return job_log(path, submit[first][ran], start[first][ran], lasted[ran], gpus[ran], left_out, clock)


def _attempts(path: Path, number: int, entry: Any) -> list[tuple[int, int, str, str, str]]:
    """Entry, accelerators, submission, start and end of the attempts of a job that have all of them."""
    try:
        submitted = _stamp(entry["submitted_time"])
        attempts = [
            (number, sum(len(host["gpus"]) for host in attempt["detail"]), submitted, start, end)
            for attempt in entry["attempts"]
            if (start := _stamp(attempt["start_time"])) and (end := _stamp(attempt["end_time"]))
        ]
    except (KeyError, TypeError) as fault:
        raise ValueError(
            f"{path}, entry {number}: {type(fault).__name__} {fault}; expected submitted_time and attempts with "
            "start_time, end_time and detail, as Philly's cluster_job_log has them"
        ) from fault
    return attempts if submitted else []


def _stamp(text: Any) -> str:
    """A stamp without the name of its zone; empty where there is none."""
    found = "" if text is None else str(text).strip()
    for zone in PACIFIC:
        found = found.removesuffix(zone)
    return "" if found in NEVER else found


def _counts(path: Path, frame: pd.DataFrame) -> Floats:
    """Accelerators of the jobs."""
    import pandas as pd

    cells = require_column(path, frame, "gpu_num")
    found = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(found) | (found < 0.0))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column 'gpu_num': found {shown(cells.iloc[row])}, expected a number from 0"
        )
    return found
