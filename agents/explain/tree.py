"""A shallow tree that imitates one setpoint of a policy, and how well it does so on cycles that it was not made from.

Least squares, binary splits on one measurement each [1]. A tree that misses much must not be believed: its fidelity
stands beside it.

References
----------
[1] Breiman, L., Friedman, J., Olshen, R., Stone, C. (1984), Classification and Regression Trees, chapter 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DEPTH = 3
LEAST_LEAF = 12  # cycles in a leaf: an hour of five minutes
BLOCK = 12  # neighbouring cycles are alike: whole hours are kept for the judgement
JUDGED = 4  # every so many-th block


@dataclass(frozen=True)
class Leaf:
    """Cycles that are treated alike: their mean setpoint, and how many they are."""

    value: float
    count: int


@dataclass(frozen=True)
class Split:
    """``below`` where the measurement is at most the threshold, else ``above``."""

    element: int
    threshold: float
    below: Leaf | Split
    above: Leaf | Split


@dataclass(frozen=True)
class Imitation:
    """A tree for one setpoint.

    Attributes
    ----------
    tree : Leaf or Split
    fidelity : float
        Share of the setpoint's variance that it explains on cycles that it was not made from [1]; NaN where the
        setpoint stood still there.
    off : float
        Root mean square of what it misses there [unit of the setpoint].
    """

    tree: Leaf | Split
    fidelity: float
    off: float

    def lines(self, names: Sequence[str], unit: str) -> list[str]:
        """The tree in words, a line each."""
        return _lines(self.tree, names, "" if unit == "1" else f" {unit}", "")


def imitation(seen: Array, setpoint: Array, depth: int = DEPTH) -> Imitation:
    """A tree of measurements ``(T, n)`` for a setpoint ``(T,)``.

    Raises
    ------
    ValueError
        Where there are fewer cycles than two blocks to learn from and one to judge.
    """
    least = BLOCK * JUDGED
    if len(setpoint) < least:
        raise ValueError(f"{len(setpoint)} cycles are too few for a tree, it needs {least}: give a longer log")
    judged = (np.arange(len(setpoint)) // BLOCK) % JUDGED == JUDGED - 1
    tree = _grown(seen[~judged], setpoint[~judged], depth)
    missed = setpoint[judged] - np.array([_value(tree, row) for row in seen[judged]])
    spread = float(np.var(setpoint[judged]))
    fidelity = 1.0 - float(np.mean(missed**2)) / spread if spread > 1e-18 else float("nan")
    return Imitation(tree, fidelity, float(np.sqrt(np.mean(missed**2))))


def _grown(x: Array, y: Array, depth: int) -> Leaf | Split:
    best = _best_split(x, y) if depth > 0 and len(y) >= 2 * LEAST_LEAF else None
    if best is None:
        return Leaf(float(y.mean()), len(y))
    element, threshold = best
    below = x[:, element] <= threshold
    return Split(element, threshold, _grown(x[below], y[below], depth - 1), _grown(x[~below], y[~below], depth - 1))


def _best_split(x: Array, y: Array) -> tuple[int, float] | None:
    """Element and threshold that leave the least squares; None where nothing is gained."""
    n = len(y)
    order = np.argsort(x, axis=0, kind="stable")
    ranked, answers = np.take_along_axis(x, order, axis=0), (y - y.mean())[order]
    sums = np.cumsum(answers, axis=0)[:-1]
    left = np.arange(1, n)[:, None]
    gain = sums**2 / left + sums**2 / (n - left)
    may = (left >= LEAST_LEAF) & (n - left >= LEAST_LEAF) & (np.diff(ranked, axis=0) > 1e-12)
    gain = np.where(may, gain, -1.0)
    at, element = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if gain[at, element] <= 1e-12:
        return None
    return int(element), float(0.5 * (ranked[at, element] + ranked[at + 1, element]))


def _value(tree: Leaf | Split, row: Array) -> float:
    while isinstance(tree, Split):
        tree = tree.below if row[tree.element] <= tree.threshold else tree.above
    return tree.value


def _lines(tree: Leaf | Split, names: Sequence[str], unit: str, indent: str) -> list[str]:
    if isinstance(tree, Leaf):
        return [f"{indent}{tree.value:.4g}{unit} ({tree.count} cycles)"]
    return [
        f"{indent}{names[tree.element]} at most {tree.threshold:.4g}:",
        *_lines(tree.below, names, unit, indent + "  "),
        f"{indent}over it:",
        *_lines(tree.above, names, unit, indent + "  "),
    ]
