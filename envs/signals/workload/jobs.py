"""Jobs of a shared training cluster: when they come, how large and long they are, and what they draw (WORKLOAD 6a).

A generator is handed in as ``draw(purpose)``: every purpose has its own stream, consumed in time order, so that a
shorter pool is the beginning of a longer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, log, sqrt
from typing import NamedTuple

import numpy as np

from envs.signals.workload import profiles as tables
from envs.signals.workload.minutes import Draw, interval_means, mean_reverting
from envs.signals.workload.placement import Placement
from envs.signals.workload.profiles import IDLE_POWER_FRAC, activity_from_power

PRETRAIN, FINETUNE, EVAL = 0, 1, 2


@dataclass(frozen=True)
class Jobs:
    """A list of jobs by submit time; all arrays (n,).

    ``submit_s`` and ``duration_s`` [s], ``gpus``, ``kind`` (PRETRAIN, FINETUNE or EVAL), ``power_frac`` while
    working [TDP],
    ``lead_s`` [s] of the beginning in which accelerators start (training) or are held idle (evaluation) at
    ``lead_power_frac``,
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
    """Sizes (k,) and probabilities (k,) of a shared job: Seren (WORKLOAD 1a) clipped to a quarter of the cluster."""
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
    """Return the expected accelerator-seconds of one shared job, E[G D]."""
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


class RackJobs(NamedTuple):
    """Minutes of one rack, each (M,): ``pretrain`` and ``finetune`` activity, ``swing``, share of GPUs ``held``."""

    pretrain: np.ndarray
    finetune: np.ndarray
    swing: np.ndarray
    held: np.ndarray


def rack_minutes(jobs: Jobs, placed: Placement, rack: int, gpus_per_rack: int, minutes: int) -> RackJobs:
    """Activity of one rack from the jobs that ran on it (WORKLOAD 6a, WORKLOAD 6c).

    Evaluation and debugging count as fine-tuning, with the activity that gives their power. Training of a job pauses 30
    s each hour for a checkpoint. The waveforms of several jobs on a rack are not in step: their swings (PHYSICS B5) add
    as squares.
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
