"""Power caps by proportional sharing: every row gives up the same share of its demand above the floor (PHYSICS i7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints


class ProportionalCaps:
    """Holds ``rack_power_limit_frac`` per power row: ``cap_i = floor_i + (d_i - floor_i) B'/D'``, the weaker rule."""

    reads = ("row_demand_share",)

    def __init__(self, row_rated_kw: Floats, budget_kw: float | Floats, floor_frac: float = 0.45) -> None:
        self.row_rated_kw = row_rated_kw
        self.budget_kw = budget_kw
        self.floor_frac = float(floor_frac)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Limit per power row as a share of rated ``(P, B)``."""
        share = measurements["row_demand_share"]
        rated = self.row_rated_kw.astype(share.dtype)
        floor = self.floor_frac * rated
        above = np.maximum(share * rated * 1.02 - floor, 0.0)
        asked = above.sum(axis=0, keepdims=True)
        ratio = (self.budget_kw - floor.sum()) / np.maximum(asked, 1e-3)
        limit = floor + above * np.clip(ratio, 0.0, None)
        free = np.where(ratio >= 1.0, rated, limit)
        return {"rack_power_limit_frac": np.clip(free / rated, self.floor_frac, 1.0).astype(share.dtype)}
