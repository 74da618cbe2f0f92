"""A plan through every single loss: what the survivors carry, whether a breaker opens, who is dark.

All racks draw what was planned. A lost feeder's load goes to the survivors at once; after the reaction time capped
racks fall to their floor and those without redundancy are shed. Breakers follow the plant's law (PHYSICS F3). Room
units and CDUs have no breaker: the survivors must carry all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.equipment.breaker import Breaker
from envs.feeders.graph import FeederGraph, single_losses
from experiments.placing.hall import AIR, COOLANT, POWER, PlacingHall
from experiments.placing.racks import SHED, Kind
from experiments.power_planning.protection import opened

REACTION_S = 10.0
OVER = 1.0 + 1e-6


class Loss(NamedTuple):
    """What one loss does.

    Attributes
    ----------
    supply, name : str
        ``power``, ``air`` or ``coolant``, and what is lost.
    fullest : str
        The survivor that carries most of its limit.
    before_frac, after_frac : float
        What it carries until racks fall back, and then, as shares of its limit; of cooling both are the same.
    trips : int
        Breakers that open, or coolers that carry more than they can.
    dark : int
        Racks without supply that should have kept it.
    """

    supply: str
    name: str
    fullest: str
    before_frac: float
    after_frac: float
    trips: int
    dark: int

    @property
    def held(self) -> bool:
        """Whether nothing trips and nobody is dark who should not be."""
        return self.trips == 0 and self.dark == 0


def losses(hall: PlacingHall, racks: Sequence[tuple[Kind, str]], law: Breaker | None = None) -> list[Loss]:
    """Every single loss of a feeder, a room unit or a CDU.

    Parameters
    ----------
    hall : PlacingHall
    racks : sequence of (Kind, str)
        All racks, those that stand too, each with its position.
    law : Breaker, optional
        The plant's by default.
    """
    block_of = {position.name: position.block for position in hall.positions}
    number = {block: str(n) for n, block in enumerate(hall.blocks)}
    made: list[Loss] = []
    for supply, graph in hall.graphs().items():
        outlet = {o.name: n for n, o in enumerate(graph.outlets)}
        served = [(kind, outlet.get(number[block_of[position]], -1)) for kind, position in racks]
        made += _of_supply(supply, graph, served, law or Breaker())
    return made


def _needs_kw(kind: Kind, supply: str) -> float:
    return kind.kw * {POWER: 1.0, AIR: 1.0 - kind.liquid_frac, COOLANT: kind.liquid_frac}[supply]


def _of_supply(supply: str, graph: FeederGraph, racks: Sequence[tuple[Kind, int]], law: Breaker) -> list[Loss]:
    full, kept = np.zeros(len(graph.outlets)), np.zeros(len(graph.outlets))
    held = np.zeros(len(graph.outlets), np.int64)
    for kind, place in racks:
        needs = _needs_kw(kind, supply)
        if place < 0:  # nothing of it is needed there: who needs it is refused before
            continue
        full[place] += needs
        kept[place] += needs * (kind.after_loss_frac if supply == POWER else 1.0)
        held[place] += needs > 0.0 and kind.redundancy != SHED
    outages, limit = single_losses(graph), graph.limit_kw[:, None]
    settled = np.repeat(outages.share[:1] @ full, len(outages.lost), axis=0).T
    over, cut = (outages.share @ full).T, (outages.share @ kept).T
    cut[:, 0] = over[:, 0]
    states = range(len(outages.lost))
    if supply != POWER:
        trips = [int((over[:, state] > graph.limit_kw * OVER).sum()) for state in states]
    elif opened(law, limit, settled, over, cut, REACTION_S):
        each = [(slice(None), slice(state, state + 1)) for state in states]
        trips = [opened(law, limit, settled[one], over[one], cut[one], REACTION_S) for one in each]
    else:
        trips = [0 for _ in states]
    made = []
    for state, lost in enumerate(outages.lost):
        share = np.maximum(over, cut)[:, state] / graph.limit_kw
        worst = int(share.argmax())
        before, after = (float(load[worst, state] / graph.limit_kw[worst]) for load in (over, cut))
        name = "nothing" if lost < 0 else graph.feeders[lost].name
        dark = int(held[~outages.served[state]].sum())
        made.append(Loss(supply, name, graph.feeders[worst].name, before, after, trips[state], dark))
    return made
