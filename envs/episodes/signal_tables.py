"""Tables of what comes to a batch of sites, which rows of them each site reads, and how these move on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine.pool import Pool
from envs.physics.namespace import Floats
from envs.scheduling.job_pool import JobPool
from envs.signals.step import Load


class LoadPools(NamedTuple):
    """Rows of every load, one after the other: ``(T, S R)`` activity, ``(T, R)`` jobs and swing, ``(T, 3)`` queue.

    ``jobs`` are those that a scheduler places in the episode, where the scenario has such.
    """

    activity: NDArray[np.float32]
    job: NDArray[np.int16]
    queue: NDArray[np.float32]
    swing: NDArray[np.float32]
    jobs: JobPool | None = None


class SignalPools(NamedTuple):
    """Tables of a world that machine code reads where they lie."""

    site: Pool
    activity: Pool
    job: Pool
    queue: Pool
    swing: Pool


class SignalPlace(NamedTuple):
    """Rows of the tables that each environment reads, ``(B,)``."""

    site: NDArray[np.int64]
    """Of the coming step."""
    seen: NDArray[np.int64]
    """Of the site's table, at the end of the coming step."""
    load: NDArray[np.int64]


class SignalClock(NamedTuple):
    """How places move on: rows of a site's year, and of a load that begins again (0: none does)."""

    site_steps: int
    load_steps: int

    def next(self, place: SignalPlace) -> SignalPlace:
        """Places one step later: a pure array function."""
        load = _next_row(place.load, self.load_steps) if self.load_steps else place.load + 1
        return SignalPlace(place.seen, _next_row(place.seen, self.site_steps), load)


def _next_row(row: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """The row behind a row; the first of its ``steps`` behind the last."""
    after = row + 1
    moved: NDArray[np.int64] = np.where(after % steps == 0, after - steps, after)
    return moved


def load_of(activity: Floats, job: NDArray[Any], queue: Floats, swing: Floats) -> Load:
    """Rows of the load's tables, the environments last, as the load of a step."""
    racks, batch = job.shape
    return Load(activity.reshape(-1, racks, batch), job, queue[0], queue[1], queue[2], swing)
