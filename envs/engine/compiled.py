"""A recorded function as machine code: its arguments are packed into blocks of rows, its results are views of one.

Blocks have the shape ``(rows, sites)``. Where the first result has the arrays of the first argument (a state and the
next one), the block that was written last is read in place: nothing is copied as long as a state is handed on as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from operator import is_
from typing import Any

import numpy as np

from envs.engine.choice import chosen_threads
from envs.engine.llvm_text import text_of
from envs.engine.lower import program_of
from envs.engine.machine_code import entry_point
from envs.engine.program import Program
from envs.engine.record import Node, Recording, TracedArray, Untraceable
from envs.trees import columns, leaves, map_leaves

_RECORDED_SITES = 2
_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_ALIGNMENT = 64
_LEAST_TILES = 2  # a thread is worth waking for
#: Largest difference to the function, of what a number is made of; a check of the code, not of rounding.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
_DIFFERING_SITES = 0.01  # a threshold that is met within rounding may switch a site


class CompiledFunction:
    """Machine code of a function of trees of arrays, for any number of sites.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    """

    def __init__(self, function: Callable[..., Any], trees: tuple[Any, ...]) -> None:
        self.threads = chosen_threads()
        recording = Recording(loops=True)
        groups: list[int] = []
        self._inputs: tuple[list[tuple[int, ...]], ...] = ([], [])

        def enter(tree: Any, group: int) -> Any:
            def note(x: np.ndarray) -> TracedArray:
                groups.append(group)
                self._inputs[group].append(x.shape[:-1])
                return recording.input(x)

            return map_leaves(tree, note)

        batch = _batch_of(trees)
        some = trees if batch <= _RECORDED_SITES else columns(trees, np.arange(_RECORDED_SITES))
        try:
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        except ValueError as reason:  # arrays as wide as the batch inside the function
            raise Untraceable(f"the function does not run on {_RECORDED_SITES} sites alone: {reason}") from reason
        nodes: list[Node] = []
        map_leaves(result, lambda x: nodes.append(recording.node_of(x)))
        self._stored = [n for n in nodes if n.kind != "constant"]
        if any(n.value.shape[-1:] != (_batch_of(some),) for n in self._stored):
            raise Untraceable("a result whose last axis is not the batch")
        self.program: Program = program_of(recording, self._stored, groups)
        self.dtype = np.dtype(np.float64 if self.program.double else np.float32)
        self.scales = [_scale(n) for n in nodes]
        self._collect = _collector(result, recording, self.dtype)
        self._resident = _same_rows(some[0], result)
        self._batch = 0
        self._held: tuple[list[Any], _Block] | None = None

    # ---- calls ------------------------------------------------------------------------------------------------------

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of one fresh block."""
        held, first = self._held, trees[0]
        block = held[1] if held is not None and all(map(is_, _parts(first), held[0])) else None
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
        result = self._collect(out.rows[:, : self._batch], self._batch)
        self._held = (_parts(result[0]), out) if self._resident else None
        return result

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        lanes = _FEW_SITES if batch <= _FEW_SITES else _MOST_LANES if batch >= _MANY_SITES else _SOME_LANES
        if self.program.double:
            lanes = min(lanes, _SOME_LANES)
        text, scratch = text_of(self.program, lanes)
        rows = (*self.program.rows, 0, 0)[:2]
        self._batch, self._lanes, self._tiles = batch, lanes, -(-batch // lanes)
        self._code = entry_point(text, len(self.program.rows))
        self._stride = _stride(self._tiles * lanes, self.dtype)
        self._blocks = [_Block(n, self._stride, self.dtype) for n in rows]
        self._places = [self._rows_for(k) for k in range(2)]
        self._shares = _shares(self._tiles, self.threads)
        self._scratch = [_Block(1, scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]

    def _rows_for(self, group: int) -> list[tuple[np.ndarray, int]]:
        """Where each array of a group of arguments goes in its block, and how many rows it has, 0 without an axis."""
        out, row, block = [], 0, self._blocks[group].rows
        for shape in self._inputs[group]:
            count = int(np.prod(shape))
            place = block[row : row + count, : self._batch] if shape else block[row, : self._batch]
            out.append((place, count if len(shape) > 1 else 0))
            row += count
        return out

    def _pack(self, group: int, arrays: Sequence[np.ndarray]) -> None:
        """Copy arrays into the rows of their block; lanes without a site repeat the last one."""
        n = self._batch
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

    # ---- the check --------------------------------------------------------------------------------------------------

    def agrees(self, expected: Any, found: Any) -> bool:
        """Whether results are those of the function, but for rounding, in nearly every site."""
        tolerance = TOLERANCE[self.dtype.name]
        wrong = np.zeros(self._batch, bool)
        for scale, a, b in zip(self.scales, _flat(expected), _flat(found), strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                return False
            room = tolerance * np.maximum(np.abs(a.astype(np.float64)), max(scale, 1.0))
            same = (np.abs(a.astype(np.float64) - b) <= room) | (a == b) | (np.isnan(a) & np.isnan(b))
            wrong |= ~same.reshape(-1, same.shape[-1]).all(axis=0)
        return float(wrong.mean()) <= _DIFFERING_SITES


def _parts(state: Any) -> list[Any]:
    """What must be the same objects for a state to be the one that was returned: dicts can be written to."""
    return [x for part in state for x in (part.values() if isinstance(part, dict) else (part,))]


def _collector(result: Any, recording: Recording, dtype: np.dtype) -> Callable[[np.ndarray, int], Any]:
    """A function from the block that was written to the tree of results, as views."""
    space: dict[str, Any] = {}
    row = 0

    def named(value: Any) -> str:
        space[f"g{len(space)}"] = value
        return f"g{len(space) - 1}"

    def write(tree: Any) -> str:
        nonlocal row
        if isinstance(tree, np.ndarray):
            node = recording.node_of(tree)
            if node.kind == "constant":
                return named(node.value)
            shape = node.value.shape[:-1]
            start, row = row, row + int(np.prod(shape))
            text = f"o[{start}]" if not shape else f"o[{start}:{row}]"
            if len(shape) > 1:
                text += f".reshape({shape!r} + (n,))"
            return text if node.value.dtype == dtype else f"{text}.astype({named(node.value.dtype)})"
        if isinstance(tree, dict):
            return "{" + ", ".join(f"{k!r}: {write(v)}" for k, v in tree.items()) + "}"
        if isinstance(tree, tuple):
            maker = named(type(tree)) if hasattr(tree, "_fields") else ""
            return f"{maker}({''.join(write(v) + ', ' for v in tree)})"
        return named(tree)

    text = write(result)
    exec(compile(f"def collect(o, n):\n    return {text}\n", "<compiled results>", "exec"), space)
    collect: Callable[[np.ndarray, int], Any] = space["collect"]
    return collect


def _same_rows(first: Any, result: Any) -> bool:
    """Whether the first result has the arrays of the first argument, so that its rows can be read in place."""
    if not isinstance(result, tuple) or not isinstance(first, tuple) or not result:
        return False
    if any(isinstance(x, np.ndarray) and not isinstance(x, TracedArray) for x in _flat_any(result[0])):
        return False
    return [(x.shape, x.dtype) for x in _flat_any(first)] == [(x.shape, x.dtype) for x in _flat_any(result[0])]


def _scale(node: Node) -> float:
    """Size of the numbers that a value is made of: where large ones cancel, so much can be lost."""
    most = float(np.max(np.abs(node.value), initial=0.0)) if node.value.dtype != bool else 1.0
    if node.kind in ("view", "cast", "last", "take", "concat"):
        return max([most, *(_scale(n) for n in node.operands)])
    name = node.detail[0].__name__ if node.kind in ("ufunc", "reduce") else ""
    if name in ("add", "subtract", "negative", "matmul"):
        return max([most, *(_scale(n) for n in node.operands)])
    constants = [n for n in node.operands if n.kind == "constant"]
    if name == "multiply" and len(constants) == 1:
        (other,) = [n for n in node.operands if n is not constants[0]]
        return max(most, float(np.max(np.abs(constants[0].value))) * _scale(other))
    return most


def _batch_of(trees: Any) -> int:
    return _flat(trees)[0].shape[-1]


def _flat(tree: Any) -> list[np.ndarray]:
    out: list[np.ndarray] = []
    leaves(tree, out)
    return out


def _flat_any(tree: Any) -> list[np.ndarray]:
    """Arrays of the tree, recorded ones too."""
    out: list[np.ndarray] = []
    map_leaves(tree, out.append)
    return out


def _stride(sites: int, dtype: np.dtype) -> int:
    gap = _ROW_GAP_BYTES if sites * dtype.itemsize % _CACHE_SET_BYTES == 0 else 0
    return sites + gap // dtype.itemsize


class _Block:
    """Rows of numbers that start on a cache line."""

    __slots__ = ("rows", "address")

    def __init__(self, rows: int, width: int, dtype: np.dtype) -> None:
        size = rows * width * dtype.itemsize
        raw = np.empty(size + _ALIGNMENT, np.uint8)
        address = raw.ctypes.data
        start = -address % _ALIGNMENT
        self.rows = raw[start : start + size].view(dtype).reshape(rows, width)
        self.address = address + start


def _shares(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def _workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
