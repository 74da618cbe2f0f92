"""Checkpoints: the model, the replay buffer and the counters in one folder that is complete or absent.

Determinism: a run resumed twice from one checkpoint gives the same networks bit for bit (same machine, same number
of threads). It is not the run that was never stopped: the environments' state is not kept, they begin new episodes
seeded from the run's seed and the step count.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.learning.build import load_model

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

MODEL, BUFFER, COUNTERS = "model.zip", "replay_buffer.pkl", "counters.json"


def save_checkpoint(model: Any, folder: Path, keep: int = 2) -> Path:
    """Write ``folder/step_<n>`` and drop all but the newest ``keep`` checkpoints."""
    target = folder / f"step_{model.num_timesteps:012d}"
    draft = folder / f".{target.name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    model.save(draft / MODEL)
    if getattr(model, "replay_buffer", None) is not None:
        model.save_replay_buffer(draft / BUFFER)
    counters = {"steps": model.num_timesteps, "episodes": model._episode_num, "updates": model._n_updates}
    (draft / COUNTERS).write_text(json.dumps(counters))
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
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
    """A model that goes on where the checkpoint was written, with new episodes."""
    from stable_baselines3.common.utils import set_random_seed

    counters = json.loads((checkpoint / COUNTERS).read_text())
    model: Any = load_model(algorithm, checkpoint / MODEL, vec_env, device)
    if (checkpoint / BUFFER).exists():
        model.load_replay_buffer(checkpoint / BUFFER)
    model._episode_num, model._n_updates = counters["episodes"], counters["updates"]
    fresh = (seed + counters["steps"]) % 2**31
    set_random_seed(fresh)
    vec_env.action_space.seed(fresh)
    vec_env.seed(fresh)
    return model
