"""A trial on its way: judged at a few rungs, and ended at one where it lags behind the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stable_baselines3.common.callbacks import BaseCallback

from agents.policy import interface_data, policy_from_data, predictor

if TYPE_CHECKING:
    from optuna import Trial

    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from experiments.tuning.judge import Judge, Judgement


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
        passed = 0
        while self.marks and self.num_timesteps >= self.marks[0]:  # a long rollout may pass two
            self.marks.pop(0)
            passed += 1
        if passed:
            self._judge()

    def _on_step(self) -> bool:
        return not self.pruned

    def _judge(self) -> None:
        core = cast("DataCenterSB3VecEnv", self.training_env).core
        data = interface_data(core)
        self.last = self.judge.judged(lambda judged: policy_from_data(predictor(self.model), data, judged.step_s))
        self.trial.report(self.last.value, self.num_timesteps)
        self.pruned = self.trial.should_prune()
