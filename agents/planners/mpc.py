"""Model-predictive control with what the agent may know: a digital twin carried along, signals that last or that the
forecasting engine expects (``load_ahead``).

The twin runs beside the plant and is corrected by measurements, so a forecast starts with the stages, modes, timers and
temperatures of the moment. Each control step candidate setpoints are held on copies of it over the horizon, side by
side in one batch, and judged by the task's own terms, with the heat that is left at the end priced against the start.
The first move of the best is made. What the twin gets wrong about the warmest inlet of a zone is measured and added to
its forecast. The base rule's setpoints are always among the candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, minimize_each
from agents.planners.load_ahead import LoadAhead, Persistence
from envs.controllers.base import Controller, Measurements, Setpoints
from envs.engine import TapedFunction
from envs.interface.action import next_in_force, travel_ranges
from envs.interface.reward import STORED_HEAT_COP, PricingInputs, terms, total_cost
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.state import stores_of
from envs.trees import tiled_tree
from envs.twin.estimation.twin import ObservedPlant, coarse_scenario, outside_from_measurements

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.plant.flows import Flows
    from envs.plant.state import PlantState
    from envs.signals.step import Outside


@dataclass(frozen=True)
class MpcSettings:
    """How far and how hard the controller looks.

    Parameters
    ----------
    horizon_s : float
        How far candidates are played [s].
    reach : float
        Largest distance of a candidate from the setpoint in force, as a share of a channel's range.
    margin_k : float
        Added to every forecast inlet: what sensors, lumped loads and jobs that start within the horizon leave
        unknown [K].
    budget : Budget
        Of the search at each control step.
    """

    horizon_s: float = 3600.0
    reach: float = 0.25
    margin_k: float = 2.5
    budget: Budget = Budget(population=20, elites=5, iterations=3, spread=0.12, least_spread=0.02)


class Mpc:
    """Sets the thermal channels that the agent holds; power limits and battery stay with the base rule.

    Measured row demand says too little about single jobs to plan caps on: planned ones cost more work than they save.
    What a charge is worth hangs on prices to come, which are not forecast here: planned charging lost money.

    Parameters
    ----------
    core : DataCenterCore
        Gives the nominal plant, the channels and the prices; its state is never read.
    base : Controller
        The rule for the other channels, and the fallback.
    settings : MpcSettings
    seed : int
        Of the search.
    ahead : LoadAhead, optional
        What load and weather will do; that they last where left out.
    """

    def __init__(
        self,
        core: DataCenterCore,
        base: Controller,
        settings: MpcSettings,
        seed: int = 0,
        ahead: LoadAhead | None = None,
    ) -> None:
        self.base, self.settings, self.seed = base, settings, seed
        self.channels, self.agent_channels = core.channels, core.agent_channels
        self.scenario, self.bill, self.step_s = core.scenario, core.bill, core.step_s
        self.plant = Plant(coarse_scenario(core.scenario), core.dtype)
        self.advance = TapedFunction(self.plant.step)
        self.twin = ObservedPlant(self.plant, core.channels)
        self.ahead = ahead or Persistence(self.plant.layout)
        self.dtype = core.dtype
        self.steps = max(1, round(settings.horizon_s / core.step_s))
        self.moves = [c for c in core.agent_channels if c.kind == "cooling"]
        self.rows = sum(c.rows for c in self.moves)
        self.plan: Setpoints | None = None
        self.decisions = 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget the last plan; without a mask also which searches were made, so that a run can be repeated."""
        self.base.reset(n, mask)
        self.twin.reset(mask)
        self.ahead.reset(mask)
        if mask is None or self.plan is None:
            self.plan, self.decisions = None, 0
        else:
            self.plan = {name: np.where(mask, np.nan, value).astype(self.dtype) for name, value in self.plan.items()}

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the base rule, the agent's thermal channels planned."""
        rule = self.base.act(measurements)
        if not self.moves:
            return rule
        self.twin.update(measurements)
        self.ahead.update(measurements)
        box = SetpointBox(self, measurements)
        sites = measurements["dry_bulb_c"].shape[-1]
        forecast = CandidateCosts(self, measurements, self.settings.budget.population)

        def cost(candidates: NDArray[np.float64]) -> NDArray[np.float64]:
            copies = len(candidates)
            wanted = {**{k: np.tile(v, copies) for k, v in rule.items()}, **box.setpoints(candidates)}
            return forecast.cost(wanted).reshape(copies, sites).astype(np.float64)

        from_rule = box.points(rule)
        start = from_rule if self.plan is None else box.points(self.plan, from_rule)
        self.decisions += 1
        found = minimize_each(cost, start, self.settings.budget, self.seed + self.decisions, also=from_rule)
        self.plan = box.setpoints(found.best[None])
        return {**rule, **self.plan}

    def step_cost(
        self, flows: Flows, rack_bias_k: Floats, outside: Outside, before: Setpoints, in_force: Setpoints
    ) -> Floats:
        """Cost of a forecast step ``(B,)`` [USD] by the task's terms, but for the demand charge.

        Parameters
        ----------
        flows : Flows
            Of the twin.
        rack_bias_k : ndarray (R, B)
            Inlets are so much warmer than the twin has them [K].
        outside : Outside
            Its prices count.
        before, in_force : dict
            Setpoints of the step before and of this one ``{channel: (k, B)}``.
        """
        zero = flows.grid_power_kw * 0.0
        warm = flows._replace(rack_inlet_max_c=flows.rack_inlet_max_c + rack_bias_k)
        judged = PricingInputs(
            price_usd_mwh=outside.price_usd_mwh,
            carbon_g_kwh=outside.carbon_g_kwh,
            demand_cost_usd=zero,
            demand_response_short_kwh=zero,
            travel_ranges=travel_ranges(self.agent_channels, in_force, before),
            inlet_ramp_k_h=zero,
        )
        found = terms(self.scenario.reward, warm, judged, self.step_s / 3600.0)
        return total_cost(found, self.scenario.reward_weights)


class SetpointBox:
    """The candidates' unit box: setpoints within reach of those in force."""

    def __init__(self, mpc: Mpc, measured: Measurements) -> None:
        self.moves, self.dtype, reach = mpc.moves, mpc.dtype, mpc.settings.reach
        now = [measured[f"in_force.{c.name}"].astype(np.float64) for c in self.moves]
        span = [reach * (c.high - c.low) for c in self.moves]
        self.low = np.concatenate([np.clip(v - d, c.low, c.high) for v, d, c in zip(now, span, self.moves)])
        self.high = np.concatenate([np.clip(v + d, c.low, c.high) for v, d, c in zip(now, span, self.moves)])

    def points(self, setpoints: Setpoints, instead: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Points ``(E, n)`` of setpoints, the nearest in the box; ``instead`` where there are none (nan)."""
        rows = np.concatenate([setpoints[c.name] for c in self.moves])
        found = np.clip((rows - self.low) / np.maximum(self.high - self.low, 1e-9), 0.0, 1.0).T
        return found if instead is None else np.where(np.isnan(found), instead, found)

    def setpoints(self, points: NDArray[np.float64]) -> Setpoints:
        """Setpoints ``{channel: (k, P E)}`` of points ``(P, E, n)``."""
        rows = self.low + points.transpose(0, 2, 1) * (self.high - self.low)
        flat = rows.transpose(1, 0, 2).reshape(rows.shape[1], -1).astype(self.dtype)
        ends = np.cumsum([0, *(c.rows for c in self.moves)])
        return {c.name: flat[a:b] for c, a, b in zip(self.moves, ends[:-1], ends[1:])}


class CandidateCosts:
    """What the twin expects from one control step's measurements, for ``P`` copies of every site."""

    def __init__(self, mpc: Mpc, measured: Measurements, copies: int) -> None:
        self.mpc, twin = mpc, mpc.twin
        layout = mpc.plant.layout
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in mpc.channels}
        bias = layout.membership.T @ twin.inlet_bias_k.astype(mpc.dtype) + mpc.settings.margin_k
        peak_kw = measured["billing_peak_share"][0] * layout.rated_it_kw
        start = (twin.state, twin.outside, twin.lost, in_force, bias, peak_kw)
        self.state, self.outside, self.lost, self.in_force, self.rack_bias, self.peak_kw = tiled_tree(start, copies)
        ahead = mpc.ahead.expectation(measured, mpc.steps)
        self.loads = [tiled_tree(twin.load_of(demand_kw), copies) for demand_kw in ahead.row_kw]
        met = (outside_from_measurements(ahead.measurements_at(measured, step)) for step in range(len(self.loads)))
        self.weather = [tiled_tree(outside, copies) for outside in met]

    def cost(self, wanted: Setpoints) -> Floats:
        """Cost over the horizon ``(P E,)`` [USD] of holding ``wanted``."""
        m = self.mpc
        state, in_force, highest = self.state, self.in_force, self.peak_kw * 0.0
        cost = self.peak_kw * 0.0
        for step in range(m.steps):
            before = in_force
            in_force = next_in_force(m.channels, wanted, before, m.step_s)
            clock, now = np.full(len(self.peak_kw), step, np.int64), min(step, len(self.loads) - 1)
            state, flows = m.advance(state, in_force, self.weather[now], self.loads[now], self.lost, clock)
            cost = cost + m.step_cost(flows, self.rack_bias, self.outside, before, in_force)
            highest = np.maximum(highest, flows.grid_power_kw)
        usd: Floats = cost + np.maximum(highest - self.peak_kw, 0.0) * m.bill.rate + self._stored_heat_cost(state)
        return usd

    def _stored_heat_cost(self, state: PlantState) -> Floats:
        """Price of the heat left in the masses, against the start ``(P E,)`` [USD]."""
        _, heat_kwh = self.mpc.plant.stored_energy(state, stores_of(self.state))
        price: Floats = heat_kwh * (self.outside.price_usd_mwh * (1e-3 / STORED_HEAT_COP))
        return price
