"""What both adapters of gymnasium have of a core: names, the length of an episode in the spec, pictures."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.step_info import site_text

if TYPE_CHECKING:
    from envs.picture.window import PlanWindow

RENDER_MODES = ["human", "rgb_array", "ansi"]
RENDER_FPS = 12  # an hour of 5 min steps a second


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
        ``human``, ``rgb_array``, ``ansi`` or None.
    shown_site : int
        Which of the batch mode ``human`` shows.
    action_names, observation_names : tuple of str
        What each element of one site's action and observation is.
    max_episode_steps : int
        Control steps until an episode is truncated; ``spec.max_episode_steps`` says the same.
    """

    core: DataCenterCore
    render_mode: str | None
    shown_site: int

    def _adapt(self, core: DataCenterCore, render_mode: str | None, shown_site: int = 0) -> None:
        """Take a core on."""
        if not 0 <= shown_site < core.num_envs:
            raise ValueError(f"shown_site = {shown_site} is outside 0..{core.num_envs - 1}; give one of the batch")
        self.core, self.render_mode, self.shown_site = core, render_mode, shown_site
        self._window: PlanWindow | None = None
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
        """In mode ``human``, a window where there is a display, else text."""
        if self.render_mode != "human":
            return
        from envs.picture.hall_view import view_of
        from envs.picture.window import PlanWindow, can_open_window

        if self._window is None and can_open_window():
            self._window = PlanWindow()
        if self._window is not None:
            self._window.show(view_of(self.core, self.shown_site))
        else:
            sys.stdout.write(self._text(self.shown_site, sys.stdout.isatty()) + "\n")

    def _picture(self, site: int) -> str | NDArray[np.uint8]:
        """One site as the mode shows it: text, or an image ``(720, 1280, 3)``."""
        if self.core.state is None:
            raise ValueError("render before reset; call reset first")
        if self.render_mode == "ansi":
            return self._text(site)
        from envs.picture.hall_view import view_of
        from envs.picture.plan_figure import plan_image

        return plan_image(view_of(self.core, site))

    def _text(self, site: int, colour: bool = False) -> str:
        from envs.picture.hall_view import view_of
        from envs.picture.plan_text import plan_text

        return f"{site_text(self.core, site)}\n{plan_text(view_of(self.core, site), colour)}"

    def _close_window(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None
