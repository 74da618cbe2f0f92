"""Candidates as environments of one batched core: each meets the same episodes, all are judged by the same sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.play import play_through
from envs.trees import tiled

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from envs.episodes.episode import EpisodePlan
    from envs.episodes.world import World
    from envs.scenario import Scenario

Column = NDArray[np.float64]

SECONDS_PER_DAY = 86_400.0
WORK_TOLERANCE = 1e-3  # PROTOCOL 6
INFEASIBLE_USD = 1e6  # above every cost: what breaks a gate ranks after all that keeps it, by how far it breaks it

#: Sums of an episode that may not exceed the reference's (PROTOCOL 6), and what a unit counts among breaches.
GATES: dict[str, float] = {
    "inlet_degree_minutes": 1.0,
    "tcs_excess_degree_minutes": 1.0,
    "limit_excess_kwh": 10.0,
    "trips": 1000.0,
}

#: A search may not hide behind a reference that runs away: most per day [K min]; engineering guess.
MOST = {"inlet_degree_minutes": 1.0, "tcs_excess_degree_minutes": 1.0}


Make = Callable[[DataCenterCore], "Controller"]
MakeMany = Callable[[DataCenterCore, NDArray[np.floating]], "Controller"]


class Trial(NamedTuple):
    """Sums of candidates over paired episodes, each ``(P, E)``, and their length in days."""

    sums: dict[str, Column]
    days: float
    usd_per_reward: float

    def cost_usd_day(self) -> Column:
        """Mean cost over the episodes ``(P,)`` [USD/day], closing included: minus the reward."""
        return -self.sums["r"].mean(axis=1) * (self.usd_per_reward / self.days)

    def per_day(self, name: str) -> Column:
        """Mean of one sum over the episodes ``(P,)`` [unit per day]."""
        return self.sums[name].mean(axis=1) / self.days


def limits_of(reference: Trial) -> dict[str, float]:
    """Bounds per day that a candidate keeps: the reference's own or ``MOST``; its useful work is a least."""
    limits = {name: min(float(reference.per_day(name)[0]), MOST.get(name, np.inf)) for name in GATES}
    return {**limits, "work_done_h": float(reference.per_day("work_done_h")[0])}


def gated_cost(trial: Trial, limits: Mapping[str, float]) -> Column:
    """Cost ``(P,)`` [USD/day] where every gate is kept; above ``INFEASIBLE_USD``, by the breach, where not."""
    breach: Any = 0.0
    for name, weight in GATES.items():
        slack = WORK_TOLERANCE * limits[name] + 1e-9
        breach = breach + weight * np.maximum(trial.per_day(name) - limits[name] - slack, 0.0)
    least = limits["work_done_h"] * (1.0 - WORK_TOLERANCE)
    breach = breach + 100.0 * np.maximum(least / np.maximum(trial.per_day("work_done_h"), 1e-9) - 1.0, 0.0)
    return np.where(breach > 0.0, INFEASIBLE_USD + breach, trial.cost_usd_day())


def gated_cost_each(trial: Trial, reference: Trial) -> Column:
    """Cost ``(P, E)`` [USD/day] of candidates judged in each episode on its own, by the gates of the reference."""
    breach: Any = 0.0
    for name, weight in GATES.items():
        most = np.minimum(reference.sums[name], MOST.get(name, np.inf) * trial.days)
        slack = WORK_TOLERANCE * most + 1e-9
        breach = breach + weight * np.maximum(trial.sums[name] - most - slack, 0.0)
    least = reference.sums["work_done_h"] * (1.0 - WORK_TOLERANCE)
    breach = breach + 100.0 * np.maximum(least / np.maximum(trial.sums["work_done_h"], 1e-9) - 1.0, 0.0)
    cost = -trial.sums["r"] * (trial.usd_per_reward / trial.days)
    return np.where(breach > 0.0, INFEASIBLE_USD + breach, cost)


def trial(core: DataCenterCore, controller: Controller, plan: EpisodePlan, seed: int = 0) -> Trial:
    """Run one controller of ``P E`` environments over whole episodes.

    Parameters
    ----------
    core : DataCenterCore
        With ``num_envs = P E``: environment ``p E + e`` plays episode e, for every candidate p.
    controller : Controller
        One for all candidates, its constants given per environment.
    plan : EpisodePlan
        The E episodes.
    """
    episodes = len(plan.site)
    core.reset(seed=seed, plan=tiled(plan, core.num_envs // episodes))
    controller.reset(core.num_envs)
    play_through(core, controller, core.scenario.episode.steps)
    sums = core.episode_statistics(np.ones(core.num_envs, bool))
    days = core.scenario.episode.steps * core.step_s / SECONDS_PER_DAY
    shaped = {name: value.reshape(-1, episodes) for name, value in sums.items()}
    return Trial(shaped, days, float(core.scenario.reward.scale_usd))


class Bench:
    """The plant and the paired episodes on which candidates are compared.

    Parameters
    ----------
    scenario : Scenario
    world : World
        Its signals (those of the train split, for what will be reported).
    plan : EpisodePlan
        The E episodes, the same for every candidate.
    seed : int
        Of the core.
    """

    def __init__(self, scenario: Scenario, world: World, plan: EpisodePlan, seed: int = 0) -> None:
        self.scenario, self.world, self.plan, self.seed = scenario, world, plan, seed
        self.episodes = len(plan.site)
        self.single = DataCenterCore(scenario, self.episodes, world=world)
        self._many: DataCenterCore | None = None

    def judge(self, make: Make) -> Trial:
        """One controller on the episodes: columns ``(1, E)``."""
        return trial(self.single, make(self.single), self.plan, self.seed)

    def cost(self, make: MakeMany, limits: Mapping[str, float]) -> Callable[[Column], Column]:
        """Return the function of candidates ``(P, n)`` that gives their gated costs, all run in one batch.

        Parameters
        ----------
        make : callable
            Of the core and the candidates' values, one row per environment ``(P E, n)`` in the core's dtype.
        limits : mapping
            From ``limits_of``.
        """

        def of(candidates: Column) -> Column:
            shared = np.repeat(candidates[:, None], self.episodes, axis=1)
            return gated_cost(self.run(make, shared), limits)

        return of

    def run(self, make: MakeMany, candidates: Column) -> Trial:
        """Run candidates ``(P, E, n)``, of every episode its own, in one batch."""
        core = self._core(len(candidates))
        values = candidates.reshape(-1, candidates.shape[-1]).astype(core.dtype)
        return trial(core, make(core, values), self.plan, self.seed)

    def _core(self, candidates: int) -> DataCenterCore:
        size = candidates * self.episodes
        if self._many is None or self._many.num_envs != size:
            self._many = DataCenterCore(self.scenario, size, world=self.world)
        return self._many
