"""Lower a recording to a program: views, takes and joins vanish, equal statements are one, constants are folded.

A node of shape ``(..., B)`` becomes an array of operands of shape ``(...)``: which statement makes each of its rows.
Whatever only moves rows about moves operands about here, and leaves no statement behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.engine.kinds import Kinds, is_whole
from envs.engine.program import WHOLE, WIDE, Const, Element, Gather, Lane, Operand, Program, Rack, Stage, Statement
from envs.engine.record import Node, Recording, Untraceable, live_nodes
from envs.engine.statements import Statements, alone, per_rack

_NUMBERS = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "true_divide": "divide",
    "maximum": "maximum",
    "minimum": "minimum",
    "negative": "negative",
    "sqrt": "sqrt",
    "exp": "exp",
    "log": "log",
    "expm1": "expm1",
    "log1p": "log1p",
    "absolute": "absolute",
    "square": "square",
    "rint": "rint",
}
_WHOLE_OPERATIONS = {
    **{name: name for name in ("add", "subtract", "multiply")},
    "bitwise_xor": "xor",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "right_shift": "shift",
}
_WIDE_OPERATIONS = frozenset(
    {"add", "subtract", "multiply", "divide", "maximum", "minimum", "negative", "absolute", "square"}
)
_TESTS = ("isnan", "isfinite")
_COMPARISONS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
_MASKS = {
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "invert": "not",
    "logical_and": "and",
    "logical_or": "or",
    "logical_not": "not",
}
_EXPONENTS = {0.5: "sqrt", 2.0: "square"}
_FEW = 2  # nonzero coefficients of a row up to which a product of matrices is written out


def program_of(recording: Recording, results: Sequence[Node], groups: Sequence[int]) -> Program:
    """Lower a recording.

    Parameters
    ----------
    recording : Recording
    results : sequence of Node
        What is stored, in this order of rows.
    groups : sequence of int
        Block that each input is read from, one number per input; the rows of a block follow each other in the order
        of the inputs.

    Raises
    ------
    Untraceable
        Where the recording holds an operation that only numpy knows, or a constant that differs from site to site.
    """
    return _Lowering(recording, results, groups).program


class _Lowering:
    def __init__(self, recording: Recording, results: Sequence[Node], groups: Sequence[int]) -> None:
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
        rows, kinds = self._enter_inputs(recording, groups)
        for node in recording.nodes:
            if node.index in live and node.kind not in ("input", "constant") and not is_turned(node):
                self.build.behind_loop = recording.loop is not None and node.index >= recording.loop.end
                self.rows_of[node.index] = getattr(self, f"_{node.kind}")(node)
        carried = self._hand_on(recording, live)
        rows_out, across, stored = self._store(results)
        times = recording.loop.times if recording.loop else 1
        self.program = Program(
            self.build.racks, times, self.build.statements, carried, rows, rows_out.pop(""), dtype == np.float64,
            kinds, rows_out, across, stored,
        )  # fmt: skip

    # ---- sources ----------------------------------------------------------------------------------------------------

    def _enter_inputs(self, recording: Recording, groups: Sequence[int]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Rows and kinds of the blocks: one of numbers for each group, then those of other kinds."""
        blocks: dict[tuple[int, str], int] = {(group, ""): 0 for group in range(max(groups, default=0) + 1)}
        inputs = [n for n in recording.nodes if n.kind == "input"]
        kinds = [input_kind(n.value.dtype, self.build.dtype) for n in inputs]
        blocks |= {(group, kind): 0 for group, kind in zip(groups, kinds, strict=True) if kind}
        order = list(blocks)
        for node, group, kind in zip(inputs, groups, kinds, strict=True):
            shape = _row_shape(node)
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

    def _carried(self, node: Node) -> np.ndarray:
        if node.value.dtype.kind != "f":
            raise Untraceable(f"{node.value.dtype} numbers that a turn of a loop hands to the next")
        if self.kinds.of(node.value.dtype):
            raise Untraceable("float64 numbers beside float32 that a turn of a loop hands to the next")
        return self._sources("carried", _row_shape(node), node.index, 0)

    def _constant(self, node: Node) -> np.ndarray:
        value = node.value
        if value.ndim and value.shape[-1] != 1:
            if not np.array_equal(value, np.broadcast_to(value[..., :1], value.shape)):
                raise Untraceable("a constant differs from site to site")
            value = value[..., :1]
        out = np.empty(value.size, object)
        out[:] = [Const(v) for v in value.reshape(-1).astype(value.dtype if is_whole(value.dtype) else float).tolist()]
        return out.reshape(value.shape[:-1] if value.ndim else ())

    # ---- what moves rows --------------------------------------------------------------------------------------------

    def _view(self, node: Node) -> np.ndarray:
        rows = self._rows(node, 0)[..., None]
        how, detail = node.detail
        if how == "T":
            raise Untraceable("a transposed array: the last axis must stay the batch")
        moved = rows[detail] if how == "index" else rows.reshape(*detail[:-1], 1)
        shape = _row_shape(node)
        if moved.shape != (*shape, 1):
            raise Untraceable(f"view {node.detail!r} that mixes rows with the batch")
        return moved[..., 0]

    def _take(self, node: Node) -> np.ndarray:
        rows, axis = node.detail
        source = self._rows(node, 0)
        if axis % (source.ndim + 1) == source.ndim:
            raise Untraceable("a take along the batch")
        return _as_rows(source.take(rows, axis=axis % (source.ndim + 1)))

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
        return out.reshape(_row_shape(node))

    def _cast(self, node: Node) -> np.ndarray:
        old, new = node.operands[0].value.dtype.kind, node.value.dtype.kind
        rows = self._rows(node, 0)
        if new == "b" and old != "b":
            return self.build.elementwise("not_equal", [rows, alone(Const(0.0))], _row_shape(node), mask=True)
        if old == "b":
            rows = self.build.elementwise("number", [rows], _row_shape(node))
        return self.kinds.cast(rows, node.operands[0].value.dtype, node.value.dtype)

    def _call(self, node: Node) -> np.ndarray:
        function, options = node.detail
        shape = _row_shape(node)
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

    # ---- arithmetic -------------------------------------------------------------------------------------------------

    def _ufunc(self, node: Node) -> np.ndarray:
        ufunc, name, shape = node.detail[0], node.detail[0].__name__, _row_shape(node)
        if ufunc is np.matmul:
            return self._matmul(node)
        if name in _MASKS and node.value.dtype == bool:
            return self.build.elementwise(_MASKS[name], self._all_rows(node), shape, mask=True)
        numbers = self._all_numbers(node)
        kind = (
            self.kinds.compared(node, numbers)
            if node.value.dtype == bool
            else self.kinds.of(node.value.dtype, *numbers)
        )
        numbers = [self.kinds.rows_as(kind, x) for x in numbers]
        if name == "clip":
            raised = self.build.elementwise("maximum", numbers[:2], shape, False, kind)
            return self.build.elementwise("minimum", [raised, numbers[2]], shape, False, kind)
        if name in _COMPARISONS:
            return self.build.elementwise(name, numbers, shape, True, kind)
        if name in _TESTS:
            return self._tested(name, numbers[0], shape, kind)
        if kind:
            return self._of_kind(name, numbers, shape, kind)
        if name == "sign":
            signs = [self._compared_to_zero(how, numbers[0], shape) for how in ("greater", "less")]
            return self.build.elementwise("subtract", signs, shape)
        if name == "power":
            exponent = numbers[1]
            if exponent.ndim == 0 and isinstance(exponent[()], Const) and exponent[()].value in _EXPONENTS:
                return self.build.elementwise(_EXPONENTS[exponent[()].value], numbers[:1], shape)
            return self.build.elementwise("power", numbers, shape)
        if name not in _NUMBERS:
            raise Untraceable(f"np.{name} has no compiled form")
        return self.build.elementwise(_NUMBERS[name], numbers, shape)

    def _of_kind(self, name: str, numbers: list[np.ndarray], shape: tuple[int, ...], kind: str) -> np.ndarray:
        """Arithmetic on numbers of another kind than the program's own."""
        known = _WHOLE_OPERATIONS.get(name) if kind == WHOLE else _NUMBERS.get(name)
        if known is None or (kind == WIDE and known not in _WIDE_OPERATIONS):
            raise Untraceable(f"np.{name} of {kind} numbers has no compiled form")
        return self.build.elementwise(known, numbers, shape, False, kind)

    def _compared_to_zero(self, how: str, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """1 where numbers compare so to zero, else 0."""
        return self.build.elementwise(
            "number", [self.build.elementwise(how, [rows, alone(Const(0.0))], shape, True)], shape
        )

    def _tested(self, name: str, rows: np.ndarray, shape: tuple[int, ...], kind: str) -> np.ndarray:
        """Whether numbers are none, or finite."""
        if name == "isnan":
            return self.build.elementwise("not_equal", [rows, rows], shape, True, kind)
        size = self.build.elementwise("absolute", [rows], shape, False, kind)
        return self.build.elementwise("less", [size, alone(Const(float("inf")))], shape, True, kind)

    def _reduce(self, node: Node) -> np.ndarray:
        ufunc, options = node.detail
        op = _MASKS.get(ufunc.__name__) or _NUMBERS.get(ufunc.__name__)
        axis = options.get("axis", 0)
        depth = node.operands[0].value.ndim
        if (
            op not in ("add", "maximum", "minimum", "and", "or")
            or not isinstance(axis, int)
            or axis % depth == depth - 1
        ):
            raise Untraceable(f"{ufunc.__name__}.reduce over {axis!r} has no compiled form")
        mask = op in ("and", "or")
        source = self._rows(node, 0) if mask else self._all_numbers(node)[0]
        kind = "" if mask else self.kinds.of(node.value.dtype, source)
        source = self.kinds.rows_as(kind, source)
        moved = np.moveaxis(source, axis % depth, 0)
        shape = moved.shape[1:]
        if kind or any(length > 1 for _, length in self.build.groups(shape, [moved.reshape(len(moved), -1)[0]])):
            total = moved[0]
            for part in moved[1:]:
                total = self.build.elementwise(op, [_as_rows(total), _as_rows(part)], shape, mask, kind)
        else:
            total = np.empty(int(np.prod(shape)), object)
            for k, column in enumerate(moved.reshape(len(moved), -1).T):
                total[k] = self._joined(op, column, mask)
        return total.reshape(_row_shape(node))

    def _joined(self, op: str, column: np.ndarray, mask: bool = False) -> Operand:
        """Sum or extreme of rows, in their order; whole runs of racks in the loop over racks."""
        total: Operand | None = None
        row, racks = 0, self.build.racks
        while row < len(column):
            if racks > 1 and not mask and self.build.is_run(column[row : row + racks]) and row + racks <= len(column):
                part = self.build.made(True, f"over_racks_{op}", (Rack(column[row].made),))
                row += racks
            else:
                part = column[row]
                row += 1
            total = part if total is None else self.build.made(False, op, (total, part), None, mask)
        assert total is not None
        return total

    def _matmul(self, node: Node) -> np.ndarray:
        weights = node.operands[0]
        if weights.kind != "constant" or node.operands[1].value.ndim != 2:
            raise Untraceable("a product of matrices of which the first is not constant")
        kind = self.kinds.of(node.value.dtype)
        matrix = np.atleast_2d(weights.value).astype(np.float64 if kind else self.build.dtype)
        x = self.kinds.rows_as(kind, self._rows(node, 1))
        if not kind and self.build.racks > 1 and len(matrix) == self.build.racks:
            return self._rack_product(matrix, x)
        out = np.empty(len(matrix), object)
        for k, coefficients in enumerate(matrix):
            out[k] = self._weighted_sum(coefficients, x, kind)
        return out.reshape(_row_shape(node))

    def _weighted_sum(self, coefficients: np.ndarray, x: np.ndarray, kind: str) -> Operand:
        terms: list[Operand] = []
        row, racks = 0, self.build.racks
        while row < len(x):
            weights = coefficients[row : row + racks]
            run = racks > 1 and row + racks <= len(x) and self.build.is_run(x[row : row + racks])
            if run and np.count_nonzero(weights) > _FEW:
                scaled = self.build.made(True, "multiply", (Rack(x[row].made), self.build.number_per_rack(weights)))
                terms.append(self.build.made(True, "over_racks_add", (scaled,)))
                row += racks
                continue
            if coefficients[row]:
                scale = Const(float(coefficients[row]))
                terms.append(self.build.made(False, "multiply", (x[row], scale), None, False, kind))
            row += 1
        total: Operand = Const(0.0)
        for term in terms:
            total = self.build.made(False, "add", (total, term), None, False, kind)
        return total

    def _rack_product(self, matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
        """A product with one row a rack: a pick, a full product in the loop, or a sum over few columns."""
        out = np.empty(self.build.racks, object)
        if ((matrix != 0).sum(axis=1) == 1).all() and set(np.unique(matrix)) <= {0.0, 1.0}:
            return x[matrix.argmax(axis=1)]
        if len(x) == self.build.racks and np.count_nonzero(matrix) > _FEW * self.build.racks:
            column = self.build.together(x)
            if not isinstance(column, (Rack, Gather)):
                raise Untraceable("a product of matrices with rows that are all alike")
            if isinstance(column, Gather):
                column = self.build.made(True, "same", (column,))
            assert isinstance(column, Rack)
            whole = Gather(column.made, tuple(range(self.build.racks)))
            self.build.spread(self.build.made(True, "product", (whole,), tuple(map(float, matrix.reshape(-1)))), out, 0)
            return out
        total: Operand = Const(0.0)
        for coefficients, row in zip(matrix.T, x, strict=True):
            weights = self.build.number_per_rack(coefficients)
            args = (row, weights)
            term = self.build.made(per_rack(args), "multiply", args)
            total = self.build.made(per_rack((total, term)), "add", (total, term))
        self.build.spread(total, out, 0)
        return out

    # ---- operands of nodes ------------------------------------------------------------------------------------------

    def _rows(self, node: Node, k: int) -> np.ndarray:
        return self._rows_of(node.operands[k])

    def _rows_of(self, node: Node) -> np.ndarray:
        if node.kind == "constant" and node.index not in self.rows_of:
            self.rows_of[node.index] = self._constant(node)
        return self.rows_of[node.index]

    def _all_rows(self, node: Node) -> list[np.ndarray]:
        return [self._rows(node, k) for k in range(len(node.operands))]

    def _all_numbers(self, node: Node) -> list[np.ndarray]:
        """Rows of the operands, masks as 0 and 1."""
        return [
            self.build.elementwise("number", [self._rows(node, k)], _row_shape(n))
            if n.value.dtype == bool and n.kind != "constant"
            else self._rows(node, k)
            for k, n in enumerate(node.operands)
        ]

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
            for start, length in self.build.groups(_row_shape(carried)):
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
            rows, shape = self._rows_of(node), _row_shape(node)
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
        shape = _row_shape(node)
        if shape and node.kind in ("ufunc", "reduce"):
            weight[shape[-1]] += int(np.prod(shape))
    racks = max(weight, key=lambda n: (weight[n], n), default=1)
    leading = {
        _row_shape(n)
        for n in nodes
        if n.kind == "concat" and _row_shape(n.operands[0]) == (racks,) and n.value.ndim == 2
    }
    return racks, leading


def _row_shape(node: Node) -> tuple[int, ...]:
    return node.value.shape[:-1] if node.value.ndim else ()


def _as_rows(x: Any) -> np.ndarray:
    """What numpy picked from an array of operands: a single one too as an array."""
    return x if isinstance(x, np.ndarray) else alone(x)
