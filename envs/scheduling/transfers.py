"""Waiting jobs that leave one site's table and enter another's; the work asked goes with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import EMPTY, WAITING, Bools, Facts, Floats, Ints, JobTable, Ledger, Places


class Carried(NamedTuple):
    """Jobs on their way between sites; every array ``(M,)``.

    Attributes
    ----------
    facts : Facts
    left_h : ndarray
        Work left [accelerator-h].
    restart_left_s : ndarray
        What their next start costs [s].
    stops : ndarray of int
        How often they were stopped.
    """

    facts: Facts
    left_h: Floats
    restart_left_s: Floats
    stops: NDArray[np.int64]

    def part(self, chosen: Bools) -> Carried:
        """Some of them."""
        facts = Facts._make(x[chosen] for x in self.facts)
        return Carried(facts, self.left_h[chosen], self.restart_left_s[chosen], self.stops[chosen])


def send(table: JobTable, ledger: Ledger, places: Places) -> Carried:
    """Take waiting jobs out of a table; what they have left is asked of their site no more.

    Parameters
    ----------
    table, ledger : JobTable, Ledger
        Written into.
    places : Places
        Slot and site of M jobs.

    Raises
    ------
    ValueError
        Where one of them does not wait.
    """
    slot, site = places
    if (table.state[places] != WAITING).any():
        raise ValueError(f"slots {slot.tolist()} of sites {site.tolist()} hold jobs that do not wait; stop them first")
    facts = Facts._make(np.array(x[places]) for x in table.facts)
    carried = Carried(facts, table.left_h[places], table.restart_left_s[places], table.stops[places])
    np.add.at(ledger.asked, (facts.kind, site), -carried.left_h)
    table.state[places] = EMPTY
    table.left_h[places] = 0.0
    return carried


def receive(table: JobTable, ledger: Ledger, carried: Carried, sites: Ints) -> Bools:
    """Put jobs into empty slots of the sites ``(M,)``, where they wait; who finds none is told so ``(M,)``.

    Parameters
    ----------
    table, ledger : JobTable, Ledger
        Written into.
    carried : Carried
    sites : ndarray of int (M,)
    """
    order = np.argsort(sites, kind="stable")
    first = np.searchsorted(sites[order], sites[order])
    rank = np.empty(len(sites), np.int64)
    rank[order] = np.arange(len(sites)) - first
    is_empty = table.state == EMPTY
    entered = np.asarray(rank < is_empty.sum(axis=0)[sites])
    nth_empty = np.argsort(~is_empty, axis=0, kind="stable")
    places = nth_empty[rank[entered], sites[entered]], sites[entered]
    inside = carried.part(entered)
    for mine, coming in zip(table.facts, inside.facts):
        mine[places] = coming
    np.add.at(ledger.asked, (inside.facts.kind, places[1]), inside.left_h)
    table.state[places], table.left_h[places] = WAITING, inside.left_h
    table.restart_left_s[places], table.stops[places] = inside.restart_left_s, inside.stops
    table.risk_h[places], table.since_s[places] = 0.0, 0.0
    return entered
