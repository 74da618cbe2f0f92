"""What machine code reads where it lies: tables of which each site reads a row in a step, and matrices of racks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.engine.record import TracedArray

#: What machine code can read, and how LLVM writes it.
POOLED = {"float32": "float", "int16": "i16"}


class Pool:
    """Rows ``(T, C)`` of float32 or int16; of fixed memory, of which no part is copied.

    Parameters
    ----------
    array : ndarray (T, C)
    per_rack : bool
        Whether the columns are racks, or several times all racks.
    """

    __slots__ = ("array", "per_rack")

    def __init__(self, array: NDArray[Any], per_rack: bool = False) -> None:
        self.array, self.per_rack = np.ascontiguousarray(array), per_rack
        if array.dtype.name not in POOLED:
            raise TypeError(f"a pool of {array.dtype} numbers; give one of {', '.join(POOLED)}")

    def rows(self, index: NDArray[np.int64], dtype: DTypeLike) -> Any:
        """Rows ``index (B,)`` with the sites last ``(C, B)``; in a recording, the index is an argument as it came."""
        if isinstance(index, TracedArray):
            return index.recorded_pool(self, self.rows(np.asarray(index), dtype))
        return np.ascontiguousarray(self.array.take(index, axis=0).T, dtype=dtype)


class Matrix:
    """A matrix ``(R, R)`` that is an argument: it multiplies a value for each rack, and is the same for all sites.

    Machine code reads it where it lies, so programs of plants that differ in its numbers are one.

    Parameters
    ----------
    array : ndarray (R, R)
        In the precision of the function.
    """

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = np.ascontiguousarray(array)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Work as the array does; only what a product does with it is known to machine code."""
        return getattr(ufunc, method)(*(x.array if x is self else x for x in inputs), **kwargs)


def pools_of(tree: Any) -> list[Pool | Matrix]:
    """Pools and matrices of a tree, in its order."""
    if isinstance(tree, (Pool, Matrix)):
        return [tree]
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [pool for part in tree for pool in pools_of(part)] if isinstance(tree, tuple) else []
