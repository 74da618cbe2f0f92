"""The forecaster: model, outlook, residual and intervals as one object that a planner or a page asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from agents.forecasting.closed_loop import ForecastInputs, Signals, Targets, model_path
from agents.forecasting.direct_ridge import contiguous_folds
from agents.forecasting.intervals import Bands, Conformal
from agents.forecasting.lags import lookback_steps, steps_per_day
from agents.forecasting.outlook import Outlook, signals_that_came
from agents.forecasting.residual import Residual, swing_steps, target_array, target_series, targets_of
from envs.faults import Fault
from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.present import Present, ReplaySettings, present
from envs.twin.telemetry.telemetry import Telemetry, moments


@dataclass(frozen=True)
class ForecastSettings(Parameters):
    """How a forecaster is built and trained.

    ``given`` forecasts with the load and weather that came: a yardstick, which no operator has.
    """

    horizon_h: float = parameter(24.0, 0.1, 24.0, "h", "5 min to 24 h")
    stride_h: float = parameter(3.0, 0.25, 24.0, "h", "engineering guess; between training moments")
    folds: int = parameter(4, 2, 20, "1", "engineering guess; contiguous weeks of a month")
    members: int = parameter(1, 1, 64, "1", "runs of the model with other sensor noise, averaged")
    strength: float = parameter(0.5, 0.0, 100.0, "1", "of the residual's ridge, per sample; see docs/forecast.md")
    given: bool = False
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    bands: Bands = field(default_factory=Bands)


class Forecast(NamedTuple):
    """Mean and bounds of the interval, each with every inlet ``(H, R, B)`` and the cooling power ``(H, B)``."""

    mean: Targets
    low: Targets
    high: Targets


class Forecaster:
    """Forecasts every rack's inlet and the hall's cooling power, five minutes to a day ahead.

    Parameters
    ----------
    scenario : Scenario
        The plant as it is believed to be: nominal or calibrated.
    settings : ForecastSettings
    """

    def __init__(self, scenario: Scenario, settings: ForecastSettings | None = None) -> None:
        self.settings = settings or ForecastSettings()
        self.model = HallModel(scenario)
        self.step_s = self.model.step_s
        self.steps = round(self.settings.horizon_h * 3600.0 / self.step_s)
        self.per_day = steps_per_day(self.step_s)
        self.stride = round(self.settings.stride_h * 3600.0 / self.step_s)
        self.groups = rack_groups(scenario)
        self.outlook = Outlook(self.groups, self.steps, self.step_s)
        self.residual = Residual(self.steps, self.step_s, self.settings.strength)
        cooling = np.array([sum(len(g) for g in self.groups)])
        self.conformal = Conformal([*self.groups, cooling], self.steps, self.per_day, self.settings.bands)

    # ---- training ------------------------------------------------------------------------------------------------

    def fit(self, history: Telemetry) -> None:
        """Learn from a hall's telemetry: outlook, residual, and errors made out of fold.

        Parameters
        ----------
        history : Telemetry
            One hall; at least the lookback of a week, a day per fold and two days beside.
        """
        past, after = self.moments(history)
        purge = -(-self.steps // self.stride)
        folds = contiguous_folds(past.batch, int(self.settings.folds), purge)
        coming = after.part(1, after.rows)
        self.outlook.fit(past, coming)
        read = target_series(coming).astype(np.float64)
        signals = signals_that_came(after) if self.settings.given else self.outlook.out_of_fold(past, coming, folds)
        path = self.path(past, signals)
        self.residual.fit(past, signals, path, read)
        mean = self.residual.out_of_fold(past, signals, path, read, folds)
        self.conformal.learn(past.now, read - mean)

    def fit_outlook(self, history: Telemetry) -> None:
        """Learn the outlook alone: all that the model needs to run on, without the residual and the intervals."""
        past, after = self.moments(history)
        self.outlook.fit(past, after.part(1, after.rows))

    def moments(self, history: Telemetry, stride_h: float | None = None) -> tuple[Telemetry, Telemetry]:
        """Every ``stride_h`` (the settings' own if left out), the past of a moment and what came.

        Returns
        -------
        tuple of Telemetry
            ``(T, k, N)`` up to the present, and ``(H + 1, k, N)`` from the present on.
        """
        before = lookback_steps(self.step_s)
        stride = self.stride if stride_h is None else round(stride_h * 3600.0 / self.step_s)
        count = (history.rows - before - self.steps) // stride + 1
        if count < 2:
            raise ValueError(
                f"history has {history.rows} rows; give more than {before + self.steps + stride}: a week that "
                "the outlook looks back on, and moments with a day after them"
            )
        first = history.rows - 1 - self.steps - (count - 1) * stride
        whole = moments(history, first, stride, count, before, self.steps)
        return whole.part(0, before), whole.part(before - 1, whole.rows)

    def learn(self, past: Telemetry, mean: Floats, read: Floats) -> None:
        """Take the errors of forecasts whose moments have come into the intervals; ``(H, G, N)`` each."""
        self.conformal.learn(past.now, read - mean)

    # ---- forecasts -----------------------------------------------------------------------------------------------

    def forecast(
        self,
        history: Telemetry,
        horizon_steps: int | None = None,
        faults: Sequence[Fault] | None = None,
        signals: Signals | None = None,
        setpoints: Mapping[str, Floats] | None = None,
    ) -> Forecast:
        """Forecast from the telemetry up to now.

        Parameters
        ----------
        history : Telemetry
            ``(T, k, B)``; moments of one hall, since the residual is that hall's.
        horizon_steps : int, optional
            Control steps ahead; the settings' horizon when left out.
        faults : sequence of Fault, optional
            What breaks, in seconds from now. The intervals are those of days without faults.
        signals : Signals, optional
            Load and weather if somebody knows better than the outlook.
        setpoints : mapping, optional
            ``{channel: (k, B)}`` held instead of what the rules would do.
        """
        steps = self.steps if horizon_steps is None else horizon_steps
        if not 1 <= steps <= self.steps:
            raise ValueError(f"horizon_steps = {steps}; give 1 to {self.steps} (settings.horizon_h)")
        told = ForecastInputs(tuple(faults or ()), dict(setpoints or {}))
        mean = self.mean(history, told, signals, steps)
        low, high = (side[:steps] for side in self.conformal.offsets(history.now))
        return Forecast(targets_of(mean), targets_of(mean + low), targets_of(mean + high))

    def mean(
        self,
        history: Telemetry,
        told: ForecastInputs | None = None,
        signals: Signals | None = None,
        steps: int | None = None,
    ) -> Floats:
        """Expected targets ``(steps, G, B)``; what is told moves the model's path, the correction is a quiet day's."""
        steps = self.steps if steps is None else steps
        played = min(self.steps, steps + swing_steps(self.step_s))
        signals = (signals if signals is not None else self.outlook(history)).first(played)
        start = present(self.model, history, self.settings.replay)
        quiet = self._path_from(start, signals, ForecastInputs())
        corrected = self.residual(history, signals, quiet)
        if told is not None and (told.faults or told.setpoints):
            corrected = corrected + (self._path_from(start, signals, told) - quiet)
        return corrected[:steps]

    def path(self, history: Telemetry, signals: Signals) -> Floats:
        """The model's own path ``(H, G, B)`` under the building's rules."""
        return self._path_from(present(self.model, history, self.settings.replay), signals, ForecastInputs())

    def _path_from(self, start: Present, signals: Signals, told: ForecastInputs) -> Floats:
        """Path from a present, mean over the members."""
        members = int(self.settings.members)
        runs = [target_array(model_path(self.model, start, signals, told, seed)) for seed in range(members)]
        mean: Floats = np.mean(runs, axis=0)
        return mean


def rack_groups(scenario: Scenario) -> list[Floats]:
    """Racks of each group of the scenario, which work alike."""
    groups, at = [], 0
    for group in scenario.racks.values():
        groups.append(np.arange(at, at + group.count))
        at += group.count
    return groups
