"""From blocks to positions: the position of every rack of a plan, in the order of the hall's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from experiments.placing.capacity import Capacity
from experiments.placing.hall import Position
from experiments.placing.planning import Decided
from experiments.placing.racks import Deployment, Kind


class Seat(NamedTuple):
    """A rack on its position."""

    rack: str
    deployment: Deployment
    kind: Kind
    position: Position


def seats_of(capacity: Capacity, decided: Sequence[Decided]) -> list[Seat]:
    """Racks of all deployments that are placed, each on a position of its block that is free."""
    taken = {rack.position for rack in capacity.hall.standing}
    free: dict[int, list[Position]] = {}
    for position in capacity.hall.positions:
        if position.name not in taken:
            free.setdefault(capacity.block_of[position.name], []).append(position)
    made: list[Seat] = []
    for one in decided:
        names = {kind: list(racks) for kind, racks in one.deployment.racks}
        for kind, number, count in one.placed or ():
            made += [Seat(names[kind].pop(0), one.deployment, kind, free[number].pop(0)) for _ in range(count)]
    return made
