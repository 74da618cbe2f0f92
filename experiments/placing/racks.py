"""Racks that a plan places: what one needs, and the deployments in which they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: What a rack keeps of its power after a feeder is lost: all, its floor, or nothing.
WHOLE, CAPPED, SHED = "2N", "capped", "N"
REDUNDANCIES = (WHOLE, CAPPED, SHED)
#: Where the racks of a deployment must stand together: anywhere, or within one room zone, row, or set of CDUs.
HALL, ZONE, ROW, CDU = "hall", "zone", "row", "cdu"
TOGETHER = (HALL, ZONE, ROW, CDU)


class Kind(NamedTuple):
    """What one rack needs.

    Attributes
    ----------
    kw : float
        Power at its inputs [kW].
    liquid_frac : float
        Share of its heat that coolant takes; air takes the rest.
    redundancy : str
        ``2N``: it keeps its power after any single loss; ``capped``: it falls to its floor within seconds; ``N``: it
        may be shed.
    floor_frac : float
        What a capped rack falls to, as a share of ``kw``.
    kg, height_u : float
        Weight and height; 0 where they are not known.
    archetype : str
        Rack of the plant by which it is replayed; empty: by its figures alone.
    """

    kw: float
    liquid_frac: float = 0.0
    redundancy: str = WHOLE
    floor_frac: float = 0.7
    kg: float = 0.0
    height_u: float = 0.0
    archetype: str = ""

    @property
    def after_loss_frac(self) -> float:
        """What it keeps of its power after a feeder is lost."""
        return {WHOLE: 1.0, CAPPED: self.floor_frac, SHED: 0.0}[self.redundancy]


class Deployment(NamedTuple):
    """Racks that come together or not at all.

    Attributes
    ----------
    name : str
    racks : tuple of (Kind, tuple of str)
        Names of the racks of each kind.
    together : str
        Where they must stand together, of `TOGETHER`.
    wave : int
        When it comes; those of one wave are planned together.
    """

    name: str
    racks: tuple[tuple[Kind, tuple[str, ...]], ...]
    together: str = HALL
    wave: int = 0

    @property
    def kw(self) -> float:
        """Power of all of its racks [kW]."""
        return sum(kind.kw * len(names) for kind, names in self.racks)

    @property
    def size(self) -> int:
        """Number of its racks."""
        return sum(len(names) for _, names in self.racks)

    @property
    def shape(self) -> Shape:
        """What it needs, without names."""
        return Shape(tuple((kind, len(names)) for kind, names in self.racks), self.together)


class Shape(NamedTuple):
    """What a deployment needs: racks of each kind, and where they stand together. Deployments alike have one shape."""

    racks: tuple[tuple[Kind, int], ...]
    together: str

    @property
    def kw(self) -> float:
        """Power of all of its racks [kW]."""
        return sum(kind.kw * count for kind, count in self.racks)


class Lot(NamedTuple):
    """Deployments of one shape."""

    shape: Shape
    number: int


def lots_of(shapes: Sequence[Shape]) -> list[Lot]:
    """Shapes that are alike, counted, in the order in which they first come."""
    counts: dict[Shape, int] = {}
    for shape in shapes:
        counts[shape] = counts.get(shape, 0) + 1
    return [Lot(shape, count) for shape, count in counts.items()]
