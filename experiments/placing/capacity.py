"""What a hall still carries: every limit of power, air and coolant, with nothing lost and after any single loss.

One array holds all limits: row m keeps ``sum over racks of weight[m, block] * load[m, kind] <= limit[m]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.feeders.graph import FeederGraph, Outages, single_losses
from envs.feeders.limits import Limits, limits_of
from experiments.placing.hall import AIR, COOLANT, POWER, Block, PlacingHall
from experiments.placing.racks import SHED, Kind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SUPPLIES = (POWER, AIR, COOLANT)
NORMAL, AFTER_LOSS, UNTIL_SHED = "normal", "after a loss", "until racks are shed"
SLACK_KW = 1e-6


class Rows(NamedTuple):
    """Limits of a hall, M rows over its blocks.

    Attributes
    ----------
    weight : ndarray (M, K)
        Share of a block's load that counts.
    limit_kw : ndarray (M,)
    supply : tuple of str (M,)
    when : tuple of str (M,)
        ``normal``, ``after a loss``, or ``until racks are shed``.
    name : tuple of str (M,)
        Feeder and lost feeder.
    """

    weight: Floats
    limit_kw: Floats
    supply: tuple[str, ...]
    when: tuple[str, ...]
    name: tuple[str, ...]


class Capacity:
    """Blocks, limits, and which kinds of racks fit where.

    Parameters
    ----------
    hall : PlacingHall
    overload_frac : float
        What a feeder carries for the seconds until racks are capped or shed, as a share of its limit.
    """

    def __init__(self, hall: PlacingHall, overload_frac: float = 1.25) -> None:
        self.hall = hall
        self.blocks: list[Block] = hall.blocks
        index = {block: number for number, block in enumerate(self.blocks)}
        self.block_of = {position.name: index[position.block] for position in hall.positions}
        self.positions = np.bincount(list(self.block_of.values()), minlength=len(self.blocks))
        self.lasting = np.zeros((len(SUPPLIES), len(self.blocks)), bool)
        self.served = np.zeros_like(self.lasting)
        self.rows = self._all_rows(overload_frac)
        self._loads: dict[Kind, Floats] = {}
        self._fits: dict[Kind, NDArray[np.bool_]] = {}
        self._groups: dict[str, dict[str, list[int]]] = {}
        self._touched: dict[tuple[int, ...], tuple[Ints, Floats]] = {}

    def _all_rows(self, overload_frac: float) -> Rows:
        made: list[Rows] = []
        for supply, graph in self.hall.graphs().items():
            outlets = [int(outlet.name) for outlet in graph.outlets]
            outages = single_losses(graph)
            self.served[SUPPLIES.index(supply), outlets] = True
            self.lasting[SUPPLIES.index(supply), outlets] = outages.served.all(axis=0)
            for limits, when in _limits(supply, graph, outages, overload_frac):
                weight = np.zeros((len(limits.name), len(self.blocks)))
                weight[:, outlets] = limits.weight
                count = len(limits.name)
                made.append(Rows(weight, limits.limit_kw[:, 0], (supply,) * count, (when,) * count, limits.name))
        return Rows(
            np.concatenate([part.weight for part in made]),
            np.concatenate([part.limit_kw for part in made]),
            tuple(supply for part in made for supply in part.supply),
            tuple(when for part in made for when in part.when),
            tuple(name for part in made for name in part.name),
        )

    def load(self, kind: Kind) -> Floats:
        """What one rack adds to each row at weight 1 ``(M,)`` [kW]."""
        if kind not in self._loads:
            heat = {POWER: kind.kw, AIR: kind.kw * (1.0 - kind.liquid_frac), COOLANT: kind.kw * kind.liquid_frac}
            kept = {
                (supply, when): kind.after_loss_frac if supply == POWER and when == AFTER_LOSS else 1.0
                for supply in SUPPLIES
                for when in (NORMAL, AFTER_LOSS, UNTIL_SHED)
            }
            rows = zip(self.rows.supply, self.rows.when)
            self._loads[kind] = np.array([heat[supply] * kept[supply, when] for supply, when in rows])
        return self._loads[kind]

    def fits(self, kind: Kind) -> NDArray[np.bool_]:
        """Blocks whose positions take such a rack, whatever stands elsewhere ``(K,)``."""
        if kind not in self._fits:
            self._fits[kind] = np.array([not self.unfit(kind, number) for number in range(len(self.blocks))])
        return self._fits[kind]

    def unfit(self, kind: Kind, number: int) -> str:
        """Why no position of a block takes such a rack; empty where one does."""
        block = self.blocks[number]
        for value, limit, unit in (
            (kind.kw, block.kw_limit, "kW"),
            (kind.kg, block.kg_limit, "kg"),
            (kind.height_u, block.u_limit, "U"),
        ):
            if value > limit + SLACK_KW:
                return f"its positions take {limit:g} {unit}, the rack has {value:g} {unit}"
        needs = {POWER: 1.0, AIR: 1.0 - kind.liquid_frac, COOLANT: kind.liquid_frac}
        for row, supply in enumerate(SUPPLIES):
            if needs[supply] > 0.0 and not self.served[row, number]:
                return f"its positions have no {supply}"
            if needs[supply] > 0.0 and kind.redundancy != SHED and not self.lasting[row, number]:
                return f"its positions lose their {supply} by a single loss, the rack must not"
        return ""

    def used(self) -> tuple[Floats, Ints]:
        """Load of every row ``(M,)`` [kW] and free positions of every block ``(K,)``, by what stands."""
        load, free = np.zeros(len(self.rows.limit_kw)), self.positions.astype(np.int64)
        for rack in self.hall.standing:
            number = self.block_of[rack.position]
            load += self.rows.weight[:, number] * self.load(rack.kind)
            free[number] -= 1
        return load, free

    def groups(self, together: str) -> dict[str, list[int]]:
        """Blocks of each group within which racks stand together."""
        if together not in self._groups:
            found: dict[str, list[int]] = {}
            for number, block in enumerate(self.blocks):
                found.setdefault(block.group(together), []).append(number)
            self._groups[together] = found
        return self._groups[together]

    def touched(self, blocks: Sequence[int]) -> tuple[Ints, Floats]:
        """Rows that any of some blocks loads ``(m,)``, and their weights of these blocks ``(m, k)``."""
        key = tuple(blocks)
        if key not in self._touched:
            weight = self.rows.weight[:, list(key)]
            rows = np.flatnonzero(weight.any(axis=1))
            self._touched[key] = rows, weight[rows]
        return self._touched[key]


def _limits(supply: str, graph: FeederGraph, outages: Outages, overload_frac: float) -> list[tuple[Limits, str]]:
    """Limits of a supply and when they hold; racks fall back after a loss of power alone."""
    if supply != POWER:
        return [(limits_of(graph, outages), AFTER_LOSS)]
    parts = [(limits_of(graph, outages, after_loss=False), NORMAL)]
    lost = Outages(outages.lost[1:], outages.share[1:], outages.served[1:])
    if len(lost.lost):
        parts += [(limits_of(graph, lost), AFTER_LOSS), (limits_of(graph, lost, overload_frac), UNTIL_SHED)]
    return parts
