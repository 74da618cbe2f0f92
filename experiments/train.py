"""One training run, and its entry point ``coldaisle train``; ``train`` itself knows nothing of hydra."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from agents.learning.algorithms import Learner, rollout_steps
from experiments.evaluation.policies import MODEL_FILE, RUN_FILE, UNTRAINED_FILE
from experiments.schema import CONFIGS, TrainingPlan, register

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from envs.core import DataCenterCore
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.scenario import Scenario
    from experiments.records.tracking import Tracker

SEED_STRIDE = 1_000_003  # between the environments' seeds of two runs: neighbours would train on the same episodes
VALIDATION_SEED = 500_000  # the same validation episodes for every run and every evaluation in it


def train(scenario: Scenario, learner: Learner, plan: TrainingPlan, folder: Path, tracker: Tracker) -> dict[str, float]:
    """Train one model on a split of a scenario; write model, checkpoints and ``run.json`` into ``folder``.

    Parameters
    ----------
    scenario : Scenario
        The plant.
    learner : Learner
        Algorithm, environments and settings.
    plan : TrainingPlan
        Length, seed, split, habits.
    folder : Path
        The run's folder.
    tracker : Tracker
        Receives named reward terms and the learner's own numbers.

    Returns
    -------
    dict
        What the run cost (``agents.learning.learn.learn``).
    """
    from agents.learning.learn import learn
    from agents.learning.plan import Validation
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from experiments.evaluation.episodes import with_split

    folder.mkdir(parents=True, exist_ok=True)
    sites = DataCenterSB3VecEnv(with_split(scenario, plan.split), learner.environments)
    validation = None
    if plan.evaluate_every:
        other = "none" if plan.split == "none" else "validation"
        environments = DataCenterSB3VecEnv(with_split(scenario, other), plan.evaluation_environments)
        validation = Validation(environments, VALIDATION_SEED)
    model = _model(learner, plan, sites, folder)
    require_a_rollout(plan.total_steps, model)
    cost = learn(model, plan, folder, tracker.log_metrics, validation)
    (folder / RUN_FILE).write_text(json.dumps(run_card(sites.core, learner, plan, cost), indent=2, default=str))
    tracker.log_metrics({f"compute/{name}": value for name, value in cost.items()}, int(cost["environment_steps"]))
    tracker.log_files(folder / MODEL_FILE)
    tracker.log_files(folder / RUN_FILE)
    return cost


def _model(learner: Learner, plan: TrainingPlan, sites: DataCenterSB3VecEnv, folder: Path) -> BaseAlgorithm:
    """The model to go on with, or a fresh one, which is kept untrained beside the run."""
    from agents.learning.build import build_model
    from agents.learning.checkpoint import latest_checkpoint, resume_model

    first_seed = plan.seed * SEED_STRIDE
    if plan.resume:
        checkpoint = latest_checkpoint(Path(plan.resume))
        return resume_model(learner.algorithm, checkpoint, sites, first_seed, plan.device)
    model = build_model(learner.algorithm, sites, learner.settings, plan.seed, plan.device)
    sites.seed(first_seed)
    model.save(folder / UNTRAINED_FILE)
    return model


def require_a_rollout(total_steps: int, model: BaseAlgorithm) -> None:
    """Refuse fewer steps than the learner takes before its first update: it would take them all the same.

    Raises
    ------
    ValueError
        Naming the steps asked for, those of one rollout and what makes it shorter.
    """
    each = rollout_steps(model)
    if total_steps < each * model.n_envs:
        raise ValueError(
            f"total_steps = {total_steps} is less than one rollout of {each * model.n_envs} steps ({model.n_envs} "
            f"environments x {each}); give at least {each * model.n_envs}, or fewer agent.environments"
        )


def told(cost: Mapping[str, float], folder: Path, episode_steps: int, environments: int) -> str:
    """What a run says at its end; a run in which no episode ended has no mean reward."""
    steps = cost["environment_steps"]
    reward = f"mean episode reward {cost['episode_reward']:.2f} after {steps:.0f} steps"
    if math.isnan(cost["episode_reward"]):
        reward = (
            f"no episode ended in {steps:.0f} steps: {environments} environments need {episode_steps * environments} "
            "(total_steps) for one each"
        )
    return f"{reward}; run: {folder}\nnext: coldaisle evaluate policies.mine={folder}\n"


def run_card(
    core: DataCenterCore, learner: Learner, plan: TrainingPlan, cost: Mapping[str, float]
) -> dict[str, object]:
    """What evaluation and export need to know of a run, as plain data: interface, hashes, versions."""
    from agents.policy import interface_of
    from experiments.records.provenance import provenance

    asked = {"environments": learner.environments, "seed": plan.seed, "split": plan.split}
    return {
        "algorithm": learner.algorithm,
        "settings": {**learner.settings, **asked},
        "scenario": core.scenario.name,
        "scenario_hash": core.scenario.hash(),
        "interface": interface_of(core).plain(),
        "compute": dict(cost),
        **provenance(config=asdict(core.scenario)),
    }


@hydra.main(config_path=CONFIGS, config_name="train", version_base="1.3")
def main(config: DictConfig) -> float:
    """Train as configured, with tracking; the mean reward of the last episodes goes to the sweeper."""
    from experiments.records.multirun import parent_run_id
    from experiments.records.provenance import git_state
    from experiments.records.tracking import start_run

    hydra_config = HydraConfig.get()
    parent = parent_run_id(Path(hydra_config.sweep.dir)) if hydra_config.mode == RunMode.MULTIRUN else None
    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
    settings, tracking = plain.pop("agent"), plain.pop("tracking")
    scenario = cast("Scenario", OmegaConf.to_object(config.scenario))
    learner = Learner(settings.pop("algorithm"), settings.pop("environments"), settings)
    plan = TrainingPlan(**{f.name: plain[f.name] for f in fields(TrainingPlan)})
    folder = Path(plain["folder"])
    name = tracking["name"] or f"{learner.algorithm} {scenario.name} seed {plan.seed}"
    tags = {**git_state(), "scenario_hash": scenario.hash()}
    with start_run(tracking["backend"], tracking["uri"], tracking["experiment"], name, parent, tags) as tracker:
        known = {"algorithm": learner.algorithm, "agent": dict(learner.settings), "scenario": scenario.name}
        tracker.log_parameters({**known, **asdict(plan)})
        tracker.log_text(OmegaConf.to_yaml(config, resolve=True), "config.yaml")
        cost = train(scenario, learner, plan, folder, tracker)
    sys.stdout.write(told(cost, folder, scenario.episode.steps, learner.environments))
    return cost["episode_reward"]


def run() -> None:
    """``coldaisle train`` and ``python -m experiments.train``."""
    register(sys.argv)
    main()


if __name__ == "__main__":
    run()
