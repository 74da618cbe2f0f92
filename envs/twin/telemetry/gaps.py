"""Gaps in a series: where they are, and values that bridge them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats


def without_gaps(
    values: Floats, longest: int, hold: bool, step_matters: float = np.inf
) -> tuple[Floats, NDArray[np.bool_]]:
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
