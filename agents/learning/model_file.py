"""A model as weights and plain data, and back: whoever loads it runs none of its writer's code."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from agents.learning.algorithms import Setting, Settings, algorithm_named, algorithm_of
from agents.learning.build import model_keywords, remember_settings, settings_of
from agents.learning.plain_tree import read_tree, write_tree

if TYPE_CHECKING:
    import gymnasium as gym
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

    from agents.learning.plain_tree import Tree

FORMAT = "coldaisle-model/1"
OLD_SUFFIX = ".zip"
Bounds = tuple[NDArray[np.floating], NDArray[np.floating]]


@dataclass(frozen=True)
class KeptModel:
    """What a model file holds.

    Attributes
    ----------
    algorithm, settings, seed, environments
        What the model was built from.
    steps, episodes, updates, progress_left
        How far it had come.
    observation_box, action_box : tuple of ndarray (n,)
        Lower and upper bounds.
    last_observation, last_starts : ndarray or None
        Where its episodes stood.
    ended : list of dict
        Sums of the last episodes that ended.
    parameters : dict
        Networks and optimizers as state dicts by name.
    tensors : dict
        What is learnt beside networks, such as SAC's entropy coefficient.
    """

    algorithm: str
    settings: dict[str, Setting]
    seed: int
    environments: int
    steps: int
    episodes: int
    updates: int
    progress_left: float
    observation_box: Bounds
    action_box: Bounds
    last_observation: NDArray[np.floating] | None
    last_starts: NDArray[np.bool_] | None
    ended: list[dict[str, float]]
    parameters: dict[str, Tree]
    tensors: dict[str, Tree]


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Write a model of ``build_model`` into one ``.npz`` file, whole or not at all."""
    _, names = model._get_torch_save_params()
    kept = KeptModel(
        algorithm=algorithm_of(model).name,
        settings=settings_of(model),
        seed=model.seed or 0,
        environments=model.n_envs,
        steps=model.num_timesteps,
        episodes=model._episode_num,
        updates=model._n_updates,
        progress_left=model._current_progress_remaining,
        observation_box=_bounds(model.observation_space),
        action_box=_bounds(model.action_space),
        last_observation=cast("NDArray[np.floating] | None", model._last_obs),
        last_starts=model._last_episode_starts,
        ended=[dict(sums) for sums in model.ep_info_buffer or ()],
        parameters=model.get_parameters(),
        tensors={name: attrgetter(name)(model) for name in names},
    )
    content = {name: getattr(kept, name) for name in kept.__dataclass_fields__}
    write_tree(path, {"format": FORMAT, **content})


def read_model(path: Path) -> KeptModel:
    """What a model file holds.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is none, or it is damaged or of another version.
    """
    tree = read_tree(path)
    written = tree.pop("format", None) if isinstance(tree, dict) else None
    if written != FORMAT or tree.keys() != set(KeptModel.__dataclass_fields__):
        raise ValueError(f"{path} has format {written!r}; this version reads {FORMAT!r}, train again")
    algorithm_named(tree["algorithm"])
    return KeptModel(**tree)


def load_model(algorithm: str, path: str | Path, *, trust: bool = False) -> BaseAlgorithm:
    """A model to act with; one torch thread: a second can slow small batches a hundredfold (STACK "Traps").

    Parameters
    ----------
    algorithm : str
        What the run's card says.
    path : str or Path
        A ``.npz`` of ``save_model``; or, with ``trust``, stable-baselines3's own ``.zip`` of an older run.
    trust : bool
        Run the code that a ``.zip`` may carry.

    Raises
    ------
    FileNotFoundError, ValueError
        Where there is none, it is damaged, of another algorithm, or a ``.zip`` that is not trusted.
    """
    import torch

    torch.set_num_threads(1)
    path = Path(path)
    if path.suffix == OLD_SUFFIX:
        return _unpickled(algorithm, path, trust)
    kept = read_model(path)
    if kept.algorithm != algorithm:
        raise ValueError(f"{path} is of {kept.algorithm}, the card beside it says {algorithm}; they are of two runs")
    return restored(kept, kept.settings, path)


def restored(
    kept: KeptModel,
    settings: Settings,
    path: Path,
    vec_env: VecEnv | None = None,
    device: str = "cpu",
    *,
    new_episodes: bool = True,
) -> BaseAlgorithm:
    """The model that was kept, under its own or changed settings.

    Parameters
    ----------
    kept : KeptModel
        From ``read_model``.
    settings : mapping
        Those that it was built from, or ``resumed_settings``.
    path : Path
        For the words of a refusal.
    vec_env : VecEnv, optional
        What it goes on learning from; without it the model acts and its buffers are as small as can be.
    device : str
        A torch device.
    new_episodes : bool
        Reset the environments before learning.
    """
    import gymnasium as gym
    from stable_baselines3.common.utils import check_for_correct_spaces

    row = algorithm_named(kept.algorithm)
    boxes = tuple(gym.spaces.Box(*bounds, dtype=np.float32) for bounds in (kept.observation_box, kept.action_box))
    environments = vec_env.num_envs if vec_env else 1
    keywords = model_keywords(row, settings, boxes[1], environments)
    if vec_env is None and not row.on_policy:
        keywords["buffer_size"] = 1
    if vec_env is not None:
        check_for_correct_spaces(vec_env, *boxes)
    arguments: dict[str, Any] = {"seed": kept.seed, "device": device, "_init_setup_model": False, **keywords}
    model = row.model_class()("MlpPolicy", vec_env, **arguments)
    model.observation_space, model.action_space = boxes
    model.n_envs = environments
    if vec_env is None and getattr(model, "target_entropy", None) == "auto":
        cast("Any", model).target_entropy = 0.0  # asked of the environments, for learning alone
    model._setup_model()
    _put_back(model, kept, path)
    if not new_episodes:
        model._last_obs, model._last_episode_starts = kept.last_observation, kept.last_starts
    remember_settings(model, settings)
    return model


def _put_back(model: BaseAlgorithm, kept: KeptModel, path: Path) -> None:
    try:
        model.set_parameters(kept.parameters, exact_match=True, device=model.device)
        for name, tensor in kept.tensors.items():
            attrgetter(name)(model).data = tensor.to(model.device)
    except (RuntimeError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the weights in {path} do not fit its own settings ({error}); train again") from None
    model.num_timesteps, model._episode_num, model._n_updates = kept.steps, kept.episodes, kept.updates
    model._current_progress_remaining = kept.progress_left
    model.ep_info_buffer = deque(kept.ended, maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)


def _unpickled(algorithm: str, path: Path, trust: bool) -> BaseAlgorithm:
    """A model of stable-baselines3's own archive, for him who says that he trusts its writer."""
    if not trust:
        raise ValueError(
            f"{path} is an archive of stable-baselines3, and loading it runs code that it carries (pickle); train the "
            "run again, or give trust=true where you trust whoever wrote it"
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    return algorithm_named(algorithm).model_class().load(path, device="cpu")


def _bounds(space: gym.Space[Any]) -> Bounds:
    box = cast("gym.spaces.Box", space)
    return box.low.astype(np.float32), box.high.astype(np.float32)
