"""Outlooks of what drives a hall and is not known: the racks' power and the weather of the coming day.

Linear in the series' own past, one regression per horizon and per group of like racks, fitted on the hall's own
training days. They give means: a job that will crash, a burst that will come, a front that will pass are in the
intervals of what is forecast with them, never in the outlook.
"""

from __future__ import annotations

import numpy as np

from agents.forecasting.closed_loop import Signals
from agents.forecasting.direct_ridge import Folds, Ridge, between_knots, fit, fit_folds, knots_up_to, predict
from agents.forecasting.lags import lag_features
from envs.physics.namespace import Floats
from envs.twin.telemetry.telemetry import RACK_POWER, Telemetry

LOAD_STRENGTH, WEATHER_STRENGTH = 0.3, 0.03  # of the ridges, per sample; chosen on halls that are not reported
WEATHER = ("dry_bulb_c", "wet_bulb_c")
HEIGHT = "site_elevation_m"


class Outlook:
    """Load by group of racks, and weather.

    Parameters
    ----------
    groups : sequence of arrays of int
        Racks that work alike; every rack in one group.
    steps : int
        Longest horizon [control steps].
    step_s : float
        Control step [s].
    """

    def __init__(self, groups: list[Floats], steps: int, step_s: float) -> None:
        self.groups, self.steps, self.step_s = groups, steps, step_s
        self.knots = knots_up_to(steps)
        self.load: list[Ridge] = []
        self.weather: Ridge | None = None

    def fit(self, history: Telemetry, after: Telemetry) -> None:
        """Learn from moments ``history (T, k, N)`` and what came ``after (steps, k, N)`` each."""
        rows = self.knots - 1
        self.load = [
            fit(
                self._rack_features(history, g),
                _racks_as_samples(after.values[RACK_POWER][rows][:, g]),
                self.knots,
                LOAD_STRENGTH,
            )
            for g in self.groups
        ]
        came = np.stack([after.values[n][rows, 0] for n in WEATHER], axis=1)
        self.weather = fit(self._weather_features(history), came, self.knots, WEATHER_STRENGTH)

    def __call__(self, history: Telemetry) -> Signals:
        """Signals of the coming ``steps`` for every moment of a history."""
        if self.weather is None:
            raise ValueError("the outlook has not been fitted; call fit with training days first")
        load = [predict(ridge, self._rack_features(history, g)) for ridge, g in zip(self.load, self.groups)]
        return self._signals(history, load, predict(self.weather, self._weather_features(history)))

    def out_of_fold(self, history: Telemetry, after: Telemetry, folds: Folds) -> Signals:
        """Signals of the training moments, each by regressions that have not seen its neighbourhood."""
        rows, load = self.knots - 1, []
        for g in self.groups:
            spread = [(_rack_samples(held, len(g)), _rack_samples(used, len(g))) for held, used in folds]
            target = _racks_as_samples(after.values[RACK_POWER][rows][:, g])
            load.append(self._held_out_predictions(self._rack_features(history, g), target, spread, LOAD_STRENGTH))
        came = np.stack([after.values[n][rows, 0] for n in WEATHER], axis=1)
        return self._signals(
            history, load, self._held_out_predictions(self._weather_features(history), came, folds, WEATHER_STRENGTH)
        )

    def _held_out_predictions(self, features: Floats, target: Floats, folds: Folds, strength: float) -> Floats:
        """Predictions ``(K, G, N)`` at the knots of every sample by a ridge that has not seen it."""
        found = np.empty(target.shape)
        ridges = fit_folds(features, target, self.knots, strength, folds)
        for ridge, (held, _) in zip(ridges, folds):
            found[:, :, held] = predict(ridge, features[:, :, held])
        return found

    def _signals(self, history: Telemetry, load: list[Floats], weather: Floats) -> Signals:
        batch = history.batch
        racks = sum(len(g) for g in self.groups)
        rack_kw = np.empty((len(self.knots), racks, batch))
        for g, pooled in zip(self.groups, load):
            rack_kw[:, g] = pooled.reshape(len(self.knots), batch, len(g)).swapaxes(1, 2)
        path = between_knots(np.maximum(rack_kw, 0.0), self.knots, self.steps)
        now = np.stack([history.values[n][-1, 0] for n in WEATHER])
        coming = between_knots(weather, self.knots, self.steps)
        dry, wet = np.concatenate([now[None], coming[:-1]]).swapaxes(0, 1)
        height = np.broadcast_to(history.values[HEIGHT][-1, 0], dry.shape)
        return Signals(path, dry, np.minimum(wet, dry), height)

    def _rack_features(self, history: Telemetry, group: Floats) -> Floats:
        """Features ``(K, 1, N racks, F)`` of one group: its racks pooled, those of a moment side by side."""
        found = lag_features(history.values[RACK_POWER][:, group], self.knots, self.step_s)
        knots, racks, batch, count = found.shape
        return found.swapaxes(1, 2).reshape(knots, 1, batch * racks, count)

    def _weather_features(self, history: Telemetry) -> Floats:
        """Features ``(K, 2, N, F)``: both bulbs' own past, and the other's present."""
        series = np.concatenate([history.values[n] for n in WEATHER], axis=1)
        own = lag_features(series, self.knots, self.step_s)
        return np.concatenate([own, own[:, ::-1, :, :1]], axis=-1)


def signals_that_came(after: Telemetry) -> Signals:
    """Load and weather as they were measured afterwards: no forecast has this, it shows what the outlook costs.

    Parameters
    ----------
    after : Telemetry
        Rows from the present (inclusive) to the last horizon ``(steps + 1, k, N)``.
    """
    read = after.values
    dry, wet, height = (read[name][:-1, 0] for name in (*WEATHER, HEIGHT))
    return Signals(read[RACK_POWER][1:], dry, wet, height)


def _racks_as_samples(values: Floats) -> Floats:
    """Values ``(K, racks, N)`` as ``(K, 1, N racks)``, the racks of a moment side by side."""
    knots, racks, batch = values.shape
    return values.swapaxes(1, 2).reshape(knots, 1, batch * racks).astype(np.float64)


def _rack_samples(moments: Floats, racks: int) -> Floats:
    return (moments[:, None] * racks + np.arange(racks)).reshape(-1)
