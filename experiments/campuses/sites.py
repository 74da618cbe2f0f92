"""The signals of a campus: one hall at several places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.episodes.world import World, site_signal_pool
from envs.scenario import Scenario
from experiments.campuses.campus_parts import Campus, CampusSite


def site_scenario(scenario: Scenario, site: CampusSite) -> Scenario:
    """The hall at one site.

    Raises
    ------
    ValueError
        Where the scenario has no jobs, or no such climate or grid zone is known.
    """
    if scenario.jobs is None:
        raise ValueError(f"scenario {scenario.name!r} has no jobs that could move; choose one with jobs: ai_factory")
    return replace(scenario, site=replace(scenario.site, climates=[site.climate], grid_zone=site.grid_zone))


def campus_world(scenario: Scenario, campus: Campus) -> World:
    """One world of all sites: row s of its sites is site s, and the lists of jobs are the scenario's seeds.

    All clocks show the same hour: a day's load comes at the same time everywhere.
    """
    first, *others = (site_scenario(scenario, site) for site in campus.sites.values())
    world = World.build(first)
    signals = [world.site_pool, *(site_signal_pool(one) for one in others)]
    years = [pool[: world.site_steps] for pool in signals]
    return replace(world, site_pool=np.concatenate(years), n_sites=len(years))
