"""Campuses that every rule plays: the same days, weather, prices and jobs; and what a rule made of them."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import NamedTuple

import numpy as np

from envs.episodes.episode import EpisodePlan, draw_plan
from envs.episodes.world import World
from envs.scenario import Scenario
from envs.scheduling.job_table import Floats
from experiments.campuses.campus_day import CampusDay
from experiments.campuses.campus_parts import Campus
from experiments.campuses.cards import Cards, drawn_cards
from experiments.campuses.records import Records
from experiments.campuses.rules import Rule
from experiments.campuses.sites import campus_world

LEAST_DAYS, MOST_DAYS = 1.0 / 24.0, 60.0


class Stage(NamedTuple):
    """What is the same for every rule.

    Attributes
    ----------
    scenario : Scenario
    campus : Campus
    world : World
    plan : EpisodePlan
        Of C x S episodes; site s of campus c stands at c S + s.
    cards : tuple of Cards
        By campus.
    """

    scenario: Scenario
    campus: Campus
    world: World
    plan: EpisodePlan
    cards: tuple[Cards, ...]


class Played(NamedTuple):
    """What a rule made of C campuses over the whole time; each ``(C,)``.

    Attributes
    ----------
    energy_usd, carbon_usd : ndarray
        Of all that the sites take from the grid.
    wire_usd : ndarray
        Of data that travelled.
    delay_usd : ndarray
        Of work that waited, was slowed or travelled, and of what has not run at the end.
    lost_usd : ndarray
        Of work past its deadline.
    done_h : ndarray
        Work done [accelerator-h].
    carbon_t : ndarray
        Carbon of the grid energy [t].
    moves, wire_tb : ndarray
        Jobs that moved, and their data [TB].
    residual_h : ndarray
        What the ledger of the campus does not account for [accelerator-h].
    """

    energy_usd: Floats
    carbon_usd: Floats
    wire_usd: Floats
    delay_usd: Floats
    lost_usd: Floats
    done_h: Floats
    carbon_t: Floats
    moves: Floats
    wire_tb: Floats
    residual_h: Floats

    @property
    def usd(self) -> Floats:
        """All of it [USD]."""
        return np.asarray(self.energy_usd + self.carbon_usd + self.wire_usd + self.delay_usd + self.lost_usd)


def staged(scenario: Scenario, campus: Campus, campuses: int, days: float, seed: int) -> Stage:
    """Draw a day for each campus; each of its sites plays a list of jobs of its own.

    Raises
    ------
    ValueError
        Where nothing is to be played, or as `experiments.campuses.sites.site_scenario`.
    """
    if campuses < 2:
        raise ValueError(f"campuses = {campuses}; give 2 or more: one alone has no interval")
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise ValueError(f"days = {days:g}; give {LEAST_DAYS:.2f} (an hour) to {MOST_DAYS:g}")
    sites = len(campus.sites)
    nth = np.arange(campuses * sites)
    own = replace(scenario.site, workload_seeds=(seed * 1000 + nth).tolist(), workload_weeks=1 + ceil(days / 7.0))
    steps = max(round(days * 86_400 / scenario.episode.step_s), 1)
    scenario = replace(scenario, site=own, episode=replace(scenario.episode, steps=steps))
    world = campus_world(scenario, campus)
    rngs = [np.random.default_rng([seed, k]) for k in range(campuses)]
    drawn = draw_plan(scenario, world, rngs, np.zeros(campuses, np.int64))
    plan = EpisodePlan._make(np.repeat(part, sites) for part in drawn)
    first_week = plan.load_start % world.steps_per_week  # the pools then last to the end: each site has its own list
    plan = plan._replace(site=nth % sites, load=nth, load_start=first_week, noise_seed=plan.noise_seed + nth % sites)
    assert world.jobs is not None
    of = nth.reshape(campuses, sites)
    cards = tuple(drawn_cards(campus, world.jobs.arrivals, lists, seed) for lists in of)
    return Stage(scenario, campus, world, plan, cards)


def played(stage: Stage, rule: Rule, every_s: float, least_work_h: float, records: Records | None = None) -> Played:
    """Play the campuses to their end under one rule, and under the building's own rules inside the halls.

    ``records`` gets where each job ran and moved.
    """
    parts = stage.scenario, stage.campus, stage.world, stage.plan, stage.cards
    day = CampusDay(*parts, rule, every_s, least_work_h, records)
    for _ in range(stage.scenario.episode.steps):
        day.step()
    books = day.closed_books()
    return Played(**{name: books[name] for name in Played._fields})
