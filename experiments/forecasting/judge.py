"""One hall's forecasters and baselines, trained on its first weeks and judged on later day-blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from agents.forecasting import baselines
from agents.forecasting.direct_ridge import contiguous_folds
from agents.forecasting.engine import Forecaster, ForecastSettings
from agents.forecasting.first_over import FirstOver, crah_failure, first_over_each
from agents.forecasting.intervals import Conformal
from agents.forecasting.lags import lookback_steps
from agents.forecasting.outlook import signals_that_came
from agents.forecasting.residual import target_series
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.telemetry.telemetry import Telemetry, joined_batch
from experiments.forecasting.score import Score, score_of

Case = tuple[int, str]
Answers = dict[Case, FirstOver]

OURS, GIVEN = "forecast", "forecast, load and weather given"
BASELINES = ("persistence", "seasonal", "autoregression")


@dataclass(frozen=True)
class Judging:
    """How a hall's telemetry is parted and which moments are judged.

    At ``failures`` moments of the judged days every zone's room units fail, one and all of them, for ``failure_h``.
    """

    train_days: int = 28
    blocks: int = 30
    block_h: float = 27.0
    moments_per_block: int = 3
    failures: int = 6
    failure_h: float = 1.0
    limit_c: float = 32.0
    settings: ForecastSettings = field(default_factory=ForecastSettings)

    def days(self, step_s: float) -> int:
        """Days of telemetry that are needed."""
        look = lookback_steps(step_s) * step_s / 86_400.0
        last = ((self.blocks - 1) * self.block_h + self.settings.horizon_h) / 24.0
        return int(np.ceil(look + self.train_days + last))

    def train_rows(self, step_s: float) -> int:
        """Rows of telemetry that are trained on."""
        return lookback_steps(step_s) + round(self.train_days * 86_400.0 / step_s)

    def failure_rows(self, step_s: float) -> list[int]:
        """Rows after which room units fail, spread over the judged days and the hours."""
        first, last = self.train_rows(step_s), round(self.days(step_s) * 86_400.0 / step_s)
        hours = np.linspace(first, last - round(86_400.0 / step_s), max(self.failures, 1))
        return [int(row) for row in hours.round()][: self.failures]


class HallVerdict(NamedTuple):
    """Scores by method; answers to "which rack is first" by zone and share of units lost; what one day looked like."""

    scores: dict[str, Score]
    first_over: Answers
    example: dict[str, Floats]


def judge_hall(scenario: Scenario, history: Telemetry, truth: Telemetry, how: Judging) -> HallVerdict:
    """Judge every method on one hall.

    Parameters
    ----------
    scenario : Scenario
        The plant as the forecaster believes it to be.
    history : Telemetry
        Telemetry of the hall, ``how.days`` long.
    truth : Telemetry
        True inlets and cooling power in the same rows.
    how : Judging
    """
    train = history.part(0, how.train_rows(history.step_s))
    ours = Forecaster(scenario, how.settings)
    ours.fit(train)
    given = Forecaster(scenario, replace(how.settings, given=True))
    given.fit(train)
    past, after = judged_moments(ours, history, train.rows, how)
    read = target_series(after.part(1, after.rows)).astype(np.float64)
    rows = past.now - history.now + history.rows  # that follow each moment
    true = np.stack([target_series(truth)[row : row + ours.steps, :, 0] for row in rows], axis=-1)
    means = {OURS: ours.mean(past), GIVEN: given.mean(past, signals=signals_that_came(after))}
    bands = {OURS: ours.conformal, GIVEN: given.conformal}
    for name, (mean, conformal) in baseline_forecasts(ours, train, past).items():
        means[name], bands[name] = mean, conformal
    chosen = np.arange(0, past.batch, how.moments_per_block)
    found = {}
    for name, mean in means.items():
        bands[name].learn(past.now, read - mean)
        low, high = bands[name].offsets(past.now[chosen])
        expected = mean[..., chosen]
        found[name] = score_of(expected, expected + low, expected + high, read[..., chosen], true[..., chosen])
        if name == OURS:
            shown = {"mean": expected, "low": expected + low, "high": expected + high}
    example = {n: v[..., 0] for n, v in {**shown, "read": read}.items()}
    return HallVerdict(found, hall_answers(ours, history, how), example)


def hall_answers(forecaster: Forecaster, history: Telemetry, how: Judging) -> Answers:
    """Answers at the failure moments: for every zone, one unit and all units lost."""
    look = lookback_steps(history.step_s)
    ends = how.failure_rows(history.step_s)
    if not ends:
        return {}
    past = joined_batch([history.part(row + 1 - look, row + 1) for row in ends])
    cases = failure_cases(forecaster.model.scenario)
    failures = [crah_failure(zone, units) for (zone, _), units in cases.items()]
    return dict(zip(cases, first_over_each(forecaster, past, failures, how.limit_c, how.failure_h)))


def failure_cases(scenario: Scenario) -> dict[Case, float]:
    """Every zone with one unit lost, and with all: (zone, ``one`` or ``all``) to the number lost."""
    cases: dict[Case, float] = {}
    for zone, machine in enumerate(scenario.zones.values()):
        cases[(zone, "one")] = 1.0
        cases[(zone, "all")] = float(np.max(machine.crah_units))
    return cases


def judged_moments(
    forecaster: Forecaster, history: Telemetry, train_rows: int, how: Judging
) -> tuple[Telemetry, Telemetry]:
    """Moments of the judged days: ``blocks`` day-blocks that do not overlap, and moments between them to learn from."""
    block = round(how.block_h * 3600.0 / history.step_s)
    look = lookback_steps(history.step_s)
    last = train_rows + (how.blocks - 1) * block + forecaster.steps
    cut = history.part(train_rows - look, last)
    return forecaster.moments(cut, how.block_h / how.moments_per_block)


def baseline_forecasts(
    forecaster: Forecaster, train: Telemetry, past: Telemetry
) -> dict[str, tuple[Floats, Conformal]]:
    """Mean forecasts of the baselines at the judged moments, with intervals made as ours are."""
    steps, step_s = forecaster.steps, forecaster.step_s
    moments, after = forecaster.moments(train)
    read = target_series(after.part(1, after.rows)).astype(np.float64)
    auto = baselines.Autoregression(steps, step_s)
    auto.fit(moments, read)
    purge = -(-steps // forecaster.stride)
    folds = contiguous_folds(moments.batch, int(forecaster.settings.folds), purge)
    simple: dict[str, Callable[[Telemetry], Floats]] = {
        "persistence": lambda h: baselines.persistence(h, steps),
        "seasonal": lambda h: baselines.seasonal(h, steps),
    }
    found = {}
    for name in BASELINES:
        if name in simple:
            trained, mean = simple[name](moments), simple[name](past)
        else:
            trained, mean = auto.out_of_fold(moments, read, folds), auto(past)
        like = forecaster.conformal
        conformal = Conformal(like.groups, like.steps, like.per_day, like.bands)
        conformal.learn(moments.now, read - trained)
        found[name] = (mean, conformal)
    return found
