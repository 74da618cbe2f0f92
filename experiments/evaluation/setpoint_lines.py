"""What a policy learnt, as lines that an engineer can copy: each setpoint over the outdoor wet bulb, with its R2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.channels import Channel
from experiments.evaluation.score import Column, Table

PREFIX = "line."  # of the score table's columns that are no measures
SUMS = ("n", "x", "xx", "y", "xy", "yy")


class Line(NamedTuple):
    """Least-squares line of a channel's mean setpoint over the wet bulb.

    Attributes
    ----------
    channel : str
    mean : float
        Of the setpoint [its unit].
    at_10_c, per_k : float
        The line at a wet bulb of 10 degC, and its slope.
    r2 : float
        Share of the setpoint's variance that the line explains; nan where it never moves.
    spread : float
        Standard deviation around the line [its unit].
    """

    channel: str
    mean: float
    at_10_c: float
    per_k: float
    r2: float
    spread: float


class SetpointLines:
    """Adds up, step by step in float64, what the lines of all cooling channels need."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.names = [c.name for c in channels if c.kind == "cooling"]
        self.sums: Table = {}

    def add(self, in_force: Mapping[str, NDArray[np.floating]], wet_bulb_c: ArrayLike) -> None:
        """Add one control step: setpoints ``(k, B)`` in force, and the wet bulb ``(B,)``."""
        x = np.asarray(wet_bulb_c, np.float64)
        for name in self.names:
            y = np.asarray(in_force[name], np.float64).mean(axis=0)
            for key, value in zip(SUMS, (np.ones_like(x), x, x * x, y, x * y, y * y)):
                column = f"{PREFIX}{name}.{key}"
                self.sums[column] = self.sums.get(column, 0.0) + value

    def table(self) -> Table:
        """The sums ``(B,)`` by column."""
        return dict(self.sums)


def lines(tables: Sequence[Mapping[str, Column]]) -> list[Line]:
    """The lines of a policy over all episodes of the score tables of its seeds."""
    first = tables[0]
    names = [c.removeprefix(PREFIX).removesuffix(".n") for c in first if c.startswith(PREFIX) and c.endswith(".n")]
    return [_line(name, [sum(float(t[f"{PREFIX}{name}.{k}"].sum()) for t in tables) for k in SUMS]) for name in names]


def _line(name: str, sums: Sequence[float]) -> Line:
    n, x, xx, y, xy, yy = sums
    mean_x, mean_y = x / n, y / n
    var_x, var_y = xx / n - mean_x**2, yy / n - mean_y**2
    both = xy / n - mean_x * mean_y
    if var_y <= 1e-12 * max(mean_y**2, 1.0) or var_x <= 1e-9:
        return Line(name, mean_y, mean_y, 0.0, float("nan"), float(np.sqrt(max(var_y, 0.0))))
    slope = both / var_x
    r2 = min(both**2 / (var_x * var_y), 1.0)
    spread = float(np.sqrt(max(var_y * (1.0 - r2), 0.0)))
    return Line(name, mean_y, mean_y + slope * (10.0 - mean_x), slope, r2, spread)
