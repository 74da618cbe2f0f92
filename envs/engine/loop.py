"""A loop that a recording may hold once: the sub-steps of a control step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from envs.engine.record import Loop, Node, Recording, TracedArray, Untraceable
from envs.trees import map_leaves

State = TypeVar("State")
Part = TypeVar("Part")
#: What leaves a sum, or an extreme, as it is.
_NEUTRAL = {np.add: 0.0, np.maximum: -math.inf, np.minimum: math.inf}


def repeated(
    turn: Callable[[State], tuple[State, Part]], join: Callable[[Part, Part], Part], start: State, times: int
) -> tuple[State, Part]:
    """Take ``times`` turns, each from the state that the one before left, and join what they report.

    Parameters
    ----------
    turn : callable
        State to the next state and the report of the turn: trees of arrays of the same shapes in every turn.
    join : callable
        ``(so far, next)`` to the report of both. In a recording each array of it is a sum, a maximum or a minimum of
        the two, or the next one alone.
    start : tree
        State before the first turn.
    times : int
        At least 1.
    """
    recording = _recording_of(start)
    if recording is not None and recording.loops and times > 1:
        return _recorded_loop(recording, turn, join, start, times)
    state, total = turn(start)
    for _ in range(times - 1):
        state, part = turn(state)
        total = join(total, part)
    return state, total


def _recording_of(tree: Any) -> Recording | None:
    found: list[Recording] = []
    map_leaves(tree, lambda x: found.append(x.recording) if isinstance(x, TracedArray) and x.recording else None)
    return found[0] if found else None


def _recorded_loop(recording: Recording, turn: Any, join: Any, start: Any, times: int) -> tuple[Any, Any]:
    if recording.loop is not None:
        raise Untraceable("a second loop in one recording; write it out turn by turn")
    first, part = turn(start)  # only tells what a turn changes; nothing else reads it
    before, after = recording.nodes_of(start), recording.nodes_of(first)
    changed = [a is not b for a, b in zip(before, after, strict=True)]
    begin = len(recording.nodes)
    entered = [recording.carried(n.value) if moves else None for n, moves in zip(before, changed)]
    stands = iter(entered)
    inside = map_leaves(start, lambda x: x if (carried := next(stands)) is None else carried)
    sums = map_leaves(part, lambda x: recording.carried(np.zeros(x.shape, x.dtype)))
    state, part = turn(inside)
    total = join(sums, part)
    handed_on: list[tuple[Node, Node | float, Node]] = []
    for carried, old, new in zip(entered, before, recording.nodes_of(state), strict=True):
        if carried is not None and carried.node is not None:
            handed_on.append((carried.node, old, new))
        elif new is not old:
            raise Untraceable("a loop whose later turns change what the first one leaves as it is")
    handed_on += _joined(recording, begin, recording.nodes_of(sums), recording.nodes_of(total))
    recording.loop = Loop(times, handed_on, len(recording.nodes))
    return map_leaves((state, total), lambda x: recording.last(recording.node_of(x)))


def _joined(recording: Recording, begin: int, sums: list[Node], totals: list[Node]) -> list[tuple[Node, float, Node]]:
    """Which totals are sums or extremes, and of what; refuse what is neither."""
    stands = {n.index: n for n in sums}
    known: list[tuple[Node, float, Node]] = []
    for new in totals:
        inside = [n for n in new.operands if n.index in stands]
        if len(inside) == 1 and new.kind == "ufunc" and new.detail[0] in _NEUTRAL and len(new.operands) == 2:
            known.append((inside[0], _NEUTRAL[new.detail[0]], new))
    allowed = {new.index for _, _, new in known}
    for node in recording.nodes[begin:]:
        if node.index not in allowed and any(n.index in stands or n.index in allowed for n in node.operands):
            raise Untraceable("a loop may join its turns only by a sum, a maximum or a minimum")
    return known
