"""Series of minutes: mean-reverting noise, exact minute means of intervals, and the mean over a control step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from envs.signals.noise import remembered

#: Purpose -> the random generator of that purpose.
Draw = Callable[[str], np.random.Generator]


def mean_reverting(rng: np.random.Generator, n: int, sd: float, tau: float) -> np.ndarray:
    """Stationary Gaussian noise with exponential memory, sampled once per unit of ``tau``.

    ``x' = phi x + sd sqrt(1 - phi^2) N(0, 1)``, ``phi = exp(-1/tau)``: an AR(1) of any longer step seen at this one.

    Parameters
    ----------
    rng : numpy.random.Generator
        Consumed in time order: a longer series begins with the shorter one.
    n : int
        Samples.
    sd : float
        Standard deviation [1] of the stationary series.
    tau : float
        Correlation time [samples], above 0.

    Returns
    -------
    ndarray
        Shape (n,).
    """
    phi = float(np.exp(-1.0 / tau))
    shocks = rng.standard_normal(n)
    shocks *= sd * np.sqrt(1.0 - phi * phi)
    if n:
        shocks[0] /= np.sqrt(1.0 - phi * phi)
    return remembered(shocks, phi)


def interval_means(start: np.ndarray, end: np.ndarray, value: np.ndarray, n: int) -> np.ndarray:
    """Mean over each unit of time of a sum of rectangles, exactly.

    Parameters
    ----------
    start, end : ndarray
        Shape (k,), in units of one sample; the part outside ``[0, n)`` is cut off.
    value : ndarray
        Shape (k,), height of each rectangle.
    n : int
        Samples.

    Returns
    -------
    ndarray
        Shape (n,), float64. An edge inside a sample counts by the share of the sample it leaves.
    """
    start, end = np.clip(start, 0.0, n), np.clip(end, 0.0, n)
    edges = np.concatenate([start, end])
    jumps = np.concatenate([value, -value])
    sample = np.minimum(edges.astype(np.int64), n)
    late = (edges - sample) * jumps
    slope = np.bincount(sample, jumps - late, n + 2) + np.bincount(sample + 1, late, n + 2)
    return np.cumsum(slope)[:n]


def step_means(minutes: np.ndarray, per_step: int) -> np.ndarray:
    """Mean of each run of ``per_step`` minutes along the first axis, in float64; shape (n // per_step, ...)."""
    if per_step == 1:
        return minutes
    return minutes.reshape(-1, per_step, *minutes.shape[1:]).mean(axis=1, dtype=np.float64)
