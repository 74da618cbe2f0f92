"""The stable-baselines3 model from plain keyword configuration, and the same model from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.learning.algorithms import Algorithm, Settings, algorithm_named, complete_settings

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.noise import NormalActionNoise
    from stable_baselines3.common.vec_env import VecEnv
    from torch import nn


def build_model(
    algorithm: str,
    vec_env: VecEnv,
    hyperparameters: Settings | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> BaseAlgorithm:
    """A fresh model.

    Parameters
    ----------
    algorithm : str
        One of ``agents.learning.algorithms.ALGORITHMS``.
    vec_env : VecEnv
        The environments, with a flat observation box and an action box of [-1, 1].
    hyperparameters : mapping, optional
        Settings that deviate from the algorithm's defaults; unknown names raise.
    seed : int
        Seeds networks, sampling and the environments (environment i gets ``seed + i``).
    device : str
        A torch device; ``cpu`` suits networks this small.
    """
    row = algorithm_named(algorithm)
    keywords = _keywords(row, complete_settings(algorithm, hyperparameters or {}), vec_env)
    return row.model_class()("MlpPolicy", vec_env, seed=seed, device=device, **keywords)


def load_model(
    algorithm: str, path: str | Path, vec_env: VecEnv | None = None, device: str = "cpu", *, new_episodes: bool = True
) -> BaseAlgorithm:
    """A model from a zip file; one torch thread: a second can slow small batches a hundredfold (STACK "Traps")."""
    import torch

    torch.set_num_threads(1)
    return algorithm_named(algorithm).model_class().load(path, env=vec_env, device=device, force_reset=new_episodes)


def _keywords(row: Algorithm, settings: Settings, vec_env: VecEnv) -> dict[str, Any]:
    """Arguments of the class: most settings as they are, a few under the names and types that it takes."""
    from stable_baselines3.common.utils import LinearSchedule

    keywords: dict[str, Any] = dict(settings)
    hidden, activation = keywords.pop("hidden"), keywords.pop("activation")
    keywords["policy_kwargs"] = {"net_arch": list(hidden), "activation_fn": _activation(activation)}
    if keywords.pop("anneal_learning_rate"):
        keywords["learning_rate"] = LinearSchedule(keywords["learning_rate"], 0.0, 1.0)
    if "log_std_init" in keywords:
        keywords["policy_kwargs"]["log_std_init"] = keywords.pop("log_std_init")
    if row.on_policy and "batch_size" in keywords:
        keywords["batch_size"] = min(keywords["batch_size"], keywords["n_steps"] * vec_env.num_envs)
    if "noise_std" in keywords:
        keywords["action_noise"] = _gaussian_noise(vec_env, keywords.pop("noise_std"))
    return keywords


def _gaussian_noise(vec_env: VecEnv, std: float) -> NormalActionNoise:
    import numpy as np
    from stable_baselines3.common.noise import NormalActionNoise

    shape = vec_env.action_space.shape or ()
    return NormalActionNoise(np.zeros(shape), np.full(shape, std))


def _activation(name: str) -> type[nn.Module]:
    from torch import nn

    known: Mapping[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU}
    if name not in known:
        raise ValueError(f"activation {name!r} is unknown; choose one of {sorted(known)}")
    return known[name]
