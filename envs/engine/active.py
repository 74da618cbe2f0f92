"""What of a program has slopes at all."""

from __future__ import annotations

from collections.abc import Callable

from envs.engine.partials import FLAT
from envs.engine.program import STORES, WHOLE, Const, Program, Statement, Table, operands_of


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
