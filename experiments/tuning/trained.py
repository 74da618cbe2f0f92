"""One trial: a training that is judged behind each of its parts, and ended behind one where it lags."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from agents.learning.interruption import Interruption
from agents.policy import interface_data, policy_from_data, predictor
from experiments.evaluation.policies import learned_policies
from experiments.records.tracking import NoTracker
from experiments.schema import TrainingPlan
from experiments.train import train
from experiments.tuning.judge import diverged
from experiments.tuning.search import Made

if TYPE_CHECKING:
    from optuna import Trial
    from stable_baselines3.common.base_class import BaseAlgorithm

    from agents.learning.algorithms import Learner
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.scenario import Scenario
    from experiments.tuning.judge import Judge, Judgement
    from experiments.tuning.search import SearchPlan

LOG = logging.getLogger(__name__)
MOST_WORDS = 120  # characters of what torch says of a training that diverged; it prints whole tensors


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
        """Train, and judge the model that lies in ``place`` afterwards, as ``coldaisle evaluate`` would.

        A ValueError behind the first step is of the training, which diverged: settings and inputs are refused before.
        """
        from agents.learning.callbacks import Marks

        begun, plan = time.process_time(), self.plan
        judgements: list[Judgement] = []

        def look(model: BaseAlgorithm) -> bool:
            data = interface_data(cast("DataCenterSB3VecEnv", model.get_env()).core)
            found = self.judge.judged(lambda core: policy_from_data(predictor(model), data, core.step_s))
            judgements.append(found)
            trial.report(found.value, model.num_timesteps)
            return not trial.should_prune()

        rungs = Marks([steps * part // plan.rungs for part in range(1, plan.rungs)], look)
        length = TrainingPlan(steps, seed=plan.seed, split=plan.split)
        try:
            cost = train(self.scenario, learner, length, place, NoTracker(), self.interruption, [rungs])
            if not rungs.stopped:
                judgements.append(self.judge.judged(learned_policies("trial", place)["trial"]))
            made = Made(judgements[-1], int(cost["environment_steps"]), rungs.stopped, time.process_time() - begun)
        except (ValueError, ArithmeticError) as error:
            if not rungs.n_calls:
                raise
            found = diverged(" ".join(str(error).split())[:MOST_WORDS])
            made = Made(found, steps, processor_s=time.process_time() - begun, diverged=True)
        LOG.info("  %s", self._words(made))
        return made

    def _words(self, made: Made) -> str:
        found = made.judgement
        words = f"fails: {'; '.join(found.failures)}" if found.failures else "keeps all gates"
        if made.diverged:
            return f"{found.failures[0]}; it counts as a full trial, behind all others"
        at = f"pruned after {made.steps} steps, " if made.pruned else ""
        return f"{at}{found.cost_usd_day:+.2f} USD/day against {self.judge.baseline}, {words}"
