"""What text of a program is made of: lines, places in memory, and the operands of statements."""

from __future__ import annotations

from envs.engine.llvm_math import VectorType
from envs.engine.program import (
    SOURCES,
    Const,
    Element,
    Gather,
    Lane,
    Operand,
    Program,
    Rack,
    Stage,
    Statement,
    Table,
    operands_of,
)
from envs.engine.schedule import Schedule, schedule
from envs.engine.scratch import scratch_slots

_READ = ("input", "noted")  # rows of blocks, and of notes
_LINE_BYTES, _NEAR = 64, 2  # of a cache; the second-level one
SIZES = {"float": 4, "double": 8, "i64": 8}


class Values:
    """Writes lines of a tile: ``of`` is the type of the vectors that are at hand.

    Parameters
    ----------
    program : Program
    lanes : int
        Sites of a tile.
    """

    def __init__(self, program: Program, lanes: int) -> None:
        self.program, self.of = program, VectorType(lanes, program.double)
        self.plan: Schedule = schedule(program)
        self.lines: list[str] = []
        self.tables: dict[tuple[str, tuple[float, ...] | tuple[int, ...]], str] = {}
        self._count = 0
        self._block = "entry"
        self._rack: str | int | None = None
        self._here: object = None
        self.slots = scratch_slots(program, self.plan)
        vectors = max(self.slots.values(), default=-program.racks) + program.racks
        self._packs: dict[Statement, int] = {}
        for s in program.statements:
            if s.op == "packed":
                self._packs[s] = vectors
                vectors += len(s.args)
        self._notes: dict[Statement, int] = {}
        self._notes_of_turn, self._first_note = 0, vectors
        for s in program.statements:
            if s.op == "note":
                self._notes[s] = self._notes_of_turn
                self._notes_of_turn += program.racks if s.in_racks else 1
        vectors += program.times * self._notes_of_turn
        self._areas = []
        for g in program.gathered:
            self._areas.append(vectors)
            vectors += g.columns
        self.scratch_bytes = vectors * lanes * self.of.size

    # ---- lines ------------------------------------------------------------------------------------------------------

    def _line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def _value(self, text: str, name: str | None = None) -> str:
        if name is None:
            name, self._count = f"%t{self._count}", self._count + 1
        self._line(f"{name} = {text}")
        return name

    def _label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self._block = name

    # ---- memory -----------------------------------------------------------------------------------------------------

    def _at(self, base: str, index: str | int, unit: str) -> str:
        return self._value(f"getelementptr inbounds {unit}, ptr {base}, i64 {index}")

    def _row(self, block: str, stride: str, row: str | int, number: str) -> str:
        return self._at(block, self._value(f"mul i64 {row}, {stride}"), number)

    def _load_row(self, source: Statement, index: str | int) -> str:
        """A row of a block that is read."""
        if source.op == "noted":
            return self._noted(source, index)
        assert isinstance(source.extra, tuple)
        block, row = source.extra
        if block >= len(self.program.rows):
            noted = self._at(f"%area{block - len(self.program.rows)}", self._sum(row, index), self.of.vector)
            return self._value(f"load {self.of.vector}, ptr {noted}, align {self._alignment}")
        number = self.of.number_of(source.kind)
        place = self._row(f"%in{block}", f"%stride{block}", self._sum(row, index), number)
        self._ask_for_next(place, number, written=False)
        return self._value(f"load {self.of.vector_of(source.kind)}, ptr {place}, align {SIZES[number]}")

    def _ask_for_next(self, place: str, number: str, written: bool) -> None:
        """Have the part of a row that the next tile reads or writes brought near: each lies in a page of its own."""
        per_line = _LINE_BYTES // SIZES[number]
        for first in range(0, self.of.lanes, per_line) if self.of.lanes >= per_line else ():
            ahead = self._at(place, self.of.lanes + first, number)
            self._line(f"call void @llvm.prefetch.p0(ptr {ahead}, i32 {int(written)}, i32 {_NEAR}, i32 1)")

    def _sum(self, row: int, index: str | int) -> str | int:
        return row + index if isinstance(index, int) else self._value(f"add i64 {index}, {row}")

    def _scratch(self, first: int, index: str | int) -> str:
        return self._at("%scratch", self._sum(first, index), self.of.vector)

    def _load(self, made: Statement, index: str | int) -> str:
        """The value of a rack statement, or of a packed list, that stands in memory."""
        if made.op in _READ:
            return self._load_row(made, index)
        first = self._packs[made] if made.op == "packed" else self.slots[made]
        loaded = self._value(f"load {self.of.vector}, ptr {self._scratch(first, index)}, align {self._alignment}")
        return self._as_mask(loaded) if made.mask else loaded

    def _keep(self, first: int, index: str | int, value: str, mask: bool) -> None:
        value = self._as_number(value) if mask else value
        self._line(f"store {self.of.vector} {value}, ptr {self._scratch(first, index)}, align {self._alignment}")

    def _place_of_note(self, note: Statement, turn: str, rack: str | int) -> str:
        """Where the note of a turn stands."""
        turns = self._value(f"mul i64 {turn}, {self._notes_of_turn}")
        at = self._value(f"add i64 {turns}, {rack}")
        return self._scratch(self._first_note + self._notes[note], at)

    def _noted(self, source: Statement, index: str | int) -> str:
        """What was noted in the turn that the second loop is at: it goes from the last to the first."""
        (note,) = operands_of(source)
        turn = self._value(f"sub i64 {self.program.times - 1}, %turn_k{int(Stage.BACK)}")
        place = self._place_of_note(note, turn, index)
        loaded = self._value(f"load {self.of.vector}, ptr {place}, align {self._alignment}")
        return self._as_mask(loaded) if source.mask else loaded

    @property
    def _alignment(self) -> int:
        return min(64, self.of.lanes * self.of.size)

    def _as_mask(self, number: str) -> str:
        return self._value(f"fcmp une {self.of.vector} {number}, zeroinitializer")

    def _as_number(self, mask: str, name: str | None = None) -> str:
        text = f"select {self.of.mask} {mask}, {self.of.vector} {self.of.all(1.0)}, {self.of.vector} zeroinitializer"
        return self._value(text, name)

    def _table(self, kind: str, values: tuple[float, ...] | tuple[int, ...]) -> str:
        return self.tables.setdefault((kind, values), f"@table{len(self.tables)}")

    def _number_of_table(self, table: str, index: str | int) -> str:
        one = self._value(f"load {self.of.number}, ptr {self._at(table, index, self.of.number)}, align {self.of.size}")
        first = self._value(f"insertelement {self.of.vector} poison, {self.of.number} {one}, i64 0")
        return self._value(
            f"shufflevector {self.of.vector} {first}, {self.of.vector} poison, <{self.of.lanes} x i32> zeroinitializer"
        )

    # ---- operands ---------------------------------------------------------------------------------------------------

    def _operand(self, x: Operand, as_mask: bool = False, kind: str = "") -> str:
        """Name of an operand where it is needed; inside a loop over racks, for its rack."""
        if isinstance(x, Const):
            if as_mask:
                return f"splat (i1 {'true' if x.value else 'false'})"
            return self.of.constant(x.value, kind)
        assert self._rack is not None or not isinstance(x, (Table, Rack, Gather))
        if isinstance(x, Table):
            number = self._number_of_table(self._table("number", x.values), self._rack or 0)
            return self._as_mask(number) if as_mask else number
        if isinstance(x, Lane):
            return self._load_row(x.made, 0) if x.made.op in _READ else f"%v{x.made.number}"
        if isinstance(x, Element):
            return self._load(x.made, x.rack)
        if isinstance(x, Gather):
            place = self._at(self._table("index", x.index), self._rack or 0, "i64")
            return self._load(x.made, self._value(f"load i64, ptr {place}, align 8"))
        if x.made.op not in SOURCES and self.plan.phase_of[x.made] == self._here:
            return f"%v{x.made.number}"
        return self._load(x.made, self._rack or 0)
