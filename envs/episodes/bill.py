"""What the reward must remember of an episode: billing peak and window (PHYSICS F7), what is asked, what is left."""

from __future__ import annotations

from typing import NamedTuple

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


def steps_per_window(step_s: float) -> int:
    """Control steps of a window of the demand charge."""
    return max(1, round(WINDOW_S / step_s))


class BillState(NamedTuple):
    """What the bill remembers of each environment ``(B,)``."""

    peak_kw: Floats
    """Highest mean of a window in the month so far [kW]."""
    window_kw: Floats
    """Sum over the steps of the running window [kW]."""
    window_steps: Floats
    """Steps of the running window so far."""


def window_mean_kw(state: BillState) -> Floats:
    """Mean of the running window so far ``(B,)`` [kW]."""
    return state.window_kw / np.maximum(state.window_steps, 1.0)


class Bill:
    """Keeps the billing peak and the running 15-minute window of each environment."""

    def __init__(self, scenario: Scenario, step_s: float, site_price_usd_mwh: NDArray[np.floating]) -> None:
        """Prices of the scenario and each site's mean price ``(n_sites,)`` [USD/MWh], carbon included."""
        self.prices = scenario.reward
        self.refill_usd_kwh = refill_price(site_price_usd_mwh)
        self.expected_peak_kw = float(scenario.expected_peak_kw)
        self.steps_per_window = steps_per_window(step_s)
        days = scenario.episode.steps * step_s / 86_400.0
        self.state = BillState(*(np.zeros(0),) * 3)
        self.rate = self.prices.demand_charge_usd_kw_month * days / DAYS_PER_MONTH

    def start(self, plan: EpisodePlan, where: NDArray[np.intp], n: int, dtype: np.dtype) -> None:
        """Begin the episodes ``where`` of ``n`` environments: the billing peak as drawn, an empty window."""
        peak = (plan.billing_frac * self.expected_peak_kw).astype(dtype)
        begun = BillState(peak, peak * 0.0, peak * 0.0)
        self.state = begun if len(where) == n else assign(self.state, begun, where)

    def window_ends(self, t: NDArray[np.int64], dtype: np.dtype) -> Floats:
        """1 where a window ends with the step that makes ``t (B,)`` steps of the episode, else 0."""
        return (t % self.steps_per_window == 0).astype(dtype)

    def charged(self, state: BillState, grid_power_kw: Floats, window_ends: Floats) -> tuple[BillState, Floats]:
        """Next state, and the cost [USD] where a window ends above the billing peak, which then rises (PHYSICS F7)."""
        window_kw = state.window_kw + grid_power_kw
        window_steps = state.window_steps + 1.0
        over = window_ends * np.maximum(window_kw / window_steps - state.peak_kw, 0.0)
        going_on = 1.0 - window_ends
        return BillState(state.peak_kw + over, window_kw * going_on, window_steps * going_on), over * self.rate

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
