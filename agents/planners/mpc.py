"""Model-predictive control with what the agent may know: a nominal plant started from measurements, signals that last.

Each control step the nominal plant is settled under the measured weather, the measured demand of the power rows and the
setpoints in force; candidate setpoints (a base rule's, moved) are played on it over the horizon, side by side in one
batch, and judged by the task's own terms. The first move of the best is made. What the model gets wrong about the
warmest inlet of a zone is measured and added to its forecast. It never sees the true state, the load by rack or the
future.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, minimize_each
from envs.controllers.base import Array, Controller, Measurements, Setpoints
from envs.datacenter import Plant
from envs.equipment import rack
from envs.faults import availability, fault_plan
from envs.interface.action import slew_limited
from envs.interface.reward import Judged, terms, total
from envs.physics.psychrometrics import pressure_kpa, saturation_humidity_ratio
from envs.world import Load, Outside

if TYPE_CHECKING:
    from envs.core import DataCenterCore

CP_AIR, LATENT, CP_VAPOUR, CP_WATER = 1.006, 2501.0, 1.86, 4.186  # PHYSICS a, wet-bulb energy balance


@dataclass(frozen=True)
class MpcSettings:
    """How far and how hard the controller looks.

    Parameters
    ----------
    horizon_s : float
        How far candidates are played [s].
    reach : float
        Largest move away from the base rule, as a share of a channel's range.
    margin_k : float
        Added to every forecast inlet: what sensors and lumped loads leave unknown [K].
    budget : Budget
        Of the search at each control step.
    """

    horizon_s: float = 1800.0
    reach: float = 0.15
    margin_k: float = 0.7
    budget: Budget = Budget(population=16, elites=4, iterations=3, spread=0.1, least_spread=0.02)


class Mpc:
    """Moves the thermal channels that the agent holds; power limits stay with the base rule.

    Measured row demand says too little about single jobs to plan caps on: planned ones cost more work than they save.

    Parameters
    ----------
    core : DataCenterCore
        Gives the nominal plant, the channels and the prices; its state is never read.
    base : Controller
        The rule that is moved.
    settings : MpcSettings
    seed : int
        Of the search.
    """

    def __init__(self, core: DataCenterCore, base: Controller, settings: MpcSettings, seed: int = 0) -> None:
        self.base, self.settings, self.seed = base, settings, seed
        self.channels, self.agent_channels = core.channels, core.agent_channels
        self.scenario, self.bill, self.step_s = core.scenario, core.bill, core.step_s
        self.plant = Plant(core.scenario, core.dtype)
        self.dtype = core.dtype
        self.steps = max(1, round(settings.horizon_s / core.step_s))
        self.moves = [c for c in core.agent_channels if c.per != "row"]
        self.rows = sum(c.rows for c in self.moves)
        self.pressure = float(pressure_kpa(core.scenario.elevation_m))
        self.plans: NDArray[np.float64] | None = None
        self.decisions = 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget the last plan; without a mask also which searches were made, so that a run can be repeated."""
        self.base.reset(n, mask)
        if mask is None or self.plans is None:
            self.plans, self.decisions = None, 0
        else:
            self.plans[mask] = 0.5

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the agent's channels."""
        rule = self.base.act(measurements)
        sites = measurements["dry_bulb_c"].shape[-1]
        if self.plans is None or len(self.plans) != sites:
            self.plans = np.full((sites, self.rows), 0.5)
        forecast = Forecast(self, measurements, self.settings.budget.population)

        def cost(candidates: NDArray[np.float64]) -> NDArray[np.float64]:
            plans = candidates.reshape(-1, self.rows)
            usd = forecast.cost(self.moved(rule, plans, len(candidates)))
            return usd.reshape(len(candidates), sites).astype(np.float64)

        self.decisions += 1
        self.plans = minimize_each(cost, self.plans, self.settings.budget, self.seed + self.decisions).best
        return self.moved(rule, self.plans, 1)

    def moved(self, rule: Setpoints, plans: NDArray[np.float64], copies: int) -> Setpoints:
        """Setpoints ``{channel: (k, P E)}`` of the rule, moved by plans ``(P E, n)``."""
        share = ((2.0 * plans.T - 1.0) * self.settings.reach).astype(self.dtype)
        wanted, at = {}, 0
        for c in self.moves:
            move = share[at : at + c.rows] * (c.high - c.low)
            at += c.rows
            wanted[c.name] = np.clip(np.tile(rule[c.name], copies) + move, c.low, c.high).astype(self.dtype)
        return {**{k: np.tile(v, copies) for k, v in rule.items()}, **wanted}


class Forecast:
    """What the model expects from one control step's measurements, for ``P`` copies of every site."""

    def __init__(self, mpc: Mpc, measured: Measurements, copies: int) -> None:
        self.mpc = mpc
        lay, sites = mpc.plant.layout, measured["dry_bulb_c"].shape[-1]
        lost = availability(fault_plan([[]] * sites, lay.n_zones, dtype=mpc.dtype), np.zeros(sites))
        outside, load = _outside(measured, mpc.pressure), _load(measured, lay, sites)
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in mpc.channels}
        charge = measured["battery_soc_frac"][0] if "battery_soc_frac" in measured else np.full(sites, 0.5)
        state, flows = mpc.plant.settled(outside, load, in_force, lost, np.zeros(sites), charge)
        bias = measured["zone_inlet_max_c"] - flows.zone_inlet_max_c
        peak_kw = measured["billing_peak_share"][0] * lay.rated_it_kw
        start = (state, outside, load, lost, in_force, lay.membership.T @ bias + mpc.settings.margin_k, peak_kw)
        self.state, self.outside, self.load, self.lost, self.in_force, self.rack_bias, self.peak_kw = tiled(
            start, copies
        )

    def cost(self, wanted: Setpoints) -> Array:
        """Cost over the horizon ``(P E,)`` [USD] of holding ``wanted``."""
        m = self.mpc
        state, in_force, highest = self.state, self.in_force, self.peak_kw * 0.0
        cost: Any = 0.0
        for step in range(m.steps):
            before = in_force
            in_force = {
                c.name: slew_limited(c, wanted.get(c.name, before[c.name]), before[c.name], m.step_s)
                for c in m.channels
            }
            clock = np.full(len(self.peak_kw), step, np.int64)
            state, flows = m.plant.step(state, in_force, self.outside, self.load, self.lost, clock)
            warm = flows._replace(rack_inlet_max_c=flows.rack_inlet_max_c + self.rack_bias)
            cost = cost + self._judged(warm, before, in_force)
            highest = np.maximum(highest, flows.grid_power_kw)
        usd: Array = cost + np.maximum(highest - self.peak_kw, 0.0) * m.bill.rate
        return usd

    def _judged(self, flows: Any, before: Setpoints, in_force: Setpoints) -> Array:
        m, step_h = self.mpc, self.mpc.step_s / 3600.0
        zero = flows.grid_power_kw * 0.0
        travel: Any = 0.0
        for c in m.agent_channels:
            travel = travel + np.abs(in_force[c.name] - before[c.name]).sum(axis=0) / ((c.high - c.low) * c.rows)
        judged = Judged(
            price_usd_mwh=self.outside.price_usd_mwh,
            carbon_g_kwh=self.outside.carbon_g_kwh,
            reference_it_kw=flows.reference_it_kw,
            demand_cost_usd=zero,
            demand_response_short_kwh=zero,
            travel_ranges=travel,
            inlet_ramp_k_h=zero,
            work_priority_usd=m.bill.work_cost(flows, step_h),
        )
        return -total(terms(m.scenario.reward, flows, judged, step_h), m.scenario.reward_weights, 1.0)


def tiled(tree: Any, copies: int) -> Any:
    """Nested states with the environments (the last axis) repeated ``copies`` times, copy after copy."""
    if tree is None or isinstance(tree, (bool, int, float)):
        return tree
    if isinstance(tree, np.ndarray):
        return np.concatenate([tree] * copies, axis=-1)
    if isinstance(tree, dict):
        return {name: tiled(part, copies) for name, part in tree.items()}
    parts = [tiled(part, copies) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def _outside(measured: Measurements, pressure: float) -> Outside:
    """Weather, price and carbon as measured now; humidity from the wet bulb."""
    dry, wet = measured["dry_bulb_c"][0], measured["wet_bulb_c"][0]
    wet = np.minimum(wet, dry)
    at_wet = saturation_humidity_ratio(wet, pressure)
    humid = (LATENT + (CP_VAPOUR - CP_WATER) * wet) * at_wet - CP_AIR * (dry - wet)
    ratio = np.maximum(humid / (LATENT + CP_VAPOUR * dry - CP_WATER * wet), 1e-5).astype(dry.dtype)
    zero = dry * 0.0
    known = {name: measured[name][0] for name in ("price_usd_mwh", "carbon_g_kwh")}
    made = {**dict.fromkeys(Outside._fields, zero), **known, "dry_bulb_c": dry, "wet_bulb_c": wet}
    return Outside(**{**made, "humidity_ratio": ratio, "pressure_kpa": zero + pressure})


def _load(measured: Measurements, layout: Any, sites: int) -> Load:
    """Activity that draws the measured demand of each power row, spread evenly over its racks and slots."""
    dtype = measured["row_demand_share"].dtype
    demand_kw = measured["row_demand_share"] * layout.row_rated_kw
    slots, racks = layout.slot_class.shape
    use = activity_of_rows(layout, demand_kw)
    activity = np.broadcast_to((use[layout.row_of] / slots)[None], (slots, racks, sites)).astype(dtype)
    job = np.broadcast_to(np.arange(racks)[:, None], (racks, sites))
    zero = np.zeros(sites, dtype)
    return Load(np.ascontiguousarray(activity), np.ascontiguousarray(job), zero, zero, zero)


def activity_of_rows(layout: Any, demand_kw: Array) -> Array:
    """Share of the accelerators at work in each power row ``(P, B)`` that draws ``demand_kw (P, B)``, 0..1.

    Linear between the row's draw at rest and with every slot equally at work; supplies' losses are left out.
    """
    idle, busy = (_row_draw(layout, use) for use in (0.0, 1.0))
    return np.clip((demand_kw - idle) / (busy - idle), 0.0, 1.0)


def _row_draw(layout: Any, use: float) -> Array:
    """Demand of each power row ``(P, 1)`` [kW] with every rack at ``use``, its slots alike."""
    shape = layout.slot_class.shape
    demand = rack.demand_terms(layout.racks, np.full((*shape, 1), use / shape[0], layout.dtype))
    draw: Array = layout.tree.row_racks @ (demand.base_kw + demand.total_kw)
    return draw
