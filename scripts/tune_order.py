"""Tune the order of the queue of a hall with jobs, on top of its tuned rules; freeze it in configs/tuned.

    python -m scripts.tune_order ai_factory

Most work per megawatt on weeks of the train split, where nobody waits longer for it. The cost in dollars would not do:
by the ledger all work that is not done is left, and a day does not see what it is to have left the large jobs.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import configs
from agents.planners.cem import Budget, minimize
from agents.planners.tuned import TunedRules, load_tuned, save_tuned
from agents.planners.tuning import changed_constants, rules_from
from agents.references import reference_controllers
from envs.scenario import load
from envs.scenario.scenario import ORDER
from scripts.hall_days import Bench, Days
from scripts.tune_rules import per_day, report, train_bench

#: Between which hours each constant of `ORDER` is searched; a range of the channel beyond it is for agents.
RANGES_H = np.array([[-12.0, 24.0], [-12.0, 24.0], [-6.0, 24.0], [-2.0, 48.0]])
START_H = np.array([12.0, 0.0, 0.0, 46.0])  # the best of a few dozen that were tried by hand on weeks of ai_factory
WORTH = 5.0  # per cent of work that a per cent of longer waiting costs: the search keeps off its bounds


def worth(found: Days, base: Days) -> float:
    """Work over the base's, less what waits longer than under it [%]."""
    gain = 100.0 * (found.work_per_mw.mean() / base.work_per_mw.mean() - 1.0)
    ours, theirs = found.waits(), base.waits()
    ours["left"], theirs["left"] = found.large_left_h.mean(), base.large_left_h.mean()
    ours["lost"], theirs["lost"] = 1.0 + found.sums["work_lost_h"].mean(), 1.0 + base.sums["work_lost_h"].mean()
    longer = [max(100.0 * (ours[name] / theirs[name] - 1.0), 0.0) for name in theirs]
    return float(gain - WORTH * sum(longer))


def searched(bench: Bench, rules: dict[str, float | str], budget: Budget, seed: int, traces: dict) -> dict[str, float]:
    """Constants of `ORDER`, with four significant digits; the search begins at `START_H` or at the order as it came."""
    sites = len(bench.episodes)
    base = bench.played(lambda core: rules_from(core, {**rules, **dict.fromkeys(ORDER, 0.0)}))

    def cost(points: NDArray[np.float64]) -> NDArray[np.float64]:
        hours = RANGES_H[:, 0] + points * (RANGES_H[:, 1] - RANGES_H[:, 0])
        each = {name: np.repeat(hours[:, k], sites) for k, name in enumerate(ORDER)}
        found = bench.played(lambda core: rules_from(core, {**rules, **each}), copies=len(points))
        return np.array([-worth(found.part(k * sites, (k + 1) * sites), base) for k in range(len(points))])

    starts = (np.stack([START_H, 0.0 * START_H]) - RANGES_H[:, 0]) / (RANGES_H[:, 1] - RANGES_H[:, 0])
    start = starts[int(np.argmin(cost(starts)))]
    best = minimize(cost, start, budget, seed, report("order, % of work", traces)).best
    hours = np.round(RANGES_H[:, 0] + best * (RANGES_H[:, 1] - RANGES_H[:, 0]), 6) + 0.0
    return {name: float(f"{hour:.4g}") for name, hour in zip(ORDER, hours)}


def main() -> None:
    """Search, score the reference controllers of the tuned file anew, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("--population", type=int, default=12)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=24, help="of the train split")
    parser.add_argument("--days", type=int, default=7, help="length of an episode")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scenario, tuned = load(given.scenario), load_tuned(given.scenario)
    if tuned is None:
        raise SystemExit(f"configs/tuned has no {given.scenario}.yaml; run scripts.tune_rules first")
    traces = dict(tuned.traces)
    budget = Budget(given.population, max(2, given.population // 4), given.iterations)
    bench = Bench(scenario, "train", given.episodes, given.days)
    order = searched(bench, {**tuned.rules, "caps": tuned.caps}, budget, given.seed, traces)
    print(order)
    place = Path(configs.__file__).parent / "tuned" / f"{scenario.name}.yaml"
    save_tuned(written(scenario.name, tuned, order, traces), place)


def written(name: str, tuned: TunedRules, order: dict[str, float], traces: dict[str, list[float]]) -> TunedRules:
    """The tuned file with this order, its command, and the scores of the references on its own episodes."""
    scenario, rules = load(name), {**tuned.rules, **order}
    found = replace(
        tuned,
        rules=rules,
        moved=changed_constants(scenario.rules, rules),
        command=f"{tuned.command.split(';')[0]}; python -m scripts.tune_order {shlex.join(sys.argv[1:])}",
        traces=traces,
    )
    asked = {key: tuned.found_on[key] for key in ("episodes", "days", "seed")}
    bench = train_bench(scenario, argparse.Namespace(**asked))
    made = reference_controllers(scenario, found)
    return replace(found, scores={key: per_day(bench.columns_of(make)) for key, make in made.items()})


if __name__ == "__main__":
    main()
