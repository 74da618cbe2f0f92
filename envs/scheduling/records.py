"""The job table as machine code wants it: what is read of a site, and of a job, stands together in memory.

A `JobTable` of views shows the same memory in the usual shapes, so that all array functions read and write it too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Arrivals, Facts, Floats, Ints, JobTable, Ledger, checked_racks

#: What every step reads of a job: one line of a cache. ``speed`` is that of the network, as long as nobody moves.
RECORD = np.dtype(
    [(name, np.int16) for name in ("kind", "home", "span", "tier")]
    + [(name, np.float32) for name in ("accelerators", "checkpoint_s", "activity", "speed")]
    + [(name, np.float64) for name in ("left_h", "risk_h", "since_s", "restart_left_s", "deadline_s")]
)
#: The rest of it.
REST = np.dtype(
    [(name, np.float64) for name in ("submit_s", "work_h", "priority", "restart_s", "lead_s")] + [("stops", np.int64)]
)
#: What is known of a site without looking at its jobs: sizes of its lists, whether something has moved, who waits.
ABOUT = np.dtype(
    [(name, np.int16) for name in ("lined", "active")]
    + [(name, np.int8) for name in ("paused", "net_moved", "moved", "unknown")]
    + [(name, np.float64) for name in ("asked", "waiting_size", "waiting_h", "largest", "oldest_s", "first_deadline_s")]
    + [(name, np.float64) for name in ("small_h", "short_h", "urgent_h", "grace_h", "domain")]
)
_LINE = 64  # bytes of a line of a cache
_GAP = 29  # records between sites; odd, so that rows of a power of two of slots do not meet in the same sets
_OWN = ("left_h", "risk_h", "since_s", "restart_left_s", "stops", "home", "span")
_NEVER = ("deadline_s", "checkpoint_s")


class Records(NamedTuple):
    """The memory of a table and its ledger, site by site.

    Attributes
    ----------
    jobs, rest : ndarray of `RECORD` and of `REST` (B, J)
    state : ndarray of int8 (B, J)
    held : ndarray of int16 (B, J, R)
    free : ndarray of int (B, R)
    racks : ndarray of int (R,)
        Accelerators of each rack.
    books, before : ndarray (B, 4, K)
        The ledger, and what it said when a step was booked last.
    about : ndarray of `ABOUT` (B, 1)
        ``net_moved``: jobs that span racks have come, gone or paused since the network was shared. ``moved``: a job has
        come or gone since the queue was looked at; until then, and while no more than ``asked`` accelerators may be
        held, nobody starts. ``unknown``: the lists are not those of the table. ``small_h`` and so on: the order in
        which the queue stands; ``domain``: accelerators of the largest rack.
    line, need, lasts : ndarray of int16, float32 and float64 (B, J)
        Slots of the waiting jobs in their order, their accelerators, and how long they still need at full pace [s]: a
        look at the queue reads no job.
    active : ndarray of int16 (B, J)
        Slots of the jobs that hold accelerators, rising.
    low, above : int
        The racks that jobs may hold are among those from ``low`` to below ``above``; machine code looks at no others.
    """

    jobs: NDArray[np.void]
    rest: NDArray[np.void]
    state: NDArray[np.int8]
    held: NDArray[np.int16]
    free: Ints
    racks: Ints
    books: NDArray[np.float64]
    before: NDArray[np.float64]
    about: NDArray[np.void]
    line: NDArray[np.int16]
    need: NDArray[np.float32]
    lasts: NDArray[np.float64]
    active: NDArray[np.int16]
    low: int
    above: int


def empty_records(slots: int, rack_accelerators: Ints, sites: int, kinds: int) -> Records:
    """No jobs, and nothing asked of K classes; arguments and errors as of `job_table.empty_table`."""
    racks = checked_racks(slots, rack_accelerators, sites)
    jobs = _aligned((sites, slots), RECORD)
    for name in _NEVER:
        jobs[name] = np.inf
    about = np.zeros((sites, 1), ABOUT)
    about["unknown"], about["domain"] = 1, racks.max()
    there = np.flatnonzero(racks) if racks.any() else np.arange(racks.size)
    return Records(
        jobs=jobs,
        rest=np.zeros((sites, slots), REST),
        state=np.zeros((sites, slots), np.int8),
        held=np.zeros((sites, slots, racks.size), np.int16),
        free=np.repeat(racks[None], sites, axis=0),
        racks=racks,
        books=np.zeros((sites, len(Ledger._fields), kinds)),
        before=np.zeros((sites, len(Ledger._fields), kinds)),
        about=about,
        line=np.zeros((sites, slots), np.int16),
        need=np.zeros((sites, slots), np.float32),
        lasts=np.zeros((sites, slots)),
        active=np.zeros((sites, slots), np.int16),
        low=int(there[0]),
        above=int(there[-1]) + 1,
    )


class Scratch(NamedTuple):
    """Memory in which machine code works on one site after the other: of J slots, R racks, U uplinks, G leaves."""

    running: Ints
    later: Ints
    spanning: Ints
    ends: Floats
    speeds: Floats
    rate: Floats
    rising: Floats
    per_rack: Floats
    score: Floats
    lit: Ints
    by_leaf: Floats
    ports: Floats
    left: Floats
    wants: Floats
    mine: NDArray[np.float32]
    racks: Ints


def empty_scratch(records: Records, leaves: int, uplinks: int) -> Scratch:
    """Scratch of its own for each thread."""
    slots, racks = records.state.shape[1], records.racks[records.low : records.above]
    (running, later, spanning), slot_floats = np.zeros((3, slots), np.int64), np.zeros((4, slots))
    ends, speeds, rate, rising = slot_floats
    per_rack, score = 1.0 / np.maximum(racks, 1), np.zeros(racks.size)
    lit, by_leaf = np.zeros(racks.size, np.int64), np.zeros(leaves)
    shared = np.zeros((slots, uplinks)), np.zeros(uplinks), np.zeros(uplinks)
    mine = np.zeros((records.books.shape[2] + 1, racks.size), np.float32)
    own = running, later, spanning, ends, speeds, rate, rising, per_rack, score, lit, by_leaf
    return Scratch(*own, *shared, mine, racks)


def rows_apart(*shape: int) -> NDArray[Any]:
    """Memory for rows of sites ``(..., B)``: rows a power of two apart would share the sets of a cache."""
    return np.empty((*shape[:-1], shape[-1] + _LINE // 4), np.float32)[..., : shape[-1]]


def _aligned(shape: tuple[int, int], kind: np.dtype) -> NDArray[np.void]:
    """Zeros whose records begin where lines of a cache do; the low slots, which are used most, share no cache sets.

    The slots behind the last are nobody's. They stay in the array: a part of it would be another type to machine code
    than the whole, which one site is.
    """
    sites, slots = shape[0], shape[1] + _GAP
    size = sites * slots * kind.itemsize
    memory = np.zeros(size + _LINE, np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + size].view(kind).reshape(sites, slots)


def table_of(records: Records) -> JobTable:
    """The table in the usual shapes: views, which write where machine code reads."""
    slots = records.state.shape[1]
    columns: dict[str, Any] = {
        name: part[name][:, :slots].T for part in (records.jobs, records.rest) for name in part.dtype.names or ()
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
