"""Record what a pure function does to numpy arrays: one node per distinct array operation.

The recorded arrays carry their values, so shapes and dtypes are those of a real run. Whatever could hide a dependence
on values (a truth test, a conversion to a number, an array that lost its node) is refused instead of being frozen in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from envs.trees import map_leaves


class Untraceable(TypeError):
    """The function does something that a tape cannot hold."""


@dataclass(eq=False)
class Node:
    """One array of the recording.

    Attributes
    ----------
    kind : str
        ``input``, ``constant``, ``ufunc``, ``reduce``, ``view``, ``take``, ``cast``, ``concat``, ``call`` or ``pool``
        (rows of a table, `envs.engine.pool`); in a loop
        (`envs.engine.loop`) also ``carried`` from one turn to the next, and ``last``, the value after the last turn.
    value : ndarray
        What it was during the recording.
    operands : tuple of Node
        What it is made of.
    detail : Any
        What else the operation needs: the ufunc, an axis, an index.
    """

    index: int
    kind: str
    value: np.ndarray
    operands: tuple[Node, ...] = ()
    detail: Any = None

    @property
    def root(self) -> Node:
        """The node whose memory this one shows."""
        return self.operands[0].root if self.kind == "view" else self


@dataclass
class Loop:
    """A part of the recording that stands once and runs ``times`` times.

    Attributes
    ----------
    carried : list of (Node, Node or float, Node)
        What a turn hands to the next: the node that stands for it, its value before the first turn, the node that
        replaces it.
    end : int
        Index of the first node behind the loop.
    """

    times: int
    carried: list[tuple[Node, Node | float, Node]]
    end: int


@dataclass
class Recording:
    """All nodes in the order in which they were made; equal operations on equal nodes are one node.

    Where ``loops`` is set, `envs.engine.loop.repeated` stands in the recording once instead of turn by turn.
    """

    loops: bool = False
    loop: Loop | None = None
    nodes: list[Node] = field(default_factory=list)
    known: dict[Any, Node] = field(default_factory=dict)

    def input(self, value: np.ndarray) -> TracedArray:
        """Enter an argument of the recorded function."""
        return self.traced_array(self._add("input", value))

    def carried(self, value: np.ndarray) -> TracedArray:
        """Enter what a turn of the loop receives from the one before."""
        return self.traced_array(self._add("carried", value))

    def last(self, node: Node) -> TracedArray:
        """Value of a node of the loop after the last turn."""
        return self.operation("last", node.value, (node,), None, None)

    def traced_array(self, node: Node) -> TracedArray:
        """Make an array that records what is done with it."""
        out = node.value.view(TracedArray)
        out.node, out.recording = node, self
        return out

    def operation(self, kind: str, value: Any, operands: tuple[Node, ...], detail: Any, key: Any) -> TracedArray:
        """Find the node of an operation, or make it."""
        full = (kind, key, tuple(n.index for n in operands))
        node = self.known.get(full)
        if node is None:
            if not isinstance(value, np.ndarray):
                value = np.asarray(value)
            node = self.known[full] = self._add(kind, _plain(value), operands, detail)
        return self.traced_array(node)

    def node_of(self, x: Any, dtype: np.dtype | None = None) -> Node:
        """Node of an operand; plain arrays and numbers become constants (numbers in ``dtype``)."""
        if isinstance(x, TracedArray):
            if x.recording is not self or x.node is None:
                raise Untraceable("an array lost its record: an operation that tapes do not know was applied to it")
            return x.node
        if isinstance(x, np.ndarray):
            return self._constant(("array", id(x)), x)
        return self._constant(("number", type(x), x, dtype), np.asarray(x, dtype=dtype))

    def nodes_of(self, tree: Any) -> list[Node]:
        """Nodes of the arrays of a tree, in its order."""
        found: list[Node] = []
        map_leaves(tree, lambda x: found.append(self.node_of(x)))
        return found

    def _constant(self, key: Any, value: np.ndarray) -> Node:
        node = self.known.get(key)
        if node is None:
            node = self.known[key] = self._add("constant", value)
        return node

    def _add(self, kind: str, value: np.ndarray, operands: tuple[Node, ...] = (), detail: Any = None) -> Node:
        node = Node(len(self.nodes), kind, value, operands, detail)
        self.nodes.append(node)
        return node


def live_nodes(recording: Recording, results: Sequence[Node]) -> set[int]:
    """Nodes that a result depends on, in this turn of the loop or in a later one."""
    live: set[int] = set()
    loop = {carried.index: (first, new) for carried, first, new in (recording.loop.carried if recording.loop else ())}
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node.index not in live:
            live.add(node.index)
            waiting += [*node.operands, *(n for n in loop.get(node.index, ()) if isinstance(n, Node))]
    return live


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, TracedArray) else x


def _refuse(name: str) -> Callable[..., Any]:
    def refused(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise Untraceable(f"{name} of a recorded array would freeze its value; keep array functions free of it")

    return refused


_PIECEWISE = frozenset(
    {
        np.sum,
        np.max,
        np.min,
        np.amax,
        np.amin,
        np.mean,
        np.clip,
        np.take,
        np.reshape,
        np.stack,
        np.expand_dims,
        np.any,
        np.all,
    }
)
_WHOLE = frozenset({np.where, np.sort, np.cumsum, np.take_along_axis, np.argmax})
_SHAPE_ONLY = frozenset(
    {np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.shape, np.ndim, np.size, np.result_type}
)


class TracedArray(np.ndarray):
    """An array whose operations are recorded."""

    node: Node | None
    recording: Recording | None

    def __array_finalize__(self, obj: Any) -> None:
        """Whatever numpy derives by itself has no record yet."""
        self.node = self.recording = None

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        """Record an elementwise function, a product of matrices, or a reduction."""
        if method not in ("__call__", "reduce") or ufunc.nout != 1 or kwargs.get("where", True) is not True:
            raise Untraceable(f"{ufunc.__name__}.{method} with {sorted(kwargs)} is not known to tapes")
        recording = next(x.recording for x in (*inputs, *(out or ())) if isinstance(x, TracedArray) and x.recording)
        kwargs = {
            k: v for k, v in kwargs.items() if v is not None and k not in ("where", "casting", "subok", "initial")
        }
        arrays = [x for x in inputs if isinstance(x, np.ndarray)]
        operands = []
        for x in inputs:
            dtype = None if isinstance(x, np.ndarray) else np.result_type(*(a.dtype for a in arrays), x)
            operands.append(recording.node_of(x, dtype))
        value = getattr(ufunc, method)(*(n.value for n in operands), **kwargs)
        kind = "ufunc" if method == "__call__" else "reduce"
        made = recording.operation(kind, value, tuple(operands), (ufunc, kwargs), (ufunc, repr(sorted(kwargs.items()))))
        if out is not None:
            (target,) = out
            if not isinstance(target, TracedArray) or target.shape != made.shape:
                raise Untraceable("writing a recorded array into a plain one, or into another shape")
            made = made.astype(target.dtype)
            target.node, target.recording = made.node, made.recording
        return made

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Record the functions that are no ufuncs; refuse those that tapes do not know."""
        if func in _SHAPE_ONLY:
            return func(*map(_plain, args), **kwargs)
        if func in _PIECEWISE:
            return super().__array_function__(func, types, args, kwargs)
        parts = args[0] if func is np.concatenate else args
        recording = next(x.recording for x in parts if isinstance(x, TracedArray) and x.recording)
        if func is np.concatenate:
            axis = kwargs.get("axis", args[1] if len(args) > 1 else 0)
            operands = tuple(recording.node_of(x) for x in parts)
            return recording.operation("concat", func([n.value for n in operands], axis=axis), operands, axis, axis)
        if func not in _WHOLE:
            raise Untraceable(f"np.{func.__name__} is not known to tapes")
        dtype = np.result_type(*map(_plain, args[1:])) if func is np.where else None  # numbers take that of arrays
        operands = tuple(recording.node_of(x, dtype) for x in args)
        value = func(*(n.value for n in operands), **kwargs)
        return recording.operation("call", value, operands, (func, kwargs), (func, repr(sorted(kwargs.items()))))

    def _view(self, value: Any, how: Any) -> TracedArray:
        recording = self._recorded_operation()
        return recording.operation("view", value, (recording.node_of(self),), how, repr(how))

    def recorded_pool(self, pool: Any, value: np.ndarray) -> TracedArray:
        """Rows of an `envs.engine.pool.Pool` that this array of integers picks."""
        recording = self._recorded_operation()
        return recording.operation("pool", value, (recording.node_of(self),), pool, (id(pool), value.dtype))

    def _recorded_operation(self) -> Recording:
        if self.recording is None:
            raise Untraceable("an array lost its record: an operation that tapes do not know was applied to it")
        return self.recording

    def __getitem__(self, index: Any) -> Any:
        """Record a view, or rows picked along the first axis."""
        parts = index if isinstance(index, tuple) else (index,)
        if all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts):
            return self._view(_plain(self)[index], ("index", index))
        if isinstance(index, tuple):
            raise Untraceable(f"index {index!r} of a recorded array; take along the first axis instead")
        return self.take(index, axis=0)

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
        """Rows by fixed integers."""
        recording = self._recorded_operation()
        rows = np.asarray(indices)
        if rows.dtype == bool or isinstance(indices, TracedArray) or axis is None or out is not None:
            raise Untraceable("only fixed integers can pick from a recorded array, along a named axis")
        value = _plain(self).take(rows, axis=axis)
        return recording.operation(
            "take", value, (recording.node_of(self),), (rows, axis), (rows.tobytes(), rows.shape, axis)
        )

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Another dtype; the same array where it has that dtype."""
        recording = self._recorded_operation()
        if self.dtype == np.dtype(dtype):
            return self
        value = _plain(self).astype(dtype)
        return recording.operation("cast", value, (recording.node_of(self),), None, np.dtype(dtype))

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """Record the same numbers in another shape."""
        if len(shape) == 1 and not isinstance(shape[0], int):
            shape = tuple(shape[0])
        value = _plain(self).reshape(shape, **kwargs)
        return self._view(value, ("reshape", value.shape))

    @property
    def T(self) -> Any:
        """Axes in reverse order."""
        return self._view(_plain(self).T, ("T", None))

    def copy(self, *args: Any) -> Any:
        """Itself: recorded arrays are never written."""
        return self

    __bool__, __float__, __int__, __index__ = (_refuse(f"{n}()") for n in ("bool", "float", "int", "index"))
    __setitem__, item, tolist = (_refuse(n) for n in ("assignment to a part", "item()", "tolist()"))
