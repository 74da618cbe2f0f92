"""Linear forecasts made directly for each horizon: a ridge regression at some horizons, straight between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from envs.physics.namespace import Floats

Folds = list[tuple[Floats, Floats]]
Features = Callable[[Floats], Floats]  # horizons (K,) to features (K, G, N, F)

CHUNK = 24  # horizons whose features are held at once
KNOTS = (1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120, 144, 168, 192, 216, 240, 264, 288)  # steps of 5 min


class Ridge(NamedTuple):
    """Coefficients of standardised features by knot, series and feature, ``(K, G, F)``, and what standardises them."""

    knots: Floats
    mean: Floats  # (K, G, F)
    scale: Floats  # (K, G, F)
    slope: Floats  # (K, G, F)
    level: Floats  # (K, G)


def knots_up_to(steps: int) -> Floats:
    """Knot horizons of a forecast over ``steps`` control steps; the last is the end."""
    return np.array([k for k in KNOTS if k < steps] + [steps])


def fit(features: Floats, target: Floats, knots: Floats, strength: float) -> Ridge:
    """Ridge by knot and series.

    Parameters
    ----------
    features : array (K, G, N, F)
        Of every sample at every knot, for each of G series.
    target : array (K, G, N)
    knots : array (K,)
        Horizons [control steps].
    strength : float
        Penalty per sample on standardised slopes; 0 is least squares.
    """
    mean, scale = features.mean(axis=2), features.std(axis=2) + 1e-6
    x = (features - mean[:, :, None]) / scale[:, :, None]
    level = target.mean(axis=2)
    gram = np.einsum("kgnf,kgnh->kgfh", x, x, optimize=True) / x.shape[2]
    gram += strength * np.eye(x.shape[3])
    right = np.einsum("kgnf,kgn->kgf", x, target - level[..., None], optimize=True) / x.shape[2]
    return Ridge(knots, mean, scale, np.linalg.solve(gram, right[..., None])[..., 0], level)


def predict(ridge: Ridge, features: Floats) -> Floats:
    """Predictions ``(K, G, N)`` at the knots."""
    x = (features - ridge.mean[:, :, None]) / ridge.scale[:, :, None]
    return np.einsum("kgnf,kgf->kgn", x, ridge.slope, optimize=True) + ridge.level[..., None]


def predict_all(ridge: Ridge, features_at: Features, steps: int) -> Floats:
    """Predictions ``(steps, G, N)`` at every horizon: its own features, coefficients straight between the knots."""
    whole = Ridge(np.arange(1, steps + 1), *(between_knots(part, ridge.knots, steps) for part in ridge[1:]))
    parts = []
    for first in range(0, steps, CHUNK):
        rows = slice(first, min(first + CHUNK, steps))
        here = Ridge(*(part[rows] for part in whole))
        parts.append(predict(here, features_at(here.knots)))
    return np.concatenate(parts)


def fit_folds(features: Floats, target: Floats, knots: Floats, strength: float, folds: Folds) -> list[Ridge]:
    """One ridge per fold, which has not seen the held samples or their neighbourhood."""
    return [fit(features[:, :, used], target[:, :, used], knots, strength) for _, used in folds]


def out_of_fold(ridges: list[Ridge], features_at: Features, steps: int, folds: Folds, samples: int) -> Floats:
    """Predictions ``(steps, G, N)`` of every sample by the ridge that has not seen it."""
    groups = ridges[0].level.shape[1]
    found = np.empty((steps, groups, samples))
    for ridge, (held, _) in zip(ridges, folds):
        found[:, :, held] = predict_all(ridge, lambda h, own=held: features_at(h)[:, :, own], steps)  # type: ignore[misc]
    return found


def between_knots(values: Floats, knots: Floats, steps: int) -> Floats:
    """Values ``(K, ...)`` at the knots as ``(steps, ...)`` at horizons 1 to ``steps``, straight in between."""
    horizon = np.arange(1, steps + 1)
    right = np.clip(np.searchsorted(knots, horizon), 1, len(knots) - 1) if len(knots) > 1 else np.zeros(steps, int)
    left = np.maximum(right - 1, 0)
    span = np.maximum(knots[right] - knots[left], 1)
    share = np.clip((horizon - knots[left]) / span, 0.0, 1.0).reshape(-1, *[1] * (values.ndim - 1))
    found: Floats = values[left] * (1.0 - share) + values[right] * share
    return found


def contiguous_folds(samples: int, count: int, purge: int) -> Folds:
    """Held and used samples of each fold: held ones are contiguous, ``purge`` samples beside them are not used."""
    edges = np.linspace(0, samples, count + 1).round().astype(int)
    index = np.arange(samples)
    folds = []
    for first, last in zip(edges[:-1], edges[1:]):
        used = index[(index < first - purge) | (index >= last + purge)]
        if len(used) < 2:
            raise ValueError(
                f"{samples} samples leave {len(used)} to fit on beside a fold and {purge} purged on each side; "
                "give a longer training history"
            )
        folds.append((index[first:last], used))
    return folds
