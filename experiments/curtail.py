"""``coldaisle curtail``: whether a hall holds a load target that a grid asks, and what that costs its jobs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.curtailing.judgement import Judged, Least
    from experiments.curtailing.trial import Asked

LOG = logging.getLogger(__name__)
Tick = Callable[[str], None]


class Study(NamedTuple):
    """What was found.

    Attributes
    ----------
    found : dict
        By way.
    natural_rebound : float
        Share of the days without an event whose power rises as much behind the hour at which one would have ended.
    least : Least or None
        Bound on the work that limits and pauses lose; None where the feeder binds without an event.
    """

    found: dict[str, Judged]
    natural_rebound: float
    least: Least | None


def curtail(
    scenario: Scenario,
    asked: Asked,
    ways: Sequence[str],
    events: int,
    seed: int = 0,
    tick: Tick = LOG.info,
    storage_kwh_per_mw: float = 0.0,
) -> Study:
    """Play the same events in each way, and without any.

    Parameters
    ----------
    scenario : Scenario
        With jobs.
    asked : Asked
    ways : sequence of str
        Of `experiments.curtailing.trial.WAYS`.
    events : int
    seed : int
        Of days, hours, weather and jobs.
    tick : callable
        Called with what was played.
    storage_kwh_per_mw : float
        Battery of the way ``storage``, by MW of the site's limit; 0: the scenario's own. In the other ways it rests.

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        For an unknown way, no event, a scenario without jobs, or ``storage`` without a battery.
    """
    from envs.episodes.world import World
    from envs.unknown_name import unknown_name
    from experiments.curtailing.judgement import judged, least, natural_rebound
    from experiments.curtailing.storage import with_battery
    from experiments.curtailing.trial import STORAGE, WAYS, event_plan, minute_scenario, played

    for way in ways:
        if way not in WAYS:
            raise ValueError(unknown_name("ways", way, WAYS))
    if events < 1 or not ways:
        raise ValueError(f"events = {events}, ways = {list(ways)}; give at least one of each")
    site = minute_scenario(scenario)
    if STORAGE in ways:
        site = with_battery(site, storage_kwh_per_mw, asked.hours)
    world = World.build(site)
    plan, loaded = event_plan(site, world, asked, events, seed)
    tick(f"{100 * loaded:.0f} % of the hours are as loaded as is asked")
    free = played(site, world, plan, asked, None)
    tick(f"{events} days without an event")
    found = {}
    for way in ways:
        found[way] = judged(played(site, world, plan, asked, way), free, asked)
        tick(f"{way}: held {100 * found[way].held:.1f} % of {events} events")
    return Study(found, natural_rebound(free, asked), least(free, asked))


@verb_main("curtail")
def main(config: DictConfig) -> None:
    """Play as configured and write table, facts and page."""
    from experiments.curtailing.page import answer_words, save
    from experiments.curtailing.trial import Asked

    scenario: Any = OmegaConf.to_object(config.scenario)
    asked = Asked(**{key: config[key] for key in ("reduce_frac", "hours", "ramp_s", "best_effort", "least_load_frac")})
    ways, storage = list(config.ways), config.storage_kwh_per_mw
    study = curtail(scenario, asked, ways, config.events, config.seed, storage_kwh_per_mw=storage)
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    facts = {
        "command": " ".join(["coldaisle curtail", *words]),
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "asked": asdict(asked),
        "events": config.events,
        "seed": config.seed,
        "storage_kwh_per_mw": storage,
    }
    LOG.info(answer_words(study.found, facts))
    LOG.info("curtailment written to %s", save(Path(config.folder), study, facts))


def run() -> None:
    """``coldaisle curtail`` and ``python -m experiments.curtail``."""
    register(sys.argv, "curtail")
    main()


if __name__ == "__main__":
    run()
