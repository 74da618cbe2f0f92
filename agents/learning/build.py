"""The stable-baselines3 model from plain keyword configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.learning.algorithms import Algorithm, Setting, Settings, algorithm_named, complete_settings

if TYPE_CHECKING:
    import gymnasium as gym
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.noise import NormalActionNoise
    from stable_baselines3.common.vec_env import VecEnv
    from torch import nn

_SETTINGS = "coldaisle_settings"


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
    row, settings = algorithm_named(algorithm), complete_settings(algorithm, hyperparameters or {})
    keywords = model_keywords(row, settings, vec_env.action_space, vec_env.num_envs)
    model = row.model_class()("MlpPolicy", vec_env, seed=seed, device=device, **keywords)
    remember_settings(model, settings)
    return model


def remember_settings(model: BaseAlgorithm, settings: Settings) -> None:
    """Leave with a model the settings that it was built from."""
    setattr(model, _SETTINGS, dict(settings))


def settings_of(model: BaseAlgorithm) -> dict[str, Setting]:
    """All settings that a model was built from.

    Raises
    ------
    ValueError
        For a model that ``build_model`` did not build.
    """
    if not hasattr(model, _SETTINGS):
        raise ValueError("the model keeps no settings; build it with agents.learning.build.build_model")
    return dict(getattr(model, _SETTINGS))


def model_keywords(row: Algorithm, settings: Settings, actions: gym.Space[Any], environments: int) -> dict[str, Any]:
    """Arguments of the class: most settings as they are, a few under the names and types that it takes."""
    from stable_baselines3.common.utils import LinearSchedule

    keywords: dict[str, Any] = dict(settings)
    hidden, activation = keywords.pop("hidden"), keywords.pop("activation")
    keywords["policy_kwargs"] = {"net_arch": list(hidden), "activation_fn": _activation(activation)}
    if keywords.pop("anneal_learning_rate"):
        keywords["learning_rate"] = LinearSchedule(keywords["learning_rate"], 0.0, 1.0)
    if "log_std_init" in keywords:
        keywords["policy_kwargs"]["log_std_init"] = keywords.pop("log_std_init")
    if row.on_policy:
        from agents.learning.rollouts import FilledInPlace

        keywords["rollout_buffer_class"] = FilledInPlace
    if row.on_policy and "batch_size" in keywords:
        keywords["batch_size"] = min(keywords["batch_size"], keywords["n_steps"] * environments)
    if "noise_std" in keywords:
        keywords["action_noise"] = _gaussian_noise(actions, keywords.pop("noise_std"))
    return keywords


def _gaussian_noise(actions: gym.Space[Any], std: float) -> NormalActionNoise:
    import numpy as np
    from stable_baselines3.common.noise import NormalActionNoise

    shape = actions.shape or ()
    return NormalActionNoise(np.zeros(shape), np.full(shape, std))


def _activation(name: str) -> type[nn.Module]:
    from torch import nn

    known: Mapping[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU}
    if name not in known:
        raise ValueError(f"activation {name!r} is unknown; choose one of {sorted(known)}")
    return known[name]
