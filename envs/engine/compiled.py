"""A recorded function as machine code: its arguments are packed into blocks of rows, its results are views of one.

Blocks have the shape ``(rows, sites)``. Where the first result has the arrays of the first argument (a state and the
next one), the block that was written last is read in place: nothing is copied as long as a state is handed on as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from operator import attrgetter, is_
from typing import Any

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.choice import chosen_threads
from envs.engine.lowered import LoweredFunction
from envs.engine.machine_code import entry_point
from envs.trees import leaves

_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_SHAPE = attrgetter("shape")
_LEAST_TILES = 2  # a thread is worth waking for


class OtherShapes(ValueError):
    """Arguments do not have the shapes of those that were recorded."""


class CompiledFunction:
    """Machine code of a function of trees of arrays, for any number of sites.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.
    lowered : LoweredFunction, optional
        The function's program, where it is known already.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    """

    def __init__(
        self, function: Callable[..., Any], trees: tuple[Any, ...], lowered: LoweredFunction | None = None
    ) -> None:
        self.threads = chosen_threads()
        self.lowered = lowered or LoweredFunction(function, trees)
        self.program, self.dtype = self.lowered.program, self.lowered.dtype
        self._batch = 0
        self._held: tuple[list[Any], _Block] | None = None

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of one fresh block.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        held, first = self._held, trees[0]
        block = held[1] if held is not None and all(map(is_, parts_of(first), held[0])) else None
        rest: list[np.ndarray] = []
        leaves(trees[1:], rest)
        if block is None:
            given: list[np.ndarray] = []
            leaves(first, given)
            self._fit((given or rest)[0].shape[-1])
            block = self._blocks[0]
            self._pack(0, given)
        self._pack(1, rest)
        out = _Block(self.program.rows_out, self._stride, self.dtype)
        self._run(block, out)
        result = self.lowered.collect(out.rows[:, : self._batch], self._batch)
        self._held = (parts_of(result[0]), out) if self.lowered.resident else None
        return result

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        lanes = _FEW_SITES if batch <= _FEW_SITES else _MOST_LANES if batch >= _MANY_SITES else _SOME_LANES
        if self.program.double:
            lanes = min(lanes, _SOME_LANES)
        text, scratch = self.lowered.text(lanes)
        rows = (*self.program.rows, 0, 0)[:2]
        self._batch, self._lanes, self._tiles = batch, lanes, -(-batch // lanes)
        self._code = entry_point(text, len(self.program.rows))
        self._stride = _stride(self._tiles * lanes, self.dtype)
        self._blocks = [_Block(n, self._stride, self.dtype) for n in rows]
        self._shapes = [tuple((*shape, batch) for shape in shapes) for shapes in self.lowered.inputs]
        self._places = [self._rows_for(k) for k in range(2)]
        self._shares = _shares(self._tiles, self.threads)
        self._scratch = [_Block(1, scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]

    def _rows_for(self, group: int) -> list[tuple[np.ndarray, int]]:
        """Where each array of a group of arguments goes in its block, and how many rows it has, 0 without an axis."""
        out, row, block = [], 0, self._blocks[group].rows
        for shape in self.lowered.inputs[group]:
            count = int(np.prod(shape))
            place = block[row : row + count, : self._batch] if shape else block[row, : self._batch]
            out.append((place, count if len(shape) > 1 else 0))
            row += count
        return out

    def _pack(self, group: int, arrays: Sequence[np.ndarray]) -> None:
        """Copy arrays into the rows of their block; lanes without a site repeat the last one."""
        n = self._batch
        if tuple(map(_SHAPE, arrays)) != self._shapes[group]:
            raise OtherShapes("arguments of other shapes than those that were recorded")
        for (place, count), x in zip(self._places[group], arrays, strict=True):
            place[...] = x.reshape(count, n) if count else x
        if n % self._lanes:
            rows = self._blocks[group].rows
            rows[:, n:] = rows[:, n - 1 : n]

    def _run(self, block: _Block, out: _Block) -> None:
        blocks = (block, self._blocks[1])[: len(self.program.rows)]
        places = (*(x.address for x in blocks), out.address)
        strides = (self._stride,) * len(places)
        calls = [
            (*places, *strides, first, end, scratch.address)
            for (first, end), scratch in zip(self._shares, self._scratch)
        ]
        if len(calls) == 1:
            self._code(*calls[0])
            return
        waiting = [_workers(os.getpid(), self.threads).submit(self._code, *call) for call in calls[1:]]
        self._code(*calls[0])
        for done in waiting:
            done.result()


def parts_of(state: Any) -> list[Any]:
    """What must be the same objects for a state to be the one that was returned: dicts can be written to."""
    return [x for part in state for x in (part.values() if isinstance(part, dict) else (part,))]


def _stride(sites: int, dtype: np.dtype) -> int:
    gap = _ROW_GAP_BYTES if sites * dtype.itemsize % _CACHE_SET_BYTES == 0 else 0
    return sites + gap // dtype.itemsize


class _Block:
    """Rows of numbers that start on a cache line."""

    __slots__ = ("rows", "address")

    def __init__(self, rows: int, width: int, dtype: np.dtype) -> None:
        block, self.address = aligned_block(rows * width, dtype)
        self.rows = block.reshape(rows, width)


def _shares(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def _workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
