"""What a recording becomes before it is machine code: statements on one value a site, or on one value a rack.

A statement stands for a vector of sites (lanes). Statements of space ``lane`` have one such vector; those of space
``rack`` have one for each index of the longest row axis of the recording, and run inside a loop over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias


class Stage(IntEnum):
    """When a statement runs: once before the loop of the recording, in each turn, or once behind it.

    The program of a gradient has a second loop, whose turns go from the last turn of the first to its first.
    """

    BEFORE = 0
    TURN = 1
    AFTER = 2
    BACK = 3
    END = 4


@dataclass(eq=False, slots=True, repr=False)
class Statement:
    """One operation.

    Attributes
    ----------
    number : int
        Place in the order in which statements were made; operands have lower numbers.
    in_racks : bool
        Whether it stands in the loop over racks.
    op : str
        Name of the operation, see `envs.engine.llvm_text`.
    args : tuple of Operand
    extra : hashable
        What else the operation needs: a row, a matrix.
    mask : bool
        Whether it yields true or false instead of a number.
    stage : Stage
    kind : str
        What it works on: empty for numbers of the program's precision, `WIDE` for float64 in a program of float32,
        `WHOLE` for integers of 64 bits. Integers have no gradient, and a `lookup` by them has none. A `select` has
        that of what it picks; `widen`, `narrow` and `single` only round.
    """

    number: int
    in_racks: bool
    op: str
    args: tuple[Operand, ...]
    extra: object = None
    mask: bool = False
    stage: Stage = Stage.BEFORE
    kind: str = ""

    def __repr__(self) -> str:
        return f"{self.op}:{self.number}"

    @property
    def reduces(self) -> bool:
        """Whether it stands in the loop over racks and leaves one value behind it."""
        return self.op.startswith("over_racks_")

    @property
    def leaves_racks(self) -> bool:
        """Whether it leaves one value for each rack."""
        return self.in_racks and not self.reduces


@dataclass(frozen=True, slots=True)
class Const:
    """One number for all sites."""

    value: float


@dataclass(frozen=True, slots=True)
class Table:
    """One number a rack for all sites."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """The value of a statement that has one."""

    made: Statement


@dataclass(frozen=True, slots=True)
class Rack:
    """The value of a rack statement for the rack of the loop."""

    made: Statement


@dataclass(frozen=True, slots=True)
class Element:
    """The value of a rack statement for one fixed rack."""

    made: Statement
    rack: int


@dataclass(frozen=True, slots=True)
class Gather:
    """The values of a rack statement, or of a packed list of single ones, for fixed racks of each rack of the loop."""

    made: Statement
    index: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GivenMatrix:
    """What a product multiplies by where the matrix is an argument: which pool of the arguments, as it is or turned."""

    pool: int
    transposed: bool = False


Operand: TypeAlias = Const | Table | Lane | Rack | Element | Gather
#: Stages that run several times.
LOOPS = (Stage.TURN, Stage.BACK)
#: Statements that hold a value before anything runs; ``noted`` is what a ``note`` was given in the same turn.
SOURCES = ("input", "noted", "carried")
#: Statements that write a row of a block, or a column of the one that is written site by site.
STORES = ("store", "across")
_MOST_PARTS = 8  # of a matrix that are written out one by one
#: Kinds of values beside the numbers of a program.
WIDE, WHOLE = "wide", "whole"


@dataclass(frozen=True)
class Gathered:
    """A block that is filled for each tile before anything runs: columns of a pool, at a row of each site.

    Attributes
    ----------
    pool : int
        Which pool of the arguments.
    dtype : str
        What it holds.
    columns : int
    index : tuple of int
        Block and row of the integers that say which row of the pool each site reads.
    """

    pool: int
    dtype: str
    columns: int
    index: tuple[int, int]


@dataclass
class Program:
    """A lowered recording.

    Attributes
    ----------
    racks : int
        Turns of the rack loops.
    times : int
        Turns of each loop; 1 where there is none.
    statements : list of Statement
        In an order in which they can run; the stores of the results are among them.
    carried : list of (Statement, Operand, Operand)
        What a turn hands to the next: the statement that stands for it, its first value, its next one. The stage of
        the first says of which loop.
    rows : tuple of int
        Rows of each block that is read.
    rows_out : int
        Rows of the block that is written.
    double : bool
        Whether numbers are float64 instead of float32.
    kinds : tuple of str
        Kind of each block that is read; all are of numbers where it is empty.
    typed_out : dict of str to int
        Rows of the blocks of other kinds that are written.
    across : int
        Columns of the block that is written site by site, ``(B, columns)``; 0 where there is none.
    stored : tuple of str
        Kind of each result, in their order.
    gathered : tuple of Gathered
        Blocks that are filled from pools; inputs count them behind those of ``rows``.
    """

    racks: int
    times: int
    statements: list[Statement]
    carried: list[tuple[Statement, Operand, Operand]]
    rows: tuple[int, ...]
    rows_out: int
    double: bool
    kinds: tuple[str, ...] = ()
    typed_out: dict[str, int] = field(default_factory=dict)
    across: int = 0
    stored: tuple[str, ...] = ()
    gathered: tuple[Gathered, ...] = ()
    kept: set[Statement] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._drop_unread()

    @property
    def pools(self) -> list[int]:
        """Pools of the arguments that are read, in their order."""
        matrices = {s.extra.pool for s in self.statements if isinstance(s.extra, GivenMatrix)}
        return sorted({g.pool for g in self.gathered} | matrices)

    def operations(self) -> Counter[str]:
        """How often each operation runs for one site in one call; moves and loads are left out."""
        count: Counter[str] = Counter()
        for s in self.statements:
            if s.op not in (*SOURCES, "packed", "same", "note", *STORES):
                turns = self.times if s.stage in LOOPS else 1
                op, runs = s.op.removeprefix("over_racks_"), self.racks if s.in_racks else 1
                if op == "product":
                    runs = sum(2 * (end - first) * len(columns) for first, end, columns in factors_of(s, self.racks))
                count[op] += turns * runs
        return count

    def _drop_unread(self) -> None:
        """Keep what a store needs; what is carried only where it is read."""
        self.kept = set()
        waiting = [s for s in self.statements if s.op in STORES]
        unread = list(self.carried)
        while waiting:
            while waiting:
                statement = waiting.pop()
                if statement not in self.kept:
                    self.kept.add(statement)
                    waiting += operands_of(statement)
            still = []
            for entry in unread:
                if entry[0] in self.kept:
                    waiting += [x.made for x in entry[1:] if not isinstance(x, (Const, Table))]
                else:
                    still.append(entry)
            unread = still
        self.statements = [s for s in self.statements if s in self.kept]
        self.carried = [entry for entry in self.carried if entry[0] in self.kept]


def operands_of(statement: Statement) -> Iterator[Statement]:
    """The statements whose values it reads."""
    return (x.made for x in statement.args if not isinstance(x, (Const, Table)))


def factors_of(product: Statement, racks: int) -> list[tuple[int, int, Sequence[int]]]:
    """Rows of a product's matrix that have their factors in the same columns: first row, end, those columns.

    Air of one zone does not reach another: such parts of a matrix are 0, and what is 0 adds nothing.
    """
    whole = range(racks)
    if not isinstance(product.extra, tuple):
        return [(0, racks, whole)]
    found: list[tuple[int, int, Sequence[int]]] = []
    for row in whole:
        columns = [k for k in whole if product.extra[row * racks + k] != 0.0]
        first = found.pop()[0] if found and found[-1][2] == columns else row
        found.append((first, row + 1, columns))
    return found if len(found) <= _MOST_PARTS else [(0, racks, whole)]
