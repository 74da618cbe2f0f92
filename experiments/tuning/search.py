"""A search for the settings of one algorithm, trial by trial, that goes on where it was stopped.

Every decision hangs on the seed and on the trials that ended, never on how often the search was begun: stopped and
begun again it makes the same trials. A trial that was killed is made again.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.learning.algorithms import ALGORITHMS, Learner, Setting
from agents.learning.interruption import Interruption
from experiments.tuning.spaces import REACH, Space, first_settings, suggested

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from envs.scenario import Scenario
    from experiments.tuning.judge import Judge, Judgement

LOG = logging.getLogger(__name__)
DATABASE, TRIALS = "study.db", "trials"
SEED_STRIDE = 100_003  # between the samplers' seeds of two searches


@dataclass(frozen=True)
class SearchPlan:
    """How long a search goes, and how it looks at its trials.

    Attributes
    ----------
    trials : int
        Its budget, in trials of full length. What a pruned trial leaves goes to further ones.
    total_steps : int
        Environment steps of a full trial.
    rungs : int
        Parts of a trial; behind each but the last it is judged, and pruned where it lags.
    unpruned : int
        Full trials before the first may be pruned; of these the first has the defaults, the others are drawn at random.
    seed : int
        Of the sampler, and of every training.
    split : str
        What the trials learn on.

    Raises
    ------
    ValueError
        For a number below 1.
    """

    trials: int
    total_steps: int
    rungs: int = 4
    unpruned: int = 4
    seed: int = 0
    split: str = "train"

    def __post_init__(self) -> None:
        for name in ("trials", "total_steps", "rungs", "unpruned"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}; give 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed}; give 0 or more")

    @property
    def budget_steps(self) -> int:
        """Environment steps of all trials together, the same for every algorithm."""
        return self.trials * self.total_steps


def open_study(folder: Path, plan: SearchPlan) -> optuna.Study:
    """The study in a folder: its trials lie in a database there, each written by one transaction."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=f"sqlite:///{folder.resolve() / DATABASE}",
        study_name="tune",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=plan.unpruned),
    )


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that ran to their end or were pruned, in their order."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def spent_steps(study: optuna.Study) -> int:
    """Environment steps of the trials that ended."""
    return sum(int(trial.user_attrs["steps"]) for trial in ended(study))


def run_search(
    scenario: Scenario,
    learner: Learner,
    space: Space,
    plan: SearchPlan,
    judge: Judge,
    folder: Path,
    interruption: Interruption | None = None,
) -> optuna.Study:
    """Make trials until the budget is spent.

    Parameters
    ----------
    scenario : Scenario
    learner : Learner
        Who learns, with all that the search leaves as it is.
    space : mapping
        What is searched.
    plan : SearchPlan
    judge : Judge
        Of validation.
    folder : Path
        Of the search; the caller holds its lock.
    interruption : Interruption, optional
        Notes signals, by which a trial ends between two rollouts; the same call makes it again.

    Raises
    ------
    Interrupted
        Where a signal came.
    ValueError
        Where a trial cannot be made, naming its number and settings.
    """
    study = open_study(folder, plan)
    _drop_killed(study, folder)
    while plan.budget_steps - spent_steps(study) >= plan.total_steps:
        number = len(ended(study))
        trial = _asked(study, plan, learner.algorithm, space, number)
        settings = suggested(trial, space)
        who = with_settings(learner, settings)
        LOG.info("trial %d: %s", number, ", ".join(f"{name}={value}" for name, value in settings.items()))
        try:
            _make(scenario, who, plan, judge, study, trial, folder / TRIALS / f"trial_{number:03d}", interruption)
        except ValueError as error:
            raise ValueError(f"trial {number} of {folder} with {settings}: {error}") from error
    return study


def with_settings(learner: Learner, settings: dict[str, Setting]) -> Learner:
    """The learner with what a trial set."""
    own = {name: value for name, value in settings.items() if name != REACH}
    reach = float(settings.get(REACH, learner.reach_frac))
    return replace(learner, settings={**learner.settings, **own}, reach_frac=reach)


def whole_rollouts(total_steps: int, learner: Learner) -> int:
    """The most steps within the budget that end with a rollout, which no learner cuts; all where one is too long."""
    from agents.learning.algorithms import complete_settings

    known = complete_settings(learner.algorithm, learner.settings)
    row = ALGORITHMS[learner.algorithm]
    each = int(known["n_steps" if row.on_policy else "train_freq"]) * learner.environments
    return total_steps // each * each or total_steps


def _asked(study: optuna.Study, plan: SearchPlan, algorithm: str, space: Space, number: int) -> optuna.Trial:
    """The next trial; its sampler knows the seed, how many trials ended, and how."""
    import optuna
    from optuna.trial import TrialState

    seed = plan.seed * SEED_STRIDE + number
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=plan.unpruned, constant_liar=False)
    if number == 0 and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(first_settings(algorithm, space))
    return study.ask()


def _make(
    scenario: Scenario,
    learner: Learner,
    plan: SearchPlan,
    judge: Judge,
    study: optuna.Study,
    trial: optuna.Trial,
    place: Path,
    interruption: Interruption | None,
) -> None:
    """Train and judge one trial; the study has it once it ended."""
    from optuna.trial import TrialState

    from experiments.evaluation.policies import learned_policies
    from experiments.records.tracking import NoTracker
    from experiments.schema import TrainingPlan
    from experiments.train import train
    from experiments.tuning.rungs import Rungs

    begun = time.process_time()
    steps = whole_rollouts(plan.total_steps, learner)
    rungs = Rungs(trial, judge, steps, plan.rungs)
    length = TrainingPlan(steps, seed=plan.seed, split=plan.split)
    cost = train(scenario, learner, length, place, NoTracker(), interruption, [rungs])
    made = rungs.last
    if not rungs.pruned:
        made = judge.judged(learned_policies("trial", place)["trial"])
    assert made is not None
    _keep(trial, made, int(cost["environment_steps"]), time.process_time() - begun)
    if rungs.pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, made.value)
    words = f"fails: {'; '.join(made.failures)}" if made.failures else "keeps all gates"
    at = f"pruned after {cost['environment_steps']:.0f} steps, " if rungs.pruned else ""
    LOG.info("  %s%+.2f USD/day against %s, %s", at, made.cost_usd_day, judge.baseline, words)


def _keep(trial: optuna.Trial, made: Judgement, steps: int, processor_s: float) -> None:
    for name, value in {**made._asdict(), "steps": steps, "processor_s": round(processor_s, 1)}.items():
        trial.set_user_attr(name, value)


def _drop_killed(study: optuna.Study, folder: Path) -> None:
    """Trials that a killed search left: the study has them as failed, and their folders go."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    for place in sorted((folder / TRIALS).glob("trial_*"))[len(ended(study)) :]:
        shutil.rmtree(place)
