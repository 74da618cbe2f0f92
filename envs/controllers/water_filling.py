"""Power caps that share one feeder: water-filling by priority over measured demand (PHYSICS i7, SCENARIOS "Caps")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints
from envs.interface.action import water_fill


class WaterFillingCaps:
    """Holds ``rack_power_limit_frac`` per power row.

    Rows of higher priority (serving before training) are filled first; rows of one priority share what is left by one
    common relative level. Where the demand fits in the budget, no cap binds.

    Parameters
    ----------
    row_rated_kw : ndarray (P, 1)
        Rated power per row [kW].
    row_priority : sequence of int
        Priority per row, higher is filled first.
    budget_kw : float
        What the feeder may carry for the racks [kW].
    floor_frac : float
        Lowest limit that is given to a row.
    high_frac : float or ndarray
        Highest limit of the rows of the lowest priority, whose work can wait.
    """

    reads = ("row_demand_share",)

    def __init__(
        self,
        row_rated_kw: Floats,
        row_priority: Sequence[int],
        budget_kw: float | Floats,
        floor_frac: float = 0.45,
        high_frac: float | Floats = 1.0,
    ) -> None:
        self.row_rated_kw = row_rated_kw
        self.row_priority = np.asarray(row_priority)
        self.budget_kw = budget_kw
        self.floor_frac = float(floor_frac)
        self.high_frac = high_frac
        waits = (self.row_priority == self.row_priority.min())[:, None]
        self.high = np.where(waits, high_frac, 1.0)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Limit per power row as a share of rated ``(P, B)``."""
        share = measurements["row_demand_share"]
        rated = self.row_rated_kw.astype(share.dtype)
        demand = share * rated
        limits: list[Floats] = []
        order: list[int] = []
        left: Any = self.budget_kw - (self.floor_frac * rated).sum() + np.zeros_like(demand[:1])
        for level in sorted(set(self.row_priority.tolist()), reverse=True):
            rows = np.flatnonzero(self.row_priority == level)
            above = np.maximum(demand[rows] * 1.02 - self.floor_frac * rated[rows], 0.0)
            given = water_fill(above, np.maximum(left, 0.0))
            limits.append(self.floor_frac * rated[rows] + given)
            order += rows.tolist()
            left = left - np.minimum(given, above).sum(axis=0, keepdims=True)
        limit = np.concatenate(limits)[np.argsort(order)]
        return {"rack_power_limit_frac": np.clip(limit / rated, self.floor_frac, self.high).astype(share.dtype)}
