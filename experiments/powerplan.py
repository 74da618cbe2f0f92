"""``coldaisle powerplan``: how many more racks fit under the feeders, and what every cap and feeder costs in work."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.given_file import given_file
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.power_planning.answer import ClassCap, OnCurve, Planned, Tried

LOG = logging.getLogger(__name__)
MINIMA = "a YAML file of minima (docs/powerplan.md shows one)"
Tick = Callable[[str], None]


class PowerPlan(NamedTuple):
    """What the verb found.

    Attributes
    ----------
    tried : list of Tried
        Numbers of added racks, rising.
    most : int or None
        The most that fits; None where the hall as it stands does not.
    caps : list of ClassCap
        Of the hall with so many more racks.
    curve : list of OnCurve
        Of the hall as it stands.
    """

    tried: list[Tried]
    most: int | None
    caps: list[ClassCap]
    curve: list[OnCurve]


def powerplan(
    scenario: Scenario, asked: Planned, ratios: Sequence[float] = (), seed: int = 0, tick: Tick = LOG.info
) -> PowerPlan:
    """Find the most racks that fit, the caps that go with them, and the work over the feeder.

    Parameters
    ----------
    scenario : Scenario
    asked : Planned
    ratios : sequence of float
        Demand over the feeder.
    seed : int
        Of losses and intervals.
    tick : callable
        Called with what was found.
    """
    from experiments.power_planning.answer import class_caps, feeder_curve, most_racks, require_ratios, tried
    from experiments.power_planning.hall_feeders import read_tree

    require_ratios(ratios)
    if asked.tree:
        read_tree(asked.tree, tuple(scenario.racks))  # refused before any load is made
    rows = most_racks(scenario, asked, seed, tick)
    most = max((row.added for row in rows if row.fits(asked)), default=None)
    _, hall, found = tried(scenario, asked, most or 0, seed)
    curve = feeder_curve(scenario, asked, ratios, seed, tick) if ratios else []
    return PowerPlan(rows, most, class_caps(hall, found), curve)


@verb_main("powerplan")
def main(config: DictConfig) -> None:
    """Plan as configured and write tables, facts and page."""
    from experiments.power_planning.answer import Planned
    from experiments.power_planning.page import save

    scenario: Any = OmegaConf.to_object(config.scenario)
    asked = Planned(
        **{key: config[key] for key in ("lost_frac", "trips_per_year", "failover", "objective", "held_frac")},
        **{key: config[key] for key in ("reaction_s", "losses_per_year", "years", "weeks")},
        groups=tuple(config.groups),
        tree=Path(config.tree) if config.tree else None,
        minima=given_file("minima", config.minima, MINIMA) if config.minima else None,
        seeds=tuple(config.seeds),
    )
    found = powerplan(scenario, asked, list(config.ratios), config.seed)
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    facts = {
        "command": " ".join(["coldaisle powerplan", *words]),
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "racks": sum(group.count for group in scenario.racks.values()),
        "asked": {**asdict(asked), "tree": Path(config.tree).name, "minima": Path(config.minima).name},
        "seed": config.seed,
    }
    LOG.info("power plan written to %s", save(Path(config.folder), found, facts))


def run() -> None:
    """``coldaisle powerplan`` and ``python -m experiments.powerplan``."""
    register(sys.argv, "powerplan")
    main()


if __name__ == "__main__":
    run()
