"""Whether an output follows its own replay: error, slope and lag of each, and what of it a page must say first.

A fit can arrive and still not be of this hall: a meter's late clock, or a plant of another structure, is then pressed
into the parameters. Each output's readings are therefore held against what the replay shows of it. The bars of powers
are those of ASHRAE Guideline 14-2014 for hourly data (NMBE 10 %, CV(RMSE) 30 %); the others are engineering guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.physics.namespace import Floats
from envs.twin.calibration.windows import Windows
from envs.twin.telemetry.lag import around_their_mean, best_lag, known_mean
from envs.twin.telemetry.quantities import QUANTITIES

QUICK_S = 4.0 * 3600.0  # lags are judged by what changes within so long
MOST_BIAS_K, MOST_RMSE_K = 1.0, 2.0
MOST_NMBE_FRAC, MOST_CV_FRAC = 0.10, 0.30
MOST_OFF_FRAC = 0.15  # of a position, root mean square
SLOPES = (0.5, 2.0)  # of readings over replay, where the replay moves
MOVING = 4.0  # deviations of a reading's noise
LEAST_MEAN_FRAC = 0.25  # of the upper end of a power: what an error of a machine that mostly stands is compared with
FEWEST = 12


@dataclass(frozen=True)
class OutputFit:
    """How one point follows its replay.

    Attributes
    ----------
    name, row : str, int
        Quantity and its row.
    readings : int
        Compared.
    mean, replayed_mean : float
        Of readings and replay [unit].
    bias, rmse : float
        Replay less readings [unit].
    cv_frac : float
        Of a power: error over mean; NaN for others.
    slope : float
        Of the readings over the replay; NaN where the replay does not move.
    lag : tuple of float, optional
        How late the readings come [s], the correlation there and without a shift; None where no shift is clear.
    """

    name: str
    row: int
    readings: int
    mean: float
    replayed_mean: float
    bias: float
    rmse: float
    cv_frac: float
    slope: float
    lag: tuple[float, float, float] | None

    @property
    def misses(self) -> tuple[str, ...]:
        """What is beyond its bar, in words; empty where the point fits."""
        kind, found = QUANTITIES[self.name].kind, []
        if self.lag is not None:
            found.append(f"comes {abs(self.lag[0]):.0f} s {'late' if self.lag[0] > 0.0 else 'early'}")
        if kind == "temperature" and (abs(self.bias) > MOST_BIAS_K or self.rmse > MOST_RMSE_K):
            found.append(f"{abs(self.bias):.1f} K {'above' if self.bias < 0.0 else 'below'} its replay, RMSE "
                         f"{self.rmse:.1f} K")  # fmt: skip
        size = self.rmse / self.cv_frac if self.cv_frac > 0.0 else float("inf")
        if kind == "power" and (self.cv_frac > MOST_CV_FRAC or abs(self.bias) > MOST_NMBE_FRAC * size):
            found.append(f"CV(RMSE) {100.0 * self.cv_frac:.0f} %, replay {100.0 * self.bias / size:+.0f} %")
        if kind == "fraction" and self.rmse > MOST_OFF_FRAC:
            found.append(f"{self.rmse:.2f} off (root mean square)")
        if np.isfinite(self.slope) and not SLOPES[0] < self.slope < SLOPES[1]:
            found.append(f"moves {self.slope:.2g} times as its replay")
        return tuple(found)


def output_fits(windows: Windows, replayed: Floats) -> tuple[OutputFit, ...]:
    """How every compared point follows its replay.

    Parameters
    ----------
    windows : Windows
        What was measured.
    replayed : ndarray (T, N)
        The same from a replay, windows end to end (`calibration.replay_at`).
    """
    by_window, made = _by_window(windows, replayed), []
    for column, (name, row) in enumerate(windows.rows):
        read, shown = windows.shown[:, column], by_window[:, column]
        if np.isfinite(read).sum() >= FEWEST:
            noise = float(np.nanmedian(windows.noise_sd[:, column]))
            made.append(_output_fit(name, row, read, shown, noise, windows.step_s))
    return tuple(made)


def mean_lag(windows: Windows, replayed: Floats, columns: Sequence[int]) -> tuple[float, float, float] | None:
    """Lag of the mean of several rows, which has less noise than each; as `OutputFit.lag`."""
    quick = round(QUICK_S / windows.step_s)
    known = np.isfinite(windows.shown[:, columns])
    read, shown = (
        known_mean(np.where(known, values - np.nanmean(values, axis=(0, 2), keepdims=True), np.nan))
        for values in (windows.shown[:, columns], _by_window(windows, replayed)[:, columns])
    )
    return best_lag(around_their_mean(read, quick), around_their_mean(shown, quick), windows.step_s)


def _by_window(windows: Windows, replayed: Floats) -> Floats:
    """A replay ``(T, N)`` as ``(K, N, W)``."""
    return replayed.reshape(windows.count, windows.steps - windows.burn_in, len(windows.rows)).transpose(1, 2, 0)


def _output_fit(name: str, row: int, read: Floats, shown: Floats, noise: float, step_s: float) -> OutputFit:
    both = np.isfinite(read)
    y, m = read[both], shown[both]
    miss = m - y
    rmse, cv = float(np.sqrt((miss**2).mean())), float("nan")
    if QUANTITIES[name].kind == "power":
        size = max(float(np.abs(y).mean()), LEAST_MEAN_FRAC * float(np.quantile(np.abs(y), 0.95)), 1e-9)
        cv = rmse / size
    quick = round(QUICK_S / step_s)
    slope = float("nan")
    if m.std() > MOVING * noise:
        slope = float(((y - y.mean()) * (m - m.mean())).sum() / ((m - m.mean()) ** 2).sum())
    lag = best_lag(around_their_mean(read, quick), around_their_mean(shown, quick), step_s)
    mean, bias = float(y.mean()), float(miss.mean())
    return OutputFit(name, row, int(both.sum()), mean, float(m.mean()), bias, rmse, cv, slope, lag)


def misfits(fits: Sequence[OutputFit]) -> dict[str, str]:
    """Quantity to what is wrong with its worst row, in words; only those that miss a bar."""
    found: dict[str, OutputFit] = {}
    for fit in fits:
        if fit.misses and (fit.name not in found or fit.rmse > found[fit.name].rmse):
            found[fit.name] = fit
    rows = {name: sum(f.name == name for f in fits) for name in found}
    return {n: "; ".join(f.misses) + (f" (row {f.row})" if rows[n] > 1 else "") for n, f in found.items()}
