"""Orders of a queue as priorities of the waiting jobs, higher first: what a rule of books, a plan or a search asks.

Each takes a table and the time and gives ``(J, B)``; a policy hands them to the hall's scheduler before each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from envs.controllers.base import Controller
from envs.core import DataCenterCore
from envs.physics.namespace import Floats as PlantFloats
from envs.scheduling.job_table import EMPTY, WAITING, Bools, Floats, JobTable, remaining_s
from experiments.ordering.known_jobs import HOUR_S, Key, job_key

Order = Callable[[JobTable, Floats], Floats]


def shortest_first(table: JobTable, now_s: Floats) -> Floats:
    """Who needs least time still goes first."""
    return -remaining_s(table)


def earliest_deadline(table: JobTable, now_s: Floats) -> Floats:
    """The earliest deadline goes first; who has none goes last, as it came."""
    return _before(table.facts.deadline_s, table)


def least_slack(table: JobTable, now_s: Floats) -> Floats:
    """Who must start soonest goes first; who has no deadline goes last, as it came."""
    return _before(table.facts.deadline_s - remaining_s(table), table)


def _before(due_s: Floats, table: JobTable) -> Floats:
    late = 1e12 + table.facts.submit_s
    return -np.where(np.isfinite(due_s), due_s, late)


def most_by(end_s: Floats) -> Order:
    """Who can do most work until an end ``(B,)`` [s] goes first: it fills the hall before small jobs part it."""

    def order(table: JobTable, now_s: Floats) -> Floats:
        rest_h = np.maximum(end_s - now_s, 0.0) / HOUR_S
        return np.asarray(np.minimum(table.left_h, table.facts.accelerators * rest_h))

    return order


class Newcomers:
    """Remembers who waits in which slot, and says who has come since the last look."""

    def __init__(self) -> None:
        self._submit_s: Floats | None = None

    def __call__(self, table: JobTable) -> Bools:
        """Slots with a waiting job that did not wait there before ``(J, B)``."""
        submit_s = np.where(table.state == WAITING, table.facts.submit_s, np.nan)
        known, self._submit_s = self._submit_s, submit_s
        waits = ~np.isnan(submit_s)
        return waits if known is None else np.asarray(waits & (submit_s != known))


class Ranked:
    """Jobs by a rank that somebody gave each of them beforehand; who has none goes first, as it came.

    Parameters
    ----------
    ranks : sequence of mapping
        For each site: key of a job (`known_jobs.job_key`) to its priority.
    unknown : float
        Priority of who has none.
    """

    def __init__(self, ranks: Sequence[Mapping[Key, float]], unknown: float = 0.0) -> None:
        self.ranks, self.unknown = ranks, unknown
        self._come = Newcomers()
        self._found: Floats | None = None

    def __call__(self, table: JobTable, now_s: Floats) -> Floats:
        """The priorities ``(J, B)``; only slots that changed are looked up."""
        if self._found is None:
            self._found = np.full(table.state.shape, self.unknown)
        for slot, site in zip(*np.nonzero(self._come(table))):
            key = job_key(table.facts, slot, site)
            self._found[slot, site] = self.ranks[site].get(key, self.unknown)
        return self._found.copy()


class Ordered:
    """A policy whose queue goes by an order; else it does what another does.

    Parameters
    ----------
    policy : Controller
    core : DataCenterCore
        With jobs.
    order : Order
    """

    def __init__(self, policy: Controller, core: DataCenterCore, order: Order) -> None:
        if core.jobs is None:
            raise ValueError(
                f"scenario {core.scenario.name} has no jobs whose order could be moved; take one with a jobs section, "
                "such as ai_factory"
            )
        self.policy, self.jobs, self.order = policy, core.jobs, order
        self.reset = policy.reset

    def act(self, measured: Mapping[str, PlantFloats]) -> dict[str, PlantFloats]:
        """Put the queue into the order, and ask what the other policy asks."""
        table = self.jobs.jobs.table
        wanted = self.order(table, self.jobs.now_s)
        self.jobs.prioritize(np.where(table.state == EMPTY, 0.0, wanted))
        return dict(self.policy.act(measured))
