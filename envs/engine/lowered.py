"""A function as a program: recorded once, and then good for any number of sites and any lanes."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from envs.engine.held import lazy_class
from envs.engine.llvm_text import text_of
from envs.engine.lower import input_kind, is_turned, program_of
from envs.engine.pool import pools_of
from envs.engine.program import WHOLE, WIDE, Program
from envs.engine.record import Node, Recording, TracedArray, Untraceable
from envs.engine.result_text import result_text
from envs.trees import columns, leaves, map_leaves

_RECORDED_SITES = 2
#: Largest difference to the function, of what a number is made of; a check of the code, not of rounding.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
_DIFFERING_SITES = 0.01  # a threshold that is met within rounding may switch a site


class LoweredFunction:
    """The program of a function of trees of arrays.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.

    Attributes
    ----------
    program : Program
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
    parts : list of (str, callable)
        Parts of the result in their order: its name and what gives it as views of the blocks that were written, see
        `Written`. Of a pair of named tuples, a state and what else there is, the parts are the fields of both; else
        there is one part without a name.
    state_fields : dict of str to callable
        Parts of the state.
    state_kind, lazy : type
        Classes of the state, and of what else there is; only where there are both.
    result_places : list of (slice, bool) or None
        Of each array of the results: its rows among the numbers that are written, those that are written site by site
        behind the others, and whether it is one of these; None for a constant, or of another kind.
    whole : callable
        The result from the list of its parts.
    resident : bool
        Whether the first result has the arrays of the first argument, so that its rows can be read in place.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    """

    def __init__(self, function: Callable[..., Any], trees: tuple[Any, ...]) -> None:
        recording = Recording(loops=True)
        groups: list[int] = []
        self.inputs: tuple[list[tuple[tuple[int, ...], str]], ...] = ([], [])
        floats = [x.dtype for x in flat(trees) if x.dtype.kind == "f"]
        precision = min([*floats, np.dtype(np.float64)], key=lambda d: d.itemsize)

        def enter(tree: Any, group: int) -> Any:
            def note(x: np.ndarray) -> TracedArray:
                groups.append(group)
                self.inputs[group].append((x.shape[:-1], input_kind(x.dtype, precision)))
                return recording.input(x)

            return map_leaves(tree, note)

        some = columns(trees, np.arange(_RECORDED_SITES) % batch_of(trees))
        try:
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        except ValueError:  # arrays as wide as the batch inside the function
            recording, some = Recording(loops=True), trees
            groups.clear()
            self.inputs = ([], [])
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        self.sites = batch_of(some)
        nodes = recording.nodes_of(result)
        stored = [n for n in nodes if not is_fixed(n, self.sites)]
        if any((n.operands[0] if is_turned(n) else n).value.shape[-1:] != (self.sites,) for n in stored):
            raise Untraceable("a result whose last axis is not the batch")
        self.program, self.constants = program_of(recording, stored, groups, pools_of(some))
        own = [(x.shape[:-1], input_kind(x.dtype, precision)) for x in self.constants]
        self.inputs = (*self.inputs, own) if own else self.inputs
        self.pools = self.program.pools
        self.dtype = np.dtype(np.float64 if self.program.double else np.float32)
        typed = [
            (group, kind) for group, given in enumerate(self.inputs) for kind in dict.fromkeys(k for _, k in given if k)
        ]
        self.groups_of_typed = {self.program.kinds.count("") + k: group for k, (group, _) in enumerate(typed)}
        fixed = [is_fixed(n, self.sites) for n in nodes]
        self.result_places = _places_of_results(nodes, fixed, self.program.stored, self.program.rows_out)
        collecting = _Collecting(recording, self.program, self.dtype, self.sites)
        self.parts, own_parts, self.whole = _parts(result, collecting)
        self.resident = _same_rows(some[0], result)
        self.state_fields = dict(self.parts[:own_parts])
        if own_parts:
            self.state_kind: Any = type(result[0])
            self.lazy = lazy_class(type(result[1]), dict(self.parts[own_parts:]), collecting.rows)
        self._scales = [(_scale(n), is_turned(n)) for n in nodes]
        self._texts: dict[int, tuple[str, int]] = {}

    def text(self, lanes: int) -> tuple[str, int]:
        """LLVM text for vectors of so many sites, and the bytes of scratch memory of a call."""
        if lanes not in self._texts:
            self._texts[lanes] = text_of(self.program, lanes)
        return self._texts[lanes]

    def with_program(self, program: Program) -> LoweredFunction:
        """The function by another program, which writes the same rows and more."""
        other = copy(self)
        other.program, other._texts = program, {}
        return other

    def fits(self, trees: tuple[Any, ...]) -> bool:
        """Whether arguments have the shapes of those that were recorded."""
        return self.fits_sites(batch_of(trees)) and all(
            [x.shape[:-1] for x in flat(tree)] == [shape for shape, _ in shapes]
            for tree, shapes in zip((trees[0], trees[1:]), self.inputs)
        )

    def fits_sites(self, batch: int) -> bool:
        """Whether the program is good for so many sites: for any, unless constants of its own differ by site."""
        return not self.constants or batch == self.sites

    def agrees(self, expected: Any, found: Any) -> bool:
        """Whether results are those of the function, but for rounding, in nearly every site."""
        tolerance = TOLERANCE[self.dtype.name]
        wrong = np.zeros(batch_of((expected,)), bool)
        for (scale, turned), a, b in zip(self._scales, flat(expected), flat(found), strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                return False
            room = tolerance * np.maximum(np.abs(a.astype(np.float64)), max(scale, 1.0))
            same = (np.abs(a.astype(np.float64) - b) <= room) | (a == b) | (np.isnan(a) & np.isnan(b))
            same = same.T if turned else same
            wrong |= ~same.reshape(-1, same.shape[-1]).all(axis=0)
        return float(wrong.mean()) <= _DIFFERING_SITES


def _places_of_results(
    nodes: list[Node], fixed: list[bool], kinds: tuple[str, ...], rows_out: int
) -> list[tuple[slice, bool] | None]:
    row, column, left = 0, rows_out, iter(kinds)
    places: list[tuple[slice, bool] | None] = []
    for node, is_alike in zip(nodes, fixed, strict=True):
        if is_alike or next(left):
            places.append(None)
        elif is_turned(node):
            count = int(np.prod(node.operands[0].value.shape[:-1]))
            places.append((slice(column, column := column + count), True))
        else:
            count = int(np.prod(node.value.shape[:-1]))
            places.append((slice(row, row := row + count), False))
    return places


class Written(NamedTuple):
    """What a call has written, for ``sites`` sites."""

    numbers: np.ndarray
    """``(rows, B)``, as all but the last."""
    wide: np.ndarray | None
    whole: np.ndarray | None
    across: np.ndarray | None
    """``(B, columns)``."""
    sites: int


class _Collecting:
    """Writes functions from `Written` to parts of the tree of results, as views; parts in their order."""

    def __init__(self, recording: Recording, program: Program, dtype: np.dtype, sites: int) -> None:
        self.recording, self.dtype, self.sites = recording, dtype, sites
        self._kinds = iter(program.stored)
        self._rows = {"o": 0, "w": 0, "i": 0, "a": 0}
        self._space: dict[str, Any] = {}
        self.rows: dict[str, slice] = {}

    def function(self, part: Any, name: str = "") -> Callable[[Written], Any]:
        """What gives a part of the results."""
        before = dict(self._rows)
        text = self._rows_by_name(part) or result_text(part, self._rows_text, self._named)
        if before | {"o": self._rows["o"]} == self._rows:  # all of it is among the numbers
            self.rows[name] = slice(before["o"], self._rows["o"])
        scope = dict(self._space)
        exec(
            compile(f"def collect(written):\n    o, w, i, a, n = written\n    return {text}\n", "<results>", "exec"),
            scope,
        )
        collect: Callable[[Written], Any] = scope["collect"]
        return collect

    def _rows_by_name(self, part: Any) -> str:
        """Text of a dict of single rows that follow each other: quicker made together; empty for anything else."""
        if not isinstance(part, dict) or not all(isinstance(x, TracedArray) and x.ndim == 1 for x in part.values()):
            return ""
        first, texts = self._rows["o"], [self._rows_text(x) for x in part.values()]
        rows = [f"o[{first + k}]" for k in range(len(texts))]
        if texts == rows:
            return f"dict(zip({self._named(tuple(part))}, o[{first}:{first + len(rows)}]))"
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(part, texts)) + "}"

    def _named(self, value: Any) -> str:
        name = f"g{len(self._space)}"
        self._space[name] = value
        return name

    def _rows_text(self, array: np.ndarray) -> str:
        node = self.recording.node_of(array)
        if is_fixed(node, self.sites):
            return self._named(node.value)
        kind, turned = next(self._kinds), is_turned(node)
        block = "a" if turned else {WIDE: "w", WHOLE: "i"}.get(kind, "o")
        shape = (node.operands[0] if turned else node).value.shape[:-1]
        start = self._rows[block]
        self._rows[block] = end = start + int(np.prod(shape))
        if turned:
            text = f"a[:, {start}:{end}]"
        else:
            text = f"{block}[{start}]" if not shape else f"{block}[{start}:{end}]"
            text += f".reshape({shape!r} + (n,))" if len(shape) > 1 else ""
        found, wanted = {"w": np.dtype(np.float64), "i": np.dtype(np.int64)}.get(block, self.dtype), node.value.dtype
        if found == wanted:
            return text
        how = "view" if block == "i" and wanted == np.uint64 else "astype"
        return f"{text}.{how}({self._named(wanted)})"


def _parts(result: Any, collecting: _Collecting) -> tuple[list[tuple[str, Any]], int, Callable[[list[Any]], Any]]:
    """Parts of a result in their order, how many of them are of a state, and what puts them together."""
    if not (isinstance(result, tuple) and len(result) == 2 and all(hasattr(x, "_fields") for x in result)):
        return [("", collecting.function(result))], 0, lambda made: made[0]
    state, done = result
    named = [*zip(state._fields, state), *zip(done._fields, done)]
    own = len(state)
    parts = [(name, collecting.function(part, name)) for name, part in named]
    return parts, own, lambda made: (type(state)(*made[:own]), type(done)(*made[own:]))


def is_fixed(node: Node, sites: int) -> bool:
    """Whether a result of a recording on so many sites is the same for any number of them."""
    return node.kind == "constant" and node.value.shape[-1:] != (sites,)


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


def batch_of(trees: Any) -> int:
    """Sites of a tree of arrays."""
    return flat(trees)[0].shape[-1]


def flat(tree: Any) -> list[np.ndarray]:
    """Arrays of a tree, in its order."""
    out: list[np.ndarray] = []
    leaves(tree, out)
    return out


def _flat_any(tree: Any) -> list[np.ndarray]:
    """Arrays of the tree, recorded ones too."""
    out: list[np.ndarray] = []
    map_leaves(tree, out.append)
    return out
