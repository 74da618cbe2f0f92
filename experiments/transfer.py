"""Controllers on a plant that we did not write: the same weeks in closed loop in ours and in EnergyPlus.

``coldaisle transfer policies.mine=<run or bundle> weather=il_chicago days=7``.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.evaluate import Evaluation, score_and_trace
from experiments.evaluation.score import Table
from experiments.evaluation.seeds import SEEDS
from experiments.evaluation.trace import BATCH_SERIES, Series
from experiments.registration import register
from experiments.transfers.setting import Setting, setting, weather_path
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

LOG = logging.getLogger(__name__)

OURS, ENERGYPLUS = "coldaisle", "EnergyPlus"
CONTROLLERS = ("legacy_fixed", "best_constant", "tuned_fixed", "rules_as_given", "rules_tuned")


def evaluation_on_ours(policies: Mapping[str, PolicyMaker], given: Setting, seed: int = 0) -> Evaluation:
    """Every policy on our plant, its episodes side by side."""
    from envs.core import DataCenterCore

    core = DataCenterCore(given.scenario, len(given.episodes), world=given.world)
    scores, traces, seconds = {}, {}, {}
    for name, make in policies.items():
        start = time.perf_counter()
        core.reset(seed=seed, plan=given.plan)
        scores[name], traces[name] = score_and_trace(core, make(core), given.scenario.episode.steps)
        seconds[name] = time.perf_counter() - start
    return Evaluation(scores, traces, given.episodes, _facts(given, core, seconds, OURS))


def evaluation_on_energyplus(
    policies: Mapping[str, PolicyMaker],
    given: Setting,
    *,
    seed: int = 0,
    mixes: bool = True,
    hold_curves: bool = False,
) -> Evaluation:
    """Every policy in EnergyPlus, one episode after the other: its engine runs one model at a time.

    ``mixes`` and ``hold_curves`` as in `EnergyPlusPlant`.
    """
    from envs.core import DataCenterCore
    from envs.energyplus.plant import EnergyPlusPlant

    parts: dict[str, list[tuple[Table, Series]]] = {name: [] for name in policies}
    seconds = dict.fromkeys(policies, 0.0)
    steps = given.scenario.episode.steps
    for i, episode in enumerate(given.episodes):
        columns: list[Any] = [column[i : i + 1] for column in given.plan]
        plan = given.plan._replace(**dict(zip(given.plan._fields, columns, strict=True)))
        day = int(plan.site_start[0]) // given.world.steps_per_day
        plant = EnergyPlusPlant(given.scenario, given.weather, day, episode.days, mixes=mixes, hold_curves=hold_curves)
        core = DataCenterCore(given.scenario, 1, world=given.world, plant=plant)
        try:
            for name, make in policies.items():
                start = time.perf_counter()
                core.reset(seed=seed + i, plan=plan)
                parts[name].append(score_and_trace(core, make(core), steps))
                seconds[name] += time.perf_counter() - start
                LOG.info("EnergyPlus: month %d, %s", episode.month, name)
        finally:
            plant.close()
    scores = {name: _side_by_side([table for table, _ in found]) for name, found in parts.items()}
    traces = {name: _series([series for _, series in found]) for name, found in parts.items()}
    facts = _facts(given, core, seconds, ENERGYPLUS) | {"mixes": mixes, "hold_curves": hold_curves}
    return Evaluation(scores, traces, given.episodes, facts)


def _side_by_side(tables: Sequence[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _series(found: Sequence[Series]) -> Series:
    """Batch series side by side; the detailed episode is the first."""
    return {**found[0], **{name: np.concatenate([s[name] for s in found], axis=1) for name in BATCH_SERIES}}


def _facts(given: Setting, core: DataCenterCore, seconds: Mapping[str, float], plant: str) -> dict[str, Any]:
    from envs.energyplus.engine import engine_version

    return {
        "scenario": given.scenario.name,
        "plant": plant,
        "scenario_hash": given.scenario.hash(),
        "channel_hash": core.channel_hash,
        "weather": given.weather.name,
        "energyplus": engine_version(),
        "step_s": core.step_s,
        "steps": given.scenario.episode.steps * len(given.episodes),
        "wall_s": dict(seconds),
    }


def reference_choice(scenario: Scenario, controllers: Sequence[str]) -> dict[str, PolicyMaker]:
    """The named reference controllers of a scenario; without names, those of `CONTROLLERS` that it has.

    Raises
    ------
    ValueError
        For a name that no reference controller of the scenario has.
    """
    from experiments.evaluation.policies import reference_policies

    known = reference_policies(scenario)
    missing = [name for name in controllers if name not in known]
    if missing:
        raise ValueError(
            f"controllers = {missing} are no reference controllers of {scenario.name!r}; choose from {sorted(known)}"
        )
    return {name: known[name] for name in controllers or [n for n in CONTROLLERS if n in known]}


@verb_main("transfer")
def main(config: DictConfig) -> None:
    """Run every controller on both plants; write scores, page and reports into the run's folder."""
    from experiments.evaluation.policies import best_rule, learned_rows, require_playable
    from experiments.evaluation.results import require_baseline, save
    from experiments.report import write_report
    from experiments.transfers.table import print_both, write_both

    scenario: Any = OmegaConf.to_object(config.scenario)
    weather = weather_path(config.weather)
    policies: dict[str, Any] = reference_choice(scenario, list(config.controllers))
    baseline = config.baseline or best_rule(policies)
    learned = learned_rows({str(name): str(path) for name, path in config.policies.items()}, trust=config.trust)
    require_baseline(baseline, [*policies, *learned.seeds])
    policies |= learned.makers
    given = setting(scenario, weather, list(config.months), config.days)
    require_playable(learned.makers, given.scenario)
    found = {
        OURS: evaluation_on_ours(policies, given, config.seed),
        ENERGYPLUS: evaluation_on_energyplus(
            policies, given, seed=config.seed, mixes=config.mixes, hold_curves=config.hold_curves
        ),
    }
    for evaluation in found.values():
        evaluation.facts[SEEDS] = learned.seeds
    folder = Path(config.folder)
    write_both(found, folder, baseline)
    print_both(found, baseline)
    for plant, evaluation in found.items():
        write_report(save(evaluation, folder / plant.lower(), baseline, OmegaConf.to_yaml(config)), baseline)
    LOG.info("tables, page and both reports are in %s", folder)


def run() -> None:
    """``coldaisle transfer`` and ``python -m experiments.transfer``."""
    register(sys.argv, "transfer")
    main()


if __name__ == "__main__":
    run()
