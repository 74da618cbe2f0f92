"""One site: statements of sites on single numbers, loops over racks on vectors of racks.

Every number is made by the operations of the other form in the same order, sums over racks too, so it has the same
bits. Blocks have stride 1: rows of racks lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from envs.engine.llvm_instructions import ACROSS
from envs.engine.llvm_math import VectorType, math_text
from envs.engine.llvm_writer import FIRST, Writer
from envs.engine.program import SOURCES, Const, Element, Gather, GivenMatrix, Lane, Operand, Program, Statement, Table

_REGISTER = 16  # numbers
_MOST_AT_ONCE = 32
_SUMS_AT_ONCE = 16


def racks_at_once(racks: int) -> int:
    """Racks of a vector: a divisor of them all that fills registers well."""
    divisors = [w for w in range(1, min(racks, _MOST_AT_ONCE) + 1) if racks % w == 0]
    return max(divisors, key=lambda w: (racks == w, w / (_REGISTER * -(-w // _REGISTER)), w))


class OneSite(Writer):
    """Writes a program for one site."""

    def __init__(self, program: Program) -> None:
        super().__init__(program, 1)
        self._site = self.of
        self._racks_of = VectorType(racks_at_once(program.racks), program.double, "_racks")

    # ---- memory -----------------------------------------------------------------------------------------------------

    @property
    def _alignment(self) -> int:
        return self.of.size

    def _scratch(self, first: int, index: str | int) -> str:
        return self._at("%scratch", self._sum(first, index), self.of.number)

    def _ask_ahead(self, place: str, size: int, written: bool) -> None:
        """There is no other tile."""

    def _load_row(self, source: Statement, index: str | int) -> str:
        assert isinstance(source.extra, tuple)
        block, row = source.extra
        if block < len(self.program.rows):
            return super()._load_row(source, index)
        place = self._at(f"%area{block - len(self.program.rows)}", self._sum(row, index), self.of.number)
        return self._value(f"load {self.of.vector}, ptr {place}, align {self.of.size}")

    def _spread(self, one: str, mask: bool) -> str:
        """A value of the site for each rack of a vector."""
        a, n = ("<1 x i1>" if mask else self._site.vector), self.of.lanes
        return self._value(f"shufflevector {a} {one}, {a} poison, <{n} x i32> zeroinitializer")

    # ---- operands ---------------------------------------------------------------------------------------------------

    def _operand(self, x: Operand, as_mask: bool = False, kind: str = "") -> str:
        if self._rack is None or isinstance(x, Const):
            return super()._operand(x, as_mask, kind)
        if isinstance(x, Table):
            place = self._at(self._table("number", x.values), self._rack, self.of.number)
            numbers = self._value(f"load {self.of.vector}, ptr {place}, align {self.of.size}")
            return self._as_mask(numbers) if as_mask else numbers
        if isinstance(x, (Lane, Element)):
            self.of = self._site
            one = super()._operand(x)
            self.of = self._racks_of
            return self._spread(one, x.made.mask)
        if isinstance(x, Gather):
            return self._picked(x)
        if x.made.op not in SOURCES and self.plan.phase_of[x.made] == self._here:
            return f"%v{x.made.number}"
        return self._load(x.made, self._rack)

    def _picked(self, x: Gather) -> str:
        """Values for fixed racks, one for each rack of the vector."""
        found, made = "poison", x.made
        for k in range(self.of.lanes):
            if isinstance(self._rack, int):
                index: str | int = x.index[self._rack + k]
            else:
                place = self._at(self._table("index", x.index), self._sum(k, self._rack or 0), "i64")
                index = self._value(f"load i64, ptr {place}, align 8")
            place = self._place_of(made, index)
            one = self._value(f"load {self.of.number}, ptr {place}, align {self.of.size}")
            found = self._value(f"insertelement {self.of.vector} {found}, {self.of.number} {one}, i64 {k}")
        return self._as_mask(found) if made.mask else found

    def _place_of(self, made: Statement, index: str | int) -> str:
        """Where the number of a rack stands, or of an entry of a packed list."""
        if made.op != "input":
            return self._scratch(self._packs[made] if made.op == "packed" else self.slots[made], index)
        assert isinstance(made.extra, tuple)
        block, row = made.extra
        own = block < len(self.program.rows)
        base = f"%in{block}" if own else f"%area{block - len(self.program.rows)}"
        return self._at(base, self._sum(row, index), self.of.number)

    # ---- statements -------------------------------------------------------------------------------------------------

    def _store_across(self, s: Statement) -> None:
        assert isinstance(s.extra, int)
        place = self._at(ACROSS, self._sum(s.extra, self._rack or 0), self.of.number)
        self._line(f"store {self.of.vector} {self._operand(s.args[0])}, ptr {place}, align {self.of.size}")

    def _product(self, s: Statement, name: str) -> None:
        (x,) = s.args
        if isinstance(s.extra, GivenMatrix):
            self._given_product(s.extra, x, name)
            return
        assert isinstance(x, Gather) and isinstance(s.extra, tuple)
        n = self.program.racks
        columns = tuple(s.extra[row * n + k] for k in range(n) for row in range(n))
        table, total, v = self._table("number", columns), self.of.all(0.0), self.of.vector
        for k in range(n):
            place = self._at(table, self._sum(k * n, self._rack or 0), self.of.number)
            weights = self._value(f"load {v}, ptr {place}, align {self.of.size}")
            term = self._value(f"fmul {v} {weights}, {self._operand(Element(x.made, k))}")
            total = self._value(f"fadd {v} {total}, {term}", name if k == n - 1 else None)

    def _given_product(self, matrix: GivenMatrix, x: Operand, name: str) -> None:
        """A product with a matrix that is an argument: the weights of a column are picked number by number."""
        assert isinstance(x, Gather) and not matrix.transposed, "only gradients turn a matrix, and never of one site"
        n, total, of = self.program.racks, self.of.all(0.0), self.of
        for k in range(n):
            weights = "poison"
            for lane in range(of.lanes):
                row = self._value(f"mul i64 {self._sum(lane, self._rack or 0)}, {n}")
                place = self._at(f"%pool{matrix.pool}", self._sum(k, row), of.number)
                one = self._value(f"load {of.number}, ptr {place}, align {of.size}")
                weights = self._value(f"insertelement {of.vector} {weights}, {of.number} {one}, i64 {lane}")
            term = self._value(f"fmul {of.vector} {weights}, {self._operand(Element(x.made, k))}")
            total = self._value(f"fadd {of.vector} {total}, {term}", name if k == n - 1 else None)

    def _before_racks(self, statements: Sequence[Statement]) -> None:
        """Products are made in the loop itself: a vector holds many racks."""

    def _racks(self, statements: Sequence[Statement]) -> None:
        self._waiting: list[tuple[Statement, str]] = []
        super()._racks(statements)
        for start in range(0, len(self._waiting), _SUMS_AT_ONCE):
            self._sums(self._waiting[start : start + _SUMS_AT_ONCE])

    def _gathered_up(self, s: Statement, x: str) -> None:
        op, site, number = s.op.removeprefix("over_racks_"), self._site.vector, self.of.number
        if op == "add" and isinstance(self._rack, int):
            self._waiting.append((s, x))
            return
        total = f"%sum{s.number}" if isinstance(self._rack, str) else self._site.all(FIRST[op])
        for k in range(self.of.lanes):
            one = self._value(f"extractelement {self.of.vector} {x}, i64 {k}")
            one = self._value(f"insertelement {site} poison, {number} {one}, i64 0")
            last = f"%v{s.number}" if k == self.of.lanes - 1 else None
            if op == "add":
                total = self._value(f"fadd {site} {total}, {one}", last)
            else:
                total = self._value(f"call {site} @v_{op}({site} {total}, {site} {one})", last)

    def _sums(self, wanted: Sequence[tuple[Statement, str]]) -> None:
        """Several sums over all racks side by side, each rack after rack: vectors of racks are turned first."""
        number, racks, width = self.of.number, self.of.lanes, 1 << (len(wanted) - 1).bit_length()
        rows, lanes = [x for _, x in wanted] + ["poison"] * (width - len(wanted)), racks
        while len(rows) > 1:
            mask = ", ".join(f"i32 {k}, i32 {lanes + k}" for k in range(lanes))
            pairs, unit = zip(rows[: len(rows) // 2], rows[len(rows) // 2 :]), f"<{lanes} x {number}>"
            lanes *= 2
            rows = [self._value(f"shufflevector {unit} {a}, {unit} {b}, <{lanes} x i32> <{mask}>") for a, b in pairs]
        of, all_racks = VectorType(width, self.of.double), f"<{lanes} x {number}>"
        total = of.all(FIRST["add"])
        for k in range(racks):
            mask = ", ".join(f"i32 {k * width + j}" for j in range(width))
            part = self._value(f"shufflevector {all_racks} {rows[0]}, {all_racks} poison, <{width} x i32> <{mask}>")
            total = self._value(f"fadd {of.vector} {total}, {part}")
        for k, (s, _) in enumerate(wanted):
            one = self._value(f"extractelement {of.vector} {total}, i64 {k}")
            self._value(f"insertelement {self._site.vector} poison, {number} {one}, i64 0", f"%v{s.number}")

    # ---- loops ------------------------------------------------------------------------------------------------------

    def _over_racks(
        self,
        name: str,
        sums: Sequence[Statement],
        body: Callable[[], None],
        at_once: int | None = None,
        some: tuple[int, int] | None = None,
    ) -> None:
        if self._racks_of.lanes == self.program.racks:
            self.of, self._rack = self._racks_of, 0
            body()
            self.of, self._rack = self._site, None
            return

        def on_vectors() -> None:
            self.of = self._racks_of
            body()
            self.of = self._site

        super()._over_racks(name, sums, on_vectors)

    def _racks_of_a_turn(self) -> int:
        return self._racks_of.lanes

    def _math(self) -> str:
        return math_text(self._site) + "\n" + math_text(self._racks_of)
