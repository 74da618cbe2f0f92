"""The designs that no other beats in every objective, how good a front is, and what moves the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.designing.costs import ANNUAL, CAPITAL, Costs
from experiments.designing.figures import figures, losses
from experiments.designing.search import Archive, played
from experiments.designing.variables import NAMES, VARIABLES, Floats, matters, rows, shown
from experiments.designing.years import Climate, Year

COST_SHARE = 0.3  # by which a cost is moved in the tornado


def front(found: Archive, objectives: Sequence[str]) -> NDArray[np.intp]:
    """Numbers of the designs that can be built and that no other such design beats, the cheapest first."""
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

    there = np.flatnonzero(found.faults == "")
    if not there.size:
        return there
    values = losses(found.figures, objectives)[there]
    best = there[NonDominatedSorting().do(values, only_non_dominated_front=True)]
    return best[np.argsort(found.figures.cost_usd_kw_year[best], kind="stable")]


def hypervolume(values: Floats, ideal: Floats, worst: Floats) -> float:
    """Share of the box from ``ideal`` to ``worst`` that designs ``(n, k)`` beat, 0..1; less is better."""
    from pymoo.indicators.hv import HV

    unit = (values - ideal) / (worst - ideal)
    return float(HV(ref_point=np.ones(unit.shape[1]))(np.minimum(unit, 1.0)))


class Bar(NamedTuple):
    """A bar of the tornado: what moves, from and to, and the figure at either end."""

    name: str
    low: str
    high: str
    at_low: float
    at_high: float


def tornado(
    found: Archive, number: int, objective: str, climate: Climate, costs: Costs, fixed: Mapping[str, float]
) -> list[Bar]:
    """One figure where one thing moves at a time from a design to the ends of its range, the widest bar first.

    A choice goes to the options at which the figure is lowest and highest. Costs move by 30 %. Ends that cannot be
    built are played all the same; the page says so.
    """
    point = found.points[number]
    rack, plant = (shown(VARIABLES[k], float(found.designs[VARIABLES[k].name][number])) for k in (0, 1))
    moved, labels = [point], []
    for k, v in enumerate(VARIABLES):
        if v.name in fixed or not matters(v.name, rack, plant):
            continue
        places = (np.arange(len(v.options)) + 0.5) / len(v.options) if v.options else np.array([0.0, 1.0])
        for place in places:
            moved.append(np.where(np.arange(len(point)) == k, place, point))
            labels.append((k, shown(v, float(v.value(np.array([place]))[0]))))
    made = played(np.array(moved), climate, costs, fixed, None)
    values = getattr(made.figures, objective)
    bars = []
    for k in dict.fromkeys(k for k, _ in labels):
        ends = [(float(values[i + 1]), word) for i, (j, word) in enumerate(labels) if j == k]
        (low, first), (high, last) = min(ends), max(ends)
        bars.append(Bar(NAMES[k], first, last, low, high))
    if objective == "cost_usd_kw_year":
        bars += _cost_bars(found, number, costs)
    return sorted(bars, key=lambda bar: abs(bar.at_high - bar.at_low), reverse=True)


def _cost_bars(found: Archive, number: int, costs: Costs) -> list[Bar]:
    at = np.array([number])
    designs, year = rows(found.designs, at), Year(*(column[at] for column in found.year))
    ride = found.figures.ride_through_s[at]
    bars = []
    for name in (*CAPITAL, *ANNUAL):
        ends = [
            float(figures(designs, year, ride, {**costs, name: costs[name] * share}).cost_usd_kw_year[0])
            for share in (1.0 - COST_SHARE, 1.0 + COST_SHARE)
        ]
        bars.append(Bar(name, f"-{COST_SHARE:.0%}", f"+{COST_SHARE:.0%}", *ends))
    return bars


def sensitivities(points: Floats, found: Archive, objectives: Sequence[str], seed: int) -> dict[str, Floats]:
    """First-order share of the spread of each objective that each variable explains ``{objective: (variables,)}``.

    By SALib, from the sample that fills the space; designs that cannot be built are included.
    """
    from SALib.analyze import delta

    problem = {"num_vars": len(NAMES), "names": list(NAMES), "bounds": [[0.0, 1.0]] * len(NAMES)}
    made = {}
    for name in objectives:
        values = getattr(found.figures, name)[: len(points)]
        good = np.isfinite(values) & (found.figures.blocks[: len(points)] >= 1.0)
        spread = good.sum() >= 2 * len(NAMES) and np.ptp(values[good]) > 0.0
        if spread:
            told = delta.analyze(problem, points[good], values[good], num_resamples=20, seed=seed, method="sobol")
            made[name] = np.clip(np.asarray(told["S1"], np.float64), 0.0, 1.0)
        else:
            made[name] = np.zeros(len(NAMES))
    return made


def replayed(values: Mapping[str, float], climate: Climate, costs: Costs) -> Archive:
    """One design, given by the numbers of its variables, played alone."""
    return played(np.zeros((1, len(NAMES))), climate, costs, values, None)
