"""One site whose agent says on which rack the next job begins: a choice among racks, with those left out that cannot.

For learners of masked discrete actions, such as MaskablePPO of sb3-contrib. The building's rules run all else.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.core_options import CoreOptions
from envs.gymnasium_adapter import checked_render_mode
from envs.interface.channels import channels_of_kind
from envs.one_site import OneSite
from envs.scenario import Scenario
from envs.scheduling.preferred_rack import open_racks
from envs.scheduling.scheduler import queued
from envs.spaces import box
from envs.step_info import step_info


class HallPlacementEnv(OneSite):
    """Single environment with one action a control step: a rack, or the scheduler's own rule.

    Jobs that start in the step are placed on that rack first, whole or in part; the order of the queue, backfill and
    all other racks are the scheduler's. `action_masks` says which racks may be chosen.

    Parameters
    ----------
    scenario : str or Scenario
        With jobs.
    overrides, render_mode, **core_options
        As those of ``DataCenterEnv``.

    Attributes
    ----------
    racks : tuple of int
        The rack of each action but the last, which is the scheduler's rule.
    observation_names : tuple of str
        Those of the core, then the free share of each of these racks, then the size of the next job over the largest.

    Raises
    ------
    ValueError
        Where the scenario has no jobs.
    """

    def __init__(
        self,
        scenario: str | Scenario = "ai_factory",
        overrides: tuple[str, ...] = (),
        render_mode: str | None = None,
        **core_options: Unpack[CoreOptions],
    ) -> None:
        mode = checked_render_mode(render_mode)
        core = DataCenterCore(scenario, 1, overrides, channels_of_kind("jobs"), **core_options)
        self._adapt(core, mode)
        assert core.jobs is not None  # an agent of jobs alone has no channel elsewhere, and the core refuses it
        self.jobs = core.jobs
        self.racks = tuple(np.flatnonzero(self.jobs.racks > 0).tolist())
        free = tuple(f"rack_free_share[{r}]" for r in self.racks)
        self.observation_names = (*core.observation_names, *free, "next_job_share")
        self.action_names = (*(f"rack {r}" for r in self.racks), "as the scheduler places")
        self.observation_space = box(len(self.observation_names))
        self.action_space = Discrete(len(self.racks) + 1)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions may be chosen ``(R + 1,)``: racks with power and free accelerators while a job waits.

        Raises
        ------
        ValueError
            Before the first reset.
        """
        state = self.core.state
        if state is None or state.alive is None:
            raise ValueError("action_masks before reset; call reset first")
        return np.append(open_racks(self.jobs.jobs.table, state.alive >= 1.0)[list(self.racks), 0], True)

    def step(self, action: int | np.integer) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One control step of the scenario's interval.

        Raises
        ------
        ValueError
            For an action that may not be chosen now; then nothing has changed.
        """
        masks = self.action_masks()
        if not 0 <= action < len(masks) or not masks[action]:
            legal = ", ".join(map(str, np.flatnonzero(masks)))
            raise ValueError(f"action {action} may not be chosen now; give one of {legal} (`action_masks`)")
        if action < len(self.racks):
            self.jobs.prefer(np.array([self.racks[action]]))
        observation, reward, truncated, _ = self.core.step_setpoints({})
        info: dict[str, Any] = {name: value[0].item() for name, value in step_info(self.core).items()}
        if truncated[0]:
            info["episode_totals"] = self._totals()
        self._show()
        return self._observed(observation[0]), float(reward[0]), False, bool(truncated[0]), info

    def _observed(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the core shows, and what is free where, and who comes next."""
        table, racks = self.jobs.jobs.table, list(self.racks)
        queue = queued(table, self.jobs.held_order, self.jobs.laws.habits.by_deadline)
        size = queue.need[0] / table.racks.max() if queue.need.size else 0.0
        shares = np.append(table.free[racks, 0] / table.racks[racks], min(size, 1.0))
        return np.concatenate([observation, (2.0 * shares - 1.0).astype(np.float32)])
