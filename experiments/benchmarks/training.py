"""Training seeds of a task, each in a folder of its own: ``<folder>/<scenario>/seed_<n>``."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.learning.algorithms import Learner, complete_settings
from agents.learning.interruption import Interruption
from agents.learning.learn import CHECKPOINTS
from agents.runtime.manifest import MANIFEST, read_manifest
from experiments.benchmarks.plans import Folders, ablation_overrides
from experiments.records.run_folder import RUN_FILE, read_card, run_lock, seed_folders

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.benchmarks.task import Ablation, Task
    from experiments.schema import TrainingPlan

LOG = logging.getLogger(__name__)
CHECKPOINTS_OF_A_RUN = 10  # a killed run loses a tenth at most
FINISHED = "finished"


def train_seeds(
    task: Task,
    learner: Learner,
    total_steps: int,
    folder: Path,
    ablation: Ablation | None = None,
    interruption: Interruption | None = None,
) -> Path:
    """Train every seed of every scenario that is not finished yet; the folder that holds them.

    Parameters
    ----------
    task : Task
    learner : Learner
        Its encoding is replaced by the task's, or by the ablation's.
    total_steps : int
        The same budget for each seed.
    folder : Path
    ablation : Ablation, optional
    interruption : Interruption, optional
        Notes signals, by which training stops between two rollouts; the same call goes on.

    Raises
    ------
    ValueError
        Where a folder holds a run of another algorithm, with other settings or steps, naming what differs.
    """
    from envs.scenario import load
    from experiments.schema import TrainingPlan

    learner = replace(learner, encoding=(ablation.encoding if ablation else "") or task.encoding)
    with interruption or Interruption() as wish:
        for name in task.scenarios:
            overrides = task.set if ablation is None else ablation_overrides(task, load(name, task.set), ablation)
            if overrides is None:
                continue
            for seed in range(task.seeds):
                LOG.info("training %s, seed %d of %d", name, seed, task.seeds)
                every = max(total_steps // CHECKPOINTS_OF_A_RUN, 1)
                plan = TrainingPlan(total_steps, seed=seed, split=task.train, checkpoint_every=every)
                _train_seed(load(name, overrides), learner, plan, folder / name / f"seed_{seed}", wish)
                wish.check()
    return folder


def _train_seed(
    scenario: Scenario, learner: Learner, plan: TrainingPlan, place: Path, interruption: Interruption
) -> None:
    """Begin a run, go on with one that was stopped, or leave one that is finished as it is."""
    from experiments.records.tracking import NoTracker
    from experiments.train import train

    if (place / RUN_FILE).is_file():
        require_same_run(scenario, learner, plan, place)
        if read_card(place)["status"] == FINISHED:
            return
        if _can_go_on(place, plan.total_steps):
            plan = replace(plan, resume=str(place))
        else:
            with run_lock(place):  # refuses where another process trains there
                shutil.rmtree(place)
    train(scenario, learner, plan, place, NoTracker(), interruption)


def _can_go_on(place: Path, total_steps: int) -> bool:
    """Whether a run has a checkpoint before its end."""
    from agents.learning.checkpoint import latest_checkpoint, read_counters

    if not any((place / CHECKPOINTS).glob("step_*")):
        return False
    return read_counters(latest_checkpoint(place)).steps < total_steps


def require_same_run(scenario: Scenario, learner: Learner, plan: TrainingPlan, place: Path) -> None:
    """Refuse a folder whose run was asked for something else.

    Raises
    ------
    ValueError
        Naming the folder, what differs, both values and the mend.
    """
    from experiments.evaluation.episodes import with_split

    card = read_card(place)
    before = {**card.get("settings", {}), **{key: value for key, value in card.items() if key != "settings"}}
    asked: dict[str, object] = {**complete_settings(learner.algorithm, learner.settings)}
    asked |= {"algorithm": learner.algorithm, "total_steps": plan.total_steps, "seed": plan.seed, "split": plan.split}
    asked |= {key: getattr(learner, key) for key in ("environments", "encoding", "reach_frac")}
    asked["scenario_hash"] = with_split(scenario, plan.split).hash()
    if before.get("algorithm") != learner.algorithm:
        asked = {"algorithm": learner.algorithm}
    for key, value in asked.items():
        if before.get(key) != value:
            raise ValueError(
                f"{place} holds a run with {key} = {before.get(key)}, and {value} is asked for; give another folder, "
                "or ask for what that run is"
            )


def require_learnt_on_train(task: Task, policies: Folders) -> None:
    """Refuse policies that were not trained on the task's own split, or whose training did not end.

    Raises
    ------
    ValueError
        Naming policy, folder, its split or state, and the mend.
    """
    for policy, folder in policies.items():
        for name in task.scenarios:
            for place in seed_folders(str(folder / name / "seed_*")):
                _require_learnt_on(task.train, policy, place)


def _require_learnt_on(split: str, policy: str, place: Path) -> None:
    if (place / MANIFEST).is_file():
        card: Mapping[str, object] = read_manifest(place)
    elif (place / RUN_FILE).is_file():
        card = read_card(place)
        if card.get("status") != FINISHED:
            raise ValueError(
                f"policies.{policy}: the run in {place} is {card.get('status')}, not {FINISHED}; go on with it "
                f"(coldaisle train resume={place}), or export its model and give the bundle"
            )
    else:
        return  # whoever reads the policy says that nothing is there
    settings = card.get("settings")
    learnt = settings.get("split") if isinstance(settings, Mapping) else None
    if learnt != split:
        raise ValueError(
            f"policies.{policy}: {place} was trained on split={learnt}; a policy of this task is trained on "
            f"split={split} alone, for the others judge it; train it with split={split}"
        )
