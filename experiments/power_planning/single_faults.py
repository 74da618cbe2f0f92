"""Hall-years of single lost feeders: what the survivors carry until the protection cuts, and whether a breaker opens.

A loss comes at a drawn moment. The survivors take the load over at once; after the reaction time the protection cuts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.equipment.breaker import Breaker
from experiments.power_planning.hall_demand import HallDemand
from experiments.power_planning.hall_feeders import HallFeeders
from experiments.power_planning.protection import Protection, cut_kw, opened

Floats = NDArray[np.float64]


class LostFeeder(NamedTuple):
    """What the losses of one feeder did.

    Attributes
    ----------
    name : str
    losses : int
        In all simulated years.
    before_frac, after_frac : float
        Highest load of a survivor as a share of its limit, until the cut and after it.
    trips : int
        Losses in which a survivor's breaker opened.
    dark_racks : int
        Racks without power while it is lost.
    work_frac : float
        Work done after the cut of what was done before, on average.
    """

    name: str
    losses: int
    before_frac: float
    after_frac: float
    trips: int
    dark_racks: int
    work_frac: float


def single_faults(
    demand: HallDemand,
    drawn_kw: Floats,
    feeders: HallFeeders,
    law: Breaker,
    protection: Protection,
    expected_losses: float,
    rng: np.random.Generator,
) -> list[LostFeeder]:
    """Losses of every feeder that may fail.

    Parameters
    ----------
    demand : HallDemand
    drawn_kw : ndarray (G + L, T)
        What its outlets draw under caps [kW].
    feeders : HallFeeders
    law : Breaker
    protection : Protection
    expected_losses : float
        Of each feeder in all simulated years; their number is drawn (Poisson).
    rng : numpy Generator
    """
    made = []
    for state, lost in enumerate(feeders.outages.lost):
        if lost >= 0:
            moments = rng.integers(drawn_kw.shape[1], size=int(rng.poisson(expected_losses)))
            made.append(_losses(demand.at(moments), drawn_kw[:, moments], feeders, state, law, protection))
    return made


def _losses(
    demand: HallDemand, drawn: Floats, feeders: HallFeeders, state: int, law: Breaker, protection: Protection
) -> LostFeeder:
    graph, outages = feeders.graph, feeders.outages
    name, events = graph.feeders[outages.lost[state]].name, drawn.shape[1]
    lit = outages.served[state]
    racks = int(np.array(demand.racks)[~lit[: len(demand.groups)]].sum())
    if events == 0:
        return LostFeeder(name, 0, 0.0, 0.0, 0, racks, 1.0)
    limit, share = graph.limit_kw[:, None], outages.share[state]
    cut = cut_kw(protection, share, drawn, demand.floor_kw, limit) * lit[:, None]
    before, over, after = outages.share[0] @ drawn, share @ drawn, share @ cut
    trips = opened(law, limit, before, over, after, protection.after_s)
    done = demand.capped(cut)[1] * lit[len(demand.groups) :, None]
    left = float(done.sum() / max(demand.capped(drawn)[1].sum(), 1e-9))
    return LostFeeder(name, events, float((over / limit).max()), float((after / limit).max()), trips, racks, left)
