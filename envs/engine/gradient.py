"""Vector-Jacobian products of a recorded function of trees of arrays, as machine code.

`Adjoint` runs the function and keeps what the way back needs. `Pullback` takes cotangents of the results to cotangents
of the arguments. Both are programs of `envs.engine.adjoint`, compiled like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from operator import is_
from typing import Any

import numpy as np

from envs.engine.adjoint import adjoint_of
from envs.engine.compiled import OtherShapes, parts_of
from envs.engine.lowered import LoweredFunction, batch_of, flat
from envs.engine.program_code import Block, ProgramCode
from envs.trees import map_leaves

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

    def __init__(
        self, function: Callable[..., Any], trees: tuple[Tree, ...], wrt: Sequence[int] | None = None
    ) -> None:
        self.wrt = tuple(range(len(trees))) if wrt is None else tuple(wrt)
        if not self.wrt or not all(0 <= k < len(trees) for k in self.wrt):
            raise ValueError(f"wrt = {self.wrt}; give places of arguments, 0 to {len(trees) - 1}")
        self.lowered = LoweredFunction(function, trees)
        self.first_rows = _first_rows(trees)
        self._wanted = {(min(k, 1), row) for k in self.wrt for row in _rows_of(trees[k], self.first_rows[k])}
        programs = adjoint_of(self.lowered.program, lambda group, row: (group, row) in self._wanted)
        self._places = [_places(shapes) for shapes in self.lowered.inputs]
        self._held: tuple[list[Tree], Block] | None = None  # results of the last call
        self.handed: tuple[list[Tree], np.ndarray] | None = None  # of the last pullback
        self.plain = ProgramCode(self.lowered.program)
        self.forward, self.backward = ProgramCode(programs.forward), ProgramCode(programs.backward)

    def __call__(self, *trees: Tree, keep: bool = True) -> tuple[Tree, Pullback]:
        """Return what the function returns, and the way back.

        Parameters
        ----------
        *trees : tree
            Arguments of the function.
        keep : bool
            False: the way back keeps the arguments alone, and begins by running the function once more.

        Raises
        ------
        OtherShapes
            Where the arguments have other shapes than those that were recorded.
        """
        if not self.lowered.fits(trees):
            raise OtherShapes("arguments of other shapes than those that were recorded")
        batch, program = batch_of(trees), self.lowered.program
        blocks = [self._known_state(trees[0], batch), self.block((*program.rows, 0)[1], batch)]
        _write(blocks[1], self._places[1], flat(trees[1:]), batch)
        out = (self.forward if keep else self.plain).run(batch, blocks[: len(program.rows)])
        result = self.lowered.collect(out.rows[: program.rows_out, :batch], batch)
        self._held = (parts_of(result[0]), out) if self.lowered.resident else None
        return result, Pullback(self, trees, blocks, out if keep else None, result)

    def _known_state(self, state: Tree, batch: int) -> Block:
        """Block of the first argument: what was written last where it is handed on as it came."""
        if self._held is not None and all(map(is_, parts_of(state), self._held[0])):
            return self._held[1]
        block = self.block(self.lowered.program.rows[0], batch)
        _write(block, self._places[0], flat(state), batch)
        return block

    def block(self, rows: int, batch: int) -> Block:
        """Rows for so many sites."""
        return Block(rows, self.forward.width(batch), self.lowered.dtype)


class Pullback:
    """The way back from the results of one call to its arguments; it may be gone any number of times."""

    def __init__(
        self, adjoint: Adjoint, trees: tuple[Tree, ...], blocks: list[Block], notes: Block | None, result: Tree
    ) -> None:
        self.adjoint, self.blocks = adjoint, blocks
        self._trees, self._notes, self._result = trees, notes, result

    def __call__(self, cotangents: Tree) -> tuple[Tree, ...]:
        """Cotangents of the arguments of `Adjoint.wrt`, in its order, as trees of the arguments.

        Parameters
        ----------
        cotangents : tree
            Of the results, in the tree that the function returned. None stands for zeros, also of a whole branch.
        """
        adjoint, batch, notes = self.adjoint, batch_of(self._trees), self._notes
        if notes is None:
            notes = adjoint.forward.run(batch, self.blocks[: len(adjoint.lowered.program.rows)])
        lowered = adjoint.lowered
        block = adjoint.block(lowered.program.rows_out, batch)
        block.rows[...] = 0.0
        given: list[Tree] = []
        if self._handed_on(cotangents):
            assert adjoint.handed is not None
            count = lowered.program.rows[0]
            block.rows[:count, :batch] = adjoint.handed[1][:count]
            cotangents = (None, *cotangents[1:])
        _align(self._result, cotangents, given)
        for place, x in zip(lowered.result_rows, given, strict=True):
            if place is not None and x is not None:
                block.rows[place, :batch] = np.reshape(x, (-1, batch))
        found = adjoint.backward.run(batch, [*self.blocks, notes, block]).rows[:, :batch]
        first = lowered.program.rows[0]
        back = tuple(
            _tree_of(found[(0 if k == 0 else first) + adjoint.first_rows[k] :], self._trees[k]) for k in adjoint.wrt
        )
        adjoint.handed = (parts_of(back[0]), found) if lowered.resident and adjoint.wrt[0] == 0 else None
        return back

    def _handed_on(self, cotangents: Tree) -> bool:
        """Whether the cotangent of the state is what the step behind this one handed back."""
        if self.adjoint.handed is None or not cotangents or cotangents[0] is None:
            return False
        return all(map(is_, parts_of(cotangents[0]), self.adjoint.handed[0]))


def _first_rows(trees: tuple[Tree, ...]) -> list[int]:
    """First row of each argument in its block: the first has one of its own."""
    rows = [0]
    for tree in trees[1:]:
        rows.append(rows[-1] + _count(tree))
    return [0, *rows[:-1]] if len(trees) > 1 else [0]


def _rows_of(tree: Tree, first: int) -> range:
    return range(first, first + _count(tree))


def _count(tree: Tree) -> int:
    return sum(prod(x.shape[:-1]) for x in flat(tree))


def _places(shapes: Sequence[tuple[int, ...]]) -> list[slice]:
    """Rows of each array of a block."""
    ends = list(accumulate((prod(shape) for shape in shapes), initial=0))
    return [slice(*pair) for pair in zip(ends[:-1], ends[1:])]


def _write(block: Block, places: Sequence[slice], arrays: Sequence[np.ndarray], batch: int) -> None:
    """Copy arrays into the rows of a block; columns without a site repeat the last one."""
    for place, x in zip(places, arrays, strict=True):
        block.rows[place, :batch] = x if x.ndim == 2 else x.reshape(-1, batch)
    block.rows[:, batch:] = block.rows[:, batch - 1 : batch]


def _tree_of(rows: np.ndarray, tree: Tree) -> Tree:
    """Rows as a tree of the shapes of another."""
    row = 0

    def taken(x: np.ndarray) -> np.ndarray:
        nonlocal row
        count = prod(x.shape[:-1])
        row += count
        return rows[row - count : row].reshape(x.shape)

    return map_leaves(tree, taken)


def _align(tree: Tree, given: Tree, out: list[Tree]) -> None:
    """For each array of a tree what another tree has in its place; None below a None."""
    if isinstance(tree, np.ndarray):
        out.append(given)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            _align(part, None if given is None else given.get(name), out)
    elif isinstance(tree, tuple):
        for part, other in zip(tree, (None,) * len(tree) if given is None else given, strict=True):
            _align(part, other, out)
