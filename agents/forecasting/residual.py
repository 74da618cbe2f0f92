"""What the model gets wrong, learned from the hall's own training days: a ridge per target and horizon.

The prediction is the model's path, smoothed over half an hour, plus a linear function of what is known now: how far the
target's own past (present, last hour, last day, yesterday, last week, usual day) stands from the path, how far the path
starts from the reading, the path and its swing, and the outlook of load, weather and clock. So persistence, the
seasonal forecast and an autoregression are all special cases, and the physics is what the ridge shrinks to.
"""

from __future__ import annotations

import numpy as np

from agents.forecasting.closed_loop import Signals, Targets
from agents.forecasting.direct_ridge import Folds, Ridge, fit, fit_folds, knots_up_to, out_of_fold, predict_all
from agents.forecasting.lags import lag_features, smoothed_now
from envs.physics.namespace import Floats
from envs.twin.telemetry.telemetry import COOLING, INLET, Telemetry

SWING_S = 900.0  # the path is smoothed this far to both sides: the building's resets swing it within that


class Residual:
    """Correction of model paths over ``steps`` control steps of ``step_s`` seconds; ``strength`` is the ridge's."""

    def __init__(self, steps: int, step_s: float, strength: float) -> None:
        self.steps, self.step_s, self.strength = steps, step_s, strength
        self.knots = knots_up_to(steps)
        self.ridge: Ridge | None = None

    def fit(self, history: Telemetry, signals: Signals, path: Floats, came: Floats) -> None:
        """Learn from moments: their past, what was expected of load and weather, the model's path, what came.

        Parameters
        ----------
        history : Telemetry
            ``(T, k, N)``.
        signals : Signals
            ``(H, ., N)``.
        path, came : array (H, G, N)
            Targets as the model expected and as they were read.
        """
        told = _KnownFeatures(history, signals, path, self.step_s)
        self.ridge = fit(told.features(self.knots), self._path_errors(path, came), self.knots, self.strength)

    def __call__(self, history: Telemetry, signals: Signals, path: Floats) -> Floats:
        """Corrected path ``(H, G, N)``, as far as it goes."""
        if self.ridge is None:
            raise ValueError("the residual has not been fitted; call fit with training days first")
        told = _KnownFeatures(history, signals, path, self.step_s)
        return smooth(path, self.step_s) + predict_all(self.ridge, told.features, len(path))

    def out_of_fold(self, history: Telemetry, signals: Signals, path: Floats, came: Floats, folds: Folds) -> Floats:
        """Corrected paths of the training moments, each by ridges that have not seen its neighbourhood."""
        told = _KnownFeatures(history, signals, path, self.step_s)
        ridges = fit_folds(told.features(self.knots), self._path_errors(path, came), self.knots, self.strength, folds)
        return smooth(path, self.step_s) + out_of_fold(ridges, told.features, self.steps, folds, history.batch)

    def _path_errors(self, path: Floats, came: Floats) -> Floats:
        return (came - smooth(path, self.step_s))[self.knots - 1]


class _KnownFeatures:
    """What is known at some moments, as features at any horizon."""

    def __init__(self, history: Telemetry, signals: Signals, path: Floats, step_s: float) -> None:
        self.step_s, self.series = step_s, target_series(history)
        self.path, self.calm = path, smooth(path, step_s)
        self.start = smoothed_now(self.series, step_s) - path[0]
        hall_kw = signals.rack_kw.sum(axis=1, keepdims=True)
        self.load = np.concatenate([signals.rack_kw, hall_kw], axis=1)
        self.weather = np.stack([signals.wet_bulb_c, signals.dry_bulb_c], axis=-1)
        self.clock = history.values["hour_sin"][-1, 0], history.values["hour_cos"][-1, 0]

    def features(self, horizons: Floats) -> Floats:
        """Features ``(K, G, N, F)`` at horizons ``(K,)`` [control steps]."""
        rows = horizons - 1
        calm = self.calm[rows]
        lags = lag_features(self.series, horizons, self.step_s) - calm[..., None]
        start = np.broadcast_to(self.start, calm.shape)
        own = np.stack([start, calm, self.path[rows] - calm, self.load[rows]], axis=-1)
        shared = np.concatenate([self.weather[rows], np.stack(self._hour(horizons), axis=-1)], axis=-1)
        shared = np.broadcast_to(shared[:, None], (*calm.shape, shared.shape[-1]))
        return np.concatenate([lags, own, shared], axis=-1)

    def _hour(self, horizons: Floats) -> tuple[Floats, Floats]:
        """Sine and cosine ``(K, N)`` of the hour that each horizon falls in."""
        turn = (2.0 * np.pi * self.step_s / 86_400.0) * horizons[:, None]
        sine, cosine = self.clock
        return sine * np.cos(turn) + cosine * np.sin(turn), cosine * np.cos(turn) - sine * np.sin(turn)


def swing_steps(step_s: float) -> int:
    """Control steps that ``smooth`` reaches to each side."""
    return round(SWING_S / step_s)


def smooth(path: Floats, step_s: float) -> Floats:
    """Centred running mean over half an hour, shorter at the ends: where the model's loops are, not how they swing."""
    reach = np.arange(len(path))
    half = np.minimum(np.minimum(reach, len(path) - 1 - reach), swing_steps(step_s))
    sums = np.concatenate([np.zeros((1, *path.shape[1:])), np.cumsum(path, axis=0, dtype=np.float64)])
    width = (2 * half + 1).reshape(-1, *[1] * (path.ndim - 1))
    mean: Floats = (sums[reach + half + 1] - sums[reach - half]) / width
    return mean


def target_series(history: Telemetry) -> Floats:
    """Readings of all targets ``(T, R + 1, B)``: inlets [degC], then cooling power [kW]."""
    return np.concatenate([history.values[INLET], history.values[COOLING]], axis=1)


def target_array(targets: Targets) -> Floats:
    """Targets as one array ``(H, R + 1, B)``: inlets, then cooling power."""
    return np.concatenate([targets.rack_inlet_c, targets.cooling_power_kw[:, None]], axis=1).astype(np.float64)


def targets_of(values: Floats) -> Targets:
    """Inverse of ``target_array``."""
    return Targets(values[:, :-1], values[:, -1])
