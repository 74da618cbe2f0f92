"""Print the tables of ``docs/learning.md``: what an algorithm's settings reach, scored on the validation split.

``python -m scripts.compare_settings ai_hall references`` scores the rules; ``python -m scripts.compare_settings ai_hall
sac 100000 "" learning_rate=1e-3 gradient_steps=8,gamma=0.95`` trains one run per argument (seed 0, train split; an
empty one is the defaults) and scores each: mean episode reward of 96 drawn one-day episodes, and their cooling energy.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from agents.policy import LearnedPolicy, interface_data, policy_from_data, predictor
from agents.references import reference_controllers
from envs.core import DataCenterCore
from envs.play import play
from envs.scenario import Scenario, load
from experiments.evaluation.episodes import with_split

EPISODES, SCORED_SEED = 96, 77_000


def score(make: Callable[[Any], Any], scenario: Scenario, world: Any = None) -> tuple[float, float, Any]:
    """Mean episode reward and mean cooling energy [kWh/day] of one policy, and the world for the next."""
    core = DataCenterCore(with_split(scenario, "validation"), EPISODES, world=world)
    core.reset(seed=SCORED_SEED)
    policy = make(core)
    policy.reset(EPISODES)
    steps = scenario.episode.steps
    total, cooling_kwh = np.zeros(EPISODES), np.zeros(EPISODES)
    for step in play(core, policy, steps):
        total += step.reward
        cooling_kwh += core.flows.cooling_power_kw * (core.step_s / 3600.0)
    days = steps * core.step_s / 86_400.0
    return float(total.mean()), float(cooling_kwh.mean() / days), core.world


def trained_policy(
    scenario: Scenario, algorithm: str, steps: int, given: dict[str, Any]
) -> tuple[Callable[[DataCenterCore], LearnedPolicy], float]:
    """What makes the policy from a core, and the seconds that it took to learn."""
    from agents.encoding import agent_scenario, best_rules
    from agents.learning.algorithms import algorithm_named
    from agents.learning.build import build_model
    from agents.learning.learn import learn
    from agents.learning.plan import LearningPlan
    from envs.sb3_vec_env import DataCenterSB3VecEnv

    row = algorithm_named(algorithm)
    environments = given.pop("environments", row.environments)
    encoding, reach = given.pop("encoding", row.encoding), given.pop("reach_frac", row.reach_frac)
    site = with_split(agent_scenario(scenario, encoding, reach), "train")
    sites = DataCenterSB3VecEnv(site, environments, stagger=True, rules=best_rules(scenario, encoding))
    model = build_model(algorithm, sites, given, seed=0)
    sites.seed(0)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        learn(model, LearningPlan(steps), Path(folder))
    seconds = time.perf_counter() - start
    data = interface_data(sites.core)
    return (lambda core: policy_from_data(predictor(model), data, core.step_s)), seconds


def main() -> None:
    """Print one row of a Markdown table per policy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("algorithm", help="a row of agents/learning/algorithms.py, or references")
    parser.add_argument("steps", nargs="?", type=int, default=100_000)
    parser.add_argument("settings", nargs="*", default=[""], help='comma-separated key=value; "" is the default')
    given = parser.parse_args()
    scenario, world = load(given.scenario), None
    sys.stdout.write(f"scenario hash {scenario.hash()}\n| policy | steps | return | cooling kWh/day | wall s |\n")
    if given.algorithm == "references":
        for name, make in reference_controllers(scenario).items():
            value, cooling, world = score(make, scenario, world)
            sys.stdout.write(f"| {name} | | {value:.1f} | {cooling:.0f} | |\n")
        return
    for text in given.settings:
        settings = {k: ast.literal_eval(v) for k, v in (item.split("=", 1) for item in text.split(",") if item)}
        make, seconds = trained_policy(scenario, given.algorithm, given.steps, settings)
        value, cooling, world = score(make, scenario, world)
        row = (
            f"| {given.algorithm} {text or '(default)'} | {given.steps} | {value:.1f} | {cooling:.0f} | {seconds:.0f} |"
        )
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
