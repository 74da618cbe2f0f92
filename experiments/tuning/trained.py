"""One trial: a training, judged at a few rungs on its way and at its end."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.interruption import Interruption
from agents.policy import interface_data, policy_from_data, predictor
from experiments.evaluation.policies import learned_policies
from experiments.records.tracking import NoTracker
from experiments.schema import TrainingPlan
from experiments.train import train
from experiments.tuning.search import Made

if TYPE_CHECKING:
    from optuna import Trial

    from agents.learning.algorithms import Learner
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.scenario import Scenario
    from experiments.tuning.judge import Judge, Judgement
    from experiments.tuning.search import SearchPlan

LOG = logging.getLogger(__name__)


class Rungs(BaseCallback):
    """Judges the policy as it is after every part of a trial but the last, and asks the pruner whether to go on.

    Parameters
    ----------
    trial : Trial
        Of optuna.
    judge : Judge
    total_steps : int
        Environment steps of the whole trial.
    rungs : int
        Parts of equal length; 1: nothing is judged on the way.
    """

    def __init__(self, trial: Trial, judge: Judge, total_steps: int, rungs: int) -> None:
        super().__init__()
        self.trial, self.judge = trial, judge
        self.marks = [total_steps * part // rungs for part in range(1, rungs)]
        self.last: Judgement | None = None
        self.pruned = False

    def _on_rollout_start(self) -> None:
        passed = [mark for mark in self.marks if self.num_timesteps >= mark]  # a long rollout may pass two
        if passed:
            self.marks = self.marks[len(passed) :]
            self._judge()

    def _on_step(self) -> bool:
        return not self.pruned

    def _judge(self) -> None:
        core = cast("DataCenterSB3VecEnv", self.training_env).core
        data = interface_data(core)
        self.last = self.judge.judged(lambda judged: policy_from_data(predictor(self.model), data, judged.step_s))
        self.trial.report(self.last.value, self.num_timesteps)
        self.pruned = self.trial.should_prune()


@dataclass(frozen=True)
class TrainedTrials:
    """Makes trials by training.

    Attributes
    ----------
    scenario : Scenario
    plan : SearchPlan
    judge : Judge
        Of validation.
    interruption : Interruption, optional
        Notes signals, by which a trial ends between two rollouts.
    """

    scenario: Scenario
    plan: SearchPlan
    judge: Judge
    interruption: Interruption | None = None

    def __call__(self, trial: Trial, learner: Learner, steps: int, place: Path) -> Made:
        """Train, and judge the model that lies in ``place`` afterwards, as ``coldaisle evaluate`` would."""
        begun = time.process_time()
        rungs = Rungs(trial, self.judge, steps, self.plan.rungs)
        length = TrainingPlan(steps, seed=self.plan.seed, split=self.plan.split)
        cost = train(self.scenario, learner, length, place, NoTracker(), self.interruption, [rungs])
        found = rungs.last if rungs.pruned else self.judge.judged(learned_policies("trial", place)["trial"])
        assert found is not None
        words = f"fails: {'; '.join(found.failures)}" if found.failures else "keeps all gates"
        at = f"pruned after {cost['environment_steps']:.0f} steps, " if rungs.pruned else ""
        LOG.info("  %s%+.2f USD/day against %s, %s", at, found.cost_usd_day, self.judge.baseline, words)
        return Made(found, int(cost["environment_steps"]), rungs.pruned, time.process_time() - begun)
