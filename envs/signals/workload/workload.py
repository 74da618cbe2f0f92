"""What the racks are asked to do: the ``Workload`` arrays, the partitions of a hall, their generation (WORKLOAD 6).

Everything is generated at one minute and averaged over the control step. Row 0 is a Monday midnight in site time
(local standard).
A pool is made once per (partitions, seed); ``envs.episodes.world`` samples it by episodes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from envs.signals.workload import frontier, placement, requests
from envs.signals.workload import profiles as tables
from envs.signals.workload.jobs import Jobs, rack_minutes, shared_jobs
from envs.signals.workload.minutes import Draw, mean_reverting, step_means
from envs.signals.workload.partitions import KIND_SLOTS, Partition, default_partitions, partitions_for, require
from envs.signals.workload.profiles import MINUTES_PER_WEEK, SECONDS_PER_WEEK

__all__ = ["CLASSES", "Partition", "Workload", "default_partitions", "generate_workload", "partitions_for"]

CLASSES = ("pretrain", "finetune", "prefill", "decode", "batch", "cpu", "none")
SLOTS = 2
WARM_UP_WEEKS = 2
DEFAULT_UTC_OFFSET_H = -5.0  # US Eastern: the code service follows US office hours


@dataclass(frozen=True, eq=False)
class Workload:
    """What every rack is asked to do in every control step.

    Attributes
    ----------
    activity : ndarray
        Shape (T, S, R), float32: share of the rack's rated accelerators active in the slot's class,
        utilisation 0..1 in ``cpu`` slots;
        0 for ``batch`` racks, whose queue the plant runs.
    slot_class : ndarray
        Shape (S, R), int8: index into ``CLASSES``.
    job : ndarray
        Shape (T, R), int16: lowest rack of the synchronous job a rack belongs to, its own index when alone or idle.
    job_groups : tuple of tuple of int
        Racks within which jobs can span.
    swing : ndarray
        Shape (T, R), float32: peak-to-peak share of training draw below one second (PHYSICS B5).
    batch_arrival : ndarray
        Shape (T,), float32: accelerator-hours that enter the batch queue in the step.
    unserved : ndarray
        Shape (T,), float32: accelerator-hours of interactive demand above what replicas take (0.95 of saturation, or
        their batch), lost.
    step_s : float
        Control step [s].
    seed : int
        Seed of the pool, -1 for a trace.
    deadline_s : float
        Time allowed to batch work [s].
    week_start_s : float
        Place of row 0 in the week [s since Monday midnight, site time].
    """

    activity: np.ndarray
    slot_class: np.ndarray
    job: np.ndarray
    job_groups: tuple[tuple[int, ...], ...]
    swing: np.ndarray
    batch_arrival: np.ndarray
    unserved: np.ndarray
    step_s: float
    seed: int
    deadline_s: float = tables.BATCH_DEADLINE_S
    week_start_s: float = 0.0

    @property
    def steps(self) -> int:
        """Control steps in the pool."""
        return self.activity.shape[0]

    @property
    def racks(self) -> int:
        """Racks of the hall."""
        return self.activity.shape[2]

    def window(self, start: int, steps: int) -> Workload:
        """Rows ``start`` to ``start + steps`` as views."""
        require(
            start >= 0 and start + steps <= self.steps,
            "window",
            (start, steps),
            f"inside the pool's {self.steps} steps",
        )
        rows = slice(start, start + steps)
        series = {name: getattr(self, name)[rows] for name in ("activity", "job", "swing", "batch_arrival", "unserved")}
        return replace(self, **series, week_start_s=(self.week_start_s + start * self.step_s) % SECONDS_PER_WEEK)


@dataclass(frozen=True)
class _Clock:
    """Minutes generated, minutes thrown away, minutes per step."""

    minutes: int
    warm_up: int
    per_step: int
    utc_offset_h: float

    @property
    def steps(self) -> int:
        return (self.minutes - self.warm_up) // self.per_step

    @property
    def step_h(self) -> float:
        return self.per_step / 60.0

    def means(self, minutes: np.ndarray) -> np.ndarray:
        """Step means of a series of minutes without its warm-up."""
        return step_means(minutes[self.warm_up :], self.per_step)


def blank_workload(partitions: tuple[Partition, ...], steps: int, step_s: float, seed: int) -> Workload:
    """Idle racks with the classes of their kinds; rack indices no partition names get the class ``none``."""
    taken = [r for p in partitions for r in p.racks]
    require(len(taken) > 0, "partitions", partitions, "at least one Partition")
    require(len(set(taken)) == len(taken), "partitions", sorted(taken), "every rack to one partition only")
    racks = max(taken) + 1
    slot_class = np.full((SLOTS, racks), CLASSES.index("none"), dtype=np.int8)
    for partition in partitions:
        for slot, name in enumerate(KIND_SLOTS[partition.kind]):
            slot_class[slot, list(partition.racks)] = CLASSES.index(name)
    return Workload(
        activity=np.zeros((steps, SLOTS, racks), dtype=np.float32),
        slot_class=slot_class,
        job=np.tile(np.arange(racks, dtype=np.int16), (steps, 1)),
        job_groups=tuple(p.racks for p in partitions if p.kind in ("frontier", "shared") and len(p.racks) > 1),
        swing=np.zeros((steps, racks), dtype=np.float32),
        batch_arrival=np.zeros(steps, dtype=np.float32),
        unserved=np.zeros(steps, dtype=np.float32),
        step_s=float(step_s),
        seed=seed,
    )


def random_stream(seed: int, partition: Partition, purpose: str) -> np.random.Generator:
    """Make the generator of one purpose: independent of the order of partitions and of every other purpose."""
    key = f"{partition.kind}/{partition.racks[0]}/{purpose}"
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(key.encode())]))


def generate_workload(
    partitions: Iterable[Partition],
    seed: int,
    weeks: int = 26,
    step_s: int = 300,
    utc_offset_h: float = DEFAULT_UTC_OFFSET_H,
    left_out: Collection[str] = (),
) -> Workload:
    """Make a pool of synthetic load (WORKLOAD 6), two weeks of warm-up thrown away.

    A shorter pool is the beginning of a longer one of the same seed, and a pool at 60 s averages to the pool at
    any longer step.

    Parameters
    ----------
    partitions : iterable of Partition
        Who works where.
    seed : int
        From 0. Same seed: bit-equal.
    weeks : int
        Length of the pool, from 1.
    step_s : int
        Control step [s], whole minutes that divide a week.
    utc_offset_h : float
        Site's standard time minus UTC [h]: places the measured UTC week in site time.
    left_out : collection of str
        Kinds of partition that stay idle: somebody else runs them.
    """
    table = tuple(partitions)
    require(seed >= 0, "seed", seed, "a whole number from 0")
    require(int(weeks) == weeks and weeks >= 1, "weeks", weeks, "a whole number from 1")
    require(
        step_s % 60 == 0 and SECONDS_PER_WEEK % step_s == 0,
        "step_s",
        step_s,
        "whole minutes that divide a week, such as 300",
    )
    warm_up = WARM_UP_WEEKS * MINUTES_PER_WEEK
    clock = _Clock(warm_up + int(weeks) * MINUTES_PER_WEEK, warm_up, int(step_s) // 60, utc_offset_h)
    workload = blank_workload(table, clock.steps, step_s, seed)
    for partition in table:
        if partition.kind in left_out:
            continue
        FILLERS[partition.kind](workload, partition, partial(random_stream, seed, partition), clock)
    return workload


def _fill_frontier(workload: Workload, partition: Partition, draw: Draw, clock: _Clock) -> None:
    run = frontier.frontier(
        draw, clock.minutes, partition.gpus, partition.checkpoint_interval_min, partition.async_checkpoint
    )
    racks = list(partition.racks)
    workload.activity[:, 0, racks] = clock.means(run.activity)[:, None]
    workload.swing[:, racks] = clock.means(run.swing)[:, None]
    workload.job[:, racks] = min(racks)


def _fill_shared(workload: Workload, partition: Partition, draw: Draw, clock: _Clock) -> None:
    jobs = shared_jobs(draw, clock.minutes // 60, partition.gpus, partition.occupancy)
    placed = placement.place_jobs(
        jobs.submit_s, jobs.duration_s, jobs.gpus, len(partition.racks), partition.gpus_per_rack
    )
    write_jobs(workload, partition, jobs, placed, clock.warm_up)


def write_jobs(
    workload: Workload,
    partition: Partition,
    jobs: Jobs,
    placed: placement.Placement,
    warm_up: int = 0,
) -> None:
    """Write activity, swing and job labels of placed jobs into ``workload``, whose row 0 is at minute ``warm_up``."""
    per_step = round(workload.step_s / 60.0)
    minutes = warm_up + workload.steps * per_step
    racks = np.array(sorted(partition.racks))
    for local, rack in enumerate(racks):
        series = rack_minutes(jobs, placed, local, partition.gpus_per_rack, minutes)
        workload.activity[:, 0, rack] = step_means(series.pretrain[warm_up:], per_step)
        workload.activity[:, 1, rack] = step_means(series.finetune[warm_up:], per_step)
        workload.swing[:, rack] = step_means(series.swing[warm_up:], per_step)
    label = placement.spanning_labels(
        placed, jobs.duration_s, racks.size, workload.steps, workload.step_s, 60.0 * warm_up
    )
    workload.job[:, racks] = racks[label]


def _fill_interactive(workload: Workload, partition: Partition, draw: Draw, clock: _Clock) -> None:
    most = requests.most_load(partition.batch_max)
    pool = requests.serving(
        draw, clock.minutes, partition.service, partition.gpus, clock.utc_offset_h, partition.autoscale, most
    )
    unserved = np.zeros(clock.minutes) if partition.batch_max else pool.unserved
    for nth, rack in enumerate(partition.racks):
        own = np.exp(mean_reverting(draw(f"rack_{nth}"), clock.minutes, *tables.SERVING_IMBALANCE))
        load = pool.load * own
        activity = requests.serving_activity(load, pool.awake, partition.service, most)
        if partition.batch_max:  # each rack turns away what its own batch does not hold
            unserved += requests.beyond(load, pool.awake, most) / len(partition.racks)
        for slot, series in enumerate(activity):
            workload.activity[:, slot, rack] = clock.means(series)
    workload.unserved[:] += (clock.means(unserved) * partition.gpus * clock.step_h).astype(np.float32)


def _fill_batch(workload: Workload, partition: Partition, draw: Draw, clock: _Clock) -> None:
    demand = requests.batch_demand(draw, clock.minutes, partition.gpus)
    workload.batch_arrival[:] += (clock.means(demand) * clock.per_step).astype(np.float32)


def _fill_cpu(workload: Workload, partition: Partition, draw: Draw, clock: _Clock) -> None:
    load = requests.relative_rate(draw, clock.minutes, partition.service, clock.utc_offset_h)
    for nth, rack in enumerate(partition.racks):
        own = np.exp(mean_reverting(draw(f"rack_{nth}"), clock.minutes, *tables.CPU_IMBALANCE))
        workload.activity[:, 0, rack] = clock.means(requests.cpu_utilisation(load * own, partition.service))


FILLERS: dict[str, Callable[[Workload, Partition, Draw, _Clock], None]] = {
    "frontier": _fill_frontier,
    "shared": _fill_shared,
    "interactive": _fill_interactive,
    "batch": _fill_batch,
    "cpu": _fill_cpu,
}
