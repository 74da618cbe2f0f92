"""A recorded function as machine code: its arguments are packed into blocks of rows, its results are views of others.

Blocks have the shape ``(rows, sites)``. Where the first result has the arrays of the first argument (a state and the
next one), a state that is handed on as it was returned is read where it was written: nothing is copied.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from operator import attrgetter, is_
from typing import Any

import numpy as np

from envs.engine.blocks import Block, BlockPool
from envs.engine.choice import chosen_threads
from envs.engine.lowered import LoweredFunction, Written
from envs.engine.machine_code import packed_entry_point
from envs.engine.program import WHOLE, WIDE
from envs.trees import leaves

_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_SHAPE = attrgetter("shape")
_LEAST_TILES = 2  # a thread is worth waking for


class OtherShapes(ValueError):
    """Arguments do not have the shapes of those that were recorded."""


class Held:
    """A state that stands where machine code left it.

    Attributes
    ----------
    tree : tree
        The state, as views.
    """

    def __init__(self, written: Written, blocks: dict[str, Block], collect: Callable[[Written], Any]) -> None:
        self.written, self.blocks, self._collect = written, blocks, collect
        self._tree: Any = None

    @property
    def tree(self) -> Any:
        """The state, as views of its blocks."""
        if self._tree is None:
            self._tree = self._collect(self.written)
        return self._tree


class Lazy:
    """A named tuple of results whose fields are made when they are asked for."""

    def __init__(self, written: Written, collectors: dict[str, Callable[[Written], Any]]) -> None:
        self._written, self._collectors = written, collectors

    def __getattr__(self, name: str) -> Any:
        try:
            collect = self._collectors[name]
        except KeyError:
            raise AttributeError(name) from None
        value = collect(self._written)
        self.__dict__[name] = value
        return value


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
        self._held: tuple[list[Any], Held] | None = None

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of fresh blocks.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        held, first = self._held, trees[0]
        resident = held is not None and all(map(is_, _parts(first), held[0]))
        written, blocks = self._run(held[1] if held is not None and resident else first, trees[1:])
        made = [collect(written) for _, collect in self.lowered.parts]
        result = self.lowered.whole(made)
        if self.lowered.resident:
            self._held = _parts(result[0]), Held(written, blocks, self.lowered.parts[0][1])
        return result

    def takes(self, state: Any, rest: tuple[Any, ...]) -> bool:
        """Whether a state that is held, and further trees, have the shapes of what runs now."""
        fits = isinstance(state, Held) and state.written.sites == self._batch
        return fits and tuple(map(_SHAPE, flat_of(rest))) == self._shapes[1]

    def step(self, state: Any, *trees: Any) -> tuple[Held, Lazy]:
        """As the call of a function of a state that gives the next one and a named tuple: both are made when asked for.

        ``state`` is a tree, or what a step has returned.
        """
        written, blocks = self._run(state, trees)
        (_, state_of), *fields = self.lowered.parts
        return Held(written, blocks, state_of), Lazy(written, dict(fields))

    def _run(self, state: Any, rest: tuple[Any, ...]) -> tuple[Written, dict[str, Block]]:
        """Run the code on a tree, or on a state that is held, and on further trees."""
        if isinstance(state, Held) and state.written.sites == self._batch:
            first = state.blocks
        else:
            given: list[np.ndarray] = []
            leaves(state.tree if isinstance(state, Held) else state, given)
            self._fit((given or flat_of(rest))[0].shape[-1])
            self._pack(0, given)
            first = self._own[0]
        self._pack(1, flat_of(rest))
        out = {kind: pool.block() for kind, pool in self._pools.items()}
        self._call(first, out)
        n = self._batch
        rows = [out[kind].rows[:, :n] if kind in out else None for kind in ("", WIDE, WHOLE)]
        across = out[_ACROSS].rows[:n] if _ACROSS in out else None
        return Written(*rows, across, n), out  # type: ignore[arg-type]

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        lanes = _FEW_SITES if batch <= _FEW_SITES else _MOST_LANES if batch >= _MANY_SITES else _SOME_LANES
        if self.program.double:
            lanes = min(lanes, _SOME_LANES)
        text, scratch = self.lowered.text(lanes)
        self._batch, self._lanes, self._tiles = batch, lanes, -(-batch // lanes)
        self._code = packed_entry_point(text)
        wide = self._tiles * lanes
        self._stride = _stride(wide, self.dtype)
        program = self.program
        typed = {"": self.dtype, WIDE: np.dtype(np.float64), WHOLE: np.dtype(np.int64)}
        self._pools = {"": BlockPool(program.rows_out, self._stride, self.dtype)}
        for kind, rows in program.typed_out.items():
            self._pools[kind] = BlockPool(rows, self._stride, typed[kind])
        if program.across:
            self._pools[_ACROSS] = BlockPool(wide, program.across, self.dtype)
        self._own: list[dict[str, Block]] = [{}, {}]
        self._order: list[tuple[int, str]] = []
        for k, (rows, kind) in enumerate(zip(program.rows, program.kinds)):
            group = k if not kind else self.lowered.groups_of_typed[k]
            self._own[group][kind] = Block(rows, self._stride, typed[kind])
            self._order.append((group, kind))
        self._shapes = [tuple((*shape, batch) for shape, _ in given) for given in self.lowered.inputs]
        self._places = [self._rows_for(k) for k in range(2)]
        self._shares = _shares(self._tiles, self.threads)
        self._scratch = [Block(1, scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]
        self._seen: list[list[np.ndarray]] = [[], []]

    def _rows_for(self, group: int) -> list[tuple[np.ndarray, int]]:
        """Where each array of a group of arguments goes in its block, and how many rows it has, 0 without an axis."""
        out, at = [], dict.fromkeys(self._own[group], 0)
        for shape, kind in self.lowered.inputs[group]:
            count, row, block = int(np.prod(shape)), at[kind], self._own[group][kind].rows
            place = block[row : row + count, : self._batch] if shape else block[row, : self._batch]
            out.append((place, count if len(shape) > 1 else 0))
            at[kind] += count
        return out

    def _pack(self, group: int, arrays: list[np.ndarray]) -> None:
        """Copy arrays into the rows of their blocks; lanes without a site repeat the last one."""
        n = self._batch
        if tuple(map(_SHAPE, arrays)) != self._shapes[group]:
            raise OtherShapes("arguments of other shapes than those that were recorded")
        for (place, count), x in zip(self._places[group], arrays, strict=True):
            place[...] = x.reshape(count, n) if count else x
        if n % self._lanes:
            for block in self._own[group].values():
                block.rows[:, n:] = block.rows[:, n - 1 : n]

    def _call(self, first: dict[str, Block], out: dict[str, Block]) -> None:
        read = [(self._own[1] if group else first)[kind].address for group, kind in self._order]
        written = [block.address for block in out.values()]
        strides = [self._stride] * (len(read) + 1)
        tables = [
            np.array([*read, *written, *strides, begin, end, scratch.address], np.int64)
            for (begin, end), scratch in zip(self._shares, self._scratch)
        ]
        waiting = [_workers(os.getpid(), self.threads).submit(self._code, t.ctypes.data) for t in tables[1:]]
        self._code(tables[0].ctypes.data)
        for done in waiting:
            done.result()


_ACROSS = "across"


def flat_of(trees: tuple[Any, ...]) -> list[np.ndarray]:
    """Arrays of several trees, in their order."""
    out: list[np.ndarray] = []
    leaves(trees, out)
    return out


def _parts(state: Any) -> list[Any]:
    """What must be the same objects for a state to be the one that was returned: dicts can be written to."""
    return [x for part in state for x in (part.values() if isinstance(part, dict) else (part,))]


def _stride(sites: int, dtype: np.dtype) -> int:
    gap = _ROW_GAP_BYTES if sites * dtype.itemsize % _CACHE_SET_BYTES == 0 else 0
    return sites + gap // dtype.itemsize


def _shares(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def _workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
