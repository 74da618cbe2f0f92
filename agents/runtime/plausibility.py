"""What one number alone does not tell: the order of temperatures, units beside each other, rates, and age.

For the field, where a refused reading hands over to the site's own control. A simulated hall with broken sensors goes
on without (`ExportedPolicy(..., watchful=False)`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.runtime.relations import COLDER, DOWN, FOLLOWS, RELATIONS, WARMER, Related, Relation
from envs.interface.interface import HOTTEST_CHIP, IN_FORCE, PointData

Array = NDArray[np.floating]

#: Shares that follow their setpoint, and how near a share comes to it that was divided by 100 once too often.
SHARES_FOLLOW = {"zone_fan_speed_frac": "crah_fan_speed_frac"}
SHARE_AWAY, SHARE_NEAR = 0.2, 0.05
FAHRENHEIT_AWAY_K, FAHRENHEIT_NEAR_K = 20.0, 4.0  # from its setpoint as read, and as converted; engineering guesses
PERCENT_FROM = 1.05  # of a speed, a position or a state, which no meter's noise lifts
#: Largest change in 300 s that a hall in trouble shows, by the end of a point's name or its unit; engineering guesses,
#: beyond what the simulated plants do under every fault.
RATES_K: tuple[tuple[str, float], ...] = (
    ("dry_bulb_c", 18.0),
    ("wet_bulb_c", 15.0),
    ("chip_max_c", 90.0),
    ("_return_c", 60.0),
    ("inlet_c", 40.0),
    ("inlet_max_c", 40.0),
    ("dew_point_c", 15.0),
    ("_c", 30.0),
)
#: Coolant that stands still in the racks warms by up to 130 K in a step; the hottest chip tells.
COOLANT, HOT_CHIP_C, STANDING_COOLANT_K = "tcs_", 80.0, 200.0
RATE_INTERVAL_S, LEAST_SHARE = 300.0, 0.5  # a shorter step may show so much of it at once
#: However long no reading was believed, a site is held to so many of these intervals: else a sensor in another unit
#: would be believed once it was refused for long enough. After `BELIEVED_S` the old reading says nothing any more.
MOST_SHARE, BELIEVED_S = 2.0, 21_600.0
FUTURE_S = 60.0  # clocks that agree


class Watch:
    """Checks a site's readings against each other, against the last ones, and against the clock.

    Parameters
    ----------
    points : sequence of PointData
        What a policy reads.
    stale_s : float
        Age at which a reading is refused [s].
    """

    def __init__(self, points: Sequence[PointData], stale_s: float) -> None:
        self.points = {p["name"]: p for p in points}
        self.stale_s = stale_s
        self.related = Related(points)
        self.follows = [(a, IN_FORCE + b) for a, b in FOLLOWS.items() if self._same_rows(a, IN_FORCE + b)]
        self.shares_follow = [(a, IN_FORCE + b) for a, b in SHARES_FOLLOW.items() if self._same_rows(a, IN_FORCE + b)]
        self.shares = [name for name, p in self.points.items() if is_position(p)]
        self.rates = {name: rate_of(p) for name, p in self.points.items() if rate_of(p) < np.inf}

    def _same_rows(self, a: str, b: str) -> bool:
        if a not in self.points or b not in self.points:
            return False
        rows = {self.points[a]["rows"], self.points[b]["rows"]}
        return len(rows) == 1 or 1 in rows

    def plainly_related(self) -> Related:
        """What holds where a reading needs no second look: also that nothing is far from its setpoint."""
        near = [Relation(a, WARMER, b, FAHRENHEIT_AWAY_K, "") for a, b in self.follows]
        near += [Relation(a, COLDER, b, SHARE_AWAY, "") for a, b in self.shares_follow]
        return Related(list(self.points.values()), (*RELATIONS, *near))

    def require_fresh(self, times: Mapping[str, float], now: float) -> None:
        """Refuse what is older than ``stale_s``, and what comes from the future.

        Raises
        ------
        ValueError
            Naming the point and its age.
        """
        for name, at in times.items():
            age_s = now - at
            if not -FUTURE_S <= age_s <= self.stale_s:
                raise ValueError(
                    f"{name} is {age_s:.0f} s old, a reading may be {self.stale_s:g} s old; "
                    "check the connection and the clocks, or hand over to the site's own"
                )

    def require(self, seen: Mapping[str, Array], last: Mapping[str, Array] | None, passed_s: float) -> None:
        """Refuse percent, degF, what cannot be beside the rest, and jumps.

        Parameters
        ----------
        seen : mapping
            Points ``{name: (k, B)}``, each possible by itself.
        last : mapping, optional
            The reading before.
        passed_s : float
            Since then [s].

        Raises
        ------
        ValueError
            Naming the point, what was read and what to check.
        """
        for name in self.shares:
            if (seen[name] > PERCENT_FROM).any():
                raise ValueError(f"{name} = {seen[name].max():g} is more than the whole; give a share 0..1, no percent")
        self._require_whole_shares(seen)
        if last is None:  # later on degF is a jump, and a loop that warmed step by step is believed
            self._require_degc(seen)
        if last is not None and passed_s > 0.0:
            self._require_rates(seen, last, passed_s)
        self.related.require(seen)

    def _require_degc(self, seen: Mapping[str, Array]) -> None:
        """Refuse degF: far from its setpoint as read, near it as converted, while no rack is down."""
        calm = np.asarray(seen[DOWN] <= 0.0 if DOWN in seen else True)
        for name, setpoint in self.follows:
            value, held = seen[name], seen[setpoint]
            converted = (value - 32.0) / 1.8
            wrong = (value - held > FAHRENHEIT_AWAY_K) & (np.abs(converted - held) < FAHRENHEIT_NEAR_K) & calm
            if wrong.any():
                raise ValueError(
                    f"{name} = {value[wrong].max():g} degC beside {setpoint} = {held.max():g} degC looks like degF; "
                    "give temperatures in degC"
                )

    def _require_whole_shares(self, seen: Mapping[str, Array]) -> None:
        """Refuse a share that was divided by 100 once too often: far from its setpoint, and near it times 100."""
        for name, setpoint in self.shares_follow:
            value, held = seen[name], seen[setpoint]
            wrong = (held - value > SHARE_AWAY) & (value > 0.0) & (np.abs(100.0 * value - held) < SHARE_NEAR)
            if wrong.any():
                raise ValueError(
                    f"{name} = {value[wrong].max():g} beside {setpoint} = {held.max():g} looks like a share that was "
                    "taken for percent; give a share 0..1"
                )

    def _require_rates(self, seen: Mapping[str, Array], last: Mapping[str, Array], passed_s: float) -> None:
        share = rate_share(passed_s)
        stands = np.asarray(False)
        if HOTTEST_CHIP in seen:
            stands = (seen[HOTTEST_CHIP] > HOT_CHIP_C) | (seen[DOWN] > 0.0 if DOWN in seen else False)
        for name, rate in self.rates.items():
            if name in last and np.shape(last[name]) == seen[name].shape:
                moved = np.abs(seen[name] - last[name])
                most = np.where(stands & name.startswith(COOLANT), STANDING_COOLANT_K, rate) * share
                if (moved > most).any():
                    raise ValueError(
                        f"{name} moved by {moved.max():.1f} K in {passed_s:.0f} s, at most {np.min(most):g} K can be; "
                        "check the sensor, its unit and which point it is"
                    )


def is_position(p: PointData) -> bool:
    """Whether a point is a speed, position or state without a meter's noise: never more than 1."""
    return p["unit"] == "1" and p["low"] >= 0.0 and p["high"] <= 1.0 and p["possible"][0] > -0.01


def rate_share(passed_s: float) -> float:
    """How many rates a point may have moved by since it was believed last [1]."""
    return min(max(passed_s / RATE_INTERVAL_S, LEAST_SHARE), MOST_SHARE)


def rate_of(p: PointData) -> float:
    """Largest change in 300 s; infinite where anything may be."""
    if p["unit"] != "degC" or p["name"].startswith(IN_FORCE):
        return float("inf")
    return next((rate for end, rate in RATES_K if p["name"].endswith(end)), float("inf"))
