"""Points that no building measures, from those that it does; with a stated value where even that is not known.

A policy was trained with all points of its site. What a simulator knows and a building does not (how warm a breaker is
inside, for how long the economizer may not switch) is followed here from what is measured. A measured value always goes
before a derived one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Points = Mapping[str, Array]

DAY_S, WEEK_S, WINDOW_S = 86_400.0, 604_800.0, 900.0
MONDAY_S = 4 * DAY_S  # the epoch was a Thursday: so long after it began the first week that this clock counts
FREE = 1.0  # a machine that was not seen to switch may switch


class SiteData(TypedDict, total=False):
    """Constants of the site that derivations need; what it lacks is left out."""

    row_rated_kw: list[float]
    row_breaker_share: list[float]  # rating of racks over that of the tightest breaker on their way
    breaker_tau_s: float
    zone_of: list[int]  # of each rack
    elevation_m: float
    utc_offset_h: float  # local standard time less UTC, where all sites of the training have one
    chiller_hold_s: float
    economizer_lockout_s: float
    tower_hold_s: float
    longest_restart_s: float
    limits: dict[str, Any]  # what the site's machines bear, as `envs.shield.site_limits.SiteLimits` has it


class Moment(NamedTuple):
    """What a derivation reads.

    Attributes
    ----------
    points : mapping
        Measured and already derived, ``{name: (k, B)}``.
    site : SiteData
    before : dict
        What the derivation of this point kept last time; it writes what it keeps now.
    passed_s : float
        Since then [s].
    local_s : float
        Local standard time, as seconds since 1970-01-01 on the wall.
    """

    points: Points
    site: SiteData
    before: dict[str, Any]
    passed_s: float
    local_s: float


class Derivation(NamedTuple):
    """How one point is derived.

    Attributes
    ----------
    point : str
    reads : tuple of str
        Points without which it cannot be.
    constants : tuple of str
        Keys of `SiteData` without which it cannot be.
    meaning : str
        In a sentence, for the manifest.
    made : callable
        Of a `Moment`; gives ``(k, B)``.
    """

    point: str
    reads: tuple[str, ...]
    constants: tuple[str, ...]
    meaning: str
    made: Callable[[Moment], Array]


def _since_change(point: str, hold: str) -> Callable[[Moment], Array]:
    """Time since a count or a mode changed, over the time for which it then holds."""

    def made(m: Moment) -> Array:
        now, last, hold_s = m.points[point], m.before.get("last"), float(dict(m.site)[hold])  # type: ignore[arg-type]
        since = m.before.get("since_s")
        if last is None or np.shape(last) != now.shape:
            since = np.full(now.shape, np.inf)
        else:
            since = np.where(np.abs(now - np.asarray(last)) > 0.5, 0.0, np.asarray(since) + m.passed_s)
        m.before.update(last=now, since_s=since)
        elapsed: Array = np.minimum(since / max(hold_s, 1e-9), FREE)
        return elapsed

    return made


def _breaker_memory(m: Moment) -> Array:
    """Thermal memory ``d theta/dt = (i^2 - theta)/tau`` of the tightest breaker of each row, and of the feeder."""
    share = np.asarray(m.site["row_breaker_share"])[:, None] * m.points["row_power_share"]
    load = np.concatenate([share, m.points["feeder_load_frac"]])
    theta = m.before.get("theta")
    if theta is None or np.shape(theta) != load.shape:
        theta = load * load
    decay = math.exp(-m.passed_s / m.site["breaker_tau_s"])
    theta = load * load + (np.asarray(theta) - load * load) * decay
    m.before["theta"] = theta
    warmest: Array = theta.max(axis=0, keepdims=True)
    return warmest


def _restart(m: Moment) -> Array:
    down = m.points["rack_down_frac"]
    for_s = np.where(down > 0.0, np.broadcast_to(m.before.get("for_s", 0.0), down.shape) + m.passed_s, 0.0)
    m.before["for_s"] = for_s
    return np.where(down > 0.0, np.clip(1.0 - for_s / m.site["longest_restart_s"], 0.0, 1.0), 0.0)


def _demand(m: Moment) -> Array:
    """Power is demand where no limit binds; else what was asked for before it bound."""
    power = m.points["row_power_share"]
    limit = m.points.get("in_force.rack_power_limit_frac", np.ones_like(power))
    before = np.broadcast_to(m.before.get("demand", power), power.shape)
    demand = np.where(power < limit - 0.02, power, np.maximum(power, before))
    m.before["demand"] = demand
    return demand


def _zone_inlet(m: Moment) -> Array:
    inlet, zone_of = m.points["rack_inlet_c"], np.asarray(m.site["zone_of"])
    return np.stack([inlet[zone_of == zone].max(axis=0) for zone in range(int(zone_of.max()) + 1)])


def _it_power(m: Moment) -> Array:
    rated = np.asarray(m.site["row_rated_kw"])[:, None]
    share: Array = (m.points["row_power_share"] * rated).sum(axis=0, keepdims=True) / rated.sum()
    return share


def _window(m: Moment) -> Array:
    """Mean of the running window; it begins anew on the quarter of the hour."""
    power, into_s = m.points["facility_power_share"], m.local_s % WINDOW_S
    fresh = not m.before or into_s < m.passed_s
    sum_s, for_s = (0.0, 0.0) if fresh else (np.asarray(m.before["sum_s"]), m.before["for_s"])
    step_s = min(m.passed_s, max(into_s, 1.0)) if fresh else m.passed_s
    m.before.update(sum_s=sum_s + power * step_s, for_s=for_s + step_s)
    mean: Array = m.before["sum_s"] / m.before["for_s"]
    return mean


def _billing_peak(m: Moment) -> Array:
    """Highest mean of a full window in the month so far; a new month begins with the power of now."""
    month = int(np.datetime64(int(m.local_s), "s").astype("datetime64[M]").astype(int))
    power = m.points["facility_power_share"]
    peak = power if m.before.get("month") != month else np.maximum(np.asarray(m.before["peak"]), m.before["mean"])
    window = m.points.get("demand_window_share", power)
    m.before.update(month=month, peak=peak, mean=window)
    return np.asarray(peak)


def _clock(period_s: float, wave: Callable[[float], float], start_s: float = 0.0) -> Callable[[Moment], Array]:
    def made(m: Moment) -> Array:
        like = next(iter(m.points.values()))
        phase = 2.0 * math.pi * ((m.local_s - start_s) % period_s) / period_s
        return np.full((1, like.shape[-1]), wave(phase))

    return made


def _same_as(point: str) -> Callable[[Moment], Array]:
    return lambda m: m.points[point]


def _elevation(m: Moment) -> Array:
    return np.full((1, next(iter(m.points.values())).shape[-1]), m.site["elevation_m"])


def _wet_bulb(m: Moment) -> Array:
    """Wet bulb by Stull (2011), J. Appl. Meteor. Climatol. 50, equation 1: within 1 K, -20 to 50 degC, 5 to 99 %."""
    t, rh = m.points["dry_bulb_c"], 100.0 * m.points["outdoor_relative_humidity_frac"]
    wet: Array = (
        t * np.arctan(0.151977 * np.sqrt(rh + 8.313659))
        + np.arctan(t + rh)
        - np.arctan(rh - 1.676331)
        + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh)
        - 4.686035
    )
    return wet


_ROWS = ("row_power_share",)
#: In the order in which they may build on each other.
DERIVATIONS: tuple[Derivation, ...] = (
    Derivation("zone_inlet_max_c", ("rack_inlet_c",), ("zone_of",), "warmest of the zone's racks", _zone_inlet),
    Derivation("it_power_share", _ROWS, ("row_rated_kw",), "sum of the rows, over the rating of all racks", _it_power),
    Derivation("row_demand_share", _ROWS, (), "the row's power; while its limit binds, the last before it", _demand),
    Derivation("breaker_memory_frac", (*_ROWS, "feeder_load_frac"), ("row_breaker_share", "breaker_tau_s"),
               "thermal memory of the tightest breaker, integrated from the power of rows and feeder",
               _breaker_memory),
    Derivation("chiller_hold_frac", ("chillers_running",), ("chiller_hold_s",),
               "time since the number of chillers changed, over the least time between stages; 1 until seen",
               _since_change("chillers_running", "chiller_hold_s")),
    Derivation("economizer_hold_frac", ("economizer_on",), ("economizer_lockout_s",),
               "time since the economizer switched, over its lockout; 1 until seen",
               _since_change("economizer_on", "economizer_lockout_s")),
    Derivation("tower_hold_frac", ("tower_cells_running",), ("tower_hold_s",),
               "time since the number of cells changed, over the least time between stages; 1 until seen",
               _since_change("tower_cells_running", "tower_hold_s")),
    Derivation("restart_frac", ("rack_down_frac",), ("longest_restart_s",),
               "what is left of the longest restart since racks went down; 0 where none is down", _restart),
    Derivation("demand_window_share", ("facility_power_share",), (), "mean power since the quarter of the hour",
               _window),
    Derivation("demand_window_elapsed_frac", (), (), "share of the quarter of the hour that is over, by the clock",
               lambda m: np.full((1, next(iter(m.points.values())).shape[-1]), (m.local_s % WINDOW_S) / WINDOW_S)),
    Derivation("billing_peak_share", ("facility_power_share",), (),
               "highest mean of a quarter of an hour in this month, as far as it was watched", _billing_peak),
    Derivation("hour_sin", (), (), "by the hall's clock, local standard time", _clock(DAY_S, math.sin)),
    Derivation("hour_cos", (), (), "by the hall's clock", _clock(DAY_S, math.cos)),
    Derivation("week_sin", (), (), "by the hall's clock, from Monday on", _clock(WEEK_S, math.sin, MONDAY_S)),
    Derivation("week_cos", (), (), "by the hall's clock, from Monday on", _clock(WEEK_S, math.cos, MONDAY_S)),
    Derivation("site_elevation_m", (), ("elevation_m",), "a constant of the site", _elevation),
    Derivation("wet_bulb_c", ("dry_bulb_c", "outdoor_relative_humidity_frac"), (),
               "from dry bulb and relative humidity, Stull 2011, within 1 K", _wet_bulb),
    Derivation("forecast_wet_bulb_1h_c", ("wet_bulb_c",), (), "as it is now", _same_as("wet_bulb_c")),
    Derivation("forecast_wet_bulb_4h_c", ("wet_bulb_c",), (), "as it is now", _same_as("wet_bulb_c")),
    Derivation("forecast_price_4h_usd_mwh", ("price_usd_mwh",), (), "as it is now", _same_as("price_usd_mwh")),
)  # fmt: skip
#: Where nothing can be derived: what the point has on a site that knows no such thing.
FALLBACKS: dict[str, float] = {
    "capper_engaged": 0.0,
    "rack_down_frac": 0.0,
    "restart_frac": 0.0,
    "backlog_training_h": 0.0,
    "backlog_batch_h": 0.0,
    "batch_ahead_h": 0.0,
    "dr_active": 0.0,
    "dr_reduction_frac": 0.0,
    "dr_announced_frac": 0.0,
    "dr_starts_in_h": 0.0,
    "dr_ends_in_h": 0.0,
    "chiller_hold_frac": FREE,
    "economizer_hold_frac": FREE,
    "tower_hold_frac": FREE,
    "dry_cooler_pad_on": 0.0,
}


class DerivationData(TypedDict, total=False):
    """How a point is derived, as a manifest says it; ``fallback`` where the rest is not there."""

    reads: list[str]
    meaning: str
    fallback: float


def derivations_of(names: Sequence[str], site: SiteData) -> dict[str, DerivationData]:
    """What a manifest says of the points ``names`` that a building may leave out."""
    found: dict[str, DerivationData] = {}
    for d in DERIVATIONS:
        if d.point in names and set(d.constants) <= set(site):
            found[d.point] = {"reads": list(d.reads), "meaning": d.meaning}
    for name, value in FALLBACKS.items():
        if name in names:
            found[name] = {**found.get(name, {"reads": [], "meaning": "not known"}), "fallback": value}
    return found


class Derived:
    """Fills in what was not measured.

    Parameters
    ----------
    rows : mapping
        Point to its number of rows, of all that a policy reads.
    site : SiteData
    """

    def __init__(self, rows: Mapping[str, int], site: SiteData) -> None:
        self.rows, self.site = dict(rows), site
        self.kept: dict[str, dict[str, Any]] = {}

    def reset(self) -> None:
        """Forget what was followed."""
        self.kept = {}

    def filled(self, given: Mapping[str, Any], passed_s: float, local_s: float) -> tuple[dict[str, Any], list[str]]:
        """Measurements with what could be derived beside them, and the names of that."""
        missing = [name for name in self.rows if name not in given]
        if not missing:
            return dict(given), []
        points = {name: np.asarray(value, np.float64).reshape(np.size(value) and _first(value), -1)
                  for name, value in given.items() if _is_numeric(value)}  # fmt: skip
        made: dict[str, Any] = {}
        for d in DERIVATIONS:
            ready = set(d.reads) <= set(points) and set(d.constants) <= set(self.site) and bool(points)
            if d.point in missing and ready:
                value = d.made(Moment(points, self.site, self.kept.setdefault(d.point, {}), passed_s, local_s))
                points[d.point] = made[d.point] = np.asarray(value, np.float64)
        batch = next(iter(points.values())).shape[-1] if points else 1
        for name in set(missing) & set(FALLBACKS) - set(made):
            made[name] = np.full((self.rows[name], batch), FALLBACKS[name])
        single = all(np.ndim(value) < 2 for value in given.values())
        return {**given, **{n: v[:, 0] if single else v for n, v in made.items()}}, sorted(made)


def _first(value: Any) -> int:
    shape = np.shape(value)
    return shape[0] if shape else 1


def _is_numeric(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fiu" and np.size(value) > 0
    except ValueError:
        return False
