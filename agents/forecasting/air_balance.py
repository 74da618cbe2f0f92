"""How much air a zone's room units blow, from the rise of their air: the one thing that tells it is return air.

The same heat warms the air by less where there is more of it. So the airflow of a hall over that of its model is the
model's rise from supply to return over the measured one, under the same load, fan speed and setpoints.
"""

from __future__ import annotations

import numpy as np

from envs.physics.namespace import Floats

LEAST_RISE_K = 3.0  # a smaller one is mostly the error of two sensors of 0.2 K
LEAST_ROWS = 24  # of a day of five minutes that is two hours; engineering guess


def airflow_frac(measured_k: Floats, modelled_k: Floats) -> Floats:
    """Airflow of each zone over the model's.

    Parameters
    ----------
    measured_k, modelled_k : array (T, Z)
        Rise of the air from a zone's supply to its return [K]; NaN where nobody measured it.

    Returns
    -------
    array (Z,)
        The median over the log; NaN where too few rows tell.
    """
    tells = np.isfinite(measured_k) & (measured_k > LEAST_RISE_K) & (modelled_k > LEAST_RISE_K)
    share = np.where(tells, modelled_k / np.where(tells, measured_k, 1.0), np.nan)
    found = np.full(share.shape[1], np.nan)
    for zone in np.flatnonzero(tells.sum(axis=0) >= LEAST_ROWS):
        found[zone] = np.nanmedian(share[:, zone])
    return found
