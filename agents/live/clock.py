"""Where the live loop gets its time from: the wall, or steps, so that a simulated day takes seconds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from envs.whole_file import write_whole

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
        self.agrees = agrees or (midnight, midnight)

    def now(self) -> float:
        """Time now [s]. Two programs that run equally fast show the same."""
        wall_s, begin_s = self.agrees
        return begin_s + (time.time() - wall_s) * self.speed

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


def building_clock(points: Path | str, speed: float) -> WallClock:
    """The clock of the building that a point map is of: a simulated one has left its own beside that file.

    Raises
    ------
    ValueError
        Where that building runs at another speed.
    """
    kept = _kept_clock(Path(points))
    if kept is None:
        return WallClock(speed)
    if kept.speed != speed:
        raise ValueError(
            f"speed = {speed:g}, and the simulated building of {points} runs at {kept.speed:g}; give "
            f"speed={kept.speed:g}, or delete {_beside(Path(points))} where the map is of a real building"
        )
    return kept


def started_clock(points: Path | str, speed: float) -> WallClock:
    """A clock for a simulated building that starts now, kept beside its point map: its time never goes back.

    Where an earlier building of that map had one, the new one goes on from it, whatever its speed was.
    """
    before = _kept_clock(Path(points))
    begin = None if before is None else (time.time(), before.now())
    clock = WallClock(speed, begin)
    write_whole(_beside(Path(points)), json.dumps({"speed": speed, "agrees": clock.agrees}) + "\n")
    return clock


def _kept_clock(points: Path) -> WallClock | None:
    path = _beside(points)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        wall_s, hall_s = kept["agrees"]
        return WallClock(float(kept["speed"]), (float(wall_s), float(hall_s)))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: {error}; delete it, and start `coldaisle simulate-site` again") from error


def _beside(points: Path) -> Path:
    return points.with_name(points.name + ".clock")


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
