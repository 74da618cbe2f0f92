"""A series of the world outside: values on an even time grid, with what each stamp and each value means."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from envs.signals.table_file import Column, Table, read_table

__all__ = ["Column", "Kind", "Label", "Series", "Table", "read_series", "read_table"]

Label = Literal["start", "end", "mid"]
Kind = Literal["hold", "interpolate"]
_EDGE_IN_STEPS = {"start": 0.0, "mid": -0.5, "end": -1.0}


@dataclass(frozen=True)
class Series:
    """Values on an even grid, UTC.

    Parameters
    ----------
    start_utc : numpy.datetime64
        The stamp of the first value.
    step_s : float
        Distance of two stamps [s].
    values : numpy.ndarray, shape (T, C)
        float64.
    names : tuple of str
        One per column; each ends in its unit.
    label : {"start", "end", "mid"}
        Which point of its interval a stamp names. A value is worth its interval's mean, so that interpolation places
        it in the middle: "mid" says that the stamp is the moment of the value itself (an instantaneous reading).
    kind : {"hold", "interpolate"}
        "hold": constant over the interval (load, price); "interpolate": linear between the middles (weather).
    """

    start_utc: np.datetime64
    step_s: float
    values: NDArray[np.float64]
    names: tuple[str, ...]
    label: Label = "start"
    kind: Kind = "hold"

    def __post_init__(self) -> None:
        """Refuse what no series can be."""
        if self.label not in _EDGE_IN_STEPS or self.kind not in ("hold", "interpolate"):
            raise ValueError(
                f"Series has label={self.label!r}, kind={self.kind!r}; give label start, end or mid and kind hold or "
                "interpolate"
            )
        if not self.step_s > 0.0:
            raise ValueError(f"Series has step_s = {self.step_s}; give seconds above 0")
        shape = np.shape(self.values)
        if len(shape) != 2 or shape[0] == 0 or shape[1] != len(self.names):
            raise ValueError(f"Series has values of shape {shape}; expected (T >= 1, {len(self.names)}): {self.names}")
        if not np.all(np.isfinite(self.values)):
            row, column = np.argwhere(~np.isfinite(self.values))[0]
            raise ValueError(f"Series '{self.names[column]}' is not finite at row {row}; fill the gap first")

    def __len__(self) -> int:
        """Return the number of values of one column."""
        return int(self.values.shape[0])

    @property
    def duration_s(self) -> float:
        """Seconds covered by the intervals of all values."""
        return len(self) * self.step_s

    @property
    def first_edge_utc(self) -> np.datetime64:
        """The moment the first value's interval begins, UTC."""
        return self.start_utc + _seconds(_EDGE_IN_STEPS[self.label] * self.step_s)

    def column(self, name: str) -> NDArray[np.float64]:
        """One column (T,) by its name."""
        if name not in self.names:
            raise ValueError(f"Series has no column '{name}'; there are {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]

    def part(self, first: int, count: int) -> Series:
        """``count`` values from index ``first`` on."""
        if first < 0 or count < 1 or first + count > len(self):
            raise ValueError(f"part({first}, {count}) leaves the series of {len(self)} values; give one inside it")
        start = self.start_utc + _seconds(first * self.step_s)
        return replace(self, start_utc=start, values=self.values[first : first + count])

    def resample(self, step_s: float) -> Series:
        """Put the same time span on another step; stamps of the result name interval starts.

        "hold": the time mean over each new interval, which preserves the mean of the whole exactly. "interpolate": the
        value at each new interval's start, linear between the middles and held beyond the first and the last one; the
        result's label is "mid" (its stamps are the moments themselves).

        Raises
        ------
        ValueError
            Where the span is not a whole number of new steps.
        """
        count = self.duration_s / step_s if step_s > 0.0 else 0.0
        if count < 1.0 or abs(count - round(count)) > 1e-9 * count:
            raise ValueError(
                f"resample(step_s={step_s:g}): the span of {self.duration_s:g} s is not a whole number of such steps; "
                "choose a step that divides it"
            )
        if self.kind == "hold":
            values = interval_means(self.values, self.step_s, np.arange(round(count) + 1) * step_s)
            return replace(self, start_utc=self.first_edge_utc, step_s=step_s, values=values, label="start")
        middles = (np.arange(len(self)) + 0.5) * self.step_s
        moments = np.arange(round(count)) * step_s
        values = np.stack([np.interp(moments, middles, column) for column in self.values.T], axis=1)
        return replace(self, start_utc=self.first_edge_utc, step_s=step_s, values=values, label="mid")


def _seconds(seconds: float) -> np.timedelta64:
    """Return a time difference of whole milliseconds."""
    return np.timedelta64(round(seconds * 1000.0), "ms")


def interval_means(values: NDArray[np.float64], step_s: float, edges_s: NDArray[Any]) -> NDArray[np.float64]:
    """Return the time means of a held series over other intervals: differences of its running integral.

    Parameters
    ----------
    values : numpy.ndarray, shape (T, C)
        Value i holds from ``i * step_s`` to ``(i + 1) * step_s``.
    step_s : float
        Length of an interval [s].
    edges_s : numpy.ndarray, shape (N + 1,)
        Rising edges of the new intervals [s], within the series.

    Returns
    -------
    numpy.ndarray, shape (N, C)
        Means, unit of ``values``.
    """
    integral = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)]) * step_s
    known_s = np.arange(len(values) + 1) * step_s
    means = [np.diff(np.interp(edges_s, known_s, column)) for column in integral.T]
    return np.stack(means, axis=1) / np.diff(edges_s)[:, None]


def read_series(
    path: str | Path,
    columns: Sequence[Column],
    *,
    time_column: str | Sequence[str] | None = None,
    start_utc: np.datetime64 | None = None,
    step_s: float | None = None,
    utc_offset_h: float = 0.0,
    zone: str = "",
    label: Label = "start",
    others: Collection[str] | None = None,
) -> Series:
    """Read a held series from a CSV or Parquet file: times from ``time_column`` or from ``start_utc`` and ``step_s``.

    Parameters are those of `read_table` and `Series`. Where the file has a time column it decides start and step.
    """
    table = read_table(path, columns, time_column=time_column, utc_offset_h=utc_offset_h, zone=zone, others=others)
    if table.times_utc is not None and table.step_s is not None:
        start_utc, step_s = table.times_utc[0], table.step_s
    if start_utc is None or step_s is None:
        raise ValueError(f"{path}: give time_column, or both start_utc and step_s, so that its values have a time")
    names = tuple(column.name for column in columns)
    values = np.stack([table.columns[name] for name in names], axis=1)
    return Series(start_utc, step_s, values, names, label)
