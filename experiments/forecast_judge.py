"""One hall's forecasters and baselines, trained on its first weeks and judged on later day-blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.forecasting import baselines
from agents.forecasting.closed_loop import Told
from agents.forecasting.direct_ridge import contiguous_folds
from agents.forecasting.engine import Forecaster, ForecastSettings
from agents.forecasting.intervals import Conformal
from agents.forecasting.lags import lookback_steps
from agents.forecasting.outlook import came
from agents.forecasting.residual import target_series
from agents.forecasting.telemetry import History
from envs.scenario import Scenario
from experiments.forecast_score import Score, scored

Array = NDArray[Any]

OURS, GIVEN = "forecast", "forecast, load and weather given"
BASELINES = ("persistence", "seasonal", "autoregression")


@dataclass(frozen=True)
class Judging:
    """How a hall's telemetry is parted and which moments are judged."""

    train_days: int = 28
    blocks: int = 30
    block_h: float = 27.0
    moments_per_block: int = 3
    settings: ForecastSettings = field(default_factory=ForecastSettings)

    def days(self, step_s: float) -> int:
        """Days of telemetry that are needed."""
        look = lookback_steps(step_s) * step_s / 86_400.0
        last = ((self.blocks - 1) * self.block_h + self.settings.horizon_h) / 24.0
        return int(np.ceil(look + self.train_days + last))

    def train_rows(self, step_s: float) -> int:
        """Rows of telemetry that are trained on."""
        return lookback_steps(step_s) + round(self.train_days * 86_400.0 / step_s)


def judge(scenario: Scenario, history: History, truth: Array, how: Judging) -> dict[str, Score]:
    """Scores of every method on one hall.

    Parameters
    ----------
    scenario : Scenario
        The plant as the forecaster believes it to be.
    history : History
        Telemetry of the hall, ``how.days`` long.
    truth : array (T, G)
        True inlets and cooling power of every row.
    how : Judging
    """
    train = history.part(0, how.train_rows(history.step_s))
    ours = Forecaster(scenario, how.settings)
    ours.fit(train)
    given = Forecaster(scenario, replace(how.settings, given=True))
    given.fit(train)
    past, after = judged_moments(ours, history, train.steps, how)
    read = target_series(after.part(1, after.steps)).astype(np.float64)
    true = np.stack([truth[n + 1 : n + 1 + ours.steps] for n in past.now], axis=-1)
    means = {OURS: ours.mean(past), GIVEN: given.mean(past, Told(), came(after))}
    bands = {OURS: ours.conformal, GIVEN: given.conformal}
    for name, (mean, conformal) in baseline_forecasts(ours, train, past).items():
        means[name], bands[name] = mean, conformal
    chosen = np.arange(0, past.batch, how.moments_per_block)
    found = {}
    for name, mean in means.items():
        bands[name].learn(past.now, read - mean)
        low, high = bands[name].offsets(past.now[chosen])
        expected = mean[..., chosen]
        found[name] = scored(expected, expected + low, expected + high, read[..., chosen], true[..., chosen])
    return found


def judged_moments(forecaster: Forecaster, history: History, train_rows: int, how: Judging) -> tuple[History, History]:
    """Moments of the judged days: ``blocks`` day-blocks that do not overlap, and moments between them to learn from."""
    block = round(how.block_h * 3600.0 / history.step_s)
    look = lookback_steps(history.step_s)
    last = train_rows + (how.blocks - 1) * block + forecaster.steps
    cut = history.part(train_rows - look, last)
    return forecaster.moments(cut, how.block_h / how.moments_per_block)


def baseline_forecasts(forecaster: Forecaster, train: History, past: History) -> dict[str, tuple[Array, Conformal]]:
    """Mean forecasts of the baselines at the judged moments, with intervals made as ours are."""
    steps, step_s = forecaster.steps, forecaster.step_s
    moments, after = forecaster.moments(train)
    read = target_series(after.part(1, after.steps)).astype(np.float64)
    auto = baselines.Autoregression(steps, step_s)
    auto.fit(moments, read)
    purge = -(-steps // forecaster.stride)
    folds = contiguous_folds(moments.batch, int(forecaster.settings.folds), purge)
    simple: dict[str, Callable[[History], Array]] = {
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
