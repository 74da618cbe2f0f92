"""``coldaisle forecast``: the coming day of one's own hall; or forecasters judged on simulated halls."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main
from experiments.worker_pool import worker_pool

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.forecasting.failures import Agreement
    from experiments.forecasting.halls import HallDraw, Halls
    from experiments.forecasting.judge import Answers, HallVerdict, Judging
    from experiments.forecasting.score import Score

LOG = logging.getLogger(__name__)
Tick = Callable[[str], None]


class JudgedHalls(NamedTuple):
    """Scores by method and hall, agreement on failures, an example day, and how long the parts took [s]."""

    scores: dict[str, list[Score]]
    failures: dict[str, Agreement]
    example: dict[str, Any]
    wall_s: dict[str, float]


def forecast(
    scenario: Scenario, draw: HallDraw, how: Judging, match: bool = True, jobs: int = 1, tick: Tick = LOG.info
) -> JudgedHalls:
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
    begun = [time.perf_counter()]
    halls, believed = simulated_halls(scenario, draw, how, match, tick, begun)
    verdicts = _hall_verdicts(halls, believed, how, jobs, tick)
    begun.append(time.perf_counter())
    failures = _agreements(halls, how, [v.first_over for v in verdicts], tick)
    begun.append(time.perf_counter())
    scores = {name: [v.scores[name] for v in verdicts] for name in verdicts[0].scores}
    return JudgedHalls(scores, failures, verdicts[0].example, _wall_s(begun, "training and judging"))


def failures_alone(
    scenario: Scenario, draw: HallDraw, how: Judging, match: bool = True, tick: Tick = LOG.info
) -> tuple[dict[str, Agreement], dict[str, float]]:
    """The same halls and failures without the judged day-blocks, and how long the parts took [s]."""
    from experiments.forecasting.failures import answers_of_halls

    begun = [time.perf_counter()]
    halls, believed = simulated_halls(scenario, draw, how, match, tick, begun)
    said = answers_of_halls(halls, believed, how, tick)
    begun.append(time.perf_counter())
    failures = _agreements(halls, how, said, tick)
    begun.append(time.perf_counter())
    return failures, _wall_s(begun, "asking")


def simulated_halls(
    scenario: Scenario, draw: HallDraw, how: Judging, match: bool, tick: Tick, begun: list[float]
) -> tuple[Halls, list[Scenario]]:
    """Halls, and the scenario that is believed of each; ``begun`` gets the times at which the parts end."""
    from agents.forecasting.prior_fit import PriorFitSettings, matched_scenarios
    from experiments.forecasting.halls import simulate

    step_s = float(scenario.episode.step_s)
    halls = simulate(scenario, replace(draw, days=how.days(step_s)), tick, how.failure_rows(step_s))
    begun.append(time.perf_counter())
    tick("matching the scenario to each hall's training telemetry")
    train = halls.telemetry.part(0, how.train_rows(step_s))
    believed = matched_scenarios(
        scenario, train, PriorFitSettings() if match else replace(PriorFitSettings(), iterations=0)
    )
    begun.append(time.perf_counter())
    return halls, believed


def _wall_s(begun: Sequence[float], third: str) -> dict[str, float]:
    parts = ("simulation", "matching", third, "failures")
    return {part: round(last - first, 1) for part, first, last in zip(parts, begun, begun[1:])}


def _agreements(halls: Halls, how: Judging, said: Sequence[Answers], tick: Tick) -> dict[str, Agreement]:
    from experiments.forecasting.failures import agreements

    tick("playing the failures on the halls themselves")
    return agreements(halls, how, said)


def _hall_verdicts(
    halls: Halls, believed: Sequence[Scenario], how: Judging, jobs: int, tick: Tick
) -> list[HallVerdict]:
    """One verdict per hall."""
    from experiments.forecasting.judge import judge_hall

    work = [
        (scenario, halls.telemetry.hall(i).own_copy(), halls.truth.hall(i).own_copy(), how)
        for i, scenario in enumerate(believed)
    ]
    found: list[HallVerdict] = []
    with worker_pool(jobs) if jobs > 1 else nullcontext() as pool:
        for verdict in map(judge_hall, *zip(*work)) if pool is None else pool.map(judge_hall, *zip(*work)):
            found.append(verdict)
            tick(f"hall {len(found)} of {len(work)} judged")
    return found


def forecast_own(scenario: Scenario, config: DictConfig) -> Path:
    """Forecast the hall that a log is of, and write page and table."""
    from agents.forecasting.hall_log import hall_history
    from experiments.calibration.report import write_findings
    from experiments.calibration.screened import screened_file
    from experiments.forecasting.own_hall import Asked, own_forecast
    from experiments.forecasting.own_page import rack_names, write_own
    from experiments.records.provenance import git_state

    if not config.points:
        raise ValueError("telemetry without points=...; give its point map (docs/calibration.md shows one)")
    checked = screened_file(scenario, Path(config.telemetry), Path(config.points), replay=False)
    write_findings(Path(config.folder), checked.findings)
    LOG.info("playing the model along the log")
    past = hall_history(scenario, checked.telemetry)
    asked = Asked(match=config.match, limit_c=config.limit_c)
    found = own_forecast(scenario, past, asked, tick=LOG.info)
    names = rack_names(checked.telemetry.names, found.forecast.mean.rack_inlet_c.shape[1])
    given = " ".join(a for a in HydraConfig.get().overrides.task if not a.startswith("folder="))
    footer = f"coldaisle forecast {given}; scenario {scenario.hash()[:12]}, code {git_state()['git_hash'][:12]}"
    return write_own(Path(config.folder), found, asked, names, past.modelled_frac, checked.findings, footer)


@verb_main("forecast")
def main(config: DictConfig) -> None:
    """Forecast as configured and write table, facts and page."""
    from experiments.forecasting.halls import HallDraw
    from experiments.forecasting.judge import Judging
    from experiments.forecasting.page import save, save_failures

    scenario: Any = OmegaConf.to_object(config.scenario)
    if config.telemetry:
        LOG.info("forecast written to %s", forecast_own(scenario, config))
        return
    draw = HallDraw(halls=config.halls, spread=config.spread, seed=config.seed)
    how = Judging(train_days=config.train_days, blocks=config.blocks)
    facts = {
        "command": " ".join(
            ["coldaisle forecast", *(a for a in HydraConfig.get().overrides.task if not a.startswith("folder="))]
        ),
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "draw": asdict(draw),
        "judging": asdict(how),
        "match": bool(config.match),
    }
    if config.failures_alone:
        failures, wall_s = failures_alone(scenario, draw, how, config.match)
        page = save_failures(Path(config.folder), failures, facts | {"wall_s": wall_s})
    else:
        judged = forecast(scenario, draw, how, config.match, config.jobs)
        facts |= {"wall_s": judged.wall_s}
        step_s = float(scenario.episode.step_s)
        page = save(Path(config.folder), judged.scores, judged.failures, judged.example, facts, step_s)
    LOG.info("forecast written to %s", page)


def run() -> None:
    """``coldaisle forecast`` and ``python -m experiments.forecast``."""
    register(sys.argv, "forecast")
    main()


if __name__ == "__main__":
    run()
