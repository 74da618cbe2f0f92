"""A hall of 200 positions and arrivals that are drawn, on which the plan is measured against greedy rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.feeders.graph import Feeder
from experiments.placing.hall import Block, PlacingHall, Position, RoomUnits
from experiments.placing.racks import CAPPED, HALL, ROW, SHED, WHOLE, Deployment, Kind, Lot, Shape, lots_of

ROWS, PER_ROW = 10, 20
#: What comes: kind of rack, racks of a deployment with their odds, where they stand together, share of deployments.
NVL72 = Kind(132.0, 0.87, WHOLE, kg=1360.0, height_u=48.0, archetype="nvl72")
NVL72_SHED = NVL72._replace(redundancy=SHED)
HGX = Kind(41.0, 0.0, CAPPED, 0.7, kg=900.0, height_u=48.0, archetype="hgx_air")
HGX_WHOLE = HGX._replace(redundancy=WHOLE)
SERVERS = Kind(14.0, 0.0, WHOLE, kg=700.0, height_u=48.0, archetype="enterprise_air")
STORAGE = Kind(9.0, 0.0, WHOLE, kg=1100.0, height_u=48.0, archetype="enterprise_air")
NETWORK = Kind(18.0, 0.0, WHOLE, kg=600.0, height_u=48.0, archetype="enterprise_air")
CATALOGUE: tuple[tuple[float, Shape], ...] = (
    (0.07, Shape(((NVL72, 4),), ROW)),
    (0.03, Shape(((NVL72, 8), (NETWORK, 1)), ROW)),
    (0.05, Shape(((NVL72_SHED, 2),), ROW)),
    (0.10, Shape(((HGX, 4),), ROW)),
    (0.08, Shape(((HGX, 8), (NETWORK, 1)), ROW)),
    (0.10, Shape(((HGX_WHOLE, 2),), ROW)),
    (0.22, Shape(((SERVERS, 2),), HALL)),
    (0.15, Shape(((STORAGE, 3),), HALL)),
    (0.20, Shape(((SERVERS, 1),), HALL)),
)


def example_hall() -> PlacingHall:
    """200 positions in 10 rows; four UPS units, of which each half row has two; zones and CDU pairs of two rows."""
    ups = [f"ups {letter}" for letter in "abcd"]
    feeders = [Feeder("utility", 10000.0, may_fail=False)]
    feeders += [Feeder(name, 2500.0, ("utility",)) for name in ups]
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2)]
    positions = []
    for row in range(ROWS):
        for half in range(2):
            number = 2 * row + half
            pair = pairs[number % len(pairs)]
            panels = tuple(f"panel {row + 1}{'ab'[half]}{side}" for side in (1, 2))
            feeders += [Feeder(panel, 1000.0, (ups[source],)) for panel, source in zip(panels, pair)]
            zone, liquid = f"z{row // 2 + 1}", row % 2 == 0 or row < 4
            cdus = (f"cdu {row // 2 + 1}a", f"cdu {row // 2 + 1}b") if liquid else ()
            block = Block(f"row {row + 1}", zone, panels, cdus, 140.0 if liquid else 60.0, 1500.0, 48.0)
            positions += [
                Position(f"r{row + 1:02d}-{half * PER_ROW // 2 + place + 1:02d}", block)
                for place in range(PER_ROW // 2)
            ]
    zones = {f"z{zone + 1}": RoomUnits(6, 240.0) for zone in range(ROWS // 2)}
    carried = {f"cdu {pair + 1}{side}": 1500.0 for pair in range(ROWS // 2) for side in "ab"}
    return PlacingHall("200 positions", tuple(positions), tuple(feeders), zones, carried)


def drawn_deployments(rng: np.random.Generator, racks: int, waves: int) -> list[Deployment]:
    """Deployments until so many racks have come, in waves of equal racks.

    Parameters
    ----------
    rng : numpy Generator
    racks, waves : int
    """
    odds = np.array([odd for odd, _ in CATALOGUE])
    made: list[Deployment] = []
    come = 0
    while come < racks:
        shape = CATALOGUE[int(rng.choice(len(CATALOGUE), p=odds / odds.sum()))][1]
        size = sum(count for _, count in shape.racks)
        if come + size > racks:
            shape = Shape(((SERVERS, racks - come),), HALL)
            size = racks - come
        made.append(deployment(f"d{len(made) + 1}", shape, come * waves // racks))
        come += size
    return made


def deployment(name: str, shape: Shape, wave: int) -> Deployment:
    """A deployment of a shape, with names for its racks."""
    racks, number = [], 0
    for kind, count in shape.racks:
        racks.append((kind, tuple(f"{name}-{number + place + 1}" for place in range(count))))
        number += count
    return Deployment(name, tuple(racks), shape.together, wave)


def drawn_future(rng: np.random.Generator, racks: int) -> Sequence[Lot]:
    """A sampled future of so many racks."""
    return lots_of([one.shape for one in drawn_deployments(rng, racks, 1)]) if racks else []
