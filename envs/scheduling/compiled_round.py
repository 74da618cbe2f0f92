"""The round of the scheduler as machine code: site by site, what `scheduler.schedule` decides for all sites at once.

Same order, same ties, same numbers; a test plays both. Needs numba. Each function says which one it follows; ``me``
are the records of one site's jobs, and other names what `records.Records` has of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from envs.scheduling.job_table import EMPTY, PAUSED, RUNNING, WAITING
from envs.scheduling.placement import BEST, FULL, NEAR
from envs.scheduling.scheduler import PRIORITY_S

ASKED, DONE, REDONE, LOST = range(4)  # rows of the books


@njit(cache=True, error_model="numpy")
def released(me: Any, state: Any, held: Any, free: Any, moved: Any, j: int, to: int) -> None:
    """Follow `job_table.release` for one job."""
    if me[j].span == 1:
        home = me[j].home
        free[home] += held[j, home]
        held[j, home] = 0
    else:
        moved[0] = 1
        for r in range(len(free)):
            free[r] += held[j, r]
            held[j, r] = 0
    me[j].span = 0
    moved[1] = 1
    state[j] = to


@njit(cache=True, error_model="numpy")
def stopped(me: Any, rest: Any, state: Any, held: Any, free: Any, books: Any, moved: Any, j: int) -> None:
    """Follow `job_table.stop` for one job."""
    kind, thrown = me[j].kind, me[j].risk_h
    books[ASKED, kind] += thrown
    books[DONE, kind] -= thrown
    books[REDONE, kind] += thrown
    released(me, state, held, free, moved, j, WAITING)
    me[j].left_h += thrown
    me[j].restart_left_s = rest[j].restart_s
    me[j].risk_h = 0.0
    me[j].since_s = 0.0
    rest[j].stops += 1


@njit(cache=True, error_model="numpy", forceinline=True)
def occupied(words: Any, state: Any, there: Any) -> int:
    """Slots that hold a job, in order; how many."""
    count = 0
    for w in range(len(words)):
        if words[w] != 0:
            for j in range(8 * w, 8 * w + 8):
                if state[j] != EMPTY:
                    there[count] = j
                    count += 1
    return count


@njit(cache=True, error_model="numpy")
def crashed(me: Any, rest: Any, state: Any, held: Any, free: Any, books: Any, moved: Any, dark: Any, jobs: Any) -> None:
    """Follow `progress.crash`."""
    for r in range(len(dark)):
        if dark[r]:
            for j in jobs:
                if (state[j] == RUNNING or state[j] == PAUSED) and held[j, r] > 0:
                    stopped(me, rest, state, held, free, books, moved, j)


@njit(cache=True, error_model="numpy", forceinline=True)
def paused(me: Any, state: Any, moved: Any, share: float, jobs: Any) -> None:
    """Follow `scheduler.pause`."""
    total, most = 0.0, 0
    for j in jobs:
        if state[j] == PAUSED:
            state[j] = RUNNING
            moved[0] = 1
        if share > 0.0 and state[j] == RUNNING and me[j].tier > 0:
            total += me[j].accelerators
            most = max(most, me[j].tier)
    before = 0.0
    if share > 0.0:
        for tier in range(most, 0, -1):
            for j in jobs:
                if state[j] == RUNNING and me[j].tier == tier:
                    size = me[j].accelerators
                    if before < share * total - 1e-9 and size > 0.0:
                        state[j] = PAUSED
                        moved[0] = 1
                    before += size


@njit(cache=True, error_model="numpy")
def goes_before(me: Any, rest: Any, a: int, b: int, by_deadline: bool) -> bool:
    """Whether a waiting job goes before another, `scheduler.queued`; of equal ones the lower slot."""
    if rest[a].priority != rest[b].priority:
        return rest[a].priority > rest[b].priority
    if by_deadline and me[a].deadline_s != me[b].deadline_s:
        return me[a].deadline_s < me[b].deadline_s
    return rest[a].submit_s < rest[b].submit_s


@njit(cache=True, error_model="numpy", forceinline=True)
def queued(me: Any, rest: Any, state: Any, by_deadline: bool, jobs: Any, queue: Any) -> int:
    """Slots of the waiting jobs in their order; how many."""
    count = 0
    for j in jobs:
        if state[j] == WAITING:
            at = count
            while at > 0 and goes_before(me, rest, j, queue[at - 1], by_deadline):
                queue[at] = queue[at - 1]
                at -= 1
            queue[at] = j
            count += 1
    return count


@njit(cache=True, error_model="numpy")
def spare_of(free: Any, dark: Any, capacity: int, may_hold: float) -> float:
    """Follow `scheduler._spare`."""
    lit, all_free = 0, 0
    for r in range(len(free)):
        all_free += free[r]
        if not dark[r]:
            lit += free[r]
    return min(float(lit), max(may_hold - (capacity - all_free), 0.0))


@njit(cache=True, error_model="numpy", forceinline=True)
def need_s(job: Any) -> float:
    """Follow `scheduler.remaining_s`."""
    return job.left_h * 3600.0 / max(job.accelerators, 1.0) + job.restart_left_s


@njit(cache=True, error_model="numpy")
def room_made(
    me: Any, rest: Any, state: Any, held: Any, free: Any, books: Any, moved: Any, first: int, lacking: float, jobs: Any,
    worth: Any,
) -> None:  # fmt: skip
    """Follow `scheduler._make_room`."""
    freed, below = 0.0, False
    for k in range(len(jobs)):
        j, worth[k] = jobs[k], np.inf
        active = state[j] == RUNNING or state[j] == PAUSED
        if active and me[j].tier > 0 and rest[j].priority < rest[first].priority:
            size, below = me[j].accelerators, True
            loses = (me[j].risk_h + rest[j].restart_s / 3600.0 * size) / max(size, 1.0)
            worth[k] = rest[j].priority * PRIORITY_S + loses
            freed += size
    if not below or freed < lacking:
        return
    freed = 0.0
    while freed < lacking:
        k = int(np.argmin(worth[: len(jobs)]))
        worth[k] = np.inf
        freed += me[jobs[k]].accelerators
        stopped(me, rest, state, held, free, books, moved, jobs[k])


@njit(cache=True, error_model="numpy")
def reservation(
    me: Any, state: Any, need: float, spare: float, jobs: Any, ends: Any, running: Any
) -> tuple[float, float]:
    """Follow `scheduler._reservation`: until when the first waits, and what is left over then."""
    count = 0
    for j in jobs:
        if state[j] == RUNNING or state[j] == PAUSED:
            ends[count], running[count] = need_s(me[j]), j
            count += 1
    order = np.argsort(ends[:count], kind="mergesort")
    there = spare
    for k in order:
        there += me[running[k]].accelerators
        if there >= need:
            return ends[k], there - need
    return np.inf, 0.0


@njit(cache=True, error_model="numpy")
def starting(
    me: Any, state: Any, queue: Any, spare: float, backfill: bool, reserve: bool, jobs: Any, ends: Any, running: Any
) -> int:
    """Follow `scheduler._starting`: the place in the queue of who starts, or -1."""
    first_need = me[queue[0]].accelerators
    if first_need <= spare:
        return 0
    if not backfill:
        return -1
    shadow_s, extra, known = np.inf, np.inf, not reserve
    for k in range(1, len(queue)):
        job = me[queue[k]]
        if job.accelerators <= spare:
            if not known:
                shadow_s, extra = reservation(me, state, first_need, spare, jobs, ends, running)
                known = True
            if need_s(job) <= shadow_s or job.accelerators <= extra:
                return k
    return -1


@njit(cache=True, error_model="numpy")
def scored(need: float, racks: Any, sees: Any, weights: Any, lit: Any, by_leaf: Any, score: Any) -> None:
    """Follow the score of `placement.placed` for one job; ``lit`` are free accelerators with power."""
    most, best = max(lit.max(), 1), 0
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


@njit(cache=True, error_model="numpy")
def started(me: Any, state: Any, held: Any, free: Any, moved: Any, j: int, lit: Any, score: Any) -> None:
    """Start a job on the racks with the highest score."""
    state[j] = RUNNING
    home, span, need = len(free), 0, int(me[j].accelerators)
    while need > 0:
        r = int(np.argmax(score))
        score[r] = -np.inf
        taken = min(lit[r], need)
        if taken > 0:
            held[j, r] += taken
            free[r] -= taken
            need -= taken
            home, span = min(home, r), span + 1
    me[j].home, me[j].span = home, span
    if span > 1:
        moved[0] = 1


@njit(cache=True, error_model="numpy", forceinline=True)
def asked_activity(
    me: Any, state: Any, held: Any, per_rack: Any, step_s: float, jobs: Any, active: Any, work: Any, asks: Any
) -> None:
    """Follow `progress.rack_activity`; the squares stand in the last row of ``asks``."""
    squares = len(asks) - 1
    for j in jobs:
        if state[j] == RUNNING:
            job = me[j]
            busy_s, needs = step_s - min(job.restart_left_s, step_s), job.left_h * 3600.0 / work[job.kind, job.tier]
            if needs < busy_s * job.accelerators:
                busy_s = needs / max(job.accelerators, 1.0)
            busy = busy_s * (1.0 / step_s) * job.activity * active[job.kind, job.tier]
            trains = job.checkpoint_s < np.inf
            alone = job.span == 1
            for r in range(job.home, job.home + 1 if alone else len(per_rack)):
                here = job.accelerators if alone else float(held[j, r])
                if here > 0.0:
                    share = busy * here * per_rack[r]
                    asks[job.kind, r] += share
                    if trains:
                        asks[squares, r] += share * share


@njit(cache=True, error_model="numpy")
def limited_activity(records: Any, limits: Any, step_s: float, asks: Any) -> None:
    """Follow `progress.rack_activity` in every site; ``asks (K + 1, R, B)`` are zeros, written into."""
    all_jobs, _, all_state, all_words, all_held, _, racks, _, _, _ = records
    active, work = limits
    there, per_rack = np.empty(all_state.shape[1], np.int64), 1.0 / np.maximum(racks, 1)
    for b in range(len(all_state)):
        state = all_state[b]
        jobs = there[: occupied(all_words[b], state, there)]
        own = active[:, :, b], work[:, :, b]
        asked_activity(all_jobs[b], state, all_held[b], per_rack, step_s, jobs, own[0], own[1], asks[:, :, b])


@njit(cache=True, error_model="numpy")
def rounds(
    records: Any, leaf: Any, sees: Any, dark: Any, wishes: Any, habits: Any, step_s: float, limits: Any, asks: Any
) -> None:
    """Follow `control_step.decide` in every site.

    Parameters
    ----------
    records : Records
    leaf : ndarray of int (R,)
    sees : tuple of ndarray (R, B)
        Headroom of inlet, row and UPS.
    dark : ndarray of bool (R, B)
    wishes, habits : Wishes, Habits
    step_s : float
    limits : TierLimits
    asks : ndarray (K + 1, R, B)
        Zeros, written into: activity by class, and the squares of the training jobs' shares.
    """
    all_jobs, all_rest, all_state, all_words, all_held, all_free, racks, all_books, all_moved, asked = records
    weights, admission, pauses = wishes
    most_starts, backfill, reserve, preempt, by_deadline = habits
    inlet, row, ups = sees
    active, work = limits
    sites, slots = all_state.shape
    capacity, any_dark, per_rack = racks.sum(), dark.any(), 1.0 / np.maximum(racks, 1)
    there, queue, running = np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64)
    lit, score = np.empty(len(racks), np.int64), np.empty(len(racks))
    ends, by_leaf = np.empty(slots), np.zeros(leaf.max() + 1)
    for b in range(sites):
        me, rest, state, held, free = all_jobs[b], all_rest[b], all_state[b], all_held[b], all_free[b]
        books, moved = all_books[b], all_moved[b]
        jobs = there[: occupied(all_words[b], state, there)]
        if any_dark:
            crashed(me, rest, state, held, free, books, moved, dark[:, b], jobs)
        paused(me, state, moved, pauses[b], jobs)
        may_hold = np.floor(admission[b] * capacity + 1e-9)
        count = 0
        if moved[1] or any_dark or may_hold > asked[b]:
            count = queued(me, rest, state, by_deadline, jobs, queue)
            moved[1] = any_dark
        asked[b] = may_hold
        for _ in range(most_starts):
            if count == 0:
                break
            spare = spare_of(free, dark[:, b], capacity, may_hold)
            need = me[queue[0]].accelerators
            if preempt and need > spare and need <= may_hold:
                room_made(me, rest, state, held, free, books, moved, queue[0], need - spare, jobs, ends)
                spare = spare_of(free, dark[:, b], capacity, may_hold)
            if spare <= 0.0:
                break
            k = starting(me, state, queue[:count], spare, backfill, reserve, jobs, ends, running)
            if k < 0:
                break
            moved[1] = 1
            by_leaf[:] = 0.0
            for r in range(len(racks)):
                lit[r] = 0 if dark[r, b] else free[r]
                by_leaf[leaf[r]] += lit[r]
            own = inlet[:, b], row[:, b], ups[:, b]
            scored(me[queue[k]].accelerators, leaf, own, weights[:, b], lit, by_leaf, score)
            started(me, state, held, free, moved, queue[k], lit, score)
            count -= 1
            for at in range(k, count):
                queue[at] = queue[at + 1]
        asked_activity(me, state, held, per_rack, step_s, jobs, active[:, :, b], work[:, :, b], asks[:, :, b])
