"""One training run of a model: threads, logger, callbacks, and what it cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from agents.learning.algorithms import algorithm_of

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback

    from agents.learning.callbacks import PlateauStop, Sink
    from agents.learning.plan import LearningPlan, Validation


def learn(
    model: BaseAlgorithm,
    plan: LearningPlan,
    folder: Path,
    sink: Sink | None = None,
    validation: Validation | None = None,
) -> dict[str, float]:
    """Train until the model has seen the planned number of environment steps.

    Parameters
    ----------
    model : BaseAlgorithm
        From ``build_model`` or ``resume_model``.
    plan : LearningPlan
        How long, and with which habits.
    folder : Path
        Gets ``checkpoints/``, ``best_model.zip`` and ``model.zip``.
    sink : callable, optional
        Called with every logged dict of numbers and the step.
    validation : Validation, optional
        What ``plan.evaluate_every`` scores on; without it nothing is scored.

    Returns
    -------
    dict
        ``environment_steps``, ``wall_s``, ``steps_per_s``, ``stopped_early`` (0 or 1), ``episode_reward``: mean of the
        last episodes that ended, nan where none did.
    """
    import numpy as np
    import torch
    from stable_baselines3.common.logger import Logger

    from agents.learning.callbacks import SinkWriter

    torch.set_num_threads(plan.torch_threads)
    model.set_logger(Logger(folder=None, output_formats=[SinkWriter(sink)] if sink else []))
    plateau = _plateau(plan, folder, validation)
    start, before = time.perf_counter(), model.num_timesteps
    callbacks = [*_habits(model, plan, folder), *([plateau] if plateau else [])]
    model.learn(max(plan.total_steps - before, 0), callback=callbacks, reset_num_timesteps=False)
    model.save(folder / "model.zip")
    wall_s, steps = time.perf_counter() - start, model.num_timesteps - before
    ended = model.ep_info_buffer or ()
    return {
        "environment_steps": float(steps),
        "wall_s": wall_s,
        "steps_per_s": steps / wall_s,
        "stopped_early": float(plateau is not None and plateau.stopped),
        "episode_reward": float(np.mean([e["r"] for e in ended])) if ended else float("nan"),
    }


def _habits(model: BaseAlgorithm, plan: LearningPlan, folder: Path) -> list[BaseCallback]:
    from agents.learning.callbacks import BatchedBootstrap, Checkpoint, ProgressBar, TermLogger

    habits: list[BaseCallback] = [BatchedBootstrap()] if algorithm_of(model).on_policy else []
    habits.append(TermLogger())
    if plan.checkpoint_every:
        habits.append(Checkpoint(folder / "checkpoints", plan.checkpoint_every))
    if plan.progress:
        habits.append(ProgressBar(plan.total_steps))
    return habits


def _plateau(plan: LearningPlan, folder: Path, validation: Validation | None) -> PlateauStop | None:
    from agents.learning.callbacks import PlateauStop

    if validation is None or not plan.evaluate_every:
        return None
    return PlateauStop(validation, plan, folder / "best_model.zip")
