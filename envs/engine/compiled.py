"""A recorded function as machine code: its arguments are packed into blocks of rows, its results are views of others.

Blocks have the shape ``(rows, sites)``. Where the first result has the arrays of the first argument (a state and the
next one), a state that is handed on as it was returned is read where it was written: nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, is_
from typing import Any, NamedTuple

import numpy as np

from envs.engine.blocks import Block
from envs.engine.lowered import LoweredFunction, Written
from envs.engine.program import WHOLE, WIDE
from envs.engine.program_code import ACROSS, ProgramCode
from envs.trees import leaves

_SHAPE = attrgetter("shape")


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


class Traces(NamedTuple):
    """Blocks of one call."""

    read: list[Block]
    written: dict[str, Block]


class CompiledFunction:
    """Machine code of a function of trees of arrays, for any number of sites.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.
    lowered : LoweredFunction, optional
        The function's program, where it is known already.
    waiting : int
        Blocks of results that somebody may hold and that are still used again.

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
        waiting: int = 8,
    ) -> None:
        self.lowered = lowered or LoweredFunction(function, trees)
        self.program, self.dtype = self.lowered.program, self.lowered.dtype
        self._batch, self._waiting = 0, waiting
        self._held: tuple[list[Any], Held] | None = None

    def __call__(self, *trees: Any) -> Any:
        """Return what the function returns, as views of fresh blocks.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        result, _ = self.traced(*trees)
        return result

    def traced(self, *trees: Any) -> tuple[Any, Traces]:
        """As a call, with the blocks that were read and written; arguments stand there until the next call.

        Raises
        ------
        OtherShapes
            Where the function must be recorded anew.
        """
        held, first = self._held, trees[0]
        resident = held is not None and all(map(is_, parts_of(first), held[0]))
        written, traces = self._run(held[1] if held is not None and resident else first, trees[1:])
        made = [collect(written) for _, collect in self.lowered.parts]
        result = self.lowered.whole(made)
        if self.lowered.resident:
            self._held = parts_of(result[0]), Held(written, traces.written, self.lowered.parts[0][1])
        return result, traces

    def owns(self, block: Block) -> bool:
        """Whether a block is overwritten by the next call."""
        return any(block is own for blocks in self._own for own in blocks.values())

    def takes(self, state: Any, rest: tuple[Any, ...]) -> bool:
        """Whether a state that is held, and further trees, have the shapes of what runs now."""
        fits = isinstance(state, Held) and state.written.sites == self._batch
        return fits and tuple(map(_SHAPE, flat_of(rest))) == self._shapes[1]

    def step(self, state: Any, *trees: Any) -> tuple[Held, Lazy]:
        """As the call of a function of a state that gives the next one and a named tuple: both are made when asked for.

        ``state`` is a tree, or what a step has returned.
        """
        written, traces = self._run(state, trees)
        (_, state_of), *fields = self.lowered.parts
        return Held(written, traces.written, state_of), Lazy(written, dict(fields))

    def _run(self, state: Any, rest: tuple[Any, ...]) -> tuple[Written, Traces]:
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
        read = [(self._own[1] if group else first)[kind] for group, kind in self._order]
        out = self.code.run(read)
        n = self._batch
        rows = [out[kind].rows[:, :n] if kind in out else None for kind in ("", WIDE, WHOLE)]
        across = out[ACROSS].rows[:n] if ACROSS in out else None
        return Written(*rows, across, n), Traces(read, out)  # type: ignore[arg-type]

    def _fit(self, batch: int) -> None:
        """Make blocks for a batch."""
        if batch == self._batch:
            return
        program = self.program
        self._batch = batch
        self.code = ProgramCode(program, batch, self.lowered.text, self._waiting)
        self._own: list[dict[str, Block]] = [{}, {}]
        self._order: list[tuple[int, str]] = []
        for k, (rows, kind) in enumerate(zip(program.rows, program.kinds)):
            group = k if not kind else self.lowered.groups_of_typed[k]
            self._own[group][kind] = self.code.block(rows, kind)
            self._order.append((group, kind))
        self._shapes = [tuple((*shape, batch) for shape, _ in given) for given in self.lowered.inputs]
        self._places = [self._rows_for(k) for k in range(2)]

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
        for block in self._own[group].values():
            self.code.fill(block)


def flat_of(trees: tuple[Any, ...]) -> list[np.ndarray]:
    """Arrays of several trees, in their order."""
    out: list[np.ndarray] = []
    leaves(trees, out)
    return out


def parts_of(state: Any) -> list[Any]:
    """What must be the same objects for a state to be the one that was returned: dicts can be written to."""
    return [x for part in state for x in (part.values() if isinstance(part, dict) else (part,))]
