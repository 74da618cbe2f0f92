"""``coldaisle forecast``: forecasters trained on simulated halls with hidden parameters, judged on later days."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hydra
import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.schema import CONFIGS, register

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.forecast_halls import HallDraw, Halls
    from experiments.forecast_judge import Judging
    from experiments.forecast_score import Score

LOG = logging.getLogger(__name__)
TABLE, FACTS = "forecast.csv", "forecast.json"
Tick = Callable[[str], None]


class Judged(NamedTuple):
    """Scores by method and hall, what each hall's forecaster believes, and how long the parts took [s]."""

    scores: dict[str, list[Score]]
    scenarios: list[Scenario]
    wall_s: dict[str, float]


def forecast(
    scenario: Scenario, draw: HallDraw, how: Judging, match: bool = True, jobs: int = 1, tick: Tick = LOG.info
) -> tuple[Halls, Judged]:
    """Simulate halls, train a forecaster for each on its first weeks, judge it on later day-blocks.

    Parameters
    ----------
    scenario : Scenario
        What the forecasters know; the halls are drawn around it.
    draw : HallDraw
        ``days`` is set to what ``how`` needs.
    how : Judging
    match : bool
        Whether each forecaster's scenario is first brought near its hall by the training telemetry.
    jobs : int
        Processes that judge halls side by side.
    tick : callable
        Called with what is being done.
    """
    from dataclasses import replace

    from agents.forecasting.match import Match, matched
    from experiments.forecast_halls import simulate

    step_s, wall = float(scenario.episode.step_s), {}
    begun = time.perf_counter()
    halls = simulate(scenario, replace(draw, days=how.days(step_s)), tick)
    wall["simulation"] = time.perf_counter() - begun
    tick("matching the scenario to each hall's training telemetry")
    train = halls.history.part(0, how.train_rows(step_s))
    settings = Match() if match else replace(Match(), iterations=0)
    believed = matched(scenario, train, settings)
    wall["matching"] = time.perf_counter() - begun - sum(wall.values())
    scores = _judged(halls, believed, how, jobs, tick)
    wall["training and judging"] = time.perf_counter() - begun - sum(wall.values())
    return halls, Judged(scores, believed, {k: round(v, 1) for k, v in wall.items()})


def _judged(halls: Halls, believed: Sequence[Scenario], how: Judging, jobs: int, tick: Tick) -> dict[str, list[Score]]:
    """Scores by method, hall after hall."""
    from experiments.forecast_judge import judge

    truth = np.concatenate([halls.true_inlet_c, halls.true_cooling_kw[:, None]], axis=1)
    work = [
        (scenario, halls.history.hall(i).copied(), truth[:, :, i].copy(), how) for i, scenario in enumerate(believed)
    ]
    found: dict[str, list[Score]] = {}
    with ProcessPoolExecutor(max(1, jobs), mp_context=get_context("spawn")) as pool:
        for i, scores in enumerate(pool.map(judge, *zip(*work))):
            tick(f"hall {i + 1} of {len(work)} judged")
            for name, score in scores.items():
                found.setdefault(name, []).append(score)
    return found


def save(folder: Path, scenario: Scenario, judged: Judged, facts: dict[str, Any]) -> Path:
    """Write the table by method and horizon, and the facts with provenance."""
    import pandas as pd

    from experiments.forecast_score import hall_interval, pooled_coverage, rows_of, together
    from experiments.provenance import provenance

    step_min = float(scenario.episode.step_s) / 60.0
    rows, pooled = [], {}
    for name, scores in judged.scores.items():
        whole = together(scores)
        rows += [{"method": name, **row} for row in rows_of(whole, step_min)]
        every = {kind: getattr(whole, kind)("inside") for kind in ("inlets", "cooling")}
        pooled[name] = {
            "blocks": whole.blocks,
            "coverage": pooled_coverage(whole),
            "coverage_95": hall_interval(scores),
            "least_and_most_over_all_horizons": {k: [float(v.min()), float(v.max())] for k, v in every.items()},
        }
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).round(4).to_csv(folder / TABLE, index=False)
    content = {**facts, "pooled": pooled, "wall_s": judged.wall_s, "scenario_hash": scenario.hash()}
    (folder / FACTS).write_text(json.dumps({**content, **provenance(config=facts)}, indent=2, default=str))
    return folder


@hydra.main(config_path=CONFIGS, config_name="forecast", version_base="1.3")
def main(config: DictConfig) -> None:
    """Forecast as configured and write the table and the facts."""
    from experiments.forecast_halls import HallDraw
    from experiments.forecast_judge import Judging

    scenario: Any = OmegaConf.to_object(config.scenario)
    draw = HallDraw(halls=config.halls, spread=config.spread, seed=config.seed)
    how = Judging(train_days=config.train_days, blocks=config.blocks)
    _, judged = forecast(scenario, draw, how, config.match, config.jobs)
    facts = {"scenario": scenario.name, "draw": asdict(draw), "judging": asdict(how), "match": bool(config.match)}
    facts["command"] = " ".join(["coldaisle", "forecast", *sys.argv[1:]])
    LOG.info("forecast written to %s", save(Path(config.folder), scenario, judged, facts))


def run() -> None:
    """``coldaisle forecast`` and ``python -m experiments.forecast``."""
    register(sys.argv)
    main()


if __name__ == "__main__":
    run()
