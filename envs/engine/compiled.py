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
from operator import attrgetter, is_
from typing import Any

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.blocks import BlockPool, BlockSet, BlockShape
from envs.engine.choice import chosen_threads
from envs.engine.lowered import LoweredFunction, Written, flat
from envs.engine.machine_code import packed_entry_point
from envs.engine.pool import Matrix, Pool, pools_of
from envs.engine.program import WHOLE, WIDE

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
    sites : int
    blocks : BlockSet
    """

    __slots__ = ("sites", "blocks", "_written", "_collectors", "_kind", "_fields")

    def __init__(
        self, written: Written, blocks: BlockSet, collectors: dict[str, Callable[[Written], Any]], kind: Any
    ) -> None:
        self.sites, self.blocks = written.sites, blocks
        self._written, self._collectors, self._kind = written, collectors, kind
        self._fields: dict[str, Any] = {}

    def __reduce__(self) -> Any:
        """Copies and pickles are the state itself: its address is good for this object alone."""
        return _itself, (self.tree,)

    def field(self, name: str) -> Any:
        """A field of the state, as views of its blocks."""
        if name not in self._fields:
            self._fields[name] = self._collectors[name](self._written)
        return self._fields[name]

    @property
    def tree(self) -> Any:
        """The state, as views of its blocks."""
        return self._kind(*map(self.field, self._collectors))


class Lazy:
    """A named tuple of results whose fields are made when they are asked for."""

    def __init__(
        self, written: Written, blocks: BlockSet, collectors: dict[str, Callable[[Written], Any]], kind: Any
    ) -> None:
        self._written, self._blocks, self._collectors, self._kind = written, blocks, collectors, kind

    def __reduce__(self) -> Any:
        """Copies and pickles are the named tuple."""
        return self._kind, tuple(getattr(self, name) for name in self._collectors)

    def __getattr__(self, name: str) -> Any:
        try:
            collect = self._collectors[name]
        except KeyError:
            raise AttributeError(name) from None
        value = self.__dict__[name] = collect(self._written)
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
        lowered: LoweredFunction | None = None,
        lanes: int | None = None,
        waiting: int = 8,
    ) -> None:
        self.fixed_lanes, self._waiting = lanes, waiting
        self.threads = chosen_threads()
        self.lowered = lowered or LoweredFunction(function, trees)
        self.program, self.dtype = self.lowered.program, self.lowered.dtype
        own = self.lowered.state_parts
        self._state_fields, self._fields = dict(self.lowered.parts[:own]), dict(self.lowered.parts[own:])
        self._batch = 0
        self._seen: dict[int, tuple[Any, int]] = {}  # parts of the arguments as they were packed, and their arrays
        self._held: tuple[list[Any], Held] | None = None

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of fresh blocks.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        result, *_ = self.traced(*trees)
        return result

    def traced(self, *trees: Any) -> tuple[Any, list[tuple[np.ndarray, int]], BlockSet, BlockSet]:
        """As a call; also the blocks that were read, with their addresses, who holds the state's, and what was written.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        held, first = self._held, trees[0]
        resident = held is not None and all(map(is_, parts_of(first), held[0]))
        self._seen.clear()  # whoever calls so may have written to his arrays
        written, blocks = self._run(held[1] if held is not None and resident else first, trees[1:])
        made = [collect(written) for _, collect in self.lowered.parts]
        result = self.lowered.whole(made)
        if self.lowered.resident:
            self._held = parts_of(result[0]), self._held_in(written, blocks)
        state = self._state_read
        firsts = iter(self._state_blocks)
        read = [
            self._own[place] if place in self._own else (state.blocks[k := next(firsts)], state.addresses[k])
            for place in self._order
        ]
        return result, read, state, blocks

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
        written, blocks = self._run(state, trees)
        return self._held_in(written, blocks), Lazy(written, blocks, self._fields, self.lowered.done_kind)

    def _held_in(self, written: Written, blocks: BlockSet) -> Held:
        return Held(written, blocks, self._state_fields, self.lowered.state_kind)

    def _run(self, state: Any, rest: tuple[Any, ...]) -> tuple[Written, BlockSet]:
        """Run the code on a tree, or on a state that is held, and on further trees."""
        if type(state) is Held and state.sites == self._batch:
            at = state.blocks
        else:
            given = flat((state.tree if isinstance(state, Held) else state,))
            self._fit((given or flat(rest))[0].shape[-1])
            at = self._packed_state(given)
        self._pack_rest(rest)
        self._state_read = at
        out = self._pool.get()
        self._call([at.addresses[k] for k in self._state_blocks], out.addresses)
        return out.parts, out

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        if not self.lowered.fits_sites(batch):
            raise OtherShapes(f"{batch} sites; the function holds constants of {self.lowered.sites}")
        lanes = self.fixed_lanes or lanes_for(batch, self.program.double)
        text, scratch = self.lowered.text(lanes)
        self._batch, self._lanes, self._tiles = batch, lanes, -(-batch // lanes)
        self._code = packed_entry_point(text)
        wide = self._tiles * lanes
        self._stride = stride_of(wide, self.dtype)
        self._blocks_for(wide)
        self._shapes = [[(*shape, batch) for shape, _ in self._inputs_of(k)] for k in range(3)]
        self._places, constants = (
            self._rows_for(k, {kind: block for (group, kind), (block, _) in self._own.items() if group == k})
            for k in (1, 2)
        )
        self._pack(self.lowered.constants, constants, 2, 0)
        self._seen.clear()
        self._is_pointed = False
        self._shares = shares_of(self._tiles, self.threads)
        self._scratch = [aligned_block(scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]
        arguments = 2 * len(self._order) + len(self._pool.shapes) + len(self.lowered.pools) + 4
        self._tables = [np.zeros(arguments, np.int64) for _ in self._shares]
        self._addresses = [table.ctypes.data for table in self._tables]

    def _blocks_for(self, wide: int) -> None:
        """Blocks for arguments, and a pool of blocks for results, of ``wide`` sites."""
        program = self.program
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

    def _rows_for(self, group: int, blocks: dict[str, np.ndarray]) -> list[tuple[np.ndarray, int]]:
        """Where each array of a group of arguments goes in its block, and how many rows it has, 0 without an axis."""
        out, at = [], dict.fromkeys((WIDE, WHOLE, ""), 0)
        for shape, kind in self._inputs_of(group):
            count, row, block = prod(shape), at[kind], blocks[kind]
            place = block[row : row + count] if shape else block[row]
            out.append((place, count if len(shape) > 1 else 0))
            at[kind] += count
        return out

    def _inputs_of(self, group: int) -> list[tuple[tuple[int, ...], str]]:
        """Shapes and kinds of a group of arguments; of the function's own constants behind the last."""
        return self.lowered.inputs[group] if group < len(self.lowered.inputs) else []

    def _packed_state(self, arrays: list[np.ndarray]) -> BlockSet:
        """Blocks into which a tree was copied: of those where states are written, if there are such."""
        packed = self._pool.get() if self.lowered.resident else self._own_state
        places = dict(zip(self._state_kinds, (packed.blocks[k] for k in self._state_blocks)))
        self._pack(arrays, self._rows_for(0, places), 0, 0)
        return packed

    def _pack_rest(self, trees: tuple[Any, ...]) -> None:
        """Pack the arguments behind the state, but for parts that are the very objects of the call before."""
        parts = trees[0] if len(trees) == 1 and isinstance(trees[0], tuple) else trees
        seen, at, regrouped = self._seen, 0, False
        for k, part in enumerate(parts):
            fixed = isinstance(part, (tuple, Pool, Matrix))
            if fixed and k in seen and seen[k][0] is part:
                at += seen[k][1]
                continue
            arrays = [part] if type(part) is np.ndarray else flat((part,))
            if arrays:
                self._pack(arrays, self._places, 1, at)
            seen[k] = part, len(arrays)
            at += len(arrays)
            regrouped = regrouped or fixed
        if at != len(self._shapes[1]):
            seen.clear()
            raise OtherShapes("other arguments than those that were recorded")
        if regrouped or not self._is_pointed:
            self._point_at_own(parts)

    def _pack(self, arrays: list[np.ndarray], places: list[tuple[np.ndarray, int]], group: int, at: int) -> None:
        """Copy arrays into the rows of their blocks, from the argument ``at``; empty lanes repeat the last site."""
        n, end = self._batch, at + len(arrays)
        if list(map(_SHAPE, arrays)) != self._shapes[group][at:end]:
            self._seen.clear()
            raise OtherShapes("arguments of other shapes than those that were recorded")
        for (place, count), x in zip(places[at:end], arrays, strict=True):
            place[..., :n] = x.reshape(count, n) if count else x
            if n % self._lanes:
                place[..., n:] = place[..., n - 1 : n]

    def _point_at_own(self, parts: tuple[Any, ...]) -> None:
        """Enter the addresses of what is packed here, and of the pools, into the tables of arguments."""
        self._is_pointed = True
        found = pools_of(parts) if self.lowered.pools else []
        self.pools_read = [found[k] for k in self.lowered.pools]
        read = [self._own[place][1] if place in self._own else 0 for place in self._order]
        pools = [pool.array.ctypes.data for pool in self.pools_read]
        rest = [*[0] * len(self._pool.shapes), *pools, *[self._stride] * (len(read) + 1)]
        for table, (begin, end), (_, scratch) in zip(self._tables, self._shares, self._scratch):
            table[:] = [*read, *rest, begin, end, scratch]

    def _call(self, first: list[int], out: list[int]) -> None:
        places, behind = self._state_at, len(self._order)
        for table in self._tables:
            for k, address in zip(places, first):
                table[k] = address
            table[behind : behind + len(out)] = out
        waiting = [workers(os.getpid(), self.threads).submit(self._code, at) for at in self._addresses[1:]]
        self._code(self._addresses[0])
        for done in waiting:
            done.result()


def _itself(tree: Any) -> Any:
    return tree


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
