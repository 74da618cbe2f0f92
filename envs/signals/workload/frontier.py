"""One frontier pretraining run after the other on a whole block of racks (WORKLOAD 6a)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.signals.workload import profiles as tables
from envs.signals.workload.minutes import Draw, mean_reverting
from envs.signals.workload.profiles import IDLE_POWER_FRAC, activity_from_power


class Frontier(NamedTuple):
    """One synchronous run after the other on a whole block.

    ``activity`` (M,) share of the block's accelerators active in pretraining; ``swing`` (M,) peak-to-peak share
    (PHYSICS B5);
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

    Runs of LN(12 d, 0.8) with gaps of LN(4 h, 0.9); start-up 10-30 min at 0.20-0.30 TDP; crashes at 4.74e-4 per GPU-
    day plus one software failure a month, each followed by an outage of LN(15 min, 0.6) at idle and a new start-up; a
    checkpoint at every interval stalls 30 s at 0.20 TDP (asynchronous: 5 s at 0.90). Lost work is done again at full
    power, so it shows as activity.

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
