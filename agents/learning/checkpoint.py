"""Checkpoints: the model, the replay buffer, the random streams and the environments in one folder.

A folder is complete or absent. Determinism: on one thread of the same machine a resumed run gives the networks of
the run that was never stopped, bit for bit, where the total number of steps is the same (the learning rate falls
over it). Environments without ``save_state``, and runs that were ended inside a rollout (a plateau), begin new
episodes seeded from the run's seed and the step count.
"""

from __future__ import annotations

import json
import pickle
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, cast, runtime_checkable

from agents.learning.algorithms import algorithm_named, algorithm_of
from agents.learning.build import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

MODEL, BUFFER, COUNTERS = "model.zip", "replay_buffer.pkl", "counters.json"
STREAMS, ENVIRONMENT = "random_streams.pkl", "environment.pkl"


class Streams(TypedDict):
    """State of every random stream that training draws from; action noise draws from numpy's."""

    torch: Tensor
    cuda: list[Tensor]
    numpy: dict[str, Any] | tuple[Any, ...]
    python: tuple[Any, ...]
    actions: Mapping[str, Any]


@runtime_checkable
class Keeps(Protocol):
    """Environments that can be kept amid an episode."""

    def save_state(self) -> dict[str, object]:
        """Give everything that steps and resets change, as plain data."""
        ...

    def load_state(self, saved: Mapping[str, object]) -> None:
        """Go on from ``save_state``."""
        ...


def save_checkpoint(model: BaseAlgorithm, folder: Path, keep: int = 2, *, between_rollouts: bool = True) -> Path:
    """Write ``folder/step_<n>`` and drop all but the newest ``keep`` checkpoints.

    Inside a rollout (``between_rollouts=False``) model and environments do not match, and only the model is kept.
    """
    target = folder / f"step_{model.num_timesteps:012d}"
    draft = folder / f".{target.name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    model.save(draft / MODEL)
    if not algorithm_of(model).on_policy:
        cast("OffPolicyAlgorithm", model).save_replay_buffer(draft / BUFFER)
    counters = {"steps": model.num_timesteps, "episodes": model._episode_num, "updates": model._n_updates}
    (draft / COUNTERS).write_text(json.dumps(counters))
    (draft / STREAMS).write_bytes(pickle.dumps(_streams(model)))
    if between_rollouts and isinstance(model.env, Keeps):
        (draft / ENVIRONMENT).write_bytes(pickle.dumps(model.env.save_state()))
    if target.exists():
        shutil.rmtree(folder / f".{target.name}.old", ignore_errors=True)
        target.rename(folder / f".{target.name}.old")
    draft.rename(target)
    shutil.rmtree(folder / f".{target.name}.old", ignore_errors=True)
    for old in sorted(folder.glob("step_*"))[:-keep]:
        shutil.rmtree(old)
    return target


def latest_checkpoint(folder: Path) -> Path:
    """The newest checkpoint of a run.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    """
    if (folder / COUNTERS).exists():
        return folder
    found = sorted((*folder.glob("step_*"), *folder.glob("checkpoints/step_*")))
    if not found:
        raise FileNotFoundError(
            f"no checkpoint under {folder}; give a run's folder or one of its checkpoints/step_* folders"
        )
    return found[-1]


def resume_model(algorithm: str, checkpoint: Path, vec_env: VecEnv, seed: int, device: str = "cpu") -> BaseAlgorithm:
    """A model that goes on where the checkpoint was written, within its episodes where they were kept.

    Raises
    ------
    ValueError
        Where ``vec_env`` is of another scenario, channel table or batch size than the kept episodes.
    """
    from stable_baselines3.common.utils import set_random_seed

    counters = json.loads((checkpoint / COUNTERS).read_text())
    kept = (checkpoint / ENVIRONMENT).exists() and isinstance(vec_env, Keeps)
    model = load_model(algorithm, checkpoint / MODEL, vec_env, device, new_episodes=not kept)
    if not algorithm_named(algorithm).on_policy:
        cast("OffPolicyAlgorithm", model).load_replay_buffer(checkpoint / BUFFER)
    model._episode_num, model._n_updates = counters["episodes"], counters["updates"]
    if kept:  # last, for loading seeds everything anew
        cast("Keeps", model.env).load_state(pickle.loads((checkpoint / ENVIRONMENT).read_bytes()))
        _restore(model, pickle.loads((checkpoint / STREAMS).read_bytes()))
        return model
    fresh = (seed + counters["steps"]) % 2**31
    set_random_seed(fresh)
    vec_env.action_space.seed(fresh)
    vec_env.seed(fresh)
    return model


def _streams(model: BaseAlgorithm) -> Streams:
    import numpy as np
    import torch

    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": np.random.get_state(),  # noqa: NPY002 - the stream that stable-baselines3 draws from
        "python": random.getstate(),
        "actions": model.action_space.np_random.bit_generator.state,
    }


def _restore(model: BaseAlgorithm, streams: Streams) -> None:
    import numpy as np
    import torch

    torch.set_rng_state(streams["torch"])
    if streams["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(streams["cuda"])
    np.random.set_state(streams["numpy"])  # noqa: NPY002 - as above
    random.setstate(streams["python"])
    model.action_space.np_random.bit_generator.state = streams["actions"]
