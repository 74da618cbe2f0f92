"""Logs of schedulers as lists of jobs: Slurm's ``sacct -P`` and the Standard Workload Format (SWF 2.2).

Slurm: ``sacct -P -X -o JobID,Submit,Start,End,AllocTRES,State`` (further columns are let be). Steps, such as
``1041.batch``, belong to a job that has a row of its own and are left out, as are jobs that never ran or still run.
SWF: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html, fields 2, 3, 4, 5 and 8. Its processors count as
accelerators.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.cells import require_columns, shown
from envs.signals.stamps import ZERO, SiteClock, read_stamps
from envs.signals.workload.job_list import since_monday_s
from envs.signals.workload.jobs import FINETUNE, PRETRAIN, Jobs
from envs.signals.workload.profiles import CLASS_POWER_FRAC

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
SACCT_COLUMNS = ("JobID", "Submit", "Start", "End", "AllocTRES")
NEVER = ("", "Unknown", "None", "N/A")
SWF_FIELDS = 18
LARGE = 16  # accelerators from which a job counts as pretraining, WORKLOAD 6a
UNIX_ZERO_S = float((np.datetime64("1970-01-01T00:00:00", "ms") - ZERO) / np.timedelta64(1, "s"))
_UNIX_START = re.compile(r";\s*UnixStartTime:\s*(\d+)")
_GPUS = re.compile(r"gres/gpu(?P<kind>:[^=,]+)?=(?P<count>\d+)")


class JobLog(NamedTuple):
    """Jobs that ran, by time of submission, each ``(n,)``.

    Attributes
    ----------
    submit_s, start_s, duration_s : ndarray
        From the first submission, and how long they ran [s].
    accelerators : ndarray
    left_out : int
        Rows of the file that are steps, never ran, still run, or have no accelerators.
    week_start_s : float
        Place of the first submission in the week of the site [s since Monday midnight, local standard time]; 0 where
        the log does not tell.
    """

    submit_s: Floats
    start_s: Floats
    duration_s: Floats
    accelerators: Floats
    left_out: int
    week_start_s: float = 0.0


def read_sacct(path: Path, clock: SiteClock) -> JobLog:
    """Read what ``sacct -P`` printed.

    Parameters
    ----------
    path : Path
    clock : SiteClock
        Slurm prints the clock on the wall of the machine that it runs on.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = _sacct_frame(path)
    never = np.zeros(len(frame), bool)
    for column in ("Start", "End"):
        unknown = frame[column].isin(NEVER)
        frame[column] = frame[column].where(~unknown, frame["Submit"])
        never |= unknown.to_numpy()
    submit, start, end = (
        (read_stamps(path, frame, (column,), clock) - ZERO) / np.timedelta64(1, "s")
        for column in ("Submit", "Start", "End")
    )
    require_order(path, submit, start, end, never, lambda row: f"job {shown(frame['JobID'].iloc[row])}")
    gpus = np.array([_gpus(text) for text in frame["AllocTRES"]])
    ran = ~never & (end > start) & (gpus > 0) & ~frame["JobID"].str.contains(".", regex=False).to_numpy()
    return job_log(path, submit[ran], start[ran], (end - start)[ran], gpus[ran], int((~ran).sum()), clock)


def read_swf(path: Path, clock: SiteClock | None = None) -> JobLog:
    """Read a log in the Standard Workload Format; with a clock its ``UnixStartTime`` tells the place in the week.

    Raises
    ------
    ValueError
        Naming file, line, what was found and the mend.
    """
    rows, places, begins = [], [], None
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="strict").splitlines(), 1):
        if found := _UNIX_START.match(text):
            begins = UNIX_ZERO_S + float(found[1])
        fields = text.partition(";")[0].split()
        if not fields:
            continue
        if len(fields) != SWF_FIELDS:
            raise ValueError(
                f"{path}, line {number}: found {len(fields)} fields, expected {SWF_FIELDS}; give -1 for what is unknown"
            )
        try:
            rows.append([float(field) for field in fields])
        except ValueError as fault:
            raise ValueError(f"{path}, line {number}: {fault}, expected numbers; give -1 for what is unknown") from None
        places.append(number)
    if not rows:
        raise ValueError(f"{path}: no jobs, expected lines of {SWF_FIELDS} numbers; is it another format?")
    table = np.array(rows)
    submit, wait, run, allocated, requested = (table[:, field - 1] for field in (2, 3, 4, 5, 8))
    falls = np.flatnonzero(np.diff(submit) < 0.0)
    if falls.size:
        raise ValueError(
            f"{path}, line {places[int(falls[0]) + 1]}: its job is submitted before the one above it, expected rising "
            "submit times; sort the file by its second field"
        )
    processors = np.where(allocated > 0.0, allocated, requested)
    ran = (run > 0.0) & (processors > 0.0) & (submit >= 0.0)
    start = submit + np.maximum(wait, 0.0)
    if begins is None or clock is None:
        return job_log(path, submit[ran], start[ran], run[ran], processors[ran], int((~ran).sum()))
    moments = begins + submit[ran], begins + start[ran]
    return job_log(path, *moments, run[ran], processors[ran], int((~ran).sum()), clock)


def jobs_of_log(log: JobLog) -> Jobs:
    """The log as jobs of the generator: classes by size, as logs name none; no start-up, all ended well."""
    kind = np.where(log.accelerators >= LARGE, PRETRAIN, FINETUNE)
    power = np.where(kind == PRETRAIN, CLASS_POWER_FRAC["pretrain"], CLASS_POWER_FRAC["finetune"])
    nothing, many = np.zeros(len(kind)), log.accelerators.astype(np.int64)
    return Jobs(log.submit_s, log.duration_s, many, kind, power, nothing, nothing, nothing.astype(np.int64))


def _sacct_frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_csv(path, sep="|", dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise ValueError(
            f"{path}: cannot be read ({str(fault).strip()}); give what sacct -P printed, unchanged"
        ) from fault
    require_columns(path, frame, SACCT_COLUMNS, f"print them with sacct -P -X -o {','.join(SACCT_COLUMNS)},State")
    short = np.flatnonzero(frame[list(SACCT_COLUMNS)].isna().any(axis=1))
    if short.size:
        raise ValueError(f"{path}, line {int(short[0]) + 2}: too few columns; give what sacct -P printed, unchanged")
    return frame


def _gpus(text: str) -> float:
    """Accelerators in a list of resources such as ``billing=64,gres/gpu:h100=8,gres/gpu=8,node=1``."""
    found = {match["kind"]: float(match["count"]) for match in _GPUS.finditer(text)}
    return found[None] if None in found else sum(found.values())


def require_order(
    path: Path, submit: Floats, start: Floats, end: Floats, never: NDArray[np.bool_], name: Callable[[int], str]
) -> None:
    """Refuse a job that starts before it is submitted, or ends before it starts, unless it never ran.

    Raises
    ------
    ValueError
        Naming file, line, the job as ``name`` has it, and the mend.
    """
    for later, first, words in ((start, submit, "Start is before Submit"), (end, start, "End is before Start")):
        bad = np.flatnonzero((later < first) & ~never)
        if bad.size:
            row = int(bad[0])
            raise ValueError(
                f"{path}, line {row + 2}: {words} ({name(row)}), expected Submit, Start, End in their order; is the "
                "clock's zone the machine's?"
            )


def job_log(
    path: Path,
    submit: Floats,
    start: Floats,
    duration: Floats,
    accelerators: Floats,
    left_out: int,
    clock: SiteClock | None = None,
) -> JobLog:
    """Jobs that ran, in their order; times count from `envs.signals.stamps.ZERO` where a clock is given.

    Raises
    ------
    ValueError
        Where none ran.
    """
    if not submit.size:
        raise ValueError(
            f"{path}: none of its {left_out} rows is a job that ran on accelerators; is it the right file?"
        )
    order = np.argsort(submit, kind="stable")
    zero = submit.min()
    week_s = 0.0
    if clock is not None:
        week_s = since_monday_s(ZERO + np.timedelta64(round(1000.0 * zero), "ms"), clock)
    moments = submit[order] - zero, start[order] - zero
    return JobLog(*moments, duration[order], accelerators[order], left_out, week_s)
