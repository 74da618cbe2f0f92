"""Interlocks: bounds on one channel each, from what is measured now. None needs a model of the plant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.channel import Channel
from envs.shield.site_limits import SiteLimits

Array = NDArray[np.floating]
Measurements = Mapping[str, Array]
Bound = tuple[Array, Array]

_LEAST_AIR_TOLD = 0.05  # of the air that racks draw: below it a speed says nothing of the air it would bring
_OVER = 1.0 - 1e-4  # a hold that is over, after rounding


class Interlock(NamedTuple):
    """One bound.

    Attributes
    ----------
    name : str
        Of the limit.
    channel : str
        That it bounds.
    reads : tuple of str
        Points without which it cannot be judged: then the channel stays as it is in force.
    bounds : callable
        ``(site, channel, measurements)`` to lowest and highest value ``(k, B)``, infinite where free.
    reason : str
        What a record begins with.
    """

    name: str
    channel: str
    reads: tuple[str, ...]
    bounds: Callable[[SiteLimits, Channel, Measurements], Bound]
    reason: str


def _from(low: Array) -> Bound:
    return low, np.full_like(low, np.inf)


def _up_to(high: Array) -> Bound:
    return np.full_like(high, -np.inf), high


def _least_airflow(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    """Speed that brings the least air: flow goes with speed, so the present pair tells it. None told: full speed."""
    supplied, speed = seen["zone_air_supply_frac"], seen["zone_fan_speed_frac"]
    needed = site.least_air_frac * speed / np.maximum(supplied, _LEAST_AIR_TOLD)
    return _from(np.minimum(np.where(supplied < _LEAST_AIR_TOLD, c.high, needed), c.high))


def _least_coolant_flow(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    return _from(np.full_like(seen[f"in_force.{c.name}"], site.least_coolant_flow_frac))


def _condensation(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    return _from(np.minimum(seen["room_dew_point_c"] + site.dew_margin_k, c.high))


def _chiller_restart(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    """A setpoint far over the loop unloads chillers; one that stops cannot come back before its time."""
    held = seen["chiller_hold_frac"] < _OVER
    most = np.maximum(seen["chw_supply_c"] + site.chiller_lead_k, c.low)
    return _up_to(np.where(held, most, np.inf))


def _branch_power(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    like = seen[f"in_force.{c.name}"]
    carried = np.asarray(site.row_limit_frac or (np.inf,) * c.rows, like.dtype)[:, None]
    return _up_to(np.maximum(carried + 0.0 * like, c.low))


def _service_power(site: SiteLimits, c: Channel, seen: Measurements) -> Bound:
    """What the battery may take beside the site's own draw."""
    share = seen["facility_power_share"]
    if not site.service_limit_share:
        return _up_to(np.full_like(share, np.inf))
    left = (site.service_limit_share - share) * site.rated_it_kw
    return _up_to(np.clip(left, 0.0, None))


INTERLOCKS: tuple[Interlock, ...] = (
    Interlock(
        "least_airflow",
        "crah_fan_speed_frac",
        ("zone_air_supply_frac", "zone_fan_speed_frac"),
        _least_airflow,
        "the room units would bring too little of the air that the racks draw",
    ),
    Interlock(
        "least_coolant_flow",
        "tcs_pump_speed_frac",
        (),
        _least_coolant_flow,
        "the coolant pumps would run under the vendor's least flow",
    ),
    Interlock(
        "condensation",
        "tcs_supply_temp_setpoint_c",
        ("room_dew_point_c",),
        _condensation,
        "the coolant would come too near to the room's dew point",
    ),
    Interlock(
        "chiller_restart",
        "chw_supply_temp_setpoint_c",
        ("chiller_hold_frac", "chw_supply_c"),
        _chiller_restart,
        "chillers would be unloaded while none may start again",
    ),
    Interlock(
        "branch_power",
        "rack_power_limit_frac",
        (),
        _branch_power,
        "the row's racks could draw more than its branch carries",
    ),
    Interlock(
        "service_power",
        "battery_power_kw",
        ("facility_power_share",),
        _service_power,
        "charging would take more than the utility's service carries",
    ),
)
