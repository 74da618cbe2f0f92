"""Policies on a frozen task against every opponent; ``coldaisle benchmark cooling policies.mine=<folder>``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf

from experiments.overrides import with_first_named
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from agents.planners.cem import Budget
    from experiments.benchmarks.task import Task
    from experiments.campaigns.executors import Executor
    from experiments.campaigns.merge import Part
    from experiments.evaluation.results import Evaluation

PAGE, ROW = "benchmark.md", "row.yaml"


def benchmark(
    task: Task,
    policies: Mapping[str, Path],
    folder: Path,
    executor: Executor,
    ablated: Mapping[str, Mapping[str, Path]] | None = None,
    oracle: Budget | None = None,
    only: Sequence[str] = (),
) -> dict[Part, Evaluation]:
    """Play a task, and write its page and the leaderboard's file.

    Parameters
    ----------
    task : Task
    policies : mapping of str to Path
        Policy to the folder that holds ``<scenario>/seed_<n>``.
    folder : Path
        Of the campaign; what is there already is not played again.
    executor : Executor
    ablated : mapping, optional
        Ablation to such a mapping.
    oracle : Budget, optional
        Of the search for the oracle on the test episodes; without one no share of the gap is told.
    only : sequence of str
        Scenarios and parts of the task to play, as in `benchmark_plan`; empty: all.
    """
    from envs.whole_file import write_whole
    from experiments.benchmarks.leaderboard import rows_of, write_rows
    from experiments.benchmarks.page import benchmark_page
    from experiments.benchmarks.plans import TEST, benchmark_plan
    from experiments.benchmarks.training import require_learnt_on_train
    from experiments.campaign import require_all, run_campaign
    from experiments.campaigns.merge import merge, parts
    from experiments.campaigns.plan import shards_of

    for folders in (policies, *(ablated or {}).values()):
        require_learnt_on_train(task, folders)
    shards = shards_of(benchmark_plan(task, policies, ablated, only))
    require_all(run_campaign(folder, shards, executor), folder)
    merge(folder, shards)
    found = {
        part: with_oracle(task, part, played, oracle) if oracle and part.entry == TEST else played
        for part, played in parts(folder)
    }
    write_whole(folder / PAGE, benchmark_page(task, found))
    rows = [row for part, played in found.items() if part.entry == TEST for row in rows_of(task, part.scenario, played)]
    if rows:
        write_rows(rows, folder / ROW)
    return found


def with_oracle(task: Task, part: Part, found: Evaluation, budget: Budget) -> Evaluation:
    """The test of a scenario with the found oracle as one more row."""
    from agents.planners.oracle import DescentSettings
    from envs.scenario import load
    from experiments.benchmarks.page import opponent_in
    from experiments.campaigns.policy_hash import rule_makers
    from experiments.evaluate import with_bounds

    scenario = load(part.scenario, task.set)
    baseline = opponent_in(found)
    known = found._replace(facts={**found.facts, "wall_s": {}})
    return with_bounds(known, rule_makers(baseline, scenario), scenario, baseline, budget, DescentSettings().plays, 0)


@verb_main("benchmark")
def main(config: DictConfig) -> None:
    """Run a benchmark as configured."""
    from agents.planners.cem import Budget
    from experiments.benchmarks.plans import scenarios_in
    from experiments.benchmarks.task import load_task, smoke_task
    from experiments.benchmarks.training import train_seeds
    from experiments.campaign import executor_of
    from experiments.schema import learner_from

    task = load_task(config.task)
    task = smoke_task(task) if config.smoke else task
    folder = Path(config.folder or Path("runs") / "benchmarks" / (f"{task.id}-smoke" if config.smoke else task.id))
    policies = {str(name): Path(path) for name, path in config.policies.items()}
    ablated: dict[str, dict[str, Path]] = {}
    if config.train:
        given = cast("dict[str, Any]", OmegaConf.to_container(config.agent, resolve=True))
        learner, steps = learner_from(given), config.total_steps
        name, taught = learner.algorithm, replace(task, scenarios=scenarios_in(task, config.only))
        policies[name] = train_seeds(taught, learner, steps, folder / "trained")
        for key, ablation in task.ablations.items() if config.ablations else ():
            ablated[key] = {name: train_seeds(taught, learner, steps, folder / "ablations" / key, ablation)}
    executor = executor_of(config)
    budget = Budget(24, 6, 8) if config.oracle else None  # of the floor
    found = benchmark(task, policies, folder, executor, ablated, budget, config.only)
    log_benchmark(task, found, config.tracking, folder)
    sys.stdout.write(f"page: {folder / PAGE}\n")
    if (folder / ROW).is_file():
        sys.stdout.write(f"for the leaderboard: {folder / ROW}, with `by` and `link` added\n")


def log_benchmark(task: Task, found: Mapping[Part, Evaluation], tracking: DictConfig, folder: Path) -> None:
    """Keep the page and the test's numbers in mlflow."""
    from experiments.benchmarks.plans import TEST
    from experiments.evaluation.results import summarise
    from experiments.records.provenance import git_state
    from experiments.records.tracking import start_run

    name, tags = tracking.name or task.id, git_state()
    with start_run(tracking.backend, tracking.uri, tracking.experiment, name, tags=tags) as run:
        for part, played in found.items():
            if part.entry == TEST:
                for name, row in summarise(played).items():
                    run.log_metrics({f"{part.scenario}/{name}/{column}": value for column, value in row.items()})
        run.log_files(folder / PAGE)


def run() -> None:
    """``coldaisle benchmark`` and ``python -m experiments.benchmark``."""
    sys.argv[1:] = with_first_named(sys.argv[1:], "task")
    register(sys.argv, "benchmark")
    main()


if __name__ == "__main__":
    run()
