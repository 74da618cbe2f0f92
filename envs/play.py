"""The one loop of an episode: a controller reads a core, acts, and the core makes a control step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Controller, Measurements, Setpoints
from envs.core import DataCenterCore
from envs.episodes.world import Outside


class Step(NamedTuple):
    """A control step that was just made; the core's ``flows``, ``state`` and ``in_force`` are those at its end.

    Attributes
    ----------
    measured : mapping
        What the controller read before the step ``{point: (k, B)}``.
    outside : Outside
        Weather, prices and clock during the step.
    wanted : dict
        What the controller asked for ``{channel: (k, B)}``.
    observation : ndarray (B, n)
        Encoded for an agent, after the step.
    reward : ndarray (B,)
    truncated : ndarray of bool (B,)
        Where the episode has reached its end.
    cost_usd : dict
        Terms of the reward ``{name: (B,)}`` [USD].
    """

    measured: Measurements
    outside: Outside
    wanted: Setpoints
    observation: NDArray[np.float32]
    reward: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    cost_usd: dict[str, NDArray[np.floating]]


def play(core: DataCenterCore, controller: Controller, steps: int) -> Iterator[Step]:
    """Make ``steps`` control steps and yield each after it was made.

    Parameters
    ----------
    core : DataCenterCore
        After ``reset``.
    controller : Controller
        Also after its ``reset``: a controller that goes on keeps what it remembers.
    steps : int
        Control steps; the core is not reset where an episode ends within them.
    """
    for _ in range(steps):
        measured, outside = core.measurements(), core.outside
        wanted = controller.act(measured)
        yield Step(measured, outside, wanted, *core.step_setpoints(wanted))


def play_through(core: DataCenterCore, controller: Controller, steps: int) -> None:
    """Make ``steps`` control steps of `play` for what they leave in the core."""
    for _ in play(core, controller, steps):
        pass
