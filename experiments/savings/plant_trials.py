"""Switchbacks on our own plant: the tuned rules as the policy, the rules as given in force else; the truth is known.

Each site is played three times under the same weather, load and noise: by the rules throughout, by the policy
throughout, and switched as the schedule says, with all that a building carries over from block to block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.savings.judgement import own_signs
from experiments.savings.record import HOURS_PER_DAY, Floats, SiteRecord, hour_of
from experiments.savings.schedule import Schedule, policy_hours

if TYPE_CHECKING:
    from envs.controllers.base import Controller, Measurements, Setpoints
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker
    from experiments.evaluation.splits import Episode

HISTORY_DAYS = 28  # under the rules, before the trial
WEEKDAYS_OF = "2023-01-01"  # generated years have this one's weekdays


class Switched:
    """Two controllers of which one holds each site; both read on, so that neither meets a gap.

    Parameters
    ----------
    rules, policy : Controller
    held : ndarray of bool (B, T)
        Whether the policy has each hour.
    per_hour : int
        Control steps of an hour.
    """

    def __init__(self, rules: Controller, policy: Controller, held: NDArray[np.bool_], per_hour: int) -> None:
        self.rules, self.policy, self.held, self.per_hour, self.steps = rules, policy, held, per_hour, 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Reset both."""
        self.rules.reset(n, mask)
        self.policy.reset(n, mask)

    def act(self, measurements: Measurements) -> Setpoints:
        """The setpoints of who holds each site."""
        hour = min(self.steps // self.per_hour, self.held.shape[1] - 1)
        self.steps += 1
        ours, theirs = self.policy.act(measurements), self.rules.act(measurements)
        return {name: np.where(self.held[:, hour], ours.get(name, theirs[name]), theirs[name]) for name in theirs}


class PlantTrial(NamedTuple):
    """A site of a plant.

    Attributes
    ----------
    place : str
        Site and month.
    schedule : Schedule
    seed : int
        Of the schedule.
    history, switched : SiteRecord
        What was recorded before the trial, and in it.
    rules_kw, policy_kw : ndarray (T,)
        Power had the rules, or the policy, held every hour.
    """

    place: str
    schedule: Schedule
    seed: int
    history: SiteRecord
    switched: SiteRecord
    rules_kw: Floats
    policy_kw: Floats


def plant_trials(
    scenario: Scenario, rules: PolicyMaker, policy: PolicyMaker, days: int, count: int, seed: int = 0, **how: int
) -> list[PlantTrial]:
    """Trials on ``count`` sites; ``how`` are the schedule's block and wash-out."""
    from experiments.evaluation.episodes import first_day
    from experiments.evaluation.splits import load_split, plan_episodes

    episodes = plan_episodes(load_split("train"), count, days + HISTORY_DAYS)
    begins = [hour_of(WEEKDAYS_OF) + HOURS_PER_DAY * (first_day(e, i) + HISTORY_DAYS) for i, e in enumerate(episodes)]
    schedules = [Schedule(first, days, **how) for first in begins]
    held = np.stack([policy_hours(s, own_signs(s, seed + i)) for i, s in enumerate(schedules)])
    never, before = np.zeros_like(held), np.zeros((count, HISTORY_DAYS * HOURS_PER_DAY), bool)
    plans = [np.concatenate([before, plan], axis=1) for plan in (never, ~never, held)]
    played = [_played(scenario, episodes, rules, policy, plan) for plan in plans]
    skip = before.shape[1]
    records = []
    for i, schedule in enumerate(schedules):
        who = plans[2][i].astype(np.float64)
        power, load, wet, dry, inlet = (column[:, i] for column in played[2])
        whole = SiteRecord(schedule.first_hour - skip, power, load, wet, dry, inlet, who)
        history, switched = whole.part(whole.first_hour, skip), whole.part(schedule.first_hour, whole.hours - skip)
        place = f"{episodes[i].site}, month {episodes[i].month}"
        by_rules, by_policy = (played[k][0][skip:, i] for k in (0, 1))
        records.append(PlantTrial(place, schedule, seed + i, history, switched, by_rules, by_policy))
    return records


def _played(
    scenario: Scenario, episodes: Sequence[Episode], rules: PolicyMaker, policy: PolicyMaker, held: NDArray[np.bool_]
) -> list[Floats]:
    """Hourly cooling power, IT power, wet and dry bulb and hottest inlet ``(T, B)``."""
    from envs.core import DataCenterCore
    from envs.play import play
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    site = scenario_of_episodes(scenario, list(episodes))
    core = DataCenterCore(site, len(episodes))
    core.reset(seed=0, plan=explicit_plan(site, core.world, list(episodes)))
    per_hour = round(3600.0 / core.step_s)
    controller = Switched(rules(core), policy(core), held, per_hour)
    controller.reset(core.num_envs)
    rows = []
    for step in play(core, controller, held.shape[1] * per_hour):
        flows = core.flows
        rows.append(
            np.stack([flows.cooling_power_kw, flows.it_power_kw, step.outside.wet_bulb_c, step.outside.dry_bulb_c,
                      flows.rack_inlet_c.max(axis=0)])
        )  # fmt: skip
    hourly = np.stack(rows).reshape(-1, per_hour, 5, len(episodes)).astype(np.float64)
    means = [hourly[:, :, k].mean(axis=1) for k in range(4)]
    return [*means, hourly[:, :, 4].max(axis=1)]
