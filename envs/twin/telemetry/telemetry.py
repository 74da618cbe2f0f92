"""Telemetry of a hall on one even clock: quantities by our names and units, a missing value is NaN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats

MAD_TO_SD = 1.4826  # median absolute deviation to standard deviation, normal distribution


@dataclass(frozen=True, eq=False)
class Telemetry:
    """What was measured, row by row.

    Attributes
    ----------
    start_utc : numpy.datetime64
        End of the first row's interval.
    step_s : float
        Distance of two rows [s]. A row holds the readings at its moment, the means of powers over the step that ends
        there, and the setpoints that were in force in that step.
    values : dict
        Quantity of the table to ``(T, k)``, NaN where missing.
    names : dict
        Quantity to the names of its points in the file, one per row of the quantity.
    """

    start_utc: np.datetime64
    step_s: float
    values: dict[str, Floats]
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of steps T."""
        return len(next(iter(self.values.values())))

    def with_values(self, values: Mapping[str, Floats]) -> Telemetry:
        """The same clock with other values."""
        return replace(self, values=dict(values))

    def part(self, start: int, stop: int) -> Telemetry:
        """Rows ``start`` to ``stop``, the last one excluded."""
        first = self.start_utc + np.timedelta64(round(start * self.step_s), "s")
        cut = {name: value[start:stop] for name, value in self.values.items()}
        return replace(self, start_utc=first, values=cut)

    def missing_frac(self) -> float:
        """Share of readings that are missing."""
        total = sum(v.size for v in self.values.values())
        return float(sum(np.isnan(v).sum() for v in self.values.values()) / max(total, 1))


def bridged(values: Floats, longest: int, hold: bool, step_matters: float = np.inf) -> tuple[Floats, NDArray[np.bool_]]:
    """Fill gaps of an input ``(T, k)``: held or interpolated, the ends with the nearest value.

    Returns
    -------
    tuple
        Filled values, and ``(T,)`` true where any column lacked more than ``longest`` values in a row, or where it
        changed by more than ``step_matters`` while nobody saw when.
    """
    filled, bad = values.copy(), np.zeros(len(values), bool)
    index = np.arange(len(values))
    for k in range(values.shape[1]):
        known = np.flatnonzero(np.isfinite(values[:, k]))
        if not known.size:
            raise ValueError("an input has no value at all; take its point out of the map or mend the file")
        if hold:
            nearest = known[np.maximum(np.searchsorted(known, index, side="right") - 1, 0)]
            filled[:, k] = values[nearest, k]
        else:
            filled[:, k] = np.interp(index, known, values[known, k])
        for start, length in runs(~np.isfinite(values[:, k])):
            before, after = max(start - 1, 0), min(start + length, len(values) - 1)
            if length > longest or abs(filled[after, k] - filled[before, k]) > step_matters:
                bad[start : start + length] = True
    return filled, bad


def runs(flags: NDArray[np.bool_]) -> Sequence[tuple[int, int]]:
    """Start and length of every unbroken run of true values."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b - a)) for a, b in zip(starts, ends)]


def stacked(values: Mapping[str, Any], names: Sequence[str]) -> Floats:
    """Columns of several quantities side by side ``(T, sum k)``."""
    return np.concatenate([np.asarray(values[n], np.float64) for n in names], axis=1)
