"""A recorded function as machine code: its arguments are packed into blocks of rows, its results are views of others.

Blocks have the shape ``(rows, sites)``. Where the first result has the arrays of the first argument (a state and the
next one), a state that is handed on as it was returned is read where it was written: nothing is copied.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from math import prod
from operator import is_
from typing import Any, NamedTuple, NoReturn

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.blocks import BlockPool, BlockSet, BlockShape, give_back_freed_memory
from envs.engine.choice import chosen_threads
from envs.engine.held import Held, Lazy
from envs.engine.layout import Layout, flat
from envs.engine.lowered import LoweredFunction
from envs.engine.pool import Matrix, Pool, pools_of
from envs.engine.program import WHOLE, WIDE, Program
from envs.engine.results import Written

_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_LEAST_TILES = 2  # a thread is worth waking for
_MOST_TABLES = 256  # of addresses: one for each pair of blocks that are read and written


class OtherShapes(ValueError):
    """Arguments do not have the shapes of those that were recorded."""


class _Place(NamedTuple):
    """Where an argument is packed."""

    rows: np.ndarray
    """The rows of its block, in the shape of the argument."""
    empty: np.ndarray | None
    """Lanes behind the last site, which repeat it; None where there are none."""
    last: np.ndarray | None


class CompiledFunction:
    """Machine code of a function of trees of arrays, for any number of sites.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.
    lowered : Layout, optional
        The function's program, or what is known of it, where there is that already.
    lanes : int, optional
        Sites of a tile; as many as pay for the batch when left out.
    waiting : int
        Sets of results that somebody may hold and that are used again later.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        trees: tuple[Any, ...],
        lowered: Layout | None = None,
        lanes: int | None = None,
        waiting: int = 8,
    ) -> None:
        self.fixed_lanes, self._waiting = lanes, waiting
        self.threads = chosen_threads()
        self.lowered: Layout = lowered or LoweredFunction(function, trees)
        self.shape, self.dtype = self.lowered.shape, self.lowered.dtype
        self._batch = 0
        self._seen: list[tuple[Any, int]] = []  # parts of the arguments that are packed already, and their arrays
        self.pools_read: list[Pool | Matrix] = []
        self._held: tuple[list[Any], Held] | None = None

    @property
    def program(self) -> Program:
        """The program, where the function was recorded."""
        assert isinstance(self.lowered, LoweredFunction)
        return self.lowered.program

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of fresh blocks.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        result, *_ = self.traced(*trees)
        return result

    def traced(self, *trees: Any) -> tuple[Any, list[tuple[np.ndarray, int]], BlockSet]:
        """As a call; also the blocks that were read, with their addresses, and who holds the state's.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        held, first = self._held, trees[0]
        resident = held is not None and all(map(is_, parts_of(first), held[0]))
        self._seen.clear()  # whoever calls so may have written to his arrays
        blocks = self._run(held[1] if held is not None and resident else first, trees[1:])
        written: Written = blocks.parts
        made = [collect(written) for collect in self.lowered.parts]
        result = self.lowered.whole(made)
        if self.lowered.resident:
            self._held = parts_of(result[0]), Held(blocks, self.lowered.state_fields, self.lowered.state_kind)
        state = self._state_read
        firsts = iter(self._state_blocks)
        read = [
            self._own[place] if place in self._own else (state.blocks[k := next(firsts)], state.addresses[k])
            for place in self._order
        ]
        return result, read, state

    def release(self) -> None:
        """Give back all blocks; the next call makes others."""
        self._batch, self._held = 0, None
        self._seen.clear()
        for name in ("_pool", "_own", "_own_state", "_places", "_scratch", "_state_read"):
            self.__dict__.pop(name, None)

    def step(self, state: Any, *trees: Any) -> tuple[Held, Lazy]:
        """As the call of a function of a state that gives the next one and a named tuple: both are made when asked for.

        ``state`` is a tree, or what a step has returned.
        """
        last, self._held = self._held, None
        if last is not None:  # a call came before: the state that it was given is gone
            give_back_freed_memory()
            if not isinstance(state, Held) and all(map(is_, parts_of(state), last[0])):
                state = last[1]
        blocks = self._run(state, trees)
        return Held(blocks, self.lowered.state_fields, self.lowered.state_kind), self.lowered.lazy(blocks)

    def _run(self, state: Any, rest: tuple[Any, ...]) -> BlockSet:
        """Run the code on a tree, or on a state that is held, and on further trees; what it has written."""
        if type(state) is Held and state.sites == self._batch:
            at = state.blocks
        else:
            given = flat((state.tree if isinstance(state, Held) else state,))
            self._fit((given or flat(rest))[0].shape[-1])
            at = self._packed_state(given)
        self._pack_rest(rest)
        self._state_read = at
        out = self._pool.get()
        self._call(at, out)
        return out

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        if not self.lowered.fits_sites(batch):
            raise OtherShapes(f"{batch} sites; the function holds constants of {self.lowered.sites}")
        lanes = self.fixed_lanes or lanes_for(batch, self.shape.double)
        self._code, scratch = self.lowered.code(lanes)
        self._batch, self.lanes, self._tiles = batch, lanes, -(-batch // lanes)
        wide = self._tiles * lanes
        self._stride = stride_of(wide, self.dtype)
        self._blocks_for(wide)
        self._places, constants = (
            self._rows_for(k, {kind: block for (group, kind), (block, _) in self._own.items() if group == k})
            for k in (1, 2)
        )
        self._pack(self.lowered.constants, constants)
        self._seen.clear()
        self._shares = shares_of(self._tiles, self.threads)
        self._scratch = [aligned_block(scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]
        self._tables: dict[tuple[int, int], list[tuple[np.ndarray, int]]] = {}

    def _blocks_for(self, wide: int) -> None:
        """Blocks for arguments, and a pool of blocks for results, of ``wide`` sites."""
        program = self.shape
        typed = {"": self.dtype, WIDE: np.dtype(np.float64), WHOLE: np.dtype(np.int64)}
        out = {"": program.rows_out, **program.typed_out}
        shapes = [BlockShape(rows, self._stride, typed[kind]) for kind, rows in out.items()]
        across = [BlockShape(wide, program.across, self.dtype)] if program.across else []
        self._pool = BlockPool([*shapes, *across], partial(_written, tuple(out), self._batch), self._waiting)
        kinds = program.kinds
        groups = [k if not kind else self.lowered.groups_of_typed[k] for k, kind in enumerate(kinds)]
        self._order = list(zip(groups, kinds))
        self._state_kinds = [kind for group, kind in self._order if not group]
        self._state_at = [k for k, (group, _) in enumerate(self._order) if not group]
        own = [BlockShape(rows, self._stride, typed[kind]) for rows, kind in zip(program.rows, kinds)]
        rest = [k for k, (group, _) in enumerate(self._order) if group]
        given = BlockSet([own[k] for k in rest])
        self._own = {self._order[k]: place for k, place in zip(rest, zip(given.blocks, given.addresses))}
        if self.lowered.resident:
            self._state_blocks = [list(out).index(kind) for kind in self._state_kinds]
            return
        self._own_state = BlockSet([own[k] for k in self._state_at])
        self._state_blocks = list(range(len(self._state_at)))

    def _rows_for(self, group: int, blocks: dict[str, np.ndarray]) -> list[_Place]:
        """Where each array of a group of arguments goes in its block."""
        out, at, n = [], dict.fromkeys((WIDE, WHOLE, ""), 0), self._batch
        for shape, kind in self._inputs_of(group):
            block = blocks[kind][at[kind] : at[kind] + prod(shape)]
            lanes = (block[:, n:], block[:, n - 1 : n]) if n % self.lanes else (None, None)
            out.append(_Place(block[:, :n].reshape(*shape, n), *lanes))
            at[kind] += prod(shape)
        return out

    def _inputs_of(self, group: int) -> list[tuple[tuple[int, ...], str]]:
        """Shapes and kinds of a group of arguments; of the function's own constants behind the last."""
        return self.lowered.inputs[group] if group < len(self.lowered.inputs) else []

    def _packed_state(self, arrays: list[np.ndarray]) -> BlockSet:
        """Blocks into which a tree was copied: of those where states are written, if there are such."""
        packed = self._pool.get() if self.lowered.resident else self._own_state
        places = dict(zip(self._state_kinds, (packed.blocks[k] for k in self._state_blocks)))
        self._pack(arrays, self._rows_for(0, places))
        return packed

    def _pack_rest(self, trees: tuple[Any, ...]) -> None:
        """Pack the arguments behind the state, but for parts that are the very objects of the call before."""
        parts = trees[0] if len(trees) == 1 and isinstance(trees[0], tuple) else trees
        seen, places, at = self._seen, self._places, 0
        if regrouped := len(seen) != len(parts):
            seen[:] = [(self, 0)] * len(parts)  # what no part is
        for k, part in enumerate(parts):
            known, count = seen[k]
            if part is known:
                at += count
            elif type(part) is np.ndarray:
                self._pack_one(part, places[at])
                at += 1
            elif part:  # not None, and not empty
                arrays = flat((part,))
                self._pack(arrays, places[at : at + len(arrays)])
                at += len(arrays)
                if isinstance(part, (tuple, Pool, Matrix)):  # others can be written to
                    seen[k] = part, len(arrays)
                    regrouped = regrouped or bool(pools_of((part,)))
        if at != len(places):
            self._refuse()
        if regrouped:
            self._tables.clear()
            self.pools_read = [pools_of(parts)[k] for k in self.lowered.pools]

    def _pack(self, arrays: list[np.ndarray], places: list[_Place]) -> None:
        """Copy arrays into the rows of their blocks."""
        if len(arrays) != len(places):
            self._refuse()
        for x, place in zip(arrays, places):
            self._pack_one(x, place)

    def _pack_one(self, x: np.ndarray, place: _Place) -> None:
        rows, empty, last = place
        if x.shape != rows.shape:
            self._refuse()
        rows[...] = x
        if empty is not None:
            empty[...] = last

    def _refuse(self) -> NoReturn:
        self._seen.clear()
        raise OtherShapes("other arguments than those that were recorded, or of other shapes")

    def _call(self, read: BlockSet, out: BlockSet) -> None:
        """Run the code: what is read beside the arguments that are packed here, and what is written."""
        pair = read.addresses[0], out.addresses[0]
        tables = self._tables.get(pair)
        if tables is None:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            tables = self._tables[pair] = self._tables_of(read, out)
        if len(tables) == 1:
            self._code(tables[0][1])
            return
        first, *others = tables
        waiting = [workers(os.getpid(), self.threads).submit(self._code, at) for _, at in others]
        self._code(first[1])
        for done in waiting:
            done.result()

    def _tables_of(self, read: BlockSet, out: BlockSet) -> list[tuple[np.ndarray, int]]:
        """The arguments of the code for each thread, and where they stand."""
        states = (read.addresses[k] for k in self._state_blocks)
        blocks = [self._own[place][1] if place in self._own else next(states) for place in self._order]
        pools = [pool.array.ctypes.data for pool in self.pools_read]
        given = [*blocks, *out.addresses, *pools, *[self._stride] * (len(blocks) + 1)]
        tables = [
            np.array([*given, begin, end, scratch], np.int64)
            for (begin, end), (_, scratch) in zip(self._shares, self._scratch)
        ]
        return [(table, table.ctypes.data) for table in tables]


def _written(kinds: tuple[str, ...], sites: int, blocks: list[np.ndarray]) -> Written:
    """What a set of blocks shows of its sites."""
    rows = {kind: block[:, :sites] for kind, block in zip(kinds, blocks)}
    across = blocks[-1][:sites] if len(blocks) > len(kinds) else None
    return Written(rows[""], rows.get(WIDE), rows.get(WHOLE), across, sites)


def parts_of(state: Any) -> list[Any]:
    """What must be the same objects for a state to be the one that was returned: dicts can be written to."""
    return [x for part in state for x in (part.values() if isinstance(part, dict) else (part,))]


def lanes_for(batch: int, double: bool) -> int:
    """Sites of a tile that pay for a batch."""
    if batch <= _FEW_SITES:
        return 1 if batch == 1 else _FEW_SITES
    return _MOST_LANES if batch >= _MANY_SITES and not double else _SOME_LANES


def stride_of(sites: int, dtype: np.dtype) -> int:
    """Numbers from one row of a block to the next."""
    gap = _ROW_GAP_BYTES if sites * dtype.itemsize % _CACHE_SET_BYTES == 0 else 0
    return sites + gap // dtype.itemsize


def shares_of(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
