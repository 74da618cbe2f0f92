"""Trials that hand back slopes: what every setpoint of every step did to the cost of a whole episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.planners.trial import Trial, trial
from envs.controllers.base import Setpoints
from envs.engine.gradient import Adjoint, Pullback
from envs.physics.namespace import Floats

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.episodes.core_step import CoreState, Done, Given
    from envs.episodes.episode import EpisodePlan


class TrialSlopes:
    """Plays controllers on a core by a form of its step that keeps the way back.

    Parameters
    ----------
    core : DataCenterCore
        Its steps from these channels are played by this from now on; they do the same but for rounding.
    channels : sequence of str
        All that the controllers write.
    inlet_usd_k2_h : float
        Rack inlets above the recommended limit cost so much in the slopes, per K2 and hour, beside the reward [USD].
    """

    def __init__(self, core: DataCenterCore, channels: Sequence[str], inlet_usd_k2_h: float) -> None:
        self.core, self.inlet_usd_k2_h = core, inlet_usd_k2_h
        self._ways: list[tuple[Pullback, Done]] = []
        self._adjoint: Adjoint | None = None
        core.step_by(self._step, channels)

    def played(self, controller: Controller, plan: EpisodePlan, seed: int) -> Trial:
        """The trial of a controller over whole episodes; its way back is kept until the next one."""
        self._ways = []
        return trial(self.core, controller, plan, seed)

    def slopes(self) -> list[Setpoints]:
        """Slopes of each site's cost by the setpoints of every step ``{channel: (k, B)}`` [USD per unit]."""
        reward = self.core.scenario.reward
        step_h = self.core.step_s / 3600.0
        found: list[Setpoints] = []
        state: Any = None
        for back, done in reversed(self._ways):
            inlet_c = done.flows.rack_inlet_c
            above_k = np.maximum(inlet_c - np.float32(reward.inlet_limit_c), 0.0)
            inlet = (2.0 * self.inlet_usd_k2_h * step_h * above_k).astype(inlet_c.dtype)
            cost = np.full(inlet.shape[-1], -reward.scale_usd, np.float32)
            judged = _none_of(done)._replace(reward=cost, flows=_none_of(done.flows)._replace(rack_inlet_c=inlet))
            state, by_target = back((state, judged))
            found.append(by_target)
        return found[::-1]

    def _step(self, state: CoreState, given: Given) -> tuple[CoreState, Done]:
        arguments = (state, dict(given.targets), given._replace(targets={}))
        if self._adjoint is None:
            self._adjoint = Adjoint(self._targeted, arguments, wrt=(0, 1))
        (after, done), back = self._adjoint(*arguments)
        self._ways.append((back, done))
        return after, done

    def _targeted(self, state: CoreState, targets: Mapping[str, Floats], given: Given) -> tuple[CoreState, Done]:
        return self.core.core_step(state, given._replace(targets=targets))


def _none_of(cotangents: Any) -> Any:
    """A named tuple of the same kind that holds nothing: no cotangent for any field."""
    return cotangents._replace(**dict.fromkeys(cotangents._fields))
