"""One training run, and its entry point ``coldaisle train``; ``train`` itself knows nothing of hydra."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.evaluation.policies import MODEL_FILE, RUN_FILE, UNTRAINED_FILE
from experiments.schema import CONFIGS, register

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.records.tracking import Tracker

SEED_STRIDE = 1_000_003  # between the environments' seeds of two runs: neighbours would train on the same episodes
VALIDATION_SEED = 500_000  # the same validation episodes for every run and every evaluation in it


def train(
    scenario: Scenario,
    algorithm: str,
    settings: Mapping[str, Any],
    environments: int,
    total_steps: int,
    folder: Path,
    tracker: Tracker,
    *,
    seed: int = 0,
    device: str = "cpu",
    torch_threads: int = 1,
    split: str = "train",
    checkpoint_every: int = 0,
    evaluate_every: int = 0,
    evaluation_environments: int = 24,
    patience: int = 0,
    min_gain: float = 0.0,
    resume: str = "",
    progress: bool = False,
) -> dict[str, float]:
    """Train one model on a split of a scenario; write model, checkpoints and ``run.json`` into ``folder``.

    Parameters
    ----------
    scenario : Scenario
        The plant.
    algorithm, settings : str, mapping
        See ``agents.learning.build.build_model``.
    environments, total_steps : int
        Sites side by side; environment steps over all of them.
    folder : Path
        The run's folder.
    tracker : Tracker
        Receives named reward terms and the learner's own numbers.
    seed : int
        Of the networks and of sampling; environment i is seeded ``seed * SEED_STRIDE + i``.
    split : str
        Where sites and seeds are drawn from; ``none`` keeps the scenario's own. The plateau is judged on validation.
    resume : str
        A run's folder or a checkpoint to go on from.
    device, torch_threads, checkpoint_every, evaluate_every, patience, min_gain, progress
        See ``agents.learning.learn.learn``.
    evaluation_environments : int
        Validation sites side by side.

    Returns
    -------
    dict
        What the run cost (``agents.learning.learn.learn``).
    """
    from agents.learning.build import build_model
    from agents.learning.checkpoint import latest_checkpoint, resume_model
    from agents.learning.learn import learn
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from experiments.evaluation.episodes import with_split

    folder.mkdir(parents=True, exist_ok=True)
    sites = DataCenterSB3VecEnv(with_split(scenario, split), environments)
    validation = None
    if evaluate_every:
        other = "none" if split == "none" else "validation"
        validation = DataCenterSB3VecEnv(with_split(scenario, other), evaluation_environments)
    if resume:
        model = resume_model(algorithm, latest_checkpoint(Path(resume)), sites, seed * SEED_STRIDE, device)
    else:
        model = build_model(algorithm, sites, settings, seed, device)
        sites.seed(seed * SEED_STRIDE)
        model.save(folder / UNTRAINED_FILE)
    require_a_rollout(total_steps, model)
    cost = learn(
        model,
        total_steps,
        folder,
        sink=tracker.log_metrics,
        checkpoint_every=checkpoint_every,
        evaluation_env=validation,
        evaluate_every=evaluate_every,
        evaluation_seed=VALIDATION_SEED,
        patience=patience,
        min_gain=min_gain,
        progress=progress,
        torch_threads=torch_threads,
    )
    card = run_card(
        sites.core, algorithm, {**settings, "environments": environments, "seed": seed, "split": split}, cost
    )
    (folder / RUN_FILE).write_text(json.dumps(card, indent=2, default=str))
    tracker.log_metrics({f"compute/{name}": value for name, value in cost.items()}, int(cost["environment_steps"]))
    tracker.log_files(folder / MODEL_FILE)
    tracker.log_files(folder / RUN_FILE)
    return cost


def require_a_rollout(total_steps: int, model: Any) -> None:
    """Refuse fewer steps than the learner takes before its first update: it would take them all the same.

    Raises
    ------
    ValueError
        Naming the steps asked for, those of one rollout and what makes it shorter.
    """
    each = model.n_steps if hasattr(model, "rollout_buffer") else model.train_freq.frequency
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


def run_card(core: Any, algorithm: str, settings: Mapping[str, Any], cost: Mapping[str, float]) -> dict[str, Any]:
    """What evaluation and export need to know of a run, as plain data: tables, hashes, versions."""
    from dataclasses import asdict

    from experiments.records.provenance import provenance

    return {
        "algorithm": algorithm,
        "settings": dict(settings),
        "scenario": core.scenario.name,
        "scenario_hash": core.scenario.hash(),
        "channel_hash": core.channel_hash,
        "channels": [c.contract() for c in core.agent_channels],
        "observations": core.observer.describe(),
        "step_s": core.step_s,
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
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    agent, tracking, _ = (plain.pop(name) for name in ("agent", "tracking", "scenario"))
    scenario: Any = OmegaConf.to_object(config.scenario)
    algorithm, environments = agent.pop("algorithm"), agent.pop("environments")
    folder = Path(plain.pop("folder"))
    name = tracking["name"] or f"{algorithm} {scenario.name} seed {config.seed}"
    tags = {**git_state(), "scenario_hash": scenario.hash()}
    with start_run(tracking["backend"], tracking["uri"], tracking["experiment"], name, parent, tags) as tracker:
        tracker.log_parameters({"algorithm": algorithm, "agent": agent, "scenario": scenario.name, **plain})
        tracker.log_text(OmegaConf.to_yaml(config, resolve=True), "config.yaml")
        cost = train(scenario, algorithm, agent, environments, folder=folder, tracker=tracker, **plain)
    sys.stdout.write(told(cost, folder, scenario.episode.steps, environments))
    return cost["episode_reward"]


def run() -> None:
    """``coldaisle train`` and ``python -m experiments.train``."""
    register(sys.argv)
    main()


if __name__ == "__main__":
    run()
