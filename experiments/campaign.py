"""A plan cut into shards, run by any executor, merged; ``coldaisle campaign plan.yaml``."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from omegaconf import DictConfig, OmegaConf

from experiments.overrides import with_first_named
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from experiments.campaigns.executors import Executor, Outcome
    from experiments.campaigns.shard import Shard
    from experiments.evaluation.results import Evaluation

LOG = logging.getLogger(__name__)


def run_campaign(campaign: Path, shards: Sequence[Shard], executor: Executor) -> list[Outcome]:
    """Run those shards that are not there yet; how each ended that did not end well.

    Parameters
    ----------
    campaign : Path
        Its folder; one runner at a time.
    shards : sequence of Shard
    executor : Executor
    """
    from experiments.campaigns.shard import clear_drafts
    from experiments.records.run_folder import run_lock

    with run_lock(campaign):
        clear_drafts(campaign)
        waiting = [shard for shard in shards if not shard.is_done(campaign)]
        LOG.info("%d shards, %d of them done already", len(shards), len(shards) - len(waiting))
        lost, start = [], time.perf_counter()
        for number, outcome in enumerate(executor.outcomes(campaign, waiting), 1):
            how = outcome.error or f"{outcome.seconds:.1f} s"
            LOG.info("%d of %d: %s, %s", number, len(waiting), outcome.id, how)
            lost += [outcome] if outcome.error else []
        LOG.info("%d shards in %.0f s", len(waiting) - len(lost), time.perf_counter() - start)
    return lost


@verb_main("campaign")
def main(config: DictConfig) -> None:
    """Run a campaign as configured, and merge it where every shard is there."""
    from experiments.campaigns.merge import merge
    from experiments.campaigns.plan import shards_of
    from experiments.campaigns.plan_file import read_plan

    executor = executor_of(config)
    plan = read_plan(Path(config.plan))
    folder = Path(config.folder or Path("runs") / "campaigns" / plan.name)
    shards = shards_of(plan)
    if config.list:
        words = (f"{s.id} {s.entry} {s.variant} {s.scenario} {s.row} {len(s.episodes)}\n" for s in shards)
        sys.stdout.write("".join(words))
        return
    require_all(run_campaign(folder, shards, executor), folder)
    results = merge(folder, shards)
    log_campaign(folder, config.tracking)
    sys.stdout.write(f"results: {results}\n")


def executor_of(config: DictConfig) -> Executor:
    """The executor that the keys ``executor``, ``workers``, ``cluster`` and ``parameters`` name.

    Raises
    ------
    ValueError
        For an unknown name, or no worker.
    """
    from envs.unknown_name import unknown_name
    from experiments.campaigns.executors import EXECUTORS

    if config.executor not in EXECUTORS:
        raise ValueError(unknown_name("executor", config.executor, EXECUTORS))
    if config.workers < 1:
        raise ValueError(f"workers = {config.workers}; give 1 or more")
    parameters = cast("dict[str, object]", OmegaConf.to_container(config.parameters, resolve=True))
    return EXECUTORS[config.executor](config.workers, config.cluster, parameters)


def require_all(lost: Sequence[Outcome], folder: Path) -> None:
    """Raise where shards were lost, naming each and how to go on."""
    if lost:
        words = "".join(f"\n  {outcome.id}: {outcome.error}" for outcome in lost)
        raise ValueError(f"{len(lost)} shards in {folder} are not done; the same command goes on with them:{words}")


def log_campaign(folder: Path, tracking: DictConfig) -> None:
    """Write the page of a merged campaign, and log its numbers: no worker touches mlflow."""
    from envs.whole_file import write_whole
    from experiments.campaigns.merge import CAMPAIGN_CARD, parts
    from experiments.evaluation.comparison import COMPARISON, page
    from experiments.evaluation.results import summarise
    from experiments.records.provenance import git_state
    from experiments.records.tracking import start_run

    pages = []
    with start_run(
        tracking.backend, tracking.uri, tracking.experiment, tracking.name or "campaign", tags=git_state()
    ) as run:
        for part, found in parts(folder):
            pages.append(f"## {' / '.join(part)}\n\n{page(found, baseline_of(found))}")
            for name, row in summarise(found).items():
                run.log_metrics({f"{'/'.join(part)}/{name}/{column}": value for column, value in row.items()})
        write_whole(folder / COMPARISON, "\n".join(pages))
        run.log_files(folder / COMPARISON)
        run.log_files(folder / CAMPAIGN_CARD)


def baseline_of(found: Evaluation) -> str:
    """Who the others of a part are compared with: the tuned rules, else the rules as given, else the first."""
    from agents.references import RULES_AS_GIVEN, RULES_TUNED

    known = [name for name in (RULES_TUNED, RULES_AS_GIVEN) if name in found.scores]
    return (known or sorted(found.scores))[0]


def run() -> None:
    """``coldaisle campaign`` and ``python -m experiments.campaign``."""
    sys.argv[1:] = with_first_named(sys.argv[1:], "plan")
    register(sys.argv, "campaign")
    main()


if __name__ == "__main__":
    run()
