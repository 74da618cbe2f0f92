"""Two stages of one run: by the plant's gradient first, then PPO on the true plant, which sees what no gradient sees.

Both teach the same network. The first learns on smooth switches and without noise. The second explores closely around
what the first has found, on the plant that judges, and begins with new episodes. Its value network learns alone for
some rollouts, so that the policy is not moved by values that know nothing yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.ppo import PPO

from agents.learning.apg import APG

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.type_aliases import GymEnv
    from stable_baselines3.common.vec_env import VecEnv


class APGThenPPO(APG, PPO):
    """`APG` up to a number of steps, and PPO from there on.

    Parameters
    ----------
    policy, env
        As those of `APG`.
    first_stage_steps : int
        Environment steps of the first stage; a rollout that has begun is ended.
    ppo_learning_rate : float
        Step of the optimiser in the second stage; it falls as that of the first does, each over its own stage.
    value_rollouts : int
        Rollouts at the beginning of the second stage in which only the value network learns.
    **keywords
        Those of `APG` and of PPO.
    """

    def __init__(
        self,
        policy: str,
        env: GymEnv | None,
        first_stage_steps: int = 1_000_000,
        ppo_learning_rate: float = 3e-4,
        value_rollouts: int = 10,
        **keywords: Any,
    ) -> None:
        self.first_stage_steps, self.value_rollouts = first_stage_steps, value_rollouts
        self.ppo_learning_rate = ppo_learning_rate
        super().__init__(policy, env, **keywords)

    @property
    def in_first_stage(self) -> bool:
        """Whether the next rollout is one of the gradient."""
        return self.num_timesteps < self.first_stage_steps

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Play a window of the first stage, or a rollout of the second; False where a callback ends learning."""
        self._by_gradient = self.in_first_stage
        stage = APG if self._by_gradient else OnPolicyAlgorithm
        return stage.collect_rollouts(self, env, callback, rollout_buffer, n_rollout_steps)

    def train(self) -> None:
        """Learn from what was just played; behind its last window the first stage makes way."""
        if self._by_gradient:
            APG.train(self)
            if not self.in_first_stage:
                self._begin_second_stage()
            return
        only_value = self.num_timesteps <= self._second_stage_begin + self.value_rollouts * self._rollout_size
        for parameter in self._actor_parameters():
            parameter.requires_grad_(not only_value)
        PPO.train(self)

    def _begin_second_stage(self) -> None:
        """The true plant, new episodes, and an optimiser that remembers nothing."""
        assert self.env is not None
        self._leave_path()
        self.policy.optimizer.state.clear()
        self._last_obs = self.env.reset()  # type: ignore[assignment]
        self._last_episode_starts[:] = True  # type: ignore[index]

    def _update_learning_rate(self, optimizers: list[torch.optim.Optimizer] | torch.optim.Optimizer) -> None:
        """Step of the optimiser, which falls within each stage."""
        whole, first = self._total_timesteps, min(self._second_stage_begin, self._total_timesteps)
        begun, ended = (0, first) if self._by_gradient else (first, whole)
        left = (ended - self.num_timesteps) / max(ended - begun, 1)
        scale = 1.0 if self._by_gradient else self.ppo_learning_rate / self.lr_schedule(1.0)
        rate = scale * self.lr_schedule(min(max(left, 0.0), 1.0))
        self.logger.record("train/learning_rate", rate)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            for group in optimizer.param_groups:
                group["lr"] = rate

    @property
    def _rollout_size(self) -> int:
        return self.n_steps * self.n_envs

    @property
    def _second_stage_begin(self) -> int:
        """Environment steps behind the last window of the first stage."""
        return -(-self.first_stage_steps // self._rollout_size) * self._rollout_size

    def _actor_parameters(self) -> Iterator[torch.nn.Parameter]:
        yield from self.policy.mlp_extractor.policy_net.parameters()
        yield from self.policy.action_net.parameters()
        yield self.policy.log_std
