"""Orders of a queue as priorities of the waiting jobs, higher first: what a rule of books, a plan or a search asks.

Each takes a table and the time and gives ``(J, B)``; a policy hands them to the hall's scheduler before each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from envs.controllers.base import Controller
from envs.core import DataCenterCore
from envs.physics.namespace import Floats as PlantFloats
from envs.scheduling.job_table import EMPTY, WAITING, Floats, JobTable
from experiments.ordering.known_jobs import HOUR_S, Key, job_key

Order = Callable[[JobTable, Floats], Floats]


def needs_s(table: JobTable) -> Floats:
    """How long each job still needs at full pace ``(J, B)`` [s]."""
    return np.asarray(table.left_h * HOUR_S / np.maximum(table.facts.accelerators, 1.0) + table.restart_left_s)


def shortest_first(table: JobTable, now_s: Floats) -> Floats:
    """Who needs least time still goes first."""
    return -needs_s(table)


def earliest_deadline(table: JobTable, now_s: Floats) -> Floats:
    """The earliest deadline goes first; who has none goes last, as it came."""
    return _before(table.facts.deadline_s, table)


def least_slack(table: JobTable, now_s: Floats) -> Floats:
    """Who must start soonest goes first; who has no deadline goes last, as it came."""
    return _before(table.facts.deadline_s - needs_s(table), table)


def _before(due_s: Floats, table: JobTable) -> Floats:
    late = 1e12 + table.facts.submit_s
    return -np.where(np.isfinite(due_s), due_s, late)


def most_by(end_s: Floats) -> Order:
    """Who can do most work until an end ``(B,)`` [s] goes first: it fills the hall before small jobs part it."""

    def order(table: JobTable, now_s: Floats) -> Floats:
        rest_h = np.maximum(end_s - now_s, 0.0) / HOUR_S
        return np.asarray(np.minimum(table.left_h, table.facts.accelerators * rest_h))

    return order


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
        self._submit: Floats | None = None

    def __call__(self, table: JobTable, now_s: Floats) -> Floats:
        """The priorities ``(J, B)``; only slots that changed are looked up."""
        submit_s = np.where(table.state == WAITING, table.facts.submit_s, np.nan)
        if self._submit is None:
            self._submit, self._found = np.full(submit_s.shape, np.nan), np.full(submit_s.shape, self.unknown)
        for slot, site in zip(*np.nonzero((submit_s != self._submit) & (table.state == WAITING))):
            key = job_key(table.facts, slot, site)
            self._found[slot, site] = self.ranks[site].get(key, self.unknown)
        self._submit = submit_s
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
