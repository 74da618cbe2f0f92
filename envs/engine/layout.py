"""What calls of a function's machine code need to know of it: where arguments stand, and what results are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from envs.engine.held import lazy_class
from envs.engine.program import Program
from envs.engine.results import Description, Made, collector, rows_among_numbers
from envs.trees import leaves

#: Largest difference to the function, of what a number is made of; a check of the code, not of rounding.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
_DIFFERING_SITES = 0.01  # a threshold that is met within rounding may switch a site
_STEEP, _STEEP_SITES = 10.0, 0.1  # where a result is steep, rounding moves it by so many tolerances, in so many sites
Inputs = tuple[list[tuple[tuple[int, ...], str]], ...]


class ProgramShape(NamedTuple):
    """Blocks of a program, as `Program` has them."""

    double: bool
    rows: tuple[int, ...]
    kinds: tuple[str, ...]
    rows_out: int
    typed_out: dict[str, int]
    across: int


def shape_of(program: Program) -> ProgramShape:
    """The blocks of a program."""
    return ProgramShape(*(getattr(program, name) for name in ProgramShape._fields))


class Layout:
    """Arguments and results of a function in blocks.

    Attributes
    ----------
    shape : ProgramShape
    dtype : dtype
    inputs : tuple of list
        Shapes, without the batch, and kinds of the arrays of the first argument and of the others; behind them those of
        ``constants``, where there are any.
    sites : int
        Of the recording.
    constants : list of ndarray (..., sites)
        What the function itself holds and what differs from site to site: read as further arguments, whose last axis
        is the batch.
    groups_of_typed : dict of int to int
        Which of the two each block of another kind than numbers belongs to.
    pools : list of int
        Which pools of the arguments are read.
    results : Description
    scales : list of (float, bool)
        Of each array of the results: the size of the numbers that it is made of, and whether the sites are first.
    parts : list of callable
        What makes each part of the result of what was written. Of a pair of named tuples, a state and what else there
        is, the parts are the fields of both; else there is one part.
    state_fields : dict of str to callable
        Parts of the state.
    state_kind, lazy : type
        Classes of the state, and of what else there is; only where there are both.
    resident : bool
        Whether the first result has the arrays of the first argument, so that its rows can be read in place.
    """

    constants: list[np.ndarray]

    def __init__(
        self,
        shape: ProgramShape,
        inputs: Inputs,
        sites: int,
        pools: list[int],
        results: Description,
        scales: list[tuple[float, bool]],
        resident: bool,
    ) -> None:
        self.shape, self.inputs, self.sites, self.pools = shape, inputs, sites, pools
        self.results, self.scales, self.resident = results, scales, resident
        self.dtype = np.dtype(np.float64 if shape.double else np.float32)
        typed = [group for group, given in enumerate(inputs) for _ in {kind for _, kind in given if kind}]
        self.groups_of_typed = {shape.kinds.count("") + k: group for k, group in enumerate(typed)}
        self.state_fields: dict[str, Callable[[Any], Any]] = {}
        self.state_kind: Any = None
        pair = results.parts if isinstance(results, Made) and results.kind is None else ()
        if len(pair) != 2 or not all(isinstance(x, Made) and x.kind for x in pair):
            self.parts = [collector(results)]
            return
        state, done = pair
        self.state_kind = state.kind
        self.state_fields, fields = ({n: collector(x) for n, x in zip(p.kind._fields, p.parts)} for p in pair)
        rows = {n: rows_among_numbers(x) for n, x in zip(done.kind._fields, done.parts)}
        self.lazy = lazy_class(done.kind, fields, {name: where for name, where in rows.items() if where})
        self.parts = [*self.state_fields.values(), *fields.values()]

    def whole(self, made: list[Any]) -> Any:
        """The result from its parts."""
        if not self.state_fields:
            return made[0]
        own = len(self.state_fields)
        return self.state_kind(*made[:own]), self.lazy._kind(*made[own:])

    def code(self, lanes: int) -> tuple[Callable[[int], None], int]:
        """Machine code for vectors of so many sites, and the bytes of scratch memory of a call."""
        raise NotImplementedError

    def fits(self, trees: tuple[Any, ...]) -> bool:
        """Whether arguments have the shapes of those that were recorded."""
        return self.fits_sites(batch_of(trees)) and all(
            [x.shape[:-1] for x in flat(tree)] == [tuple(shape) for shape, _ in shapes]
            for tree, shapes in zip((trees[0], trees[1:]), self.inputs)
        )

    def fits_sites(self, batch: int) -> bool:
        """Whether the program is good for so many sites: for any, unless constants of its own differ by site."""
        return not self.constants or batch == self.sites

    def agrees(self, expected: Any, found: Any) -> bool:
        """Whether results are those of the function, but for rounding, in nearly every site."""
        tolerance = TOLERANCE[self.dtype.name]
        wrong, far = np.zeros((2, batch_of((expected,))), bool)
        for (scale, turned), a, b in zip(self.scales, flat(expected), flat(found), strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                return False
            room = tolerance * np.maximum(np.abs(a.astype(np.float64)), max(scale, 1.0))
            apart, alike = np.abs(a.astype(np.float64) - b), (a == b) | (np.isnan(a) & np.isnan(b))
            for sites, most in ((wrong, room), (far, _STEEP * room)):
                same = (apart <= most) | alike
                same = same.T if turned else same
                sites |= ~same.reshape(-1, same.shape[-1]).all(axis=0)
        return few_differ(wrong, far)


def few_differ(wrong: np.ndarray, far: np.ndarray) -> bool:
    """Whether so few sites differ that rounding explains it: a tenth by more than the tolerance, 1 % by far more.

    Some results are steep. One unit in the last place of a float32 moves a coolant valve that is nearly open by 1e-4.

    Parameters
    ----------
    wrong, far : ndarray of bool (B,)
        Sites that differ by more than the tolerance, and by more than ten of it.
    """
    return float(wrong.mean()) <= _STEEP_SITES and float(far.mean()) <= _DIFFERING_SITES


def batch_of(trees: Any) -> int:
    """Sites of a tree of arrays, those of its first one."""
    return next(_arrays(trees)).shape[-1]


def _arrays(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (tuple, dict)):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _arrays(part)


def flat(tree: Any) -> list[np.ndarray]:
    """Arrays of a tree, in its order."""
    out: list[np.ndarray] = []
    leaves(tree, out)
    return out
