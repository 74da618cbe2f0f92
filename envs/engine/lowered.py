"""A function as a program: recorded once, and then good for any number of sites and any lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from envs.engine.llvm_text import text_of
from envs.engine.lower import program_of
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
    inputs : pair of list
        Shapes, without the batch, of the arrays of the first argument and of the others.
    collect : callable
        The block that was written ``(rows, B)`` and B to the tree of results, as views.
    result_rows : list of slice
        Rows of each array of the results in that block; None for a constant.
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
        self.inputs: tuple[list[tuple[int, ...]], ...] = ([], [])

        def enter(tree: Any, group: int) -> Any:
            def note(x: np.ndarray) -> TracedArray:
                groups.append(group)
                self.inputs[group].append(x.shape[:-1])
                return recording.input(x)

            return map_leaves(tree, note)

        some = trees if batch_of(trees) <= _RECORDED_SITES else columns(trees, np.arange(_RECORDED_SITES))
        try:
            result = function(*(enter(tree, min(k, 1)) for k, tree in enumerate(some)))
        except ValueError as reason:  # arrays as wide as the batch inside the function
            raise Untraceable(f"the function does not run on {_RECORDED_SITES} sites alone: {reason}") from reason
        nodes = recording.nodes_of(result)
        stored = [n for n in nodes if n.kind != "constant"]
        if any(n.value.shape[-1:] != (batch_of(some),) for n in stored):
            raise Untraceable("a result whose last axis is not the batch")
        self.program = program_of(recording, stored, groups)
        self.dtype = np.dtype(np.float64 if self.program.double else np.float32)
        self.result_rows = _rows_of_results(nodes)
        self.collect = _collector(result, recording, self.dtype)
        self.resident = _same_rows(some[0], result)
        self._scales = [_scale(n) for n in nodes]
        self._texts: dict[int, tuple[str, int]] = {}

    def text(self, lanes: int) -> tuple[str, int]:
        """LLVM text for vectors of so many sites, and the bytes of scratch memory of a call."""
        if lanes not in self._texts:
            self._texts[lanes] = text_of(self.program, lanes)
        return self._texts[lanes]

    def fits(self, trees: tuple[Any, ...]) -> bool:
        """Whether arguments have the shapes of those that were recorded."""
        return all(
            [x.shape[:-1] for x in flat(tree)] == shapes for tree, shapes in zip((trees[0], trees[1:]), self.inputs)
        )

    def agrees(self, expected: Any, found: Any) -> bool:
        """Whether results are those of the function, but for rounding, in nearly every site."""
        tolerance = TOLERANCE[self.dtype.name]
        wrong = np.zeros(batch_of((expected,)), bool)
        for scale, a, b in zip(self._scales, flat(expected), flat(found), strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                return False
            room = tolerance * np.maximum(np.abs(a.astype(np.float64)), max(scale, 1.0))
            same = (np.abs(a.astype(np.float64) - b) <= room) | (a == b) | (np.isnan(a) & np.isnan(b))
            wrong |= ~same.reshape(-1, same.shape[-1]).all(axis=0)
        return float(wrong.mean()) <= _DIFFERING_SITES


def _rows_of_results(nodes: list[Node]) -> list[slice | None]:
    """Rows of each array of the results in the block that is written; constants have none."""
    rows: list[slice | None] = []
    row = 0
    for node in nodes:
        count = int(np.prod(node.value.shape[:-1]))
        rows.append(None if node.kind == "constant" else slice(row, row := row + count))
    return rows


def _collector(result: Any, recording: Recording, dtype: np.dtype) -> Callable[[np.ndarray, int], Any]:
    """A function from the block that was written to the tree of results, as views."""
    space: dict[str, Any] = {}
    row = 0

    def named(value: Any) -> str:
        space[f"g{len(space)}"] = value
        return f"g{len(space) - 1}"

    def rows(array: np.ndarray) -> str:
        nonlocal row
        node = recording.node_of(array)
        if node.kind == "constant":
            return named(node.value)
        shape = node.value.shape[:-1]
        start, row = row, row + int(np.prod(shape))
        text = f"o[{start}]" if not shape else f"o[{start}:{row}]"
        if len(shape) > 1:
            text += f".reshape({shape!r} + (n,))"
        return text if node.value.dtype == dtype else f"{text}.astype({named(node.value.dtype)})"

    text = result_text(result, rows, named)
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
