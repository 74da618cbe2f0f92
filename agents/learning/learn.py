"""One training run of a model: threads, logger, callbacks, and what it cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

    from agents.learning.callbacks import Sink


def learn(
    model: BaseAlgorithm,
    total_steps: int,
    folder: Path,
    *,
    sink: Sink | None = None,
    checkpoint_every: int = 0,
    evaluation_env: VecEnv | None = None,
    evaluate_every: int = 0,
    evaluation_seed: int = 0,
    patience: int = 0,
    min_gain: float = 0.0,
    progress: bool = False,
    torch_threads: int = 1,
) -> dict[str, float]:
    """Train until the model has seen ``total_steps`` environment steps, those before a resumption included.

    Parameters
    ----------
    model : BaseAlgorithm
        From ``build_model`` or ``resume_model``.
    total_steps : int
        Environment steps, counted over all environments.
    folder : Path
        Gets ``checkpoints/``, ``best_model.zip`` and ``model.zip``.
    sink : callable, optional
        Called with every logged dict of numbers and the step.
    checkpoint_every, evaluate_every : int
        Environment steps; 0 switches the habit off.
    evaluation_env : VecEnv, optional
        Validation environments for the plateau.
    evaluation_seed : int
        Of their episodes, the same at every evaluation.
    patience, min_gain : int, float
        See ``callbacks.PlateauStop``.
    progress : bool
        Show a bar with the time left.
    torch_threads : int
        1 suits small batches: a second thread on a busy core can slow them a hundredfold.

    Returns
    -------
    dict
        ``environment_steps``, ``wall_s``, ``steps_per_s``, ``stopped_early`` (0 or 1), ``episode_reward``: mean of the
        last episodes that ended, nan where none did.
    """
    import numpy as np
    import torch
    from stable_baselines3.common.logger import Logger

    from agents.learning.callbacks import BatchedBootstrap, Checkpoint, PlateauStop, ProgressBar, SinkWriter, TermLogger

    torch.set_num_threads(torch_threads)
    model.set_logger(Logger(folder=None, output_formats=[SinkWriter(sink)] if sink else []))
    callbacks: list[Any] = [BatchedBootstrap()] if hasattr(model, "rollout_buffer") else []
    callbacks.append(TermLogger())
    if checkpoint_every:
        callbacks.append(Checkpoint(folder / "checkpoints", checkpoint_every))
    plateau = None
    if evaluation_env is not None and evaluate_every:
        best = folder / "best_model.zip"
        plateau = PlateauStop(evaluation_env, evaluate_every, patience, min_gain, best, evaluation_seed)
        callbacks.append(plateau)
    if progress:
        callbacks.append(ProgressBar(total_steps))
    start, before = time.perf_counter(), model.num_timesteps
    model.learn(max(total_steps - before, 0), callback=callbacks, reset_num_timesteps=False)
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
