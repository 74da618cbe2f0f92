"""What the reward must remember of an episode: billing peak and window (PHYSICS F7), what is asked, what is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.reward import refill_price
from envs.physics.namespace import Floats, as_mask
from envs.scenario import Scenario
from envs.signals.step import Outside

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
    """Charges the billing peak, which the 15-minute windows of each environment raise."""

    def __init__(self, scenario: Scenario, step_s: float, site_price_usd_mwh: NDArray[np.floating]) -> None:
        """Prices of the scenario and each site's mean price ``(n_sites,)`` [USD/MWh], carbon included."""
        self.prices = scenario.reward
        self.refill_usd_kwh = refill_price(site_price_usd_mwh)
        self.expected_peak_kw = float(scenario.expected_peak_kw)
        self.steps_per_window = steps_per_window(step_s)
        days = scenario.episode.steps * step_s / 86_400.0
        self.rate = self.prices.demand_charge_usd_kw_month * days / DAYS_PER_MONTH

    def begun(self, billing_frac: Floats, dtype: np.dtype) -> BillState:
        """State of episodes that begin: the billing peak ``(B,)`` as drawn [expected peaks], an empty window."""
        peak = (billing_frac * self.expected_peak_kw).astype(dtype)
        return BillState(peak, peak * 0.0, peak * 0.0)

    def window_ends(self, state: BillState) -> Floats:
        """1 where a window ends with the coming step ``(B,)``, else 0."""
        return as_mask(state.window_steps + 1.0 >= self.steps_per_window, state.window_steps)

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

    def refill_price(self, site: NDArray[np.int64]) -> NDArray[np.float64]:
        """Price of energy that an episode took from storage ``(B,)`` [USD/kWh]; ``site`` are the world's sites."""
        return self.refill_usd_kwh[site].astype(np.float64, copy=False)
