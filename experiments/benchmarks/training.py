"""Training seeds of a task, each in a folder of its own: ``<folder>/<scenario>/seed_<n>``."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.learning.algorithms import Learner
from agents.learning.learn import MODEL_FILE
from experiments.benchmarks.plans import ablation_overrides

if TYPE_CHECKING:
    from experiments.benchmarks.task import Ablation, Task

LOG = logging.getLogger(__name__)


def train_seeds(task: Task, learner: Learner, total_steps: int, folder: Path, ablation: Ablation | None = None) -> Path:
    """Train every seed of every scenario that is not there yet; the folder that holds them.

    Parameters
    ----------
    task : Task
    learner : Learner
        Its encoding is replaced by the task's, or by the ablation's.
    total_steps : int
        The same budget for each seed.
    folder : Path
    ablation : Ablation, optional
    """
    from envs.scenario import load
    from experiments.records.tracking import NoTracker
    from experiments.schema import TrainingPlan
    from experiments.train import train

    encoding = (ablation.encoding if ablation else "") or task.encoding
    for name in task.scenarios:
        overrides = task.set if ablation is None else ablation_overrides(task, load(name, task.set), ablation)
        if overrides is None:
            continue
        for seed in range(task.seeds):
            place = folder / name / f"seed_{seed}"
            if (place / MODEL_FILE).is_file():
                continue
            LOG.info("training %s, seed %d of %d", name, seed, task.seeds)
            plan = TrainingPlan(total_steps, seed=seed, split=task.train)
            train(load(name, overrides), replace(learner, encoding=encoding), plan, place, NoTracker())
    return folder
