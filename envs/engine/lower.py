"""Lower a recording to a program: views, takes and joins vanish, equal statements are one, constants are folded.

A node of shape ``(..., B)`` becomes an array of operands of shape ``(...)``: which statement makes each of its rows.
Whatever only moves rows about moves operands about here, and leaves no statement behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np

from envs.engine.arithmetic import Arithmetic, as_rows, row_shape
from envs.engine.kinds import Kinds, is_whole
from envs.engine.pool import Matrix, Pool
from envs.engine.program import (
    WHOLE,
    WIDE,
    Const,
    Element,
    Gather,
    Gathered,
    Lane,
    Operand,
    Program,
    Rack,
    Stage,
    Statement,
)
from envs.engine.record import Node, Recording, Untraceable, live_nodes
from envs.engine.statements import Statements, alone

_CONSTANTS = 2  # group of what a function holds itself, behind its first argument and the others


def program_of(
    recording: Recording, results: Sequence[Node], groups: Sequence[int], pools: Sequence[Pool | Matrix] = ()
) -> tuple[Program, list[np.ndarray]]:
    """Lower a recording, and find its constants that differ from site to site: they are read as a third group.

    Parameters
    ----------
    recording : Recording
    results : sequence of Node
        What is stored, in this order of rows.
    groups : sequence of int
        Block that each input is read from, one number per input; the rows of a block follow each other in the order
        of the inputs.
    pools : sequence of Pool
        Of the arguments, in their order.

    Raises
    ------
    Untraceable
        Where the recording holds an operation that only numpy knows.
    """
    lowering = _Lowering(recording, results, groups, pools)
    return lowering.program, [node.value for node in lowering.by_site]


class _Lowering(Arithmetic):
    def __init__(
        self, recording: Recording, results: Sequence[Node], groups: Sequence[int], pools: Sequence[Pool | Matrix]
    ) -> None:
        floats = {n.value.dtype for n in recording.nodes if n.kind == "input" and n.value.dtype.kind == "f"}
        if not floats or not floats <= {np.dtype(np.float32), np.dtype(np.float64)}:
            raise Untraceable(
                f"inputs of {sorted(d.name for d in floats)}; the compiled engine wants float32 or float64"
            )
        dtype = min(floats, key=lambda d: d.itemsize)
        live = live_nodes(recording, results)
        self.build = Statements(dtype, *_longest_axis([n for n in recording.nodes if n.index in live]))
        self.kinds = Kinds(self.build)
        self.rows_of: dict[int, np.ndarray] = {}
        self.pools = list(map(id, pools))
        self.matrices = {id(p.array): k for k, p in enumerate(pools) if isinstance(p, Matrix)}
        self.gathered: dict[Gathered, int] = {}
        self.by_site = _constants_by_site(recording, live, results)
        rows, kinds = self.blocks = self._enter_inputs(recording, groups)
        for node in recording.nodes:
            if node.index in live and node.kind not in ("input", "constant") and not is_turned(node):
                self.build.behind_loop = recording.loop is not None and node.index >= recording.loop.end
                self.rows_of[node.index] = getattr(self, f"_{node.kind}")(node)
        carried = self._hand_on(recording, live)
        rows_out, across, stored = self._store(results)
        times = recording.loop.times if recording.loop else 1
        self.program = Program(
            self.build.racks, times, self.build.statements, carried, rows, rows_out.pop(""), dtype == np.float64,
            kinds, rows_out, across, stored, tuple(self.gathered),
        )  # fmt: skip

    # ---- sources ----------------------------------------------------------------------------------------------------

    def _enter_inputs(self, recording: Recording, groups: Sequence[int]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Rows and kinds of the blocks: one of numbers for each group, then those of other kinds."""
        blocks: dict[tuple[int, str], int] = {(group, ""): 0 for group in range(max(groups, default=0) + 1)}
        inputs = [n for n in recording.nodes if n.kind == "input"]
        if self.by_site:
            blocks |= {(group, ""): 0 for group in range(_CONSTANTS + 1)}
            inputs, groups = [*inputs, *self.by_site], [*groups, *[_CONSTANTS] * len(self.by_site)]
        kinds = [input_kind(n.value.dtype, self.build.dtype) for n in inputs]
        blocks |= {(group, kind): 0 for group, kind in zip(groups, kinds, strict=True) if kind}
        order = list(blocks)
        for node, group, kind in zip(inputs, groups, kinds, strict=True):
            shape = row_shape(node)
            first = blocks[group, kind]
            rows = self._sources("input", shape, order.index((group, kind)), first, kind)
            if node.value.dtype == bool:
                rows = self.build.elementwise("not_equal", [rows, alone(Const(0.0))], shape, mask=True)
            self.rows_of[node.index] = rows
            blocks[group, kind] += int(np.prod(shape))
        return tuple(blocks.values()), tuple(kind for _, kind in order)

    def _sources(self, op: str, shape: tuple[int, ...], group: int, first: int, kind: str = "") -> np.ndarray:
        """Statements that hold a value before anything runs: rows from ``first`` of a group of rows."""
        out = np.empty(int(np.prod(shape)), object)
        for start, length in self.build.groups(shape) if not kind else [(row, 1) for row in range(out.size)]:
            made = self.build.made(length > 1, op, (), (group, first + start), False, kind)
            if length > 1:
                self.build.spread(made, out, start)
            else:
                out[start] = made
        return out.reshape(shape)

    def _pool(self, node: Node) -> np.ndarray:
        """Columns of a pool: as if they were rows of a block that is read."""
        pool, index = node.detail, self._rows(node, 0)[()]
        if not isinstance(index, Lane) or index.made.op != "input" or id(pool) not in self.pools:
            raise Untraceable("a pool or its rows that are no argument")
        number, columns = self.pools.index(id(pool)), pool.array.shape[1]
        fills = Gathered(number, pool.array.dtype.name, columns, cast("tuple[int, int]", index.made.extra))
        block = len(self.blocks[0]) + self.gathered.setdefault(fills, len(self.gathered))
        out = np.empty(columns, object)
        racks = self.build.racks if pool.per_rack and columns % self.build.racks == 0 else 1
        for start in range(0, columns, racks):
            made = self.build.made(racks > 1, "input", (), (block, start))
            if racks > 1:
                self.build.spread(made, out, start)
            else:
                out[start] = made
        return out

    def _carried(self, node: Node) -> np.ndarray:
        if node.value.dtype.kind != "f":
            raise Untraceable(f"{node.value.dtype} numbers that a turn of a loop hands to the next")
        if self.kinds.of(node.value.dtype):
            raise Untraceable("float64 numbers beside float32 that a turn of a loop hands to the next")
        return self._sources("carried", row_shape(node), node.index, 0)

    # ---- what moves rows --------------------------------------------------------------------------------------------

    def _view(self, node: Node) -> np.ndarray:
        rows = self._rows(node, 0)[..., None]
        how, detail = node.detail
        if how == "T":
            raise Untraceable("a transposed array: the last axis must stay the batch")
        moved = rows[detail] if how == "index" else rows.reshape(*detail[:-1], 1)
        shape = row_shape(node)
        if moved.shape != (*shape, 1):
            raise Untraceable(f"view {node.detail!r} that mixes rows with the batch")
        return moved[..., 0]

    def _take(self, node: Node) -> np.ndarray:
        rows, axis = node.detail
        source = self._rows(node, 0)
        if axis % (source.ndim + 1) == source.ndim:
            raise Untraceable("a take along the batch")
        return as_rows(source.take(rows, axis=axis % (source.ndim + 1)))

    def _concat(self, node: Node) -> np.ndarray:
        depth = node.value.ndim
        if node.detail % depth == depth - 1:
            raise Untraceable("arrays joined along the batch")
        return np.concatenate([self._rows(node, k) for k in range(len(node.operands))], axis=node.detail % depth)

    def _last(self, node: Node) -> np.ndarray:
        """What a turn leaves behind the loop; a value that the next turn would replace is kept aside in time."""
        out = self._rows(node, 0).copy().reshape(-1)
        behind, self.build.behind_loop = self.build.behind_loop, False
        for row, x in enumerate(out):
            if not isinstance(x, Const) and x.made.op == "carried":
                out[row] = self.build.made(False, "same", (x,), None, x.made.mask)
        self.build.behind_loop = behind
        return out.reshape(row_shape(node))

    def _cast(self, node: Node) -> np.ndarray:
        old, new = node.operands[0].value.dtype.kind, node.value.dtype.kind
        rows = self._rows(node, 0)
        if new == "b" and old != "b":
            return self.build.elementwise("not_equal", [rows, alone(Const(0.0))], row_shape(node), mask=True)
        if old == "b":
            rows = self.build.elementwise("number", [rows], row_shape(node))
        return self.kinds.cast(rows, node.operands[0].value.dtype, node.value.dtype)

    def _call(self, node: Node) -> np.ndarray:
        function, options = node.detail
        shape = row_shape(node)
        if function is np.where:
            return self.kinds.selected(node, self._all_rows(node), shape)
        if function is np.cumsum and options.get("axis") == 0:
            kind = self.kinds.of(node.value.dtype, self._rows(node, 0))
            return self.kinds.running_sums(self.kinds.rows_as(kind, self._rows(node, 0)), kind)
        if function is np.take_along_axis and options.get("axis") == 0 and node.operands[0].kind == "constant":
            table = node.operands[0].value
            if table.ndim == 2 and table.shape[1] == 1:
                return self.kinds.looked_up(table, self._rows(node, 1), shape)
        raise Untraceable(f"np.{function.__name__} has no compiled form")

    # ---- ends -------------------------------------------------------------------------------------------------------

    def _hand_on(self, recording: Recording, live: set[int]) -> list[tuple[Statement, Operand, Operand]]:
        """What a turn hands to the next, statement by statement."""
        out = []
        self.build.behind_loop = False
        for carried, first, new in recording.loop.carried if recording.loop else ():
            if carried.index not in live:
                continue
            stands, later = self._rows_of(carried).reshape(-1), self._rows_of(new).reshape(-1)
            before = (
                self._rows_of(first).reshape(-1)
                if isinstance(first, Node)
                else np.broadcast_to(alone(Const(first)), stands.shape)
            )
            for start, length in self.build.groups(row_shape(carried)):
                if length == 1:
                    out.append((stands[start].made, before[start], self._settled(later[start], False)))
                    continue
                part = slice(start, start + length)
                next_value = self._settled(self.build.together(later[part]), True)
                out.append((stands[start].made, self.build.together(before[part]), next_value))
        return out

    def _settled(self, x: Operand, in_racks: bool) -> Operand:
        """A value that stands in one register or one array, and is not itself carried."""
        if isinstance(x, (Gather, Element)) or (isinstance(x, (Lane, Rack)) and x.made.op == "carried"):
            return self.build.made(in_racks, "same", (x,), None, x.made.mask)
        return x

    def _store(self, results: Sequence[Node]) -> tuple[dict[str, int], int, tuple[str, ...]]:
        """Statements that store the results; rows of each kind, columns site by site, and the kind of each result."""
        self.build.behind_loop = True
        count, across, kinds = {"": 0}, 0, []
        for node in results:
            turned = is_turned(node)
            if turned:
                node = node.operands[0]
            rows, shape = self._rows_of(node), row_shape(node)
            if node.value.dtype == bool:
                rows = self.build.elementwise("number", [rows], shape)
            flat = np.broadcast_to(rows, shape).reshape(-1)
            kind = self.kinds.of(node.value.dtype, flat)
            kinds.append(kind)
            first = across if turned else count.setdefault(kind, 0)
            groups = [(row, 1) for row in range(flat.size)] if kind else self.build.groups(shape, [flat])
            for start, length in groups:
                x = self.build.together(flat[start : start + length]) if length > 1 else flat[start]
                op = "across" if turned else "store"
                self.build.new(length > 1, op, (x,), first + start, False, kind).stage = Stage.AFTER
            if turned:
                across += flat.size
            else:
                count[kind] += flat.size
        return count, across, tuple(kinds)


def _constants_by_site(recording: Recording, live: set[int], results: Sequence[Node]) -> list[Node]:
    """Constants that differ from site to site; those of other shapes, matrices and tables are the same for all."""
    nodes = [n for n in recording.nodes if n.index in live]
    sites = next(n.value.shape[-1] for n in recording.nodes if n.kind == "input")
    firsts = [first for _, first, _ in (recording.loop.carried if recording.loop else ()) if isinstance(first, Node)]
    operands = [x for n in nodes for x in n.operands[_is_table_first(n) :]]
    used = {n.index for n in (*results, *firsts, *operands)}
    return [
        n
        for n in nodes
        if n.kind == "constant" and n.index in used and n.value.shape[-1:] == (sites,) and _differs_by_site(n.value)
    ]


def _is_table_first(node: Node) -> bool:
    """Whether the first operand is a matrix or a table, whose last axis is not the batch."""
    return node.kind in ("ufunc", "call") and node.detail[0] in (np.matmul, np.take_along_axis)


def _differs_by_site(value: np.ndarray) -> bool:
    return not np.array_equal(value, np.broadcast_to(value[..., :1], value.shape), equal_nan=value.dtype.kind == "f")


def input_kind(dtype: np.dtype, program: np.dtype) -> str:
    """Kind of an argument of a dtype in a program of another."""
    if is_whole(dtype):
        return WHOLE
    return WIDE if dtype == np.float64 and program == np.float32 else ""


def is_turned(node: Node) -> bool:
    """Whether a result has the batch first: rows that are transposed at the very end."""
    return node.kind == "view" and node.detail[0] == "T" and node.operands[0].value.ndim == 2


def _longest_axis(nodes: Sequence[Node]) -> tuple[int, set[tuple[int, ...]]]:
    """Length of the row axis that carries most of the work, and the shapes that begin with it and go on past it."""
    weight: Counter[int] = Counter()
    for node in nodes:
        shape = row_shape(node)
        if shape and node.kind in ("ufunc", "reduce"):
            weight[shape[-1]] += int(np.prod(shape))
    racks = max(weight, key=lambda n: (weight[n], n), default=1)
    leading = {
        row_shape(n) for n in nodes if n.kind == "concat" and row_shape(n.operands[0]) == (racks,) and n.value.ndim == 2
    }
    return racks, leading
