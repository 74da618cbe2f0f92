"""One site as gymnasium's Env: the same core with B = 1."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.core_options import CoreOptions
from envs.engine.held import numbers_of
from envs.episodes.core_step import SHOWN
from envs.gymnasium_adapter import checked_render_mode
from envs.interface.reward import TERM_NAMES
from envs.one_site import OneSite
from envs.scenario import Scenario
from envs.spaces import box

_TOLD = ("reward", "truncated", "shown", "cost")  # of what a step leaves
_INFO = (*SHOWN, *(f"cost_{name}_usd" for name in TERM_NAMES))


class DataCenterEnv(OneSite):
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

    def step(self, action: NDArray[np.floating]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One control step of the scenario's interval."""
        given = np.asarray(action)
        if given.shape != self.action_space.shape:
            raise ValueError(f"action has shape {given.shape}; this scenario takes {self.action_space.shape}")
        obs, done = self.core.advanced(given[None])
        reward, truncated, *told = numbers_of(done, _TOLD, 0)
        info: dict[str, Any] = dict(zip(_INFO, told))
        if self.core.serving is not None:
            info |= {name: float(value[0]) for name, value in self.core.serving.told().items()}
        if truncated:
            info["episode_totals"] = self._totals()
        self._show()
        return obs[0], reward, False, bool(truncated), info
