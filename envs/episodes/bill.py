"""What the reward must remember of an episode: billing peak and window (PHYSICS F7), what is asked, what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.episodes.plan import EpisodePlan
from envs.interface.reward import closing_cost, refill_price
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.signals.step import Outside
from envs.trees import assign

WINDOW_S = 900.0
DAYS_PER_MONTH = 30.4


class Bill:
    """Keeps the billing peak and the running 15-minute window of each environment."""

    def __init__(self, scenario: Scenario, step_s: float, site_price_usd_mwh: NDArray[np.floating]) -> None:
        """Prices of the scenario and each site's mean price ``(n_sites,)`` [USD/MWh], carbon included."""
        self.prices = scenario.reward
        self.refill_usd_kwh = refill_price(site_price_usd_mwh)
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

    def closing_cost(self, stored_kwh: tuple[Floats, Floats], site: NDArray[np.int64]) -> Floats:
        """Cost [USD] of the battery energy and the heat above the start ``(B,)`` [kWh] that an episode leaves.

        ``site`` ``(B,)`` are rows of the world's sites, whose mean prices count.
        """
        battery_kwh, heat_kwh = stored_kwh
        return closing_cost(battery_kwh, heat_kwh, self.refill_usd_kwh[site])
