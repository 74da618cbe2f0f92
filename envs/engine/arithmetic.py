"""Arithmetic of recorded nodes as statements: functions of elements, reductions, products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.engine.kinds import Kinds, is_whole
from envs.engine.program import WHOLE, WIDE, Const, Gather, GivenMatrix, Operand, Rack
from envs.engine.record import Node, Untraceable
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
    "ceil": "ceil",
    "floor": "floor",
}
_WHOLE_OPERATIONS = {
    **{name: name for name in ("add", "subtract", "multiply", "remainder")},
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


class Arithmetic:
    """Makes the statements of nodes that compute.

    Attributes
    ----------
    build : Statements
    kinds : Kinds
    rows_of : dict of int to ndarray
        Operands of the rows of each node, by its index.
    matrices : dict of int to int
        Which pool of the arguments each matrix is that is one of them, by the identity of its array.
    """

    build: Statements
    kinds: Kinds
    rows_of: dict[int, np.ndarray]
    matrices: dict[int, int]

    # ---- functions -------------------------------------------------------------------------------------------------

    def _ufunc(self, node: Node) -> np.ndarray:
        ufunc, name, shape = node.detail[0], node.detail[0].__name__, row_shape(node)
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
            total = as_rows(moved[0])
            for part in moved[1:]:
                total = self.build.elementwise(op, [as_rows(total), as_rows(part)], shape, mask, kind)
        else:
            total = np.empty(int(np.prod(shape)), object)
            for k, column in enumerate(moved.reshape(len(moved), -1).T):
                total[k] = self._joined(op, column, mask)
        return total.reshape(row_shape(node))

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
        if id(weights.value) in self.matrices:
            return self._given_product(weights.value, self._rows(node, 1))
        matrix = np.atleast_2d(weights.value).astype(np.float64 if kind else self.build.dtype)
        x = self.kinds.rows_as(kind, self._rows(node, 1))
        if not kind and self.build.racks > 1 and len(matrix) == self.build.racks:
            return self._rack_product(matrix, x)
        out = np.empty(len(matrix), object)
        for k, coefficients in enumerate(matrix):
            out[k] = self._weighted_sum(coefficients, x, kind)
        return out.reshape(row_shape(node))

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
            return self._full_product(tuple(map(float, matrix.reshape(-1))), x)
        total: Operand = Const(0.0)
        for coefficients, row in zip(matrix.T, x, strict=True):
            weights = self.build.number_per_rack(coefficients)
            args = (row, weights)
            term = self.build.made(per_rack(args), "multiply", args)
            total = self.build.made(per_rack((total, term)), "add", (total, term))
        self.build.spread(total, out, 0)
        return out

    def _given_product(self, matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
        """A product with a matrix that is an argument."""
        racks = self.build.racks
        if matrix.shape != (racks, racks) or len(x) != racks or racks == 1 or matrix.dtype != self.build.dtype:
            raise Untraceable(f"a matrix of shape {matrix.shape} and {matrix.dtype} as an argument")
        return self._full_product(GivenMatrix(self.matrices[id(matrix)]), x)

    def _full_product(self, matrix: tuple[float, ...] | GivenMatrix, x: np.ndarray) -> np.ndarray:
        """A product of a matrix of racks with a value for each rack."""
        column = self.build.together(x)
        if not isinstance(column, (Rack, Gather)):
            raise Untraceable("a product of matrices with rows that are all alike")
        if isinstance(column, Gather):
            column = self.build.made(True, "same", (column,))
        assert isinstance(column, Rack)
        whole = Gather(column.made, tuple(range(self.build.racks)))
        out = np.empty(self.build.racks, object)
        self.build.spread(self.build.made(True, "product", (whole,), matrix), out, 0)
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
            self.build.elementwise("number", [self._rows(node, k)], row_shape(n))
            if n.value.dtype == bool and n.kind != "constant"
            else self._rows(node, k)
            for k, n in enumerate(node.operands)
        ]

    def _constant(self, node: Node) -> np.ndarray:
        value = node.value
        if value.ndim and value.shape[-1] != 1:
            if not np.array_equal(value, np.broadcast_to(value[..., :1], value.shape)):
                raise Untraceable("a constant that is longer than the batch")
            value = value[..., :1]
        out = np.empty(value.size, object)
        out[:] = [Const(v) for v in value.reshape(-1).astype(value.dtype if is_whole(value.dtype) else float).tolist()]
        return out.reshape(value.shape[:-1] if value.ndim else ())


def row_shape(node: Node) -> tuple[int, ...]:
    """Shape of a node without the batch."""
    return node.value.shape[:-1] if node.value.ndim else ()


def as_rows(x: Any) -> np.ndarray:
    """What numpy picked from an array of operands: a single one too as an array."""
    return x if isinstance(x, np.ndarray) else alone(x)
