"""Which racks a job runs on: a gang scheduler that plays a job list, and labels of racks that one job ties together."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.signals.workload.profiles import LOOK_PAST


class Placement(NamedTuple):
    """Where jobs ran: ``start_s`` (n,), and one row per job and rack: ``job``, ``rack`` (local index), ``gpus``."""

    start_s: np.ndarray
    job: np.ndarray
    rack: np.ndarray
    gpus: np.ndarray


class _Cluster:
    """Free accelerators per rack while jobs come and go."""

    def __init__(self, gpus_of: list[int]) -> None:
        self.free = list(gpus_of)
        self.total = sum(gpus_of)
        self.held: list[list[tuple[int, int]]] = []

    def take(self, gpus: int) -> list[tuple[int, int]]:
        """Best-fit rack, else as few racks as can be; the caller knows that ``gpus`` are free."""
        self.total -= gpus
        fitting = [(f, r) for r, f in enumerate(self.free) if f >= gpus]
        if fitting:
            rack = min(fitting)[1]
            self.free[rack] -= gpus
            return [(rack, gpus)]
        parts: list[tuple[int, int]] = []
        for free, rack in sorted(((f, -r) for r, f in enumerate(self.free)), reverse=True):
            part = min(free, gpus)
            parts.append((-rack, part))
            self.free[-rack] -= part
            gpus -= part
            if gpus == 0:
                break
        return parts

    def release(self, parts: list[tuple[int, int]]) -> None:
        for rack, gpus in parts:
            self.free[rack] += gpus
            self.total += gpus


def place_jobs(
    submit_s: np.ndarray,
    duration_s: np.ndarray,
    gpus: np.ndarray,
    racks: int,
    gpus_per_rack: int | Sequence[int],
    look_past: int = LOOK_PAST,
) -> Placement:
    """Play a job list through a gang scheduler: first in first out, passing up to ``look_past`` jobs that do not fit.

    Parameters
    ----------
    submit_s, duration_s, gpus : ndarray
        Shape (n,), submit times in rising order [s], run times [s], accelerators of each job, at most ``racks
        * gpus_per_rack``.
    racks : int
    gpus_per_rack : int or sequence of int
        Of all racks alike, or of each.
    look_past : int
        Waiting jobs looked at, in order, whenever accelerators come free.
    """
    cluster = _Cluster([gpus_per_rack] * racks if isinstance(gpus_per_rack, int) else [int(n) for n in gpus_per_rack])
    held: list[list[tuple[int, int]]] = [[] for _ in range(len(submit_s))]
    start = [np.inf] * len(submit_s)
    running: list[tuple[float, int]] = []
    waiting: list[int] = []
    sizes, lengths = gpus.tolist(), duration_s.tolist()

    def begin(job: int, now: float) -> None:
        held[job] = cluster.take(sizes[job])
        start[job] = now
        heapq.heappush(running, (now + lengths[job], job))

    def retire_until(time: float) -> None:
        while running and running[0][0] <= time:
            now = running[0][0]
            while running and running[0][0] == now:
                cluster.release(held[heapq.heappop(running)[1]])
            place = 0
            while cluster.total and place < min(look_past, len(waiting)):
                if sizes[waiting[place]] <= cluster.total:
                    begin(waiting.pop(place), now)
                else:
                    place += 1

    for job, now in enumerate(submit_s.tolist()):
        retire_until(now)
        if sizes[job] <= cluster.total and len(waiting) < look_past:
            begin(job, now)
        else:
            waiting.append(job)
    retire_until(np.inf)
    rows = [(job, rack, part) for job, parts in enumerate(held) for rack, part in parts]
    job_rows, rack_rows, gpu_rows = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Placement(np.array(start), job_rows, rack_rows, gpu_rows)


def spanning_labels(
    placed: Placement, duration_s: np.ndarray, racks: int, n_steps: int, step_s: float, skip_s: float = 0.0
) -> np.ndarray:
    """Lowest local rack of the synchronous job each rack belongs to.

    A rack belongs to the largest spanning job that ran on it in the step, and to itself where there was none.

    Parameters
    ----------
    placed : Placement
        Rows of a job stand together.
    duration_s : ndarray
        Shape (n,), run times [s].
    racks, n_steps : int
        Shape of the result.
    step_s, skip_s : float
        Length of a step and time before the first one [s].

    Returns
    -------
    ndarray
        Shape (n_steps, racks), int64.
    """
    owner = np.tile(-1 - np.arange(racks), (n_steps, 1))
    pieces = np.bincount(placed.job, minlength=duration_s.size)
    sizes = np.bincount(placed.job, placed.gpus, minlength=duration_s.size)
    first_row = np.cumsum(pieces) - pieces
    begin = np.floor((placed.start_s - skip_s) / step_s)
    finish = np.ceil((placed.start_s + duration_s - skip_s) / step_s)
    spanning = np.flatnonzero((pieces > 1) & (finish > 0) & (begin < n_steps))
    for job in spanning[np.argsort(sizes[spanning], kind="stable")]:
        members = placed.rack[first_row[job] : first_row[job] + pieces[job]]
        owner[max(int(begin[job]), 0) : int(finish[job]), members] = job
    label = np.empty_like(owner)
    for rack in range(racks - 1, -1, -1):
        label[owner == owner[:, rack : rack + 1]] = rack
    return label
