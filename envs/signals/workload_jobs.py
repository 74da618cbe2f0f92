"""Training jobs: one frontier run over a block of racks, and a shared cluster with a queue (WORKLOAD 6a).

A generator is handed in as ``draw(purpose)``: every purpose has its own stream, consumed in time order, so that a shorter pool is
the beginning of a longer one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from math import erf, exp, log, sqrt
from typing import NamedTuple

import numpy as np

from envs.signals import workload_profiles as tables
from envs.signals.workload_minutes import interval_means, mean_reverting
from envs.signals.workload_profiles import IDLE_POWER_FRAC, activity_from_power

Draw = Callable[[str], np.random.Generator]
PRETRAIN, FINETUNE, EVAL = 0, 1, 2


class Frontier(NamedTuple):
    """One synchronous run after the other on a whole block.

    ``activity`` (M,) share of the block's accelerators active in pretraining; ``swing`` (M,) peak-to-peak share (PHYSICS B5);
    ``failures`` (F,) minutes of the crashes; ``exposure_days`` time in which a crash could happen.
    """

    activity: np.ndarray
    swing: np.ndarray
    failures: np.ndarray
    exposure_days: float


class _FrontierClock:
    """The random times of a frontier run, each purpose from its own stream."""

    def __init__(self, draw: Draw, gpus: int) -> None:
        self.streams = {k: draw(k) for k in ("run", "gap", "failure", "outage", "start", "start_level")}
        self.failures_per_min = (tables.FAILURES_PER_GPU_DAY * gpus + tables.SOFTWARE_FAILURES_PER_DAY) / 1440.0

    def lognormal(self, stream: str, law: tuple[float, float]) -> float:
        return float(law[0] * np.exp(law[1] * self.streams[stream].standard_normal()))

    def start_up(self) -> tuple[int, float]:
        low, high = tables.START_LARGE_S
        minutes = round(self.streams["start"].uniform(low, high) / 60.0)
        return minutes, float(self.streams["start_level"].uniform(*tables.START_POWER_FRAC))

    def until_failure(self) -> float:
        return float(self.streams["failure"].exponential(1.0 / self.failures_per_min))


def frontier(
    draw: Draw, minutes: int, gpus: int, checkpoint_interval_min: float = 30.0, async_checkpoint: bool = False
) -> Frontier:
    """Minutes of a block that pretrains one model after another (WORKLOAD 6a).

    Runs of LN(12 d, .8) with gaps of LN(4 h, .9); start-up 10-30 min at .20-.30 TDP; crashes at 4.74e-4 per GPU-day plus one software
    failure a month, each followed by an outage of LN(15 min, .6) at idle and a new start-up; a checkpoint at every interval stalls
    30 s at .20 TDP (asynchronous: 5 s at .90). Lost work is done again at full power, so it shows as activity.

    Parameters
    ----------
    draw : callable
        Purpose -> generator.
    minutes : int
        Length of the series.
    gpus : int
        Accelerators of the block (the failure rate follows).
    checkpoint_interval_min : float
        Minutes between checkpoints, at least 2.
    async_checkpoint : bool
        Stall 5 s instead of 30 s.
    """
    clock = _FrontierClock(draw, gpus)
    power = np.full(minutes, IDLE_POWER_FRAC)
    steady = np.zeros(minutes)
    failures: list[float] = []
    now = 0.0
    while now < minutes:
        end = now + clock.lognormal("run", tables.RUN_LENGTH_DAYS) * 1440.0
        while now < min(end, minutes):
            start, level = clock.start_up()
            first = round(now) + start
            power[round(now) : min(first, round(end))] = level
            crash = first + clock.until_failure()
            stop = round(min(crash, end))
            power[first:stop] = tables.CLASS_POWER_FRAC["pretrain"]
            steady[first:stop] = 1.0
            power[_checkpoints(first, stop, minutes, checkpoint_interval_min)] = _checkpoint_power(async_checkpoint)
            now = end
            if crash < end:
                failures.append(crash)
                now = crash + clock.lognormal("outage", tables.OUTAGE_MIN)
        now = max(now, end) + clock.lognormal("gap", tables.GAP_HOURS) * 60.0
    activity = activity_from_power(power, "pretrain") * _draw_factor(draw, minutes)
    crashes = np.array([t for t in failures if t < minutes])
    return Frontier(activity, tables.STEP_SWING_FRAC * activity * steady, crashes, float(steady.sum()) / 1440.0)


def _checkpoints(first: int, stop: int, minutes: int, interval_min: float) -> np.ndarray:
    """Whole minutes in which a checkpoint is written, counted from the start of the steady phase."""
    stop = min(stop, minutes)
    times = np.arange(first + interval_min, stop, interval_min)
    return np.minimum(times.astype(np.int64), minutes - 1)


def _checkpoint_power(async_checkpoint: bool) -> float:
    """Mean power [TDP] of a minute with one checkpoint."""
    steady = tables.CLASS_POWER_FRAC["pretrain"]
    stall, level = tables.CHECKPOINT_STALL_S / 60.0, tables.CHECKPOINT_POWER_FRAC
    if async_checkpoint:
        stall, level = tables.ASYNC_CHECKPOINT_STALL_S / 60.0, tables.ASYNC_CHECKPOINT_POWER_FRAC
    return stall * level + (1.0 - stall) * steady


def _draw_factor(draw: Draw, minutes: int) -> np.ndarray:
    """Slow and minute-wise change of the draw, at most 1 so that no rack is above its accelerators."""
    slow = mean_reverting(draw("slow_draw"), minutes, tables.DRAW_SLOW_SD, tables.DRAW_SLOW_TAU_MIN)
    noise = tables.DRAW_MINUTE_SD * draw("minute_draw").standard_normal(minutes)
    return np.minimum(np.exp(slow + noise + tables.DRAW_OFFSET), 1.0)


@dataclass(frozen=True)
class Jobs:
    """A list of jobs by submit time; all arrays (n,).

    ``submit_s`` and ``duration_s`` [s], ``gpus``, ``kind`` (PRETRAIN, FINETUNE or EVAL), ``power_frac`` while working [TDP],
    ``lead_s`` [s] of the beginning in which accelerators start (training) or are held idle (evaluation) at ``lead_power_frac``,
    ``outcome`` (0 done, 1 cancelled, 2 failed; all heat alike).
    """

    submit_s: np.ndarray
    duration_s: np.ndarray
    gpus: np.ndarray
    kind: np.ndarray
    power_frac: np.ndarray
    lead_s: np.ndarray
    lead_power_frac: np.ndarray
    outcome: np.ndarray


def size_law(cluster_gpus: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes (k,) and probabilities (k,) of a shared job: the Seren row of WORKLOAD 1a clipped to a quarter of the cluster."""
    cap = max(1, cluster_gpus // 4)
    sizes = np.minimum(tables.SEREN_GPUS, cap)
    shares = np.diff(tables.SEREN_JOBS_CUMULATIVE, prepend=0.0)
    distinct = np.unique(sizes)
    return distinct, np.array([shares[sizes == s].sum() for s in distinct])


def long_part(gpus: np.ndarray) -> np.ndarray:
    """Probability (n,) that a job of so many accelerators comes from the long duration law (WORKLOAD 6a)."""
    return np.select([gpus >= least for least, _ in tables.LONG_PART], [p for _, p in tables.LONG_PART])


def clipped_lognormal_mean(law: tuple[float, float], clip: tuple[float, float]) -> float:
    """Mean of ``min(max(X, low), high)`` for X lognormal with median and log-sd ``law``."""

    def below(x: float, shift: float) -> float:
        return 0.5 * (1.0 + erf(((log(x / law[0])) / law[1] - shift) / sqrt(2.0)))

    low, high = clip
    inside = law[0] * exp(law[1] ** 2 / 2.0) * (below(high, law[1]) - below(low, law[1]))
    return low * below(low, 0.0) + inside + high * (1.0 - below(high, 0.0))


def mean_gpu_seconds(cluster_gpus: int) -> float:
    """Expected accelerator-seconds of one shared job, E[G D]."""
    sizes, shares = size_law(cluster_gpus)
    long_mean = clipped_lognormal_mean(tables.LONG_JOB_S, tables.DURATION_CLIP_S)
    short_mean = clipped_lognormal_mean(tables.SHORT_JOB_S, tables.DURATION_CLIP_S)
    chance = long_part(sizes)
    return float((sizes * shares * (chance * long_mean + (1.0 - chance) * short_mean)).sum())


def shared_jobs(draw: Draw, hours: int, cluster_gpus: int, occupancy: float) -> Jobs:
    """Jobs submitted to a shared cluster (WORKLOAD 6a).

    ``lam(t) = rho C / E[G D] H(hour) W(day) exp(x - sd^2/2)``, x an hourly AR(1); hour 0 is Monday midnight, site time.
    """
    hour = np.arange(hours)
    mood = mean_reverting(draw("arrival_mood"), hours, tables.ARRIVAL_SD, -1.0 / log(tables.ARRIVAL_PHI))
    per_hour = occupancy * cluster_gpus / mean_gpu_seconds(cluster_gpus) * 3600.0
    rate = per_hour * tables.PAI_HOUR[hour % 24] * tables.ARRIVAL_DAY[hour // 24 % 7]
    counts = draw("arrivals").poisson(rate * np.exp(mood - tables.ARRIVAL_SD**2 / 2.0))
    in_hour = np.repeat(hour, counts)
    submit = 3600.0 * (in_hour + draw("offset").random(in_hour.size))
    submit.sort()
    sizes, shares = size_law(cluster_gpus)
    gpus = sizes[np.searchsorted(np.cumsum(shares)[:-1], draw("size").random(submit.size), side="right")]
    is_long = draw("long").random(submit.size) < long_part(gpus)
    median = np.where(is_long, tables.LONG_JOB_S[0], tables.SHORT_JOB_S[0])
    spread = np.where(is_long, tables.LONG_JOB_S[1], tables.SHORT_JOB_S[1])
    duration = np.clip(median * np.exp(spread * draw("duration").standard_normal(submit.size)), *tables.DURATION_CLIP_S)
    is_eval = draw("kind").random(submit.size) < np.where(gpus < 8, *tables.EVAL_SHARE.values())
    kind = np.where(gpus >= 16, PRETRAIN, np.where(is_eval, EVAL, FINETUNE))
    return with_power(draw, submit, duration, gpus, kind)


def with_power(draw: Draw, submit_s: np.ndarray, duration_s: np.ndarray, gpus: np.ndarray, kind: np.ndarray) -> Jobs:
    """Give a job list its phases: start-up of training, held-but-idle time of evaluation, power while working."""
    n = submit_s.size
    working = np.where(kind == PRETRAIN, tables.CLASS_POWER_FRAC["pretrain"], tables.CLASS_POWER_FRAC["finetune"])
    working = np.where(kind == EVAL, draw("eval_power").uniform(*tables.EVAL_POWER_FRAC, n), working)
    large, small = np.array(tables.START_LARGE_S), np.array(tables.START_SMALL_S)
    low, high = np.where(gpus[:, None] >= 16, large, small).T
    start_up = np.minimum(low + (high - low) * draw("start").random(n), duration_s)
    lead = np.where(kind == EVAL, tables.EVAL_IDLE_SHARE * duration_s, start_up)
    starting = draw("start_level").uniform(*tables.START_POWER_FRAC, n)
    lead_power = np.where(kind == EVAL, IDLE_POWER_FRAC, starting)
    outcome = np.searchsorted(tables.OUTCOME_CUMULATIVE[:-1], draw("outcome").random(n), side="right")
    return Jobs(submit_s, duration_s, gpus, kind, working, lead, lead_power, outcome)


class Placement(NamedTuple):
    """Where jobs ran: ``start_s`` (n,) (inf: never), and one row per job and rack: ``job``, ``rack`` (local index), ``gpus``."""

    start_s: np.ndarray
    job: np.ndarray
    rack: np.ndarray
    gpus: np.ndarray


class _Cluster:
    """Free accelerators per rack while jobs come and go."""

    def __init__(self, racks: int, gpus_per_rack: int) -> None:
        self.free = [gpus_per_rack] * racks
        self.total = racks * gpus_per_rack
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
    gpus_per_rack: int,
    look_past: int = tables.LOOK_PAST,
) -> Placement:
    """Play a job list through a gang scheduler: first in first out, up to ``look_past`` waiting jobs may be passed by ones that fit.

    Parameters
    ----------
    submit_s, duration_s, gpus : ndarray
        Shape (n,), submit times in rising order [s], run times [s], accelerators of each job, at most ``racks * gpus_per_rack``.
    racks, gpus_per_rack : int
        The cluster.
    look_past : int
        Waiting jobs looked at, in order, whenever accelerators come free.
    """
    cluster = _Cluster(racks, gpus_per_rack)
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
            for job in [j for j in waiting[:look_past] if sizes[j] <= cluster.total] if waiting else []:
                if sizes[job] <= cluster.total:
                    waiting.remove(job)
                    begin(job, now)

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


class RackJobs(NamedTuple):
    """Minutes of one shared rack: ``pretrain``, ``finetune`` (activity), ``swing`` and ``held`` (share of accelerators), each (M,)."""

    pretrain: np.ndarray
    finetune: np.ndarray
    swing: np.ndarray
    held: np.ndarray


def rack_minutes(jobs: Jobs, placed: Placement, rack: int, gpus_per_rack: int, minutes: int) -> RackJobs:
    """Activity of one rack from the jobs that ran on it (WORKLOAD 6a and c).

    Evaluation and debugging count as fine-tuning, with the activity that gives their power. Training of a job pauses 30 s each hour for
    a checkpoint. The waveforms of several jobs on a rack are not in step: their swings (PHYSICS B5) add as squares.
    """
    here = np.flatnonzero(placed.rack == rack)
    job = placed.job[here]
    share = placed.gpus[here] / gpus_per_rack
    start = placed.start_s[job] / 60.0
    end = start + jobs.duration_s[job] / 60.0
    ready = np.minimum(start + jobs.lead_s[job] / 60.0, end)
    kind = jobs.kind[job]
    activity = []
    for name, chosen in (("pretrain", kind == PRETRAIN), ("finetune", kind != PRETRAIN)):
        lead = share * activity_from_power(jobs.lead_power_frac[job], name) * chosen
        work = share * activity_from_power(jobs.power_frac[job], name) * chosen
        stall = share * (activity_from_power(np.array(tables.CHECKPOINT_POWER_FRAC), name) - 1.0) * chosen
        owner, dip = _dips(ready, end, chosen & (kind != EVAL))
        starts = np.concatenate([start, ready, dip])
        ends = np.concatenate([ready, end, dip + tables.CHECKPOINT_STALL_S / 60.0])
        activity.append(interval_means(starts, ends, np.concatenate([lead, work, stall[owner]]), minutes))
    training = kind != EVAL
    square = interval_means(ready[training], end[training], share[training] ** 2, minutes)
    held = interval_means(start, end, share, minutes)
    swing = tables.STEP_SWING_FRAC * np.sqrt(np.maximum(square, 0.0))
    return RackJobs(*(np.clip(a, 0.0, 1.0) for a in (*activity, swing, held)))


def _dips(ready: np.ndarray, end: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row index and minute of every hourly checkpoint of the chosen rows that ends before its job does."""
    every = tables.SHARED_CHECKPOINT_S / 60.0
    counts = np.where(chosen, np.floor((end - ready - 1.0) / every), 0.0).clip(0.0).astype(np.int64)
    owner = np.repeat(np.arange(ready.size), counts)
    nth = np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return owner, ready[owner] + every * nth


def spanning_labels(
    jobs: Jobs, placed: Placement, racks: int, n_steps: int, step_s: float, skip_s: float = 0.0
) -> np.ndarray:
    """Lowest local rack of the synchronous job a rack belongs to in each step; shape (n_steps, racks).

    Where several spanning jobs meet on a rack the largest names it, and racks tied through it share one label.
    """
    label = np.tile(np.arange(racks), (n_steps, 1))
    pieces = np.bincount(placed.job, minlength=jobs.submit_s.size)
    spanning = np.flatnonzero(pieces > 1)
    first_row = np.cumsum(pieces) - pieces
    begin = np.floor((placed.start_s - skip_s) / step_s)
    finish = np.ceil((placed.start_s + jobs.duration_s - skip_s) / step_s)
    for job in spanning[np.argsort(jobs.gpus[spanning], kind="stable")]:
        a, b = max(int(begin[job]), 0), min(int(finish[job]), n_steps)
        if a < b:
            members = placed.rack[first_row[job] : first_row[job] + pieces[job]]
            label[a:b, members] = members.min()
    while True:
        followed = np.take_along_axis(label, label, axis=1)
        if np.array_equal(followed, label):
            return label
        label = followed
