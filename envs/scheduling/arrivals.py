"""Jobs of the workload generator, or of a list, as arrivals of the table, from the generator's own streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.scheduling.job_table import Arrivals, Facts
from envs.signals.workload.jobs import EVAL, FINETUNE, PRETRAIN, Jobs
from envs.signals.workload.profiles import EVAL_IDLE_SHARE, SHARED_CHECKPOINT_S, activity_from_power
from envs.signals.workload.workload import CLASSES

#: Class of each kind of job; evaluation draws and slows as fine-tuning does (WORKLOAD 6a).
CLASS_OF = {PRETRAIN: CLASSES.index("pretrain"), FINETUNE: CLASSES.index("finetune"), EVAL: CLASSES.index("finetune")}
LEAST_STRETCH_S = 3600.0  # that a deadline leaves beside a multiple of the run time; engineering guess
#: How flexible a kind is, after the tiers of WORKLOAD 4a: evaluation waits for people.
TIER_OF = {PRETRAIN: 3, FINETUNE: 2, EVAL: 1}


def job_arrivals(lists: Sequence[Jobs], start_s: Sequence[float] | None = None, stretch: float = 0.0) -> Arrivals:
    """Arrivals of as many sites as there are lists.

    Parameters
    ----------
    lists : sequence of Jobs
        One per site, by submit time.
    start_s : sequence of float, optional
        Time of each list at which the site begins; earlier jobs are left out [s].
    stretch : float
        Deadline of all jobs but pretraining: so many times their run time after they are submitted, and an hour; 0 for
        no deadlines.

    Raises
    ------
    ValueError
        Where no list is given, or one is not in the order of its submit times.
    """
    if not lists:
        raise ValueError("lists is empty; give a list of jobs for each site")
    starts = [0.0] * len(lists) if start_s is None else list(start_s)
    columns = [_facts(jobs, start, stretch) for jobs, start in zip(lists, starts)]
    longest = max(len(column.submit_s) for column in columns)
    padded = [_padded(column, longest) for column in columns]
    facts = Facts(*(np.stack(x, axis=1) for x in zip(*padded)))
    return Arrivals(facts, np.arange(len(lists)), np.zeros(len(lists), np.int64))


def _facts(jobs: Jobs, start_s: float, stretch: float) -> Facts:
    if (np.diff(jobs.submit_s) < 0.0).any():
        raise ValueError("submit_s falls along a list of jobs; sort each list by its submit times")
    later = jobs.submit_s >= start_s
    kind, gpus, lasts = jobs.kind[later], jobs.gpus[later].astype(np.float64), jobs.duration_s[later]
    lead_s = np.where(kind == EVAL, 0.0, jobs.lead_s[later])
    submit_s = jobs.submit_s[later] - start_s
    due_s = submit_s + stretch * lasts + LEAST_STRETCH_S
    return Facts(
        kind=_looked_up(CLASS_OF, kind),
        accelerators=gpus,
        work_h=gpus * lasts / 3600.0,
        submit_s=submit_s,
        deadline_s=np.where((kind == PRETRAIN) | (stretch <= 0.0), np.inf, due_s),
        priority=np.zeros(len(kind)),
        tier=_looked_up(TIER_OF, kind),
        checkpoint_s=np.where(kind == EVAL, np.inf, SHARED_CHECKPOINT_S),
        restart_s=lead_s,
        activity=_working_activity(kind, jobs.power_frac[later]),
    )


def _working_activity(kind: np.ndarray, power_frac: np.ndarray) -> np.ndarray:
    """Share of a job's accelerators at work, as a mean over its time; evaluation holds them idle for a part of it."""
    large = activity_from_power(power_frac, "pretrain")
    small = activity_from_power(power_frac, "finetune") * np.where(kind == EVAL, 1.0 - EVAL_IDLE_SHARE, 1.0)
    return np.minimum(np.where(kind == PRETRAIN, large, small), 1.0)


def _looked_up(table: dict[int, int], kind: np.ndarray) -> np.ndarray:
    return np.array([table[k] for k in range(len(table))], np.int64)[kind]


def _padded(facts: Facts, length: int) -> Facts:
    """The list filled up with jobs that never come."""
    more = length - len(facts.submit_s)
    never = {"submit_s": np.inf, "deadline_s": np.inf, "checkpoint_s": np.inf}
    return Facts(*(np.pad(x, (0, more), constant_values=never.get(name, 0)) for name, x in facts._asdict().items()))
