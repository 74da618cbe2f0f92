"""How late one series comes after another, by correlation."""

from __future__ import annotations

import numpy as np

from envs.physics.namespace import Floats

LONGEST_SHIFT_S = 2.0 * 3600.0
SHORTEST_SHIFT_S = 600.0
STEP_S = 300.0  # of the shifts that are tried, at least a row
CLEARER = 0.1  # correlation gained by a shift that is believed
LEAST_CORRELATION = 0.4
FEWEST = 50  # readings that meet


def best_lag(follower: Floats, leader: Floats, step_s: float) -> tuple[float, float, float] | None:
    """Shift [s] at which a series ``(K, W)`` fits another clearly better than without; correlation there, and without.

    W stretches are compared together; none is shifted into its neighbour.
    """
    unit = max(1, round(STEP_S / step_s))
    longest = round(LONGEST_SHIFT_S / step_s)
    lags = np.arange(-(longest // unit), longest // unit + 1) * unit
    found = np.array([_correlation(follower, leader, int(lag)) for lag in lags])
    best = int(np.argmax(found))
    usual = float(found[np.abs(lags) <= unit].max())
    far = abs(lags[best]) * step_s >= SHORTEST_SHIFT_S
    if found[best] < LEAST_CORRELATION or found[best] - usual < CLEARER or not far:
        return None
    return float(lags[best] * step_s), float(found[best]), usual


def _correlation(follower: Floats, leader: Floats, lag: int) -> float:
    rows = len(leader)
    a = follower[max(lag, 0) : rows + min(lag, 0)]
    b = leader[max(-lag, 0) : rows - max(lag, 0)]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < FEWEST:
        return 0.0
    x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0.0 else 0.0


def around_their_mean(x: Floats, rows: int) -> Floats:
    """A series ``(K, W)`` less its own mean over ``rows`` around each row: what is quick in it."""
    half, count = rows // 2, len(x)
    known = np.isfinite(x)
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(np.where(known, x, 0.0), axis=0)])
    number = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(known, axis=0)])
    low, high = np.maximum(np.arange(count) - half, 0), np.minimum(np.arange(count) + half + 1, count)
    return np.asarray(x - (total[high] - total[low]) / np.maximum(number[high] - number[low], 1.0))


def known_mean(x: Floats) -> Floats:
    """Mean over the rows of a quantity ``(T, k, ..)`` of those that have a reading ``(T, ..)``; NaN where none has."""
    known = np.isfinite(x)
    number = known.sum(axis=1)
    return np.where(number > 0, np.where(known, x, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)
