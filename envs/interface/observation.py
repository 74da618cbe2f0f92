"""What an agent sees: the points of a site stacked and scaled to [-1, 1].

No running normaliser: the ranges stand in the table and travel in the exported manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.interface.points import Point

Array = NDArray[np.floating]

_ROW_GAP = 16  # numbers between rows: rows a power of two apart share cache sets, which makes transposing slow


class ObservationEncoder:
    """Stacks named points ``{name: (k, B)}`` and scales them to observations ``(B, n)``.

    Attributes
    ----------
    element_names : tuple of str
        What each of the ``n`` elements is.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points)
        self.slices: dict[str, slice] = {}
        at = 0
        for p in self.points:
            self.slices[p.name] = slice(at, at + p.rows)
            at += p.rows
        self.rows = at
        seen = [p for p in self.points if p.observed]
        self.observed = np.concatenate([np.arange(self.rows)[self.slices[p.name]] for p in seen])
        self.contiguous = bool(np.all(np.diff(self.observed) == 1))
        low = np.concatenate([np.full(p.rows, p.low) for p in seen])
        high = np.concatenate([np.full(p.rows, p.high) for p in seen])
        self.gain = (2.0 / (high - low))[:, None]
        self.offset = (-low * 2.0 / (high - low) - 1.0)[:, None]
        self.size = len(self.observed)
        self.element_names = element_names((p.name, p.rows) for p in seen)

    def stack(self, values: Mapping[str, Array], batch: int, dtype: np.dtype) -> Array:
        """Block ``(rows, B)`` of all points in table order."""
        block = np.empty((self.rows, batch), dtype)
        for name, where in self.slices.items():
            block[where] = values[name]
        return block

    def unstack(self, block: Array) -> dict[str, Array]:
        """Named views ``(k, B)`` into a block."""
        return {name: block[where] for name, where in self.slices.items()}

    def scaled(self, block: Array) -> Array:
        """Rows ``(n, B)`` of a block that are observed, in [-1, 1]: a pure array function."""
        part = block[self.observed[0] : self.observed[-1] + 1] if self.contiguous else block[self.observed]
        seen: Array = part * self.gain.astype(part.dtype) + self.offset.astype(part.dtype)
        return np.minimum(np.maximum(seen, -1.0), 1.0)

    def encode(self, block: Array) -> NDArray[np.float32]:
        """Observations ``(B, n)`` float32 in [-1, 1], a fresh array."""
        return transposed(self.scaled(block))


def transposed(rows: Array) -> NDArray[np.float32]:
    """Rows ``(n, B)`` as a fresh array ``(B, n)`` float32."""
    count, batch = rows.shape
    apart = np.empty((count, batch + _ROW_GAP), np.float32)[:, :batch]
    np.copyto(apart, rows, "same_kind")
    return np.ascontiguousarray(apart.T)


def copied(observation: NDArray[np.floating], out: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Observations ``(B, n)`` in ``out``, or in a fresh array where that is None."""
    if out is None:
        return np.array(observation, np.float32)
    np.copyto(out, observation)
    return out


def element_names(rows_of: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Names of the elements of a box: ``name``, or ``name[row]`` where a name has several rows."""
    return tuple(name if rows == 1 else f"{name}[{k}]" for name, rows in rows_of for k in range(rows))
