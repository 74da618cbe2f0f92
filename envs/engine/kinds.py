"""Kinds of numbers in a program: its own precision, float64 beside float32, and integers of 64 bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.engine.program import WHOLE, WIDE, Const, Table
from envs.engine.record import Node, Untraceable
from envs.engine.statements import Statements, alone, kind_of

#: What turns a value of one kind into another: from, to, operation.
_CONVERSIONS = {
    ("", WIDE): "widen",
    (WIDE, ""): "narrow",
    (WHOLE, ""): "number_of_whole",
    (WHOLE, WIDE): "number_of_whole",
}


def is_whole(dtype: np.dtype) -> bool:
    """Whether numbers of a dtype need all of 64 bits; shorter integers are exact as numbers of a program."""
    return dtype.kind in "iu" and dtype.itemsize == np.dtype(np.int64).itemsize


class Kinds:
    """Gives rows of operands the kind that an operation works on.

    Parameters
    ----------
    build : Statements
    """

    def __init__(self, build: Statements) -> None:
        self.build = build
        self.double = build.dtype == np.float64

    def of(self, dtype: np.dtype, *operands: np.ndarray) -> str:
        """Kind of a result of ``dtype`` that is made of these rows: integers are whole where an operand is."""
        if dtype.kind == "f":
            return WIDE if dtype == np.float64 and not self.double else ""
        found = {kind_of(x) for rows in operands for x in rows.reshape(-1)}
        if dtype.kind in "iu":
            return WHOLE if WHOLE in found else ""
        return ""

    def compared(self, node: Node, operands: Sequence[np.ndarray]) -> str:
        """Kind in which the operands of a comparison meet."""
        return self.of(np.result_type(*(n.value.dtype for n in node.operands)), *operands)

    def rows_as(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """Rows of numbers as rows of a kind."""
        out = rows.reshape(-1).copy()
        for k, x in enumerate(out):
            own = kind_of(x)
            if isinstance(x, (Const, Table)) or own == kind:
                continue
            if (own, kind) not in _CONVERSIONS:
                raise Untraceable(f"numbers that become {kind or 'float'} ones")
            out[k] = self.build.made(False, _CONVERSIONS[own, kind], (x,), None, False, kind)
        return out.reshape(rows.shape)

    def cast(self, rows: np.ndarray, old: np.dtype, new: np.dtype) -> np.ndarray:
        """Rows of numbers as another dtype; masks have become numbers before."""
        kind = self.of(new, rows)
        if old.kind == "f" and new.kind in "iu":
            raise Untraceable("a cast to whole numbers")
        if self.double and old == np.float64 and new == np.float32:
            return self.build.elementwise("single", [rows], rows.shape)
        return self.rows_as(kind, rows)

    def selected(self, node: Node, cases: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """`np.where`: the second rows where the first hold, else the third."""
        kind = self.of(node.value.dtype, *cases[1:])
        condition = cases[0]
        if node.operands[0].value.dtype != bool:
            condition = self.build.elementwise("not_equal", [condition, alone(Const(0.0))], condition.shape, mask=True)
        mask = node.value.dtype == bool
        parts = [condition, *(x if mask else self.rows_as(kind, x) for x in cases[1:])]
        return self.build.elementwise("select", parts, shape, mask, kind)

    def looked_up(self, table: np.ndarray, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of a table of one column at rows of integers, which must lie inside it."""
        numbers = tuple(map(float, table.reshape(-1)))
        out = np.empty(index.size, object)
        for k, x in enumerate(index.reshape(-1)):
            if kind_of(x) != WHOLE:
                raise Untraceable("a lookup by numbers that are not whole")
            out[k] = self.build.made(False, "lookup", (x,), numbers)
        return out.reshape(shape)

    def running_sums(self, rows: np.ndarray, kind: str) -> np.ndarray:
        """Sums of the first rows, one row more each time."""
        columns = rows.reshape(len(rows), -1).copy()
        for k in range(1, len(rows)):
            for c, x in enumerate(columns[k]):
                columns[k, c] = self.build.made(False, "add", (columns[k - 1, c], x), None, False, kind)
        return columns.reshape(rows.shape)
