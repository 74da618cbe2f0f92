"""Agents that set the headroom of the caps: work behind a feeder that binds, against the tuned rules and the bounds.

    python -m scripts.cap_agents --models runs/headroom                          # rules and five agents on validation
    python -m scripts.cap_agents --models runs/headroom --split test             # the same agents on the test split
    python -m scripts.cap_agents --seeds 0 --bounds                              # rules and bounds

PPO learns on the train split (`scripts.headroom`), once for each seed; a model that the folder has is taken from there.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.learning.build import build_model
from agents.learning.model_file import load_model, save_model
from agents.planners.tuned import TunedRules, tuned_of
from agents.planners.tuning import Constant, rules_from
from agents.policy import predictor
from agents.references import reference_controllers
from envs.core import DataCenterCore
from envs.scenario import Scenario, load
from experiments.evaluate import evaluate
from experiments.evaluation.episodes import with_split
from experiments.evaluation.gates import failed_gates
from experiments.evaluation.score import Table
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.evaluation.stats import mean_difference
from scripts.foreseen_caps import ForeseenCaps
from scripts.headroom import REACH, HeadroomRule, HeadroomSites

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from experiments.evaluation.splits import Episode

Maker = Callable[[DataCenterCore], "Controller"]
SITES = 128
SETTINGS: dict[str, float | int] = {"n_steps": 32, "batch_size": 1024, "log_std_init": -1.0}
BASE = "rules_tuned"
RULES = (
    *(BASE, "rules_water_filling_caps", "rules_three_band_caps", "rules_proportional_caps", "rules_as_given"),
    *("best_constant", "tuned_fixed"),
)
#: What is changed of the plant, and what is added to the planned load [of the limit].
OTHER_PLANTS = {
    "no limit": ("power.ups_limit_kw=2000", 0.0),
    "the protection's meter spans whole training steps": ("capper.meter_s=2", 0.0),
    "the same, and the rule plans 0.97 of the limit": ("capper.meter_s=2", 0.01),
}
COLUMNS = (
    *("policy", "work, accelerator-h/day", "per provisioned MW and h", "work against the rules [95 %]"),
    *("USD/day against the rules [95 %]", "capper, h/day", "trips", "K min/day", "gates"),
)


def best_constants(found: TunedRules) -> dict[str, Constant]:
    """Constants of the tuned rules, with caps at equal marginal value."""
    return {**found.rules, "caps": "marginal_value"}


def trained(scenario_name: str, constants: Mapping[str, Constant], steps: int, seed: int, place: Path) -> Maker:
    """What PPO has learnt on the train split with one seed; kept at ``place``."""
    if not place.is_file():
        sites = HeadroomSites(with_split(load(scenario_name), "train"), SITES, constants)
        model = build_model("ppo", sites, SETTINGS, seed=seed)
        sites.seed(1000 * seed)
        model.learn(steps)
        place.parent.mkdir(parents=True, exist_ok=True)
        save_model(model, place)
    decide = predictor(load_model("ppo", place))
    sys.stdout.write(f"{place.name}: SHA-256 {hashlib.sha256(place.read_bytes()).hexdigest()[:12]}\n")
    return lambda core: HeadroomRule(core, constants, decide)


def row(name: str, tables: list[Table], base: Table, sites: list[str]) -> str:
    """A row of the table: a policy, or the seeds of one."""

    def each(column: str) -> np.ndarray:
        return np.stack([table[column] / table["days"] for table in tables])

    work = base["work_done_h"] / base["days"]
    more = [100.0 * x / work.mean() for x in mean_difference(each("work_done_h"), work, sites)]
    cost = mean_difference(np.stack([t["cost_usd_day"] for t in tables]), base["cost_usd_day"], sites)
    failed = sorted({words.split(":")[0] for t in tables for words in failed_gates(t, base)})
    per_mw = np.mean([t["work_per_mw_h"].mean() for t in tables])
    trips = sum(t["trips"].sum() for t in tables)
    cells = (
        f"{each('work_done_h').mean():.0f}", f"{per_mw:.1f}", f"{more[0]:+.2f} % [{more[1]:+.2f}, {more[2]:+.2f}]",
        f"{cost.estimate:+.1f} [{cost.low:+.1f}, {cost.high:+.1f}]", f"{each('capper_s').mean() / 3600.0:.2f}",
        f"{trips:.0f}", f"{each('degree_minutes_worst_rack').mean():.2f}", "; ".join(failed) or "passed",
    )  # fmt: skip
    return "| " + " | ".join((name, *cells)) + " |\n"


def main() -> None:
    """Print the table."""
    given = arguments()
    scenario, say = load(given.scenario), sys.stdout.write
    found = tuned_of(scenario)
    if found is None:
        raise SystemExit(f"{given.scenario} has no tuned rules; run python -m scripts.tune_rules {given.scenario}")
    constants = best_constants(found)
    episodes = plan_episodes(load_split(given.split), given.days, 1)
    sites = [e.site for e in episodes]
    made = reference_controllers(scenario, found)
    policies: dict[str, Maker] = {name: made[name] for name in RULES if name in made}
    policies[BASE] = lambda core: rules_from(core, constants)
    policies["caps open, to the protection"] = lambda core: rules_from(core, {**constants, "caps": "open"})
    if given.bounds:
        policies["bound: the coming minute known"] = lambda core: ForeseenCaps(core, constants)
        policies["and power moved by the true mix"] = lambda core: ForeseenCaps(core, constants, swaps=True)
    seeds = [
        trained(given.scenario, constants, given.steps, seed, Path(given.models) / f"seed_{seed}.npz")
        for seed in range(given.seeds)
    ]
    agents = {f"headroom by PPO, seed {seed}": make for seed, make in enumerate(seeds)}
    scores = evaluate({**policies, **agents}, scenario, episodes).scores
    say("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|\n")
    for name in (*policies, *agents):
        say(row(name, [scores[name]], scores[BASE], sites))
    if len(agents) > 1:
        say(row(f"headroom by PPO, {len(agents)} seeds", [scores[name] for name in agents], scores[BASE], sites))
    for name, (changed, more) in OTHER_PLANTS.items() if given.bounds else ():
        found_there = on_another_plant(load(given.scenario, (changed,)), more, constants, episodes)
        say(row(f"bound: {name}", [found_there], scores[BASE], sites))


def on_another_plant(
    scenario: Scenario, more: float, constants: Mapping[str, Constant], episodes: list[Episode]
) -> Table:
    """The tuned rules on a changed plant, on the same days; they plan ``more`` load [of the limit]."""
    action = np.array([more / REACH[0], 0.0])

    def make(core: DataCenterCore) -> Controller:
        if not more:
            return rules_from(core, constants)
        return HeadroomRule(core, constants, lambda seen: np.broadcast_to(action, (len(seen), 2)))

    return evaluate({BASE: make}, scenario, episodes).scores[BASE]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="ai_hall_power_cap")
    parser.add_argument("--split", default="validation", help="whose days are played")
    parser.add_argument("--days", type=int, default=48)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", default="runs/headroom", help="folder of the models")
    parser.add_argument("--bounds", action="store_true", help="play the bounds too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
