"""What a noisy meter most probably saw: its series without the noise, gaps bridged.

A replay driven by readings is driven by their noise, and a regression on a noisy driver leans: thermal masses come out
too large, because half of what a meter shows from step to step never warmed any air. The best linear prediction of the
true series has errors uncorrelated with itself, so what is fitted to it does not lean (regression calibration: Carroll,
Ruppert, Stefanski and Crainiceanu 2006, chapter 4). Where it is further from a reading than noise can be, a job began
or ended, and the reading stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve, toeplitz

Floats = NDArray[np.float64]
BLOCK, MARGIN = 96, 36  # rows predicted at once, and rows on either side that tell of them
BELIEVED = 3.0  # standard deviations
MAD_TO_SD, BURST = 1.4826, 6.0  # a change of more usual deviations than this is a step of the load
FEW = 200  # readings: with less, the series' own memory is not known and its readings stand


def without_noise(values: Floats, noise_sd: Floats) -> Floats:
    """Best prediction of the true series behind readings ``(T, k)``, each column by its own memory.

    Parameters
    ----------
    values : ndarray (T, k)
        Readings; NaN where missing.
    noise_sd : ndarray (T, k)
        Standard deviation of each reading's independent error, in the same unit.
    """
    made = np.empty_like(values)
    index = np.arange(len(values))
    for k in range(values.shape[1]):
        known = np.flatnonzero(np.isfinite(values[:, k]))
        read, sd = values[known, k], np.maximum(noise_sd[known, k], 1e-9)
        if len(known) >= FEW:
            best = _predicted(values[:, k] - read.mean(), known, sd) + read.mean()
            read = np.where(np.abs(read - best) < BELIEVED * sd, best, read)
        made[:, k] = np.interp(index, known, read)
    return made


def _predicted(column: Floats, known: NDArray[np.intp], sd: Floats) -> Floats:
    """One series at its known rows, block by block."""
    signal = _signal_covariance(column, known, float((sd**2).mean()))
    made = np.empty(len(known))
    for first in range(0, len(column), BLOCK):
        near = np.flatnonzero((known >= first - MARGIN) & (known < first + BLOCK + MARGIN))
        rows = known[near] - max(first - MARGIN, 0)
        covariance = signal[np.ix_(rows, rows)]
        inner = covariance @ solve(covariance + np.diag(sd[near] ** 2), column[known[near]], assume_a="pos")
        wanted = (known[near] >= first) & (known[near] < first + BLOCK)
        made[near[wanted]] = inner[wanted]
    return made


def _signal_covariance(column: Floats, known: NDArray[np.intp], noise: float) -> Floats:
    """Covariance of the true series over a block and its margins, from the readings' variogram less the noise.

    Medians of differences: neither the mean nor a rare step of the load makes a quiet series restless. What is negative
    in the matrix (chance, or noise taken away) is set to 0.
    """
    lags = min(BLOCK + 2 * MARGIN, len(column))
    gamma = np.zeros(lags)
    for lag in range(1, lags):
        change = np.abs(column[lag:] - column[:-lag])
        usual = change <= BURST * MAD_TO_SD * np.nanmedian(change)
        gamma[lag] = max(0.5 * float(np.mean(change[usual] ** 2)) - noise, 0.0)
    sill = max(float(np.mean(column[known] ** 2)), float(gamma.max()))
    values, vectors = np.linalg.eigh(toeplitz(sill - gamma))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
