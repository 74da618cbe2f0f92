"""Every policy on the same paired episodes of one plant, scored by one function; ``coldaisle evaluate``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hydra
from omegaconf import DictConfig, OmegaConf

from experiments.evaluation.score import Scorer, Table
from experiments.evaluation.splits import Episode, plan_episodes
from experiments.evaluation.trace import Series, Tracer
from experiments.schema import CONFIGS, register

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

OUTSIDE = ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh")


class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes
    ----------
    scores : dict
        Policy to its score table, columns ``(E,)``.
    traces : dict
        Policy to the series of its figures.
    episodes : list of Episode
        The paired episodes, in the order of the columns.
    facts : dict
        Scenario, hashes, compute.
    """

    scores: dict[str, Table]
    traces: dict[str, Series]
    episodes: list[Episode]
    facts: dict[str, Any]


def evaluate(
    policies: Mapping[str, PolicyMaker], scenario: Scenario, episodes: Sequence[Episode], *, seed: int = 0
) -> Evaluation:
    """Run every policy on the same episodes, side by side in one batch, one policy after the other.

    Parameters
    ----------
    policies : mapping of str to callable
        Each makes a controller from the core.
    scenario : Scenario
        The plant; its signals are those of the episodes.
    episodes : sequence of Episode
        From ``plan_episodes``.
    seed : int
        Of the sensor noise's streams that the plan does not fix.
    """
    from envs.core import DataCenterCore
    from experiments.evaluation.episodes import explicit_plan, restricted

    site = restricted(scenario, episodes)
    core = DataCenterCore(site, len(episodes))
    plan = explicit_plan(site, core.world, episodes)
    scores, traces, seconds = {}, {}, {}
    for name, make in policies.items():
        start = time.perf_counter()
        core.reset(seed=seed, plan=plan)
        scores[name], traces[name] = score_and_trace(core, make(core), site.episode.steps)
        seconds[name] = time.perf_counter() - start
    facts = {
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "channel_hash": core.channel_hash,
        "step_s": core.step_s,
        "steps": site.episode.steps * len(episodes),
        "wall_s": seconds,
    }
    return Evaluation(scores, traces, list(episodes), facts)


def score_and_trace(core: DataCenterCore, controller: Controller, steps: int) -> tuple[Table, Series]:
    """Score and series of one controller over ``steps`` control steps of a core that was just reset."""
    from envs.play import play

    prices = core.scenario.reward
    scorer = Scorer(core.num_envs, core.step_s, core.channels, prices.water_usd_m3, prices.blowdown_usd_m3)
    tracer = Tracer()
    controller.reset(core.num_envs)
    for step in play(core, controller, steps):
        seen = step.measured
        scorer.add(core.flows, core.in_force, seen["price_usd_mwh"][0], seen["carbon_g_kwh"][0])
        tracer.add(core.flows, core.in_force, {name: seen[name] for name in OUTSIDE})
    return scorer.table(), tracer.series()


@hydra.main(config_path=CONFIGS, config_name="evaluate", version_base="1.3")
def main(config: DictConfig) -> None:
    """Evaluate as configured; write scores, traces and report into the run's folder."""
    from experiments.evaluation.episodes import split_of
    from experiments.evaluation.policies import best_rule, learned_policies, reference_policies
    from experiments.evaluation.results import print_table, save, summarise
    from experiments.records.provenance import git_state
    from experiments.records.tracking import start_run

    scenario: Any = OmegaConf.to_object(config.scenario)
    split = split_of(scenario, config.split)
    policies = reference_policies(scenario, config.mpc, config.mpc_forecast)
    baseline = config.baseline or best_rule(policies)
    for name, path in config.policies.items():
        policies |= learned_policies(str(name), path)
    episodes = plan_episodes(split, config.episodes or None, config.days or None)
    found = evaluate(policies, scenario, episodes, seed=config.seed)
    found.facts["split"] = config.split
    folder = save(found, Path(config.folder), baseline, OmegaConf.to_yaml(config, resolve=True))
    tracking = config.tracking
    with start_run(
        tracking.backend, tracking.uri, tracking.experiment, tracking.name or "evaluate", tags=git_state()
    ) as run:
        run.log_parameters({"baseline": baseline, "split": config.split, **found.facts})
        for name, row in summarise(found).items():
            run.log_metrics({f"{name}/{column}": value for column, value in row.items()})
        if config.report:
            from experiments.report import write_report

            write_report(folder, baseline)
        run.log_files(folder, "evaluation")
    print_table(found, baseline)


def run() -> None:
    """``coldaisle evaluate`` and ``python -m experiments.evaluate``."""
    register(sys.argv)
    main()


if __name__ == "__main__":
    run()
