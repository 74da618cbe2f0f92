"""Write a program as LLVM text: one function that steps a tile of sites, and one that goes through tiles.

Rows are read and written where they lie, ``(rows, stride)``; a tile is ``lanes`` sites of them. Every operation of a
statement is one instruction on a vector of sites, without contraction and without reordering: the bits of a site do not
depend on its tile, on the lanes, or on who else is in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from envs.engine.llvm_math import VectorType, math_text
from envs.engine.program import (
    SOURCES,
    WHOLE,
    WIDE,
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
)
from envs.engine.schedule import Schedule, schedule
from envs.engine.scratch import scratch_slots

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
_BUILT_IN = {"sqrt": "sqrt", "absolute": "fabs", "rint": "rint"}
_WHOLE_ARITHMETIC = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "shift": "lshr",
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
_ACROSS = "%across"
_SIZES = {"float": 4, "double": 8, "i64": 8}
_FIRST = {"add": 0.0, "maximum": float("-inf"), "minimum": float("inf")}


def text_of(program: Program, lanes: int) -> tuple[str, int]:
    """LLVM text of a program, and the bytes of scratch memory that a call needs.

    The text defines ``step(ptr blocks.., ptr out, i64 strides.., i64 out_stride, i64 first, i64 end, ptr scratch)``:
    tiles ``first`` to ``end``, strides in numbers. Blocks of other kinds that are written, and the one that is written
    site by site, stand behind ``out``; the former have its stride. ``packed_step(ptr)`` takes the same from memory.
    """
    writer = _Writer(program, lanes)
    return writer.text(), writer.scratch_bytes


class _Block(NamedTuple):
    """A block of a call: its name, what it holds, the name of its stride, and whether it is only read."""

    name: str
    number: str
    stride: str
    read: bool


class _Writer:
    def __init__(self, program: Program, lanes: int) -> None:
        self.program, self.of = program, VectorType(lanes, program.double)
        self.plan: Schedule = schedule(program)
        self.lines: list[str] = []
        self.tables: dict[tuple[str, tuple[float, ...] | tuple[int, ...]], str] = {}
        self._count = 0
        self._block = "entry"
        self._rack: str | None = None
        self._here: object = None
        self.slots = scratch_slots(program, self.plan)
        vectors = max(self.slots.values(), default=-program.racks) + program.racks
        self._packs: dict[Statement, int] = {}
        for s in program.statements:
            if s.op == "packed":
                self._packs[s] = vectors
                vectors += len(s.args)
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
        assert isinstance(source.extra, tuple)
        block, row = source.extra
        number = self.of.number_of(source.kind)
        place = self._row(f"%in{block}", f"%stride{block}", self._sum(row, index), number)
        return self._value(f"load {self.of.vector_of(source.kind)}, ptr {place}, align {_SIZES[number]}")

    def _sum(self, row: int, index: str | int) -> str | int:
        return row + index if isinstance(index, int) else self._value(f"add i64 {index}, {row}")

    def _scratch(self, first: int, index: str | int) -> str:
        return self._at("%scratch", self._sum(first, index), self.of.vector)

    def _load(self, made: Statement, index: str | int) -> str:
        """The value of a rack statement, or of a packed list, that stands in memory."""
        if made.op == "input":
            return self._load_row(made, index)
        first = self._packs[made] if made.op == "packed" else self.slots[made]
        loaded = self._value(f"load {self.of.vector}, ptr {self._scratch(first, index)}, align {self._alignment}")
        return self._as_mask(loaded) if made.mask else loaded

    def _keep(self, first: int, index: str | int, value: str, mask: bool) -> None:
        value = self._as_number(value) if mask else value
        self._line(f"store {self.of.vector} {value}, ptr {self._scratch(first, index)}, align {self._alignment}")

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
            return self._load_row(x.made, 0) if x.made.op == "input" else f"%v{x.made.number}"
        if isinstance(x, Element):
            return self._load(x.made, x.rack)
        if isinstance(x, Gather):
            place = self._at(self._table("index", x.index), self._rack or 0, "i64")
            return self._load(x.made, self._value(f"load i64, ptr {place}, align 8"))
        if x.made.op not in SOURCES and self.plan.phase_of[x.made] == self._here:
            return f"%v{x.made.number}"
        return self._load(x.made, self._rack or 0)

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
            assert isinstance(s.extra, int)
            value = self._operand(s.args[0], kind=s.kind)
            number, block = of.number_of(s.kind), f"%out_{s.kind}" if s.kind else "%out"
            place = self._row(block, "%stride_out", self._sum(s.extra, self._rack or 0), number)
            self._line(f"store {of.vector_of(s.kind)} {value}, ptr {place}, align {_SIZES[number]}")
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
            text = f"call {of.vector} @v_{s.op}({', '.join(f'{of.vector} {a}' for a in args)})"
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

    def _store_across(self, s: Statement) -> None:
        """One column of a block that has the sites first; lanes without a site write into its last rows."""
        assert isinstance(s.extra, int)
        column, of = self._sum(s.extra, self._rack or 0), self.of
        first = self._at(_ACROSS, column, of.number)
        for k, number in enumerate(self._each_lane(self._operand(s.args[0]), "")):
            place = self._at(first, k * self.program.across, of.number)
            self._line(f"store {of.number} {number}, ptr {place}, align {of.size}")

    def _product(self, s: Statement, name: str) -> None:
        """One row of a matrix times the vector of all racks."""
        (x,) = s.args
        assert isinstance(x, Gather) and isinstance(s.extra, tuple)
        racks = self.program.racks
        table = self._table("number", s.extra)
        first = self._value(f"mul i64 {self._rack}, {racks}")
        total = self.of.all(0.0)
        for k in range(racks):
            weight = self._number_of_table(table, self._sum(k, first))
            term = self._value(f"fmul {self.of.vector} {weight}, {self._load(x.made, k)}")
            total = self._value(f"fadd {self.of.vector} {total}, {term}", name if k == racks - 1 else None)

    # ---- loops ------------------------------------------------------------------------------------------------------

    def _over_racks(self, name: str, sums: Sequence[Statement], body: Callable[[], None]) -> None:
        """A loop over racks; ``sums`` hold what they have gathered so far."""
        before = self._block
        self._line(f"br label %{name}")
        self._label(name)
        self._rack = f"%rack_{name}"
        self._line(f"{self._rack} = phi i64 [0, %{before}], [%next_{name}, %{name}]")
        for s in sums:
            first = self.of.all(_FIRST[s.op.removeprefix("over_racks_")])
            self._line(f"%sum{s.number} = phi {self.of.vector} [{first}, %{before}], [%v{s.number}, %{name}]")
        body()
        self._line(f"%next_{name} = add i64 {self._rack}, 1")
        self._line(f"%more_{name} = icmp ult i64 %next_{name}, {self.program.racks}")
        self._line(f"br i1 %more_{name}, label %{name}, label %end_{name}")
        self._label(f"end_{name}")
        self._rack = None

    def _phases(self, stage: Stage) -> None:
        for k, phase in enumerate(self.plan.stages[stage]):
            self._here = self.plan.phase_of[phase.statements[0]]
            if not phase.in_racks:
                for s in phase.statements:
                    self._statement(s)
                continue
            sums = [s for s in phase.statements if s.reduces]
            self._over_racks(f"racks_{int(stage)}_{k}", sums, partial(self._racks, phase.statements))
        self._here = None

    def _racks(self, statements: Sequence[Statement]) -> None:
        """Body of a loop over racks; what is kept is written last, behind all reads of what it replaces."""
        for s in statements:
            if s.reduces:
                x, op = self._operand(s.args[0]), s.op.removeprefix("over_racks_")
                if op == "add":
                    self._value(f"fadd {self.of.vector} %sum{s.number}, {x}", f"%v{s.number}")
                else:
                    v = self.of.vector
                    self._value(f"call {v} @v_{op}({v} %sum{s.number}, {v} {x})", f"%v{s.number}")
            else:
                self._statement(s)
        for s in statements:
            if s in self.slots:
                self._keep(self.slots[s], self._rack or 0, f"%v{s.number}", s.mask)

    def _turns(self) -> None:
        """The loop of the recording around its phases."""
        carried = self.program.carried
        single = [entry for entry in carried if not entry[0].in_racks]
        racks = [entry for entry in carried if entry[0].in_racks]
        copied = [(stands, new) for stands, _, new in racks if not self._in_place(stands, new)]

        def enter() -> None:
            for stands, first, _ in racks:
                self._keep(self.slots[stands], self._rack or 0, self._operand(first), False)

        def hand_on() -> None:
            values = [(stands, self._operand(new)) for stands, new in copied]
            for stands, value in values:
                self._keep(self.slots[stands], self._rack or 0, value, False)

        if racks:
            self._over_racks("enter", (), enter)
        firsts = [self._operand(first) for _, first, _ in single]
        before = self._block
        self._line("br label %turn")
        self._label("turn")
        self._line(f"%turn_k = phi i64 [0, %{before}], [%turn_next, %hand_on]")
        here = len(self.lines)
        self._phases(Stage.TURN)
        if copied:
            self._over_racks("carry", (), hand_on)
        nexts = [self._operand(n) for _, _, n in single]
        self.lines[here:here] = [
            f"  %v{s.number} = phi {self.of.vector} [{a}, %{before}], [{b}, %hand_on]"
            for (s, _, _), a, b in zip(single, firsts, nexts)
        ]
        self._line("br label %hand_on")
        self._label("hand_on")
        self._line("%turn_next = add i64 %turn_k, 1")
        self._line(f"%turn_more = icmp ult i64 %turn_next, {self.program.times}")
        self._line("br i1 %turn_more, label %turn, label %behind")
        self._label("behind")

    def _in_place(self, stands: Statement, new: Operand) -> bool:
        """Whether the next value was written over the one before as soon as it was made."""
        return isinstance(new, Rack) and self.slots[stands] == self.slots.get(new.made)

    def text(self) -> str:
        """The whole module."""
        self._phases(Stage.BEFORE)
        if self.program.carried:
            self._turns()
        else:
            self._phases(Stage.TURN)
        self._phases(Stage.AFTER)
        body = "\n".join(self.lines)
        blocks = self._blocks()
        pointers = ", ".join(f"ptr noalias {'readonly ' if b.read else ''}{b.name}" for b in blocks)
        strides = ", ".join(f"i64 {b.stride}" for b in blocks if b.stride)
        taken = "\n".join(
            f"  %tile{k} = getelementptr {b.number}, ptr {b.name}, i64 {'%row' if b.name == _ACROSS else '%place'}"
            for k, b in enumerate(blocks)
        )
        given = ", ".join([*(f"ptr %tile{k}" for k, _ in enumerate(blocks)), strides, "ptr %scratch"])
        return f"""{self._constants()}
{math_text(self.of)}
define internal void @tile({pointers}, {strides}, ptr noalias %scratch) noinline {{
entry:
{body}
  ret void
}}
define void @step({pointers}, {strides}, i64 %first, i64 %end, ptr noalias %scratch) {{
entry:
  br label %next
next:
  %k = phi i64 [%first, %entry], [%k1, %next]
  %place = mul i64 %k, {self.of.lanes}
  %row = mul i64 %place, {self.program.across}
{taken}
  call void @tile({given})
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, %end
  br i1 %more, label %next, label %done
done:
  ret void
}}
{self._packed_entry(blocks)}
"""

    def _blocks(self) -> list[_Block]:
        """Blocks of a call in the order of its arguments."""
        program = self.program
        kinds = program.kinds or ("",) * len(program.rows)
        read = [_Block(f"%in{k}", self.of.number_of(kind), f"%stride{k}", True) for k, kind in enumerate(kinds)]
        written = [_Block("%out", self.of.number, "%stride_out", False)]
        written += [_Block(f"%out_{kind}", self.of.number_of(kind), "", False) for kind in program.typed_out]
        return [*read, *written, *([_Block(_ACROSS, self.of.number, "", False)] if program.across else [])]

    def _packed_entry(self, blocks: Sequence[_Block]) -> str:
        """Text of ``packed_step(ptr arguments)``: those of ``step``, one after the other in memory."""
        types = ["ptr" for _ in blocks] + ["i64" for b in blocks if b.stride] + ["i64", "i64", "ptr"]
        lines = []
        for k, kind in enumerate(types):
            lines += [f"  %p{k} = getelementptr i64, ptr %a, i64 {k}", f"  %a{k} = load {kind}, ptr %p{k}, align 8"]
        given = ", ".join(f"{kind} %a{k}" for k, kind in enumerate(types))
        text = "\n".join(lines)
        return f"define void @packed_step(ptr %a) {{\n{text}\n  call void @step({given})\n  ret void\n}}"

    def _constants(self) -> str:
        lines = []
        for (kind, values), name in self.tables.items():
            unit = "i64" if kind == "index" else self.of.number
            texts = (str(v) if kind == "index" else self.of.literal(v) for v in values)
            lines.append(
                f"{name} = private constant [{len(values)} x {unit}] [{', '.join(f'{unit} {t}' for t in texts)}]"
            )
        return "\n".join(lines)
