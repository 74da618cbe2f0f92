"""How each operation of a program hands a cotangent back to its operands.

A comparison, a mask, what is made of masks alone, rounding and integers hand nothing back: a switch has the gradient of
the branch that was taken. Of two equal numbers the first is the maximum; extremes over racks are shared by those that
are equal. Where a slope is infinite (a root or a power at 0) it counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from envs.engine.program import Const, Operand, Statement
from envs.engine.statements import Statements, per_rack

#: What hands nothing back, whatever it reads.
FLAT = (
    *("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "and", "or", "xor", "not", "number"),
    *("rint", "ceil", "floor", "lookup", "number_of_whole"),
)
ZERO, ONE, HALF = Const(0.0), Const(1.0), Const(0.5)


class Partials:
    """Partial derivatives as statements.

    Parameters
    ----------
    build : Statements
        Where the statements go.
    """

    def __init__(self, build: Statements) -> None:
        self.build = build

    def of(self, op: str, *args: Operand, mask: bool = False) -> Operand:
        """Value of an operation, per rack where an operand is."""
        return self.build.made(per_rack(args), op, args, None, mask)

    def sum(self, a: Operand | None, b: Operand) -> Operand:
        """Sum of two cotangents, of which the first may be missing."""
        return b if a is None else self.of("add", a, b)

    def where(self, mask: Operand, x: Operand) -> Operand:
        """``x`` where the mask holds, else 0, whatever ``x`` is there."""
        return self.of("select", mask, x, ZERO)

    def handed_back(
        self, statement: Statement, args: tuple[Operand, ...], result: Operand, d: Operand
    ) -> Iterator[Operand]:
        """Cotangent of each operand of an elementwise statement, in their order.

        Parameters
        ----------
        statement : Statement
            The operation; its own operands are not read.
        args : tuple of Operand
            Operands, as the adjoint program knows them.
        result : Operand
            Its value there.
        d : Operand
            Cotangent of the value.
        """
        op = statement.op
        if op == "select":
            yield ZERO
            yield self.where(args[0], d)
            yield self.of("select", args[0], ZERO, d)
        elif len(args) == 1:
            yield self._of_one(op, args[0], result, d)
        else:
            first, second = args
            yield from self._of_two(op, first, second, result, d)

    def _of_one(self, op: str, x: Operand, result: Operand, d: Operand) -> Operand:
        of = self.of
        if op in ("same", "widen", "narrow", "single"):
            return d
        if op == "negative":
            return of("negative", d)
        if op == "square":
            return of("multiply", d, of("add", x, x))
        if op == "sqrt":
            slope = of("divide", of("multiply", d, HALF), result)
            return self.where(of("greater", result, ZERO, mask=True), slope)
        if op == "exp":
            return of("multiply", d, result)
        if op == "expm1":
            return of("multiply", d, of("add", result, ONE))
        if op == "log":
            return of("divide", d, x)
        if op == "log1p":
            return of("divide", d, of("add", x, ONE))
        assert op == "absolute", op
        above = self.where(of("greater", x, ZERO, mask=True), d)
        return of("subtract", above, self.where(of("less", x, ZERO, mask=True), d))

    def _of_two(self, op: str, a: Operand, b: Operand, result: Operand, d: Operand) -> Iterator[Operand]:
        of = self.of
        if op == "add":
            yield from (d, d)
        elif op == "subtract":
            yield d
            yield of("negative", d)
        elif op == "multiply":
            yield of("multiply", d, b)
            yield of("multiply", d, a)
        elif op == "divide":
            share = of("divide", d, b)
            yield share
            yield of("negative", of("multiply", share, result))
        elif op in ("maximum", "minimum"):
            first = of("greater_equal" if op == "maximum" else "less_equal", a, b, mask=True)
            yield self.where(first, d)
            yield of("select", first, ZERO, d)
        else:
            assert op == "power", op
            above = of("greater", a, ZERO, mask=True)
            moved = of("multiply", d, result)
            yield self.where(above, of("divide", of("multiply", moved, b), a))
            yield self.where(above, of("multiply", moved, of("log", a)))
