"""``coldaisle campus``: which waiting jobs move between halls, and what each rule of moving them saves."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from experiments.campuses.records import Records
    from experiments.campuses.trial import Played, Stage

LOG = logging.getLogger(__name__)
Tick = Callable[[str], None]


def campus_days(
    stage: Stage,
    rules: Sequence[str],
    every_s: float = 900.0,
    least_work_h: float = 1.0,
    tick: Tick = LOG.info,
    records: Mapping[str, Records] | None = None,
) -> dict[str, Played]:
    """Play the same campuses under each rule.

    Parameters
    ----------
    stage : Stage
        As `experiments.campuses.trial.staged` draws it.
    rules : sequence of str
        Of `experiments.campuses.rules.RULES`.
    every_s : float
        Between two looks of a rule [s].
    least_work_h : float
        Waiting jobs with less work stay where they are [accelerator-h].
    tick : callable
        Called with what was played.
    records : mapping, optional
        By rule: what keeps where its jobs ran and moved.

    Raises
    ------
    ValueError
        For an unknown rule or none, or a time or an amount of work below 0.
    """
    from envs.unknown_name import unknown_name
    from experiments.campuses.rules import RULES
    from experiments.campuses.trial import played

    for name in rules:
        if name not in RULES:
            raise ValueError(unknown_name("rules", name, RULES))
    if not rules:
        raise ValueError(f"rules = []; give at least one of {', '.join(RULES)}")
    if every_s <= 0.0:
        raise ValueError(f"every_s = {every_s:g}; give more than 0 s, such as 900")
    if least_work_h < 0.0:
        raise ValueError(f"least_work_h = {least_work_h:g}; give 0 accelerator-h or more")
    found = {}
    for name in rules:
        found[name] = played(stage, RULES[name], every_s, least_work_h, (records or {}).get(name))
        tick(f"{name}: {found[name].usd.mean():.0f} USD for a campus, {found[name].moves.mean():.0f} jobs moved")
    return found


@verb_main("campus")
def main(config: DictConfig) -> None:
    """Play as configured and write tables, facts and page."""
    from envs.unknown_name import unknown_name
    from experiments.campuses.campus_parts import Campus, campus_sites
    from experiments.campuses.page import answer_words, save
    from experiments.campuses.records import Records
    from experiments.campuses.trial import staged

    scenario: Any = OmegaConf.to_object(config.scenario)
    sites: Any = OmegaConf.to_container(config.sites)
    wire: Any = OmegaConf.to_object(config.wire)
    residency: Any = OmegaConf.to_object(config.residency)
    rules = list(dict.fromkeys(["home", *config.rules]))
    campus = Campus(campus_sites(sites), wire, residency)
    if scenario.jobs is not None:
        scenario = replace(scenario, jobs=replace(scenario.jobs, occupancy=config.occupancy))
    stage = staged(scenario, campus, config.campuses, config.days, config.seed)
    if config.records and config.records not in rules:
        raise ValueError(unknown_name("records", config.records, rules))
    records = {config.records: Records(list(campus.sites), stage.cards)} if config.records else {}
    found = campus_days(stage, rules, config.every_s, config.least_work_h, records=records)
    for kept in records.values():
        LOG.info("where jobs of %s ran and moved: %s", config.records, kept.write(Path(config.folder)))
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    facts = {
        "command": " ".join(["coldaisle campus", *words]),
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "sites": sites,
        "campuses": config.campuses,
        "days": config.days,
        "seed": config.seed,
    }
    LOG.info(answer_words(found, "home", config.days))
    LOG.info("campus written to %s", save(Path(config.folder), found, "home", config.days, facts))


def run() -> None:
    """``coldaisle campus`` and ``python -m experiments.campus``."""
    register(sys.argv, "campus")
    main()


if __name__ == "__main__":
    run()
