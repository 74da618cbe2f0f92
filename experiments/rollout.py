"""``coldaisle rollout``: one policy on one episode, every measured point and every flow of the site as CSV."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from hydra.core.hydra_config import HydraConfig
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from experiments.evaluation.results import split_words
from experiments.evaluation.splits import Episode, plan_episodes
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    import pandas as pd

    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

USUAL_SPLIT = "test"
LOG = logging.getLogger(__name__)


def rollout(make: PolicyMaker, scenario: Scenario, episode: Episode, seed: int = 0) -> pd.DataFrame:
    """A row per control step: ``time_s``, measurements, setpoints in force and the site's flows, by name and row."""
    import pandas as pd

    from envs.core import DataCenterCore
    from envs.play import play
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    site = scenario_of_episodes(scenario, [episode])
    core = DataCenterCore(site, 1)
    core.reset(seed=seed, plan=explicit_plan(site, core.world, [episode]))
    controller = make(core)
    controller.reset(1)
    rows = []
    for number, step in enumerate(play(core, controller, site.episode.steps)):
        row: dict[str, float] = {"time_s": number * core.step_s, **_column_names("measured", step.measured)}
        row |= _column_names("in_force", core.in_force) | _column_names("flow", core.flows._asdict())
        rows.append(row)
    return pd.DataFrame(rows)


def _column_names(prefix: str, values: Mapping[str, NDArray[np.floating] | None]) -> dict[str, float]:
    out = {}
    for name, value in values.items():
        if name.startswith("in_force.") or value is None:
            continue
        flat = np.asarray(value).ravel()
        for k, number in enumerate(flat):
            out[f"{prefix}.{name}" if len(flat) == 1 else f"{prefix}.{name}[{k}]"] = float(number)
    return out


def write_telemetry(scenario: Scenario, episode: Episode, folder: Path, seed: int = 0) -> Path:
    """What a building system would have logged of the episode under moving setpoints: noise, gaps, a point map."""
    from envs.episodes.world import World
    from envs.twin.telemetry.synthetic import simulated_truth, synthetic_telemetry, write
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    site = scenario_of_episodes(scenario, [episode])
    world = World.build(site)
    truth = simulated_truth(site, site.episode.steps, explicit_plan(site, world, [episode]), world, seed)
    write(synthetic_telemetry(truth, 0, site.sensors, seed), folder)
    return folder


@verb_main("rollout")
def main(config: DictConfig) -> None:
    """Roll out as configured and write ``rollout.csv``."""
    from envs.whole_file import whole_file
    from experiments.evaluation.episodes import chosen_split, split_of
    from experiments.evaluation.policies import best_rule, learned_policies, reference_policies

    scenario = cast("Scenario", OmegaConf.to_object(config.scenario))
    played = chosen_split(scenario, config.split, USUAL_SPLIT, HydraConfig.get().overrides.task)
    episode = plan_episodes(split_of(scenario, played), days=config.days)[0]
    folder = Path(config.folder)
    folder.mkdir(parents=True, exist_ok=True)
    if config.telemetry:
        LOG.info("telemetry and point map written to %s", write_telemetry(scenario, episode, folder, config.seed))
        return
    known = reference_policies(scenario)
    make = known.get(best_rule(known) if config.policy == "rules" else config.policy)
    make = make or learned_policies("policy", config.policy, trust=config.trust)["policy"]
    with whole_file(folder / "rollout.csv") as draft:
        rollout(make, scenario, episode, config.seed).to_csv(draft, index=False)
    words = split_words({"split": played})
    LOG.info("rollout written to %s (%s; %s)", folder / "rollout.csv", episode.site, words)


def run() -> None:
    """``coldaisle rollout`` and ``python -m experiments.rollout``."""
    register(sys.argv, "rollout")
    main()


if __name__ == "__main__":
    run()
