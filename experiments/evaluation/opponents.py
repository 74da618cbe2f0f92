"""Against whom a saving counts: the cheapest of the tuned rules and the constants, at equal safety and work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.references import RULES_TUNED
from experiments.evaluation.gates import failed_gates
from experiments.evaluation.score import Table
from experiments.evaluation.stats import Interval, bootstrap_interval

COST = "cost_usd_day"
OPPONENTS = (RULES_TUNED, "best_constant", "tuned_fixed")


def strongest_opponent(scores: Mapping[str, Table]) -> str:
    """Cheapest of the tuned rules and those constants that keep the gates of the tuned rules."""
    rules = scores[RULES_TUNED]
    safe = [n for n in OPPONENTS if n in scores and (n == RULES_TUNED or not failed_gates(scores[n], rules))]
    return min(safe, key=lambda name: float(scores[name][COST].mean()))


def cost_difference(candidates: ArrayLike, baseline: NDArray[np.float64]) -> Interval:
    """Mean paired difference of costs ``(E,)`` or ``(S, E)`` to ``(E,)``, with its 95 % interval [USD/day]."""
    return bootstrap_interval(np.atleast_2d(candidates) - baseline, _mean)


def _mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = scores.mean(axis=-1)
    return mean


def verdict(scores: Mapping[str, Table], candidate: str) -> str:
    """One sentence: by how much a policy beats the strongest opponent on these episodes, or that it does not."""
    base = strongest_opponent(scores)
    failures = failed_gates(scores[candidate], scores[base])
    if failures:
        return f"{candidate} gets no savings number against {base}: {'; '.join(failures)}"
    costs = scores[base][COST]
    found = cost_difference(scores[candidate][COST], costs)
    against = f"{base} on {len(costs)} unseen episodes, at equal safety and work"
    how = f"{found.estimate:+.2f} USD/day, {100.0 * found.estimate / costs.mean():+.2f} %"
    span = f"95 % interval {found.low:+.2f} to {found.high:+.2f}"
    if found.high < 0.0:
        return f"{candidate} is cheaper than {against} ({how}; {span})"
    if found.low > 0.0:
        return f"{candidate} is dearer than {against} ({how}; {span})"
    return f"{candidate} is neither cheaper nor dearer than {against} ({how}; {span})"
