"""What the site pays: demand charge (PHYSICS F7), demand response, work that waits or is lost, what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.episodes.plan import EpisodePlan
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.scenario import Scenario
from envs.signals.step import Outside
from envs.trees import assign

WINDOW_S = 900.0
DAYS_PER_MONTH = 30.4
CLOSING_DELAY_H = 12.0  # wait expected of training that is put off; engineering guess
CLOSING_PRICE_USD_MWH = 60.0  # least price of energy taken from storage by the end; engineering guess
REFILL_LOSS = 1.15  # energy bought over energy that is missing: a round trip; engineering guess
BATCH_SHARE_AT_RISK = 0.1  # of queued batch work that will miss its deadline; engineering guess
STORED_HEAT_COP = 5.0  # electricity to remove a unit of heat left in the loops; engineering guess


class Bill:
    """Keeps the billing peak and the running 15-minute window of each environment."""

    def __init__(self, scenario: Scenario, step_s: float, site_price_usd_mwh: NDArray[np.floating]) -> None:
        """Prices of the scenario and each site's mean price ``(n_sites,)`` [USD/MWh], carbon included."""
        self.prices = scenario.reward
        self.refill_usd_kwh = np.maximum(site_price_usd_mwh * REFILL_LOSS, CLOSING_PRICE_USD_MWH) * 1e-3
        self.expected_peak_kw = float(scenario.expected_peak_kw)
        self.steps_per_window = max(1, round(WINDOW_S / step_s))
        days = scenario.episode.steps * step_s / 86_400.0
        self.rate = self.prices.demand_charge_usd_kw_month * days / DAYS_PER_MONTH

    def start(self, plan: EpisodePlan, where: NDArray[np.intp], n: int, dtype: np.dtype) -> None:
        """Begin the episodes ``where`` of ``n`` environments: the billing peak as drawn, an empty window."""
        peak = (plan.billing_frac * self.expected_peak_kw).astype(dtype)
        if len(where) == n:
            self.peak_kw, self.window_kw, self.window_steps = peak, peak * 0.0, peak * 0.0
            return
        self.peak_kw = assign(self.peak_kw, peak, where)
        self.window_kw = assign(self.window_kw, peak * 0.0, where)
        self.window_steps = assign(self.window_steps, peak * 0.0, where)

    def demand_cost(self, grid_power_kw: Floats, t: NDArray[np.int64]) -> Floats:
        """Cost [USD] where a window ends above the billing peak, which then rises (PHYSICS F7)."""
        self.window_kw = self.window_kw + grid_power_kw
        self.window_steps = self.window_steps + 1.0
        ends = (t % self.steps_per_window == 0).astype(grid_power_kw.dtype)
        over = ends * np.maximum(self.window_kw / self.window_steps - self.peak_kw, 0.0)
        self.peak_kw = self.peak_kw + over
        self.window_kw = self.window_kw * (1.0 - ends)
        self.window_steps = self.window_steps * (1.0 - ends)
        return over * self.rate

    def window_mean_kw(self) -> Floats:
        """Mean of the running window so far [kW]."""
        return self.window_kw / np.maximum(self.window_steps, 1.0)

    def demand_response_short(self, grid_power_kw: Floats, outside: Outside, step_h: float) -> Floats:
        """Energy [kWh] above what an active event allows: the expected peak less the reduction asked for.

        The billing peak is no baseline: an agent would raise it for a window and be asked for nothing.
        """
        allowed = self.expected_peak_kw * (1.0 - outside.dr_reduction_frac)
        return outside.dr_active * np.maximum(grid_power_kw - allowed, 0.0) * step_h

    def work_cost(self, flows: Flows, step_h: float) -> dict[str, Floats]:
        """Cost [USD] of work lost in the step and of work that waits (WORKLOAD 4c).

        Work that begins to wait is charged at once for the wait that is expected of it, and what is caught up is
        refunded. Over
        an episode this sums to the price of what still waits at its end, but an agent meets it in the step that
        caused it.
        """
        p = self.prices
        pre, fine, prefill, decode, batch, cpu = (flows.work_lost[k] for k in range(6))
        lost = (
            (pre + fine) * p.training_lost_usd_h
            + (prefill + decode + cpu) * p.interactive_lost_usd_h
            + batch * p.batch_lost_usd_h
        )
        waiting = flows.backlog[0] + flows.backlog[1]
        deferred = flows.work_demanded - flows.work_done - flows.work_lost
        training = (deferred[0] + deferred[1]) * (p.training_delay_usd_h2 * CLOSING_DELAY_H)
        queued = deferred[4] * (BATCH_SHARE_AT_RISK * p.batch_lost_usd_h)
        return {"lost": lost, "delayed": waiting * (p.training_delay_usd_h2 * step_h) + training + queued}

    def closing_cost(self, stored_kwh: tuple[Floats, Floats], site: NDArray[np.int64]) -> Floats:
        """Cost [USD] of what an episode leaves: battery charge short, heat left in the loops.

        Waiting work is priced by ``work_cost``.

        Only what is missing costs; a surplus earns nothing, or charging and overcooling in the last hours would pay.

        Parameters
        ----------
        stored_kwh : tuple of ndarray (B,)
            Battery energy and heat above the start [kWh].
        site : ndarray of int (B,)
            Row of the world's sites.
        """
        battery, heat = stored_kwh
        short = np.maximum(heat, 0.0) / STORED_HEAT_COP + np.maximum(-battery, 0.0)
        return short * self.refill_usd_kwh[site]
