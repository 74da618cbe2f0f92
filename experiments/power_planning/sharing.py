"""A hall under caps, moment by moment: by equal marginal value on its tree, by water-filling, and without limits."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.water_filling import WaterFillingCaps
from envs.feeders.limits import NestedTree, nested_tree
from envs.feeders.linear_program import program_power
from envs.feeders.nested_caps import shared_power
from experiments.power_planning.hall_demand import HallDemand, Watched
from experiments.power_planning.hall_feeders import HallFeeders
from experiments.power_planning.promises import with_promises
from experiments.power_planning.protection import Protection, cut_kw

Floats = NDArray[np.float64]
MARGIN = 1.02  # over measured demand: where that fits, nothing is capped; engineering guess
FULL = 0.99  # of a limit
MOST_PROGRAMS = 400  # moments at which a tree that crosses is solved
AT_ONCE = 8192  # moments shared in one call
HALVINGS = 30
FLOORS, HIGHS, BUDGETS = (0.30, 0.38, 0.45, 0.53, 0.60), (0.65, 0.75, 0.85, 0.95, 1.0), (0.96, 0.97, 0.98, 0.99, 1.0)


class Outcome(NamedTuple):
    """A hall under caps.

    Attributes
    ----------
    done_frac : ndarray (D,)
        Work done of what was asked, day by day.
    surge_kw : ndarray (G + L, T)
        Of the outlets under their limits, until the protection acts.
    drawn_kw : ndarray (G + L, T)
        Of the outlets after it.
    limit_kw : ndarray (G + L, T)
        What they were allowed; infinite where nothing is capped.
    full_frac : ndarray (M,)
        Share of the time in which a row of the limits is full.
    """

    done_frac: Floats
    surge_kw: Floats
    drawn_kw: Floats
    limit_kw: Floats
    full_frac: Floats

    def interval(self, rng: np.random.Generator, draws: int = 2000) -> tuple[float, float, float]:
        """Mean share of work done and its 95 % interval, by bootstrap over days."""
        days = self.done_frac[rng.integers(len(self.done_frac), size=(draws, len(self.done_frac)))].mean(axis=1)
        low, high = np.quantile(days, (0.025, 0.975))
        return float(self.done_frac.mean()), float(low), float(high)


class WaterFilling(NamedTuple):
    """The baseline's constants: lowest limit of a row, highest of the rows of the lowest priority, budget it fills."""

    floor_frac: float
    high_frac: float
    budget_frac: float = 1.0


def by_value(hall: Watched, feeders: HallFeeders, protection: Protection, scale: float = 1.0) -> Outcome:
    """Caps at equal marginal value, decided on what was measured one step earlier.

    Parameters
    ----------
    hall : Watched
        Where feeds cross, a linear program is solved for each of its moments.
    feeders : HallFeeders
    protection : Protection
    scale : float
        Of every limit.
    """
    limits = feeders.limits._replace(limit_kw=feeders.limits.limit_kw * scale)
    limits = with_promises(limits, feeders.promises, hall.seen.wanted_kw)
    tree = None if feeders.tree is None else nested_tree(limits)
    limit_kw = program_power(limits, hall.seen.pieces()).outlet_kw if tree is None else _shared(tree, hall.seen)
    wanted = feeders.limits.weight @ hall.seen.wanted_kw * MARGIN
    fits = (wanted <= feeders.limits.limit_kw * scale).all(axis=0)
    limit_kw = np.where(fits, np.inf, limit_kw)
    return _judged(hall.now, feeders, hall.now.capped(limit_kw)[0], limit_kw, protection, scale)


def _shared(tree: NestedTree, seen: HallDemand) -> Floats:
    moments = np.arange(len(seen.day))
    parts = [moments[start : start + AT_ONCE] for start in range(0, len(moments), AT_ONCE)]
    return np.concatenate([shared_power(_of(tree, part), seen.at(part).pieces()).outlet_kw for part in parts], axis=1)


def _of(tree: NestedTree, moments: NDArray[np.int64]) -> NestedTree:
    """The tree at some of its moments."""
    if tree.least_kw.shape[1] == 1:
        return tree
    return tree._replace(least_kw=tree.least_kw[:, moments], limit_kw=tree.limit_kw[:, moments])


def _judged(
    demand: HallDemand,
    feeders: HallFeeders,
    surge: Floats,
    limit_kw: Floats,
    protection: Protection,
    scale: float,
) -> Outcome:
    """What is left once the protection has cut what passes a feeder's own limit."""
    graph, share = feeders.graph, feeders.outages.share[0]
    drawn = cut_kw(protection, share, surge, demand.floor_kw, graph.limit_kw[:, None] * scale)
    done = demand.capped(drawn)[1].sum(axis=0) + demand.uncapped_h
    asked = demand.asked_h().sum(axis=0) + demand.uncapped_h
    days, place = np.unique(demand.day, return_inverse=True)
    sums = [np.bincount(place, x, len(days)) for x in (done, asked)]
    full = (feeders.limits.weight @ surge >= FULL * feeders.limits.limit_kw * scale).mean(axis=1)
    return Outcome(sums[0] / np.maximum(sums[1], 1e-9), surge, drawn, limit_kw, full)


def by_water_filling(
    hall: Watched,
    feeders: HallFeeders,
    protection: Protection,
    priority: list[int],
    how: WaterFilling,
    scale: float = 1.0,
) -> Outcome:
    """The baseline: one limit per row, rows of higher priority first; a rack's classes share one cap.

    Parameters
    ----------
    hall : Watched
    feeders : HallFeeders
    protection : Protection
    priority : list of int
        Of each power row.
    how : WaterFilling
    scale : float
        Of every limit.

    Raises
    ------
    ValueError
        Where no feeder carries the whole hall, so that there is no budget to fill.
    """
    whole = np.flatnonzero((feeders.limits.weight > 1.0 - 1e-9).all(axis=1))
    if not len(whole):
        raise ValueError("no feeder carries the whole hall, so water-filling has no budget; leave the baseline out")
    demand, budget = hall.now, float(feeders.limits.limit_kw[whole].min()) * scale * how.budget_frac
    member = (np.arange(len(priority))[:, None] == demand.row[None, :]).astype(float)
    rated = np.maximum(member @ demand.rated_kw, 1e-9)[:, None]
    rule = WaterFillingCaps(rated, priority, budget, how.floor_frac, how.high_frac)
    share = rule.act({"row_demand_share": member @ _by_group(demand, hall.seen.wanted_kw) / rated})
    group_limit = share["rack_power_limit_frac"][demand.row] * demand.rated_kw[:, None]
    limit = np.minimum(group_limit, _row_limit(demand, feeders, scale))
    return _judged(demand, feeders, demand.under(_one_cap(demand, limit))[0], limit, protection, scale)


def tuned_water_filling(
    hall: Watched, feeders: HallFeeders, protection: Protection, priority: list[int], scale: float = 1.0
) -> WaterFilling:
    """The constants of the baseline that do most work on a demand."""
    ways = [WaterFilling(*row) for row in product(FLOORS, HIGHS, BUDGETS)]
    done = [by_water_filling(hall, feeders, protection, priority, how, scale).done_frac.mean() for how in ways]
    return ways[int(np.argmax(done))]


def _by_group(demand: HallDemand, outlet_kw: Floats) -> Floats:
    member = np.arange(len(demand.groups))[:, None] == demand.outlet_group[None, :]
    return np.asarray(member.astype(float) @ outlet_kw)


def _row_limit(demand: HallDemand, feeders: HallFeeders, scale: float) -> Floats:
    """The part of the tightest limit around each group alone that falls to it by rating ``(G, 1)`` [kW]."""
    limit = np.full((len(demand.groups), 1), np.inf)
    fixed = np.arange(len(demand.groups))
    for weight, kw in zip(feeders.limits.weight[:, fixed], feeders.limits.limit_kw[:, 0]):
        mine = weight > 1.0 - 1e-9
        part = demand.rated_kw * mine / max(float((demand.rated_kw * mine).sum()), 1e-9)
        limit[mine, 0] = np.minimum(limit[mine, 0], np.where(mine.all(), np.inf, kw * scale * part[mine]))
    return limit


def _one_cap(demand: HallDemand, group_kw: Floats) -> Floats:
    """Share of each work's draw that one cap per rack leaves ``(L, T)``: the hungrier class gives first."""
    used = demand.wanted_kw[len(demand.groups) :]
    draw = np.array([[w.draw] for w in demand.classes])
    whose = demand.outlet_group[len(demand.groups) :]
    room = group_kw[whose] - demand.fixed_kw[whose]
    low, high = np.zeros_like(room), np.ones_like(room)
    for _ in range(HALVINGS):
        cap = 0.5 * (low + high)
        taken = _sum_of_group(used * np.minimum(cap / draw, 1.0), whose)
        high, low = np.where(taken > room, cap, high), np.where(taken > room, low, cap)
    return np.minimum(np.where(_sum_of_group(used, whose) <= room, 1.0, low / draw), 1.0)


def _sum_of_group(x: Floats, whose: NDArray[np.int64]) -> Floats:
    return np.asarray((whose[:, None] == whose[None, :]).astype(float) @ x)
