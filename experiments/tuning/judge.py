"""What a policy is worth to a search: its paired cost against the best rule on validation, at equal safety and work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes
from experiments.evaluation.gates import breach, failed_gates
from experiments.evaluation.opponents import COST
from experiments.evaluation.played import scored
from experiments.evaluation.policies import best_rule, reference_policies

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker
    from experiments.evaluation.score import Table
    from experiments.evaluation.splits import Episode

#: Where those begin that fail a gate: behind everybody who keeps all, for no hall costs so much more by its setpoints.
BEHIND_USD_DAY = 1e6
LARGEST_BREACH = 1e6  # a use that is not finite


class Judgement(NamedTuple):
    """How a policy stands against the best rule.

    Attributes
    ----------
    cost_usd_day : float
        Mean of its paired cost, less the rule's [USD/day].
    breach : float
        By how much all gates together are broken, weighted; 0 where all are kept.
    failures : tuple of str
        A sentence for each gate that failed.
    """

    cost_usd_day: float
    breach: float
    failures: tuple[str, ...]

    @property
    def value(self) -> float:
        """What a search makes small: the cost; behind all costs, by its breach, where a gate failed.

        So cost buys no breach, and among those that fail the safer one is better. What is not finite is the worst.
        """
        if not (math.isfinite(self.cost_usd_day) and math.isfinite(self.breach)):
            return BEHIND_USD_DAY + LARGEST_BREACH
        return BEHIND_USD_DAY + min(self.breach, LARGEST_BREACH) if self.failures else self.cost_usd_day


def diverged(words: str) -> Judgement:
    """How a training stands that came to numbers which are none: it fails, behind all others."""
    return Judgement(math.nan, LARGEST_BREACH, (f"its training diverged: {words}",))


class Judge:
    """Plays policies on the same episodes as the best rule, which is played once.

    Parameters
    ----------
    scenario : Scenario
        The plant, as it was given.
    episodes : sequence of Episode
        The same for every policy.
    seed : int
        Of the sensors' noise.
    """

    def __init__(self, scenario: Scenario, episodes: Sequence[Episode], seed: int = 0) -> None:
        from envs.core import DataCenterCore

        site = scenario_of_episodes(scenario, episodes)
        self.core = DataCenterCore(site, len(episodes))
        self.plan, self.seed = explicit_plan(site, self.core.world, episodes), seed
        rules = reference_policies(scenario)
        self.baseline = best_rule(rules)
        self.reference = self._played(rules[self.baseline])

    def judged(self, make: PolicyMaker) -> Judgement:
        """Play a policy, made from the core that it will run on."""
        table = self._played(make)
        cost = float((table[COST] - self.reference[COST]).mean())
        return Judgement(cost, breach(table, self.reference), failed_gates(table, self.reference))

    def _played(self, make: PolicyMaker) -> Table:
        self.core.reset(seed=self.seed, plan=self.plan)
        return scored(self.core, make(self.core), self.core.scenario.episode.steps)
