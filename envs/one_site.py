"""What environments of one site share as gymnasium's Env: how an episode begins, what infos tell, pictures."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.gymnasium_adapter import RENDER_FPS, RENDER_MODES, GymnasiumAdapter
from envs.step_info import episode_info, step_info


class OneSite(GymnasiumAdapter, gym.Env):
    """A core with one site; who derives from it says how it steps, and may observe more in `_observed`."""

    metadata = {"render_modes": RENDER_MODES, "render_fps": RENDER_FPS}

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
        observation = self.core.reset(seed=seed)[0]
        self._show()
        told = step_info(self.core) | episode_info(self.core)
        return self._observed(observation), {name: value[0].item() for name, value in told.items()}

    def render(self) -> str | NDArray[np.uint8] | None:
        """The site as it stands: text in mode ``ansi``, an image ``(720, 1280, 3)`` in ``rgb_array``.

        Mode ``human`` shows every step by itself: in a window, or as text where there is no display.
        """
        return self._picture(0) if self.render_mode in ("ansi", "rgb_array") else None

    def close(self) -> None:
        """Close the window, if one is open."""
        self._close_window()

    def _observed(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the agent sees, of the core's observation ``(n,)``."""
        return observation

    def _totals(self) -> dict[str, float]:
        """Sums of the episode."""
        return {name: float(value[0]) for name, value in self.core.episode_statistics().items()}
