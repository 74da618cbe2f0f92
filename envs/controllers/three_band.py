"""Power caps in three bands: cut when the feeder is nearly full, hold, let go when it is well below (PHYSICS i7).

The rule of Dynamo (Wu et al., "Dynamo: Facebook's data center-wide power management system", ISCA 2016): above the
capping band the power over a target is taken away, in the bottom band all limits are lifted, between them nothing
moves. Rows of the lowest priority give first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints
from envs.controllers.marginal_value import Feeder

TARGET, RELEASE = 0.95 / 0.99, 0.90 / 0.99  # of the capping band, PHYSICS i7: 99, 95 and 90 % of the limit


class ThreeBandCaps:
    """Holds ``rack_power_limit_frac`` per power row.

    Parameters
    ----------
    row_rated_kw : ndarray (P, 1)
        Rated power per row [kW].
    row_priority : sequence of int
        Priority per row, the lowest is cut first.
    feeder : Feeder
        Above ``may_carry_kw`` it cuts.
    floor_frac : float
        Lowest limit that is given to a row.
    """

    memory = ("limit_frac",)
    goes_on: ClassVar[dict[str, str]] = {"limit_frac": "rack_power_limit_frac"}

    def __init__(
        self, row_rated_kw: Floats, row_priority: Sequence[int], feeder: Feeder, floor_frac: float = 0.45
    ) -> None:
        self.row_rated_kw = row_rated_kw
        self.row_priority = np.asarray(row_priority)
        self.feeder = feeder
        self.floor_frac = float(floor_frac)
        self.limit_frac: Floats | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Points that it reads."""
        return "row_power_share", self.feeder.point

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Lift every limit."""
        if mask is None or self.limit_frac is None:
            self.limit_frac = None
        else:
            self.limit_frac = np.where(mask, 1.0, self.limit_frac).astype(self.limit_frac.dtype)

    def act(self, measurements: Measurements) -> Setpoints:
        """Limit per power row as a share of rated ``(P, B)``."""
        share = measurements["row_power_share"]
        load = self.feeder.load_kw(measurements)
        before = self.limit_frac
        if before is None or before.shape != share.shape:
            before = np.ones_like(share)
        over = (load - TARGET * self.feeder.may_carry_kw) / (1.0 + self.feeder.loss_frac)
        cut = np.minimum(before, self._cut(share, over))
        held = np.where(load > self.feeder.may_carry_kw, cut, before)
        self.limit_frac = np.where(load < RELEASE * self.feeder.may_carry_kw, 1.0, held).astype(share.dtype)
        return {"rack_power_limit_frac": self.limit_frac}

    def _cut(self, share: Floats, over_kw: Floats) -> Floats:
        """Limits ``(P, B)`` under which the rows draw ``over_kw (B,)`` less, as far as their floors let them."""
        rated = self.row_rated_kw.astype(share.dtype)
        above = np.maximum(share - self.floor_frac, 0.0) * rated
        limit, left = np.ones_like(share), np.maximum(over_kw, 0.0)
        for level in sorted(set(self.row_priority.tolist())):
            rows = self.row_priority == level
            there = above[rows].sum(axis=0)
            part = np.minimum(left / np.maximum(there, 1e-6), 1.0)
            given = np.where(part > 0.0, share[rows] - part * above[rows] / rated[rows], 1.0)
            limit[rows] = np.clip(given, self.floor_frac, 1.0)
            left = np.maximum(left - there, 0.0)
        return limit
