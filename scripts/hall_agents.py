"""Agents on a hall with jobs: work per megawatt against the tuned rules, on sites and load that nobody learnt from.

    python -m scripts.hall_agents ai_factory --seeds 5 --steps 600000

Trains PPO on top of the tuned rules on the train split, once for each seed, and plays all on the same days of a split.
More work counts where nobody pays for it: no trip, no overload, as little use of the fast protection, and nobody waits
longer, neither a job nor, where the scenario has a ``site.token_target_ms``, who reads tokens. A wait counts from
submission to the start, or to the end of the episode where there was none: a policy that starves large jobs shows it
there, and in the work that they have left at the end. By the ledger all work that is not done is left, so more work by
leaving the large jobs is only another choice of what to leave.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.encoding import agent_scenario, best_rules
from agents.learning.build import build_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from agents.planners.tuned import tuned_of
from agents.planners.tuning import Constant, rules_from
from agents.policy import interface_data, policy_from_data, predictor
from envs.core import DataCenterCore
from envs.hooks import Hooks, SteppedCore
from envs.interface.channels import CHANNELS
from envs.physics.namespace import Floats
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import Scenario, load
from envs.scenario.scenario import ORDER
from experiments.evaluation.episodes import with_split
from experiments.evaluation.stats import mean_difference
from scripts.hall_days import Bench, Days, Maker

SITES, REACH_JOBS, REACH_COOLING = 64, 0.35, 0.15
SETTINGS: dict[str, float | int] = {"n_steps": 32, "batch_size": 1024, "learning_rate": 5e-4, "gamma": 0.99}
KEPT = (
    "inlet",
    "coolant",
    "branch",
    "trips",
    "travel",
    "ramp",
    "work_lost",
    "work_delayed",
)  # cost terms in the reward
WHOLE = ("jobs.rule=whole_domain",)
COLUMNS = (
    *("policy", "accelerators at work per MW", "over the tuned rules", "95 % interval", "mean wait s", "95 % wait s"),
    *(
        "95 % wait of large s",
        "large left h",
        "lost h",
        "served late %",
        "points over the tuned rules, 95 % interval",
        "K min",
        "trips",
        "overload kWh",
        "protection h",
        "cooling kWh",
    ),
    "at what price",
)


def tuned_rules(scenario: Scenario, **constants: str | float) -> Maker:
    """The tuned rules, with constants of one's own."""
    found = tuned_of(scenario)
    values: dict[str, Constant] = {} if found is None else {**found.rules, "caps": found.caps}
    return lambda core: rules_from(core, {**values, **constants})


def held(make: Maker, values: Mapping[str, float]) -> Maker:
    """A policy with channels of jobs held at constants."""

    class Holding:
        def __init__(self, core: DataCenterCore) -> None:
            self.policy = make(core)
            self.reset = self.policy.reset

        def act(self, measured: Mapping[str, Floats]) -> dict[str, Floats]:
            wanted = dict(self.policy.act(measured))
            return wanted | {name: np.full_like(wanted[name], value) for name, value in values.items()}

    return Holding


def work_reward(core: SteppedCore, cost: Mapping[str, Floats]) -> Floats:
    """Accelerator-hours of jobs that were done in the step, less what heat, trips, wear and waiting cost, by ten."""
    safety = sum((np.asarray(cost[name], np.float64) for name in KEPT), np.zeros(core.num_envs))
    return np.asarray(core.flows.work_done.sum(axis=0) - safety) * 0.1


def trained(scenario: Scenario, steps: int, seed: int) -> Maker:
    """What PPO has learnt on the train split, on top of the tuned rules."""
    acted = agent_scenario(scenario, "residual", REACH_COOLING)
    reach = {name: REACH_JOBS if CHANNELS[name].kind == "jobs" else REACH_COOLING for name in acted.agent_channels}
    acted = with_split(replace(acted, reach_frac=reach), "train")
    rules = best_rules(scenario)
    sites = DataCenterSB3VecEnv(acted, SITES, stagger=True, rules=rules, hooks=Hooks(reward=work_reward))
    model = build_model("ppo", sites, SETTINGS, seed=seed)
    sites.seed(1000 * seed)
    with tempfile.TemporaryDirectory() as folder:
        learn(model, LearningPlan(steps), Path(folder))
    data = interface_data(sites.core)
    return lambda core: policy_from_data(predictor(model), data, core.step_s)


def late_cells(found: Days, base: Days, sites: list[str]) -> tuple[str, str]:
    """Share of served work whose tokens came too late [%], and its points over the base; dashes without a target."""
    if "late_work_h" not in found.sums:
        return "-", "-"
    ours, theirs = found.late_frac(), base.late_frac()
    more, low, high = (100.0 * x for x in mean_difference(ours, theirs, sites))
    return f"{100.0 * ours.mean():.2f}", f"{more:+.2f}, {low:+.2f} to {high:+.2f}"


def no_limit(scenario: Scenario) -> tuple[str, ...]:
    """Overrides by which no limit binds: 3800 kW, or all UPS units where that is less."""
    limit_kw = min(3800.0, float(scenario.power.ups_units * scenario.power.ups_unit_kw))
    return f"power.ups_limit_kw={limit_kw}", f"power.utility_limit_kw={limit_kw}"


def row(name: str, found: Days, base: Days, difference: NDArray[np.float64], sites: list[str]) -> str:
    """A row of the table; ``difference`` to the base is ``(E,)`` or ``(seeds, E)``."""
    sums = found.sums
    cells = (
        *found.cells(base, difference, sites), *late_cells(found, base, sites),
        f"{sums['inlet_degree_minutes'].mean() / found.days:.2f}", f"{sums['trips'].sum():.0f}",
        f"{sums['overload_kwh'].mean() / found.days:.2f}",
        f"{sums['capper_active_s'].mean() / 3600.0 / found.days:.2f}",
        f"{sums['cooling_power_kwh'].mean() / found.days:.0f}", found.price(base),
    )  # fmt: skip
    return "| " + " | ".join((name, *cells)) + " |\n"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="ai_factory")
    parser.add_argument("--split", default="validation", help="whose days are played")
    parser.add_argument("--days", type=int, default=48)
    parser.add_argument("--length", type=int, default=1, help="days of an episode")
    parser.add_argument("--steps", type=int, default=600_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="of the scenario")
    given = parser.parse_args()
    scenario = load(given.scenario, given.set)
    bench = Bench(scenario, given.split, given.days, given.length, tuple(given.set))
    rules = tuned_rules(scenario)
    base = bench.played(rules)
    say = sys.stdout.write
    say("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|\n")
    references: dict[str, tuple[Maker, tuple[str, ...]]] = {
        "rules as given": (lambda core: rules_from(core, {}), ()),
        "tuned rules": (rules, ()),
        "tuned, order as it came": (tuned_rules(scenario, **dict.fromkeys(ORDER, 0.0)), ()),
        "tuned, the first may be passed for a day": (tuned_rules(scenario, backfill_grace_h=24.0), ()),
        "tuned, short jobs 6 h ahead": (tuned_rules(scenario, order_short_h=6.0), ()),
        "tuned, small jobs 6 h ahead": (tuned_rules(scenario, order_small_h=6.0), ()),
        "tuned, no reservation": (rules, ("jobs.rule=edf",)),
        "tuned, whole domains": (rules, WHOLE),
        "tuned, whole domains, short jobs 6 h ahead": (tuned_rules(scenario, order_short_h=6.0), WHOLE),
        "tuned, racks with power left": (held(rules, {"place_row_weight": 2.0}), ()),
        "tuned, class limits 0.9": (held(rules, {"class_power_limit_frac": 0.9}), ()),
        "tuned, caps by water-filling": (tuned_rules(scenario, caps="water_filling"), ()),
        "tuned, caps in proportion": (tuned_rules(scenario, caps="proportional"), ()),
        "tuned, caps in three bands": (tuned_rules(scenario, caps="three_band"), ()),
        "tuned, caps at marginal value": (tuned_rules(scenario, caps="marginal_value"), ()),
        "tuned, caps open": (tuned_rules(scenario, caps="open"), ()),
        "what if: a network that slows nobody": (rules, ("jobs.out_gb_s=900",)),
        "what if: no limit of power": (tuned_rules(scenario, caps="open"), no_limit(scenario)),
    }
    for name, (make, overrides) in references.items():
        found = bench.played(make, overrides)
        say(row(name, found, base, found.work_per_mw - base.work_per_mw, bench.sites))
        sys.stdout.flush()
    learnt = []
    for seed in range(given.seeds):
        learnt.append(bench.played(trained(scenario, given.steps, seed)))
        found = learnt[-1]
        say(row(f"PPO, seed {seed}", found, base, found.work_per_mw - base.work_per_mw, bench.sites))
        sys.stdout.flush()
    if len(learnt) > 1:
        difference = np.stack([found.work_per_mw - base.work_per_mw for found in learnt])
        mean = Days(
            np.mean([x.work_per_mw for x in learnt], axis=0),
            np.mean([x.large_left_h for x in learnt], axis=0),
            np.concatenate([x.wait_s for x in learnt]),
            np.concatenate([x.large for x in learnt]),
            np.concatenate([x.site for x in learnt]),
            {name: np.mean([x.sums[name] for x in learnt], axis=0) for name in base.sums},
            base.days,
            np.mean([x.job_work_h for x in learnt], axis=0),
        )
        say(row(f"PPO, {len(learnt)} seeds", mean, base, difference, bench.sites))


if __name__ == "__main__":
    main()
