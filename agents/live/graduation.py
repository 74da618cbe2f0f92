"""Whether the loop may act alone: enough days on which it knew what its next cycle brings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from agents.live.clock import DAY_S

#: A day counts where the intervals, told for 90 %, held at least this share of the values, and where they were told
#: for half of its cycles. The errors of neighbouring cycles are alike, so a day scatters; engineering guesses.
LEAST_HELD, LEAST_SHARE = 0.80, 0.5
#: An interval wider than this says nothing, however often it holds: half widths, by the end of a target's name.
WIDEST = {"_c": 1.5, "_share": 0.10}


class Score(NamedTuple):
    """One scored cycle.

    Attributes
    ----------
    stamp_s : float
    held : int
        Intervals that held their value.
    told : int
        Intervals that were told.
    widest : float
        Largest half width over what `WIDEST` allows [1].
    """

    stamp_s: float
    held: int
    told: int
    widest: float


def calibrated_days(scores: Iterable[Score], cycle_s: float) -> int:
    """Consecutive calibrated days at the end of a record, the running day left out.

    Parameters
    ----------
    scores : iterable of Score
        In the order of time.
    cycle_s : float
        Seconds between two cycles.
    """
    days: dict[int, list[Score]] = {}
    for score in scores:
        days.setdefault(int(score.stamp_s // DAY_S), []).append(score)
    whole = sorted(days)[:-1]
    count = 0
    for before, day in zip([None, *whole], whole):
        follows = before is None or day == before + 1
        count = (count + 1 if follows else 1) if _is_calibrated(days[day], cycle_s) else 0
    return count


def _is_calibrated(scores: list[Score], cycle_s: float) -> bool:
    told = [s for s in scores if s.told]
    if len(told) < LEAST_SHARE * DAY_S / cycle_s:
        return False
    held = sum(s.held for s in told) / sum(s.told for s in told)
    return held >= LEAST_HELD and float(np.median([s.widest for s in told])) <= 1.0


def width_share(name: str, half_width: float) -> float:
    """Half width of a target over the widest that still says something [1]."""
    target = name.partition("[")[0]
    return next((half_width / most for end, most in WIDEST.items() if target.endswith(end)), 0.0)
