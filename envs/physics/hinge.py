"""Piecewise linear curves as sums of hinges: no search, no branch, the same on every array engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from envs.physics.namespace import Array, upper


class Hinge(NamedTuple):
    """``f(x) = start + sum_j slopes[j] max(x - breakpoints[j], 0)``.

    Attributes
    ----------
    start : float or array
        Value at and left of the first breakpoint.
    breakpoints, slopes : sequence of float, or array (J, ..., 1)
        Where the slope changes, ascending, and by how much.
    """

    start: Any
    breakpoints: Any
    slopes: Any


def from_points(xs: Sequence[Any], ys: Sequence[Any], hold_right: bool = True) -> Hinge:
    """Curve through points, flat left of the first one.

    Parameters
    ----------
    xs, ys : sequence of float or of array
        At least two points, ``xs`` strictly ascending. Items may be arrays that broadcast (``(R, 1)`` for one curve per
        row); python floats stay python floats and so keep float32 arrays float32.
    hold_right : bool
        Flat right of the last point; else the last slope goes on.

    Raises
    ------
    ValueError
        Where the points are fewer than two or their numbers differ.
    """
    if len(xs) < 2 or len(xs) != len(ys):
        raise ValueError(f"a curve needs two or more points with as many x as y, not {len(xs)} x and {len(ys)} y")
    steep = [(y1 - y0) / (x1 - x0) for x0, x1, y0, y1 in zip(xs[:-1], xs[1:], ys[:-1], ys[1:])]
    changes = [steep[0], *(after - before for before, after in zip(steep[:-1], steep[1:]))]
    breakpoints = list(xs[:-1])
    if hold_right:
        breakpoints.append(xs[-1])
        changes.append(-steep[-1])
    return Hinge(ys[0], breakpoints, changes)


def evaluate(hinge: Hinge, x: Array) -> Array:
    """Value of the curve at ``x``; per-row tables of shape (J, ..., 1) broadcast against ``x`` (..., B).

    Uses ``s max(x - b, 0) = s max(x, b) - s b`` so that the part that does not depend on ``x`` stays small.
    """
    fixed = hinge.start
    moving: Array = 0.0
    for breakpoint, slope in zip(hinge.breakpoints, hinge.slopes):
        fixed = fixed - slope * breakpoint
        moving = moving + slope * upper(x, breakpoint)
    return moving + fixed
