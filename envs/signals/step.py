"""The signals of one control step: what is outside, and what the load asks for."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from envs.physics.namespace import Floats


class Outside(NamedTuple):
    """Signals of one step at every site, each ``(B,)``."""

    dry_bulb_c: Floats
    wet_bulb_c: Floats
    humidity_ratio: Floats
    pressure_kpa: Floats
    price_usd_mwh: Floats
    carbon_g_kwh: Floats
    dr_active: Floats
    dr_reduction_frac: Floats
    hour_sin: Floats
    hour_cos: Floats
    week_sin: Floats
    week_cos: Floats
    forecast_wet_bulb_1h_c: Floats
    forecast_wet_bulb_4h_c: Floats
    forecast_price_4h_usd_mwh: Floats


class Load(NamedTuple):
    """Demand of one step.

    Attributes
    ----------
    activity : ndarray (S, R, B)
        Share of the rated accelerators active per slot.
    job : ndarray (R, B)
        Lowest rack of the synchronous job that a rack belongs to.
    batch_arrival : ndarray (B,)
        Accelerator-hours that enter the batch queue.
    batch_due : ndarray (B,)
        Accelerator-hours whose deadline falls in the step.
    unserved : ndarray (B,)
        Accelerator-hours of serving beyond what the pool can take, lost whatever the controls do.
    """

    activity: Floats
    job: NDArray[Any]
    batch_arrival: Floats
    batch_due: Floats
    unserved: Floats
