"""Order the statements of a program: few loops over racks, and what others wait for longest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from envs.engine.program import SOURCES, Lane, Program, Rack, Stage, Statement, operands_of

#: Cycles until the result of an operation is there, about those of a current core; 4 of what is not named.
_CYCLES = {"exp": 45, "expm1": 60, "log": 50, "log1p": 60, "power": 100, "divide": 11, "sqrt": 15, "lookup": 10}


@dataclass
class Phase:
    """Statements that run one after the other: once, or together for each rack."""

    in_racks: bool
    statements: list[Statement]


@dataclass
class Schedule:
    """Phases of each stage; ``phase_of`` counts them through all stages."""

    stages: dict[Stage, list[Phase]]
    phase_of: dict[Statement, int]


def schedule(program: Program) -> Schedule:
    """Sort statements into phases that alternate between sites and racks, each as early as its operands allow."""
    stages: dict[Stage, list[Phase]] = {}
    phase_of: dict[Statement, int] = {}
    for stage in Stage:
        chosen = [s for s in program.statements if s.stage == stage and s.op not in SOURCES]
        earliest = _earliest(chosen)
        late, heights = _sunk(chosen, earliest), _heights(chosen)
        phases = defaultdict(list)
        for s in chosen:
            phases[late[s]].append(s)
        stages[stage] = [Phase(k % 2 == 1, _urgent_first(phases[k], heights)) for k in sorted(phases)]
        for k, phase in enumerate(stages[stage], start=len(set(phase_of.values()))):
            phase_of.update(dict.fromkeys(phase.statements, k))
    return Schedule(stages, phase_of)


def reads(statement: Statement) -> Iterator[tuple[Statement, bool]]:
    """Each statement that is read, and whether its value is there within the same phase."""
    for x in statement.args:
        if isinstance(x, Lane):
            yield x.made, not statement.in_racks and not x.made.in_racks
        elif isinstance(x, Rack):
            yield x.made, True
        elif (made := getattr(x, "made", None)) is not None:
            yield made, False


def _earliest(statements: Sequence[Statement]) -> dict[Statement, int]:
    """Phase of each statement; even phases are of sites, odd ones of racks."""
    phase: dict[Statement, int] = {}
    for s in statements:
        at = 0
        for made, together in reads(s):
            if made in phase:
                at = max(at, phase[made] + (0 if together else 1))
        phase[s] = at + (at + s.in_racks) % 2
    return phase


def _sunk(statements: Sequence[Statement], earliest: dict[Statement, int]) -> dict[Statement, int]:
    """Move what reads at most one value of its own kind to the phase that needs it."""
    phase = dict(earliest)
    latest: dict[Statement, int] = {}
    for s in reversed(statements):
        own = [m for m, together in reads(s) if together and m in phase]
        limit = latest.get(s)
        if limit is not None and len(own) <= 1:
            phase[s] = max(phase[s], limit - (limit + s.in_racks) % 2)
        for made, together in reads(s):
            if made in phase:
                latest[made] = min(latest.get(made, phase[s]), phase[s] - (0 if together else 1))
    return phase


def _heights(statements: Sequence[Statement]) -> dict[Statement, int]:
    """How long it takes at least from the beginning of each statement to the end of its stage [cycles]."""
    heights = dict.fromkeys(statements, 0)
    for s in reversed(statements):
        heights[s] += _cycles(s)
        for made in operands_of(s):
            if made in heights:
                heights[made] = max(heights[made], heights[s])
    return heights


def _cycles(s: Statement) -> int:
    return _CYCLES.get(s.op.removeprefix("over_racks_"), 4)


def _urgent_first(statements: Sequence[Statement], heights: dict[Statement, int]) -> list[Statement]:
    """An order in which they can run: one a cycle, of those whose operands are there the one that most waits for.

    A processor looks a few hundred instructions ahead. Chains that do not depend on each other shall stand side by
    side.
    """
    inside = set(statements)
    readers: dict[Statement, list[Statement]] = {s: [] for s in statements}
    missing = {s: {made for made in operands_of(s) if made in inside} for s in statements}
    for s in statements:
        for made in missing[s]:
            readers[made].append(s)
    ready = [(-heights[s], s.number, s) for s in statements if not missing[s]]
    heapify(ready)
    coming: list[tuple[int, int, Statement]] = []  # when their last operand is there
    out: list[Statement] = []
    now = 0
    while ready or coming:
        if not ready:
            now = max(now, coming[0][0])
        while coming and coming[0][0] <= now:
            s = heappop(coming)[-1]
            heappush(ready, (-heights[s], s.number, s))
        s = heappop(ready)[-1]
        out.append(s)
        for reader in readers[s]:
            missing[reader].discard(s)
            if not missing[reader]:
                heappush(coming, (now + _cycles(s), reader.number, reader))
        now += 1
    return out
