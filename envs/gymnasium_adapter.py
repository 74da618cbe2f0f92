"""What both adapters of gymnasium have of a core: names, the length of an episode in the spec, text at every step."""

from __future__ import annotations

import sys
from dataclasses import replace

from gymnasium.envs.registration import EnvSpec

from envs.core import DataCenterCore
from envs.step_info import site_text

RENDER_MODES = ["ansi", "human"]


def checked_render_mode(mode: str | None) -> str | None:
    """The mode, where it is one of ``RENDER_MODES`` or None."""
    if mode is not None and mode not in RENDER_MODES:
        raise ValueError(f"render_mode = {mode!r} is unknown; choose one of {RENDER_MODES}, or None")
    return mode


class GymnasiumAdapter:
    """The part of an environment that does not depend on how many sites it has.

    Attributes
    ----------
    core : DataCenterCore
    render_mode : str, optional
        ``ansi``, ``human`` or None.
    action_names, observation_names : tuple of str
        What each element of one site's action and observation is.
    max_episode_steps : int
        Control steps until an episode is truncated; ``spec.max_episode_steps`` says the same.
    """

    core: DataCenterCore
    render_mode: str | None

    def _adapt(self, core: DataCenterCore, render_mode: str | None) -> None:
        """Take a core on."""
        self.core, self.render_mode = core, render_mode
        self.action_names, self.observation_names = core.action_names, core.observation_names
        self.max_episode_steps = core.max_episode_steps
        self._spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What ``gymnasium.make`` made, with the length of this scenario's episodes."""
        return self._spec

    @spec.setter
    def spec(self, made: EnvSpec | None) -> None:
        self._spec = None if made is None else replace(made, max_episode_steps=self.max_episode_steps)

    def _show(self) -> None:
        if self.render_mode == "human":
            sys.stdout.write(site_text(self.core) + "\n")
