"""Power caps at equal marginal value: the feeder's power goes where one more kW brings the most work (PHYSICS B4, i7).

Every power row has a curve of the value of its work over the power that its limit lets it draw: the throughput curves
of its classes under one cap per rack, priced, and made concave. The best share of a budget gives the pieces of all
rows' curves in the order of their slopes. A synchronous job stands inside one row and a row has one limit, so its
racks are capped alike and none waits for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints

LEVELS = 45
LEAST_ACTIVITY = 0.05  # of a row: below it the curve would be scaled to nothing
MARGIN = 1.02  # over held demand, for what a row draws between two readings; engineering guess
SLEWING = 0.01  # a limit further than this under what was asked is still rising
TRIM_SHARE = (-0.06, 0.12)  # of the budget, how far the measured power may correct it; engineering guess


class RackCurve(NamedTuple):
    """One rack at full activity of its usual mix of classes.

    Attributes
    ----------
    row : int
        Power row.
    rated_kw, full_kw, idle_kw : float
        What a limit of 1 stands for, and its input power at full activity and at rest [kW].
    load_meter_kw, value_usd_h : ndarray (C,)
        Input power and value of its work under falling caps on its accelerators, the last uncapped.
    """

    row: int
    rated_kw: float
    full_kw: float
    idle_kw: float
    load_meter_kw: Floats
    value_usd_h: Floats


class Pieces(NamedTuple):
    """All rows' value curves cut into straight pieces, steepest first.

    Attributes
    ----------
    row : ndarray of int (K,)
        The row of each piece.
    belongs : ndarray (P, K)
        1 where a piece belongs to a row.
    load_meter_kw, limit_kw : ndarray (K, 1)
        Power that a fully active row draws more over the piece, and what its limit rises by [kW].
    gap_kw, full_kw, idle_kw, rated_kw : ndarray (P, 1)
        Of a row: its lowest limit less what it draws under it, its draw at full activity and at rest, its rating [kW].
    """

    row: NDArray[np.int64]
    belongs: Floats
    load_meter_kw: Floats
    limit_kw: Floats
    gap_kw: Floats
    full_kw: Floats
    idle_kw: Floats
    rated_kw: Floats


def pieces_of(racks: Sequence[RackCurve], rows: int, floor_frac: float) -> Pieces:
    """Cut the rows' concave value curves into pieces and sort them.

    Parameters
    ----------
    racks : sequence of RackCurve
    rows : int
        Power rows P.
    floor_frac : float
        Lowest limit that a row gets, as a share of its rated power.
    """
    found: list[tuple[float, int, float, float]] = []
    columns = np.zeros((4, rows))
    share = np.linspace(floor_frac, 1.0, LEVELS)
    for row in range(rows):
        mine = [rack for rack in racks if rack.row == row]
        drawn = sum(np.interp(share * r.rated_kw, r.load_meter_kw, r.load_meter_kw) for r in mine) + np.zeros(LEVELS)
        value = sum(np.interp(share * r.rated_kw, r.load_meter_kw, r.value_usd_h) for r in mine) + np.zeros(LEVELS)
        limit = share * sum(r.rated_kw for r in mine)
        corners = _upper_hull(drawn, value)
        for a, b in zip(corners[:-1], corners[1:]):
            found.append(((value[b] - value[a]) / (drawn[b] - drawn[a]), row, drawn[b] - drawn[a], limit[b] - limit[a]))
        columns[:, row] = (
            limit[0] - drawn[0],
            sum(r.full_kw for r in mine),
            sum(r.idle_kw for r in mine),
            limit[-1],
        )
    found.sort(key=lambda piece: -piece[0])
    row_of = np.array([row for _, row, _, _ in found], np.int64)
    belongs = (np.arange(rows)[:, None] == row_of[None, :]).astype(np.float64)
    load_meter_kw, limit_kw = (np.array([piece[k] for piece in found])[:, None] for k in (2, 3))
    return Pieces(row_of, belongs, load_meter_kw, limit_kw, *(c[:, None] for c in columns))


def _upper_hull(x: Floats, y: Floats) -> list[int]:
    """Corners of the concave hull over points with rising ``x``; a flat end is left out."""
    corners: list[int] = [0]
    for k in range(1, len(x)):
        if x[k] <= x[corners[-1]] + 1e-9:
            continue
        while len(corners) > 1 and _turns_up(x, y, corners[-2], corners[-1], k):
            corners.pop()
        corners.append(k)
    return corners


def _turns_up(x: Floats, y: Floats, a: int, b: int, c: int) -> bool:
    return bool((y[b] - y[a]) * (x[c] - x[b]) <= (y[c] - y[b]) * (x[b] - x[a]))


class Feeder(NamedTuple):
    """What a feeder may carry, in all [kW].

    Attributes
    ----------
    may_carry_kw : float or array
        A little under where its protection engages.
    release_kw : float or array
        Under it the protection lets go again.
    limit_kw : float
        What a measured load of 1 stands for.
    loss_frac : float
        Losses between feeder and racks [1].
    point : str
        What measures its load. The whole site's is at ``facility_power_share``: cooling is in it.
    """

    may_carry_kw: float | Floats
    release_kw: float | Floats
    limit_kw: float
    loss_frac: float
    point: str = "feeder_load_frac"

    def load_kw(self, measurements: Measurements) -> Floats:
        """What it carries ``(B,)`` [kW], as measured."""
        load: Floats = measurements[self.point][0] * self.limit_kw
        return load


class MarginalValueCaps:
    """Holds ``rack_power_limit_frac`` per power row.

    It reads the demand and the power of the rows and the load of the feeder, all after the sensors. What the feeder
    carries beside the racks, such as the cooling of a whole site, is left to it as measured. Demand is held at its
    recent peak: a checkpoint's dip would else lower a row's limit, which rises again only slowly. What the racks draw
    less (or more) than their limits is measured and corrects the budget.

    Parameters
    ----------
    pieces : Pieces
    feeder : Feeder
    step_s : float
        Control interval [s].
    floor_frac : float
        Lowest limit that is given to a row.
    hold_s, trim_s : float
        Time constants of the held demand and of the correction [s]; engineering guesses.
    """

    memory = ("held_kw", "other_kw", "trim_kw", "asked")

    def __init__(
        self,
        pieces: Pieces,
        feeder: Feeder,
        step_s: float,
        floor_frac: float = 0.45,
        hold_s: float = 1800.0,
        trim_s: float = 600.0,
    ) -> None:
        self.pieces = pieces
        self.feeder, self.floor_frac, self.step_s = feeder, floor_frac, step_s
        self.hold, self.trim = (1.0 - np.exp(-step_s / tau) for tau in (hold_s, trim_s))
        self.held_kw: Floats | None = None
        self.other_kw: Floats | None = None
        self.trim_kw: Floats | None = None
        self.asked: Floats | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Points that it reads."""
        rows = ("row_demand_share", "row_power_share")
        return (*rows, self.feeder.point, "capper_engaged", "in_force.rack_power_limit_frac")

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was held and corrected; nan stands for nothing known yet."""
        if mask is None or self.held_kw is None or self.other_kw is None or self.trim_kw is None or self.asked is None:
            self.held_kw = self.other_kw = self.trim_kw = self.asked = None
            return
        self.held_kw, self.other_kw, self.asked = (
            np.where(mask, np.nan, x) for x in (self.held_kw, self.other_kw, self.asked)
        )
        self.trim_kw = np.where(mask, 0.0, self.trim_kw)

    def act(self, measurements: Measurements) -> Setpoints:
        """Limit per power row as a share of rated ``(P, B)``."""
        like = measurements["row_demand_share"]
        rated = self.pieces.rated_kw
        power = (measurements["row_power_share"] * rated).sum(axis=0)
        other = self.feeder.load_kw(measurements) - power * (1.0 + self.feeder.loss_frac)
        held = self._held(like * rated, other)
        engaged = measurements.get("capper_engaged", np.zeros_like(like))[0] > 0.5
        budget = self._budget(held, power, engaged, measurements["in_force.rack_power_limit_frac"])
        fits = held.sum(axis=0) * MARGIN <= budget
        share = np.where(fits & ~engaged, 1.0, self._shared(held, budget) / rated)
        self.asked = np.clip(share, self.floor_frac, 1.0)
        return {"rack_power_limit_frac": self.asked.astype(like.dtype)}

    def _held(self, demand: Floats, other: Floats) -> Floats:
        """Demand of the rows held at its recent peak ``(P, B)`` [kW]; what else the feeder carries is remembered."""
        if self.held_kw is None or self.other_kw is None or self.held_kw.shape != demand.shape:
            self.held_kw, self.other_kw = np.full(demand.shape, np.nan), np.full(other.shape, np.nan)
            self.trim_kw, self.asked = np.zeros(other.shape), np.full(demand.shape, np.nan)
        before = np.where(np.isnan(self.held_kw), demand, self.held_kw)
        self.held_kw = np.maximum(demand, before + self.hold * (demand - before))
        known = np.where(np.isnan(self.other_kw), other, self.other_kw)
        self.other_kw = known + self.trim * (other - known)
        return self.held_kw

    def _budget(self, held: Floats, power: Floats, engaged: NDArray[np.bool_], in_force: Floats) -> Floats:
        """What the racks may draw ``(B,)`` [kW].

        The correction grows only while limits bind and stand where they were asked to (they rise slowly). Where the
        protection has engaged, it would hold the feeder at its own lower target until the load falls under its
        release: the load is taken there for a moment.
        """
        assert self.other_kw is not None and self.trim_kw is not None and self.asked is not None
        per_kw = 1.0 / (1.0 + self.feeder.loss_frac)
        budget = (self.feeder.may_carry_kw - self.other_kw) * per_kw
        binds = (held.sum(axis=0) * MARGIN > budget) & ~engaged
        known = np.isfinite(self.asked).all(axis=0)
        rising = (self.asked - in_force > SLEWING).any(axis=0)
        gap = known * (budget - power)
        moved = self.trim_kw + self.trim * np.where(rising, np.minimum(gap, 0.0), gap)
        low, high = (share * budget for share in TRIM_SHARE)
        kept = np.where(engaged, np.minimum(self.trim_kw, 0.0), 0.0)
        self.trim_kw = np.where(binds, np.clip(moved, low, high), kept)
        return np.where(engaged, (self.feeder.release_kw - self.other_kw) * per_kw, budget + self.trim_kw)

    def _shared(self, held: Floats, budget: Floats) -> Floats:
        """Limits ``(P, B)`` [kW]: pieces are given in the order of their slopes until the budget is spent."""
        p = self.pieces
        activity = np.maximum((held - p.idle_kw) / np.maximum(p.full_kw - p.idle_kw, 1e-6), LEAST_ACTIVITY)
        wanted = p.load_meter_kw * activity[p.row]
        cappable = p.belongs @ wanted
        lowest = held - cappable
        left = budget - lowest.sum(axis=0)
        given = np.clip(left - (np.cumsum(wanted, axis=0) - wanted), 0.0, wanted)
        limit = lowest + p.gap_kw + p.belongs @ (given * (p.limit_kw / p.load_meter_kw))
        free = p.belongs @ given >= cappable * (1.0 - 1e-6)
        return np.where(free, p.rated_kw, limit)
