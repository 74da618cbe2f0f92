"""Against whom a saving counts: the cheapest of the tuned rules and the constants, at equal safety and work."""

from __future__ import annotations

from collections.abc import Mapping

from agents.references import RULES_TUNED
from experiments.evaluation.bootstrap import Sites
from experiments.evaluation.gates import failed_gates
from experiments.evaluation.score import Table
from experiments.evaluation.stats import mean_difference

COST = "cost_usd_day"
STRONGEST = "strongest"  # as a baseline: whoever is the strongest opponent on the episodes played
OPPONENTS = (RULES_TUNED, "best_constant", "tuned_fixed")


def strongest_opponent(scores: Mapping[str, Table], rules: str = RULES_TUNED) -> str:
    """Cheapest of the best rules and those of ``OPPONENTS`` that keep the gates of these rules."""
    known = [rules, *(n for n in OPPONENTS if n in scores and n != rules)]
    safe = [n for n in known if n == rules or not failed_gates(scores[n], scores[rules])]
    return min(safe, key=lambda name: float(scores[name][COST].mean()))


def verdict(scores: Mapping[str, Table], candidate: str, sites: Sites = None) -> str:
    """One sentence: by how much a policy beats the strongest opponent on these episodes, or that it does not.

    ``sites`` names the site of each episode.
    """
    base = strongest_opponent(scores)
    failures = failed_gates(scores[candidate], scores[base])
    if failures:
        return f"{candidate} gets no savings number against {base}: {'; '.join(failures)}"
    costs = scores[base][COST]
    found = mean_difference(scores[candidate][COST], costs, sites)
    against = f"{base} on {len(costs)} unseen episodes, at equal safety and work"
    how = f"{found.estimate:+.2f} USD/day, {100.0 * found.estimate / costs.mean():+.2f} %"
    span = f"95 % interval {found.low:+.2f} to {found.high:+.2f}"
    if found.high < 0.0:
        return f"{candidate} is cheaper than {against} ({how}; {span})"
    if found.low > 0.0:
        return f"{candidate} is dearer than {against} ({how}; {span})"
    return f"{candidate} is neither cheaper nor dearer than {against} ({how}; {span})"
