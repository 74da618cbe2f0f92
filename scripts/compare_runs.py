"""Training runs of several seeds against the strongest rule, episode by episode, as a Markdown table.

    python -m scripts.compare_runs ai_hall validation runs/seed_0 runs/seed_1 runs/seed_2

The difference is paired: the mean of candidate less baseline over seeds and episodes, with the bootstrap interval of
PROTOCOL 4 in which seeds and episodes are drawn anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.references import RULES_AS_GIVEN, reference_controllers
from envs.scenario import load
from experiments.evaluate import Evaluation, evaluate
from experiments.evaluation.gates import failed_gates
from experiments.evaluation.opponents import COST, OPPONENTS, cost_difference, strongest_opponent
from experiments.evaluation.policies import learned_policies
from experiments.evaluation.splits import load_split, plan_episodes

SHOWN = (*OPPONENTS, RULES_AS_GIVEN)
ENERGY, HEAT = "cooling_kwh", "degree_minutes_worst_rack"


def paired_words(candidates: NDArray[np.float64], baseline: NDArray[np.float64]) -> str:
    """Mean paired difference of ``(S, E)`` to ``(E,)`` and its 95 % interval [USD/day], and as a share."""
    found = cost_difference(candidates, baseline)
    share = 100.0 * found.estimate / float(baseline.mean())
    return f"{found.estimate:+.2f} [{found.low:+.2f}, {found.high:+.2f}] | {share:+.2f} %"


def rows(found: Evaluation, runs: list[str], days: float) -> list[str]:
    """Rows of the table: references, each run, and the runs together."""
    scores, base = found.scores, strongest_opponent(found.scores)
    lines = [f"baseline: {base}; {len(found.episodes)} episodes of {days:g} days", ""]
    lines += ["| policy | USD/day | paired difference [95 %] | share | cooling kWh/day | K min/day | gates |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name in (*SHOWN, *runs):
        table = scores[name]
        gates = "baseline" if name == base else ", ".join(failed_gates(table, scores[base])) or "passed"
        words = "- | -" if name == base else paired_words(table[COST][None], scores[base][COST])
        numbers = f"{table[ENERGY].mean() / days:.0f} | {table[HEAT].mean() / days:.3f}"
        lines.append(f"| {name} | {table[COST].mean():.2f} | {words} | {numbers} | {gates} |")
    together = np.stack([scores[name][COST] for name in runs])
    lines.append(f"| all {len(runs)} | {together.mean():.2f} | {paired_words(together, scores[base][COST])} | | | |")
    return lines


def main() -> None:
    """Play, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("split", choices=("validation", "test"))
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--episodes", type=int, default=96)
    parser.add_argument("--days", type=int, default=1)
    given = parser.parse_args()
    scenario = load(given.scenario)
    made = reference_controllers(scenario)
    policies = {name: made[name] for name in SHOWN}
    for run in given.runs:
        policies |= {run.name: learned_policies(run.name, run)[run.name]}
    found = evaluate(policies, scenario, plan_episodes(load_split(given.split), given.episodes, given.days))
    sys.stdout.write("\n".join(rows(found, [run.name for run in given.runs], given.days)) + "\n")


if __name__ == "__main__":
    main()
