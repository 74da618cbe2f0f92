"""Model-predictive control on a learnt linear model, after Lazic et al.

"Data center cooling using model-predictive control", NeurIPS 2018: a linear model is learnt from some days of steps
around the rules; each control step a quadratic cost is minimised over the horizon, that of inlets off their target and
of setpoints away from where they cost least; the first move is made. Here the setpoints are held over the horizon, and
where each costs least is read off the learnt cooling power, not written by hand. No setpoint leaves what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.planners.linear_model import INLET, LinearModel, controls_of, disturbances_of
from envs.controllers.base import Controller, Measurements, Setpoints

if TYPE_CHECKING:
    from envs.core import DataCenterCore

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearMpcSettings:
    """What is weighed against what: of twelve pairs of weights the cheapest on 12 days of validation in ``edge_room``.

    Parameters
    ----------
    horizon_s : float
        How far the model looks [s].
    below_limit_k : float
        Target of the warmest inlet under the limit of 27 degC [K].
    effort : float
        Weight of all setpoints at the dear end of their ranges, against one inlet 1 K off its target.
    iterations : int
        Steps of the projected gradient.
    """

    horizon_s: float = 3600.0
    below_limit_k: float = 1.0
    effort: float = 4.0
    iterations: int = 80


LIMIT_C = 27.0  # ASHRAE TC9.9 recommended, PHYSICS c


class LinearMpc:
    """Sets the thermal channels that the agent holds; power limits and battery stay with the base rule.

    Parameters
    ----------
    core : DataCenterCore
        Gives the channels; its state is never read.
    base : Controller
        The rule for the other channels.
    model : LinearModel
    settings : LinearMpcSettings
    """

    def __init__(
        self,
        core: DataCenterCore,
        base: Controller,
        model: LinearModel,
        settings: LinearMpcSettings = LinearMpcSettings(),  # noqa: B008
    ) -> None:
        self.base, self.model, self.settings = base, model, settings
        self.moves = [c for c in core.agent_channels if c.kind == "cooling"]
        self.dtype = core.dtype
        self.steps = max(1, round(settings.horizon_s / core.step_s))
        self.cheap = (model.power < 0.0).astype(np.float64)[:, None]
        share = np.abs(model.power) / max(float(np.abs(model.power).sum()), 1e-9)
        self.weights = settings.effort * share[:, None]

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget but what the rule remembers."""
        self.base.reset(n, mask)

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the base rule, the agent's thermal channels planned."""
        rule = self.base.act(measurements)
        if not self.moves:
            return rule
        inlet = np.asarray(measurements[INLET], np.float64)
        found = self.held_setpoints(inlet, controls_of(measurements, self.moves), disturbances_of(measurements))
        rows = np.cumsum([0, *(c.rows for c in self.moves)])
        planned = {
            c.name: (c.low + found[a:b] * (c.high - c.low)).astype(self.dtype)
            for c, a, b in zip(self.moves, rows[:-1], rows[1:])
        }
        return {**rule, **planned}

    def held_setpoints(self, inlet_c: Array, start: Array, disturbances: Array) -> Array:
        """Best setpoints ``(U, B)``, as shares of their ranges, to hold over the horizon.

        Parameters
        ----------
        inlet_c, start, disturbances : ndarray (Z, B), (U, B), (D, B)
            Measured; the disturbances are taken to last.
        """
        m, s = self.model, self.settings
        given = m.disturbances @ disturbances + m.offset[:, None]
        free, gain = inlet_c, np.zeros_like(m.controls)
        hessian, slope = np.diag(self.weights[:, 0]), -self.weights * self.cheap
        for _ in range(self.steps):
            free, gain = m.state @ free + given, m.state @ gain + m.controls
            off = free - (LIMIT_C - s.below_limit_k)
            hessian = hessian + gain.T @ gain / self.steps
            slope = slope + gain.T @ off / self.steps
        rate = 1.0 / max(float(np.linalg.eigvalsh(hessian)[-1]), 1e-9)
        found = start
        for _ in range(s.iterations):
            found = np.clip(found - rate * (hessian @ found + slope), m.low, m.high)
        return found
