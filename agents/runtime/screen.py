"""The quick look at one site's reading: whether all is plainly in order. What is not goes the long way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.runtime.measurements import KELVIN_AT_0_C, WET_OVER_DRY_K
from agents.runtime.plausibility import (
    PERCENT_FROM,
    Watch,
    is_position,
    rate_of,
    rate_share,
)
from agents.runtime.relations import COLDER, Related, Relation
from envs.interface.interface import DRY_BULB, WET_BULB, PointData

Array = NDArray[np.floating]
NUMBERS = ({float}, {float, int})


class Screen:
    """Reads measurements as one list of numbers, if each is surely believed: stricter than `believed` and `Watch`.

    Parameters
    ----------
    points : sequence of PointData
        In the order of the numbers.
    watch : Watch, optional
        Whose checks are made too.
    """

    def __init__(self, points: Sequence[PointData], watch: Watch | None) -> None:
        self.points = [(p["name"], p["rows"]) for p in points]
        self.places = {}
        at = 0
        for name, rows in self.points:
            self.places[name] = range(at, at + rows)
            at += rows
        self.low = np.concatenate([np.full(p["rows"], p["possible"][0]) for p in points])
        self.high = np.concatenate([np.full(p["rows"], _surely_below(p, watch is not None)) for p in points])
        self.rate = np.concatenate([np.full(p["rows"], rate_of(p)) for p in points])
        self.watches = watch is not None
        bulbs = (Relation(DRY_BULB, COLDER, WET_BULB, WET_OVER_DRY_K, ""),)
        self.related = Related(points, bulbs) if watch is None else watch.plainly_related()
        self.before: Array | None = None

    def numbers(self, measurements: Mapping[str, Any], passed_s: float) -> list[float] | None:
        """The reading in order, or None where it wants a closer look."""
        found: list[float] = []
        try:
            for name, rows in self.points:
                value = measurements[name]
                if type(value) is float or type(value) is int:
                    found.append(value)
                    continue
                row = value.tolist() if type(value) is np.ndarray else value
                if type(row) is not list or len(row) != rows:
                    return None
                found += row
        except KeyError:
            return None
        if set(map(type, found)) not in NUMBERS or len(found) != len(self.low):
            return None
        try:
            x = np.array(found, np.float64)
        except OverflowError:  # a whole number of hundreds of digits
            return None
        if not ((x >= self.low) & (x <= self.high)).all() or not self.related.hold(x):
            return None
        if self.watches:
            if self.before is not None and (np.abs(x - self.before) > self.rate * rate_share(passed_s)).any():
                return None
            self.before = x
        return found

    def forget(self) -> None:
        """Begin without a reading before."""
        self.before = None

    def remember(self, given: Mapping[str, Array] | None) -> None:
        """Keep a reading of one site that was believed; None of several."""
        self.before = None
        if given is not None:
            self.before = np.concatenate([given[name][:, 0] for name, _ in self.points]).astype(np.float64)

    def last(self, like: Mapping[str, Array]) -> dict[str, Array] | None:
        """The reading before, by name."""
        if self.before is None or like[self.points[0][0]].shape[-1] != 1:
            return None
        return {name: self.before[list(self.places[name])][:, None] for name, _ in self.points}

    def plain(self) -> list[float] | None:
        """The reading before as plain data."""
        return None if self.before is None else [float(x) for x in self.before]

    def recall(self, plain: Sequence[float] | None) -> None:
        """Go on from what `plain` gave.

        Raises
        ------
        ValueError
            Where it has another length.
        """
        if plain is not None and len(plain) != len(self.low):
            raise ValueError(f"{len(plain)} numbers were read, this bundle reads {len(self.low)}")
        self.before = None if plain is None else np.array(plain, np.float64)


def _surely_below(p: PointData, watchful: bool) -> float:
    """Up to here a reading needs no second look."""
    high = p["possible"][1]
    if p["unit"] == "degC":
        high = min(high, p["possible"][0] + KELVIN_AT_0_C)
    return min(high, PERCENT_FROM) if watchful and is_position(p) else high
