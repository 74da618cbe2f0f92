"""Checkpoints: the model, the replay buffer, the random streams and the environments in one folder, as plain data.

A folder is complete or absent, and ``counters.json`` holds the hash of each part: a damaged one is passed over.
Determinism: on one thread of the same machine a resumed run gives the networks of the run that was never stopped, bit
for bit, where the total number of steps is the same (the learning rate falls over it). Environments without
``save_state``, and runs that were ended inside a rollout (a plateau), begin new episodes seeded from the run's seed and
the step count.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, cast, runtime_checkable

from agents.learning.algorithms import Settings, algorithm_named, algorithm_of, resumed_settings
from agents.learning.model_file import read_model, restored, save_model
from agents.learning.plain_tree import read_tree, write_tree
from agents.runtime.manifest import changed_files, file_hash

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.buffers import ReplayBuffer
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor

LOG = logging.getLogger(__name__)
MODEL, BUFFER, COUNTERS = "model.npz", "replay_buffer.npz", "counters.json"
STREAMS, ENVIRONMENT = "random_streams.npz", "environment.npz"
PARTS = (MODEL, BUFFER, STREAMS, ENVIRONMENT)
FORMAT = "coldaisle-checkpoint/1"
BUFFERED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


@dataclass
class PlateauState:
    """How the evaluations beside a run stand.

    Attributes
    ----------
    best : float or None
        The best score so far.
    stale : int
        Evaluations without gain since.
    next_at : int or None
        Environment steps at which the next one is due.
    """

    best: float | None = None
    stale: int = 0
    next_at: int | None = None


@dataclass(frozen=True)
class Counters:
    """What a checkpoint says of its run."""

    algorithm: str
    steps: int
    seed: int
    environments: int
    plateau: PlateauState


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


def save_checkpoint(
    model: BaseAlgorithm,
    folder: Path,
    keep: int = 2,
    *,
    between_rollouts: bool = True,
    plateau: PlateauState | None = None,
) -> Path:
    """Write ``folder/step_<n>`` and drop all but the newest ``keep`` checkpoints.

    Inside a rollout (``between_rollouts=False``) model and environments do not match, and only the model is kept.
    """
    target = folder / f"step_{model.num_timesteps:012d}"
    draft = folder / f".{target.name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_model(model, draft / MODEL)
    if not algorithm_of(model).on_policy:
        write_tree(draft / BUFFER, _buffered(model))
    write_tree(draft / STREAMS, _streams(model))
    if between_rollouts and isinstance(model.env, Keeps):
        write_tree(draft / ENVIRONMENT, model.env.save_state())
    _write_counters(model, draft, plateau or PlateauState())
    if target.exists():
        shutil.rmtree(folder / f".{target.name}.old", ignore_errors=True)
        target.rename(folder / f".{target.name}.old")
    draft.rename(target)
    shutil.rmtree(folder / f".{target.name}.old", ignore_errors=True)
    for old in sorted(folder.glob("step_*"))[:-keep]:
        shutil.rmtree(old)
    return target


def latest_checkpoint(folder: Path) -> Path:
    """The newest whole checkpoint of a run, or the checkpoint itself; damaged newer ones are told and passed over.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        Where none is whole, with what is wrong with the newest.
    """
    if (folder / COUNTERS).exists():
        read_counters(folder)
        return folder
    found = sorted((*folder.glob("step_*"), *folder.glob("checkpoints/step_*")), reverse=True)
    if not found:
        raise FileNotFoundError(
            f"no checkpoint under {folder}; give a run's folder or one of its checkpoints/step_* folders"
        )
    faults: list[ValueError] = []
    for checkpoint in found:
        try:
            read_counters(checkpoint)
        except ValueError as error:
            faults.append(error)
            continue
        for damage in faults:
            LOG.warning("%s; going on from %s", damage, checkpoint.name)
        return checkpoint
    raise faults[0]


def read_counters(checkpoint: Path) -> Counters:
    """What a checkpoint says of its run, after its parts were checked against their hashes.

    Raises
    ------
    ValueError
        Naming the part that is missing or damaged, or the version that wrote it.
    """
    path = checkpoint / COUNTERS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        written, hashes = content["format"], dict(content["files"])
        counters = Counters(
            str(content["algorithm"]),
            int(content["steps"]),
            int(content["seed"]),
            int(content["environments"]),
            PlateauState(**content["plateau"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if (checkpoint / "model.zip").exists():
            raise ValueError(
                f"checkpoint {checkpoint} is of an older version, whose files run code when they are loaded (pickle); "
                "train again"
            ) from None
        raise ValueError(f"checkpoint file {path} is damaged ({error!r})") from None
    if written != FORMAT:
        raise ValueError(f"checkpoint {checkpoint} has format {written!r}; this version reads {FORMAT!r}, train again")
    if MODEL not in hashes or STREAMS not in hashes or not hashes.keys() <= set(PARTS):
        raise ValueError(f"checkpoint file {path} lists {sorted(hashes)}; a checkpoint has parts of {PARTS}")
    for part in PARTS:
        if (part in hashes) != (checkpoint / part).exists():
            raise ValueError(f"checkpoint {checkpoint} is damaged: {part} is missing, or does not belong to it")
    for part in changed_files(checkpoint, hashes):
        raise ValueError(f"checkpoint {checkpoint} is damaged: {part} is not the file that was written")
    return counters


def resume_model(
    algorithm: str,
    checkpoint: Path,
    vec_env: VecEnv,
    seed: int,
    device: str = "cpu",
    given: Settings | None = None,
) -> BaseAlgorithm:
    """A model that goes on where the checkpoint was written, within its episodes where they were kept.

    Parameters
    ----------
    algorithm : str
        That of the checkpoint.
    checkpoint : Path
        From ``latest_checkpoint``.
    vec_env : VecEnv
        The environments that it goes on in.
    seed : int
        Of new episodes, where none were kept.
    device : str
        A torch device.
    given : mapping, optional
        Settings that change from here on.

    Raises
    ------
    ValueError
        Where ``vec_env`` is of another scenario, channel table or batch size than the kept episodes, the algorithm is
        another, or a setting cannot change any more.
    """
    from stable_baselines3.common.utils import set_random_seed

    counters, before = read_counters(checkpoint), read_model(checkpoint / MODEL)
    if before.algorithm != algorithm:
        raise ValueError(
            f"{checkpoint} is of {before.algorithm}, and agent={algorithm} is asked for; give agent={before.algorithm}"
        )
    settings = resumed_settings(algorithm, before.settings, given or {})
    kept = (checkpoint / ENVIRONMENT).exists() and isinstance(vec_env, Keeps)
    model = restored(before, settings, checkpoint / MODEL, vec_env, device, new_episodes=not kept)
    if kept:
        cast("Keeps", model.env).load_state(read_tree(checkpoint / ENVIRONMENT))
    if not algorithm_named(algorithm).on_policy:
        _refill(cast("OffPolicyAlgorithm", model), checkpoint / BUFFER)
    if kept:  # last, for loading seeds everything anew
        _restore(model, read_tree(checkpoint / STREAMS))
        return model
    fresh = (seed + counters.steps) % 2**31
    set_random_seed(fresh)
    vec_env.action_space.seed(fresh)
    vec_env.seed(fresh)
    return model


def _write_counters(model: BaseAlgorithm, draft: Path, plateau: PlateauState) -> None:
    counters = Counters(algorithm_of(model).name, model.num_timesteps, model.seed or 0, model.n_envs, plateau)
    hashes = {path.name: file_hash(path) for path in sorted(draft.iterdir())}
    content = {"format": FORMAT, **asdict(counters), "files": hashes}
    (draft / COUNTERS).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _buffered(model: BaseAlgorithm) -> dict[str, object]:
    """The part of the replay buffer that is filled."""
    buffer = cast("ReplayBuffer", cast("OffPolicyAlgorithm", model).replay_buffer)
    filled = buffer.size()
    return {"pos": buffer.pos, "full": buffer.full, **{name: getattr(buffer, name)[:filled] for name in BUFFERED}}


def _refill(model: OffPolicyAlgorithm, path: Path) -> None:
    buffer, kept = cast("ReplayBuffer", model.replay_buffer), read_tree(path)
    filled = buffer.buffer_size if kept["full"] else kept["pos"]
    for name in BUFFERED:
        place = getattr(buffer, name)[:filled]
        if place.shape != kept[name].shape:
            raise ValueError(
                f"{path}: {name} has shape {kept[name].shape}, this run's {place.shape}; resume on the same "
                "scenario and agent.environments"
            )
        place[:] = kept[name]
    buffer.pos, buffer.full = kept["pos"], kept["full"]


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
