"""One site as gymnasium's Env: the same core with B = 1."""

from __future__ import annotations

from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.core_options import CoreOptions
from envs.engine.held import numbers_of
from envs.episodes.core_step import SHOWN
from envs.gymnasium_adapter import RENDER_FPS, RENDER_MODES, GymnasiumAdapter, checked_render_mode
from envs.interface.reward import TERM_NAMES
from envs.scenario import Scenario
from envs.spaces import box
from envs.step_info import Info, episode_info, step_info

_TOLD = ("reward", "truncated", "shown", "cost")  # of what a step leaves
_INFO = (*SHOWN, *(f"cost_{name}_usd" for name in TERM_NAMES))


class DataCenterEnv(GymnasiumAdapter, gym.Env):
    """Single environment; parameters as in ``DataCenterVectorEnv``.

    Episodes end by truncation only. ``info`` carries power [kW], temperatures [degC] and the PUE, every cost term [USD]
    and, at the end, the episode's sums (``episode_totals``). ``reset`` tells which episode it is.

    Attributes
    ----------
    action_names, observation_names : tuple of str
        What each element is.
    max_episode_steps : int
        Control steps until an episode is truncated; ``spec.max_episode_steps`` says the same.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        overrides: tuple[str, ...] = (),
        agent_channels: tuple[str, ...] | None = None,
        render_mode: str | None = None,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        mode = checked_render_mode(render_mode)
        self._adapt(DataCenterCore(scenario, 1, overrides, agent_channels, **core_options), mode)
        self.observation_space = box(self.core.observation_size)
        self.action_space = box(self.core.action_size)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a new episode; with a seed, the same one each time.

        Raises
        ------
        ValueError
            For any option: there are none.
        """
        if options:
            raise ValueError(f"reset options {sorted(options)} are unknown; a single environment has none")
        super().reset(seed=seed)
        obs = self.core.reset(seed=seed)[0]
        self._show()
        return obs, _of_one_site(step_info(self.core) | episode_info(self.core))

    def step(self, action: NDArray[np.floating]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One control step of the scenario's interval."""
        given = np.asarray(action)
        if given.shape != self.action_space.shape:
            raise ValueError(f"action has shape {given.shape}; this scenario takes {self.action_space.shape}")
        obs, done = self.core.advanced(given[None])
        reward, truncated, *told = numbers_of(done, _TOLD, 0)
        info: dict[str, Any] = dict(zip(_INFO, told))
        if truncated:
            info["episode_totals"] = {k: float(v[0]) for k, v in self.core.episode_statistics().items()}
        self._show()
        return obs[0], reward, False, bool(truncated), info

    def render(self) -> str | NDArray[np.uint8] | None:
        """The site as it stands: text in mode ``ansi``, an image ``(720, 1280, 3)`` in ``rgb_array``.

        Mode ``human`` shows every step by itself: in a window, or as text where there is no display.
        """
        picture: str | NDArray[np.uint8] | None = None
        if self.render_mode in ("ansi", "rgb_array"):
            picture = self._picture(0)
        return picture

    def close(self) -> None:
        """Close the window, if one is open."""
        self._close_window()


def _of_one_site(info: Info) -> dict[str, Any]:
    return {name: value[0].item() for name, value in info.items()}
