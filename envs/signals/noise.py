"""Persistent noise for generated series: first-order autoregression from a generator handed in."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

NOISE_LIMIT = 3.0  # standard deviations; keeps extremes plausible, engineering guess


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
    noise = accumulate(shocks.tolist(), lambda before, shock: persistence * before + shock)
    return np.clip(np.fromiter(noise, np.float64, count), -NOISE_LIMIT, NOISE_LIMIT)
