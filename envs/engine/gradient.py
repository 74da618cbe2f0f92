"""Vector-Jacobian products of a recorded function of trees of arrays, as machine code.

`Adjoint` runs the function and keeps its arguments. `Pullback` takes cotangents of the results to cotangents of the
arguments by the program of `envs.engine.adjoint`, compiled like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from operator import is_
from typing import Any

import numpy as np

from envs.engine.adjoint import adjoint_of
from envs.engine.blocks import BlockPool, BlockSet, BlockShape
from envs.engine.compiled import CompiledFunction, parts_of
from envs.engine.layout import batch_of, flat
from envs.engine.lowered import LoweredFunction
from envs.engine.program import WHOLE, WIDE
from envs.engine.program_code import ProgramCode, some_lanes
from envs.engine.results import Description, Fixed, Made, Rows, Written, collector

_KEPT_BLOCKS = 128  # of a window: memory that is used again in the next one
Tree = Any


class Adjoint:
    """A function of trees of arrays with its gradient, for any number of sites.

    What is switched by a comparison has the gradient of the branch that was taken.

    Parameters
    ----------
    function : callable
        A pure function of trees of arrays, the sites on their last axis.
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.
    wrt : sequence of int, optional
        Places of the arguments whose cotangents are wanted; all by default. The fewer, the cheaper.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    ValueError
        Where ``wrt`` names no argument.

    Examples
    --------
    >>> adjoint = Adjoint(plant.step, arguments)
    >>> (state, flows), pullback = adjoint(*arguments)
    >>> d_state, d_setpoints, *rest = pullback((d_next_state, d_flows))
    """

    def __init__(self, function: Callable[..., Any], trees: tuple[Tree, ...], wrt: Sequence[int] | None = None) -> None:
        self.wrt = tuple(range(len(trees))) if wrt is None else tuple(wrt)
        if not self.wrt or not all(0 <= k < len(trees) for k in self.wrt):
            raise ValueError(f"wrt = {self.wrt}; give places of arguments, 0 to {len(trees) - 1}")
        self.lowered = LoweredFunction(function, trees)
        self._places = _places(self.lowered.inputs, trees)
        self.places_out = _nested(self.lowered.results, iter(self.lowered.result_places))
        wanted = {
            (place[0], place[1] + row)
            for k in self.wrt
            for place, x in zip(self._places[k], flat(trees[k]), strict=True)
            for row in range(prod(x.shape[:-1]) if place else 0)
            if place
        }
        self.program = adjoint_of(self.lowered.program, lambda group, row: (group, row) in wanted)
        self.function, self.dtype = function, self.lowered.dtype
        self._batches: dict[int, _Batch] = {}

    def __call__(self, *trees: Tree) -> tuple[Tree, Pullback]:
        """Return what the function returns, and the way back.

        Parameters
        ----------
        *trees : tree
            Arguments of the function.

        Raises
        ------
        OtherShapes
            Where the arguments have other shapes than those that were recorded.
        """
        batch = batch_of(trees)
        if batch not in self._batches:
            self._batches[batch] = _Batch(self, trees, batch)
        return self._batches[batch].called(trees)

    def collectors(self, trees: tuple[Tree, ...]) -> list[Callable[[Written], Tree]]:
        """What makes the tree of each wanted argument of rows of cotangents; zeros for what is no number of its kind.

        Those are as many as in ``trees``.
        """
        return [collector(self._described(trees[k], iter(self._places[k]))) for k in self.wrt]

    def _described(self, tree: Tree, places: Iterator[tuple[int, int] | None]) -> Description:
        if isinstance(tree, np.ndarray):
            if (place := next(places)) is None:
                return Fixed(np.broadcast_to(self.dtype.type(0.0), tree.shape))
            first = place[1] + (self.lowered.program.rows[0] if place[0] else 0)
            shape = tree.shape[:-1]
            return Rows("numbers", first, first + prod(shape), shape, "", self.dtype.name)
        if isinstance(tree, dict):
            return {name: self._described(part, places) for name, part in tree.items()}
        if isinstance(tree, tuple):
            parts = tuple(self._described(part, places) for part in tree)
            return Made(type(tree) if hasattr(tree, "_fields") else None, parts)
        return Fixed(tree)


class _Batch:
    """Both ways for one number of sites."""

    def __init__(self, adjoint: Adjoint, trees: tuple[Tree, ...], batch: int) -> None:
        self.adjoint, self.batch = adjoint, batch
        self.collectors = adjoint.collectors(trees)
        lanes = some_lanes(batch, adjoint.lowered.program)
        self.function = CompiledFunction(adjoint.function, trees, adjoint.lowered, lanes, _KEPT_BLOCKS)
        program = adjoint.program
        self.back = ProgramCode(program, batch, _KEPT_BLOCKS)
        typed = {"": self.back.dtype, WIDE: np.dtype(np.float64), WHOLE: np.dtype(np.int64)}
        shapes = [BlockShape(n, self.back.stride, typed[k]) for n, k in zip(program.rows, program.kinds, strict=True)]
        self._kept = BlockPool(shapes[:-2], lambda blocks: None, _KEPT_BLOCKS)
        self.cotangents = _Cotangents(shapes[-1], batch)
        self.handed: tuple[list[Tree], BlockSet] | None = None  # cotangent of the first argument, by the last pullback

    def called(self, trees: tuple[Tree, ...]) -> tuple[Tree, Pullback]:
        """What the function returns, and the way back: what the next call would write over is copied."""
        result, read, state = self.function.traced(*trees)
        own = self._kept.get()
        addresses = []
        for k, (block, address) in enumerate(read):
            if self.adjoint.lowered.resident and any(block is x for x in state.blocks):
                addresses.append(address)
                continue
            np.copyto(own.blocks[k], block)
            addresses.append(own.addresses[k])
        pools = [pool.array for pool in self.function.pools_read]
        return result, Pullback(self, addresses, (own, state, pools))


class _Cotangents:
    """Rows for the cotangents of the results: 0 but where they are given."""

    def __init__(self, shape: BlockShape, sites: int) -> None:
        self._set, self._sites = BlockSet([shape]), sites
        self._filled: list[slice] = []

    def filled(self, places: Any, given: Tree) -> int:
        """Address of the rows, with a tree where its arrays belong and nothing else."""
        for rows in self._filled:
            self._set.blocks[0][rows] = 0.0
        self._filled = []
        self._fill(places, given)
        return self._set.addresses[0]

    def _fill(self, places: Any, given: Tree) -> None:
        """Write a tree into the rows where its arrays belong; nothing below a None."""
        if given is None or places is None:
            return
        if isinstance(places, dict):
            for name, inner in places.items():
                self._fill(inner, given.get(name))
        elif isinstance(places, list):
            for inner, part in zip(places, given, strict=True):
                self._fill(inner, part)
        else:
            rows, turned = places
            block, n = self._set.blocks[0][rows], self._sites
            block[:, :n] = given.T if turned else np.reshape(given, (-1, n))
            block[:, n:] = block[:, n - 1 : n]
            self._filled.append(rows)


class Pullback:
    """The way back from the results of one call to its arguments; it may be gone any number of times."""

    def __init__(
        self,
        batch: _Batch,
        read: list[int],
        kept: tuple[BlockSet, BlockSet, list[np.ndarray]],
    ) -> None:
        self._batch, self._read, self._kept = batch, read, kept

    def __call__(self, cotangents: Tree) -> tuple[Tree, ...]:
        """Cotangents of the arguments of `Adjoint.wrt`, in its order, as trees of the arguments.

        Parameters
        ----------
        cotangents : tree
            Of the results, in the tree that the function returned. None stands for zeros, also of a whole branch.
        """
        ways, adjoint, batch = self._batch, self._batch.adjoint, self._batch.batch
        handed = ways.handed if self._is_handed_on(cotangents) else None
        address = ways.cotangents.filled(adjoint.places_out, (None, *cotangents[1:]) if handed else cotangents)
        of_state = handed[1].addresses[0] if handed else address  # read where the last pullback wrote it
        found = ways.back.run([*self._read, of_state, address], [x.ctypes.data for x in self._kept[-1]])
        written = Written(found.blocks[0][:, :batch], None, None, None, batch)
        made = tuple(collect(written) for collect in ways.collectors)
        resident = adjoint.lowered.resident and adjoint.wrt[0] == 0
        ways.handed = (parts_of(made[0]), found) if resident else None
        return made

    def _is_handed_on(self, cotangents: Tree) -> bool:
        """Whether the cotangent of the state is what the step behind this one handed back."""
        handed = self._batch.handed
        if handed is None or not cotangents or cotangents[0] is None:
            return False
        return all(map(is_, parts_of(cotangents[0]), handed[0]))


def _places(
    inputs: tuple[list[tuple[tuple[int, ...], str]], ...], trees: tuple[Tree, ...]
) -> list[list[tuple[int, int] | None]]:
    """For each argument, the group and the first row of each of its arrays; None for one of another kind."""
    groups = [iter(given) for given in inputs]
    ends = [0, 0]
    places: list[list[tuple[int, int] | None]] = []
    for k, tree in enumerate(trees):
        group, own = min(k, 1), list[tuple[int, int] | None]()
        for _ in flat(tree):
            shape, kind = next(groups[group])
            own.append(None if kind else (group, ends[group]))
            ends[group] += 0 if kind else prod(shape)
        places.append(own)
    return places


def _nested(part: Description, places: Iterator[tuple[slice, bool] | None]) -> Any:
    """Places of arrays, in the tree that they are in: dicts, and lists for tuples."""
    if isinstance(part, Made):
        return [_nested(x, places) for x in part.parts]
    if isinstance(part, dict):
        return {name: _nested(x, places) for name, x in part.items()}
    return next(places) if isinstance(part, Rows) or isinstance(part.value, np.ndarray) else None
