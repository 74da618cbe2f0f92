"""The progress of jobs as machine code: site by site, what `control_step.settle` does for all sites at once.

Same order, same ties, same numbers but for the order of sums; a test plays both. Needs numba. Each function says which
one it follows; names as in `compiled_round`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.scheduling.compiled_lists import (
    ASKED,
    DONE,
    LOST,
    REDONE,
    jobs_fetched,
    known,
    largest_of,
    left_line,
    lined_up,
    lists_fetched,
    noted,
    own_of,
    racks_fetched,
    released,
    total_of,
)
from envs.scheduling.job_table import EMPTY, LOOK_AHEAD, RUNNING, WAITING
from envs.scheduling.kept_code import inlined, kept, part
from envs.scheduling.network import ROUNDS
from envs.scheduling.prefetch import prefetched
from envs.scheduling.progress import DONE_H
from envs.scheduling.queue_view import SOON_S

_NONE = 1e-9
HOURS = 1.0 / 3600.0  # in a second: products are cheaper than divisions


@part
def ports_below(own: Any, leaf_of: Any, pod_of: Any, spanning: Any, ports: Any) -> None:
    """Follow `network.uplink_sends` for the jobs of one site that span domains."""
    me, held, many, leaves = own.jobs, own.held, len(leaf_of), len(pod_of)
    for m, j in enumerate(spanning):
        ports[m] = 0.0
        for r in range(me[j].home - own.low, many):
            here = held[j, r]
            if here > 0:
                leaf = leaf_of[r]
                ports[m, r] = here
                ports[m, many + leaf] += here
                ports[m, many + leaves + pod_of[leaf]] += here
        for u in range(many, ports.shape[1]):
            if ports[m, u] >= me[j].accelerators:
                ports[m, u] = 0.0


@part
def filled(ports: Any, uplink: Any, out: float, left: Any, wants: Any, rising: Any, rate: Any) -> None:
    """Follow `network._filled` for one site."""
    count, uplinks = ports.shape
    full_below = 1e-9 * largest_of(uplink, uplinks)
    noted(left, uplink, uplinks)
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


@inlined
def paces(own: Any, pace: Any, running: Any, spanning: Any, speeds: Any) -> int:
    """Follow `progress.job_pace` without the network; how many of the running jobs span domains, and which."""
    me, held, count = own.jobs, own.held, 0
    for m, j in enumerate(running):
        kind, home = me[j].kind, me[j].home - own.low
        speeds[m] = pace[kind, home]
        if me[j].span > 1:
            for r in range(home, held.shape[1]):
                if held[j, r] > 0:
                    speeds[m] = min(speeds[m], float(pace[kind, r]))
            spanning[count] = m
            count += 1
    return count


@inlined
def ran(own: Any, j: int, speed: float, now_s: float, step_s: float) -> float:
    """Follow `progress.run` for one job; how much of its work was late."""
    job, books = own.jobs[j], own.books
    restarting = min(job.restart_left_s, step_s)
    busy_s = step_s - restarting
    could_h = min(job.accelerators * step_s * HOURS, job.left_h)
    did_h = min(job.accelerators * speed * busy_s * HOURS, job.left_h)
    books[DONE, job.kind] += did_h
    since, risk = job.since_s + busy_s, job.risk_h + did_h
    if since >= job.checkpoint_s:
        every = max(job.checkpoint_s, 1e-9)
        since = since - every if since < 2.0 * every else since % every  # the same: this difference is exact
        risk = did_h * min(since / max(busy_s, 1e-9), 1.0)
    job.since_s, job.risk_h = since, risk
    job.restart_left_s -= restarting
    job.left_h -= did_h
    late_h = job.left_h * (1.0 - did_h / max(could_h, DONE_H)) if did_h < could_h else 0.0
    if job.left_h <= DONE_H:
        books[DONE, job.kind] += job.left_h
        job.left_h = 0.0
        released(own, j, EMPTY)
    elif job.deadline_s <= now_s:
        expired(own, j)
    return late_h


@part
def expired(own: Any, j: int) -> None:
    """Follow `progress._expire` for one job that holds accelerators."""
    own.books[LOST, own.jobs[j].kind] += own.jobs[j].left_h
    own.jobs[j].left_h = 0.0
    released(own, j, EMPTY)


@part
def runners(own: Any, now_s: float, running: Any, late: float) -> tuple[int, float]:
    """How many of the jobs that hold accelerators run, who then stand first in ``running``; and all that is late.

    The others are paused: what they have left is late, and they leave where their deadline has come.
    """
    count, many = 0, own.about[0].active
    for m in range(many):
        j = running[m]
        if own.state[j] == RUNNING:
            running[count] = j
            count += 1
        else:
            late += own.jobs[j].left_h
            if own.jobs[j].deadline_s <= now_s:
                expired(own, j)
    return count, late


@part
def expired_in_line(own: Any, now_s: float) -> None:
    """Follow `progress._expire` for the jobs that wait."""
    about, first = own.about[0], np.inf
    for k in range(about.lined - 1, -1, -1):
        j = own.line[k]
        if own.jobs[j].deadline_s <= now_s:
            left_line(own, k)
            own.books[LOST, own.jobs[j].kind] += own.jobs[j].left_h
            own.jobs[j].left_h, own.state[j] = 0.0, EMPTY
        else:
            first = min(first, own.jobs[j].deadline_s)
    about.first_deadline_s = first


@inlined
def admitted(own: Any, jobs: Any, rests: Any, nth: int, now_s: float, by_deadline: bool) -> int:
    """Follow `job_table.admit`; how many of the list have come then."""
    last = min(len(jobs), nth + LOOK_AHEAD)
    for j in range(len(own.state)):
        if nth >= last or rests[nth].submit_s > now_s:
            break
        if own.state[j] == EMPTY:
            own.jobs[j], own.rest[j] = jobs[nth], rests[nth]
            own.books[ASKED, own.jobs[j].kind] += own.rest[j].work_h
            own.state[j] = WAITING
            own.jobs[j].left_h = own.rest[j].work_h
            lined_up(own, j, by_deadline)
            nth += 1
    return nth


@part
def viewed(own: Any, share: float, seen: Any) -> None:
    """Follow `queue_view.queue_view` for the jobs that hold accelerators."""
    for row in range(5):
        seen[row] = 0.0
    for j in own.active[: own.about[0].active]:
        job = own.jobs[j]
        size = job.accelerators * share
        row = 2 if own.state[j] != RUNNING else (1 if job.restart_left_s > 0.0 else 0)
        seen[row] += size
        if job.tier > 0:
            seen[3] += size
        if soon(job):
            seen[4] += size


@inlined
def viewed_line(about: Any, now_s: float, share: float, seen: Any) -> None:
    """Follow `queue_view.queue_view` for the jobs that wait."""
    seen[5], seen[6] = about.waiting_size * share, about.waiting_h * share
    seen[7] = about.largest * share
    seen[8] = max((now_s - about.oldest_s) / 3600.0, 0.0)


@inlined
def soon(job: Any) -> bool:
    """Whether a job ends within `queue_view.SOON_S` at full pace."""
    return job.left_h * 3600.0 <= (SOON_S - job.restart_left_s) * max(job.accelerators, 1.0)


@part
def networked(own: Any, net: Any, exposed: Any, running: Any, wide: int, scratch: Any) -> None:
    """Share the network among the first ``wide`` of ``scratch.spanning`` where somebody moved, and slow them."""
    home_gb_s, out_gb_s, leaf_of, pod_of, uplink = net
    spanning, speeds, rate, me = scratch.spanning, scratch.speeds, scratch.rate, own.jobs
    if own.about[0].net_moved:
        wides, ports = scratch.later[:wide], scratch.ports
        for k in range(wide):
            wides[k] = running[spanning[k]]
        ports_below(own, leaf_of, pod_of, wides, ports)
        filled(ports[:wide], uplink, out_gb_s, scratch.left, scratch.wants, scratch.rising, rate)
        for k in range(wide):
            slow = home_gb_s / max(rate[k], _NONE) - 1.0
            me[wides[k]].speed = 1.0 / (1.0 + exposed[me[wides[k]].kind] * slow)
        own.about[0].net_moved = 0
    for k in range(wide):
        speeds[spanning[k]] *= me[running[spanning[k]]].speed


@inlined
def booked(books: Any, before: Any, rows: Any) -> None:
    """What the ledger of a site says of a step: rows as of `CompiledJobs.rows`."""
    for k in range(books.shape[1]):
        redone = books[REDONE, k] - before[REDONE, k]
        rows[0, k] = books[ASKED, k] - before[ASKED, k] - redone
        rows[1, k] = books[DONE, k] - before[DONE, k]
        rows[2, k] = books[LOST, k] - before[LOST, k]
        rows[3, k] = books[ASKED, k] - (books[DONE, k] + books[REDONE, k] + books[LOST, k])
        for what in range(len(books)):
            before[what, k] = books[what, k]


@kept
def progressed(
    records: Any, coming: Any, of: Any, taken: Any, pace: Any, now_s: Any, step_s: float, net: Any, exposed: Any,
    by_deadline: bool, limited: bool, work: Any, seen: Any, rows: Any, late_h: Any, scratch: Any, first: int, end: int,
) -> None:  # fmt: skip
    """Follow `control_step.settle` in sites ``first`` to ``end``, and show the queue and the books behind it.

    Parameters
    ----------
    records : Records
    coming : tuple of ndarray (L, N)
        As `records.coming_of` gives them.
    of, taken : ndarray of int (B,)
        As in `job_table.Arrivals`.
    pace : ndarray (K, R, B)
        Of the racks that jobs may hold.
    now_s : ndarray (B,)
    step_s : float
    net : Network
        Of the racks that jobs may hold; with ``home_gb_s`` 0 where no network slows anybody.
    exposed : ndarray (K,)
    by_deadline : bool
        Of `scheduler.Habits`.
    limited : bool
        Whether ``work`` says anything but 1.
    work : ndarray (K, T, B)
        Of `tier_limits.TierLimits`.
    seen : ndarray (k, B)
        Written into: rows of `queue_view.SEEN`.
    rows : ndarray (4, K, B)
        Written into: what the ledger says of the step.
    late_h : ndarray (B,)
        Written into: work that was late.
    scratch : Scratch
    first, end : int
    """
    jobs_coming, rest_coming = coming
    share = 1.0 / max(float(total_of(records.racks)), 1.0)
    running, speeds = scratch.running, scratch.speeds
    for b in range(first, end):
        lists_fetched(records, b + 2, end)
        jobs_fetched(records, b + 1, end)
        if b + 1 < end:
            nth = of[b + 1], min(taken[b + 1], jobs_coming.shape[1] - 1)
            prefetched(jobs_coming, nth)
            prefetched(rest_coming, nth)
            prefetched(records.rest, (b + 1, records.line[b + 1, max(records.about[b + 1, 0].lined - 1, 0)]))
        own, now = own_of(records, b), now_s[b] + step_s
        about, me = own.about[0], own.jobs
        if about.unknown:
            known(own, by_deadline)
        late, plain = about.waiting_h, about.paused == 0
        if about.first_deadline_s <= now:
            expired_in_line(own, now)
        noted(running, own.active, about.active)
        count = about.active
        if not plain:
            count, late = runners(own, now, running, late)
        wide = paces(own, pace[:, :, b], running[:count], scratch.spanning, speeds)
        if wide > 0 and net.home_gb_s > 0.0:
            networked(own, net, exposed, running, wide, scratch)
        runs, restarts, flexible, ending = 0.0, 0.0, 0.0, 0.0
        for m in range(count):
            job, speed = me[running[m]], speeds[m]
            if limited:
                speed *= work[job.kind, job.tier, b]
            late += ran(own, running[m], speed, now, step_s)
            if job.span > 0:
                size = job.accelerators * share
                restarts += size if job.restart_left_s > 0.0 else 0.0
                runs += 0.0 if job.restart_left_s > 0.0 else size
                flexible += size if job.tier > 0 else 0.0
                ending += size if soon(job) else 0.0
        late_h[b] = late
        taken[b] = admitted(own, jobs_coming[of[b]], rest_coming[of[b]], taken[b], now, by_deadline)
        racks_fetched(records, b + 1, end)
        if plain:
            seen[0, b], seen[1, b], seen[2, b], seen[3, b], seen[4, b] = runs, restarts, 0.0, flexible, ending
        else:
            viewed(own, share, seen[:, b])
        viewed_line(about, now, share, seen[:, b])
        booked(own.books, records.before[b], rows[:, :, b])
