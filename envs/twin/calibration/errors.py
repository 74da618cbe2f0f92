"""How far a replay is from what was measured: weighted residuals, with every sensor's constant error solved for.

A sensor that reads 0.2 K high is no reason to move a parameter. Offsets and gains of the sensors have normal priors
(how good such a sensor is); they enter linearly, so they are taken out of residuals and slopes in closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.twin.calibration.windows import Windows
from envs.twin.telemetry.quantities import QUANTITIES
from envs.twin.telemetry.telemetry import MAD_TO_SD

HUBER = 4.0  # in standard deviations: beyond it a residual pulls no harder
LEAST_SCALE = 1.0  # a channel is never trusted beyond its sensor's noise
MEMORY_S = 3.0 * 3600.0  # longest correlation in time that is counted


class Weighing(NamedTuple):
    """What turns a residual into standard deviations.

    Attributes
    ----------
    sd : ndarray (T, N)
        Of a reading, days end to end.
    weight : ndarray (T, N)
        0 where missing, 1 where trusted, less for outliers.
    offset_sd, gain_sd : ndarray (N,)
        Of the sensors' constant errors.
    """

    sd: Floats
    weight: Floats
    offset_sd: Floats
    gain_sd: Floats


def end_to_end(by_window: Floats) -> Floats:
    """``(K, N, ..., W)`` as ``(W K, N, ...)``: the days one after the other."""
    moved = np.moveaxis(by_window, -1, 0)
    return moved.reshape(moved.shape[0] * moved.shape[1], *moved.shape[2:])


def weigh(windows: Windows, predicted: Floats, near: bool = True) -> Weighing:
    """Weights for residuals around a prediction ``(T, N)``: the sensor's noise, or what the channel really scatters.

    Far from the goal (not ``near``) only the noise counts: a channel that is not met yet would vote itself away.

    Channels that the model cannot follow count by their own scatter (robust, so that outliers do not decide it), single
    outliers by Huber's weight. Residuals that remember bring less news than their number: a channel's deviation grows
    with the root of its correlation time.
    """
    shown, sd = end_to_end(windows.shown), end_to_end(windows.noise_sd).copy()
    raw = shown - predicted
    known = np.isfinite(raw)
    middle = np.nanmedian(np.where(known, raw, np.nan), axis=0, keepdims=True)
    scaled = np.where(known, (raw - middle) / sd, np.nan)
    scale = np.maximum(MAD_TO_SD * np.nanmedian(np.abs(scaled), axis=0), LEAST_SCALE)
    noise = np.nan_to_num(sd, nan=1.0)
    sd = noise * np.nan_to_num(scale, nan=1.0)[None]
    away = np.nan_to_num(raw - middle) / sd
    weight = known / np.maximum(np.abs(away) / HUBER, 1.0)
    weight = weight * ~_both_at_an_end(windows, shown, predicted, end_to_end(windows.noise_sd))
    if not near:
        return Weighing(noise, weight, np.asarray(windows.offset_sd), np.asarray(windows.gain_sd))
    memory = correlation_time(away * np.sqrt(weight), round(MEMORY_S / windows.step_s))
    return Weighing(sd * np.sqrt(memory)[None], weight, np.asarray(windows.offset_sd), np.asarray(windows.gain_sd))


def _both_at_an_end(windows: Windows, shown: Floats, predicted: Floats, sd: Floats) -> NDArray[np.bool_]:
    """Where a position is at an end of its range, measured and predicted: its noise is cut off there."""
    position = np.array([QUANTITIES[name].kind == "fraction" for name, _ in windows.rows])
    margin = 3.0 * np.nan_to_num(sd)
    top = (shown > 1.0 - margin) & (predicted > 1.0 - margin)
    bottom = (shown < margin) & (predicted < margin)
    return (top | bottom) & position[None]


def correlation_time(x: Floats, lags: int) -> Floats:
    """Steps that count as one ``(N,)``, at least 1: ``1 + 2 sum (1 - l/(L+1)) rho_l`` of each column ``(T, N)``."""
    power = np.maximum((x * x).sum(axis=0), 1e-12)
    total = np.ones(x.shape[1])
    for lag in range(1, min(lags, len(x) - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * (x[lag:] * x[:-lag]).sum(axis=0) / power
    return np.maximum(total, 1.0)


class NormalisedResiduals(NamedTuple):
    """Residuals and slopes with the sensors' constant errors solved for, in standard deviations.

    The constant errors have rows of their own in the least squares, their priors: ``level`` and ``lean`` belong to the
    inner products as the readings do.

    Attributes
    ----------
    residual : ndarray (T, N)
    slopes : ndarray (P, T, N)
    level : ndarray (2, N)
        Offset and gain of each sensor, in its own standard deviations.
    lean : ndarray (P, 2, N)
        How a parameter would move them.
    """

    residual: Floats
    slopes: Floats
    level: Floats
    lean: Floats

    @property
    def cost(self) -> float:
        """Sum of squares, the constant errors' own price included."""
        return float((self.residual**2).sum() + (self.level**2).sum())

    def curvature(self) -> Floats:
        """Inner products of the slopes ``(P, P)``."""
        return product(self.slopes, self.slopes) + product(self.lean, self.lean)

    def gradient(self, of: NormalisedResiduals | None = None) -> Floats:
        """Inner products of the slopes and residuals ``(P,)``, its own or those of another."""
        of = of or self
        both = product(self.slopes, of.residual[None]) + product(self.lean, of.level[None])
        return np.asarray(both[:, 0])


def product(a: Floats, b: Floats) -> Floats:
    """Inner products over all but the first axis ``(P, Q)``."""
    return np.asarray(a.reshape(len(a), -1) @ b.reshape(len(b), -1).T)


def constants_removed(w: Weighing, raw: Floats, slopes: Floats, predicted: Floats) -> NormalisedResiduals:
    """Solve for offsets and gains of every sensor and take them out.

    Parameters
    ----------
    w : Weighing
    raw : ndarray (T, N)
        Shown less predicted [unit]; anything where the weight is 0.
    slopes : ndarray (P, T, N)
        Derivatives of the prediction.
    predicted : ndarray (T, N)
        What a gain multiplies.
    """
    root = np.sqrt(w.weight) / w.sd
    r = np.where(w.weight > 0.0, np.nan_to_num(raw), 0.0) * root
    basis = np.stack([root * w.offset_sd, root * predicted * w.gain_sd])  # (2, T, N), unit priors
    gram = np.einsum("itn,jtn->nij", basis, basis) + np.eye(2)
    pulled = np.einsum("itn,tn->ni", basis, r)
    level = np.linalg.solve(gram, pulled[..., None])[..., 0]
    j = slopes * root[None]
    lean = np.zeros((len(slopes), *level.shape))
    if len(slopes):
        lean = np.linalg.solve(gram[None], np.einsum("itn,ptn->pni", basis, j)[..., None])[..., 0]
        j = j - np.einsum("pni,itn->ptn", lean, basis)
    return NormalisedResiduals(r - np.einsum("ni,itn->tn", level, basis), j, level.T, lean.transpose(0, 2, 1))
