"""Where two plants are compared: the same hall, weather, load and first steps for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from experiments.evaluation.splits import Episode, load_split

if TYPE_CHECKING:
    from envs.episodes.episode import EpisodePlan
    from envs.episodes.world import World
    from envs.scenario import Scenario

DAYS_MOST = 28


class Setting(NamedTuple):
    """What both plants are under: the same hall, weather, load and first steps."""

    scenario: Scenario
    weather: Path
    episodes: list[Episode]
    world: World
    plan: EpisodePlan


def setting(scenario: Scenario, weather: Path, months: Sequence[int], days: int) -> Setting:
    """Place a scenario at a weather file, with one episode in each month and the load of the test split.

    The hall stands at the height of the file's station; the outdoor air is the one that EnergyPlus makes of the file.

    Raises
    ------
    ValueError
        For months or days that no year has.
    """
    from envs.energyplus.outdoors import with_outdoors
    from envs.energyplus.plant import lead_in_steps, run_period
    from envs.episodes.world import World
    from envs.signals.weather.epw import read_epw
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    if not months or not all(1 <= m <= 12 for m in months):
        raise ValueError(f"months = {list(months)}; give some of 1..12")
    if not 1 <= days <= DAYS_MOST:
        raise ValueError(f"days = {days}; give 1..{DAYS_MOST}, so that an episode stays inside its month")
    seeds = load_split("test").workload_seeds
    episodes = [Episode(str(weather), m, 0, seeds[i % len(seeds)], days) for i, m in enumerate(months)]
    site = scenario_of_episodes(replace(scenario, elevation_m=read_epw(weather).elevation_m), episodes)
    world = World.build(site)
    plan, step_s = explicit_plan(site, world, episodes), site.episode.step_s
    periods = [(int(at), run_period(int(at) // world.steps_per_day, days + 1, step_s)) for at in plan.site_start]
    lead = lead_in_steps(step_s)
    plan = plan._replace(site_start=plan.site_start + lead, load_start=plan.load_start + lead)
    return Setting(site, weather, episodes, with_outdoors(world, weather, periods), plan)


def weather_path(name: str) -> Path:
    """An EPW file by its path, or by its name in the EnergyPlus wheel.

    Raises
    ------
    ValueError
        Where it is neither.
    """
    from envs.energyplus.engine import weather_files

    known = weather_files()
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix.lower() != ".epw" or not path.is_file():
        raise ValueError(f"weather = {name!r} is no EPW file; give the path of one, or one of {sorted(known)}")
    return path
