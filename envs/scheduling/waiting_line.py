"""Who waits, and the habits by which a scheduler looks at them."""

from __future__ import annotations

from typing import NamedTuple

from envs.scheduling.job_table import Bools, Floats, Ints


class Habits(NamedTuple):
    """What does not change.

    Attributes
    ----------
    starts : int
        Most starts of a site in a step.
    backfill, reserve : bool
        Whether later jobs may pass the first, and whether they must leave it what it needs.
    preempt : bool
        Whether a job may stop flexible ones of lower priority.
    by_deadline : bool
        Whether, at equal priority, the earliest deadline goes first instead of who came first.
    whole : float
        A job that one rack can hold waits for such a rack, if that comes within so many times what the job needs
        (`whole_domains`); 0: it never waits.
    """

    starts: int = 4
    backfill: bool = True
    reserve: bool = True
    preempt: bool = True
    by_deadline: bool = False
    whole: float = 0.0


class Queue(NamedTuple):
    """Waiting jobs of all sites, site by site, in each by priority and then by time less lead; each ``(W,)``."""

    slot: Ints
    site: Ints
    need: Floats
    lasts_s: Floats
    submit_s: Floats

    def part(self, chosen: Bools | Ints) -> Queue:
        """Some of them."""
        return Queue._make(column[chosen] for column in self)
