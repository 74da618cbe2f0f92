"""Model-predictive control by the plant's gradient: twin, forecast and terms are those of the searching MPC.

A plan has a setpoint of each channel for every quarter of an hour of the horizon. It is carried on from one control
step to the next and moved by a few steps of Adam in each; the slopes come through the twin's own steps
(`envs.engine.gradient`). Adam's memory is carried on too: a slope that changes its sign with every reading of a sensor
moves nothing. Where the base rule's setpoints, held, are cheaper on the twin, the plan begins anew from them: what only
a switch does is judged, although no slope sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.planners.adam import Adam
from agents.planners.mpc import Mpc, MpcSettings
from agents.planners.window_costs import WindowCosts
from envs.controllers.base import Controller, Measurements, Setpoints
from envs.interface.channels import SLEW_INTERVAL_S

if TYPE_CHECKING:
    from agents.planners.load_ahead import LoadAhead
    from envs.core import DataCenterCore

Array = NDArray[np.floating]


@dataclass(frozen=True)
class GradientMpcSettings:
    """How far and how hard the controller looks.

    Parameters
    ----------
    horizon_s, margin_k : float
        As those of `MpcSettings`.
    block_s : float
        How long a setpoint of a plan is held [s].
    iterations : int
        Steps of Adam at each control step.
    rate : float
        Length of such a step, as a share of a channel's range.
    beta1, beta2 : float
        How slowly Adam's mean of the slopes, and that of their squares, follow.
    """

    horizon_s: float = 3600.0
    margin_k: float = 2.5
    block_s: float = 900.0
    iterations: int = 10
    rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.99


class GradientMpc:
    """Sets the thermal channels that the agent holds; power limits and battery stay with the base rule.

    Parameters
    ----------
    core : DataCenterCore
        Gives the nominal plant, the channels and the prices; its state is never read.
    base : Controller
        The rule for the other channels, and what the plan is held against.
    settings : GradientMpcSettings
    ahead : LoadAhead, optional
        What load and weather will do; that they last where left out.
    """

    def __init__(
        self,
        core: DataCenterCore,
        base: Controller,
        settings: GradientMpcSettings = GradientMpcSettings(),  # noqa: B008
        ahead: LoadAhead | None = None,
    ) -> None:
        self.base, self.settings = base, settings
        self.foresight = Mpc(core, base, MpcSettings(settings.horizon_s, margin_k=settings.margin_k), ahead=ahead)
        self.costs = WindowCosts(self.foresight)
        self.moves = self.foresight.moves
        held = max(1, round(settings.block_s / core.step_s))
        self.block_of = np.arange(self.foresight.steps) // held
        self.box = PlanBox(self, held * core.step_s)
        self.plan: Array | None = None

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget the last plan."""
        self.foresight.reset(n, mask)
        if mask is None or self.plan is None or self.plan.shape[-1] != n:
            self.plan = None
        else:
            self.plan = np.where(mask, np.nan, self.plan).astype(self.plan.dtype)

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the base rule, the agent's thermal channels planned."""
        rule = self.base.act(measurements)
        if not self.moves:
            return rule
        self.foresight.twin.update(measurements)
        self.foresight.ahead.update(measurements)
        self.plan = self._improved(self._begun(rule, measurements), rule, measurements)
        return {**rule, **self.box.setpoints(self.plan[0])}

    def _begun(self, rule: Setpoints, measured: Measurements) -> Array:
        """The last plan, or the rule's setpoints held where these are cheaper ``(blocks, rows, E)``."""
        shares = self.box.shares(rule)
        held = np.broadcast_to(shares, (self.block_of[-1] + 1, *shares.shape))
        if self.plan is None:
            self.adam = Adam(held.shape, self.settings.beta1, self.settings.beta2)
            return held
        known = np.where(np.isnan(self.plan), held, self.plan)
        self.costs.begin(measured, 2)
        costs = self._cost(np.concatenate([known, held], axis=-1), {name: np.tile(v, 2) for name, v in rule.items()})
        last, other = np.split(costs, 2)
        anew = (other < last) | np.isnan(self.plan).any(axis=(0, 1))
        self.adam.forget(anew)
        return np.where(anew, held, known)

    def _improved(self, plan: Array, rule: Setpoints, measured: Measurements) -> Array:
        """Some steps of Adam, whose memory of slopes goes on from one control step to the next."""
        now = self.box.shares({c.name: measured[f"in_force.{c.name}"] for c in self.moves})
        self.costs.begin(measured, 1)
        for _ in range(self.settings.iterations):
            self._cost(plan, rule)
            plan = self.box.reachable(plan - self.settings.rate * self.adam.direction(self._slopes()), now)
        return plan

    def _cost(self, plans: Array, rule: Setpoints) -> Array:
        wanted = [{**rule, **self.box.setpoints(block)} for block in plans]
        return self.costs.cost([wanted[b] for b in self.block_of])

    def _slopes(self) -> Array:
        """Slopes of the cost by a plan ``(blocks, rows, E)`` [USD per range]; 0 where there is none."""
        steps = [self.box.slopes(wanted) for wanted in self.costs.slopes()]
        blocks = np.stack(
            [sum(s for s, b in zip(steps, self.block_of) if b == k) for k in range(self.block_of[-1] + 1)]
        )
        return np.where(np.isfinite(blocks), blocks, 0.0)


class PlanBox:
    """Setpoints as shares of their channels' ranges, row by row."""

    def __init__(self, mpc: GradientMpc, block_s: float) -> None:
        self.moves, self.dtype = mpc.moves, mpc.foresight.dtype
        moves, scale = self.moves, block_s / SLEW_INTERVAL_S
        rows = [c for c in moves for _ in range(c.rows)]
        self.low = np.array([c.low for c in rows])[:, None]
        self.span = np.array([c.high - c.low for c in rows])[:, None]
        self.up, self.down = (
            np.minimum(np.array(slew)[:, None] * scale / self.span, 1.0)
            for slew in ([c.slew_up for c in rows], [c.slew_down for c in rows])
        )
        self.ends = np.cumsum([0, *(c.rows for c in moves)])

    def shares(self, setpoints: Setpoints) -> Array:
        """Shares ``(rows, B)`` of setpoints, cut to the range."""
        rows = np.concatenate([setpoints[c.name] for c in self.moves])
        found: Array = np.clip((rows - self.low) / self.span, 0.0, 1.0)
        return found

    def setpoints(self, shares: Array) -> Setpoints:
        """Setpoints ``{channel: (k, B)}`` of shares ``(rows, B)``."""
        rows = (self.low + shares * self.span).astype(self.dtype)
        return {c.name: rows[a:b] for c, a, b in zip(self.moves, self.ends[:-1], self.ends[1:])}

    def slopes(self, by_setpoint: Setpoints) -> Array:
        """Slopes by the shares ``(rows, B)``."""
        found: Array = np.concatenate([by_setpoint[c.name] for c in self.moves]) * self.span
        return found

    def reachable(self, plans: Array, now: Array) -> Array:
        """Plans ``(blocks, rows, B)`` cut to what the slew reaches block by block: beyond it there is no slope."""
        cut = []
        for block in plans:
            now = np.clip(np.clip(block, now - self.down, now + self.up), 0.0, 1.0)
            cut.append(now)
        return np.stack(cut)
