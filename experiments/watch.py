"""``coldaisle watch``: a page in the browser that shows a hall while it runs: a simulated one, or the log of a loop."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from agents.page.feed import Facts, Frame
    from envs.scenario import Scenario
    from experiments.watching.hall import WatchedHall

LOG = logging.getLogger(__name__)
USUAL_SPLIT = "test"
FASTEST = 50.0  # control steps a second that a browser can follow


def watched_hall(config: DictConfig) -> WatchedHall:
    """The simulated hall of a configuration."""
    from envs.core import DataCenterCore
    from experiments.evaluation.episodes import chosen_split, explicit_plan, scenario_of_episodes, split_of
    from experiments.evaluation.policies import best_rule, learned_policies, reference_policies
    from experiments.evaluation.splits import plan_episodes
    from experiments.watching.hall import WatchedHall

    scenario = cast("Scenario", OmegaConf.to_object(config.scenario))
    played = chosen_split(scenario, config.split, USUAL_SPLIT, HydraConfig.get().overrides.task)
    episode = plan_episodes(split_of(scenario, played), days=config.days)[0]
    site = scenario_of_episodes(scenario, [episode])
    known = reference_policies(scenario)
    make = learned_policies("policy", config.run, trust=config.trust)["policy"] if config.run else None
    core = DataCenterCore(site, 1)
    title = f"{_algorithm(Path(config.run))} ({Path(config.run).name})" if config.run else best_rule(known)
    plan = explicit_plan(site, core.world, [episode])
    return WatchedHall(site, plan, core, make, known[best_rule(known)], title, config.seed)


def _algorithm(place: Path) -> str:
    """What a run or a bundle was learnt with."""
    from agents.runtime.manifest import MANIFEST
    from experiments.records.run_folder import read_card, run_of

    if (place / MANIFEST).exists():
        return str(json.loads((place / MANIFEST).read_text(encoding="utf-8"))["algorithm"])
    run = run_of(place)
    return str(read_card(run)["algorithm"]) if run is not None else "a policy"


def shown(facts: Facts, frames: Iterator[Frame], host: str, port: int, pause_s: float, end: threading.Event) -> None:
    """Serve the page and put a frame into it every ``pause_s`` seconds, until ``end`` is set or frames run out."""
    from agents.page.feed import Feed
    from agents.page.server import PageServer

    feed = Feed(facts)
    server = PageServer(feed, host, port)
    server.start()
    LOG.info("look at %s (Ctrl-C ends)", server.address)
    due = time.monotonic()
    try:
        for frame in frames:
            feed.put(frame)
            due = max(due + pause_s, time.monotonic())
            if end.wait(max(0.0, due - time.monotonic())):
                break
    finally:
        server.stop()


@verb_main("watch")
def main(config: DictConfig) -> None:
    """Show as configured, until it is stopped."""
    if not 0.0 < config.steps_per_s <= FASTEST:
        raise ValueError(f"steps_per_s = {config.steps_per_s:g} is outside ]0, {FASTEST:g}]; give a number in it")
    end = threading.Event()
    if config.log:
        from agents.page.log_frames import LogFrames

        log = LogFrames(Path(config.log))
        shown(log.facts(), log.frames(end), config.host, config.port, 0.0, end)
        return
    hall = watched_hall(config)
    shown(hall.facts(), hall.frames(), config.host, config.port, 1.0 / config.steps_per_s, end)


def run() -> None:
    """``coldaisle watch`` and ``python -m experiments.watch``."""
    register(sys.argv, "watch")
    main()


if __name__ == "__main__":
    run()
