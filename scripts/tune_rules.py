"""Tune the rules, the fixed setpoints and the best constant on the train split; freeze them in configs/tuned.

    python -m scripts.tune_rules ai_hall --population 24

Deterministic in the seed. The file keeps the budget, the split, the command, the hash of the plant, and what moved.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import configs
from agents.planners.best_constant import find_constant, find_fixed
from agents.planners.cem import Budget, Progress
from agents.planners.trial import CandidateTrials, Trial, gated_cost, limits_of
from agents.planners.tuned import TunedRules, load_tuned, plant_hash, save_tuned
from agents.planners.tuning import changed_constants, find_rules, holding, holding_action, rules_from
from agents.references import channels_of, reference_controllers
from envs.building.rules import legacy_fixed
from envs.episodes.world import World
from envs.interface.constraints import CONSTRAINTS
from envs.scenario import SHIPPED, Scenario, load
from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes
from experiments.evaluation.splits import load_split, plan_episodes, split_hash

SEARCHED_CAPS = ("water_filling", "marginal_value")  # open leaves a limit that binds to the fast protection
Traces = dict[str, list[float]]
SCORES = {"facility_power_kwh": 0, "cooling_power_kwh": 0, "makeup_kg": 0, **{c.name: 2 for c in CONSTRAINTS}}


def main() -> None:
    """Search, score every reference controller on the same episodes, write the file."""
    options = arguments()
    scenario = load(options.scenario)
    bench = train_bench(scenario, options)
    safest = bench.columns_of(lambda core: legacy_fixed(core.scenario, core.plant.layout))
    limits = limits_of(bench.columns_of(lambda core: rules_from(core, {})), safest)
    print(f"{scenario.name}: bounds per day {limits}")
    tuned = search_results(scenario, bench, limits, options)
    place = Path(configs.__file__).parent / "tuned" / f"{scenario.name}.yaml"
    scores = {name: per_day(bench.columns_of(make)) for name, make in reference_controllers(scenario, tuned).items()}
    for name, score in scores.items():
        print(f"{name:24s}", score)
    save_tuned(replace(tuned, scores=scores), place)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", choices=SHIPPED)
    parser.add_argument("--population", type=int, default=48, help="candidates per iteration")
    parser.add_argument("--iterations", type=int, default=24)
    parser.add_argument("--episodes", type=int, default=12, help="of the train split, one per month")
    parser.add_argument("--days", type=int, default=1, help="length of an episode")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules-from", default="", help="scenario whose tuned rules are taken instead of a search")
    return parser.parse_args()


def train_bench(scenario: Scenario, options: argparse.Namespace) -> CandidateTrials:
    """Build the plant and the paired episodes of the train split."""
    episodes = plan_episodes(load_split("train"), options.episodes, options.days)
    site = scenario_of_episodes(scenario, episodes)
    world = World.build(site)
    return CandidateTrials(site, world, explicit_plan(site, world, episodes), options.seed)


def search_results(
    scenario: Scenario, bench: CandidateTrials, limits: dict[str, float], options: argparse.Namespace
) -> TunedRules:
    """Run the three searches, each with the same budget."""
    budget = Budget(options.population, max(2, options.population // 4), options.iterations)
    traces: Traces = {}
    values = find_fixed(bench, limits, budget, options.seed, report("fixed", traces))
    action = find_constant(bench, limits, budget, options.seed, report("constant", traces))
    held = holding(values), holding_action(bench.single, action)
    rules, caps = starting_rules(options.rules_from) or best_rules(bench, limits, budget, options.seed, held, traces)
    candidates = options.population * options.iterations
    found_on = {
        "split": "train",
        "split_sha256": split_hash(load_split("train")),
        "episodes": options.episodes,
        "days": options.days,
        "seed": options.seed,
        "candidates_per_search": candidates,
        "environment_steps_per_search": candidates * options.episodes * bench.scenario.episode.steps,
        "bounds_per_day": {name: round(value, 3) for name, value in limits.items()},
    }
    return TunedRules(
        scenario.name,
        plant_hash(scenario),
        f"python -m scripts.tune_rules {shlex.join(sys.argv[1:])}",
        found_on,
        rules,
        values,
        {"channels": channels_of(scenario), "action": [float(a) for a in action]},
        changed_constants(scenario.rules, rules),
        caps=caps,
        traces=traces,
    )


def best_rules(
    bench: CandidateTrials,
    limits: dict[str, float],
    budget: Budget,
    seed: int,
    starts: Sequence[dict[str, float]],
    traces: Traces,
) -> tuple[dict[str, float], str]:
    """Search the rules from the best of ``starts`` and those as given.

    Where the feeder binds each rule that shares it is searched, and the better one kept.
    """
    cappers = SEARCHED_CAPS if "feeder" in bench.single.plant.layout.present else (bench.scenario.rules.caps,)
    found = []
    for caps in cappers:
        rules = find_rules(bench, limits, budget, seed, report(f"rules, caps {caps}", traces), caps, starts)
        trial = bench.columns_of(partial(rules_from, values={**rules, "caps": caps}))
        found.append((float(gated_cost(trial, limits)[0]), rules, caps))
    return min(found, key=lambda each: each[0])[1:]


def starting_rules(name: str) -> tuple[dict[str, float], str] | None:
    """Tuned rules and caps of another scenario; none without a name."""
    found = load_tuned(name) if name else None
    if name and found is None:
        raise SystemExit(f"--rules-from {name}: configs/tuned has no {name}.yaml; tune that scenario first")
    return (found.rules, found.caps) if found else None


def report(title: str, traces: Traces) -> Callable[[Progress], None]:
    """Print where a search stands, and keep its best cost."""
    start = time.perf_counter()

    def show(p: Progress) -> None:
        seconds = time.perf_counter() - start
        traces.setdefault(title, []).append(round(float(p.best_cost), 2))
        print(
            f"{title} {p.iteration + 1}: {p.best_cost:.2f} USD/day, spread {p.spread:.3f}, {seconds:.0f} s", flush=True
        )

    return show


def per_day(trial: Trial) -> dict[str, float]:
    """Means per day of one controller: the cost, its terms, energies, violations, work."""
    row = {"cost_usd": round(float(trial.cost_usd_day()[0]), 2)}
    row |= {name: round(float(trial.per_day(name)[0]), digits) for name, digits in SCORES.items()}
    terms = {name: round(float(trial.per_day(name)[0]), 2) for name in trial.sums if name.startswith("cost_")}
    return row | {name: value for name, value in terms.items() if value}


if __name__ == "__main__":
    main()
