"""The jobs of all sites as arrays: J slots, each empty or held by one job, and the accelerators that they hold.

Sites stand side by side in the last axis. Nothing here loops over sites or jobs: jobs that start, end or are stopped
are few, and come as lists of slot and site (`Places`). What steps the jobs is named by a verb and **writes into the
arrays that it is given**, since a copy of all would cost more than the step; `control_step.stepped` copies first.
"""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = tuple[Ints, Ints]

EMPTY, WAITING, RUNNING, PAUSED = range(4)
LOOK_AHEAD = 16  # jobs of a site that may come in one step; more wait for the next


class Facts(NamedTuple):
    """What a job is; ``(J, B)`` in a table, ``(N, B)`` in a list of arrivals.

    Attributes
    ----------
    kind : ndarray of int
        Workload class.
    accelerators : ndarray
        It starts on all of them or not at all.
    work_h : ndarray
        Accelerator-hours that it asks.
    submit_s, deadline_s : ndarray
        When it comes, and until when its work counts (inf: without end) [s].
    priority : ndarray
        Higher goes first.
    tier : ndarray of int
        Flexibility, from 0 (neither paused nor stopped) up.
    checkpoint_s, restart_s : ndarray
        Time between checkpoints, and what a start after a stop costs [s].
    activity : ndarray
        Share of its accelerators that is at work while it runs: what the racks draw.
    """

    kind: Ints
    accelerators: Floats
    work_h: Floats
    submit_s: Floats
    deadline_s: Floats
    priority: Floats
    tier: Ints
    checkpoint_s: Floats
    restart_s: Floats
    activity: Floats


class JobTable(NamedTuple):
    """Jobs and what they hold.

    Attributes
    ----------
    facts : Facts (J, B)
    state : ndarray of int (J, B)
        EMPTY, WAITING, RUNNING or PAUSED; a paused job keeps its accelerators.
    left_h : ndarray (J, B)
        Work left [accelerator-h].
    risk_h, since_s : ndarray (J, B)
        Work done since the last checkpoint [accelerator-h], and running time since then [s].
    restart_left_s : ndarray (J, B)
        Until work goes on [s].
    stops : ndarray of int (J, B)
        How often the job was stopped.
    home, span : ndarray of int (J, B)
        The first rack that it stands on, and on how many.
    held : ndarray of int (J, R, B)
        Accelerators on racks.
    free : ndarray of int (R, B)
        Accelerators that nobody holds.
    racks : ndarray of int (R,)
        Accelerators of each rack.
    """

    facts: Facts
    state: NDArray[np.int8]
    left_h: Floats
    risk_h: Floats
    since_s: Floats
    restart_left_s: Floats
    stops: Ints
    home: Ints
    span: Ints
    held: NDArray[np.int16]
    free: Ints
    racks: Ints

    @property
    def taken(self) -> Ints:
        """Accelerators that are held in each site ``(B,)``."""
        return np.asarray(self.racks.sum() - self.free.sum(axis=0))

    @property
    def active(self) -> Bools:
        """Jobs that hold accelerators ``(J, B)``."""
        return np.asarray((self.state == RUNNING) | (self.state == PAUSED))


class Ledger(NamedTuple):
    """Accelerator-hours by class since the beginning ``(K, B)``.

    ``asked = done + redone + lost + waiting``: what is done and not kept is asked again, and stands as redone.
    """

    asked: Floats
    done: Floats
    redone: Floats
    lost: Floats


class Arrivals(NamedTuple):
    """Jobs to come.

    Attributes
    ----------
    facts : Facts (N, L)
        Of L lists, by submit time, rising; a list that is shorter ends in jobs that are submitted at infinity.
    of : ndarray of int (B,)
        List of each site.
    taken : ndarray of int (B,)
        How many of them have come already.
    """

    facts: Facts
    of: Ints
    taken: Ints


def empty_table(slots: int, rack_accelerators: Ints, sites: int) -> JobTable:
    """No jobs on racks with so many accelerators ``(R,)``.

    Raises
    ------
    ValueError
        Where there is no slot, rack or site, or a rack holds more than a table can count.
    """
    racks = checked_racks(slots, rack_accelerators, sites)

    def floats(value: float = 0.0) -> Floats:
        return np.full((slots, sites), value)

    def whole() -> Ints:
        return np.zeros((slots, sites), np.int64)

    facts = Facts(
        kind=whole(),
        accelerators=floats(),
        work_h=floats(),
        submit_s=floats(),
        deadline_s=floats(np.inf),
        priority=floats(),
        tier=whole(),
        checkpoint_s=floats(np.inf),
        restart_s=floats(),
        activity=floats(),
    )
    return JobTable(
        facts=facts,
        state=np.zeros((slots, sites), np.int8),
        left_h=floats(),
        risk_h=floats(),
        since_s=floats(),
        restart_left_s=floats(),
        stops=whole(),
        home=whole(),
        span=whole(),
        held=np.zeros((slots, racks.size, sites), np.int16),
        free=np.repeat(racks[:, None], sites, axis=1),
        racks=racks,
    )


def checked_racks(slots: int, rack_accelerators: Ints, sites: int) -> Ints:
    """Accelerators of each rack, where such a table can be; else an error as of `empty_table`."""
    racks = np.asarray(rack_accelerators, np.int64)
    most = np.iinfo(np.int16).max
    if slots < 1 or sites < 1 or racks.size == 0 or racks.min() < 0 or racks.max() > most:
        raise ValueError(
            f"slots = {slots}, sites = {sites}, rack_accelerators = {racks.tolist()}; give at least one of each, and "
            f"0 to {most} accelerators a rack"
        )
    return racks


def empty_ledger(kinds: int, sites: int) -> Ledger:
    """Nothing asked yet."""
    return Ledger(*(np.zeros((kinds, sites)) for _ in Ledger._fields))


def admit(table: JobTable, ledger: Ledger, arrivals: Arrivals, now_s: Floats | float) -> None:
    """Put jobs that have come into empty slots, the first into the first; who finds none comes later.

    Parameters
    ----------
    table : JobTable
    ledger : Ledger
    arrivals : Arrivals
    now_s : float or ndarray (B,)
        Jobs submitted until then have come [s].
    """
    due = _due(arrivals, now_s)
    if not due.any():
        return
    is_empty = table.state == EMPTY
    rank = np.cumsum(is_empty, axis=0, dtype=np.int16) - 1
    slot, site = np.nonzero(is_empty & (rank < due))
    nth = arrivals.taken[site] + rank[slot, site]
    for mine, coming in zip(table.facts, arrivals.facts):
        mine[slot, site] = coming[nth, arrivals.of[site]]
    came = table.facts.work_h[slot, site]
    np.add.at(ledger.asked, (table.facts.kind[slot, site], site), came)
    arrivals.taken[:] += np.bincount(site, minlength=len(due))
    table.state[slot, site], table.left_h[slot, site] = WAITING, came
    for fresh in (table.risk_h, table.since_s, table.restart_left_s, table.stops):
        fresh[slot, site] = 0


def _due(arrivals: Arrivals, now_s: Floats | float) -> Ints:
    """Jobs of each site that have come and are not in the table ``(B,)``, at most as many as a look ahead finds."""
    submit = arrivals.facts.submit_s
    nth = arrivals.taken + np.arange(LOOK_AHEAD)[:, None]
    known = nth < len(submit)
    found = submit[np.minimum(nth, len(submit) - 1), arrivals.of]
    return np.asarray((known & (found <= now_s)).sum(axis=0))


def release(table: JobTable, places: Places, state: int) -> None:
    """The jobs at ``places`` give their accelerators back and go into a state."""
    slot, site = places
    if slot.size:
        at, rack = np.nonzero(table.held[slot, :, site])
        slots, sites = slot[at], site[at]
        np.add.at(table.free, (rack, sites), table.held[slots, rack, sites])
        table.held[slots, rack, sites] = 0
        table.span[places] = 0
        table.state[places] = state


def remaining_s(table: JobTable, places: Places | EllipsisType = ...) -> Floats:
    """Time that jobs still need at full pace [s]; of all slots ``(J, B)`` where no places are named."""
    need = table.left_h[places] * 3600.0 / np.maximum(table.facts.accelerators[places], 1.0)
    return np.asarray(need + table.restart_left_s[places])


def stop(table: JobTable, ledger: Ledger, places: Places) -> None:
    """Running or paused jobs are stopped: work since the last checkpoint is asked again, a restart is due."""
    slot, site = places
    if not slot.size:
        return
    thrown, of = table.risk_h[places], (table.facts.kind[places], site)
    np.add.at(ledger.asked, of, thrown)
    np.add.at(ledger.done, of, -thrown)
    np.add.at(ledger.redone, of, thrown)
    release(table, places, WAITING)
    table.left_h[places] += thrown
    table.restart_left_s[places] = table.facts.restart_s[places]
    table.risk_h[places], table.since_s[places] = 0.0, 0.0
    table.stops[places] += 1


def waiting_h(table: JobTable, kinds: int) -> Floats:
    """Work left in the table by class ``(K, B)`` [accelerator-h]."""
    found = np.zeros((kinds, table.state.shape[1]))
    slot, site = np.nonzero(table.state != EMPTY)
    np.add.at(found, (table.facts.kind[slot, site], site), table.left_h[slot, site])
    return found


def outside_h(arrivals: Arrivals, now_s: Floats | float, kinds: int) -> Floats:
    """Work that has come and found no slot yet, by class ``(K, B)`` [accelerator-h]."""
    nth = np.arange(arrivals.facts.submit_s.shape[0])[:, None]
    row, site = np.nonzero((arrivals.facts.submit_s[:, arrivals.of] <= now_s) & (nth >= arrivals.taken))
    found, of = np.zeros((kinds, len(arrivals.taken))), arrivals.of[site]
    np.add.at(found, (arrivals.facts.kind[row, of], site), arrivals.facts.work_h[row, of])
    return found
