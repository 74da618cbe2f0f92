"""The round of the scheduler as machine code: site by site, what `scheduler.schedule` decides for all sites at once.

Same order, same ties, same numbers; a test plays both. Needs numba. Each function says which one it follows; ``me``
are the records of one site's jobs, and other names what `records.Records` has of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.scheduling.compiled_lists import (
    enlisted,
    jobs_fetched,
    known,
    largest_of,
    left_line,
    lined_up,
    lists_fetched,
    noted,
    own_of,
    passing_s,
    racks_fetched,
    reordered,
    stopped,
    total_of,
)
from envs.scheduling.compiled_reservation import ends_of, enough_from
from envs.scheduling.compiled_whole import starting_whole
from envs.scheduling.job_table import PAUSED, RUNNING
from envs.scheduling.kept_code import inlined, kept, part
from envs.scheduling.placement import BEST, FULL, NEAR
from envs.scheduling.prefetch import prefetched
from envs.scheduling.scheduler import PRIORITY_S


@part
def crashed(own: Any, dark: Any, by_deadline: bool, running: Any) -> None:
    """Follow `progress.crash`."""
    count = own.about[0].active
    noted(running, own.active, count)
    for j in running[:count]:
        home = own.jobs[j].home - own.low
        for r in range(home, home + 1 if own.jobs[j].span == 1 else len(dark)):
            if dark[r] and own.held[j, r] > 0:
                stopped(own, j)
                lined_up(own, j, by_deadline)
                break


@part
def paused(own: Any, share: float) -> None:
    """Follow `scheduler.pause`."""
    me, state, about = own.jobs, own.state, own.about[0]
    jobs = own.active[: about.active]
    if about.paused:
        about.paused, about.net_moved = 0, 1
        for j in jobs:
            state[j] = RUNNING
    if share <= 0.0:
        return
    total, most, before = 0.0, 0, 0.0
    for j in jobs:
        if me[j].tier > 0:
            total += me[j].accelerators
            most = max(most, me[j].tier)
    for tier in range(most, 0, -1):
        for j in jobs:
            if me[j].tier == tier:
                size = me[j].accelerators
                if before < share * total - 1e-9 and size > 0.0:
                    state[j] = PAUSED
                    about.paused = about.net_moved = 1
                before += size


@inlined
def spare_of(free: Any, dark: Any, is_dark: bool, capacity: int, may_hold: float) -> float:
    """Follow `scheduler._spare`."""
    all_free = total_of(free)
    lit = all_free
    if is_dark:
        for r in range(len(free)):
            if dark[r]:
                lit -= free[r]
    return min(float(lit), max(may_hold - (capacity - all_free), 0.0))


@part
def room_made(own: Any, first: int, lacking: float, running: Any, worth: Any, later: Any, count: int) -> int:
    """Follow `scheduler._make_room`; who is stopped stands in ``later`` behind ``count`` others: how many then."""
    me, rest = own.jobs, own.rest
    freed, below, many = 0.0, False, own.about[0].active
    noted(running, own.active, many)
    for k in range(many):
        j, worth[k] = running[k], np.inf
        if me[j].tier > 0 and rest[j].priority < rest[first].priority:
            size, below = me[j].accelerators, True
            loses = (me[j].risk_h + rest[j].restart_s / 3600.0 * size) / max(size, 1.0)
            worth[k] = rest[j].priority * PRIORITY_S + loses
            freed += size
    if not below or freed < lacking:
        return count
    freed = 0.0
    while freed < lacking:
        k = 0
        for at in range(1, many):
            if worth[at] < worth[k]:
                k = at
        worth[k] = np.inf
        freed += me[running[k]].accelerators
        stopped(own, running[k])
        later[count] = running[k]
        count += 1
    return count


@inlined
def starting(own: Any, spare: float, backfill: bool, reserve: bool, now_s: float, ends: Any, sizes: Any) -> int:
    """Follow `scheduler._starting`: the place in the queue of who starts, or -1."""
    need = own.need[: own.about[0].lined]
    if need[0] <= spare:
        return 0
    if not backfill:
        return -1
    shadow_s, extra, looked = np.inf, np.inf, not reserve
    for k in range(1, len(need)):
        if need[k] <= spare:
            if not looked:
                ends_of(own, ends, sizes)
                shadow_s, extra = enough_from(ends, sizes, own.about[0].active, spare, need[0])
                looked, shadow_s = True, passing_s(own, shadow_s, now_s)
            if need[k] <= extra or own.lasts[k] <= shadow_s:
                return k
    return -1


@inlined
def scored(need: float, racks: Any, sees: Any, weights: Any, lit: Any, by_leaf: Any, score: Any) -> None:
    """Follow the score of `placement.placed` for one job; ``lit`` are free accelerators with power."""
    most, best = max(largest_of(lit, len(lit)), 1.0), 0
    inlet, row, ups = sees
    for r in range(len(lit)):
        alone, together = 1.0 if lit[r] >= need else 0.0, 1.0 if by_leaf[racks[r]] >= need else 0.0
        left = abs(lit[r] - need) / most
        found = weights[0] * alone + weights[1] * together + weights[2] * inlet[r]
        found = found + weights[3] * row[r] + weights[4] * ups[r] + weights[5] * -left
        score[r] = found - FULL if lit[r] <= 0 else found
        if score[r] > score[best]:
            best = r
    if weights[1] > 0.0 and by_leaf[racks[best]] >= need:
        for r in range(len(lit)):
            if racks[r] == racks[best]:
                score[r] += NEAR
    score[best] += BEST


@inlined
def started(own: Any, k: int, lit: Any, score: Any) -> None:
    """Start the job at a place of the queue on the racks with the highest score."""
    me, held, free, j = own.jobs, own.held, own.free, own.line[k]
    own.state[j] = RUNNING
    home, span, need = len(free), 0, int(own.need[k])
    while need > 0:
        r = 0
        for other in range(1, len(score)):
            if score[other] > score[r]:
                r = other
        score[r] = -np.inf
        taken = min(lit[r], need)
        if taken > 0:
            held[j, r] = taken
            free[r] -= taken
            need -= taken
            home, span = min(home, r), span + 1
    me[j].home, me[j].span = own.low + home, span
    if span > 1:
        own.about[0].net_moved = 1
    left_line(own, k)
    enlisted(own, j)


@inlined
def asked_activity(own: Any, per_rack: Any, step_s: float, limited: bool, active: Any, work: Any, mine: Any) -> None:
    """Follow `progress.rack_activity` into ``mine (K + 1, R)``; the squares stand in its last row.

    Where nobody is limited, the limits are all 1: dividing by them would cost more than the rest, and change no bit.
    """
    squares, per_step, about = len(mine) - 1, 1.0 / step_s, own.about[0]
    mine[:] = 0.0
    for j in own.active[: about.active]:
        if about.paused and own.state[j] != RUNNING:
            continue
        job = own.jobs[j]
        busy_s, needs = step_s - min(job.restart_left_s, step_s), job.left_h * 3600.0
        if limited:
            needs = needs / work[job.kind, job.tier]
        if needs < busy_s * job.accelerators:
            busy_s = needs / max(job.accelerators, 1.0)
        busy = busy_s * per_step * job.activity
        if limited:
            busy *= active[job.kind, job.tier]
        trains, home = job.checkpoint_s < np.inf, job.home - own.low
        alone = job.span == 1
        for r in range(home, home + 1 if alone else len(per_rack)):
            here = job.accelerators if alone else float(own.held[j, r])
            if here > 0.0:
                share = busy * here * per_rack[r]
                mine[job.kind, r] += share
                if trains:
                    mine[squares, r] += share * share


@inlined
def fetched(own: Any, j: int) -> None:
    """Bring a job near that starts, while its racks are chosen."""
    prefetched(own.jobs, (j,))
    prefetched(own.rest, (j,))
    prefetched(own.held, (j, 0))


@inlined
def told(mine: Any, asks: Any) -> None:
    """Write what one site asks of its racks into its column of all."""
    for k in range(len(mine)):
        for r in range(mine.shape[1]):
            asks[k, r] = mine[k, r]


@kept
def limited_activity(records: Any, limits: Any, step_s: float, asks: Any, scratch: Any, first: int, end: int) -> None:
    """Follow `progress.rack_activity` in sites ``first`` to ``end``; ``asks (K + 1, R, B)`` is written."""
    active, work = limits
    for b in range(first, end):
        given = own_of(records, b), scratch.per_rack, step_s, True, active[:, :, b], work[:, :, b]
        asked_activity(*given, scratch.mine)
        told(scratch.mine, asks[:, records.low : records.above, b])


@kept
def rounds(
    records: Any, leaf: Any, sees: Any, dark: Any, darkened: Any, wishes: Any, habits: Any, now_s: Any, step_s: float,
    limits: Any, asks: Any, scratch: Any, first: int, end: int,
) -> None:  # fmt: skip
    """Follow `control_step.decide` in sites ``first`` to ``end``; R racks are those that jobs may hold.

    Parameters
    ----------
    records : Records
    leaf : ndarray of int (R,)
    sees : tuple of ndarray (R, B)
        Headroom of inlet, row and UPS.
    dark, darkened : ndarray of bool (R, B) and (B,)
        Racks without power, and sites with such racks.
    wishes, habits : Wishes, Habits
    now_s : ndarray (B,)
    step_s : float
    limits : TierLimits
        Of which nobody is limited.
    asks : ndarray (K + 1, R, B)
        Written into: activity by class, and the squares of the training jobs' shares.
    scratch : Scratch
    first, end : int
    """
    weights, admission, pauses, order = wishes
    most_starts, backfill, reserve, preempt, by_deadline, whole = habits
    inlet, row, ups = sees
    active, work = limits
    racks, running, later, ends = scratch.racks, scratch.running, scratch.later, scratch.ends
    lit, score, by_leaf, capacity = scratch.lit, scratch.score, scratch.by_leaf, total_of(racks)
    for b in range(first, end):
        lists_fetched(records, b + 2, end)
        jobs_fetched(records, b + 1, end)
        own, put_off, is_dark = own_of(records, b), 0, darkened[b]
        about = own.about[0]
        if about.unknown:
            known(own, by_deadline)
        reordered(own, order.lead_h[:, b], order.grace_h[b], by_deadline)
        if is_dark:
            crashed(own, dark[:, b], by_deadline, running)
        if about.paused or pauses[b] > 0.0:
            paused(own, pauses[b])
        may_hold = np.floor(admission[b] * capacity + 1e-9)
        most = most_starts if whole > 0.0 or about.moved or is_dark or may_hold > about.asked else 0
        if most:
            about.moved = is_dark
        if most_starts > 0:  # a round that may start nobody has not looked
            about.asked = may_hold
        while most > 0 and about.lined > 0:
            most -= 1
            spare = spare_of(own.free, dark[:, b], is_dark, capacity, may_hold)
            need = own.need[0]
            if preempt and need > spare and need <= may_hold:
                put_off = room_made(own, own.line[0], need - spare, running, ends, later, put_off)
                spare = spare_of(own.free, dark[:, b], is_dark, capacity, may_hold)
            for r in range(len(racks)):
                lit[r] = 0 if is_dark and dark[r, b] else own.free[r]
            k, put_by = -1, -1
            if spare > 0.0 and whole > 0.0:
                count = np.inf, 0.0
                ends_of(own, ends, running)
                if reserve and own.need[0] > spare:
                    count = enough_from(ends, running, about.active, spare, own.need[0])
                given = own, racks, lit, spare, count, whole, backfill, reserve, now_s[b]
                k, put_by = starting_whole(*given, ends, running)
            elif spare > 0.0:
                k = starting(own, spare, backfill, reserve, now_s[b], ends, running)
            if k < 0:
                break
            if put_by >= 0:
                lit[put_by] = 0
            fetched(own, own.line[k])
            by_leaf[:] = 0.0
            for r in range(len(racks)):
                by_leaf[leaf[r]] += lit[r]
            scored(own.need[k], leaf, (inlet[:, b], row[:, b], ups[:, b]), weights[:, b], lit, by_leaf, score)
            started(own, k, lit, score)
        for k in range(put_off):
            lined_up(own, later[k], by_deadline)
        racks_fetched(records, b + 1, end)
        asked_activity(own, scratch.per_rack, step_s, False, active[:, :, b], work[:, :, b], scratch.mine)
        told(scratch.mine, asks[:, records.low : records.above, b])
