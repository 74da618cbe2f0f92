"""Where the racks of a zone stand: lines of racks, face to face over a cold aisle, back to back over a hot one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

RACK_WIDTH_M, RACK_DEPTH_M = 0.6, 1.2
AISLE_M = 0.9
LONGEST_LINE = 24  # racks; a longer row is broken, as a real one is by a cross aisle


class Place(NamedTuple):
    """Middle of a rack in its zone [m], and the line that it stands in; the first line is at the back, y = 0."""

    line: int
    x_m: float
    y_m: float


def rack_places(zone_of: Sequence[int], row_of: Sequence[int]) -> list[Place]:
    """A place for each rack, from its air zone and power row; the drawing's own, as no scenario has a floor plan."""
    lines: dict[int, dict[int, list[int]]] = {}
    for rack, (zone, row) in enumerate(zip(zone_of, row_of)):
        lines.setdefault(zone, {}).setdefault(row, []).append(rack)
    places = [Place(0, 0.0, 0.0)] * len(zone_of)
    for rows in lines.values():
        parts = [racks[i : i + LONGEST_LINE] for racks in rows.values() for i in range(0, len(racks), LONGEST_LINE)]
        y = 0.5 * RACK_DEPTH_M
        for line, racks in enumerate(parts):
            for n, rack in enumerate(racks):
                places[rack] = Place(line, (n + 0.5) * RACK_WIDTH_M, y)
            y += RACK_DEPTH_M + AISLE_M
    return places


def zone_size_m(places: Sequence[Place]) -> tuple[float, float]:
    """Width and depth of a zone from the places of its racks, without a margin [m]."""
    return (
        max(place.x_m for place in places) + 0.5 * RACK_WIDTH_M,
        max(place.y_m for place in places) + 0.5 * RACK_DEPTH_M,
    )


def aisles(places: Sequence[Place]) -> list[tuple[str, float]]:
    """Name and middle [m] of each aisle between the lines of a zone; the first two lines face each other."""
    lines = sorted({(place.line, place.y_m) for place in places})
    return [
        ("cold aisle" if line % 2 == 0 else "hot aisle", 0.5 * (y + following))
        for (line, y), (_, following) in zip(lines[:-1], lines[1:])
    ]
