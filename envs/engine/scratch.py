"""Where values of racks stand between the loops that make and read them."""

from __future__ import annotations

from envs.engine.program import SOURCES, STORES, Const, Operand, Program, Rack, Statement, Table
from envs.engine.schedule import Schedule


def scratch_slots(program: Program, plan: Schedule) -> dict[Statement, int]:
    """Where in scratch memory, counted in vectors, each rack statement stands that is read outside its own loop."""
    kept = [s for s, _, _ in program.carried if s.in_racks]
    readers: dict[Statement, list[tuple[Statement, Operand]]] = {}
    for s in program.statements:
        for x in s.args:
            if not isinstance(x, (Const, Table)):
                readers.setdefault(x.made, []).append((s, x))
    handed_on = {x.made for _, first, n in program.carried for x in (first, n) if isinstance(x, Rack)}
    for s in program.statements:
        if not s.in_racks or s.op in (*SOURCES, *STORES, "note") or s.reduces:
            continue
        outside = any(
            not isinstance(x, Rack) or plan.phase_of[user] != plan.phase_of[s] for user, x in readers.get(s, ())
        )
        if outside or s in handed_on or s.op == "product":
            kept.append(s)
    slots: dict[Statement, int] = {}
    replaced = _in_place(program, plan, readers)
    count = 0
    for s in kept:
        if s not in replaced:
            slots[s] = count
            count += program.racks
    for new, old in replaced.items():
        slots[new] = slots[old]
    return slots


def _in_place(
    program: Program, plan: Schedule, readers: dict[Statement, list[tuple[Statement, Operand]]]
) -> dict[Statement, Statement]:
    """New rack values that may overwrite the carried ones: nobody reads those later."""
    out: dict[Statement, Statement] = {}
    for stands, _, new in program.carried:
        if not stands.in_racks or not isinstance(new, Rack) or new.made in out or new.made.op in SOURCES:
            continue
        if new.made.stage != stands.stage:
            continue
        written = plan.phase_of[new.made]
        if all(
            user.stage == stands.stage
            and (plan.phase_of[user] < written or (plan.phase_of[user] == written and isinstance(x, Rack)))
            for user, x in readers.get(stands, ())
        ):
            out[new.made] = stands
    return out
