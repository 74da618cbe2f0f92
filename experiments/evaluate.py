"""Every policy on the same paired episodes of one plant, scored by one function; ``coldaisle evaluate``."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from envs.whole_file import write_whole
from experiments.evaluation.decision_time import DECISION, TimedController
from experiments.evaluation.played import scored
from experiments.evaluation.results import Evaluation
from experiments.evaluation.score import Table
from experiments.evaluation.seeds import SEEDS, seeds_of, shortage
from experiments.evaluation.shielded import SHIELDED, acted_shares, shield_facts, shield_words
from experiments.evaluation.splits import Episode, plan_episodes
from experiments.evaluation.trace import Series, Tracer
from experiments.records.progress import steps_bar
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from agents.planners.cem import Budget
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.play import Step
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

LOG = logging.getLogger(__name__)
USUAL_SPLIT = "test"
OUTSIDE = ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh")


def evaluate(
    policies: Mapping[str, PolicyMaker],
    scenario: Scenario,
    episodes: Sequence[Episode],
    *,
    seed: int = 0,
    progress: bool = False,
    shield: bool = False,
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
    progress : bool
        Show a bar over all control steps.
    shield : bool
        Play them behind the shield; the facts say in which share of the steps it acted.
    """
    from envs.core import DataCenterCore
    from envs.twin.estimation.foresight import shield_of
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    site = scenario_of_episodes(scenario, episodes)
    core = DataCenterCore(site, len(episodes), shield=shield_of(site) if shield else None)
    plan = explicit_plan(site, core.world, episodes)
    scores, traces, seconds, shielded, decided = {}, {}, {}, {}, {}
    with steps_bar("playing", site.episode.steps * len(policies), shown=progress) as advance:
        for number, (name, make) in enumerate(policies.items(), 1):
            start = time.perf_counter()
            core.reset(seed=seed, plan=plan)
            timed = TimedController(make(core))
            scores[name], traces[name] = score_and_trace(core, timed, site.episode.steps, advance)
            seconds[name] = time.perf_counter() - start
            decided[name] = 1e6 * timed.seconds / (site.episode.steps * len(episodes))
            shielded[name] = acted_shares(core.episode_statistics())
            LOG.info("%d of %d policies played: %s, %.0f s", number, len(policies), name, seconds[name])
    facts = {
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "channel_hash": core.channel_hash,
        "step_s": core.step_s,
        "steps": site.episode.steps * len(episodes),
        "wall_s": seconds,
        DECISION: decided,
    }
    if shield:
        facts["shield_acted"] = shielded
    return Evaluation(scores, traces, list(episodes), facts)


def with_shielded(
    found: Evaluation, policies: Mapping[str, PolicyMaker], scenario: Scenario, seed: int = 0
) -> Evaluation:
    """The evaluation with these policies once more, behind the shield: a row each, ``<name> shielded``."""
    played = evaluate(policies, scenario, found.episodes, seed=seed, shield=True)
    rename = {name: f"{name}{SHIELDED}" for name in policies}
    seeds = {
        f"{policy}{SHIELDED}": [rename[name] for name in names]
        for policy, names in seeds_of(found.facts).items()
        if rename.keys() >= set(names)
    }
    return found._replace(
        scores=found.scores | {rename[name]: table for name, table in played.scores.items()},
        traces=found.traces | {rename[name]: series for name, series in played.traces.items()},
        facts={
            **found.facts,
            SEEDS: seeds_of(found.facts) | seeds,
            "shield": shield_facts(found.scores, played.scores, played.facts["shield_acted"]),
            **{
                key: found.facts[key] | {rename[n]: s for n, s in played.facts[key].items()}
                for key in ("wall_s", DECISION)
            },
        },
    )


def score_and_trace(
    core: DataCenterCore, controller: Controller, steps: int, advance: Callable[[], object] = int
) -> tuple[Table, Series]:
    """Score and series of one controller over ``steps`` control steps of a core that was just reset.

    ``advance`` is called after each of them.
    """
    tracer = Tracer()

    def watch(step: Step) -> None:
        tracer.add(core.flows, core.in_force, {name: step.measured[name] for name in OUTSIDE})
        advance()

    return scored(core, controller, steps, watch), tracer.series()


def with_bounds(
    found: Evaluation,
    policies: Mapping[str, PolicyMaker],
    scenario: Scenario,
    baseline: str,
    budget: Budget,
    plays: int,
    seed: int,
) -> Evaluation:
    """The evaluation with the oracle as one more policy and the energy floor among its facts (PROTOCOL 5).

    The oracle starts from the baseline, the cheapest reference and the cheapest learnt policy, ``plays`` times each;
    ``budget`` is the floor's.
    """
    from agents.references import ORACLE, REFERENCES
    from experiments.evaluation.bounds import best_controller, bound_facts, search_bounds

    start = time.perf_counter()
    baseline = seeds_of(found.facts).get(baseline, [baseline])[0]
    learned = [name for name in policies if name not in REFERENCES]
    known = [name for name in policies if name in REFERENCES]
    best = (best_controller(found.scores, names, baseline) for names in (known, learned))
    starts = {name: policies[name] for name in (baseline, *best)}
    bounds = search_bounds(scenario, found.episodes, starts, policies[baseline], budget, plays, seed)
    played = evaluate({ORACLE: bounds.oracle}, scenario, found.episodes, seed=seed)
    wall_s = {**found.facts["wall_s"], ORACLE: time.perf_counter() - start}
    return found._replace(
        scores=found.scores | played.scores,
        traces=found.traces | played.traces,
        facts={**found.facts, "bounds": bound_facts(bounds), "wall_s": wall_s},
    )


@verb_main("evaluate")
def main(config: DictConfig) -> None:
    """Evaluate as configured; write scores, traces and report into the run's folder."""
    from agents.planners.cem import Budget
    from experiments.evaluation.bounds import bound_rows, print_bounds
    from experiments.evaluation.comparison import COMPARISON, page, print_comparison
    from experiments.evaluation.episodes import chosen_split, scenario_of_episodes, split_of
    from experiments.evaluation.opponents import STRONGEST, strongest_opponent
    from experiments.evaluation.policies import best_rule, learned_rows, reference_policies, require_playable
    from experiments.evaluation.results import print_table, require_baseline, save, summarise
    from experiments.records.provenance import git_state
    from experiments.records.tracking import override_parameters, start_run

    scenario: Any = OmegaConf.to_object(config.scenario)
    typed = list(HydraConfig.get().overrides.task)
    played = chosen_split(scenario, config.split, USUAL_SPLIT, typed)
    split = split_of(scenario, played)
    policies = reference_policies(scenario, config.mpc, config.mpc_forecast)
    best = best_rule(policies)
    baseline = config.baseline or best
    paths = {str(name): str(path) for name, path in config.policies.items()}
    learned = learned_rows(paths, trust=config.trust)
    require_baseline(baseline, [*policies, *learned.seeds, STRONGEST])
    policies |= learned.makers
    episodes = plan_episodes(split, config.episodes or None, config.days or None)
    require_playable(learned.makers, scenario_of_episodes(scenario, episodes[:1]))
    LOG.info("%d policies on %d paired episodes of %d days", len(policies), len(episodes), episodes[0].days)
    found = evaluate(policies, scenario, episodes, seed=config.seed, progress=config.progress)
    found.facts.update({"split": played, SEEDS: learned.seeds})
    if baseline == STRONGEST:
        baseline = strongest_opponent(found.scores, best)
    if config.shield:
        guarded = [*learned.seeds.get(baseline, [baseline]), *learned.makers]
        found = with_shielded(found, {name: policies[name] for name in guarded}, scenario, config.seed)
    if config.bounds:
        budget = Budget(config.bounds_population, max(2, config.bounds_population // 4), config.bounds_iterations)
        found = with_bounds(found, policies, scenario, baseline, budget, config.oracle_plays, config.seed)
    folder = save(found, Path(config.folder), baseline, OmegaConf.to_yaml(config, resolve=True))
    tracking = config.tracking
    with start_run(
        tracking.backend, tracking.uri, tracking.experiment, tracking.name or "evaluate", tags=git_state()
    ) as run:
        lacks = {f"{name}/result": shortage(name, found.facts, len(episodes)) or "yes" for name in learned.seeds}
        known = {"baseline": baseline, **{k: v for k, v in found.facts.items() if k != SEEDS}, **lacks}
        run.log_parameters({**known, **override_parameters(typed, known)})
        for name, row in summarise(found).items():
            run.log_metrics({f"{name}/{column}": value for column, value in row.items()})
        for bound in bound_rows(found, baseline):
            if np.isfinite(bound.gap_closed_frac):
                run.log_metrics({f"{bound.name}/gap_closed_frac": bound.gap_closed_frac})
        write_whole(folder / COMPARISON, page(found, baseline))
        if config.report:
            from experiments.report import write_report

            write_report(folder, baseline)
        run.log_files(folder, "evaluation")
    print_table(found, baseline)
    print_comparison(found, baseline)
    print_bounds(found, baseline)
    sys.stdout.write(shield_words(found.facts))
    sys.stdout.write(closing_words(folder, config.report, paths))


def closing_words(folder: Path, report: bool, policies: Mapping[str, str]) -> str:
    """Where the results are, and what may be done next with the first seed of the first policy."""
    from experiments.records.run_folder import seed_folders

    words = f"report: {folder / 'report.html'}\n" if report else f"evaluation: {folder}\n"
    for name, path in list(policies.items())[:1]:
        first = seed_folders(path)[0]
        if not (first / "manifest.json").exists():
            run, evaluation = shlex.quote(str(first)), shlex.quote(str(folder))
            words += f"next: coldaisle export run={run} evaluation={evaluation} policy={name}\n"
    return words


def run() -> None:
    """``coldaisle evaluate`` and ``python -m experiments.evaluate``."""
    register(sys.argv, "evaluate")
    main()


if __name__ == "__main__":
    run()
