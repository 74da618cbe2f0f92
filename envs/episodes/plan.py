"""Which episode it is: the site, the load and the noise that were drawn for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class EpisodePlan(NamedTuple):
    """What distinguishes an episode; every array ``(B,)``. The same plan for two policies is a paired comparison.

    Attributes
    ----------
    site, site_start : ndarray of int
        Row of the world's sites, and first step in its year (local standard time).
    load, load_start : ndarray of int
        Row of the world's workload pools, and first step in it (same weekday and hour as the site's clock).
    noise_seed, episode : ndarray of int
        Stream of the sensor noise.
    billing_frac : ndarray
        Billing peak at the start as a share of the expected peak (PHYSICS F7: 0.80-0.95).
    soc : ndarray
        Battery's state of charge at the start.
    warmth_k : ndarray
        How far the loops start from their setpoints [K].
    """

    site: NDArray[np.int64]
    site_start: NDArray[np.int64]
    load: NDArray[np.int64]
    load_start: NDArray[np.int64]
    noise_seed: NDArray[np.int64]
    episode: NDArray[np.int64]
    billing_frac: NDArray[np.float64]
    soc: NDArray[np.float64]
    warmth_k: NDArray[np.float64]
