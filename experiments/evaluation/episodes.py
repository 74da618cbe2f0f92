"""From a frozen split to the episodes of a batch: the scenario that meets its sites, and a core's explicit plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import numpy as np

from agents.planners.tuned import plant_hash
from envs.episodes.episode import EpisodePlan
from envs.episodes.world import World
from envs.scenario import SHIPPED, Scenario, load
from experiments.evaluation.splits import Episode, Split, load_split

Item = TypeVar("Item", str, int)
REPLACED = ("climates", "weather_seeds", "workload_seeds")  # of a scenario's site, by a split
YEAR = 2023  # generated years start on its weekday


def with_split(scenario: Scenario, split: Split | str) -> Scenario:
    """The same plant under the sites and seeds of a split; ``none`` leaves the scenario's own."""
    if split == "none":
        return scenario
    found = load_split(split) if isinstance(split, str) else split
    site = replace(
        scenario.site,
        climates=list(found.sites),
        weather_seeds=list(found.weather_seeds),
        workload_seeds=list(found.workload_seeds),
    )
    return replace(scenario, site=site)


def chosen_split(scenario: Scenario, given: str, usual: str, typed: Sequence[str] = ()) -> str:
    """The split that is played: the one that is stated, else the usual one, where that replaces nothing of one's own.

    Parameters
    ----------
    scenario : Scenario
        Its sites and seeds are what a split replaces.
    given : str
        Name of a split, ``none``, or empty where nobody said.
    usual : str
        What the verb plays then.
    typed : sequence of str
        Overrides of the command line.

    Raises
    ------
    ValueError
        Naming what would be replaced, and the mend.
    """
    if given == "none":
        return given
    found = [text for text in typed if text.partition("=")[0] in [f"scenario.site.{key}" for key in REPLACED]]
    found = found or ([] if given else own_sites(scenario, typed))
    if found:
        mend = "leave it out" if given else f"split={usual} to play its sites on purpose"
        raise ValueError(
            f"{found[0]} would be replaced by the sites and seeds of split {given or usual!r}; give split=none to play "
            f"the scenario's own, or {mend}"
        )
    return given or usual


def own_sites(scenario: Scenario, typed: Sequence[str] = ()) -> list[str]:
    """What a split would replace of a scenario that is not shipped, or was changed: empty where nothing is its own.

    A shipped plant with what the command line changes of it is shipped; another plant of its name is one's own.
    """
    sites = ", ".join(scenario.site.climates)
    if scenario.name not in SHIPPED:
        return [f"scenario {scenario.name!r} is no shipped one: {sites}"]
    shipped = load(scenario.name, changes_of(typed))
    if plant_hash(scenario) != plant_hash(shipped):
        return [f"scenario {scenario.name!r} is another plant than the shipped one of that name: {sites}"]
    values = {key: getattr(scenario.site, key) for key in REPLACED}
    return [f"scenario.site.{key} = {value}" for key, value in values.items() if value != getattr(shipped.site, key)]


def changes_of(typed: Sequence[str]) -> list[str]:
    """What overrides of a command line change of the scenario's plant, as `envs.scenario.load` takes them."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    plant = [text for text in typed if text.lstrip("+~").startswith("scenario.")]
    parsed = OverridesParser.create().parse_overrides(plant)
    changes = {one.key_or_group.removeprefix("scenario."): json.dumps(one.value()) for one in parsed}
    return [f"{key}={value}" for key, value in changes.items() if not key.startswith("site.")]


def split_of(scenario: Scenario, name: str) -> Split:
    """The named split; ``none`` is the scenario's own sites and seeds (its weather files, its trace)."""
    if name != "none":
        return load_split(name)
    site = scenario.site
    return Split("none", list(site.climates), list(site.weather_seeds), list(site.workload_seeds))


def with_days(scenario: Scenario, days: int) -> Scenario:
    """The same scenario with episodes of ``days`` days."""
    steps = round(days * 86_400 / scenario.episode.step_s)
    return replace(scenario, episode=replace(scenario.episode, steps=steps))


def clock_site(episodes: Sequence[Episode]) -> str:
    """The site whose clock places every load of these episodes: the first one of a world."""
    return min(e.site for e in episodes)


def scenario_of_episodes(scenario: Scenario, episodes: Sequence[Episode], clock: str = "") -> Scenario:
    """The scenario with only the climates and seeds that the episodes meet, and their length.

    ``clock`` is the ``clock_site`` of the whole plan where these episodes are a part of it.
    """
    site = replace(
        scenario.site,
        climates=_unique([e.site for e in episodes], *([clock] if clock else [])),
        weather_seeds=_unique([e.weather_seed for e in episodes]),
        workload_seeds=_unique([e.workload_seed for e in episodes]),
    )
    return with_days(replace(scenario, site=site), episodes[0].days)


def explicit_plan(
    scenario: Scenario, world: World, episodes: Sequence[Episode], numbers: Sequence[int] | None = None
) -> EpisodePlan:
    """The core's plan of these episodes: each begins at midnight, in its month, at its site.

    Parameters
    ----------
    scenario : Scenario
        From ``scenario_of_episodes``; its site lists give the rows of the world's pools.
    world : World
        Built from that scenario.
    episodes : sequence of Episode
        One per environment.
    numbers : sequence of int, optional
        Their places in the whole plan, which their days and noise hang on; 0, 1, 2 ... where left out.
    """
    site, rows = scenario.site, []
    seeds = len(site.weather_seeds)
    for i, e in zip(numbers or range(len(episodes)), episodes, strict=True):
        day = first_day(e, i)
        rng = np.random.default_rng([e.workload_seed, e.weather_seed, i])
        start = world.draw_load_start(rng, day, 0)
        rows.append(
            (
                site.climates.index(e.site) * seeds + site.weather_seeds.index(e.weather_seed),
                day * world.steps_per_day,
                site.workload_seeds.index(e.workload_seed) % world.n_loads,  # a trace file is one pool
                start,
                int(rng.integers(2**31)),
                0,
                float(rng.uniform(0.80, 0.95)),
                0.5,
                0.0,
            )
        )
    return EpisodePlan(*(np.array(column) for column in zip(*rows)))


def first_day(episode: Episode, index: int) -> int:
    """Day of the year (0 = 1 January) on which an episode begins: inside its month, spread over it by index."""
    start = date(YEAR, episode.month, 1).timetuple().tm_yday - 1
    following = date(YEAR + episode.month // 12, episode.month % 12 + 1, 1)
    length = (following - date(YEAR, episode.month, 1)).days
    return start + (7 * (index // 12) + 3 * index) % max(length - episode.days, 1)


def _unique(values: list[Item], *first: Item) -> list[Item]:
    """Each value once, in order; ``first`` before them."""
    return list(first) + sorted(set(values) - set(first))
