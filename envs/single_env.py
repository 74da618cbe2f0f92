"""One site as gymnasium's Env: the same core with B = 1."""

from __future__ import annotations

from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.core import CoreOptions, DataCenterCore
from envs.scenario import Scenario
from envs.spaces import box


class DataCenterEnv(gym.Env):
    """Single environment; parameters as in ``DataCenterVectorEnv``.

    Episodes end by truncation only; ``info`` carries every cost term [USD] and, at the end, the episode's sums.
    """

    metadata = {"render_modes": []}

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        overrides: tuple[str, ...] = (),
        agent_channels: tuple[str, ...] | None = None,
        render_mode: None = None,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        self.core = DataCenterCore(scenario, 1, overrides, agent_channels, **core_options)
        self.render_mode = render_mode
        self.observation_space = box(self.core.observation_size)
        self.action_space = box(self.core.action_size)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a new episode; with a seed, the same one each time."""
        super().reset(seed=seed)
        return self.core.reset(seed=seed)[0], {}

    def step(self, action: NDArray[np.floating]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One control step of the scenario's interval."""
        given = np.asarray(action)
        if given.shape != self.action_space.shape:
            raise ValueError(f"action has shape {given.shape}; this scenario takes {self.action_space.shape}")
        obs, reward, truncated, terms = self.core.step(given[None])
        info: dict[str, Any] = {f"cost_{name}_usd": float(value[0]) for name, value in terms.items()}
        if truncated[0]:
            info["episode_totals"] = {k: float(v[0]) for k, v in self.core.episode_statistics().items()}
        return obs[0], float(reward[0]), False, bool(truncated[0]), info
