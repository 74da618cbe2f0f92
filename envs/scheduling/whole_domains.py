"""Who starts where a job that one rack can hold waits for such a rack: nobody is split that need not be.

Where the first in the queue waits for a rack, that rack is kept for it: the one that will hold it soonest, by what the
jobs on it still need. A later job may take that rack only if it ends before; else it must find its own beside it. A
job is split after all where its turn has come, there is room, and the rack would come later than `Habits.whole` times
what the job itself needs: then being split costs it less than waiting. While every rack that could hold it is dark, it
waits for so many accelerators anywhere, as a job does that no rack can hold.
"""

from __future__ import annotations

import numpy as np

from envs.scheduling.job_table import PAUSED, RUNNING, Bools, Floats, Ints, JobTable, remaining_s
from envs.scheduling.order import Passing, passing_s
from envs.scheduling.waiting_line import Habits, Queue


def starting_whole(
    table: JobTable,
    queue: Queue,
    spare: Floats,
    dark: Bools,
    habits: Habits,
    by_count: tuple[Floats, Floats],
    passing: Passing,
) -> tuple[Bools, Ints]:
    """Which jobs of the queue start, at most one in each site, and which rack each of them leaves free.

    Parameters
    ----------
    table : JobTable
    queue : Queue
    spare : ndarray (M,)
        Accelerators that may be taken, by site of the queue.
    dark : ndarray of bool (R, B)
    habits : Habits
    by_count : tuple of ndarray (M,)
        Until when the first of each site waits for so many accelerators anywhere [s], and what is left over then: used
        where no rack can hold it.
    passing : Passing
        Of the first of each site.

    Returns
    -------
    tuple of ndarray (W,), ndarray of int (W,)
        The rack is -1 where none is kept.
    """
    starts, kept = np.zeros(len(queue.slot), bool), np.full(len(queue.slot), -1)
    firsts = np.flatnonzero(np.diff(queue.site, prepend=-1) > 0)
    largest = int(table.racks.max())
    for nth, (begin, end) in enumerate(zip(firsts, np.append(firsts[1:], len(queue.site)))):
        site, need, lasts_s = int(queue.site[begin]), queue.need[begin:end], queue.lasts_s[begin:end]
        lit = np.where(dark[:, site], 0, table.free[:, site])
        alone = need <= largest
        if need[0] <= spare[nth] and (not alone[0] or lit.max() >= need[0]):
            starts[begin] = True
            continue
        rack, shadow_s, beside = -1, np.inf, lit
        if alone[0]:
            rack, shadow_s = _kept_rack(table, site, lit, float(need[0]))
            if need[0] <= spare[nth] and (rack < 0 or shadow_s > habits.whole * lasts_s[0]):
                starts[begin] = True
                continue
        if not habits.backfill:
            continue
        if not habits.reserve:
            rack, shadow_s = -1, np.inf
        if rack >= 0:
            beside = lit.copy()
            beside[rack] = 0
            room = min(float(spare[nth]), float(beside.sum()))
        else:
            shadow_s, room = (by_count[0][nth], by_count[1][nth]) if habits.reserve else (np.inf, 0.0)
        short = lasts_s <= passing_s(np.asarray(shadow_s), *(column[nth] for column in passing))
        fits = (need <= spare[nth]) & (short | (need <= room))
        fits &= ~alone | np.where(short, need <= lit.max(), need <= beside.max())
        fits[0] = False
        if fits.any():
            chosen = int(fits.argmax())
            starts[begin + chosen] = True
            kept[begin + chosen] = -1 if short[chosen] else rack
    return starts, kept


def _kept_rack(table: JobTable, site: int, lit: Ints, need: float) -> tuple[int, float]:
    """The rack that will hold a job soonest, and when [s]; -1 where none will."""
    slot = np.flatnonzero((table.state[:, site] == RUNNING) | (table.state[:, site] == PAUSED))
    ends_s = remaining_s(table, (slot, np.full(len(slot), site)))
    order = np.argsort(ends_s, kind="stable")
    there = np.vstack([lit, lit + np.cumsum(table.held[slot[order], :, site], axis=0)])
    enough = there >= need
    when = np.append(0.0, ends_s[order])[enough.argmax(axis=0)]
    soonest_s = np.where(enough.any(axis=0), when, np.inf)
    rack = int(soonest_s.argmin())
    return (rack, float(soonest_s[rack])) if np.isfinite(soonest_s[rack]) else (-1, np.inf)
