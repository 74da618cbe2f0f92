"""What a forecast must beat: the last reading, yesterday's, and a linear autoregression on the same telemetry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.forecasting.direct_ridge import (
    Features,
    Folds,
    Ridge,
    fit,
    fit_folds,
    knots_up_to,
    out_of_fold,
    predict_all,
)
from agents.forecasting.lags import lag_features, steps_per_day
from agents.forecasting.residual import target_series
from envs.twin.telemetry.telemetry import Telemetry

Array = NDArray[Any]

STRENGTH = 0.3  # of the autoregression's ridge, per sample; its best on halls that are not reported


def persistence(history: Telemetry, steps: int) -> Array:
    """The last reading, ``(H, G, B)``."""
    return np.repeat(target_series(history)[-1:], steps, axis=0).astype(np.float64)


def seasonal(history: Telemetry, steps: int) -> Array:
    """The reading of a day before each coming step, ``(H, G, B)``; horizons up to a day."""
    series, day = target_series(history), steps_per_day(history.step_s)
    first = len(series) - day
    return np.array(series[first : first + steps], np.float64)


class Autoregression:
    """Each horizon linear in the target's own past and the weather's present and past; no plant, no outlook."""

    def __init__(self, steps: int, step_s: float) -> None:
        self.steps, self.step_s = steps, step_s
        self.knots = knots_up_to(steps)
        self.ridge: Ridge | None = None

    def fit(self, history: Telemetry, came: Array) -> None:
        """Learn from moments and what came ``(H, G, N)``."""
        features = _lags(history, self.step_s)(self.knots)
        self.ridge = fit(features, came[self.knots - 1], self.knots, STRENGTH)

    def __call__(self, history: Telemetry) -> Array:
        """Predictions ``(H, G, B)``."""
        if self.ridge is None:
            raise ValueError("the autoregression has not been fitted; call fit with training days first")
        return predict_all(self.ridge, _lags(history, self.step_s), self.steps)

    def out_of_fold(self, history: Telemetry, came: Array, folds: Folds) -> Array:
        """Predictions of the training moments by regressions that have not seen their neighbourhood."""
        features_at = _lags(history, self.step_s)
        ridges = fit_folds(features_at(self.knots), came[self.knots - 1], self.knots, STRENGTH, folds)
        return out_of_fold(ridges, features_at, self.steps, folds, history.batch)


def _lags(history: Telemetry, step_s: float) -> Features:
    """Features ``(K, G, N, F)`` at horizons: the target's lags, and those of the wet bulb."""
    series, wet_bulb_c = target_series(history), history.values["wet_bulb_c"]

    def at(horizons: Array) -> Array:
        own = lag_features(series, horizons, step_s)
        wet = lag_features(wet_bulb_c, horizons, step_s)
        return np.concatenate([own, np.broadcast_to(wet, own.shape)], axis=-1)

    return at
