"""`whole_domains` as machine code, for one site; same order, same ties, same numbers. Needs numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.scheduling.compiled_lists import largest_of, passing_s, total_of
from envs.scheduling.compiled_reservation import enough_from
from envs.scheduling.kept_code import part


@part
def starting_whole(
    own: Any, racks: Any, lit: Any, spare: float, by_count: tuple[float, float], whole: float, backfill: bool,
    reserve: bool, now_s: float, ends: Any, sizes: Any,
) -> tuple[int, int]:  # fmt: skip
    """Follow `whole_domains.starting_whole`: the place in the queue of who starts, or -1, and the rack that is kept.

    ``ends`` are those of `ends_of`; ``sizes`` is written into.
    """
    need = own.need[: own.about[0].lined]
    largest, most = largest_of(racks, len(racks)), largest_of(lit, len(lit))
    alone = need[0] <= largest
    if need[0] <= spare and (not alone or most >= need[0]):
        return 0, -1
    rack, shadow_s, room, beside = -1, np.inf, 0.0, most
    if alone:
        count = own.about[0].active
        for r in range(len(racks)):
            when = 0.0
            if lit[r] < need[0]:
                for k in range(count):
                    sizes[k] = own.held[own.active[k], r]
                when, _ = enough_from(ends, sizes, count, float(lit[r]), need[0])
            if when < shadow_s:
                rack, shadow_s = r, when
        if need[0] <= spare and (rack < 0 or shadow_s > whole * own.lasts[0]):
            return 0, -1
    if not backfill:
        return -1, -1
    if not reserve:
        rack, shadow_s = -1, np.inf
    if rack >= 0:
        room, beside = min(spare, float(total_of(lit) - lit[rack])), 0
        for r in range(len(racks)):
            if r != rack and lit[r] > beside:
                beside = lit[r]
    elif reserve:
        shadow_s, room = by_count
    shadow_s = passing_s(own, shadow_s, now_s)
    for k in range(1, len(need)):
        if need[k] <= spare:
            short = own.lasts[k] <= shadow_s
            if (short or need[k] <= room) and (need[k] > largest or need[k] <= (most if short else beside)):
                return k, -1 if short else rack
    return -1, -1
