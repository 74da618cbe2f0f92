"""Where the live loop gets its time from: the wall, or steps, so that a simulated day takes seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

DAY_S = 86_400.0


class Clock(Protocol):
    """Time in seconds since 1970, UTC; ``speed`` of them pass in one second of the wall."""

    speed: float

    def now(self) -> float:
        """Time now [s]."""

    def elapsed(self) -> float:
        """Time since some moment [s], which nobody can set: what waits are counted in."""

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait; end early where ``wake`` is set."""


class WallClock:
    """The machine's clock, or one that runs faster.

    Parameters
    ----------
    speed : float
        Seconds of this clock in one second of the wall [1]; for a simulated building alone.
    agrees : tuple of float, optional
        A moment of the wall's clock and the same moment of this one [s]; midnight (UTC) of both when left out.

    Raises
    ------
    ValueError
        For a speed that is not above 0.
    """

    def __init__(self, speed: float = 1.0, agrees: tuple[float, float] | None = None) -> None:
        if not 0.0 < speed <= 100_000.0:
            raise ValueError(f"speed = {speed:g}; give 1 for a building, up to 100000 for a simulated one")
        self.speed = speed
        midnight = time.time() // DAY_S * DAY_S
        self._wall_s, self._begin = agrees or (midnight, midnight)

    def now(self) -> float:
        """Time now [s]; at speed 1 the machine's own. Two programs that run equally fast show the same."""
        if self.speed == 1.0:
            return time.time()
        return self._begin + (time.time() - self._wall_s) * self.speed

    def elapsed(self) -> float:
        """Time of the machine's monotonic clock, at this clock's speed [s]."""
        return time.monotonic() * self.speed

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait, or until ``wake`` is set."""
        if seconds <= 0.0:
            return
        if wake is None:
            time.sleep(seconds / self.speed)
        else:
            wake.wait(seconds / self.speed)


class SteppedClock:
    """A clock that moves by its sleeps alone.

    Parameters
    ----------
    begin : float
        First time [s].
    """

    speed = 1.0

    def __init__(self, begin: float = 1_700_000_000.0) -> None:
        self._now = begin
        self._followers: list[Callable[[float], None]] = []

    def follow(self, follower: Callable[[float], None]) -> None:
        """Call ``follower`` with the new time after every sleep, in the order of their coming."""
        self._followers.append(follower)

    def now(self) -> float:
        """Time now [s]."""
        return self._now

    def elapsed(self) -> float:
        """Time now [s]: nobody sets this clock."""
        return self._now

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Move on at once."""
        self._now += max(seconds, 0.0)
        for follower in self._followers:
            follower(self._now)
