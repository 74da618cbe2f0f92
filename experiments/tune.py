"""The settings of an algorithm by search on validation; ``coldaisle tune``. The search itself knows nothing of hydra.

It is a verb of its own and no sweeper of hydra's: the one that there is for optuna holds to its version 2, keeps no
trial across a kill, and knows neither a pruner between rollouts nor a budget.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from agents.learning.interruption import Interruption
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    import optuna

    from agents.learning.algorithms import Learner, Setting
    from envs.scenario import Scenario
    from experiments.evaluation.splits import Episode
    from experiments.tuning.search import SearchPlan

LOG = logging.getLogger(__name__)
TRAIN, VALIDATION = "train", "validation"
ALLOWED = ("train", "none")


def tune(
    scenario: Scenario,
    learner: Learner,
    plan: SearchPlan,
    folder: Path,
    *,
    stated: dict[str, Setting] | None = None,
    episodes: int = 24,
    days: int = 1,
    interruption: Interruption | None = None,
) -> optuna.Study:
    """Search the settings of an algorithm until its budget is spent; the same call goes on.

    Parameters
    ----------
    scenario : Scenario
        The plant.
    learner : Learner
        Algorithm, environments, encoding, and the settings that stay as they are.
    plan : SearchPlan
    folder : Path
        Gets the database of trials, their models, ``trials.csv`` and ``best.yaml``.
    stated : mapping, optional
        Settings that are not searched; their values stand in ``learner``.
    episodes, days : int
        Of validation, which every trial is judged on.
    interruption : Interruption, optional
        Notes signals, by which a trial ends between two rollouts; the same call makes it again.

    Raises
    ------
    ValueError
        Where split, steps, settings or folder do not suit, naming the mend.
    Interrupted
        Where a signal came.

    Returns
    -------
    optuna.Study
        Its trials have ``cost_usd_day``, ``breach``, ``failures``, ``steps`` and ``processor_s`` as attributes.
    """
    from experiments.records.run_folder import run_lock
    from experiments.tuning.judge import Judge
    from experiments.tuning.outcome import begin, require_same_search, search_card, write_outcome
    from experiments.tuning.search import run_search
    from experiments.tuning.spaces import searched_space
    from experiments.tuning.trained import TrainedTrials

    space = searched_space(learner.algorithm, stated or {})
    require_learning(learner, plan)
    played = judged_episodes(scenario, plan.split, episodes, days)
    asked = search_card(scenario, learner, space, plan, {"episodes": episodes, "days": days})
    with run_lock(folder):
        require_same_search(folder, asked)
        begin(folder, scenario, asked)
        judge = Judge(scenario, played)
        LOG.info("judged on %d episodes of %d days against %s", len(played), days, judge.baseline)
        make = TrainedTrials(scenario, plan, judge, interruption)
        return run_search(
            learner, space, plan, folder, make, lambda study: write_outcome(folder, scenario, learner, plan, study)
        )


def judged_episodes(scenario: Scenario, split: str, episodes: int, days: int) -> list[Episode]:
    """Episodes of validation, or of the scenario's own sites where ``split`` is ``none``.

    Raises
    ------
    ValueError
        For any other split than train and none: what judges results may not choose settings.
    """
    from experiments.evaluation.episodes import split_of
    from experiments.evaluation.splits import plan_episodes

    if split not in ALLOWED:
        raise ValueError(
            f"split = {split}: a search learns on {TRAIN} and is judged on {VALIDATION}, so that nothing was chosen by "
            f"what judges results; leave it out, or give split=none for the scenario's own sites"
        )
    for name, value in (("episodes", episodes), ("days", days)):
        if value < 1:
            raise ValueError(f"{name} = {value}; give 1 or more")
    return plan_episodes(split_of(scenario, "none" if split == "none" else VALIDATION), episodes, days)


def require_learning(learner: Learner, plan: SearchPlan) -> None:
    """Refuse trials that end before the first update.

    Raises
    ------
    ValueError
        Naming both numbers and the mend.
    """
    from agents.learning.algorithms import complete_settings

    starts = cast("int", complete_settings(learner.algorithm, learner.settings).get("learning_starts", 0))
    if starts >= plan.total_steps:
        raise ValueError(
            f"total_steps = {plan.total_steps}: {learner.algorithm} learns nothing in its first "
            f"agent.learning_starts = {starts} steps; give more, or a smaller agent.learning_starts"
        )


@verb_main("tune")
def main(config: DictConfig) -> None:
    """Search as configured, and say what comes next."""
    from experiments.evaluation.episodes import chosen_split
    from experiments.schema import learner_from
    from experiments.tuning.outcome import closing_words
    from experiments.tuning.search import SearchPlan

    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
    scenario = cast("Scenario", OmegaConf.to_object(config.scenario))
    typed = list(HydraConfig.get().overrides.task)
    names = [word.partition("=")[0].removeprefix("agent.") for word in typed if word.startswith("agent.")]
    stated = {name: plain["agent"][name] for name in names if name in plain["agent"]}
    learner = learner_from(plain["agent"])
    split = plain["split"] if plain["split"] not in ("", *ALLOWED) else ""
    plain["split"] = split or chosen_split(scenario, plain["split"], TRAIN, typed)
    plan = SearchPlan(**{f.name: plain[f.name] for f in fields(SearchPlan)})
    folder = Path(plain["folder"] or Path("runs") / "tune" / f"{scenario.name}_{learner.algorithm}")
    judged = {name: plain[name] for name in ("episodes", "days")}
    try:
        with Interruption() as interruption:
            study = tune(scenario, learner, plan, folder, stated=stated, **judged, interruption=interruption)
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped within a trial, which is made again; the same command goes on in {folder}\n")
        raise
    sys.stdout.write(closing_words(study, folder, plan))


def run() -> None:
    """``coldaisle tune`` and ``python -m experiments.tune``."""
    register(sys.argv, "tune")
    main()


if __name__ == "__main__":
    run()
