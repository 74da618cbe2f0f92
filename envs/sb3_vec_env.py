"""B sites as stable-baselines3's VecEnv, without the copies that its own wrappers make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from envs.autoreset import Autoreset, Ended
from envs.core import DataCenterCore
from envs.core_options import CoreOptions
from envs.interface.charges import Charges
from envs.scenario import Scenario
from envs.spaces import box
from envs.step_info import Info, step_info

OWN = ("render_mode", "observation_space", "action_space")
#: Observations ``(B, n)`` and rewards ``(B,)`` that the next step is written to.
Rows = tuple[NDArray[np.float32], NDArray[np.float32]]


class DataCenterSB3VecEnv(VecEnv):
    """Native VecEnv over the core.

    stable-baselines3 keeps the last observation and dones by reference and adds to rewards in place, so this adapter
    alone hands out two sets of buffers in turn, its own reward array, and one shared list of empty infos that is copied
    only where an episode ends. Episode sums go straight into ``info["episode"]``: no VecMonitor is needed.

    Parameters
    ----------
    scenario, num_envs, overrides, agent_channels, **core_options
        As those of `DataCenterCore`.
    stagger : bool
        Let first episodes be of different lengths, so that later ones do not begin at one time.
    limit_share : float
        Above 0: hold what is learnt to the table of constraints by `Charges`, at this share of its allowances. What
        they cost is taken from the reward; it is no part of the episode's sums.

    Attributes
    ----------
    charges : Charges or None
        Prices of the constraints.
    rows : callable or None
        Gives each step the arrays that it is written to, such as rows of a rollout buffer; what it gives must outlive
        the next step. None: arrays of the adapter's own.
    last_terms : dict of ndarray (B,)
        Cost terms [USD] of the last step.
    action_names, observation_names : tuple of str
        What each element is.
    max_episode_steps : int
        Control steps until an episode is truncated.
    """

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        num_envs: int = 1,
        overrides: tuple[str, ...] = (),
        agent_channels: tuple[str, ...] | None = None,
        *,
        stagger: bool = False,
        limit_share: float = 0.0,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        self.core = DataCenterCore(scenario, num_envs, overrides, agent_channels, **core_options)
        self.render_mode = None
        super().__init__(num_envs, box(self.core.observation_size), box(self.core.action_size))
        shape = (num_envs, self.core.observation_size)
        self._buffers = (np.empty(shape, np.float32), np.empty(shape, np.float32))
        self.action_names, self.observation_names = self.core.action_names, self.core.observation_names
        self.max_episode_steps = self.core.max_episode_steps
        self.rows: Callable[[], Rows | None] | None = None
        self._turn = 0
        self._empty: list[dict[str, Any]] = [{} for _ in range(num_envs)]
        self._actions: NDArray[np.floating] = np.zeros((num_envs, self.core.action_size), np.float32)
        self.last_terms: dict[str, NDArray[np.floating]] = {}
        self.charges: Charges | None = None
        if limit_share:
            rate_usd = self.core.scenario.reward.scale_usd
            self.charges = Charges(self.core.agent_channels, self.core.step_s, rate_usd, limit_share)
        self._sites = Autoreset(self.core, stagger=stagger, charges=self.charges)

    def reset(self) -> NDArray[np.float32]:
        """Start new episodes everywhere, with the seed given by ``seed`` if there is one."""
        seed = self._seeds[0] if self._seeds and self._seeds[0] is not None else None
        observation, _ = self._sites.reset(seed=seed)
        self._reset_seeds()
        self._reset_options()
        self._turn = 1 - self._turn
        np.copyto(self._buffers[self._turn], observation)
        return self._buffers[self._turn]

    def step_async(self, actions: NDArray[np.floating]) -> None:
        """Keep the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """One control step; finished episodes start anew in the same step."""
        own = self._buffers[1 - self._turn]
        given = None if self.rows is None else self.rows()
        observation, reward = given or (own, np.empty(self.num_envs, np.float32))
        turn = self._sites.step(self._actions, observation)
        np.copyto(reward, turn.reward)
        if given is None:
            self._turn = 1 - self._turn
        self.last_terms = turn.costs
        return observation, reward, turn.truncated, self._empty if turn.ended is None else self._infos(turn.ended)

    def _infos(self, ended: Ended) -> list[dict[str, Any]]:
        """Infos that tell the last observation and the sums of the episodes that ended."""
        infos, totals = list(self._empty), {name: v[ended.where].tolist() for name, v in ended.totals.items()}
        for i, observation, *sums in zip(ended.where, ended.observation, *totals.values()):
            episode = dict(zip(totals, map(float, sums)))
            infos[i] = {"terminal_observation": observation, "TimeLimit.truncated": True, "episode": episode}
        return infos

    @property
    def last_info(self) -> Info:
        """Power [kW], temperatures [degC] and PUE of the sites now, each ``(B,)``; infos stay empty for speed."""
        return step_info(self.core)

    def save_state(self) -> dict[str, Any]:
        """The core's state and the buffers, as plain data."""
        buffers = [b.copy() for b in self._buffers]
        saved = {
            "core": self.core.save_state(),
            "buffers": buffers,
            "turn": self._turn,
            "ends": self._sites.ends.copy(),
        }
        return saved if self.charges is None else {**saved, "charges": self.charges.save_state()}

    def load_state(self, saved: Mapping[str, Any]) -> None:
        """Go on from ``save_state``: no reset is due, and seeds that wait for one are forgotten."""
        self.core.load_state(saved["core"])
        for buffer, values in zip(self._buffers, saved["buffers"], strict=True):
            np.copyto(buffer, values)
        self._turn, self._sites.ends = saved["turn"], saved["ends"].copy()
        if self.charges is not None and "charges" in saved:
            self.charges.load_state(saved["charges"])
        self._reset_seeds()

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of the one core, once per index; spaces and the render mode are the adapter's."""
        value = getattr(self if attr_name in OWN else self.core, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: object, indices: VecEnvIndices = None) -> None:
        """Set an attribute on the core (shared by all environments)."""
        setattr(self.core, attr_name, value)

    def env_method(self, method_name: str, *args: object, indices: VecEnvIndices = None, **kwargs: object) -> list[Any]:
        """Call a method of the core once."""
        value = getattr(self.core, method_name)(*args, **kwargs)
        return [value for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """Never wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[Any] | None]:
        """No pictures."""
        return [None for _ in range(self.num_envs)]

    def _get_indices(self, indices: VecEnvIndices) -> Iterable[int]:
        if indices is None:
            return range(self.num_envs)
        return [indices] if isinstance(indices, int) else indices
