"""Candidates as environments of one batched core: each meets the same episodes, all are judged by the same sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.interface.constraints import GATES, Use, breaches, within_budget
from envs.play import play
from envs.trees import tiled_tree
from envs.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from envs.episodes.episode import EpisodePlan
    from envs.episodes.world import World
    from envs.scenario import Scenario

Column = NDArray[np.float64]

INFEASIBLE_USD = 1e6  # above every cost: what breaks a gate ranks after all that keeps it, by how far it breaks it

Make = Callable[[DataCenterCore], "Controller"]
MakeMany = Callable[[DataCenterCore, NDArray[np.floating]], "Controller"]


class Trial(NamedTuple):
    """Sums of candidates over paired episodes, each ``(P, E)``, and their length in days."""

    sums: dict[str, Column]
    days: float
    usd_per_reward: float

    def cost_usd_day(self) -> Column:
        """Mean cost over the episodes ``(P,)`` [USD/day], closing included: minus the reward."""
        mean: Column = self.cost_usd_day_each().mean(axis=1)
        return mean

    def cost_usd_day_each(self) -> Column:
        """Cost of every episode ``(P, E)`` [USD/day]."""
        return -self.sums["r"] * (self.usd_per_reward / self.days)

    def per_day(self, name: str) -> Column:
        """Mean of one sum over the episodes ``(P,)`` [unit per day]."""
        mean: Column = self.sums[name].mean(axis=1) / self.days
        return mean


def limits_of(reference: Trial, safest: Trial | None = None) -> dict[str, float]:
    """What a candidate is held against, by gate and per day: the reference's own use, cut to the budgets.

    Parameters
    ----------
    reference : Trial
        A controller whose safety and work a search must keep.
    safest : Trial, optional
        What even this one needs is no breach of a budget: a start that is too warm for every controller, say.
    """
    least = {c.name: 0.0 if safest is None else float(safest.per_day(c.name)[0]) for c in GATES}
    return {c.name: within_budget(c, float(reference.per_day(c.name)[0]), least[c.name], 1.0) for c in GATES}


def gated_cost(trial: Trial, limits: Mapping[str, float]) -> Column:
    """Cost ``(P,)`` [USD/day] where every gate is kept; above ``INFEASIBLE_USD``, by the breach, where not."""
    return _ranked(trial.cost_usd_day(), breaches({c.name: trial.per_day(c.name) for c in GATES}, limits, 1.0))


def gated_cost_each(trial: Trial, reference: Trial) -> Column:
    """Cost ``(P, E)`` [USD/day] of candidates judged in each episode on its own, by the gates of the reference."""
    return _ranked(trial.cost_usd_day_each(), breaches(trial.sums, reference.sums, trial.days))


def _ranked(cost: Column, found: Mapping[str, Column]) -> Column:
    breach = np.minimum(sum(found.values(), np.zeros_like(cost)), INFEASIBLE_USD)
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
    core.reset(seed=seed, plan=tiled_tree(plan, core.num_envs // episodes))
    controller.reset(core.num_envs)
    use = Use(core.channels)
    for _ in play(core, controller, core.scenario.episode.steps):
        use.add(core.flows, core.in_force)
    sums = {**core.episode_statistics(), **use.sums()}
    days = core.scenario.episode.steps * core.step_s / SECONDS_PER_DAY
    shaped = {name: value.reshape(-1, episodes) for name, value in sums.items()}
    return Trial(shaped, days, float(core.scenario.reward.scale_usd))


class CandidateTrials:
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
        self.days = scenario.episode.steps * self.single.step_s / SECONDS_PER_DAY
        self._many: DataCenterCore | None = None

    def columns_of(self, make: Make) -> Trial:
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
