"""What the loop expects of its next cycle, learnt as it runs, and how often that came true.

A recursive least squares [1] of the change of each target, on what stands still and what is about to move; an interval
from its own last errors. It starts as persistence, needs numpy alone, and claims nothing before it has seen enough.

References
----------
[1] Ljung, L. (1999), System Identification, 2nd ed., Prentice Hall, section 11.2 (forgetting factor).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.live.units import IN_FORCE

Array = NDArray[np.floating]

#: Points whose next value is predicted, where the policy reads them.
TARGETS = ("zone_inlet_max_c", "zone_supply_c", "chw_supply_c", "tcs_supply_c", "facility_power_share")
#: What drives them beside the setpoints.
DRIVERS = ("it_power_share", "wet_bulb_c", "dry_bulb_c", "hour_sin", "hour_cos")
NOMINAL = 0.9  # share of values that an interval is to hold
FORGET = 0.998  # a day of 5 min cycles counts about half; engineering guess
PRIOR = 1.0  # variance of a coefficient before anything was seen; inputs are of the order of 1
LEAST_SCORES, MOST_SCORES = 24, 576  # errors before an interval is told, and errors that it is made from
LEAST_HALF_WIDTH = {"degC": 0.05, "1": 0.001}  # a sensor's last digit


class Forecast(NamedTuple):
    """The next value of one target, and half the width of its interval; NaN before enough was seen."""

    value: float
    half_width: float


class Predictor:
    """Predicts every row of the targets one cycle ahead.

    Parameters
    ----------
    points : mapping of str to (rows, unit, low, high)
        Points that the policy reads.
    channels : sequence of str
        Channels that it writes.
    """

    def __init__(self, points: Mapping[str, tuple[int, str, float, float]], channels: Sequence[str]) -> None:
        self.points = points
        self.channels = [c for c in channels if IN_FORCE + c in points]
        self.targets = [(t, row) for t in TARGETS if t in points for row in range(points[t][0])]
        self.names = [f"{t}[{row}]" for t, row in self.targets]
        size = 2 + len(DRIVERS) + len(self.channels) + 1
        n = len(self.targets)
        self.weights = np.zeros((n, size))
        self.covariance = np.repeat(PRIOR * np.eye(size)[None], n, axis=0)
        self.errors: list[deque[float]] = [deque(maxlen=MOST_SCORES) for _ in self.targets]
        self._inputs: NDArray[np.float64] | None = None
        self._values: NDArray[np.float64] | None = None
        self._last: dict[str, Forecast] = {}

    def forget(self) -> None:
        """Score nothing at the next cycle: the last prediction was of a building that was handed over since."""
        self._inputs, self._last = None, {}

    def score(self, measurements: Mapping[str, Array]) -> dict[str, tuple[float, bool | None]]:
        """Error of the last predictions ``{target: (seen - told, held)}``, learnt from; empty after `forget`.

        ``held`` says whether the interval held the value, None where none was told.
        """
        if self._inputs is None or self._values is None:
            return {}
        seen = self._seen(measurements)
        scores: dict[str, tuple[float, bool | None]] = {}
        for i, name in enumerate(self.names):
            told = self._last[name]
            error = float(seen[i] - told.value)
            held = None if np.isnan(told.half_width) else abs(error) <= told.half_width
            scores[name] = (error, held)
            self.errors[i].append(abs(error))
            self._learn(i, self._inputs[i], (seen[i] - self._values[i]) / self._scale(i))
        self._inputs = None
        return scores

    def predict(self, measurements: Mapping[str, Array], setpoints: Mapping[str, Array]) -> dict[str, Forecast]:
        """Targets at the next cycle where these setpoints hold; kept, to be scored then."""
        self._values, self._inputs = self._seen(measurements), self._features(measurements, setpoints)
        self._last = {
            name: Forecast(float(self._values[i] + self._change(i, self._inputs[i])), self._half_width(i))
            for i, name in enumerate(self.names)
        }
        return dict(self._last)

    def effect(self, measurements: Mapping[str, Array], setpoints: Mapping[str, Array]) -> dict[str, float]:
        """Expected difference of each target at the next cycle, against the setpoints in force staying."""
        moved = self._features(measurements, setpoints)
        stays = self._features(measurements, {})
        return {name: self._change(i, moved[i]) - self._change(i, stays[i]) for i, name in enumerate(self.names)}

    def _seen(self, measurements: Mapping[str, Array]) -> NDArray[np.float64]:
        return np.array([float(measurements[t][row]) for t, row in self.targets])

    def _scale(self, i: int) -> float:
        _, _, low, high = self.points[self.targets[i][0]]
        return 0.1 * (high - low)

    def _share(self, name: str, value: float) -> float:
        _, _, low, high = self.points[name]
        return 2.0 * (value - low) / (high - low) - 1.0

    def _features(self, measured: Mapping[str, Array], setpoints: Mapping[str, Array]) -> NDArray[np.float64]:
        outer = [self._share(d, float(np.mean(measured[d]))) if d in self.points else 0.0 for d in DRIVERS]
        moves, rows = [], []
        for c in self.channels:
            _, _, low, high = self.points[IN_FORCE + c]
            now = np.asarray(measured[IN_FORCE + c], np.float64)
            moves.append(float(np.mean(np.asarray(setpoints.get(c, now), np.float64) - now)) / (0.1 * (high - low)))
        for t, row in self.targets:
            own = self._share(t, float(measured[t][row]))
            pull = 0.0
            if t == "zone_supply_c" and IN_FORCE + "supply_air_temp_setpoint_c" in measured:
                gap = float(measured[IN_FORCE + "supply_air_temp_setpoint_c"][row] - measured[t][row])
                pull = gap / 10.0
            rows.append([1.0, own, *outer, *moves, pull])
        return np.array(rows)

    def _change(self, i: int, inputs: NDArray[np.float64]) -> float:
        return float(self.weights[i] @ inputs) * self._scale(i)

    def _half_width(self, i: int) -> float:
        if len(self.errors[i]) < LEAST_SCORES:
            return float("nan")
        n = len(self.errors[i])
        share = min(1.0, NOMINAL * (n + 1) / n)
        return max(float(np.quantile(self.errors[i], share)), LEAST_HALF_WIDTH[self.points[self.targets[i][0]][1]])

    def _learn(self, i: int, x: NDArray[np.float64], y: float) -> None:
        p = self.covariance[i]
        px = p @ x
        gain = px / (FORGET + x @ px)
        self.weights[i] += gain * (y - self.weights[i] @ x)
        p = (p - np.outer(gain, px)) / FORGET
        p = 0.5 * (p + p.T)
        largest = np.trace(p) / len(p)
        self.covariance[i] = p * min(1.0, 10.0 * PRIOR / largest)


def effect_words(effect: Mapping[str, float], unit_of: Mapping[str, str], forecast: Mapping[str, Forecast]) -> str:
    """Expected effect as one line; what the loop cannot yet tell says so."""
    if any(np.isnan(f.half_width) for f in forecast.values()) or not forecast:
        return "not yet known: too few cycles were scored"
    told = []
    for name, value in effect.items():
        unit = unit_of[name.partition("[")[0]]
        word = "K" if unit == "degC" else "of rated IT power"
        told.append(f"{name} {value:+.3f} {word} (+-{forecast[name].half_width:.3f})")
    return ", ".join(told)
