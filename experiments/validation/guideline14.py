"""How far a model is from measurements, as ASHRAE Guideline 14 defines it: bias, NMBE and CV(RMSE).

With ``y`` measured, ``m`` modelled, ``n`` values and ``p`` adjustable parameters (1 by the guideline's own convention
where none was fitted)::

    NMBE     = sum(y - m) / ((n - p) mean(y))
    CV(RMSE) = sqrt(sum((y - m)^2) / (n - p)) / mean(y)

NMBE is positive where the model is below the measurements; ``bias`` here is ``mean(m - y)``, in the unit of the values.
The guideline's own limits for a calibrated model: 5 % NMBE and 15 % CV monthly, 10 % and 30 % hourly.

Reference: ASHRAE Guideline 14-2014, Measurement of Energy, Demand, and Water Savings, section 4 and 5.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

ADJUSTABLE = 1


class Agreement(NamedTuple):
    """One quantity of a model against its measurement.

    Attributes
    ----------
    mean : float
        Of the measurements, in their unit.
    bias, rmse : float
        Mean and root mean square of model less measurement, in the same unit.
    nmbe_frac, cv_rmse_frac : float
        Fractions of the mean; nan where the mean is zero.
    n : int
        Values compared.
    """

    mean: float
    bias: float
    rmse: float
    nmbe_frac: float
    cv_rmse_frac: float
    n: int


def agreement(measured: ArrayLike, modelled: ArrayLike) -> Agreement:
    """Compare a model with measurements, value by value.

    Parameters
    ----------
    measured, modelled : array (n,)
        At the same instants or over the same intervals, in one unit.

    Raises
    ------
    ValueError
        Where the two differ in length, hold fewer than two values, or hold a gap.
    """
    y, m = np.asarray(measured, dtype=np.float64).ravel(), np.asarray(modelled, dtype=np.float64).ravel()
    if len(y) != len(m) or len(y) < 2:
        raise ValueError(f"{len(y)} measured and {len(m)} modelled values; give two series of one length, at least 2")
    if not (np.all(np.isfinite(y)) and np.all(np.isfinite(m))):
        raise ValueError("a value is missing or infinite; compare only instants that both series have")
    error, n = m - y, len(y)
    mean, spread = float(y.mean()), float(np.sqrt((error**2).sum() / (n - ADJUSTABLE)))
    if mean == 0.0:
        return Agreement(mean, float(error.mean()), _rmse(error), np.nan, np.nan, n)
    nmbe = float(-error.sum() / ((n - ADJUSTABLE) * mean))
    return Agreement(mean, float(error.mean()), _rmse(error), nmbe, spread / abs(mean), n)


def means_by(groups: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Mean of the values of each group, groups in ascending order: months of hours, hours of five-minute steps."""
    keys, index = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.bincount(index, minlength=len(keys))
    return np.bincount(index, weights=np.asarray(values, dtype=np.float64), minlength=len(keys)) / counts


def _rmse(error: NDArray[np.float64]) -> float:
    return float(np.sqrt((error**2).mean()))
