"""Make the statements of a program: equal ones are one, constants are folded, rows of racks stand together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from envs.engine.program import LOOPS, WHOLE, Const, Element, Gather, Lane, Operand, Rack, Stage, Statement, Table

_ANY_ORDER = ("add", "multiply", "and", "or", "xor", "equal", "not_equal")
_FOLDED: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "negative": np.negative,
}


class Statements:
    """The statements of a program in the making.

    Parameters
    ----------
    dtype : dtype
        float32 or float64, in which constants are folded.
    racks : int
        Length of the row axis that is looped over.
    leading : set of tuple of int
        Row shapes that begin with all racks and go on past them.
    """

    def __init__(self, dtype: np.dtype, racks: int, leading: set[tuple[int, ...]]) -> None:
        self.dtype, self.racks, self.leading = dtype, racks, leading
        self.statements: list[Statement] = []
        self.loop, self.behind_loop = Stage.TURN, False
        self._known: dict[Hashable, Statement] = {}

    def made(
        self,
        in_racks: bool,
        op: str,
        args: tuple[Operand, ...],
        extra: Hashable = None,
        mask: bool = False,
        kind: str = "",
    ) -> Operand:
        """Value of an operation, found or made anew."""
        simple = None if kind == WHOLE else self._simplified(op, args, kind)
        if simple is not None:
            return simple
        if op in _ANY_ORDER:
            args = tuple(sorted(args, key=_order))
        key = (in_racks, op, args, extra, kind)
        statement = self._known.get(key)
        if statement is None or (statement.stage == self.loop + 1 and not self.behind_loop):
            statement = self._known[key] = self.new(in_racks, op, args, extra, mask, kind)
        return Rack(statement) if in_racks and not statement.reduces else Lane(statement)

    def new(
        self, in_racks: bool, op: str, args: tuple[Operand, ...], extra: Hashable, mask: bool, kind: str = ""
    ) -> Statement:
        """Append a statement; it runs as early as its operands allow."""
        stage = max((x.made.stage for x in args if not isinstance(x, (Const, Table))), default=Stage.BEFORE)
        if op in ("carried", "noted"):
            stage = self.loop
        if stage in LOOPS and (stage < self.loop or self.behind_loop):
            stage = Stage(stage + 1)
        statement = Statement(len(self.statements), in_racks, op, args, extra, mask, stage, kind)
        self.statements.append(statement)
        return statement

    def noted(self, x: Operand) -> Operand:
        """What an operand of the first loop was in the turn that the second loop is at."""
        if isinstance(x, (Const, Table)) or x.made.stage != Stage.TURN:
            return x
        note = self.new(per_rack((x,)), "note", (x,), None, x.made.mask)
        note.stage = Stage.TURN
        return self.made(note.in_racks, "noted", (Rack(note) if note.in_racks else Lane(note),), None, note.mask)

    def _simplified(self, op: str, args: tuple[Operand, ...], kind: str) -> Operand | None:
        """The operand that an operation comes to without being run, or None."""
        numbers = [self._numbers(x) for x in args if isinstance(x, (Const, Table))]
        if op in _FOLDED and len(numbers) == len(args) and not kind:
            return self.number_per_rack(_FOLDED[op](*numbers))
        values = [x.value if isinstance(x, Const) else None for x in args]
        if op == "add" and 0.0 in values:
            return args[1 - values.index(0.0)]
        if op == "multiply" and 0.0 in values:
            return Const(0.0)
        if op == "multiply" and 1.0 in values:
            return args[1 - values.index(1.0)]
        if (op == "subtract" and values[1] == 0.0) or (op == "divide" and values[1] == 1.0):
            return args[0]
        if op == "divide" and values[0] == 0.0:
            return Const(0.0)
        if op in ("maximum", "minimum") and args[0] == args[1]:
            return args[0]
        return None

    def _numbers(self, x: Const | Table) -> np.ndarray:
        return np.asarray(x.value if isinstance(x, Const) else x.values, self.dtype)

    def number_per_rack(self, values: np.ndarray) -> Const | Table:
        """One number for all racks, or one for each."""
        numbers = tuple(float(v) for v in np.broadcast_to(np.asarray(values, self.dtype), (self.racks,)))
        return Const(numbers[0]) if all(v == numbers[0] for v in numbers) else Table(numbers)

    # ---- rows and groups of rows ------------------------------------------------------------------------------------

    def elementwise(
        self, op: str, operands: Sequence[np.ndarray], shape: tuple[int, ...], mask: bool = False, kind: str = ""
    ) -> np.ndarray:
        """Rows ``shape`` of an operation on rows that broadcast to them; those of other kinds are of sites."""
        flat = [np.broadcast_to(x, shape).reshape(-1) for x in operands]
        out = np.empty(int(np.prod(shape)), object)
        groups = [(row, 1) for row in range(out.size)] if kind else self.groups(shape, flat)
        for start, length in groups:
            if length == 1:
                out[start] = self.made(False, op, tuple(x[start] for x in flat), None, mask, kind)
                continue
            args = tuple(self.together(x[start : start + length]) for x in flat)
            self.spread(self.made(per_rack(args), op, args, None, mask), out, start)
        return out.reshape(shape)

    def groups(self, shape: tuple[int, ...], flat: Sequence[np.ndarray] = ()) -> list[tuple[int, int]]:
        """Where the rows of a shape stand in loops over racks ``(first row, racks)``, and where alone ``(row, 1)``."""
        n, racks = int(np.prod(shape)), self.racks
        whole = bool(shape) and shape[-1] == racks
        groups, row = [], 0
        while row < n:
            fits = racks > 1 and row + racks <= n
            if fits and (
                (whole and row % racks == 0)
                or (row == 0 and shape in self.leading)
                or any(self.is_run(x[row : row + racks]) for x in flat)
            ):
                groups.append((row, racks))
                row += racks
            else:
                groups.append((row, 1))
                row += 1
        return groups

    def is_run(self, rows: np.ndarray) -> bool:
        """Whether these are the racks of one statement in their order."""
        first = rows[0]
        if not isinstance(first, Element) or first.rack != 0:
            return False
        return all(isinstance(x, Element) and x.made is first.made and x.rack == k for k, x in enumerate(rows))

    def together(self, rows: np.ndarray) -> Operand:
        """One operand of a rack statement that has these rows."""
        first = rows[0]
        if all(x is first or x == first for x in rows):
            return first
        if all(isinstance(x, Const) for x in rows):
            return Table(tuple(x.value for x in rows))
        if isinstance(first, Element) and all(isinstance(x, Element) and x.made is first.made for x in rows):
            index = tuple(x.rack for x in rows)
            return Rack(first.made) if index == tuple(range(self.racks)) else Gather(first.made, index)
        unique = list(dict.fromkeys(rows))
        mask = any(_is_mask(x) for x in unique)
        packed = self.made(False, "packed", tuple(unique), None, mask)
        assert isinstance(packed, Lane)
        place = {x: k for k, x in enumerate(unique)}
        return Gather(packed.made, tuple(place[x] for x in rows))

    def spread(self, made: Operand, out: np.ndarray, start: int) -> None:
        """Enter a value for all racks into the rows from ``start``."""
        for k in range(self.racks):
            if isinstance(made, Rack):
                out[start + k] = Element(made.made, k)
            elif isinstance(made, Gather):  # what was simplified away leaves its operand
                source, of = made.made, made.index[k]
                out[start + k] = source.args[of] if source.op == "packed" else Element(source, of)
            else:
                out[start + k] = Const(made.values[k]) if isinstance(made, Table) else made


def alone(x: Operand) -> np.ndarray:
    """An operand as an array of rows without axes."""
    out = np.empty((), object)
    out[()] = x
    return out


def per_rack(args: Sequence[Operand]) -> bool:
    """Whether a statement of these operands differs from rack to rack."""
    return any(isinstance(x, (Table, Rack, Gather)) for x in args)


def kind_of(x: Operand) -> str:
    """Kind of the value of an operand; constants have none of their own."""
    return "" if isinstance(x, (Const, Table)) or x.made.mask else x.made.kind


def _is_mask(x: Operand) -> bool:
    return not isinstance(x, (Const, Table)) and x.made.mask


def _order(x: Operand) -> tuple[Any, ...]:
    """Operands of a sum or a product in one order, so that equal ones are found."""
    if isinstance(x, (Const, Table)):
        return (0, 0, repr(x))
    place = x.rack if isinstance(x, Element) else x.index if isinstance(x, Gather) else 0
    return (1, x.made.number, type(x).__name__, place)
