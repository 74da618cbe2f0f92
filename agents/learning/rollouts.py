"""Rollouts that the environments write themselves: no step's observations or rewards are copied into the buffer.

stable-baselines3's loop stays as it is. While it collects, its buffer hands each step of the environments the rows that
the step belongs to, and finds them filled when the loop adds them. What is learnt is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import RolloutBufferSamples

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

_FLATTENED = ("actions", "values", "log_probs", "advantages", "returns")


class FilledInPlace(RolloutBuffer):
    """A rollout buffer of flat observations whose rows environments can write to.

    Environments with an attribute ``rows``, such as `envs.sb3_vec_env.DataCenterSB3VecEnv`, are handed the rows of the
    step that they make. Of others, and of wrapped ones, what they return is copied, as in stable-baselines3's own.

    Attributes
    ----------
    environments : VecEnv or None
        What is collected from.
    """

    environments: VecEnv | None = None

    def reset(self) -> None:
        """Begin a rollout."""
        super().reset()
        if not hasattr(self, "_seen"):  # one row more: the observation behind the last step
            self._seen = np.zeros((self.buffer_size + 1, *self.observations.shape[1:]), self.observations.dtype)
        self.observations = self._seen[:-1]
        self._handed_out = -1
        if self.environments is not None:
            cast("Any", self.environments).rows = self.next_rows

    def next_rows(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Observations behind the step that is due, and its rewards; None where it has them already, or none is due."""
        if self.full or self._handed_out == self.pos:  # somebody steps whose steps are not added
            return None
        self._handed_out = self.pos
        return self._seen[self.pos + 1], self.rewards[self.pos]

    def add(
        self,
        obs: NDArray[np.float32],
        action: NDArray[np.floating],
        reward: NDArray[np.float32],
        episode_start: NDArray[np.bool_],
        value: torch.Tensor,
        log_prob: torch.Tensor,
    ) -> None:
        """Take a step in; what stands in its row already is left there."""
        at = self.pos
        for row, given in ((self.observations[at], obs), (self.rewards[at], reward)):
            if not np.may_share_memory(row, given):
                row[...] = given
        self.actions[at] = action.reshape(self.n_envs, self.action_dim)
        self.episode_starts[at] = episode_start
        self.values[at] = value.detach().cpu().numpy().ravel()
        self.log_probs[at] = log_prob.detach().cpu().numpy().ravel()
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[np.bool_]) -> None:
        """End a rollout."""
        if self.environments is not None:
            cast("Any", self.environments).rows = None
        super().compute_returns_and_advantage(last_values, dones)

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Steps in the random order of stable-baselines3's own buffer, ``batch_size`` at a time."""
        assert self.full, "a rollout is learnt from when it is full"
        count = self.buffer_size * self.n_envs
        order = np.random.permutation(count)  # noqa: NPY002 - the stream that stable-baselines3 draws from
        if not self.generator_ready:
            for name in _FLATTENED:
                setattr(self, name, self.swap_and_flatten(getattr(self, name)))
            self.generator_ready = True
        size = batch_size or count
        for first in range(0, count, size):
            yield self._get_samples(order[first : first + size])

    def _get_samples(self, batch_inds: NDArray[np.int64], env: object = None) -> RolloutBufferSamples:
        """Steps by their places in the order of environments; observations come from where they were written."""
        environment, step = np.divmod(batch_inds, self.buffer_size)
        observations = self.observations.reshape(-1, *self.obs_shape).take(step * self.n_envs + environment, axis=0)
        own = [observations, *(getattr(self, name).take(batch_inds, axis=0) for name in _FLATTENED)]
        own[1] = own[1].astype(np.float32, copy=False)
        tensors = [self.to_torch(array, copy=False) for array in own]
        return RolloutBufferSamples(*tensors[:2], *(tensor.flatten() for tensor in tensors[2:]))


class InPlace(BaseCallback):
    """Lets the environments write their steps into the model's rollout buffer, where both can."""

    def _on_training_start(self) -> None:
        self._tie(self.training_env.unwrapped)

    def _on_training_end(self) -> None:
        self._tie(None)
        seen = self.model._last_obs
        if isinstance(seen, np.ndarray):  # a row of the environments', which they would write over
            self.model._last_obs = seen.copy()

    def _tie(self, environments: VecEnv | None) -> None:
        buffer = cast("OnPolicyAlgorithm", self.model).rollout_buffer
        if not isinstance(buffer, FilledInPlace):
            return
        if buffer.environments is not None:
            cast("Any", buffer.environments).rows = None
        buffer.environments = environments if hasattr(environments, "rows") else None

    def _on_step(self) -> bool:
        return True
