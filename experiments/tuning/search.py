"""A search for the settings of one algorithm, trial by trial, that goes on where it was stopped.

Every decision hangs on the seed and on the trials that ended, never on how often the search was begun: stopped and
begun again it makes the same trials. A trial that was killed is made again.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from agents.learning.algorithms import ALGORITHMS, Learner, Setting, complete_settings
from experiments.tuning.spaces import REACH, Space, first_settings, suggested

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from experiments.tuning.judge import Judgement

LOG = logging.getLogger(__name__)
DATABASE, TRIALS = "study.db", "trials"
SEED_STRIDE = 100_003  # between the samplers' seeds of two searches


class Made(NamedTuple):
    """How a trial ended: its last judgement, environment steps, whether it was pruned, and processor time [s].

    ``diverged``: it was made, and came to no policy; its judgement is `experiments.tuning.judge.diverged`, and its
    steps are those of a full trial.
    """

    judgement: Judgement
    steps: int
    pruned: bool = False
    processor_s: float = 0.0
    diverged: bool = False


#: Makes a trial from its learner, its environment steps and the folder that it may write into.
Maker = Callable[["optuna.Trial", Learner, int, Path], Made]


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
    learner: Learner,
    space: Space,
    plan: SearchPlan,
    folder: Path,
    make: Maker,
    note: Callable[[optuna.Study], object] = bool,
) -> optuna.Study:
    """Make trials until the budget is spent.

    A trial that diverges counts as ended, for made again it would diverge again; the first, of the defaults, may not.

    Parameters
    ----------
    learner : Learner
        Who learns, with all that the search leaves as it is.
    space : mapping
        What is searched.
    plan : SearchPlan
    folder : Path
        Of the search; the caller holds its lock.
    make : callable
        Makes a trial: `experiments.tuning.trained.TrainedTrials`.
    note : callable, optional
        Called with the study at the beginning and after every trial.

    Raises
    ------
    ValueError
        Where a trial cannot be made, or the first diverges, naming its number and settings.
    """
    study = open_study(folder, plan)
    drop_killed(study, folder)
    note(study)
    while plan.budget_steps - spent_steps(study) >= plan.total_steps:
        number = len(ended(study))
        trial = _asked(study, plan, learner.algorithm, space, number)
        settings = suggested(trial, space)
        who = with_settings(learner, settings)
        LOG.info("trial %d: %s", number, ", ".join(f"{name}={value}" for name, value in settings.items()))
        try:
            made = make(trial, who, whole_rollouts(plan.total_steps, who), folder / TRIALS / f"trial_{number:03d}")
            if made.diverged and number == 0:
                raise ValueError(f"{made.judgement.failures[0]}; give smaller steps, such as agent.learning_rate=1e-4")
        except ValueError as error:
            raise ValueError(f"trial {number} of {folder} with {settings}: {error}") from error
        _tell(study, trial, made)
        note(study)
    return study


def with_settings(learner: Learner, settings: dict[str, Setting]) -> Learner:
    """The learner with what a trial set."""
    own = {name: value for name, value in settings.items() if name != REACH}
    reach = cast("float", settings.get(REACH, learner.reach_frac))
    return replace(learner, settings={**learner.settings, **own}, reach_frac=reach)


def whole_rollouts(total_steps: int, learner: Learner) -> int:
    """The most steps within the budget that end with a rollout, which no learner cuts; all where one is too long."""
    known = complete_settings(learner.algorithm, learner.settings)
    row = ALGORITHMS[learner.algorithm]
    each = cast("int", known["n_steps" if row.on_policy else "train_freq"]) * learner.environments
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


def _tell(study: optuna.Study, trial: optuna.Trial, made: Made) -> None:
    """Keep how a trial ended; it counts from the last of these writes on."""
    from optuna.trial import TrialState

    kept = {**made.judgement._asdict(), "steps": made.steps, "processor_s": round(made.processor_s, 1)}
    for name, value in kept.items():
        trial.set_user_attr(name, value)
    if made.pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, made.judgement.value)


def drop_killed(study: optuna.Study, folder: Path) -> None:
    """Trials that a killed search left: the study has them as failed, and their folders go, by their numbers."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    made = len(ended(study))
    for place in (folder / TRIALS).glob("trial_*"):
        if int(place.name.removeprefix("trial_")) >= made:
            shutil.rmtree(place)
