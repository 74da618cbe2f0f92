"""Remembers what took the points from the loop: the same cause twice would only disturb the building again."""

from __future__ import annotations

import re

from agents.live.clock import DAY_S

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


class Repeats:
    """Causes of faults that ended a time in control, each with the time of its last coming."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def again(self, cause: str, now: float) -> bool:
        """Whether the same cause, its numbers left aside, came within the last day; it is noted."""
        kind = NUMBER.sub("#", cause)
        before = self._last.get(kind)
        self._last[kind] = now
        return before is not None and now - before <= DAY_S

    def forget(self) -> None:
        """A person has looked at it."""
        self._last.clear()
