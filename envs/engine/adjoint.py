"""The adjoint of a program, source to source: another program, which reads the arguments and cotangents of results.

It runs the function once more, and notes of each turn of its loop what that began with and what took long to find. Then
it goes through the turns from the last to the first: each is run again from the notes, and handed back statement by
statement. Notes of a tile stay in the cache, which is why nothing else is kept from the run before.

Only what lies between a wanted argument and a result gets a cotangent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from envs.engine.active import with_slopes
from envs.engine.partials import ZERO, Partials
from envs.engine.program import (
    STORES,
    WIDE,
    Const,
    Element,
    Gather,
    GivenMatrix,
    Lane,
    Operand,
    Program,
    Rack,
    Stage,
    Statement,
    Table,
    operands_of,
)
from envs.engine.statements import Statements, kind_of, per_rack

_FEW = 3  # racks that are summed one by one
_LONG = ("exp", "expm1", "log", "log1p", "power", "divide", "sqrt", "product")  # to find is longer than to read


def adjoint_of(program: Program, wanted: Callable[[int, int], bool] = lambda group, row: True) -> Program:
    """The program of a vector-Jacobian product.

    It reads the blocks of the arguments, and last two blocks of the cotangents of the results, those that are written
    site by site behind the others. Of the first it reads as many rows as the first argument has, which may be a state;
    of the second those behind. It writes the cotangents of the wanted rows of numbers of the arguments; the others have
    rows too, group after group.

    Parameters
    ----------
    program : Program
    wanted : callable
        Whether the cotangent of a row of numbers of the arguments is asked for, by group and row.
    """
    return _Adjoint(program, wanted).program()


@dataclass
class _Cotangent:
    """What has been handed back to a statement so far."""

    whole: Operand | None = None
    parts: dict[int, Operand] = field(default_factory=dict)
    """For single racks."""


class _Adjoint:
    def __init__(self, program: Program, wanted: Callable[[int, int], bool]) -> None:
        self.primal = program
        dtype = np.dtype(np.float64 if program.double else np.float32)
        self.build = Statements(dtype, program.racks, set())
        self.partials = Partials(self.build)
        self.active = with_slopes(program, wanted)
        self.wanted = wanted
        self.twins: dict[Statement, Operand] = {}
        self.found: dict[Statement, _Cotangent] = {}
        self.stages = {stage: [s for s in program.statements if s.stage == stage] for stage in Stage}
        self.handed_on: list[tuple[Statement, Operand, Operand]] = []

    def program(self) -> Program:
        """Write it."""
        self._run_again(self.stages[Stage.BEFORE])
        self._turns()
        self.build.behind_loop = True
        self._run_again(self.stages[Stage.AFTER])
        self._hand_back(self.stages[Stage.AFTER])
        self.build.loop, self.build.behind_loop = Stage.BACK, False
        if self.primal.carried:
            self._turns_back()
        self.build.behind_loop = True
        self._hand_back(self.stages[Stage.BEFORE])
        count = self._store()
        primal = self.primal
        kinds = (*(primal.kinds or ("",) * len(primal.rows)), "", "")
        rows = (*primal.rows, *[primal.rows_out + primal.across] * 2)
        return Program(
            primal.racks, primal.times, self.build.statements, self.handed_on, rows, count, primal.double, kinds,
            gathered=primal.gathered,
        )  # fmt: skip

    # ---- the function once more -------------------------------------------------------------------------------------

    def _run_again(self, statements: Iterable[Statement]) -> None:
        for s in statements:
            if s.op not in (*STORES, "carried"):
                args = tuple(self._twin(x) for x in s.args)
                self.twins[s] = self.build.made(s.in_racks, s.op, args, self._place(s), s.mask, s.kind)

    def _place(self, s: Statement) -> object:
        """Where a statement reads: what is gathered from pools stands behind two more blocks."""
        if s.op != "input":
            return s.extra
        assert isinstance(s.extra, tuple)
        block, row = s.extra
        return (block + 2 if block >= len(self.primal.rows) else block, row)

    def _twin(self, x: Operand) -> Operand:
        """The operand that has the same value in this program."""
        if isinstance(x, (Const, Table)):
            return x
        twin = self.twins[x.made]
        if isinstance(x, Element):
            return self._element(twin, x.rack)
        if isinstance(x, Gather):
            assert isinstance(twin, (Lane, Rack))
            return Gather(twin.made, x.index)
        return twin

    def _turns(self) -> None:
        """The loop as it was."""
        for stands, _, _ in self.primal.carried:
            self.twins[stands] = self.build.made(stands.in_racks, "carried", (), ("again", stands.number))
        self._run_again(self.stages[Stage.TURN])
        for stands, first, new in self.primal.carried:
            own = self.twins[stands]
            assert isinstance(own, (Lane, Rack))
            at_first, next_ = (self._settled(self._twin(x), stands.in_racks) for x in (first, new))
            self.handed_on.append((own.made, at_first, next_))

    def _number(self, x: Operand) -> Operand:
        """A value in the precision of the program, in which all cotangents are."""
        return self.partials.of("narrow", x) if kind_of(x) == WIDE else x

    def _element(self, x: Operand, rack: int) -> Operand:
        """Value of a rack."""
        if isinstance(x, Rack):
            return Element(x.made, rack)
        if isinstance(x, Gather):
            k = x.index[rack]
            return x.made.args[k] if x.made.op == "packed" else Element(x.made, k)
        return Const(x.values[rack]) if isinstance(x, Table) else x

    # ---- one turn backwards, in a loop ------------------------------------------------------------------------------

    def _turns_back(self) -> None:
        behind = {s: self._take(s) for s in list(self.found) if s.stage == Stage.TURN}
        before = {s: self._take(s) for s in list(self.found)}
        turn = self.stages[Stage.TURN]
        noted = [s for s in turn if s.op == "carried" or ((s.op in _LONG or s.reduces) and not s.kind)]
        self.twins |= {s: self.build.noted(self.twins[s]) for s in noted}
        self._run_again([s for s in turn if s not in set(noted)])
        entries = []
        for stands, _, new in self.primal.carried:
            if stands in self.active:
                merged = new.made if isinstance(new, Rack if stands.in_racks else Lane) else None
                first = behind.pop(merged, ZERO) if merged is not None else ZERO
                entries.append((stands, self._cotangent_of_turn(stands, "next", stands.in_racks), first))
        for s, first in behind.items():  # read behind the loop: of the last turn alone
            x = self._cotangent_of_turn(s, "last", s.leaves_racks)
            self.handed_on.append((x.made, self._settled(first, s.leaves_racks), ZERO))
            self._give_made(s, x)
        for (stands, x, _), new in zip(entries, [n for s, _, n in self.primal.carried if s in self.active]):
            self._give(new, x, stands.in_racks)
        self._hand_back(self.stages[Stage.TURN])
        ends = []
        for stands, x, first in entries:
            new = self._settled(self._take(stands), stands.in_racks)
            self.handed_on.append((x.made, self._settled(first, stands.in_racks), new))
            ends.append((stands, new))
        self._sum_turns(before)
        self.build.behind_loop = True
        firsts = {stands: first for stands, first, _ in self.primal.carried}
        for stands, new in ends:
            if new != ZERO:
                self._give(firsts[stands], new, stands.in_racks)

    def _cotangent_of_turn(self, s: Statement, kind: str, in_racks: bool) -> Lane | Rack:
        x = self.build.made(in_racks, "carried", (), (kind, s.number))
        assert isinstance(x, (Lane, Rack))
        return x

    def _sum_turns(self, before: dict[Statement, Operand]) -> None:
        """Sum over turns what they hand back to statements before the loop."""
        for s in list(self.found):
            if s.stage != Stage.BEFORE:
                continue
            part = self._take(s)
            so_far = self._cotangent_of_turn(s, "sum", s.leaves_racks)
            total = self.build.made(s.leaves_racks, "add", (so_far, part))
            self.handed_on.append((so_far.made, self._settled(before.pop(s, ZERO), s.leaves_racks), total))
            self.found[s] = _Cotangent(total)
        for s, first in before.items():
            self.found[s] = _Cotangent(first)

    def _settled(self, x: Operand, in_racks: bool) -> Operand:
        """A value that stands in one register or one array, and is not itself carried."""
        if isinstance(x, (Const, Table)):
            return x
        if isinstance(x, (Gather, Element)) or x.made.op in ("carried", "input", "noted"):
            return self.build.made(in_racks, "same", (x,))
        return x

    # ---- handing back -----------------------------------------------------------------------------------------------

    def _hand_back(self, statements: Sequence[Statement]) -> None:
        for s in reversed(statements):
            if s.op in STORES:
                assert isinstance(s.extra, int)
                if self._any_active(s):
                    row = s.extra + (self.primal.rows_out if s.op == "across" else 0)
                    block = len(self.primal.rows) + (row >= self.primal.rows[0])
                    d = self.build.made(s.in_racks, "input", (), (block, row))
                    self._give(s.args[0], d, s.in_racks)
            elif s in self.active and s in self.found and s.op not in ("input", "carried", "packed"):
                self._hand_back_one(s, self._take(s))

    def _hand_back_one(self, s: Statement, d: Operand) -> None:
        args = tuple(self._twin(x) for x in s.args)
        if s.op == "over_racks_add":
            self._give(s.args[0], d, True)
        elif s.reduces:
            self._give(s.args[0], self._shared_extreme(args[0], self.twins[s], d), True)
        elif s.op == "product":
            (x,) = s.args
            assert isinstance(x, Gather)
            self._give_made(x.made, self._transposed_product(s, d))
        else:
            args, result = tuple(self._number(x) for x in args), self._number(self.twins[s])
            back = self.partials.handed_back(s, args, result, d)
            for x, part in zip(s.args, back):
                self._give(x, part, s.in_racks)

    def _shared_extreme(self, x: Operand, extreme: Operand, d: Operand) -> Operand:
        """Part of each rack in the cotangent of an extreme over racks."""
        of = self.partials.of
        there = of("equal", x, extreme, mask=True)
        count = self.build.made(True, "over_racks_add", (of("number", there),))
        return self.partials.where(there, of("divide", d, count))

    def _transposed_product(self, s: Statement, d: Operand) -> Operand:
        racks = self.primal.racks
        turned: GivenMatrix | tuple[float, ...]
        if isinstance(s.extra, GivenMatrix):
            turned = GivenMatrix(s.extra.pool, not s.extra.transposed)
        else:
            matrix = np.reshape(cast("tuple[float, ...]", s.extra), (racks, racks)).T
            turned = tuple(map(float, matrix.reshape(-1)))
            if not per_rack((d,)):
                return self.partials.of("multiply", d, self.build.number_per_rack(matrix.sum(axis=1)))
        if not isinstance(d, Rack):
            d = self.build.made(True, "same", (d,))
        assert isinstance(d, Rack)
        whole = Gather(d.made, tuple(range(racks)))
        return self.build.made(True, "product", (whole,), turned)

    def _give(self, x: Operand, d: Operand, in_racks: bool) -> None:
        """Hand a cotangent to an operand, as a statement of sites or of racks reads it."""
        if isinstance(x, (Const, Table)) or d == ZERO or not self._reaches(x):
            return
        if not in_racks or isinstance(x, Rack):
            if isinstance(x, Element):
                found = self.found.setdefault(x.made, _Cotangent())
                found.parts[x.rack] = self.partials.sum(found.parts.get(x.rack), d)
            else:
                assert isinstance(x, (Lane, Rack))
                self._give_made(x.made, d)
        elif isinstance(x, (Lane, Element)):
            self._give(x, self._over_racks(d, range(self.primal.racks)), False)
        else:
            assert isinstance(x, Gather)
            self._scatter(x, d)

    def _give_made(self, made: Statement, d: Operand) -> None:
        found = self.found.setdefault(made, _Cotangent())
        found.whole = self.partials.sum(found.whole, d)

    def _scatter(self, x: Gather, d: Operand) -> None:
        """Hand to each source of a gather what its readers got."""
        readers: dict[int, list[int]] = {}
        for rack, k in enumerate(x.index):
            readers.setdefault(k, []).append(rack)
        packed = x.made.op == "packed"
        if not packed and len(readers) == self.primal.racks and isinstance(d, Rack):
            self._give_made(x.made, Gather(d.made, tuple(readers[k][0] for k in range(self.primal.racks))))
            return
        for k, racks in readers.items():
            self._give(x.made.args[k] if packed else Element(x.made, k), self._over_racks(d, racks), False)

    def _over_racks(self, d: Operand, racks: Sequence[int]) -> Operand:
        """Sum of a cotangent over some racks."""
        if not per_rack((d,)):
            return self.partials.of("multiply", d, Const(float(len(racks))))
        if isinstance(d, Table):
            return Const(float(sum(d.values[k] for k in racks)))
        if len(racks) <= _FEW:
            total = self._element(d, racks[0])
            for k in racks[1:]:
                total = self.partials.of("add", total, self._element(d, k))
            return total
        if len(racks) < self.primal.racks:
            chosen = np.zeros(self.primal.racks)
            chosen[list(racks)] = 1.0
            d = self.partials.of("multiply", d, self.build.number_per_rack(chosen))
        return self.build.made(True, "over_racks_add", (d,))

    def _take(self, s: Statement) -> Operand:
        """The whole cotangent of a statement, which is then forgotten."""
        found = self.found.pop(s, _Cotangent())
        if found.parts:
            rows = np.empty(self.primal.racks, object)
            rows[:] = [found.parts.get(k, ZERO) for k in range(self.primal.racks)]
            return self.partials.sum(found.whole, self.build.together(rows))
        return found.whole or ZERO

    def _reaches(self, x: Operand) -> bool:
        assert not isinstance(x, (Const, Table))
        return x.made in self.active

    def _any_active(self, s: Statement) -> bool:
        return not s.kind and any(made in self.active for made in operands_of(s))

    # ---- ends -------------------------------------------------------------------------------------------------------

    def _store(self) -> int:
        """Statements that store the cotangents of wanted arguments; how many rows all arguments have."""
        sources = {s.extra: s for s in self.stages[Stage.BEFORE] if s.op == "input"}
        count = 0
        for group, rows in enumerate(self.primal.rows[: self.primal.kinds.count("") or None]):
            row = 0
            while row < rows:
                s = sources.get((group, row))
                in_racks = s is not None and s.in_racks
                if self.wanted(group, row):
                    d = self._take(s) if s is not None else ZERO
                    self.build.new(in_racks, "store", (d,), count + row, False).stage = Stage.END
                row += self.primal.racks if in_racks else 1
            count += rows
        return count
