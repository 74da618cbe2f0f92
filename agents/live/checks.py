"""Whether readings may be acted on: there, fresh, vouched for, moving, and no faster than things move."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.live.point_map import LiveMap, MappedPoint, Place
from agents.live.reading import Key, Reading, Readings

Measurements = dict[str, NDArray[np.float64]]
LEAST_MIN = 1.0  # what a minute allows may come at once: a sensor that is sampled each minute
CLOCKS_APART_S = 60.0  # a stamp so far in the future shows two clocks that differ; engineering guess


class Unusable(ValueError):
    """Readings that nobody should act on; the text names each point, what was read and what is allowed.

    Attributes
    ----------
    problems : tuple of str
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        super().__init__("; ".join(problems[:5]) + more)


class InputCheck:
    """Turns readings into measurements, and remembers what it needs to see a sensor that hangs or jumps.

    Parameters
    ----------
    site : LiveMap
    stale_s : float
        Oldest believed reading [s].
    """

    def __init__(self, site: LiveMap, stale_s: float) -> None:
        self.site, self.stale_s = site, stale_s
        self._before: dict[Key, Reading] = {}
        self._moved_s: dict[Key, float] = {}
        self._too_fast: set[Key] = set()

    def measurements(self, readings: Readings, now: float) -> Measurements:
        """Measurements ``{name: (rows,)}`` of readings that are all usable.

        Raises
        ------
        Unusable
            Where a point is missing, bad, stale, from the future, frozen or too fast.
        """
        self._too_fast.clear()
        problems: list[str] = []
        values: dict[str, dict[int, float]] = {}
        for point in self.site.points:
            if point.fixed is not None:
                values.setdefault(point.place.key.name, {})[point.place.key.row] = point.fixed
                continue
            problem = self._problem(point.place, readings.get(point.place.key), now) or self._unlike(point, readings)
            problems += [problem] if problem else []
        for setpoint in self.site.setpoints:
            problem = self._problem(setpoint.place, readings.get(setpoint.place.key), now)
            problems += [problem] if problem else []
        self._remember(readings)
        if problems:
            raise Unusable(problems)
        for place in self.site.places():
            values.setdefault(place.key.name, {})[place.key.row] = readings[place.key].value
        return _arrays(values)

    def oldest_s(self, readings: Readings, now: float) -> float:
        """Age of the oldest reading [s]; 0 where there is none."""
        return max((now - r.stamp_s for r in readings.values()), default=0.0)

    def _problem(self, place: Place, reading: Reading | None, now: float) -> str:
        if reading is None:
            return f"{place.key} at {place.address!r} was not read"
        if not reading.good:
            return f"{place.key} at {place.address!r} is bad: {reading.why or 'the building says so'}"
        if not math.isfinite(reading.value):
            return f"{place.key} at {place.address!r} = {reading.value} is no finite number"
        age = now - reading.stamp_s
        if age > self.stale_s:
            return f"{place.key} is {age:.0f} s old, over {self.stale_s:.0f} s"
        if age < -CLOCKS_APART_S:
            return f"{place.key} is stamped {-age:.0f} s in the future; set both clocks by one time server"
        return ""

    def _unlike(self, point: MappedPoint, readings: Readings) -> str:
        key, reading = point.place.key, readings[point.place.key]
        before = self._before.get(key)
        if before is None:
            return ""
        minutes = max((reading.stamp_s - before.stamp_s) / 60.0, 1e-9)
        moved = abs(reading.value - before.value)
        if moved > point.most_per_min * max(minutes, LEAST_MIN):
            self._too_fast.add(key)
            return f"{key} went from {before.value:g} to {reading.value:g} within {minutes:.1f} min, over most_per_min"
        still = reading.stamp_s - self._moved_s.get(key, reading.stamp_s)
        if moved == 0.0 and still > point.still_s:
            return f"{key} shows {reading.value:g} for {still:.0f} s without a change, over still_s"
        return ""

    def _remember(self, readings: Readings) -> None:
        for key, reading in readings.items():
            if not reading.good or not math.isfinite(reading.value):
                continue
            before = self._before.get(key)
            if before is None or before.value != reading.value:
                self._moved_s[key] = reading.stamp_s
            if key not in self._too_fast:  # what was not believed is nothing to hold the next reading against
                self._before[key] = reading


def _arrays(values: dict[str, dict[int, float]]) -> Measurements:
    return {name: np.array([rows[k] for k in sorted(rows)], np.float64) for name, rows in values.items()}


def missing_rows(site: LiveMap, wanted: dict[str, int]) -> list[str]:
    """Points ``{name: rows}`` that a policy reads and the map does not have in full, in words."""
    rows: dict[str, set[int]] = {}
    for key in [p.place.key for p in site.points] + [s.place.key for s in site.setpoints]:
        rows.setdefault(key.name, set()).add(key.row)
    found = []
    for name, count in wanted.items():
        if rows.get(name, set()) != set(range(count)):
            found.append(f"{name}: rows {sorted(rows.get(name, set())) or 'none'}, the policy reads 0..{count - 1}")
    return found
