"""What noisy meters most probably saw: their series without the noise.

A replay driven by readings is driven by their noise, and a regression on a noisy driver leans: constant loads come out
too large and coils too good, because half of what a meter shows from step to step never warmed any air. The best linear
prediction of the true series has errors uncorrelated with itself, so what is fitted to it does not lean (regression
calibration: Carroll, Ruppert, Stefanski and Crainiceanu 2006, chapter 4). Racks that work together tell of each other,
so it is their principal components that are predicted. Where a prediction is further from a reading than noise can be,
a job began or ended, and the reading stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.twin.telemetry.telemetry import MAD_TO_SD

BLOCK, MARGIN = 96, 36  # rows predicted at once, and rows on either side that tell of them
BELIEVED = 3.0  # standard deviations
BURST = 6.0  # a change of more usual deviations than this is a step of the load
FEW = 2 * (BLOCK + 2 * MARGIN)  # rows: with fewer, a series' memory is not known and its readings stand


def without_noise(values: Floats, bridged: Floats, noise_sd: Floats, together: NDArray[np.int64]) -> Floats:
    """Best prediction of the true series behind readings ``(T, k)`` of one stretch without long gaps.

    Parameters
    ----------
    values : ndarray (T, k)
        Readings; NaN where missing.
    bridged : ndarray (T, k)
        The same with its gaps bridged somehow.
    noise_sd : ndarray (T, k)
        Standard deviation of each reading's independent error, in the same unit.
    together : ndarray (k,)
        Number of the group of meters whose loads move alike.
    """
    if len(values) < FEW:
        return bridged
    mean, scale = bridged.mean(axis=0), np.maximum(np.nan_to_num(noise_sd).mean(axis=0), 1e-9)
    around, best = (bridged - mean) / scale, np.empty_like(bridged)
    for group in np.unique(together):
        here = together == group
        directions = np.linalg.svd(around[:, here], full_matrices=False)[2]
        components = (around[:, here] @ directions.T).T
        best[:, here] = np.stack([_prediction(c) for c in components], axis=1) @ directions
    best = best * scale + mean
    jump = np.abs(values - best) > BELIEVED * noise_sd
    return np.where(jump, values, best)


def _prediction(column: Floats) -> Floats:
    """One series ``(T,)`` with noise of variance 1, block by block."""
    signal = _signal_covariance(column)
    gain = np.linalg.solve(signal + np.eye(len(signal)), signal)[:, MARGIN : MARGIN + BLOCK]
    blocks = -(-len(column) // BLOCK)
    padded = np.pad(column, (MARGIN, blocks * BLOCK - len(column) + MARGIN), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(signal))[::BLOCK]
    return np.asarray((windows @ gain).ravel()[: len(column)])


def _signal_covariance(column: Floats) -> Floats:
    """Covariance of the true series over a block and its margins, from the readings' variogram less the noise's 1.

    Differences do not know the mean, and those at a step of the load are left out: neither makes a quiet series
    restless. What is negative in the matrix (chance, or noise taken away) is set to 0.
    """
    from scipy.linalg import toeplitz  # here, so that importing the environments does not import scipy

    lags = BLOCK + 2 * MARGIN
    gamma = np.zeros(lags)
    for lag in range(1, lags):
        change = np.abs(column[lag:] - column[:-lag])
        usual = change <= BURST * MAD_TO_SD * np.median(change)
        gamma[lag] = max(0.5 * float(np.mean(change[usual] ** 2)) - 1.0, 0.0)
    sill = max(float(np.mean(column**2)), float(gamma.max()))
    values, vectors = np.linalg.eigh(toeplitz(sill - gamma))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
