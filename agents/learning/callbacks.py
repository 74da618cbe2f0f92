"""What happens beside learning: batched bootstrap, named terms, checkpoints, plateau of evaluation, progress bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter
from stable_baselines3.common.vec_env import VecEnv

from agents.learning.checkpoint import PlateauState, save_checkpoint
from agents.learning.interruption import Interruption
from agents.learning.model_file import save_model

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.policies import ActorCriticPolicy

    from agents.learning.plan import LearningPlan, Validation

Sink = Callable[[dict[str, float], int], None]


class BatchedBootstrap(BaseCallback):
    """Adds the discounted value of the last observation to truncated episodes, for all environments in one pass.

    stable-baselines3's on-policy loop does it one environment at a time; here it is done before that loop looks,
    and the flag that the loop reads is taken down.
    """

    def _on_step(self) -> bool:
        infos, rewards = self.locals["infos"], self.locals["rewards"]
        cut = [i for i in np.flatnonzero(self.locals["dones"]) if infos[i].get("TimeLimit.truncated", False)]
        if cut:
            last = np.stack([infos[i]["terminal_observation"] for i in cut])
            rewards[cut] += self.locals["self"].gamma * self._values(last)
            for i in cut:
                infos[i]["TimeLimit.truncated"] = False
        return True

    def _values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        policy = cast("ActorCriticPolicy", self.model.policy)
        with torch.no_grad():
            tensor = policy.obs_to_tensor(observations)[0]
            values: NDArray[np.float32] = policy.predict_values(tensor).cpu().numpy().ravel()
        return values


class TermLogger(BaseCallback):
    """Logs each named reward term, averaged over a rollout, and its sum over finished episodes.

    Reads ``vec_env.last_terms`` (name to ``(B,)``) after each step, the keys of ``info["episode"]``, and
    ``vec_env.charges`` where constraints are charged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sums: dict[str, float] = {}
        self._steps = 0

    def _on_step(self) -> bool:
        terms = getattr(self.training_env, "last_terms", None) or {}
        if terms:
            together = np.mean(list(terms.values()), axis=1).tolist()  # a call for each term takes five times as long
            for name, mean in zip(terms, together):
                self._sums[name] = self._sums.get(name, 0.0) + mean
        self._steps += 1
        infos = self.locals["infos"]
        finished = [infos[i]["episode"] for i in np.flatnonzero(self.locals["dones"]) if "episode" in infos[i]]
        if finished:
            names = [name for name in finished[0] if name not in ("l", "t")]
            together = np.mean([[episode[name] for episode in finished] for name in names], axis=1).tolist()
            for name, mean in zip(names, together):
                self.logger.record_mean("episode/reward" if name == "r" else f"episode/{name}", mean)
        return True

    def _on_rollout_end(self) -> None:
        for name, total in self._sums.items():
            self.logger.record_mean(f"terms/{name}", total / max(self._steps, 1))
        self._sums, self._steps = {}, 0
        charges = getattr(self.training_env, "charges", None)
        for name, value in charges.numbers().items() if charges is not None else ():
            self.logger.record(f"constraints/{name}", value)


class PlateauStop(BaseCallback):
    """Scores the deterministic policy on other environments, keeps the best model, and ends training on a plateau.

    Parameters
    ----------
    validation : Validation
        Every environment is played for one episode, the same at every evaluation.
    plan : LearningPlan
        Steps between evaluations, patience, and the smallest gain that counts.
    best_path : Path
        Where the best model is written.
    state : PlateauState, optional
        Of the run that goes on: a worse model shall not take the place of its best.
    interruption : Interruption, optional
        Ends an evaluation too; it is made again after the run is resumed.
    """

    def __init__(
        self,
        validation: Validation,
        plan: LearningPlan,
        best_path: Path,
        state: PlateauState | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        super().__init__()
        self.validation, self.plan, self.best_path = validation, plan, best_path
        self.state, self.stopped = state or PlateauState(), False
        self.interruption = interruption or Interruption()

    def _on_training_start(self) -> None:
        if self.state.next_at is None:
            self.state.next_at = self.num_timesteps + self.plan.evaluate_every

    def _on_rollout_start(self) -> None:
        assert self.state.next_at is not None
        if self.num_timesteps >= self.state.next_at:
            self._evaluate()
            self.state.next_at = self.num_timesteps + self.plan.evaluate_every

    def _on_step(self) -> bool:
        return not self.stopped

    def _evaluate(self) -> None:
        environments, seed = self.validation
        environments.seed(seed)  # paired: another draw of episodes would pass for a gain
        score = mean_episode_reward(self.model, environments, self.interruption)
        self.logger.record("evaluation/reward", score)
        if self.state.best is None or score > self.state.best + self.plan.min_gain:
            self.state.best, self.state.stale = score, 0
            save_model(self.model, self.best_path)
            return
        self.state.stale += 1
        self.stopped = 0 < self.plan.patience <= self.state.stale


class Marks(BaseCallback):
    """Hands the model to a function between two rollouts, once a number of environment steps is reached.

    Parameters
    ----------
    at : sequence of int
        Environment steps, in their order. A rollout that passes several of them counts once.
    look : callable
        Gets the model; False ends learning.
    """

    def __init__(self, at: Sequence[int], look: Callable[[BaseAlgorithm], bool]) -> None:
        super().__init__()
        self.at, self.look = list(at), look
        self.stopped = False

    def _on_rollout_start(self) -> None:
        passed = [mark for mark in self.at if self.num_timesteps >= mark]
        if passed:
            self.at = self.at[len(passed) :]
            self.stopped = not self.look(self.model)

    def _on_step(self) -> bool:
        return not self.stopped


class Checkpoint(BaseCallback):
    """Writes a checkpoint every ``every_steps`` environment steps, between two rollouts, and keeps the last few.

    Parameters
    ----------
    folder : Path
        Gets a folder per checkpoint.
    every_steps : int
        0: only where the run is interrupted.
    plateau : PlateauState, optional
        Kept in each checkpoint; the callback that changes it stands before this one.
    interruption : Interruption, optional
        Asked between two rollouts, where training may end without a loss.
    keep : int
        How many checkpoints stay.
    """

    def __init__(
        self,
        folder: Path,
        every_steps: int,
        plateau: PlateauState | None = None,
        interruption: Interruption | None = None,
        keep: int = 2,
    ) -> None:
        super().__init__()
        self.folder, self.every_steps, self.plateau, self.keep = folder, every_steps, plateau, keep
        self.interruption = interruption or Interruption()
        self._next = 0
        self._inside = False

    def _on_training_start(self) -> None:
        self._next = self.num_timesteps + self.every_steps

    def _on_rollout_start(self) -> None:
        self.interruption.check()
        if self.every_steps and self.num_timesteps >= self._next:
            self._save()
            self._next = self.num_timesteps + self.every_steps
        self._inside = True

    def _on_rollout_end(self) -> None:
        self._inside = False

    def _on_training_end(self) -> None:
        if self.every_steps or self.interruption.number:
            self._save()

    def _save(self) -> None:
        save_checkpoint(self.model, self.folder, self.keep, between_rollouts=not self._inside, plateau=self.plateau)

    def _on_step(self) -> bool:
        return True


class ProgressBar(BaseCallback):
    """A bar with steps, rate and time left."""

    def __init__(self, total_steps: int) -> None:
        super().__init__()
        self.total_steps = total_steps

    def _on_training_start(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, refresh_per_second=2)
        self._task = self._bar.add_task("training", total=self.total_steps, completed=self.num_timesteps)
        self._bar.start()

    def _on_step(self) -> bool:
        self._bar.update(self._task, completed=min(self.num_timesteps, self.total_steps))
        return True

    def _on_training_end(self) -> None:
        self._bar.stop()


class SinkWriter(KVWriter):
    """Hands every logged number to a function ``sink(values, step)``."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def write(self, key_values: dict[str, object], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Pass on what is a number."""
        numbers = {k: float(v) for k, v in key_values.items() if isinstance(v, (int, float, np.number))}
        self.sink(numbers, step)

    def close(self) -> None:
        """Nothing is held open."""


def mean_episode_reward(model: BaseAlgorithm, environment: VecEnv, interruption: Interruption | None = None) -> float:
    """Mean over environments of the reward of one episode under the deterministic policy."""
    observations = cast("NDArray[np.float32]", environment.reset())
    total = np.zeros(environment.num_envs, np.float64)
    running = np.ones(environment.num_envs, bool)
    while running.any():
        if interruption is not None:
            interruption.check()
        actions, _ = model.predict(observations, deterministic=True)
        after, rewards, dones, _ = environment.step(actions)
        observations = cast("NDArray[np.float32]", after)
        total += rewards * running
        running &= ~dones
    return float(total.mean())
