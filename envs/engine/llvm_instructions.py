"""The instructions of statements: one each, or one call of a function that is inlined."""

from __future__ import annotations

from collections.abc import Sequence

from envs.engine.llvm_values import SIZES, Values
from envs.engine.program import WHOLE, WIDE, Gather, GivenMatrix, Stage, Statement

_ARITHMETIC = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_COMPARED = {
    "greater": "ogt",
    "greater_equal": "oge",
    "less": "olt",
    "less_equal": "ole",
    "equal": "oeq",
    "not_equal": "une",
}
_CALLED = ("maximum", "minimum", "exp", "log", "expm1", "log1p", "power")
_BUILT_IN = {"sqrt": "sqrt", "absolute": "fabs", "rint": "rint", "ceil": "ceil", "floor": "floor"}
_WHOLE_ARITHMETIC = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "shift": "lshr",
    "remainder": "srem",
}
_WHOLE_COMPARED = {
    "greater": "sgt",
    "greater_equal": "sge",
    "less": "slt",
    "less_equal": "sle",
    "equal": "eq",
    "not_equal": "ne",
}
#: Operations between kinds: the instruction, and the kind that it takes.
_BETWEEN_KINDS = {
    "widen": ("fpext", ""),
    "narrow": ("fptrunc", WIDE),
    "number_of_whole": ("sitofp", WHOLE),
    "single": ("", ""),
}
ACROSS = "%across"


class Instructions(Values):
    """Writes statements."""

    def _statement(self, s: Statement) -> None:
        """One instruction, or one call of a function that is inlined."""
        name, of = f"%v{s.number}", self.of
        if s.op == "product":
            self._product(s, name)
            return
        if s.op == "across":
            self._store_across(s)
            return
        if s.op == "store":
            self._store(s)
            return
        if s.op == "note":
            self._note(s)
            return
        if s.op == "packed":
            for k, x in enumerate(s.args):
                self._keep(self._packs[s], k, self._operand(x, s.mask), s.mask)
            return
        if s.op == "lookup":
            self._look_up(s, name)
            return
        if s.kind or s.op in _BETWEEN_KINDS or s.op == "select":
            self._value(self._of_kind(s), name)
            return
        masks = s.op in ("and", "or", "xor", "not", "number") or (s.op == "same" and s.mask)
        args = [self._operand(x, masks) for x in s.args]
        if s.op == "number":
            self._as_number(args[0], name)
            return
        if s.op in _ARITHMETIC:
            text = f"{_ARITHMETIC[s.op]} {of.vector} {args[0]}, {args[1]}"
        elif s.op in _COMPARED:
            text = f"fcmp {_COMPARED[s.op]} {of.vector} {args[0]}, {args[1]}"
        elif s.op in _CALLED:
            text = f"call {of.vector} @v_{s.op}{of.label}({', '.join(f'{of.vector} {a}' for a in args)})"
        elif s.op in _BUILT_IN:
            text = f"call {of.vector} @llvm.{_BUILT_IN[s.op]}.{of.suffix}({of.vector} {args[0]})"
        elif s.op == "negative":
            text = f"fneg {of.vector} {args[0]}"
        elif s.op == "square":
            text = f"fmul {of.vector} {args[0]}, {args[0]}"
        elif s.op in ("and", "or", "xor"):
            text = f"{s.op} {of.mask} {args[0]}, {args[1]}"
        elif s.op == "not":
            text = f"xor {of.mask} {args[0]}, splat (i1 true)"
        else:
            assert s.op == "same", s.op
            kind = of.mask if s.mask else of.vector
            text = f"select i1 true, {kind} {args[0]}, {kind} {args[0]}"
        self._value(text, name)

    def _of_kind(self, s: Statement) -> str:
        """Instruction of a statement on values of another kind, or between two kinds."""
        of, kind = self.of, s.kind
        vector = of.vector_of(kind)
        if s.op == "select":
            mask = self._operand(s.args[0], True)
            kept = of.mask if s.mask else vector
            a, b = (self._operand(x, s.mask, kind) for x in s.args[1:])
            return f"select {of.mask} {mask}, {kept} {a}, {kept} {b}"
        if s.op == "single":
            small = f"<{of.lanes} x float>"
            rounded = self._value(f"fptrunc {vector} {self._operand(s.args[0])} to {small}")
            return f"fpext {small} {rounded} to {vector}"
        if s.op in _BETWEEN_KINDS:
            how, own = _BETWEEN_KINDS[s.op]
            return f"{how} {of.vector_of(own)} {self._operand(s.args[0], kind=own)} to {vector}"
        args = [self._operand(x, kind=kind) for x in s.args]
        if s.op in _COMPARED:
            return (
                f"icmp {_WHOLE_COMPARED[s.op]} {vector} {args[0]}, {args[1]}"
                if kind == WHOLE
                else (f"fcmp {_COMPARED[s.op]} {vector} {args[0]}, {args[1]}")
            )
        if kind == WHOLE:
            return f"{_WHOLE_ARITHMETIC[s.op]} {vector} {args[0]}, {args[1]}"
        if s.op in ("maximum", "minimum"):
            mask = self._value(f"fcmp {'ogt' if s.op == 'maximum' else 'olt'} {vector} {args[0]}, {args[1]}")
            return f"select {of.mask} {mask}, {vector} {args[0]}, {vector} {args[1]}"
        if s.op == "negative":
            return f"fneg {vector} {args[0]}"
        if s.op == "absolute":
            return f"call {vector} @llvm.fabs.{of.of_kind(kind).suffix}({vector} {args[0]})"
        if s.op == "square":
            return f"fmul {vector} {args[0]}, {args[0]}"
        return f"{_ARITHMETIC[s.op]} {vector} {args[0]}, {args[1]}"

    def _each_lane(self, vector: str, kind: str) -> list[str]:
        return [
            self._value(f"extractelement {self.of.vector_of(kind)} {vector}, i64 {k}") for k in range(self.of.lanes)
        ]

    def _look_up(self, s: Statement, name: str) -> None:
        """Numbers of a table at places that differ from site to site."""
        assert isinstance(s.extra, tuple)
        table, of = self._table("number", s.extra), self.of
        found = "poison"
        places = self._each_lane(self._operand(s.args[0], kind=WHOLE), WHOLE)
        for k, place in enumerate(places):
            one = self._value(f"load {of.number}, ptr {self._at(table, place, of.number)}, align {of.size}")
            last = name if k == len(places) - 1 else None
            found = self._value(f"insertelement {of.vector} {found}, {of.number} {one}, i64 {k}", last)

    def _store(self, s: Statement) -> None:
        """Write a row of a block."""
        value, of, rack = self._operand(s.args[0], kind=s.kind), self.of, self._rack or 0
        number, block = of.number_of(s.kind), f"%out_{s.kind}" if s.kind else "%out"
        assert isinstance(s.extra, int)
        place = self._row(block, "%stride_out", self._sum(s.extra, rack), number)
        self._line(f"store {of.vector_of(s.kind)} {value}, ptr {place}, align {SIZES[number]}")
        self._ask_for_next(place, number, written=True)

    def _note(self, s: Statement) -> None:
        """Write down what a value is in this turn, for the second loop."""
        value = self._operand(s.args[0], s.mask)
        place = self._place_of_note(s, f"%turn_k{int(Stage.TURN)}", self._rack or 0)
        value = self._as_number(value) if s.mask else value
        self._line(f"store {self.of.vector} {value}, ptr {place}, align {self._alignment}")

    def _store_across(self, s: Statement) -> None:
        """One column of a block that has the sites first; lanes without a site write into its last rows."""
        assert isinstance(s.extra, int)
        column, of = self._sum(s.extra, self._rack or 0), self.of
        first = self._at(ACROSS, column, of.number)
        for k, number in enumerate(self._each_lane(self._operand(s.args[0]), "")):
            place = self._at(first, k * self.program.across, of.number)
            self._line(f"store {of.number} {number}, ptr {place}, align {of.size}")

    def _product(self, s: Statement, name: str) -> None:
        """One row of a matrix times the vector of all racks; it was made before the loop over racks."""
        place = self._scratch(self.slots[s], self._rack or 0)
        self._value(f"load {self.of.vector}, ptr {place}, align {self._alignment}", name)

    def _products(self, s: Statement, rows: int, columns: Sequence[int]) -> None:
        """Some rows of a matrix times the vector of all racks, from the rack of the loop on, into scratch memory.

        Each sum runs from rack to rack, as if it were alone; side by side they do not wait for each other.
        """
        (x,) = s.args
        assert isinstance(x, Gather) and isinstance(s.extra, (tuple, GivenMatrix))
        racks, turned = self.program.racks, isinstance(s.extra, GivenMatrix) and s.extra.transposed
        table = f"%pool{s.extra.pool}" if isinstance(s.extra, GivenMatrix) else self._table("number", s.extra)
        first = self._rack or 0 if turned else self._value(f"mul i64 {self._rack}, {racks}")
        totals = [self.of.all(0.0)] * rows
        for k in columns:
            value = self._load(x.made, k)
            for row in range(rows):
                place = k * racks + row if turned else row * racks + k
                weight = self._number_of_table(table, self._sum(place, first))
                term = self._value(f"fmul {self.of.vector} {weight}, {value}")
                totals[row] = self._value(f"fadd {self.of.vector} {totals[row]}, {term}")
        for row, total in enumerate(totals):
            self._keep(self.slots[s], self._sum(row, self._rack or 0), total, False)
