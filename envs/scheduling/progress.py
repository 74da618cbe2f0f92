"""A control step of the jobs: how far each comes, its checkpoints, its end, and the ledger of work.

A job runs at the pace of its slowest rack, times the network's speed. Time for a restart goes first. Work done since
the last checkpoint is at risk until the next one.
"""

from __future__ import annotations

import numpy as np

from envs.scheduling.job_table import (
    EMPTY,
    RUNNING,
    Bools,
    Floats,
    JobTable,
    Ledger,
    Places,
    release,
    stop,
)
from envs.scheduling.network import Network, job_bandwidth, network_speed
from envs.scheduling.tier_limits import TierLimits

DONE_H = 1e-9


def running(table: JobTable) -> Places:
    """Slot and site of the running jobs."""
    slot, site = np.nonzero(table.state == RUNNING)
    return slot, site


def job_pace(table: JobTable, places: Places, pace: Floats, net: Network | None, exposed: Floats) -> Floats:
    """Pace of jobs ``(M,)``: of their slowest rack, times that of the network.

    Parameters
    ----------
    table : JobTable
    places : Places
        Of M jobs.
    pace : ndarray (K, R, B)
        Work done over work demanded, by class, as caps and heat leave it; 0 for a rack without power.
    net : Network or None
        None: no network slows anybody.
    exposed : ndarray (K,)
        Share of a step that waits for communication inside a domain, by class.
    """
    slot, site = places
    kind, many = table.facts.kind[places], table.span[places] > 1
    found = pace[kind, table.home[places], site].astype(np.float64)
    if not many.any():
        return found
    held, of, at = table.held[slot[many], :, site[many]], kind[many], site[many]
    slowest = np.where(held > 0, pace[of, :, at], np.inf).min(axis=1)
    if net is not None:
        slowest = slowest * network_speed(net, job_bandwidth(net, held, at, table.state.shape[1]), exposed[of])
    found[many] = slowest
    return found


def run(
    table: JobTable,
    ledger: Ledger,
    pace: Floats,
    now_s: Floats | float,
    step_s: float,
    net: Network | None = None,
    exposed: Floats | None = None,
    limits: TierLimits | None = None,
) -> Floats:
    """Run the jobs for one control step; those that end or miss their deadline leave.

    Parameters
    ----------
    table, ledger : JobTable, Ledger
        Written into.
    pace : ndarray (K, R, B)
        As in `job_pace`.
    now_s : float or ndarray (B,)
        Beginning of the step [s].
    step_s : float
        Its length [s].
    net : Network, optional
    exposed : ndarray (K,), optional
        None: no class waits for communication.
    limits : TierLimits, optional
        None: nobody is limited.

    Returns
    -------
    ndarray (B,)
        Work that was late: what jobs had left at the end, times the share of the step that they lost by waiting,
        pausing, restarting, caps or the network [accelerator-h].
    """
    places = slot, site = running(table)
    kind = table.facts.kind[places]
    speed = job_pace(table, places, pace, net, np.zeros(len(pace)) if exposed is None else exposed)
    if limits is not None:
        speed = speed * limits.work[kind, table.facts.tier[places], site]
    restarting = np.minimum(table.restart_left_s[places], step_s)
    busy_s = step_s - restarting
    could_h = np.minimum(table.facts.accelerators[places] * step_s / 3600.0, table.left_h[places])
    did_h = np.minimum(table.facts.accelerators[places] * speed * busy_s / 3600.0, table.left_h[places])
    late = np.where((table.state != EMPTY) & (table.state != RUNNING), table.left_h, 0.0)
    np.add.at(ledger.done, (kind, site), did_h)
    table.since_s[places], table.risk_h[places] = _checkpointed(table, places, busy_s, did_h)
    table.restart_left_s[places] -= restarting
    left = table.left_h[places] - did_h
    table.left_h[places] = left
    late[places] = left * (1.0 - did_h / np.maximum(could_h, DONE_H))
    late_h: Floats = late.sum(axis=0)
    ended = left <= DONE_H
    _finish(table, ledger, (slot[ended], site[ended]))
    _expire(table, ledger, now_s + step_s)
    return late_h


def crash(table: JobTable, ledger: Ledger, dark: Bools) -> None:
    """Stop the jobs on racks without power.

    Parameters
    ----------
    table : JobTable
    ledger : Ledger
    dark : ndarray of bool (R, B)
    """
    if not np.any(dark):
        return
    slot, site = np.nonzero(table.active)
    hit = ((table.held[slot, :, site] > 0) & (np.asarray(dark) > 0).T[site]).any(axis=1)
    stop(table, ledger, (slot[hit], site[hit]))


def rack_activity(
    table: JobTable, kinds: int, step_s: float, limits: TierLimits | None = None
) -> tuple[Floats, Floats]:
    """What jobs ask of the racks in the coming step.

    Parameters
    ----------
    table : JobTable
    kinds : int
        Classes K.
    step_s : float
        Length of the step [s]; a job that restarts or ends in it is at work for a part of it.
    limits : TierLimits, optional
        None: nobody is limited.

    Returns
    -------
    tuple of ndarray (K, R, B), ndarray (R, B)
        Share of each rack's accelerators at work in each class, and the sum of the squares of its training jobs'
        shares, whose waveforms are not in step (PHYSICS B5).
    """
    slot, site = places = np.nonzero(table.state == RUNNING)
    restarting = np.minimum(table.restart_left_s[places], step_s)
    need_s = table.left_h[places] * 3600.0 / np.maximum(table.facts.accelerators[places], 1.0)
    of = table.facts.kind[places], table.facts.tier[places], site
    if limits is not None:
        need_s = need_s / limits.work[of]
    busy = np.minimum(need_s, step_s - restarting) / step_s * table.facts.activity[places]
    if limits is not None:
        busy = busy * limits.activity[of]
    at, rack = np.nonzero(table.held[slot, :, site])
    slots, sites = slot[at], site[at]
    share = busy[at] * table.held[slots, rack, sites] / np.maximum(table.racks, 1)[rack]
    found, squares = np.zeros((kinds, *table.free.shape)), np.zeros(table.free.shape)
    np.add.at(found, (table.facts.kind[slots, sites], rack, sites), share)
    trains = np.isfinite(table.facts.checkpoint_s[slots, sites])
    np.add.at(squares, (rack, sites), np.where(trains, share * share, 0.0))
    return found, squares


def _checkpointed(table: JobTable, places: Places, busy_s: Floats, did_h: Floats) -> tuple[Floats, Floats]:
    """Running time and work since the last checkpoint, after a step at an even pace."""
    every = table.facts.checkpoint_s[places]
    since, risk = table.since_s[places] + busy_s, table.risk_h[places] + did_h
    passed = since >= every
    after = np.fmod(since[passed], np.maximum(every[passed], 1e-9))
    risk[passed] = did_h[passed] * np.minimum(after / np.maximum(busy_s[passed], 1e-9), 1.0)
    since[passed] = after
    return since, risk


def _finish(table: JobTable, ledger: Ledger, places: Places) -> None:
    """Jobs that are done leave; what rounding left of them counts as done."""
    np.add.at(ledger.done, (table.facts.kind[places], places[1]), table.left_h[places])
    table.left_h[places] = 0.0
    release(table, places, EMPTY)


def _expire(table: JobTable, ledger: Ledger, now_s: Floats | float) -> None:
    """Jobs past their deadline leave; what they had left is lost."""
    slot, site = np.nonzero(table.state != EMPTY)
    late = table.facts.deadline_s[slot, site] <= np.broadcast_to(now_s, table.state.shape[1:])[site]
    places = slot[late], site[late]
    if late.any():
        np.add.at(ledger.lost, (table.facts.kind[places], places[1]), table.left_h[places])
        table.left_h[places] = 0.0
        release(table, places, EMPTY)
