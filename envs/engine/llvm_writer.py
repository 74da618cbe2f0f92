"""The loops of a program as LLVM text, and the module around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from envs.engine.llvm_instructions import ACROSS, Instructions
from envs.engine.llvm_math import math_text
from envs.engine.pool import POOLED
from envs.engine.program import Gathered, Operand, Rack, Stage, Statement, factors_of

_MOST_ROWS = 5  # of a product that are summed side by side
FIRST = {"add": 0.0, "maximum": float("-inf"), "minimum": float("inf")}


class _Block(NamedTuple):
    """A block of a call: its name, what it holds, the name of its stride, if it is only read, where a tile begins."""

    name: str
    number: str
    stride: str
    read: bool
    place: str = "%place"


class Writer(Instructions):
    """Writes the loops of a program, and the module around it."""

    # ---- loops ------------------------------------------------------------------------------------------------------

    def _over_racks(
        self,
        name: str,
        sums: Sequence[Statement],
        body: Callable[[], None],
        at_once: int | None = None,
        some: tuple[int, int] | None = None,
    ) -> None:
        """A loop over racks, or from one to before another; ``sums`` hold what they have gathered so far."""
        first_rack, end = some or (0, self.program.racks)
        before = self._block
        self._line(f"br label %{name}")
        self._label(name)
        self._rack = f"%rack_{name}"
        self._line(f"{self._rack} = phi i64 [{first_rack}, %{before}], [%next_{name}, %{name}]")
        for s in sums:
            first = self.of.all(FIRST[s.op.removeprefix("over_racks_")])
            self._line(f"%sum{s.number} = phi {self.of.vector} [{first}, %{before}], [%v{s.number}, %{name}]")
        body()
        self._line(f"%next_{name} = add i64 {self._rack}, {at_once or self._racks_of_a_turn()}")
        self._line(f"%more_{name} = icmp ult i64 %next_{name}, {end}")
        self._line(f"br i1 %more_{name}, label %{name}, label %end_{name}")
        self._label(f"end_{name}")
        self._rack = None

    def _racks_of_a_turn(self) -> int:
        """By how many racks a loop over them moves on."""
        return 1

    def _phases(self, stage: Stage) -> None:
        for k, phase in enumerate(self.plan.stages[stage]):
            self._here = self.plan.phase_of[phase.statements[0]]
            if not phase.in_racks:
                for s in phase.statements:
                    self._statement(s)
                continue
            self._before_racks(phase.statements)
            sums = [s for s in phase.statements if s.reduces]
            self._over_racks(f"racks_{int(stage)}_{k}", sums, partial(self._racks, phase.statements))
        self._here = None

    def _before_racks(self, statements: Sequence[Statement]) -> None:
        """Products of matrices that a loop over racks reads, in loops of their own over several rows at once."""
        for s in statements:
            for first, end, columns in factors_of(s, self.program.racks) if s.op == "product" else ():
                at_once = max(n for n in range(1, _MOST_ROWS + 1) if (end - first) % n == 0)
                body = partial(self._products, s, at_once, columns)
                self._over_racks(f"products_{s.number}_{first}", (), body, at_once, (first, end))

    def _racks(self, statements: Sequence[Statement]) -> None:
        """Body of a loop over racks; what is kept is written last, behind all reads of what it replaces."""
        for s in statements:
            if s.reduces:
                self._gathered_up(s, self._operand(s.args[0]))
            else:
                self._statement(s)
        for s in statements:
            if s in self.slots:
                self._keep(self.slots[s], self._rack or 0, f"%v{s.number}", s.mask)

    def _gathered_up(self, s: Statement, x: str) -> None:
        """What a sum or an extreme has gathered, with one rack more."""
        op, v = s.op.removeprefix("over_racks_"), self.of.vector
        if op == "add":
            self._value(f"fadd {v} %sum{s.number}, {x}", f"%v{s.number}")
        else:
            self._value(f"call {v} @v_{op}({v} %sum{s.number}, {v} {x})", f"%v{s.number}")

    def _turns(self, stage: Stage) -> None:
        """A loop of the program around its phases."""
        carried = [entry for entry in self.program.carried if entry[0].stage == stage]
        single = [entry for entry in carried if not entry[0].in_racks]
        racks = [entry for entry in carried if entry[0].in_racks]
        copied = [(stands, new) for stands, _, new in racks if not self._in_place(stands, new)]
        k = int(stage)

        def enter() -> None:
            for stands, first, _ in racks:
                self._keep(self.slots[stands], self._rack or 0, self._operand(first), False)

        def hand_on() -> None:
            values = [(stands, self._operand(new)) for stands, new in copied]
            for stands, value in values:
                self._keep(self.slots[stands], self._rack or 0, value, False)

        if racks:
            self._over_racks(f"enter{k}", (), enter)
        firsts = [self._operand(first) for _, first, _ in single]
        before = self._block
        self._line(f"br label %turn{k}")
        self._label(f"turn{k}")
        self._line(f"%turn_k{k} = phi i64 [0, %{before}], [%turn_next{k}, %hand_on{k}]")
        here = len(self.lines)
        self._phases(stage)
        if copied:
            self._over_racks(f"carry{k}", (), hand_on)
        nexts = [self._operand(n) for _, _, n in single]
        self.lines[here:here] = [
            f"  %v{s.number} = phi {self.of.vector} [{a}, %{before}], [{b}, %hand_on{k}]"
            for (s, _, _), a, b in zip(single, firsts, nexts)
        ]
        self._line(f"br label %hand_on{k}")
        self._label(f"hand_on{k}")
        self._line(f"%turn_next{k} = add i64 %turn_k{k}, 1")
        self._line(f"%turn_more{k} = icmp ult i64 %turn_next{k}, {self.program.times}")
        self._line(f"br i1 %turn_more{k}, label %turn{k}, label %behind{k}")
        self._label(f"behind{k}")

    def _gather(self, k: int, g: Gathered) -> None:
        """Fill a block from the rows of a pool that the sites of a tile read."""
        of, unit, (block, row) = self.of, POOLED[g.dtype], g.index
        self._value(f"getelementptr inbounds {of.vector}, ptr %scratch, i64 {self._areas[k]}", f"%area{k}")
        indices = self._row(f"%in{block}", f"%stride{block}", row, "i64")
        rows = []
        for lane in range(of.lanes):
            index = self._value(f"load i64, ptr {self._at(indices, lane, 'i64')}, align 8")
            rows.append(self._at(f"%pool{g.pool}", self._value(f"mul i64 {index}, {g.columns}"), unit))
        before = self._block
        self._line(f"br label %gather{k}")
        self._label(f"gather{k}")
        self._line(f"%column{k} = phi i64 [0, %{before}], [%column_next{k}, %gather{k}]")
        place = self._at(f"%area{k}", f"%column{k}", of.vector)
        for lane, start in enumerate(rows):
            one = self._value(f"load {unit}, ptr {self._at(start, f'%column{k}', unit)}, align 2")
            if unit != of.number:
                one = self._value(f"{'sitofp' if unit == 'i16' else 'fpext'} {unit} {one} to {of.number}")
            self._line(f"store {of.number} {one}, ptr {self._at(place, lane, of.number)}, align {of.size}")
        self._line(f"%column_next{k} = add i64 %column{k}, 1")
        self._line(f"%column_more{k} = icmp ult i64 %column_next{k}, {g.columns}")
        self._line(f"br i1 %column_more{k}, label %gather{k}, label %gathered{k}")
        self._label(f"gathered{k}")

    def _in_place(self, stands: Statement, new: Operand) -> bool:
        """Whether the next value was written over the one before as soon as it was made."""
        return isinstance(new, Rack) and self.slots[stands] == self.slots.get(new.made)

    def text(self) -> str:
        """The whole module."""
        for k, g in enumerate(self.program.gathered):
            self._gather(k, g)
        loops = {stands.stage for stands, _, _ in self.program.carried}
        for stage in Stage:
            if stage in loops:
                self._turns(stage)
            else:
                self._phases(stage)
        body = "\n".join(self.lines)
        blocks = self._blocks()
        pointers = ", ".join(f"ptr noalias {'readonly ' if b.read else ''}{b.name}" for b in blocks)
        strides = ", ".join(f"i64 {b.stride}" for b in blocks if b.stride)
        taken = "\n".join(
            f"  %tile{k} = getelementptr {b.number}, ptr {b.name}, i64 {b.place}" for k, b in enumerate(blocks)
        )
        given = ", ".join([*(f"ptr %tile{k}" for k, _ in enumerate(blocks)), strides, "ptr %scratch"])
        return f"""{self._constants()}
{self._math()}
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
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

    def _math(self) -> str:
        return math_text(self.of)

    def _blocks(self) -> list[_Block]:
        """Blocks of a call in the order of its arguments."""
        program = self.program
        kinds = program.kinds or ("",) * len(program.rows)
        read = [_Block(f"%in{k}", self.of.number_of(kind), f"%stride{k}", True) for k, kind in enumerate(kinds)]
        written = [_Block("%out", self.of.number, "%stride_out", False)]
        written += [_Block(f"%out_{kind}", self.of.number_of(kind), "", False) for kind in program.typed_out]
        if program.across:
            written.append(_Block(ACROSS, self.of.number, "", False, "%row"))
        pools = {g.pool: POOLED[g.dtype] for g in program.gathered}
        units = {k: pools.get(k, self.of.number) for k in program.pools}
        return [*read, *written, *(_Block(f"%pool{k}", unit, "", True, "0") for k, unit in units.items())]

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
