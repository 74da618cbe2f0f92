"""One training run of a model: threads, logger, callbacks, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agents.learning.algorithms import algorithm_of
from agents.learning.interruption import Interrupted, Interruption

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback

    from agents.learning.callbacks import PlateauStop, Sink
    from agents.learning.checkpoint import PlateauState
    from agents.learning.plan import LearningPlan, Validation

MODEL_FILE, BEST_FILE, CHECKPOINTS = "model.npz", "best_model.npz", "checkpoints"


def learn(
    model: BaseAlgorithm,
    plan: LearningPlan,
    folder: Path,
    sink: Sink | None = None,
    validation: Validation | None = None,
    plateau_state: PlateauState | None = None,
    interruption: Interruption | None = None,
    more: Sequence[BaseCallback] = (),
) -> dict[str, float]:
    """Train until the model has seen the planned number of environment steps.

    Parameters
    ----------
    model : BaseAlgorithm
        From ``build_model`` or ``resume_model``.
    plan : LearningPlan
        How long, and with which habits.
    folder : Path
        Gets ``checkpoints/``, ``best_model.npz`` and ``model.npz``.
    sink : callable, optional
        Called with every logged dict of numbers and the step.
    validation : Validation, optional
        What ``plan.evaluate_every`` scores on; without it nothing is scored.
    plateau_state : PlateauState, optional
        How the evaluations of the run that goes on stood.
    interruption : Interruption, optional
        Asked between rollouts whether to stop.
    more : sequence of BaseCallback
        Called behind those of the plan.

    Raises
    ------
    Interrupted
        Where a signal came, after the checkpoint and ``model.npz`` were written.

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
    from agents.learning.model_file import save_model

    torch.set_num_threads(plan.torch_threads)
    model.set_logger(Logger(folder=None, output_formats=[SinkWriter(sink)] if sink else []))
    wish = interruption or Interruption()
    plateau = _plateau(plan, folder, validation, plateau_state, wish)
    callbacks = [*_habits(model, plan, folder, plateau, wish), *more]
    start, before = time.perf_counter(), model.num_timesteps
    try:
        model.learn(max(plan.total_steps - before, 0), callback=callbacks, reset_num_timesteps=False)
    except Interrupted:
        for habit in callbacks:
            habit.on_training_end()
        save_model(model, folder / MODEL_FILE)
        raise
    save_model(model, folder / MODEL_FILE)
    wall_s, steps = time.perf_counter() - start, model.num_timesteps - before
    ended = model.ep_info_buffer or ()
    return {
        "environment_steps": float(steps),
        "wall_s": wall_s,
        "steps_per_s": steps / wall_s,
        "stopped_early": float(plateau is not None and plateau.stopped),
        "episode_reward": float(np.mean([e["r"] for e in ended])) if ended else float("nan"),
    }


def _habits(
    model: BaseAlgorithm, plan: LearningPlan, folder: Path, plateau: PlateauStop | None, interruption: Interruption
) -> list[BaseCallback]:
    """The callbacks in their order: an evaluation that is due comes before the checkpoint that keeps its outcome."""
    from agents.learning.callbacks import BatchedBootstrap, Checkpoint, ProgressBar, TermLogger
    from agents.learning.rollouts import InPlace

    habits: list[BaseCallback] = [InPlace(), BatchedBootstrap()] if algorithm_of(model).on_policy else []
    habits.append(TermLogger())
    if plan.progress:
        habits.append(ProgressBar(plan.total_steps))
    if plateau:
        habits.append(plateau)
    state = plateau.state if plateau else None
    habits.append(Checkpoint(folder / CHECKPOINTS, plan.checkpoint_every, state, interruption))
    return habits


def _plateau(
    plan: LearningPlan,
    folder: Path,
    validation: Validation | None,
    state: PlateauState | None,
    interruption: Interruption,
) -> PlateauStop | None:
    from agents.learning.callbacks import PlateauStop

    if validation is None or not plan.evaluate_every:
        return None
    return PlateauStop(validation, plan, folder / BEST_FILE, state, interruption)
