"""The progress of jobs as machine code: site by site, what `control_step.settle` does for all sites at once.

Same order, same ties, same numbers but for the order of sums; a test plays both. Needs numba. Each function says which
one it follows; names as in `compiled_round`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from envs.scheduling.compiled_round import ASKED, DONE, LOST, occupied, released
from envs.scheduling.job_table import EMPTY, LOOK_AHEAD, PAUSED, RUNNING, WAITING
from envs.scheduling.network import ROUNDS
from envs.scheduling.progress import DONE_H
from envs.scheduling.queue_view import SOON_S

_NONE = 1e-9
HOURS = 1.0 / 3600.0  # in a second: products are cheaper than divisions


@njit(cache=True, error_model="numpy")
def ports_below(me: Any, held: Any, leaf_of: Any, pod_of: Any, spanning: Any, ports: Any) -> None:
    """Follow `network.uplink_sends` for the jobs of one site that span domains."""
    many, leaves = len(leaf_of), len(pod_of)
    for m, j in enumerate(spanning):
        ports[m] = 0.0
        for r in range(me[j].home, many):
            here = held[j, r]
            if here > 0:
                leaf = leaf_of[r]
                ports[m, r] = here
                ports[m, many + leaf] += here
                ports[m, many + leaves + pod_of[leaf]] += here
        for u in range(many, ports.shape[1]):
            if ports[m, u] >= me[j].accelerators:
                ports[m, u] = 0.0


@njit(cache=True, error_model="numpy")
def filled(ports: Any, uplink: Any, out: float, left: Any, wants: Any, rising: Any, rate: Any) -> None:
    """Follow `network._filled` for one site."""
    count, uplinks = ports.shape
    left[:], full_below = uplink, 1e-9 * uplink.max()
    rising[:count], rate[:count] = 1.0, 0.0
    for _ in range(ROUNDS):
        wants[:] = 0.0
        for m in range(count):
            if rising[m] > 0.0:
                for u in range(uplinks):
                    wants[u] += ports[m, u]
        step = np.inf
        for u in range(uplinks):
            if wants[u] > 0.0:
                step = min(step, left[u] / max(wants[u], _NONE))
        for m in range(count):
            more = min(step, out - rate[m]) * rising[m]
            rate[m] += more
            for u in range(uplinks):
                left[u] -= ports[m, u] * more
        still = 0.0
        for m in range(count):
            if rate[m] >= out - _NONE:
                rising[m] = 0.0
            if rising[m] > 0.0:
                for u in range(uplinks):
                    if ports[m, u] > 0.0 and left[u] < full_below:
                        rising[m] = 0.0
            still += rising[m]
        if still == 0.0:
            break


@njit(cache=True, error_model="numpy", forceinline=True)
def paces(me: Any, held: Any, pace: Any, running: Any, spanning: Any, speeds: Any) -> int:
    """Follow `progress.job_pace` without the network; how many of the running jobs span domains, and which."""
    count = 0
    for m, j in enumerate(running):
        kind = me[j].kind
        speeds[m] = pace[kind, me[j].home]
        if me[j].span > 1:
            for r in range(me[j].home, held.shape[1]):
                if held[j, r] > 0:
                    speeds[m] = min(speeds[m], float(pace[kind, r]))
            spanning[count] = m
            count += 1
    return count


@njit(cache=True, error_model="numpy", forceinline=True)
def ran(
    me: Any, state: Any, held: Any, free: Any, books: Any, moved: Any, j: int, speed: float, now_s: float, step_s: float
) -> float:
    """Follow `progress.run` for one job; how much of its work was late."""
    job = me[j]
    restarting = min(job.restart_left_s, step_s)
    busy_s = step_s - restarting
    could_h = min(job.accelerators * step_s * HOURS, job.left_h)
    did_h = min(job.accelerators * speed * busy_s * HOURS, job.left_h)
    books[DONE, job.kind] += did_h
    since, risk = job.since_s + busy_s, job.risk_h + did_h
    if since >= job.checkpoint_s:
        since = since % max(job.checkpoint_s, 1e-9)
        risk = did_h * min(since / max(busy_s, 1e-9), 1.0)
    job.since_s, job.risk_h = since, risk
    job.restart_left_s -= restarting
    job.left_h -= did_h
    late_h = job.left_h * (1.0 - did_h / max(could_h, DONE_H)) if did_h < could_h else 0.0
    if job.left_h <= DONE_H:
        books[DONE, job.kind] += job.left_h
        job.left_h = 0.0
        released(me, state, held, free, moved, j, EMPTY)
    elif job.deadline_s <= now_s:
        expired(me, state, held, free, books, moved, j)
    return late_h


@njit(cache=True, error_model="numpy")
def expired(me: Any, state: Any, held: Any, free: Any, books: Any, moved: Any, j: int) -> None:
    """Follow `progress._expire` for one job."""
    books[LOST, me[j].kind] += me[j].left_h
    me[j].left_h = 0.0
    released(me, state, held, free, moved, j, EMPTY)


@njit(cache=True, error_model="numpy")
def admitted(me: Any, rest: Any, state: Any, books: Any, jobs: Any, rests: Any, nth: int, now_s: float) -> int:
    """Follow `job_table.admit`; how many of the list have come then."""
    last = min(len(jobs), nth + LOOK_AHEAD)
    for j in range(len(state)):
        if nth >= last or rests[nth].submit_s > now_s:
            break
        if state[j] == EMPTY:
            me[j], rest[j] = jobs[nth], rests[nth]
            books[ASKED, me[j].kind] += rest[j].work_h
            state[j] = WAITING
            me[j].left_h = rest[j].work_h
            nth += 1
    return nth


@njit(cache=True, error_model="numpy", forceinline=True)
def viewed(me: Any, rest: Any, state: Any, now_s: float, share: float, jobs: Any, seen: Any) -> None:
    """Follow `queue_view.queue_view`."""
    seen[:] = 0.0
    for j in jobs:
        job, size = me[j], me[j].accelerators * share
        if state[j] == WAITING:
            seen[5] += size
            seen[6] += job.left_h * share
            seen[7] = max(seen[7], size)
            seen[8] = max(seen[8], (now_s - rest[j].submit_s) / 3600.0)
        else:
            row = 2 if state[j] == PAUSED else (1 if job.restart_left_s > 0.0 else 0)
            seen[row] += size
            if job.tier > 0:
                seen[3] += size
            if job.left_h * 3600.0 <= (SOON_S - job.restart_left_s) * max(job.accelerators, 1.0):
                seen[4] += size


@njit(cache=True, error_model="numpy")
def progressed(
    records: Any, coming: Any, of: Any, taken: Any, pace: Any, now_s: Any, step_s: float, net: Any, exposed: Any,
    work: Any, seen: Any, late_h: Any,
) -> None:  # fmt: skip
    """Follow `control_step.settle` in every site, and show the queue behind it.

    Parameters
    ----------
    records : Records
    coming : tuple of ndarray (L, N)
        As `records.coming_of` gives them.
    of, taken : ndarray of int (B,)
        As in `job_table.Arrivals`.
    pace : ndarray (K, R, B)
    now_s : ndarray (B,)
    step_s : float
    net : Network
        With ``home_gb_s`` 0 where no network slows anybody.
    exposed : ndarray (K,)
    work : ndarray (K, T, B)
        Of `tier_limits.TierLimits`.
    seen : ndarray (k, B)
        Written into: rows of `queue_view.SEEN`.
    late_h : ndarray (B,)
        Written into: work that was late.
    """
    all_jobs, all_rest, all_state, all_words, all_held, all_free, racks, all_books, all_moved, _ = records
    jobs_coming, rest_coming = coming
    home_gb_s, out_gb_s, leaf_of, pod_of, uplink = net
    sites, slots = all_state.shape
    share = 1.0 / max(float(racks.sum()), 1.0)
    there, running, spanning = np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64)
    ports, speeds, rate, rising = np.empty((slots, len(uplink))), np.empty(slots), np.empty(slots), np.empty(slots)
    left, wants, view = np.empty(len(uplink)), np.empty(len(uplink)), np.empty(len(seen))
    for b in range(sites):
        me, rest, state, held, free = all_jobs[b], all_rest[b], all_state[b], all_held[b], all_free[b]
        books, moved, now = all_books[b], all_moved[b], now_s[b] + step_s
        count, late = 0, 0.0
        for j in there[: occupied(all_words[b], state, there)]:
            if state[j] == RUNNING:
                running[count] = j
                count += 1
            else:
                late += me[j].left_h
                if me[j].deadline_s <= now:
                    expired(me, state, held, free, books, moved, j)
        wide = paces(me, held, pace[:, :, b], running[:count], spanning, speeds)
        if wide > 0 and home_gb_s > 0.0:
            if moved[0]:
                own = running[spanning[:wide]]
                ports_below(me, held, leaf_of, pod_of, own, ports)
                filled(ports[:wide], uplink, out_gb_s, left, wants, rising, rate)
                for k in range(wide):
                    slow = home_gb_s / max(rate[k], _NONE) - 1.0
                    me[own[k]].speed = 1.0 / (1.0 + exposed[me[own[k]].kind] * slow)
                moved[0] = 0
            for k in range(wide):
                speeds[spanning[k]] *= me[running[spanning[k]]].speed
        for m in range(count):
            job = me[running[m]]
            speed = speeds[m] * work[job.kind, job.tier, b]
            late += ran(me, state, held, free, books, moved, running[m], speed, now, step_s)
        late_h[b] = late
        coming_jobs, coming_rest = jobs_coming[of[b]], rest_coming[of[b]]
        come = admitted(me, rest, state, books, coming_jobs, coming_rest, taken[b], now)
        if come > taken[b]:
            moved[1], taken[b] = 1, come
        viewed(me, rest, state, now, share, there[: occupied(all_words[b], state, there)], view)
        seen[:, b] = view
