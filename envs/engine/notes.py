"""What the first program of an adjoint leaves for the second, and what of a program has slopes at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from envs.engine.partials import FLAT
from envs.engine.program import (
    STORES,
    WHOLE,
    Const,
    Lane,
    Program,
    Rack,
    Stage,
    Statement,
    Table,
    operands_of,
)


class Notes:
    """What the forward program leaves behind its results: first values of each turn, and what is read of the last."""

    def __init__(self, program: Program) -> None:
        self.primal = program
        self.of_turn = [stands for stands, _, _ in program.carried]
        behind = [made for s in program.statements if s.stage == Stage.AFTER for made in operands_of(s)]
        self.of_last = [made for made in dict.fromkeys(behind) if made.stage == Stage.TURN]
        self._number()

    def keep(self, read: set[Statement]) -> None:
        """Leave out what nobody reads."""
        self.of_turn = [s for s in self.of_turn if s in read]
        self.of_last = [s for s in self.of_last if s in read]
        self._number()

    def _number(self) -> None:
        self.row: dict[Statement, int] = {}
        self.per_turn = self._place(self.of_turn, self.primal.rows_out) - self.primal.rows_out
        self.end = self._place(self.of_last, self.primal.rows_out + self.primal.times * self.per_turn)

    def _place(self, statements: Sequence[Statement], row: int) -> int:
        for s in statements:
            self.row[s] = row
            row += self.primal.racks if leaves_racks(s) else 1
        return row

    def extra(self, s: Statement) -> tuple[int, ...]:
        """What a statement that reads the note says beside its operation."""
        block = len(self.primal.rows)
        return (block, self.row[s], self.per_turn) if s.op == "carried" else (block, self.row[s])

    def program(self) -> Program:
        """The program with the stores of what is noted."""
        primal = self.primal
        number = 1 + max(s.number for s in primal.statements)
        stores: list[Statement] = []

        def store(made: Statement, op: str, extra: object, stage: Stage) -> None:
            x = Rack(made) if leaves_racks(made) else Lane(made)
            if made.mask:
                stores.append(Statement(number + len(stores), leaves_racks(made), "number", (x,), None, False, stage))
                x = Rack(stores[-1]) if leaves_racks(made) else Lane(stores[-1])
            stores.append(Statement(number + len(stores), leaves_racks(made), op, (x,), extra, False, stage))

        for made in self.of_turn:
            store(made, "store_turn", (self.row[made], self.per_turn), Stage.TURN)
        for made in self.of_last:
            store(made, "store", self.row[made], Stage.AFTER)
        statements, carried = [*primal.statements, *stores], list(primal.carried)
        return replace(primal, statements=statements, carried=carried, rows_out=self.end)


def leaves_racks(s: Statement) -> bool:
    """Whether a statement leaves one value for each rack."""
    return s.in_racks and not s.reduces


def with_slopes(program: Program, wanted: Callable[[int, int], bool]) -> set[Statement]:
    """Statements that depend on a wanted argument by slopes, and on which a result depends by slopes."""
    varied: set[Statement] = set()
    useful: set[Statement] = set()
    grown = True
    while grown:
        grown = False
        for s in program.statements:
            if s in varied or s.mask or s.op in FLAT or s.kind == WHOLE:
                continue
            if s.op == "input":
                assert isinstance(s.extra, tuple)
                moves = not s.kind and s.extra[0] < len(program.rows) and wanted(*s.extra)
            else:
                moves = any(made in varied for made in operands_of(s))
            if moves:
                varied.add(s)
        for stands, first, new in program.carried:
            moves = any(x.made in varied for x in (first, new) if not isinstance(x, (Const, Table)))
            if moves and stands not in varied:
                varied.add(stands)
                grown = True
    grown = True
    while grown:
        grown = False
        for s in reversed(program.statements):
            if (s.op in STORES and not s.kind) or (s in useful and s.op not in FLAT):
                useful.update(made for made in operands_of(s) if made in varied)
        for stands, first, new in program.carried:
            for x in (first, new) if stands in useful else ():
                if not isinstance(x, (Const, Table)) and x.made in varied and x.made not in useful:
                    useful.add(x.made)
                    grown = True
    return useful
