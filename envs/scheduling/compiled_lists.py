"""Which jobs of a site wait, in their order, and which hold accelerators: lists that machine code keeps up to date.

Only jobs that come, start, stop or end move them. So a step looks at nobody who waits unless something may start.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from envs.scheduling.job_table import EMPTY, RUNNING, WAITING
from envs.scheduling.kept_code import inlined, part
from envs.scheduling.order import HOUR_S, SLACK_S
from envs.scheduling.prefetch import prefetched

ASKED, DONE, REDONE, LOST = range(4)  # rows of the books


class Own(NamedTuple):
    """The memory of one site: rows of `records.Records`; of its racks only those from ``low`` that jobs may hold."""

    jobs: Any
    rest: Any
    state: Any
    held: Any
    free: Any
    books: Any
    about: Any
    line: Any
    need: Any
    lasts: Any
    active: Any
    low: Any


@inlined
def noted(into: Any, of: Any, count: int) -> None:
    """Copy the first of a list: what is noted stays while the list moves."""
    for k in range(count):
        into[k] = of[k]


@inlined
def largest_of(values: Any, count: int) -> float:
    """The largest of the first numbers of a list, at least 0."""
    found = 0.0
    for k in range(count):
        found = max(found, values[k])
    return found


@inlined
def total_of(values: Any) -> int:
    """Sum of whole numbers."""
    found = 0
    for k in range(len(values)):
        found += values[k]
    return found


@inlined
def need_s(job: Any) -> float:
    """Follow `job_table.remaining_s`."""
    return job.left_h * 3600.0 / max(job.accelerators, 1.0) + job.restart_left_s


@inlined
def own_of(records: Any, b: int) -> Any:
    """What belongs to site ``b``; lists are made anew where somebody else has written to the table."""
    jobs, rest, state, held, free, _, books, _, about, line, need, lasts, active, low, above = records
    return Own(
        jobs[b], rest[b], state[b], held[b, :, low:above], free[b, low:above], books[b], about[b], line[b], need[b],
        lasts[b], active[b], low,
    )  # fmt: skip


@part
def known(own: Any, by_deadline: bool) -> None:
    """Make the lists from the table."""
    about, state = own.about[0], own.state
    about.lined = about.active = about.paused = 0
    about.waiting_size = about.waiting_h = about.largest = 0.0
    about.oldest_s = about.first_deadline_s = np.inf
    for j in range(len(state)):
        if state[j] == WAITING:
            lined_up(own, j, by_deadline)
        elif state[j] != EMPTY:
            own.active[about.active] = j
            about.active += 1
            if state[j] != RUNNING:
                about.paused = 1
    about.unknown, about.net_moved, about.moved = 0, 1, 1


@part
def goes_before(own: Any, a: int, b: int, by_deadline: bool) -> bool:
    """Whether a waiting job goes before another, `scheduler.queued`; of equal ones the lower slot."""
    rest, jobs = own.rest, own.jobs
    if rest[a].priority != rest[b].priority:
        return rest[a].priority > rest[b].priority
    if by_deadline:
        due_a, due_b = jobs[a].deadline_s - rest[a].lead_s, jobs[b].deadline_s - rest[b].lead_s
        if due_a != due_b:
            return due_a < due_b
    time_a, time_b = rest[a].submit_s - rest[a].lead_s, rest[b].submit_s - rest[b].lead_s
    if time_a != time_b:
        return time_a < time_b
    if rest[a].submit_s != rest[b].submit_s:
        return rest[a].submit_s < rest[b].submit_s
    return a < b


@part
def led(own: Any, j: int) -> None:
    """Follow `order.lead_s` for one job."""
    about, job, rest = own.about[0], own.jobs[j], own.rest[j]
    if about.small_h == 0.0 and about.short_h == 0.0 and about.urgent_h == 0.0:
        rest.lead_s = 0.0
        return
    lasts_s = need_s(job)
    slack_s = min(max(job.deadline_s - rest.submit_s - lasts_s, 0.0), SLACK_S)
    small, short = about.domain / (about.domain + float(job.accelerators)), HOUR_S / (HOUR_S + lasts_s)
    urgent = 1.0 - slack_s / SLACK_S
    rest.lead_s = HOUR_S * (about.small_h * small + about.short_h * short + about.urgent_h * urgent)


@inlined
def passing_s(own: Any, shadow_s: float, now_s: float) -> float:
    """Follow `order.passing_s` for the first in the queue of one site."""
    grace_h = own.about[0].grace_h
    shadow_s += HOUR_S * min(grace_h, 0.0)
    if grace_h > 0.0:
        shadow_s = max(shadow_s, HOUR_S * grace_h - (now_s - own.rest[own.line[0]].submit_s))
    return shadow_s


@part
def reordered(own: Any, lead_h: Any, grace_h: float, by_deadline: bool) -> None:
    """Put the queue into another order, where it is another one."""
    about, line, need, lasts = own.about[0], own.line, own.need, own.lasts
    if about.grace_h != grace_h:
        about.grace_h, about.moved = grace_h, 1
    if about.small_h == lead_h[0] and about.short_h == lead_h[1] and about.urgent_h == lead_h[2]:
        return
    about.small_h, about.short_h, about.urgent_h, about.moved = lead_h[0], lead_h[1], lead_h[2], 1
    for k in range(about.lined):
        led(own, line[k])
    for k in range(1, about.lined):
        j, size, lasted, at = line[k], need[k], lasts[k], k
        while at > 0 and goes_before(own, j, line[at - 1], by_deadline):
            line[at], need[at], lasts[at] = line[at - 1], need[at - 1], lasts[at - 1]
            at -= 1
        line[at], need[at], lasts[at] = j, size, lasted


@part
def lined_up(own: Any, j: int, by_deadline: bool) -> None:
    """Put a job that waits into its place in the queue."""
    about, job, submit_s = own.about[0], own.jobs[j], own.rest[j].submit_s
    led(own, j)
    at = about.lined
    while at > 0 and goes_before(own, j, own.line[at - 1], by_deadline):
        own.line[at], own.need[at], own.lasts[at] = own.line[at - 1], own.need[at - 1], own.lasts[at - 1]
        at -= 1
    own.line[at], own.need[at], own.lasts[at] = j, job.accelerators, need_s(job)
    about.lined += 1
    about.waiting_size += job.accelerators
    about.waiting_h += job.left_h
    about.largest = max(about.largest, job.accelerators)
    about.oldest_s = min(about.oldest_s, submit_s)
    about.first_deadline_s = min(about.first_deadline_s, job.deadline_s)
    about.moved = 1


@part
def left_line(own: Any, k: int) -> None:
    """Take the job at a place of the queue out of it."""
    about, j = own.about[0], own.line[k]
    size, submit_s = own.need[k], own.rest[j].submit_s
    about.lined -= 1
    count = about.lined
    for at in range(k, count):
        own.line[at], own.need[at], own.lasts[at] = own.line[at + 1], own.need[at + 1], own.lasts[at + 1]
    about.waiting_size -= size
    about.waiting_h -= own.jobs[j].left_h
    about.moved = 1
    if count == 0:
        about.waiting_h = about.largest = 0.0
        about.oldest_s = about.first_deadline_s = np.inf
        return
    if size >= about.largest:
        about.largest = largest_of(own.need, count)
    if submit_s <= about.oldest_s:
        about.oldest_s = np.inf
        for at in range(count):
            about.oldest_s = min(about.oldest_s, own.rest[own.line[at]].submit_s)


@part
def enlisted(own: Any, j: int) -> None:
    """Put a job that starts among those that hold accelerators, which stand by slot."""
    at = own.about[0].active
    while at > 0 and own.active[at - 1] > j:
        own.active[at] = own.active[at - 1]
        at -= 1
    own.active[at] = j
    own.about[0].active += 1


@part
def released(own: Any, j: int, to: int) -> None:
    """Follow `job_table.release` for one job."""
    job, held, free, about = own.jobs[j], own.held, own.free, own.about[0]
    home = job.home - own.low
    if job.span == 1:
        free[home] += held[j, home]
        held[j, home] = 0
    else:
        about.net_moved = 1
        for r in range(home, len(free)):
            if held[j, r] > 0:
                free[r] += held[j, r]
                held[j, r] = 0
    job.span = 0
    own.state[j] = to
    about.moved = 1
    at = 0
    while own.active[at] != j:
        at += 1
    about.active -= 1
    for k in range(at, about.active):
        own.active[k] = own.active[k + 1]


@part
def stopped(own: Any, j: int) -> None:
    """Follow `job_table.stop` for one job; it stands in no queue yet."""
    job, rest, books = own.jobs[j], own.rest[j], own.books
    kind, thrown = job.kind, job.risk_h
    books[ASKED, kind] += thrown
    books[DONE, kind] -= thrown
    books[REDONE, kind] += thrown
    released(own, j, WAITING)
    job.left_h += thrown
    job.restart_left_s = rest.restart_s
    job.risk_h = 0.0
    job.since_s = 0.0
    rest.stops += 1


@inlined
def lists_fetched(records: Any, b: int, end: int) -> None:
    """Bring the lists of a site near that is two ahead."""
    if b < end:
        prefetched(records.about, (b, 0))
        prefetched(records.active, (b, 0))
        prefetched(records.line, (b, 0))
        prefetched(records.need, (b, 0))
        prefetched(records.lasts, (b, 0))
        prefetched(records.free, (b, records.low))


@inlined
def jobs_fetched(records: Any, b: int, end: int) -> None:
    """Bring the jobs near that hold accelerators on the next site, and who waits first."""
    if b < end:
        about, active = records.about[b, 0], records.active
        for k in range(about.active):
            prefetched(records.jobs, (b, active[b, k]))
        if about.lined > 0:
            first = records.line[b, 0]
            prefetched(records.jobs, (b, first))
            prefetched(records.rest, (b, first))
            prefetched(records.held, (b, first, records.low))


@inlined
def racks_fetched(records: Any, b: int, end: int) -> None:
    """Bring near what the next site's jobs hold that span racks."""
    if b < end:
        for k in range(records.about[b, 0].active):
            j = records.active[b, k]
            if records.jobs[b, j].span > 1:
                prefetched(records.held, (b, j, records.low))
