"""A hall that racks are placed in: positions, and the three supplies that carry them through any single loss.

Power, air and coolant are alike here: each is a graph of feeders with limits, of which each position names those that
serve it (`envs.feeders.graph`). Positions that nothing tells apart are one block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envs.feeders.graph import Feeder, FeederGraph, Outlet
from experiments.placing.racks import CDU, HALL, ROW, ZONE, Kind

POWER, AIR, COOLANT = "power", "air", "coolant"
NO_LIMIT = float("inf")


class Block(NamedTuple):
    """Positions that nothing tells apart.

    Attributes
    ----------
    row, zone : str
    feeds, cdus : tuple of str
        Feeders and coolant distribution units that share its load.
    kw_limit, kg_limit, u_limit : float
        Of one rack.
    """

    row: str
    zone: str
    feeds: tuple[str, ...]
    cdus: tuple[str, ...] = ()
    kw_limit: float = NO_LIMIT
    kg_limit: float = NO_LIMIT
    u_limit: float = NO_LIMIT

    def group(self, together: str) -> str:
        """The group that it belongs to, where racks must stand together."""
        return {HALL: "hall", ZONE: self.zone, ROW: self.row, CDU: " + ".join(self.cdus) or "no CDU"}[together]


class Position(NamedTuple):
    """A place for one rack; ``dcim_id`` is its own in NetBox or Nautobot."""

    name: str
    block: Block
    dcim_id: str = ""


class Standing(NamedTuple):
    """A rack that stands already."""

    name: str
    position: str
    kind: Kind


class RoomUnits(NamedTuple):
    """Room units of a zone, which share its heat."""

    units: int
    unit_kw: float


@dataclass(frozen=True)
class PlacingHall:
    """A hall.

    Attributes
    ----------
    name : str
    positions : tuple of Position
    feeders : tuple of Feeder
        The power tree.
    room_units : mapping
        Zone to its room units.
    cdus : mapping
        Coolant distribution unit to what it may carry [kW].
    standing : tuple of Standing
    scenario : str
        The plant's scenario, by which a plan is replayed with its cooling; empty: none.
    """

    name: str
    positions: tuple[Position, ...]
    feeders: tuple[Feeder, ...]
    room_units: Mapping[str, RoomUnits]
    cdus: Mapping[str, float]
    standing: tuple[Standing, ...] = ()
    scenario: str = ""

    @property
    def blocks(self) -> list[Block]:
        """Blocks, in the order of their first positions."""
        return list(dict.fromkeys(position.block for position in self.positions))

    def graphs(self) -> dict[str, FeederGraph]:
        """Supply to its graph, with the blocks that it serves as outlets, named by their number."""
        units = {
            zone: [Feeder(f"room unit {n + 1} of zone {zone}", own.unit_kw) for n in range(own.units)]
            for zone, own in self.room_units.items()
        }
        cooled = tuple(feeder for own in units.values() for feeder in own)
        served: dict[str, list[Outlet]] = {POWER: [], AIR: [], COOLANT: []}
        for number, block in enumerate(self.blocks):
            feeds = {POWER: block.feeds, COOLANT: block.cdus, AIR: tuple(f.name for f in units.get(block.zone, []))}
            for supply, names in feeds.items():
                if names:
                    served[supply].append(Outlet(str(number), names))
        nodes = {POWER: self.feeders, AIR: cooled, COOLANT: tuple(Feeder(n, kw) for n, kw in self.cdus.items())}
        return {supply: FeederGraph(nodes[supply], tuple(served[supply])) for supply in nodes if served[supply]}
