"""Published tables of jobs that tell how long each ran, not when it started: Microsoft ITP, Philly, Alibaba 2023.

===============  =========================================  =====================================================
trace            columns                                    published with
===============  =========================================  =====================================================
Microsoft ITP    submission_time, duration, num_gpu         ElasticFlow (Gu and others, ASPLOS 2023): two months
                                                            of ten clusters from 4 March 2021 on
Philly           timestamp, duration, num_gpus              Pollux (Qiao and others, OSDI 2021): Philly's log
                                                            (Jeon and others, ATC 2019) as a table
Alibaba 2023     creation_time, deletion_time, num_gpu      FGD (Weng and others, ATC 2023): ``openb_pod_list``
===============  =========================================  =====================================================

Further columns are let be. A pod that shares an accelerator takes a whole one here. No data is shipped.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from envs.signals.cells import line, read_cells, require_column, shown
from envs.signals.stamps import ZERO, SiteClock, read_stamps
from envs.signals.workload.job_logs import Floats, JobLog, job_log

if TYPE_CHECKING:
    import pandas as pd

LONGEST_S = 1e9


class Table(NamedTuple):
    """Headings of a published table; one of ``duration`` and ``end`` is empty.

    ``counts_from`` is the day from whose midnight at the site its seconds count; empty where it has stamps. Alibaba
    does not tell its day: a Monday is taken.
    """

    submit: str
    gpus: str
    duration: str = ""
    end: str = ""
    counts_from: str = ""

    @property
    def headings(self) -> tuple[str, ...]:
        """Those that it must have."""
        return self.submit, self.gpus, self.duration or self.end


TABLES = (
    Table("submission_time", "num_gpu", "duration", counts_from="2021-03-04"),
    Table("timestamp", "num_gpus", "duration"),
    Table("creation_time", "num_gpu", end="deletion_time", counts_from="2001-01-01"),
)


def table_of(headings: Collection[str]) -> Table | None:
    """Which of the tables a file is, by its headings; None for another format."""
    return next((table for table in TABLES if set(headings) >= set(table.headings)), None)


def read_duration_table(path: Path, clock: SiteClock, table: Table) -> JobLog:
    """Read such a table; jobs without accelerators and those that did not last are left out.

    Parameters
    ----------
    path : Path
    clock : SiteClock
        Of stamps that carry no offset.
    table : Table
        As `table_of` found it.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the mend.
    """
    frame = read_cells(path)
    cells = [require_column(path, frame, name).fillna("").astype(str) != "" for name in table.headings]
    filled = np.flatnonzero(np.logical_or.reduce(cells))
    if not filled.size:
        raise ValueError(f"{path}: no rows, expected a job in each; is it the right file?")
    frame = frame[: int(filled[-1]) + 1]  # one that was published ends in an empty line
    submit = _seconds(path, frame, table.submit, clock, table)
    gpus = _numbers(path, frame, table.gpus, 1e6)
    if table.duration:
        lasted = _numbers(path, frame, table.duration, LONGEST_S)
    else:
        lasted = _seconds(path, frame, table.end, clock, table) - submit
        backwards = np.flatnonzero(lasted < 0.0)
        if backwards.size:
            row = int(backwards[0])
            raise ValueError(
                f"{path}, {line(path, row)}: {table.end} is before {table.submit}; remove the row, or mend it"
            )
    ran = (gpus > 0.0) & (lasted > 0.0)
    moments = submit[ran], submit[ran]
    return job_log(path, *moments, lasted[ran], gpus[ran], int((~ran).sum()), clock)


def _seconds(path: Path, frame: pd.DataFrame, name: str, clock: SiteClock, table: Table) -> Floats:
    """Moments of a column, in seconds from `envs.signals.stamps.ZERO` on."""
    if not table.counts_from:
        return np.asarray((read_stamps(path, frame, (name,), clock) - ZERO) / np.timedelta64(1, "s"), np.float64)
    begins_s = float((np.datetime64(table.counts_from, "ms") - ZERO) / np.timedelta64(1, "s"))
    return _numbers(path, frame, name, LONGEST_S) + begins_s - 3600.0 * clock.utc_offset_h


def _numbers(path: Path, frame: pd.DataFrame, name: str, most: float) -> Floats:
    """A column of numbers from 0 on."""
    import pandas as pd

    cells = require_column(path, frame, name)
    found = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~((found >= 0.0) & (found <= most)))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"{path}, {line(path, row)}, column {name!r}: found {shown(cells.iloc[row])}, expected a number from 0 to "
            f"{most:g}; mend the cell, or leave the row out"
        )
    return found
