"""The saving by regression: IPMVP Option C (or B, behind a submeter), with Guideline 14's fractional uncertainty.

A model of power over load, outdoor bulb and weekend is fitted to periods under the rules, and says what the rules would
have drawn in the policy's periods. The saving is that less what was measured. With ``n`` periods in the baseline, ``m``
in the reporting period, ``F`` the share saved and ``rho`` the residuals' correlation from one period to the next::

    n'  = n (1 - rho) / (1 + rho)
    FSU = t 1.26 CV(RMSE) sqrt(n / n' (1 + 2 / n') / m) / F

Reference: ASHRAE Guideline 14-2014, section 4.2.11 and annex B; IPMVP Core Concepts 2022.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.savings.randomisation import LEVEL
from experiments.savings.record import Floats

AUTOCORRELATED = 1.26  # factor of the guideline for residuals that remember
KNOTS = (0.2, 0.35, 0.5, 0.65, 0.8)  # quantiles of the outdoor bulb at which the line may bend
COEFFICIENTS = 5
G14_LEVEL = 0.68  # at which the guideline asks for a fractional uncertainty of at most 50 %


class Periods(NamedTuple):
    """Blocks or days in the order of time: power, load, outdoor bulb and weekend, each ``(n,)``."""

    power_kw: Floats
    load: Floats
    bulb_c: Floats
    weekend: Floats


class Regression(NamedTuple):
    """A saving by regression, and how good its baseline is.

    Attributes
    ----------
    share, low, high : float
        Share saved and its 95 % interval [1].
    r2, cv_rmse_frac : float
        Of the baseline model [1].
    autocorrelation : float
        Of its residuals from one period to the next [1].
    baseline, reporting : int
        Periods in each.
    effective : float
        Independent periods that the baseline is worth.
    fsu_frac : float
        Guideline 14's fractional savings uncertainty at 68 % [1].
    outside_frac : float
        Share of the reporting periods whose load or weather lies outside the baseline's [1].
    outside_of : str
        Which of the two, for the message.
    """

    share: float
    low: float
    high: float
    r2: float
    cv_rmse_frac: float
    autocorrelation: float
    baseline: int
    reporting: int
    effective: float
    fsu_frac: float
    outside_frac: float
    outside_of: str


def regression(baseline: Periods, reporting: Periods, beyond_frac: float = 0.1) -> Regression:
    """Saving of the reporting periods against a model of the baseline's.

    Parameters
    ----------
    baseline, reporting : Periods
    beyond_frac : float
        How far beyond the baseline's range, as a share of it, still counts as inside.

    Raises
    ------
    ValueError
        For fewer baseline periods than coefficients, or no reporting period.
    """
    n, m = len(baseline.power_kw), len(reporting.power_kw)
    if n <= COEFFICIENTS or not m:
        raise ValueError(f"{n} baseline and {m} reporting periods; give more than {COEFFICIENTS}, and at least one")
    knot = min((float(np.quantile(baseline.bulb_c, q)) for q in KNOTS), key=lambda k: _fit(baseline, k)[1])
    coefficients, squares = _fit(baseline, knot)
    residuals = baseline.power_kw - _columns(baseline, knot) @ coefficients
    expected = _columns(reporting, knot) @ coefficients
    mean = float(baseline.power_kw.mean())
    cv = float(np.sqrt(squares / (n - COEFFICIENTS))) / mean
    rho = _memory(residuals)
    effective = max(n * (1.0 - rho) / (1.0 + rho), 1.0)
    share = 1.0 - float(reporting.power_kw.sum() / expected.sum())
    spread = AUTOCORRELATED * cv * np.sqrt(n / effective * (1.0 + 2.0 / effective) / m) * mean / float(expected.mean())
    freedom = max(effective - COEFFICIENTS, 1.0)
    outside = {name: _outside(getattr(baseline, name), getattr(reporting, name), beyond_frac) for name in OUTSIDE}
    worst = max(outside, key=lambda name: outside[name])
    half = student(LEVEL, freedom) * spread
    return Regression(
        share, share - half, share + half,
        1.0 - squares / max(float(((baseline.power_kw - mean) ** 2).sum()), 1e-12), cv, rho, n, m, effective,
        float(student(G14_LEVEL, freedom) * spread / max(abs(share), 1e-9)), outside[worst], OUTSIDE[worst],
    )  # fmt: skip


OUTSIDE = {"load": "IT load", "bulb_c": "outdoor air"}


def student(level: float, freedom: float) -> float:
    """Half width of a two-sided interval of Student's t, in standard deviations."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 * (1.0 + level)))


def _columns(periods: Periods, knot: float) -> Floats:
    bend = np.maximum(periods.bulb_c - knot, 0.0)
    return np.stack([np.ones_like(bend), periods.load, periods.bulb_c, bend, periods.weekend], axis=1)


def _fit(periods: Periods, knot: float) -> tuple[Floats, float]:
    columns = _columns(periods, knot)
    found = np.asarray(np.linalg.lstsq(columns, periods.power_kw, rcond=None)[0], np.float64)
    return found, float(((periods.power_kw - columns @ found) ** 2).sum())


def _memory(residuals: Floats) -> float:
    """Correlation of a residual with the one before it, at least 0."""
    power = float((residuals**2).sum())
    return max(float((residuals[1:] * residuals[:-1]).sum()) / power, 0.0) if power > 0.0 else 0.0


def _outside(known: Floats, met: Floats, beyond_frac: float) -> float:
    low, high = float(known.min()), float(known.max())
    beyond = beyond_frac * (high - low)
    return float(((met < low - beyond) | (met > high + beyond)).mean())
