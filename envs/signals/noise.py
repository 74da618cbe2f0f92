"""Persistent noise for generated series: first-order autoregression from a generator handed in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOISE_LIMIT = 3.0  # standard deviations; keeps extremes plausible, engineering guess


def remembered(shocks: NDArray[np.float64], persistence: float) -> NDArray[np.float64]:
    """Sum of shocks that fade: ``a[k] = persistence * a[k-1] + shocks[k]``, ``a[0] = shocks[0]``.

    LAPACK solves the bidiagonal system ``a[k] - persistence * a[k-1] = shocks[k]`` from the first row down, with these
    same operations. ``scipy.signal.lfilter`` gives the same bits; its import takes a second, and every start pays it.

    Parameters
    ----------
    shocks : numpy.ndarray, shape (count,)
        Added one after another, any unit.
    persistence : float
        Share of the sum that is left one value later, 0..1.

    Returns
    -------
    numpy.ndarray, shape (count,)
        Series in the unit of ``shocks``.
    """
    from scipy.linalg.lapack import dgtsv  # here, so that importing the environments does not import scipy

    if len(shocks) < 2:
        return shocks
    below = np.full(len(shocks) - 1, -persistence)
    return dgtsv(below, np.ones(len(shocks)), np.zeros(len(below)), shocks)[3]


def autoregressive_noise(rng: np.random.Generator, count: int, persistence: float) -> NDArray[np.float64]:
    """Draw stationary AR(1) noise ``a[k] = phi a[k-1] + sqrt(1 - phi^2) e[k]`` of unit variance, within +-3.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    count : int
        Values to draw.
    persistence : float
        phi, 0..1: the correlation of neighbours.

    Returns
    -------
    numpy.ndarray, shape (count,)
        Noise without unit.
    """
    shocks = rng.standard_normal(count)
    shocks[1:] *= np.sqrt(1.0 - persistence**2)
    return np.clip(remembered(shocks, persistence), -NOISE_LIMIT, NOISE_LIMIT)
