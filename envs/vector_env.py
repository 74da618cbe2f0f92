"""B sites as one array: gymnasium's VectorEnv over the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.autoreset import Autoreset, Turn, When
from envs.core import DataCenterCore
from envs.core_options import CoreOptions
from envs.gymnasium_adapter import RENDER_FPS, RENDER_MODES, GymnasiumAdapter, checked_render_mode
from envs.scenario import Scenario
from envs.spaces import box
from envs.step_info import Info, episode_info, step_info

_WHEN: dict[AutoresetMode, When] = {
    AutoresetMode.SAME_STEP: "same_step",
    AutoresetMode.NEXT_STEP: "next_step",
    AutoresetMode.DISABLED: "disabled",
}


class DataCenterVectorEnv(GymnasiumAdapter, gym.vector.VectorEnv):
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
    render_mode : str, optional
        ``ansi``, ``rgb_array``: ``render`` returns a text or an image per site. ``human`` shows one site at every step:
        in a window, or as text where there is no display.
    shown_site : int
        Which site mode ``human`` shows.

    Attributes
    ----------
    action_names, observation_names : tuple of str
        What each element of one environment's action and observation is.
    max_episode_steps : int
        Control steps until an episode is truncated; ``spec.max_episode_steps`` says the same.

    Notes
    -----
    ``info`` carries power [kW], temperatures [degC], the PUE and every cost term [USD], each ``(B,)``. Where an episode
    ends its sums stand in ``info["episode_totals"]``; in the mode ``SAME_STEP``, as all of the last step, below
    ``info["final_info"]``. ``stable-baselines3`` takes ``DataCenterSB3VecEnv``, not this class.
    """

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        num_envs: int = 1,
        overrides: tuple[str, ...] = (),
        agent_channels: tuple[str, ...] | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        shown_site: int = 0,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        shown = checked_render_mode(render_mode)
        self._adapt(DataCenterCore(scenario, num_envs, overrides, agent_channels, **core_options), shown, shown_site)
        mode = _autoreset_mode(autoreset_mode)
        self.autoreset_mode = mode
        self.metadata = {"autoreset_mode": mode, "render_modes": RENDER_MODES, "render_fps": RENDER_FPS}
        self.num_envs = num_envs
        self.single_observation_space = box(self.core.observation_size)
        self.single_action_space = box(self.core.action_size)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._sites = Autoreset(self.core, _WHEN[mode])

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start new episodes, in all environments or in those of ``options["reset_mask"]``.

        Raises
        ------
        ValueError
            For any other option, or a mask of another length.
        """
        unknown = sorted(set(options or {}) - {"reset_mask"})
        if unknown:
            raise ValueError(f"reset options {unknown} are unknown; the only one is 'reset_mask'")
        obs, begun = self._sites.reset((options or {}).get("reset_mask"), seed)
        self._show()
        return obs, self._shown() | self._episodes(begun)

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One control step; episodes end by truncation only (crashing must not pay)."""
        turn = self._sites.step(np.asarray(actions))
        costs = _with_masks(_costs(turn.costs), np.ones(self.num_envs, bool))
        info = costs | self._shown() | self._last_of(turn, costs)
        if turn.begun is not None:
            info |= self._episodes(turn.begun)
        self._show()
        return turn.observation, turn.reward, np.zeros(self.num_envs, bool), turn.truncated, info

    def _shown(self) -> dict[str, Any]:
        """What every site shows now."""
        return _with_masks(step_info(self.core), np.ones(self.num_envs, bool))

    def _episodes(self, begun: NDArray[np.bool_]) -> dict[str, Any]:
        """Which episodes were begun where ``begun`` says."""
        return _with_masks(episode_info(self.core), begun)

    def _last_of(self, turn: Turn, costs: dict[str, Any]) -> dict[str, Any]:
        """The sums of the episodes that ended; where others have begun, below all of their last step."""
        if turn.ended is None:
            return {}
        done = turn.truncated
        totals = {"episode_totals": turn.ended.totals, "_episode_totals": done.copy()}
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            return totals
        last = {name: value.copy() for name, value in costs.items()}
        shown = _with_masks(turn.ended.shown, np.ones(self.num_envs, bool))
        observations = np.full(self.num_envs, None, dtype=object)
        for i, observation in zip(turn.ended.where, turn.ended.observation):
            observations[i] = observation
        return {
            "final_info": last | shown | totals,
            "_final_info": done.copy(),
            "final_obs": observations,
            "_final_obs": done.copy(),
        }

    def render(self) -> tuple[str | NDArray[np.uint8], ...] | None:
        """Every site as it stands: a text each in mode ``ansi``, an image ``(720, 1280, 3)`` each in ``rgb_array``."""
        if self.render_mode not in ("ansi", "rgb_array"):
            return None
        return tuple(self._picture(i) for i in range(self.num_envs))

    def close_extras(self, **kwargs: object) -> None:
        """Close the window, if one is open."""
        self._close_window()


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    """The mode itself, or the one that a string names (``SameStep``, ``same_step`` or ``SAME_STEP``)."""
    plain = mode.value if isinstance(mode, AutoresetMode) else str(mode)
    for known in AutoresetMode:
        if known.value.lower() == plain.replace("_", "").lower():
            return known
    raise ValueError(f"autoreset_mode = {mode!r} is unknown; choose one of {[known.name for known in AutoresetMode]}")


def _costs(terms: Mapping[str, NDArray[np.floating]]) -> Info:
    """Every reward term ``(B,)`` by the name that infos give it."""
    return {f"cost_{name}_usd": np.array(value) for name, value in terms.items()}


def _with_masks(values: Mapping[str, NDArray[Any]], present: NDArray[np.bool_]) -> dict[str, Any]:
    """Values with the presence masks that gymnasium's vector infos carry."""
    info: dict[str, Any] = {}
    for name, value in values.items():
        info[name], info[f"_{name}"] = value, present.copy()
    return info
