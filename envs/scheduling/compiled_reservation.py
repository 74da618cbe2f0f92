"""When enough accelerators will be free, as machine code: for a count of a site, or for what one rack must hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.scheduling.compiled_lists import need_s
from envs.scheduling.kept_code import inlined, part


@inlined
def ends_of(own: Any, ends: Any, sizes: Any) -> None:
    """When each job that holds accelerators ends at full pace [s], and how many it holds; by place in the list."""
    for k in range(own.about[0].active):
        job = own.jobs[own.active[k]]
        ends[k], sizes[k] = need_s(job), int(job.accelerators)


@part
def enough_from(ends: Any, sizes: Any, count: int, there: float, need: float) -> tuple[float, float]:
    """Follow `scheduler._reservation` for one site: until when the first waits, and what is left over then.

    Of the ends between the last that was too early and the first that was late enough, the next in the list is tried.
    That halves what is left as often as a sort would, without moving anything; each trial is a sum of whole numbers
    that takes no branch.
    """
    early, enough = -np.inf, np.inf
    for k in range(count):
        end = ends[k]
        if early < end < enough:
            free = 0
            for m in range(count):
                free += sizes[m] if ends[m] <= end else 0
            if there + free >= need:
                enough = end
            else:
                early = end
    if enough == np.inf:
        return np.inf, 0.0
    for k in range(count):
        there += sizes[k] if ends[k] < enough else 0
    for k in range(count):
        if ends[k] == enough and there < need:
            there += sizes[k]
    return enough, there - need
