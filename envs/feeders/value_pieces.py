"""The value of work over power, cut into straight pieces that fall in slope: what every way of sharing takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.feeders.graph import Floats, Ints

_FLAT = 1e-9


class Pieces(NamedTuple):
    """Pieces of all outlets' value curves.

    Attributes
    ----------
    outlet : ndarray of int (K,)
        Whose piece it is.
    slope : ndarray (K, 1) or (K, B)
        Value of one more kW [USD/h/kW, or work/kW]; it falls along an outlet's own curve.
    width_kw : ndarray (K, 1) or (K, B)
        Power that the piece takes [kW].
    floor_kw : ndarray (L, 1) or (L, B)
        What no cap takes from an outlet, and what it is promised [kW].
    """

    outlet: Ints
    slope: Floats
    width_kw: Floats
    floor_kw: Floats


def pieces_of_curves(power_kw: Sequence[Floats], value: Sequence[Floats]) -> Pieces:
    """Cut curves into the pieces of their concave hulls; each curve's first point is the outlet's floor.

    Parameters
    ----------
    power_kw, value : sequence of ndarray
        Points of each outlet's curve, power rising [kW]; curves may differ in length.

    Raises
    ------
    ValueError
        Where a curve is empty, not finite, or its power falls.
    """
    outlet: list[int] = []
    slope: list[float] = []
    width: list[float] = []
    for place, (x, y) in enumerate(zip(power_kw, value)):
        if len(x) == 0 or len(x) != len(y) or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError(f"curve {place} has {len(x)} powers and {len(y)} values; give as many finite ones of each")
        if (np.diff(x) < 0.0).any():
            raise ValueError(f"curve {place}: its power falls along its points; sort them by power")
        corners = concave_corners(x, y)
        for a, b in zip(corners[:-1], corners[1:]):
            outlet.append(place)
            slope.append(float((y[b] - y[a]) / (x[b] - x[a])))
            width.append(float(x[b] - x[a]))
    floor = np.array([[x[0]] for x in power_kw], np.float64)
    column = (-1, 1)
    return Pieces(np.array(outlet, np.int64), np.reshape(slope, column), np.reshape(width, column), floor)


def concave_corners(x: Floats, y: Floats) -> list[int]:
    """Corners of the concave hull over points with rising ``x``, up to the first highest ``y``."""
    corners = [0]
    for k in range(1, int(np.argmax(y)) + 1):
        if x[k] <= x[corners[-1]] + _FLAT:
            continue
        while len(corners) > 1 and _turns_up(x, y, corners[-2], corners[-1], k):
            corners.pop()
        corners.append(k)
    return corners


def _turns_up(x: Floats, y: Floats, a: int, b: int, c: int) -> bool:
    return bool((y[b] - y[a]) * (x[c] - x[b]) <= (y[c] - y[b]) * (x[b] - x[a]))
