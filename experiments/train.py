"""One training run, and its entry point ``coldaisle train``; ``train`` itself knows nothing of hydra."""

from __future__ import annotations

import logging
import math
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from agents.learning.algorithms import Learner, rollout_steps
from agents.learning.interruption import Interrupted, Interruption
from agents.learning.learn import CHECKPOINTS, MODEL_FILE
from experiments.records.run_folder import (
    RUN_FILE,
    UNTRAINED_FILE,
    interface_in,
    read_card,
    require_no_other_run,
    run_lock,
    run_of,
    take_over,
    write_card,
    write_scenario,
)
from experiments.registration import register
from experiments.schema import TrainingPlan, learner_from
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback

    from agents.learning.checkpoint import PlateauState
    from agents.learning.plan import Validation
    from envs.core import DataCenterCore
    from envs.interface.interface import InterfaceData
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.scenario import Rules, Scenario
    from experiments.records.tracking import Tracker

LOG = logging.getLogger(__name__)
SEED_STRIDE = 1_000_003  # between the environments' seeds of two runs: neighbours would train on the same episodes
USUAL_SPLIT = "train"
VALIDATION_SEED = 500_000  # the same validation episodes for every run and every evaluation in it


class Beginning(NamedTuple):
    """A model that is about to learn, and how the evaluations beside it stand where it goes on."""

    model: BaseAlgorithm
    plateau: PlateauState | None = None


def train(
    scenario: Scenario,
    learner: Learner,
    plan: TrainingPlan,
    folder: Path,
    tracker: Tracker,
    interruption: Interruption | None = None,
    callbacks: Sequence[BaseCallback] = (),
) -> dict[str, float]:
    """Train one model on a split of a scenario; write card, scenario, checkpoints and models into ``folder``.

    Parameters
    ----------
    scenario : Scenario
        The plant.
    learner : Learner
        Algorithm, environments and settings; of a run that goes on only what changes.
    plan : TrainingPlan
        Length, seed, split, habits.
    folder : Path
        The run's folder; one run at a time.
    tracker : Tracker
        Receives named reward terms and the learner's own numbers.
    interruption : Interruption, optional
        Notes signals, by which the run stops between two rollouts.
    callbacks : sequence of BaseCallback
        Of stable-baselines3, called behind those of the plan.

    Raises
    ------
    ValueError
        Where folder, split, steps or settings do not suit, naming the mend.
    Interrupted
        Where a signal came; checkpoint, model and card are written by then.

    Returns
    -------
    dict
        What the run cost (``agents.learning.learn.learn``).
    """
    from agents.encoding import agent_scenario, best_rules
    from agents.policy import interface_data
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.twin.calibration.spread import scenario_draws
    from envs.twin.estimation.foresight import shield_of
    from experiments.evaluation.episodes import chosen_split, with_split

    resumed = run_of(Path(plan.resume)) if plan.resume else None
    plan = replace(plan, split=chosen_split(scenario, plan.split, USUAL_SPLIT))
    with run_lock(folder):
        require_no_other_run(folder, resumed)
        acted = agent_scenario(scenario, learner.encoding, learner.reach_frac)
        site, rules = with_split(acted, plan.split), best_rules(scenario, learner.encoding)
        halls = scenario_draws(site, plan.spread, learner.environments, plan.seed) if plan.spread else site
        LOG.info(sites_words(site, plan.split))
        LOG.info(acting_words(scenario, acted, learner))
        shield = shield_of(site) if plan.shield else None
        sites = DataCenterSB3VecEnv(
            halls, learner.environments, stagger=True, limit_share=plan.limit_share, rules=rules, shield=shield
        )
        require_same_rule(resumed, interface_data(sites.core))
        begun = _beginning(learner, plan, sites, folder)
        require_steps(plan.total_steps, begun.model)
        if resumed is not None and resumed.resolve() != folder.resolve():
            take_over(resumed, folder)
        write_scenario(folder, scenario)
        card = run_card(sites.core, learner, begun.model, plan, with_split(scenario, plan.split).hash())
        cost = _learnt(acted, rules, begun, plan, folder, tracker, card, interruption, callbacks)
    tracker.log_metrics({f"compute/{name}": value for name, value in cost.items()}, int(cost["environment_steps"]))
    tracker.log_files(folder / MODEL_FILE)
    tracker.log_files(folder / RUN_FILE)
    return cost


def _learnt(
    scenario: Scenario,
    rules: Rules,
    begun: Beginning,
    plan: TrainingPlan,
    folder: Path,
    tracker: Tracker,
    card: dict[str, object],
    interruption: Interruption | None,
    callbacks: Sequence[BaseCallback],
) -> dict[str, float]:
    """What learning cost; the card says from its start how it stands."""
    from agents.learning.learn import learn
    from agents.learning.metric_files import metric_files

    write_card(folder, card)
    tracker.log_parameters({"model": card["settings"]})
    status, cost = "failed", dict[str, float]()
    try:
        with metric_files(folder, begun.model.num_timesteps, tensorboard=plan.tensorboard) as keep:

            def sink(values: Mapping[str, float], step: int = 0) -> None:
                keep(values, step)
                tracker.log_metrics(values, step)

            validation = _validation(scenario, rules, plan)
            cost = learn(begun.model, plan, folder, sink, validation, begun.plateau, interruption, callbacks)
        status = "finished"
    except KeyboardInterrupt:
        status = "killed"
        raise
    finally:
        write_card(folder, {**card, "status": status, "steps": begun.model.num_timesteps, "compute": cost})
    return cost


def _validation(scenario: Scenario, rules: Rules, plan: TrainingPlan) -> Validation | None:
    from agents.learning.plan import Validation
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.twin.estimation.foresight import shield_of
    from experiments.evaluation.episodes import with_split

    if not plan.evaluate_every:
        return None
    other = "none" if plan.split == "none" else "validation"
    site = with_split(scenario, other)
    shield = shield_of(site) if plan.shield else None
    environments = DataCenterSB3VecEnv(site, plan.evaluation_environments, rules=rules, shield=shield)
    return Validation(environments, VALIDATION_SEED)


def _beginning(learner: Learner, plan: TrainingPlan, sites: DataCenterSB3VecEnv, folder: Path) -> Beginning:
    """The model to go on with, or a fresh one, which is kept untrained beside the run."""
    from agents.learning.build import build_model
    from agents.learning.checkpoint import latest_checkpoint, read_counters, resume_model
    from agents.learning.model_file import save_model

    first_seed = plan.seed * SEED_STRIDE
    if plan.resume:
        checkpoint = latest_checkpoint(Path(plan.resume))
        kept = read_counters(checkpoint)
        if kept.seed != plan.seed:
            raise ValueError(
                f"seed = {plan.seed}: the run of {checkpoint} goes on with its seed; give seed={kept.seed}"
            )
        given = learner.settings
        model = resume_model(learner.algorithm, checkpoint, sites, first_seed, plan.device, given)
        return Beginning(model, kept.plateau)
    model = build_model(learner.algorithm, sites, learner.settings, plan.seed, plan.device)
    sites.seed(first_seed)
    save_model(model, folder / UNTRAINED_FILE)
    return Beginning(model)


def sites_words(site: Scenario, split: str) -> str:
    """Which sites a run plays."""
    where = site.site
    whose = "the scenario's own sites and seeds" if split == "none" else f"split {split}, not the scenario's own sites"
    return (
        f"{site.name}: {whose}: {', '.join(where.climates)}; weather seeds {where.weather_seeds}, "
        f"load {where.workload_file or f'seeds {where.workload_seeds}'}"
    )


def acting_words(scenario: Scenario, acted: Scenario, learner: Learner) -> str:
    """How the agent acts, on which channels, and which the building's rule holds."""
    from agents.encoding import ON_A_RULE

    left = [name for name in scenario.agent_channels if name not in acted.agent_channels]
    reach = f" (reach {learner.reach_frac:g} of the range)" if learner.encoding in ON_A_RULE else ""
    whose = "the bundle carries the building's rule for" if learner.encoding in ON_A_RULE else "left to the building:"
    kept = f"; {whose} {', '.join(left)}" if left else ""
    return f"encoding {learner.encoding}{reach}: {', '.join(acted.agent_channels)}{kept}"


def require_same_rule(resumed: Path | None, now: InterfaceData) -> None:
    """Refuse to go on on another rule than the one that the run's actions add to.

    Raises
    ------
    ValueError
        Naming the run and the mend.
    """
    if resumed is None:
        return
    card = read_card(resumed)
    before = interface_in(resumed, card) if "interface" in card else None
    if before is not None and before.get("rule") != now.get("rule"):
        raise ValueError(
            f"resume={resumed}: its actions add to another rule than this version's "
            f"(configs/tuned/{card.get('scenario')}.yaml, agent.encoding); go on with that version, or train anew"
        )


def require_steps(total_steps: int, model: BaseAlgorithm) -> None:
    """Refuse steps that are over already, and fewer than the learner takes before its first update.

    Raises
    ------
    ValueError
        Naming the steps asked for, those of one rollout or those that were made, and what to give.
    """
    each, made = rollout_steps(model), model.num_timesteps
    if made and total_steps <= made:
        raise ValueError(
            f"total_steps = {total_steps} counts those before the resumption, which made {made} already; give more"
        )
    if total_steps < each * model.n_envs:
        raise ValueError(
            f"total_steps = {total_steps} is less than one rollout of {each * model.n_envs} steps ({model.n_envs} "
            f"environments x {each}); give at least {each * model.n_envs}, or fewer agent.environments"
        )
    if total_steps <= (starts := getattr(model, "learning_starts", 0)):
        raise ValueError(
            f"total_steps = {total_steps}: nothing is learnt in the first agent.learning_starts = {starts} steps; give "
            "more, or a smaller agent.learning_starts"
        )


def run_summary(
    cost: Mapping[str, float], folder: Path, scenario: Scenario, environments: int, split: str = USUAL_SPLIT
) -> str:
    """What a run says at its end, and what comes next; a run in which no episode ended has no mean reward."""
    from experiments.evaluation.episodes import own_sites

    episode_steps = scenario.episode.steps
    steps = cost["environment_steps"]
    reward = f"mean episode reward {cost['episode_reward']:.2f} after {steps:.0f} steps"
    if math.isnan(cost["episode_reward"]):
        reward = (
            f"no episode ended in {steps:.0f} steps: {environments} environments need {episode_steps * environments} "
            "(total_steps) for one each"
        )
    stated = " split=none" if split == "none" else " split=test" if own_sites(scenario) else ""
    return f"{reward}; run: {folder}\nnext: coldaisle evaluate policies.mine={shlex.quote(str(folder))}{stated}\n"


def resume_line(stopped: KeyboardInterrupt, folder: Path, overrides: Sequence[str]) -> str:
    """What a stopped run says: the command that goes on with it, where it came to a checkpoint."""
    by = stopped.args[0] if stopped.args else "Ctrl-C"
    if not any((folder / CHECKPOINTS).glob("step_*")):
        return f"stopped by {by} before anything was learnt; begin again\n"
    typed = [shlex.quote(o) for o in overrides if not o.startswith(("resume=", "folder="))]
    again = " ".join(["coldaisle train", *typed, f"resume={shlex.quote(str(folder))}"])
    return f"stopped by {by}; go on with: {again}\n"


def run_card(
    core: DataCenterCore, learner: Learner, model: BaseAlgorithm, plan: TrainingPlan, scenario_hash: str
) -> dict[str, object]:
    """What evaluation and export need to know of a run that begins, as plain data: interface, hashes, versions.

    The settings are those of the model: of a run that goes on some were given before. The scenario is hashed as it was
    given, before the agent's encoding.
    """
    from agents.learning.build import settings_of
    from agents.policy import interface_data
    from experiments.records.provenance import provenance

    asked: dict[str, object] = {"environments": model.n_envs, "seed": model.seed, "split": plan.split}
    asked |= {"encoding": learner.encoding, "reach_frac": learner.reach_frac, "shield": plan.shield}
    asked |= {"limit_share": plan.limit_share, "spread": plan.spread}
    return {
        "status": "running",
        "algorithm": learner.algorithm,
        "settings": {**settings_of(model), **asked},
        "total_steps": plan.total_steps,
        "scenario": core.scenario.name,
        "scenario_hash": scenario_hash,
        "interface": interface_data(core),
        "steps": model.num_timesteps,
        "compute": {},
        **provenance(config=asdict(core.scenario)),
    }


@verb_main("train")
def main(config: DictConfig) -> float:
    """Train as configured, with tracking; the mean reward of the last episodes goes to the sweeper."""
    from experiments.evaluation.episodes import chosen_split
    from experiments.records.multirun import parent_run_id
    from experiments.records.provenance import git_state
    from experiments.records.redaction import redacted
    from experiments.records.tracking import end_run, override_parameters, start_run

    hydra_config = HydraConfig.get()
    parent = parent_run_id(Path(hydra_config.sweep.dir)) if hydra_config.mode == RunMode.MULTIRUN else None
    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
    settings, tracking = plain.pop("agent"), plain.pop("tracking")
    scenario = cast("Scenario", OmegaConf.to_object(config.scenario))
    plan = TrainingPlan(**{f.name: plain[f.name] for f in fields(TrainingPlan)})
    typed = list(hydra_config.overrides.task)
    plan = replace(plan, split=chosen_split(scenario, plan.split, USUAL_SPLIT, typed))
    learner = resumed_learner(settings, typed) if plan.resume else learner_from(settings)
    folder = Path(plain["folder"])
    name = tracking["name"] or f"{learner.algorithm} {scenario.name} seed {plan.seed}"
    tags = {**git_state(), "scenario_hash": scenario.hash()}
    cost: dict[str, float] = {}
    try:
        with (
            Interruption() as interruption,
            start_run(tracking["backend"], tracking["uri"], tracking["experiment"], name, parent, tags) as tracker,
        ):
            agent = {
                **learner.settings,
                **{key: getattr(learner, key) for key in ("environments", "encoding", "reach_frac")},
            }
            known = {"algorithm": learner.algorithm, "agent": agent, "scenario": scenario.name, **asdict(plan)}
            tracker.log_parameters({**known, **override_parameters(typed, known)})
            tracker.log_text(redacted(OmegaConf.to_yaml(config, resolve=True)), "config.yaml")
            cost = train(scenario, learner, plan, folder, tracker, interruption)
        sys.stdout.write(run_summary(cost, folder, scenario, learner.environments, plan.split))
        if parent:
            interruption.check()  # a signal that came too late for this run ends the sweep
    except KeyboardInterrupt as stopped:
        if parent:
            end_run(tracking["uri"], parent, "KILLED")
        if not cost:
            sys.stderr.write(resume_line(stopped, folder, typed))
        raise
    return cost["episode_reward"]


def resumed_learner(agent: Mapping[str, Any], overrides: Sequence[str]) -> Learner:
    """Who goes on learning: with those settings of the algorithm that the command line names, and the run's others."""
    learner = learner_from(agent)
    keys = (o.partition("=")[0].lstrip("+") for o in overrides)
    typed = {key.removeprefix("agent.") for key in keys if key.startswith("agent.")}
    return replace(learner, settings={name: value for name, value in learner.settings.items() if name in typed})


def run() -> None:
    """``coldaisle train`` and ``python -m experiments.train``; a stopped run exits with 128 + its signal."""
    register(sys.argv, "train")
    try:
        main()
    except KeyboardInterrupt as stopped:
        sys.exit(128 + (stopped.number if isinstance(stopped, Interrupted) else signal.SIGINT))


if __name__ == "__main__":
    run()
