"""The periodic cubic spline through a dozen knots, in numpy: scipy's import would be half of a start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def periodic_spline_slope(knots: Array, values: Array, x: NDArray[Any]) -> Array:
    """Slope of the periodic cubic spline through ``values`` at ``knots``.

    Parameters
    ----------
    knots : ndarray, shape (n,)
        Rising; the period is from the first to the last. At least four.
    values : ndarray, shape (n,)
        At the knots; the last equals the first.
    x : ndarray
        Within the period, of any shape.

    Returns
    -------
    ndarray
        Per unit of ``knots``, of the shape of ``x``.
    """
    dx = np.diff(knots)
    chord = np.diff(values) / dx
    slope = _slopes_at_knots(dx, chord)
    bend = (slope[:-1] + slope[1:] - 2.0 * chord) / dx
    cubic, square, linear = bend / dx, (chord - slope[:-1]) / dx - bend, slope[:-1]
    piece = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(dx) - 1)
    t = x - knots[piece]
    return linear[piece] + square[piece] * t * 2.0 + cubic[piece] * (t * t) * 3.0


def _slopes_at_knots(dx: Array, chord: Array) -> Array:
    """Slopes ``(n,)`` at which the second derivative is continuous, over the period's end too.

    With ``h_i`` and ``m_i`` width and chord of piece ``i``, indices going round, slopes ``s`` solve
    ``h_i s_(i-1) + 2 (h_(i-1) + h_i) s_i + h_(i-1) s_(i+1) = 3 (h_i m_(i-1) + h_(i-1) m_i)`` (de Boor 1978, ch. IV).
    The last unknown is taken out of the ring; what is left is tridiagonal.
    """
    before, chord_before = np.roll(dx, 1), np.roll(chord, 1)
    diagonal, right = 2.0 * (before + dx), 3.0 * (dx * chord_before + before * chord)
    of_last = np.zeros(len(dx) - 1)
    of_last[0], of_last[-1] = -dx[0], -dx[-3]
    free, by_last = (_tridiagonal(dx[1:-1], diagonal[:-1], before[:-2], b) for b in (right[:-1], of_last))
    last = (right[-1] - dx[-2] * free[0] - dx[-1] * free[-1]) / (
        diagonal[-1] + dx[-2] * by_last[0] + dx[-1] * by_last[-1]
    )
    slopes = np.append(free + last * by_last, last)
    return np.append(slopes, slopes[0])


def _tridiagonal(lower: Array, diagonal: Array, upper: Array, right: Array) -> Array:
    """Solution of a tridiagonal system whose diagonal dominates, by elimination without pivots."""
    d, b = diagonal.copy(), right.copy()
    for i, below in enumerate(lower):
        share = below / d[i]
        d[i + 1] -= share * upper[i]
        b[i + 1] -= share * b[i]
    b[-1] /= d[-1]
    for i in reversed(range(len(upper))):
        b[i] = (b[i] - upper[i] * b[i + 1]) / d[i]
    return b
