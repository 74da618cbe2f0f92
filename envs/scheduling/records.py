"""The job table as machine code wants it: what is read of a site, and of a job, stands together in memory.

A `JobTable` of views shows the same memory in the usual shapes, so that all array functions read and write it too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Arrivals, Facts, Ints, JobTable, Ledger, checked_racks

#: A job: what every step reads fills one line of a cache, the rest a second one.
RECORD = np.dtype(
    [(name, np.int16) for name in ("kind", "home", "span", "tier")]
    + [(name, np.float64) for name in ("left_h", "risk_h", "since_s", "restart_left_s")]
    + [(name, np.float64) for name in ("accelerators", "checkpoint_s", "deadline_s", "activity")]
    + [(name, np.float64) for name in ("submit_s", "work_h", "priority", "restart_s")]
    + [("stops", np.int64)]
)
_OWN = ("left_h", "risk_h", "since_s", "restart_left_s", "stops", "home", "span")
_NEVER = ("deadline_s", "checkpoint_s")


class Records(NamedTuple):
    """The memory of a table and its ledger, site by site.

    Attributes
    ----------
    jobs : ndarray of `RECORD` (B, J)
    state : ndarray of int8 (B, J)
    held : ndarray of int16 (B, J, R)
    free : ndarray of int (B, R)
    racks : ndarray of int (R,)
        Accelerators of each rack.
    books : ndarray (B, 4, K)
        The ledger.
    """

    jobs: NDArray[np.void]
    state: NDArray[np.int8]
    held: NDArray[np.int16]
    free: Ints
    racks: Ints
    books: NDArray[np.float64]


def empty_records(slots: int, rack_accelerators: Ints, sites: int, kinds: int) -> Records:
    """No jobs, and nothing asked of K classes; arguments and errors as of `job_table.empty_table`."""
    racks = checked_racks(slots, rack_accelerators, sites)
    jobs = np.zeros((sites, slots), RECORD)
    for name in _NEVER:
        jobs[name] = np.inf
    return Records(
        jobs=jobs,
        state=np.zeros((sites, slots), np.int8),
        held=np.zeros((sites, slots, racks.size), np.int16),
        free=np.repeat(racks[None], sites, axis=0),
        racks=racks,
        books=np.zeros((sites, len(Ledger._fields), kinds)),
    )


def table_of(records: Records) -> JobTable:
    """The table in the usual shapes: views, which write where machine code reads."""
    columns: dict[str, Any] = {name: records.jobs[name].T for name in RECORD.names or ()}
    return JobTable(
        facts=Facts(**{name: columns[name] for name in Facts._fields}),
        state=records.state.T,
        **{name: columns[name] for name in _OWN},
        held=records.held.transpose(1, 2, 0),
        free=records.free.T,
        racks=records.racks,
    )


def ledger_of(records: Records) -> Ledger:
    """The ledger in the usual shapes: views."""
    return Ledger(*records.books.transpose(1, 2, 0))


def coming_of(arrivals: Arrivals) -> NDArray[np.void]:
    """The lists of jobs to come as records ``(L, N)``."""
    found = np.zeros(arrivals.facts.submit_s.shape[::-1], RECORD)
    for name, column in arrivals.facts._asdict().items():
        found[name] = column.T
    return found
