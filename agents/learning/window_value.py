"""What comes behind a window, learnt: a value of the observation, whose slope stands for the time that was cut off.

The value is that of stable-baselines3's policy (its second network). It is fitted to the returns of each window by
TD(lambda), bootstrapped at the window's end (Xu et al. 2022, "Accelerated Policy Learning with Parallel Differentiable
Simulation": short-horizon actor-critic). A step that ends an episode belongs to no return: what closes it is charged
to the episode, not to what comes behind a window.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.floating]
Value = Callable[[Tensor], Tensor]

EPOCHS = 4  # passes over a window; those of PPO
SHARDS = 4  # steps of the optimiser in a pass
LEARNING_RATE = 1e-3


class WindowValue:
    """Learns the discounted reward that is to come ``(N,)`` from observations ``(N, n)``.

    Parameters
    ----------
    value : callable
        Observations to values ``(N,)``.
    parameters : list of nn.Parameter
        What may move of it.
    gamma : float
        Discount of a control step.
    gae_lambda : float
        Weight of longer returns.
    """

    def __init__(self, value: Value, parameters: list[nn.Parameter], gamma: float, gae_lambda: float) -> None:
        self.value, self.gamma, self.gae_lambda = value, gamma, gae_lambda
        self.optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)

    def learn(self, observations: Tensor, rewards: Floats, ended: NDArray[np.bool_], behind: Tensor) -> float:
        """Fit the value to a window; the share of the returns' variance that it did not know before.

        Parameters
        ----------
        observations : Tensor (T, B, n)
        rewards : ndarray (T, B)
        ended : ndarray of bool (T, B)
            Where an episode ended with the step.
        behind : Tensor (B, n)
            Observation behind the last step.
        """
        with torch.no_grad():
            known = torch.stack([self.value(x) for x in (*observations, behind)]).numpy()
        returns, sound = window_returns(rewards, ended, known, self.gamma, self.gae_lambda)
        seen, told = observations[torch.from_numpy(sound)], torch.from_numpy(returns[sound])
        unknown = float(np.var((returns - known[:-1])[sound]) / max(float(np.var(returns[sound])), 1e-12))
        for _ in range(EPOCHS):
            for part in torch.randperm(len(told)).chunk(SHARDS):
                self.optimizer.zero_grad()
                nn.functional.mse_loss(self.value(seen[part]), told[part]).backward()
                self.optimizer.step()
        return unknown

    def slopes(self, observation: Floats) -> Floats:
        """Slopes of the value by the observation ``(B, n)``."""
        seen = torch.tensor(observation, requires_grad=True)
        (found,) = torch.autograd.grad(self.value(seen).sum(), seen)
        slopes: Floats = found.numpy()
        return slopes


def window_returns(
    rewards: Floats, ended: NDArray[np.bool_], values: Floats, gamma: float, gae_lambda: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Returns of every step ``(T, B)``, and where there is one: not where the step itself ends an episode.

    Parameters
    ----------
    rewards, ended : ndarray (T, B)
    values : ndarray (T + 1, B)
        Known so far, the last of them behind the window.
    gamma, gae_lambda : float
        As `WindowValue`.
    """
    returns = np.empty_like(rewards)
    ahead = values[-1]
    for k in range(len(rewards) - 1, -1, -1):
        mixed = (1.0 - gae_lambda) * values[k + 1] + gae_lambda * ahead
        returns[k] = np.where(ended[k], values[k], rewards[k] + gamma * mixed)
        ahead = returns[k]
    return returns, ~ended
