"""B sites as one array: gymnasium's VectorEnv over the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.core import CoreOptions, DataCenterCore
from envs.scenario import Scenario
from envs.spaces import box


class DataCenterVectorEnv(gym.vector.VectorEnv):
    """Vector environment of ``num_envs`` sites stepped in one numpy call.

    Parameters
    ----------
    scenario : str or Scenario
        Name of a shipped scenario, path of a YAML file, or a scenario object.
    num_envs : int
        Sites in the batch.
    overrides : sequence of str, optional
        ``key=value`` deviations, as on the command line.
    agent_channels : sequence of str, optional
        Channels that the agent holds; the scenario's own list when left out.
    autoreset_mode : AutoresetMode or str
        ``SAME_STEP`` (default), ``NEXT_STEP`` or ``DISABLED``.
    """

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        num_envs: int = 1,
        overrides: tuple[str, ...] = (),
        agent_channels: tuple[str, ...] | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: None = None,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        self.core = DataCenterCore(scenario, num_envs, overrides, agent_channels, **core_options)
        mode = _autoreset_mode(autoreset_mode)
        self.autoreset_mode = mode
        self.metadata = {"autoreset_mode": mode, "render_modes": []}
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.single_observation_space = box(self.core.observation_size)
        self.single_action_space = box(self.core.action_size)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._pending = np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start new episodes, in all environments or in those of ``options["reset_mask"]``."""
        mask = None if options is None else options.get("reset_mask")
        self._pending = np.zeros(self.num_envs, bool) if mask is None else self._pending & ~np.asarray(mask, bool)
        return self.core.reset(mask=mask, seed=seed), {}

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One control step; episodes end by truncation only (crashing must not pay)."""
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and self._pending.any():
            return self._step_after_end(actions)
        obs, reward, truncated, terms = self.core.step(np.asarray(actions))
        info: dict[str, Any] = _term_info(terms, self.num_envs)
        if truncated.any():
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                obs = self._reset_in_step(obs, truncated, info)
            else:
                self._end_later(truncated, info)
        return obs, reward, np.zeros(self.num_envs, bool), truncated, info

    def _reset_in_step(
        self, obs: NDArray[np.float32], done: NDArray[np.bool_], info: dict[str, Any]
    ) -> NDArray[np.float32]:
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(done):
            final[i] = obs[i].copy()
        info["final_obs"], info["_final_obs"] = final, done.copy()
        stats = self.core.episode_statistics()
        info["final_info"] = {"episode": stats, "_episode": done.copy()}
        info["_final_info"] = done.copy()
        return self.core.reset(mask=done)

    def _end_later(self, done: NDArray[np.bool_], info: dict[str, Any]) -> None:
        """Give the sums of the episodes that ended; they begin anew at the next step or at the caller's reset."""
        self._pending = done.copy()
        info["episode"], info["_episode"] = self.core.episode_statistics(), done.copy()

    def _step_after_end(self, actions: NDArray[np.floating]) -> Any:
        done = self._pending.copy()
        self._pending[:] = False
        obs, reward, truncated, terms = self.core.step(np.asarray(actions))
        truncated = truncated & ~done
        info = _term_info({name: np.where(done, 0.0, value) for name, value in terms.items()}, self.num_envs)
        if truncated.any():
            self._end_later(truncated, info)
        reward = np.where(done, 0.0, reward).astype(reward.dtype)
        return self.core.reset(mask=done), reward, np.zeros(self.num_envs, bool), truncated, info

    def close_extras(self, **kwargs: object) -> None:
        """Nothing is held open."""


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    """The mode itself, or the one that a string names (``SameStep``, ``same_step`` or ``SAME_STEP``)."""
    plain = mode.value if isinstance(mode, AutoresetMode) else str(mode)
    for known in AutoresetMode:
        if known.value.lower() == plain.replace("_", "").lower():
            return known
    raise ValueError(f"autoreset_mode = {mode!r} is unknown; choose one of {[known.name for known in AutoresetMode]}")


def _term_info(terms: Mapping[str, NDArray[np.floating]], n: int) -> dict[str, Any]:
    """Every reward term as ``(B,)``, with the presence mask that gymnasium's vector infos carry."""
    info: dict[str, Any] = {}
    present = np.ones(n, bool)
    for name, value in terms.items():
        info[f"cost_{name}_usd"] = np.array(value)
        info[f"_cost_{name}_usd"] = present
    return info
