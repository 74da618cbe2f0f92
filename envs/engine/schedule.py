"""Order the statements of a program: few loops over racks, and values used soon after they are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envs.engine.program import SOURCES, Lane, Program, Rack, Stage, Statement, operands_of


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
        late = _sunk(chosen, earliest)
        phases = defaultdict(list)
        for s in chosen:
            phases[late[s]].append(s)
        stages[stage] = [Phase(k % 2 == 1, _depth_first(phases[k])) for k in sorted(phases)]
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


def _depth_first(statements: Sequence[Statement]) -> list[Statement]:
    """Each statement right behind the operands that nobody needed before."""
    inside = set(statements)
    read = {made for s in statements for made in operands_of(s) if made in inside}
    out: list[Statement] = []
    seen: set[Statement] = set()
    for last in statements:
        if last in read:
            continue
        stack = [(last, False)]
        while stack:
            s, done = stack.pop()
            if done:
                out.append(s)
            elif s not in seen:
                seen.add(s)
                stack.append((s, True))
                stack += [
                    (made, False) for made in reversed(list(operands_of(s))) if made in inside and made not in seen
                ]
    return out
