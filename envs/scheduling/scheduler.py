"""Which jobs start, pause and are stopped in a control step: gangs, backfill and preemption, all sites at once.

A job starts on all its accelerators or not at all. Where the first in the queue does not fit, it gets a reservation:
a later job may start only if it ends before, or takes no accelerator that the reservation needs (EASY backfill: Lifka
1995, JSSPP). A job of higher priority may stop flexible ones of lower priority.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import PAUSED, RUNNING, WAITING, Bools, Floats, Ints, JobTable, Ledger, Places, stop
from envs.scheduling.order import HOUR_S, Order, lead_s, passed_until_s, plain_order
from envs.scheduling.placement import RackScores, placed

PRIORITY_S = 1e9  # by which a step of priority goes ahead of any loss


class Wishes(NamedTuple):
    """What an agent or a rule may ask of the scheduler.

    Attributes
    ----------
    weights : ndarray (6, B)
        Of `placement.FEATURES`.
    admission : ndarray (B,)
        Share of the accelerators that may be held; above it nothing starts.
    pause : ndarray (B,)
        Share of the accelerators of flexible jobs that is paused.
    order : Order
        Of the queue.
    """

    weights: Floats
    admission: Floats
    pause: Floats
    order: Order


class Habits(NamedTuple):
    """What does not change.

    Attributes
    ----------
    starts : int
        Most starts of a site in a step.
    backfill, reserve : bool
        Whether later jobs may pass the first, and whether they must leave it what it needs.
    preempt : bool
        Whether a job may stop flexible ones of lower priority.
    by_deadline : bool
        Whether, at equal priority, the earliest deadline goes first instead of who came first.
    """

    starts: int = 4
    backfill: bool = True
    reserve: bool = True
    preempt: bool = True
    by_deadline: bool = False


def plain_wishes(sites: int) -> Wishes:
    """Whole domains, then whole leaves, then the tightest fit; nothing is held back or paused."""
    weights = np.zeros((6, sites))
    weights[:, :] = np.array([[4.0], [2.0], [0.0], [0.0], [0.0], [1.0]])
    return Wishes(weights, np.ones(sites), np.zeros(sites), plain_order(sites))


class Queue(NamedTuple):
    """Waiting jobs of all sites, site by site, in each by priority and then by time less lead; each ``(W,)``."""

    slot: Ints
    site: Ints
    need: Floats
    lasts_s: Floats
    submit_s: Floats

    def part(self, chosen: Bools | Ints) -> Queue:
        """Some of them."""
        slot, site, need, lasts_s, submit_s = self
        return Queue(slot[chosen], site[chosen], need[chosen], lasts_s[chosen], submit_s[chosen])


def schedule(
    table: JobTable,
    ledger: Ledger,
    racks: RackScores,
    wishes: Wishes,
    now_s: Floats | float,
    habits: Habits | None = None,
) -> None:
    """One round of the scheduler: pauses, then at most ``habits.starts`` starts in each site.

    Parameters
    ----------
    table, ledger : JobTable, Ledger
        Written into.
    racks : RackScores
    wishes : Wishes
    now_s : float or ndarray (B,)
        In the clock of the jobs' submit times [s].
    habits : Habits, optional
    """
    habits = habits or Habits()
    pause(table, wishes.pause)
    may_hold = np.floor(wishes.admission * table.racks.sum() + 1e-9)
    queue, at_s = queued(table, wishes.order, habits.by_deadline), now_s + 0.0 * may_hold
    for _ in range(habits.starts):
        if not queue.slot.size:
            break
        if habits.preempt:
            _make_room(table, ledger, queue.part(_firsts(queue)), may_hold, racks.dark)
        starts = _starting(table, queue, may_hold, habits, racks.dark, wishes.order.grace_h, at_s)
        _start(table, queue.part(starts), racks, wishes.weights)
        started = np.zeros(len(may_hold), bool)
        started[queue.site[starts]] = True
        queue = queue.part(started[queue.site] & ~starts)


def queued(table: JobTable, order: Order, by_deadline: bool = False) -> Queue:
    """The queue."""
    slot, site = np.nonzero(table.state == WAITING)
    places = slot, site
    facts, lasts_s = table.facts, remaining_s(table, places)
    need, submit_s, deadline_s = (column[places] for column in (facts.accelerators, facts.submit_s, facts.deadline_s))
    ahead_s = lead_s(order.lead_h[:, site], need, lasts_s, submit_s, deadline_s, float(table.racks.max()))
    due = deadline_s - ahead_s if by_deadline else np.zeros(len(slot))
    ranked = np.lexsort((submit_s, submit_s - ahead_s, due, -facts.priority[places], site))
    return Queue(slot, site, need, lasts_s, submit_s).part(ranked)


def remaining_s(table: JobTable, places: Places) -> Floats:
    """Time that jobs still need at full pace [s]."""
    need = table.left_h[places] * 3600.0 / np.maximum(table.facts.accelerators[places], 1.0)
    return np.asarray(need + table.restart_left_s[places])


def _firsts(queue: Queue) -> Bools:
    """The first of each site."""
    return np.asarray(np.diff(queue.site, prepend=-1) > 0)


def pause(table: JobTable, share: Floats) -> None:
    """Pause the most flexible running jobs until a share of the flexible accelerators is reached; resume the others.

    Parameters
    ----------
    table : JobTable
    share : ndarray (B,)
        Of the accelerators of jobs of tier 1 and above.
    """
    table.state[table.state == PAUSED] = RUNNING
    if not share.any():
        return
    active = table.state == RUNNING
    flexible = active & (table.facts.tier > 0)
    size = np.where(flexible, table.facts.accelerators, 0.0)
    order = np.argsort(np.where(flexible, -table.facts.tier, 1), axis=0, kind="stable")
    sorted_size = np.take_along_axis(size, order, axis=0)
    before = np.cumsum(sorted_size, axis=0) - sorted_size
    chosen = np.zeros(size.shape, bool)
    np.put_along_axis(chosen, order, (before < share * size.sum(axis=0) - 1e-9) & (sorted_size > 0.0), axis=0)
    table.state[chosen] = PAUSED


def _spare(table: JobTable, sites: Ints, may_hold: Floats, dark: Bools) -> Floats:
    """Accelerators that may still be taken in some sites ``(M,)``: free ones, up to what admission allows."""
    free = table.free[:, sites]
    lit = np.where(dark[:, sites], 0, free).sum(axis=0)
    return np.minimum(lit, np.maximum(may_hold[sites] - (table.racks.sum() - free.sum(axis=0)), 0.0))


def _starting(
    table: JobTable,
    queue: Queue,
    may_hold: Floats,
    habits: Habits,
    dark: Bools,
    grace_h: Floats,
    now_s: Floats,
) -> Bools:
    """Which jobs of the queue start, at most one in each site ``(W,)``."""
    first = _firsts(queue)
    of = np.cumsum(first) - 1
    sites = queue.site[first]
    spare = _spare(table, sites, may_hold, dark)
    fits: Bools = queue.need <= spare[of]
    blocked = ~fits[first]
    if not habits.backfill:
        fits &= first
    elif habits.reserve and blocked.any():
        shadow_s, extra = np.full(len(sites), np.inf), np.full(len(sites), np.inf)
        wanted = queue.need[first][blocked]
        shadow_s[blocked], extra[blocked] = _reservation(table, sites[blocked], wanted, spare[blocked])
        shadow_s += HOUR_S * np.minimum(grace_h[sites], 0.0)
        until_s = passed_until_s(grace_h[sites], queue.submit_s[first], now_s[sites])
        fits &= (queue.lasts_s <= np.maximum(shadow_s, until_s)[of]) | (queue.need <= extra[of])
    found = np.zeros(len(fits), bool)
    found[np.flatnonzero(fits)[np.unique(of[fits], return_index=True)[1]]] = True
    return found


def _reservation(table: JobTable, sites: Ints, need: Floats, spare: Floats) -> tuple[Floats, Floats]:
    """Until when the first in the queue of some sites waits [s], and what is left over then, each ``(M,)``."""
    slot, at = np.nonzero(_active(table, sites))
    ends = np.full((table.state.shape[0], len(sites)), np.inf)
    size = np.zeros_like(ends)
    places = slot, sites[at]
    ends[slot, at], size[slot, at] = remaining_s(table, places), table.facts.accelerators[places]
    order = np.argsort(ends, axis=0, kind="stable")
    there = spare + np.cumsum(np.take_along_axis(size, order, axis=0), axis=0)
    enough = there >= need
    when, columns = enough.argmax(axis=0), np.arange(len(sites))
    ever = enough.any(axis=0)
    shadow_s = np.where(ever, np.take_along_axis(ends, order, axis=0)[when, columns], np.inf)
    return shadow_s, np.where(ever, there[when, columns] - need, 0.0)


def _active(table: JobTable, sites: Ints) -> Bools:
    state = table.state[:, sites]
    return np.asarray((state == RUNNING) | (state == PAUSED))


def _make_room(table: JobTable, ledger: Ledger, first: Queue, may_hold: Floats, dark: Bools) -> None:
    """Stop flexible jobs of lower priority where that lets the first in the queue start; those that lose least go."""
    lacking = first.need - _spare(table, first.site, may_hold, dark)
    asks = (lacking > 0.0) & (first.need <= may_hold[first.site])
    first, lacking = first.part(asks), lacking[asks]
    if not lacking.size:
        return
    facts, sites = table.facts, first.site
    lower = facts.priority[:, sites] < facts.priority[first.slot, sites]
    may = _active(table, sites) & (facts.tier[:, sites] > 0) & lower
    size = np.where(may, facts.accelerators[:, sites], 0.0)
    loses = (table.risk_h[:, sites] + facts.restart_s[:, sites] / 3600.0 * size) / np.maximum(size, 1.0)
    worth = np.where(may, facts.priority[:, sites] * PRIORITY_S + loses, np.inf)
    order = np.argsort(worth, axis=0, kind="stable")
    sorted_size = np.take_along_axis(size, order, axis=0)
    freed = np.cumsum(sorted_size, axis=0)
    stops = (freed - sorted_size < lacking) & (sorted_size > 0.0) & (freed[-1:] >= lacking)
    chosen = np.zeros_like(stops)
    np.put_along_axis(chosen, order, stops, axis=0)
    slot, place = np.nonzero(chosen)
    stop(table, ledger, (slot, sites[place]))


def _start(table: JobTable, jobs: Queue, racks: RackScores, weights: Floats) -> None:
    """Place and start one job in each of the sites."""
    slot, sites = jobs.slot, jobs.site
    if not slot.size:
        return
    here = racks.of(sites)
    taken = placed(np.where(here.dark, 0, table.free[:, sites]), jobs.need, here, weights[:, sites])
    table.held[slot, :, sites] = taken.T
    table.free[:, sites] -= taken
    table.state[slot, sites] = RUNNING
    table.home[slot, sites], table.span[slot, sites] = (taken > 0).argmax(axis=0), (taken > 0).sum(axis=0)
