"""What halls have measured: the one type that logs, recorders, calibration, forecasts and planners share.

Needs numpy alone, so that it can run where no simulator is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats

Times = NDArray[np.datetime64]

INLET, COOLING, RACK_POWER = "rack_inlet_c", "cooling_power_kw", "rack_power_kw"  # what a forecast is about
EPOCH = np.datetime64("2000-01-01T00:00:00", "s")
MAD_TO_SD = 1.4826  # median absolute deviation to standard deviation, normal distribution


@dataclass(frozen=True, eq=False)
class Telemetry:
    """Readings of B halls, or of B moments of one hall, on an even clock.

    A row holds what is known at its moment, the end of a control step:

    - temperatures, positions and modes as read at that moment;
    - powers as means over the step that ends there;
    - setpoints that were in force in that step;
    - weather: see the maker. A log and `recorder.true_value_reader` give the weather of the step that ends there;
      `recorder.PointReader` gives the weather as read at the moment, which is that of the step that follows.

    Attributes
    ----------
    values : mapping
        Name to ``(T, k, B)``: time, rows of the quantity, environments. NaN where a reading is missing. Logs use the
        names of `quantities.QUANTITIES`; a core's points have their own names, setpoints as ``in_force.<channel>``.
    step_s : float
        Distance of two rows [s].
    start_utc : ndarray of datetime64[s] (B,)
        Moment of the first row in each environment.
    names : mapping
        Quantity to the names of its points in a file, one per row of the quantity; empty where there was no file.

    Raises
    ------
    ValueError
        Where a quantity has another shape than ``(T, k, B)``, or another T or B than the rest.
    """

    values: Mapping[str, Floats]
    step_s: float
    start_utc: Times
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse quantities that do not fit together."""
        for name, value in self.values.items():
            shape = np.shape(value)
            if len(shape) != 3 or (shape[0], shape[2]) != (self.rows, self.batch):
                raise ValueError(
                    f"telemetry of {name} has shape {shape}; give (T, k, B) = ({self.rows}, k, {self.batch}): time, "
                    "rows of the quantity, and one environment for each start_utc"
                )

    @classmethod
    def of_hall(
        cls,
        values: Mapping[str, Floats],
        step_s: float,
        start_utc: np.datetime64,
        names: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Telemetry:
        """Telemetry of a single hall from quantities ``(T, k)``."""
        deep = {name: value[:, :, None] for name, value in values.items()}
        return cls(deep, step_s, np.array([start_utc], "datetime64[s]"), names or {})

    @property
    def rows(self) -> int:
        """Rows in time T."""
        return len(next(iter(self.values.values()), ()))

    @property
    def batch(self) -> int:
        """Environments B."""
        return len(self.start_utc)

    @property
    def now(self) -> NDArray[np.int64]:
        """Number of the last row ``(B,)``, counted in steps from `EPOCH`: tells old errors from new ones."""
        first_s = (self.start_utc - EPOCH) / np.timedelta64(1, "s")
        return np.rint(first_s / self.step_s).astype(np.int64) + self.rows - 1

    def part(self, start: int, stop: int) -> Telemetry:
        """Rows ``start`` to ``stop``, the last one excluded, as views."""
        cut = {name: value[start:stop] for name, value in self.values.items()}
        return replace(self, values=cut, start_utc=self.start_utc + timespan(start * self.step_s))

    def hall(self, index: int) -> Telemetry:
        """One environment as a batch of one, as views."""
        own = {name: value[:, :, index : index + 1] for name, value in self.values.items()}
        return replace(self, values=own, start_utc=self.start_utc[index : index + 1])

    def series(self) -> dict[str, Floats]:
        """Quantities ``(T, k)`` of a single hall, as views."""
        if self.batch != 1:
            raise ValueError(f"telemetry of {self.batch} environments is no single hall's; take one with hall(index)")
        return {name: value[:, :, 0] for name, value in self.values.items()}

    def with_values(self, values: Mapping[str, Floats]) -> Telemetry:
        """The same clock with other values ``(T, k, B)``."""
        return replace(self, values=dict(values))

    def own_copy(self) -> Telemetry:
        """The same rows in memory of their own."""
        return self.with_values({name: value.copy() for name, value in self.values.items()})

    def missing_frac(self) -> float:
        """Share of readings that are missing."""
        total = sum(v.size for v in self.values.values())
        return float(sum(np.isnan(v).sum() for v in self.values.values()) / max(total, 1))


def moments(telemetry: Telemetry, first: int, stride: int, count: int, before: int, after: int = 0) -> Telemetry:
    """Moments of one hall side by side, as views: the present of moment i is row ``first + i stride``.

    Parameters
    ----------
    telemetry : Telemetry
        Of one hall (a batch of one).
    first, stride, count : int
        Row of the first present, rows between two of them, and their number.
    before, after : int
        Rows up to each present (inclusive), and after it (what came, for fitting and scoring).

    Returns
    -------
    Telemetry
        ``(before + after, k, count)``.
    """
    start, last = first - before + 1, first + (count - 1) * stride + after
    if telemetry.batch != 1 or start < 0 or last >= telemetry.rows or count < 1:
        raise ValueError(
            f"moments at rows {first} + i {stride}, i < {count}, with {before} rows before and {after} after do not "
            f"fit telemetry of {telemetry.rows} rows and {telemetry.batch} halls; give one hall and longer telemetry"
        )

    def view(values: Floats) -> Floats:
        column = values[start:, :, 0]
        shape = (before + after, column.shape[1], count)
        strides = (column.strides[0], column.strides[1], column.strides[0] * stride)
        return np.lib.stride_tricks.as_strided(column, shape, strides, writeable=False)

    begin = telemetry.start_utc[0] + timespan((start + stride * np.arange(count)) * telemetry.step_s)
    return replace(telemetry, values={n: view(v) for n, v in telemetry.values.items()}, start_utc=begin)


def joined_batch(parts: Sequence[Telemetry]) -> Telemetry:
    """Environments of several pieces of telemetry with the same rows, in one batch."""
    values = {n: np.concatenate([p.values[n] for p in parts], axis=-1) for n in parts[0].values}
    return replace(parts[0], values=values, start_utc=np.concatenate([p.start_utc for p in parts]))


def timespan(duration_s: Any) -> Any:
    """Durations [s] as ``timedelta64[s]``, rounded."""
    return np.rint(duration_s).astype("timedelta64[s]")


def stacked_columns(values: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float64]:
    """Columns of several quantities ``(T, k)`` side by side ``(T, sum k)``."""
    return np.concatenate([np.asarray(values[n], np.float64) for n in names], axis=1)
