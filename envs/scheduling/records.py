"""The job table as machine code wants it: what is read of a site, and of a job, stands together in memory.

A `JobTable` of views shows the same memory in the usual shapes, so that all array functions read and write it too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Arrivals, Facts, Ints, JobTable, Ledger, checked_racks

#: What every step reads of a job: one line of a cache. ``speed`` is that of the network, as long as nobody moves.
RECORD = np.dtype(
    [(name, np.int16) for name in ("kind", "home", "span", "tier")]
    + [(name, np.float32) for name in ("accelerators", "checkpoint_s", "activity", "speed")]
    + [(name, np.float64) for name in ("left_h", "risk_h", "since_s", "restart_left_s", "deadline_s")]
)
#: The rest of it.
REST = np.dtype(
    [(name, np.float64) for name in ("submit_s", "work_h", "priority", "restart_s")] + [("stops", np.int64)]
)
_LINE = 64  # bytes of a line of a cache
_WORD = 8  # states that are looked at together
_OWN = ("left_h", "risk_h", "since_s", "restart_left_s", "stops", "home", "span")
_NEVER = ("deadline_s", "checkpoint_s")


class Records(NamedTuple):
    """The memory of a table and its ledger, site by site.

    Attributes
    ----------
    jobs, rest : ndarray of `RECORD` and of `REST` (B, J)
    state : ndarray of int8 (B, J)
        J is a multiple of 8.
    words : ndarray of int64 (B, J / 8)
        The same memory: 0 where eight slots are empty.
    held : ndarray of int16 (B, J, R)
    free : ndarray of int (B, R)
    racks : ndarray of int (R,)
        Accelerators of each rack.
    books : ndarray (B, 4, K)
        The ledger.
    moved : ndarray of int8 (B, 2)
        Whether jobs that span racks have come, gone or paused since the network was shared, and whether any job has
        come or gone since the queue was looked at.
    asked : ndarray (B,)
        Accelerators that might be held when the queue was looked at: as long as nobody comes or goes and no more may be
        held, nobody starts.
    """

    jobs: NDArray[np.void]
    rest: NDArray[np.void]
    state: NDArray[np.int8]
    words: NDArray[np.int64]
    held: NDArray[np.int16]
    free: Ints
    racks: Ints
    books: NDArray[np.float64]
    moved: NDArray[np.int8]
    asked: NDArray[np.float64]


def empty_records(slots: int, rack_accelerators: Ints, sites: int, kinds: int) -> Records:
    """No jobs, and nothing asked of K classes; arguments and errors as of `job_table.empty_table`."""
    racks = checked_racks(slots, rack_accelerators, sites)
    slots = -(-slots // _WORD) * _WORD
    jobs = _aligned((sites, slots), RECORD)
    for name in _NEVER:
        jobs[name] = np.inf
    state = np.zeros((sites, slots), np.int8)
    return Records(
        jobs=jobs,
        rest=np.zeros((sites, slots), REST),
        state=state,
        words=state.view(np.int64),
        held=np.zeros((sites, slots, racks.size), np.int16),
        free=np.repeat(racks[None], sites, axis=0),
        racks=racks,
        books=np.zeros((sites, len(Ledger._fields), kinds)),
        moved=np.ones((sites, 2), np.int8),
        asked=np.zeros(sites),
    )


def _aligned(shape: tuple[int, int], kind: np.dtype) -> NDArray[np.void]:
    """Zeros whose records begin where lines of a cache do."""
    size = shape[0] * shape[1] * kind.itemsize
    memory = np.zeros(size + _LINE, np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + size].view(kind).reshape(shape)


def table_of(records: Records) -> JobTable:
    """The table in the usual shapes: views, which write where machine code reads."""
    columns: dict[str, Any] = {
        name: part[name].T for part in (records.jobs, records.rest) for name in part.dtype.names or ()
    }
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


def coming_of(arrivals: Arrivals) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """The lists of jobs to come as records ``(L, N)``: of `RECORD`, and the rest of them."""
    shape = arrivals.facts.submit_s.shape[::-1]
    jobs, rest = np.zeros(shape, RECORD), np.zeros(shape, REST)
    for name, column in arrivals.facts._asdict().items():
        (jobs if name in (RECORD.names or ()) else rest)[name] = column.T
    return jobs, rest
