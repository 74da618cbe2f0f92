"""What a campus knows of each job beside its table: where it came, how much data it has, and where it may go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Arrivals, Floats, Ints
from experiments.campuses.campus_parts import Campus

Bools = NDArray[np.bool_]


class Cards(NamedTuple):
    """The jobs of one campus, by the second at which they were submitted, which no two of them share.

    Attributes
    ----------
    submit_s : ndarray (N,)
        Rising [s].
    origin : ndarray of int (N,)
        Site at which it came.
    data_gb : ndarray (N,)
        What travels with it [GB].
    may_go : ndarray of bool (N, S)
        Sites on which it may run.
    """

    submit_s: Floats
    origin: Ints
    data_gb: Floats
    may_go: Bools

    def of(self, submit_s: Floats) -> Cards:
        """Cards of jobs ``(M,)``.

        Raises
        ------
        ValueError
            For a job that never came.
        """
        at = np.minimum(np.searchsorted(self.submit_s, submit_s), len(self.submit_s) - 1)
        if not np.array_equal(self.submit_s[at], submit_s):
            raise ValueError("jobs without a card: they were not submitted on this campus")
        return self.part(at)

    def part(self, at: Ints | Bools) -> Cards:
        """Some of them, by place or by mask."""
        return Cards(self.submit_s[at], self.origin[at], self.data_gb[at], self.may_go[at])


def drawn_cards(campus: Campus, arrivals: Arrivals, lists: Ints, seed: int) -> Cards:
    """Draw the cards of all jobs of a campus whose sites play these lists of arrivals ``(S,)``.

    Parameters
    ----------
    campus : Campus
    arrivals : Arrivals
    lists : ndarray of int (S,)
        All different.
    seed : int

    Raises
    ------
    ValueError
        Where two sites play one list, or two jobs come in the same instant, so that nobody could tell them apart.
    """
    parts = []
    for site, nth in enumerate(lists.tolist()):
        there = np.isfinite(arrivals.facts.submit_s[:, nth])
        submit_s = arrivals.facts.submit_s[there, nth]
        size = arrivals.facts.accelerators[there, nth]
        rng = np.random.default_rng([seed, nth])
        wire, stay = campus.wire, campus.residency
        data = wire.data_gb * size * np.exp(wire.data_sigma * rng.standard_normal(len(size)))
        bound = rng.random(len(size))[:, None]
        home = np.arange(len(campus.sites)) == site
        near = campus.same_region[site]
        may_go = np.where(bound < stay.home_frac, home, np.where(bound < stay.home_frac + stay.region_frac, near, True))
        parts.append(Cards(submit_s, np.full(len(size), site), data, may_go))
    submitted, origin, gigabytes, open_sites = (np.concatenate(part) for part in zip(*parts))
    cards = Cards(submitted, origin, gigabytes, open_sites).part(np.argsort(submitted, kind="stable"))
    if (np.diff(cards.submit_s) == 0.0).any():
        raise ValueError("two jobs of the campus come in the same instant; give each site a workload seed of its own")
    return cards
