"""What refuses a deployment: the limit, the positions or the kind of place that it would need and does not find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.placing.capacity import SLACK_KW, Capacity, Floats
from experiments.placing.greedy import State
from experiments.placing.hall import AIR, COOLANT, POWER
from experiments.placing.racks import Kind, Shape

POSITIONS, PLACES = "positions", "kind of place"
NAMES = {POWER: "feed", AIR: "room unit", COOLANT: "CDU"}
MOST_NAMED = 3


class Binding(NamedTuple):
    """Why a deployment is refused.

    Attributes
    ----------
    what : str
        ``feed``, ``room unit``, ``CDU``, ``positions`` or ``kind of place``.
    words : str
        Which limit, where, and what it lacks.
    """

    what: str
    words: str


def binding_of(capacity: Capacity, shape: Shape, state: State) -> Binding:
    """What binds, in the group that lacks least.

    Parameters
    ----------
    capacity : Capacity
    shape : Shape
        Refused.
    state : State
        What stands when the plan is made.
    """
    for kind, _ in shape.racks:
        if not capacity.fits(kind).any():
            return Binding(PLACES, _unfit_words(capacity, kind))
    found = [_lacking(capacity, shape, state, name, blocks) for name, blocks in capacity.groups(shape.together).items()]
    return min(found, key=lambda one: one[0])[1]


def _unfit_words(capacity: Capacity, kind: Kind) -> str:
    reasons = {capacity.unfit(kind, number): None for number in range(len(capacity.blocks))}
    return "in every block " + "; or ".join(list(reasons)[:MOST_NAMED])


def _lacking(capacity: Capacity, shape: Shape, state: State, name: str, blocks: Sequence[int]) -> tuple[float, Binding]:
    """How much a group lacks, as a share of its limit (more than 1 for positions), and what."""
    numbers = np.array(blocks)
    load, free = state.load_kw.copy(), state.free.copy()
    for kind, count in shape.racks:
        fits = capacity.fits(kind)[numbers]
        there = int(np.maximum(free[numbers], 0)[fits].sum())
        if there < count:
            where = "" if name == "hall" else f" of {name}"
            words = f"positions{where} that take a rack of {kind.kw:g} kW: {there} free, {count} needed"
            return 2.0 + count - there, Binding(POSITIONS, words)
        for _ in range(count):
            number = _least_over(capacity, kind, load, numbers[fits & (free[numbers] > 0)])
            load += capacity.rows.weight[:, number] * capacity.load(kind)
            free[number] -= 1
    over = load - capacity.rows.limit_kw
    worst = int((over / capacity.rows.limit_kw).argmax())
    if over[worst] <= SLACK_KW:
        return 1.5, Binding(POSITIONS, "each limit alone has room, but no way to share the racks out keeps all of them")
    rows = capacity.rows
    until = ", until racks are shed" if rows.when[worst] == "until racks are shed" else ""
    where = "" if name == "hall" else f"{name}: "
    words = f"{where}{rows.name[worst]}{until}: {over[worst]:.0f} kW over {rows.limit_kw[worst]:.0f} kW"
    return float(over[worst] / rows.limit_kw[worst]), Binding(NAMES[rows.supply[worst]], words)


def _least_over(capacity: Capacity, kind: Kind, load: Floats, numbers: Floats) -> int:
    """The block whose next rack leaves the least over any limit."""
    added = capacity.rows.weight[:, numbers.astype(np.int64)] * capacity.load(kind)[:, None]
    share = (load[:, None] + added) / capacity.rows.limit_kw[:, None]
    return int(numbers[int(share.max(axis=0).argmin())])
