"""A function as a program: recorded once, and then good for any number of sites and any lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from envs.engine.layout import Inputs, Layout, batch_of, flat, shape_of
from envs.engine.llvm_text import text_of
from envs.engine.lower import input_kind, is_turned, program_of
from envs.engine.machine_code import packed_entry_point
from envs.engine.pool import pools_of
from envs.engine.record import Node, Recording, TracedArray, Untraceable
from envs.engine.results import Describing, is_fixed
from envs.trees import columns, map_leaves

_RECORDED_SITES = 2


class LoweredFunction(Layout):
    """The program of a function of trees of arrays.

    Parameters
    ----------
    function : callable
    trees : tuple of trees
        Arguments to record the function with; later ones have the same shapes but for the batch.

    Attributes
    ----------
    program : Program
    result_places : list of (slice, bool) or None
        Of each array of the results: its rows among the numbers that are written, those that are written site by site
        behind the others, and whether it is one of these; None for a constant, or of another kind.

    Raises
    ------
    Untraceable
        Where the function holds what only numpy knows.
    """

    def __init__(self, function: Callable[..., Any], trees: tuple[Any, ...]) -> None:
        recording = Recording(loops=True)
        groups: list[int] = []
        inputs: Inputs = ([], [])
        floats = [x.dtype for x in flat(trees) if x.dtype.kind == "f"]
        precision = min([*floats, np.dtype(np.float64)], key=lambda d: d.itemsize)

        def enter(tree: Any, group: int) -> Any:
            def note(x: np.ndarray) -> TracedArray:
                groups.append(group)
                inputs[group].append((x.shape[:-1], input_kind(x.dtype, precision)))
                return recording.input(x)

            return map_leaves(tree, note)

        some = columns(trees, np.arange(_RECORDED_SITES) % batch_of(trees))
        try:
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        except ValueError:  # arrays as wide as the batch inside the function
            recording, some = Recording(loops=True), trees
            groups.clear()
            inputs = ([], [])
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        sites = batch_of(some)
        nodes = recording.nodes_of(result)
        stored = [n for n in nodes if not is_fixed(n, sites)]
        if any((n.operands[0] if is_turned(n) else n).value.shape[-1:] != (sites,) for n in stored):
            raise Untraceable("a result whose last axis is not the batch")
        self.program, self.constants = program_of(recording, stored, groups, pools_of(some))
        own = [(x.shape[:-1], input_kind(x.dtype, precision)) for x in self.constants]
        shape, stored_kinds = shape_of(self.program), self.program.stored
        dtype = np.dtype(np.float64 if shape.double else np.float32)
        fixed = [is_fixed(n, sites) for n in nodes]
        super().__init__(
            shape,
            (*inputs, own) if own else inputs,
            sites,
            self.program.pools,
            Describing(recording, stored_kinds, dtype, sites).described(result),
            [(_scale(n), is_turned(n)) for n in nodes],
            _same_rows(some[0], result, fixed),
        )
        self.result_places = _places_of_results(nodes, fixed, stored_kinds, shape.rows_out)
        self._texts: dict[int, tuple[str, int]] = {}

    def code(self, lanes: int) -> tuple[Callable[[int], None], int]:
        """Machine code for vectors of so many sites, and the bytes of scratch memory of a call."""
        text, scratch = self.text(lanes)
        return packed_entry_point(text), scratch

    def text(self, lanes: int) -> tuple[str, int]:
        """LLVM text for vectors of so many sites, and the bytes of scratch memory of a call."""
        if lanes not in self._texts:
            self._texts[lanes] = text_of(self.program, lanes)
        return self._texts[lanes]


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


def _same_rows(first: Any, result: Any, fixed: list[bool]) -> bool:
    """Whether the first result has the arrays of the first argument, so that its rows can be read in place.

    Arrays that are the same for all sites are ``fixed``: they have no rows.
    """
    if not isinstance(result, tuple) or not isinstance(first, tuple) or not result:
        return False
    arrays = _flat_any(result[0])
    alike = [(x.shape, x.dtype) for x in _flat_any(first)] == [(x.shape, x.dtype) for x in arrays]
    return alike and not any(fixed[: len(arrays)])


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


def _flat_any(tree: Any) -> list[np.ndarray]:
    """Arrays of the tree, recorded ones too."""
    out: list[np.ndarray] = []
    map_leaves(tree, out.append)
    return out
