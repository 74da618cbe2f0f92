"""Rules of a campus: to which site each waiting job goes. All of them keep jobs where they may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import Floats, Ints
from experiments.campuses.moment import Moment
from experiments.campuses.transport import transport


class Rule(NamedTuple):
    """A rule.

    Attributes
    ----------
    words : str
        What it does.
    sites : callable
        A `Moment` -> site of each job ``(M,)``.
    looks_ahead_h : float
        Hours of arrivals that it knows before they come; no hall has that.
    """

    words: str
    sites: Callable[[Moment], Ints]
    looks_ahead_h: float = 0.0


def home(moment: Moment) -> Ints:
    """Nobody moves."""
    return moment.site.copy()


def round_robin(moment: Moment) -> Ints:
    """Each job goes one site on from that of the job before it, where it may."""
    found, nth = moment.site.copy(), 0
    for job, allowed in enumerate(moment.allowed):
        sites = np.flatnonzero(allowed)
        found[job], nth = sites[nth % len(sites)], nth + 1
    return found


def emptiest(moment: Moment) -> Ints:
    """Each job, the one whose wait is dearest first, goes where most accelerators are free, if it finds room there."""
    return _first_come(moment, lambda free: -free)


def cheapest(moment: Moment) -> Ints:
    """Each job goes to the site with the lowest price of energy now that has room for it; else it stays."""
    return _first_come(moment, lambda free: moment.usd_h[:, 0])


def greenest(moment: Moment) -> Ints:
    """Each job goes to the site with the least carbon now that has room for it; else it stays."""
    return _first_come(moment, lambda free: moment.carbon_kg_h)


def _first_come(moment: Moment, order: Callable[[Floats], Floats]) -> Ints:
    """Each job takes the first site in an order that it may go to and that has room; who finds none stays."""
    found, free = moment.site.copy(), moment.free[:, 0].copy()
    for job in np.argsort(-moment.wait_usd_h, kind="stable"):
        open_sites = np.flatnonzero(moment.allowed[job] & (free >= moment.size[job]))
        if open_sites.size:
            site = open_sites[np.argmin(order(free)[open_sites])]
            found[job] = site
            free[site] -= moment.size[job]
    return found


RULES: dict[str, Rule] = {
    "home": Rule("nobody moves", home),
    "round_robin": Rule("one site on from the job before", round_robin),
    "cheapest": Rule("where energy costs least now, if there is room", cheapest),
    "greenest": Rule("where carbon is least now, if there is room", greenest),
    "emptiest": Rule("where most accelerators are free", emptiest),
    "transport": Rule("transport program over the next day", transport),
    "clairvoyant": Rule("the same, and it knows every job of the next day", transport, looks_ahead_h=24.0),
}
