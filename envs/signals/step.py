"""The signals of one control step: what is outside, and what the load asks for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.physics.psychrometrics import humidity_ratio_at_wet_bulb, pressure_kpa, saturation_humidity_ratio

LEAST_HUMIDITY = 1e-5  # [kg/kg], of air that two noisy bulbs call drier than dry


class Outside(NamedTuple):
    """Signals of one step at every site, each ``(B,)``."""

    dry_bulb_c: Floats
    wet_bulb_c: Floats
    humidity_ratio: Floats
    pressure_kpa: Floats
    elevation_m: Floats
    price_usd_mwh: Floats
    carbon_g_kwh: Floats
    dr_active: Floats
    dr_reduction_frac: Floats
    dr_announced_frac: Floats
    dr_starts_in_h: Floats
    dr_ends_in_h: Floats
    hour_sin: Floats
    hour_cos: Floats
    week_sin: Floats
    week_cos: Floats
    forecast_wet_bulb_1h_c: Floats
    forecast_wet_bulb_4h_c: Floats
    forecast_price_4h_usd_mwh: Floats


def outside_from_bulbs(
    dry_bulb_c: Floats,
    wet_bulb_c: Floats,
    elevation_m: Floats | float,
    humidity_ratio: Floats | None = None,
    **known: Floats,
) -> Outside:
    """Weather as a site's two thermometers tell it, each ``(B,)``; what else is not known is zero.

    Parameters
    ----------
    dry_bulb_c, wet_bulb_c : array (B,)
        As read [degC]; noise may not lift the wet bulb over the dry one.
    elevation_m : float or array (B,)
        Height of the site [m]; its standard atmosphere is taken for the pressure.
    humidity_ratio : array (B,), optional
        Where it was measured [kg/kg]; else what the two bulbs say.
    **known : array (B,)
        Other fields of `Outside`, such as the price.
    """
    wet = np.minimum(wet_bulb_c, dry_bulb_c)
    zero = dry_bulb_c * 0.0
    height = zero + elevation_m
    pressure = pressure_kpa(height)
    if humidity_ratio is None:
        humid = humidity_ratio_at_wet_bulb(dry_bulb_c, wet, pressure)
        humidity_ratio = np.maximum(humid, LEAST_HUMIDITY).astype(dry_bulb_c.dtype)
    made = {**dict.fromkeys(Outside._fields, zero), **known, "dry_bulb_c": dry_bulb_c, "wet_bulb_c": wet}
    return Outside(**{**made, "humidity_ratio": humidity_ratio, "pressure_kpa": pressure, "elevation_m": height})


def weather_moved(outside: Outside, dry_add_k: Floats, wet_add_k: Floats) -> Outside:
    """Weather whose bulbs moved by so much, each ``(B,)`` [K]; air that cools to its dew point rains out.

    The wet bulb stays at or under the dry one, and the humidity ratio at or under saturation.
    """
    dry = outside.dry_bulb_c + dry_add_k
    most = saturation_humidity_ratio(dry, outside.pressure_kpa)
    return outside._replace(
        dry_bulb_c=dry,
        wet_bulb_c=np.minimum(outside.wet_bulb_c + wet_add_k, dry),
        humidity_ratio=np.minimum(outside.humidity_ratio, most),
    )


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
    swing : ndarray (R, B), optional
        Peak-to-peak share of a rack's training draw within a training step; None where it is not known.
    """

    activity: Floats
    job: NDArray[Any]
    batch_arrival: Floats
    batch_due: Floats
    unserved: Floats
    swing: Floats | None = None
