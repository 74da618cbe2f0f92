"""What each job does in an event that nobody curtails: energy, work, and when it ends. `least_loss` rests on it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.scenario.rack_group import archetype_of
from envs.scheduling.announced_targets import no_target
from envs.scheduling.curtailment import Curtailment
from envs.scheduling.job_table import EMPTY, RUNNING

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NOBODY = -1


class Watched(NamedTuple):
    """Jobs that ran in an event, each ``(M,)``.

    Attributes
    ----------
    event, kind, tier : ndarray of int
        Of each job.
    accelerators : ndarray
    energy_kwh : ndarray
        Of its accelerators over idling, during the event [kWh].
    work_h : ndarray
        Done during the event [accelerator-h].
    begun_s, ended_s : ndarray
        When it was seen first and last, from the event's beginning on [s]; ``inf`` where it outlives the day.
    """

    event: Ints
    kind: Ints
    tier: Ints
    accelerators: Floats
    energy_kwh: Floats
    work_h: Floats
    begun_s: Floats
    ended_s: Floats


class FreeEvents(NamedTuple):
    """The hours of the events, where nobody curtails.

    Attributes
    ----------
    jobs : Watched
    curves : tuple
        Of each class: draw over uncapped draw, from where work ends, and work of it.
    withheld_kwh : ndarray (B,)
        What the feeder's caps took from the racks [kWh].
    """

    jobs: Watched
    curves: tuple[tuple[Floats, Floats], ...]
    withheld_kwh: Floats


class JobWatch:
    """Watches the jobs of a core: `before` each step of the event, `after` that and each step of the day behind it.

    Parameters
    ----------
    core : DataCenterCore
        With jobs, as the event begins.
    step_s : float
    """

    def __init__(self, core: DataCenterCore, step_s: float) -> None:
        assert core.jobs is not None
        self.table, self.step_s, self.since_s = core.jobs.jobs.table, step_s, 0.0
        kinds = [archetype_of(g) for g in core.scenario.racks.values() for _ in range(g.count)]
        classes = len(core.jobs.jobs.ledger.done)
        self.law = Curtailment(no_target(core.num_envs), "caps", kinds, core.jobs.racks > 0, classes)
        self.entry = np.full(self.table.state.shape, NOBODY, np.int64)
        none: Any = [np.zeros(0, np.int64)] * 3 + [np.zeros(0)] * 5
        self.jobs = Watched(*none)
        self.submit_s, self.kw = np.zeros(0), np.zeros(0)
        self.left_h = self.table.left_h.copy()
        self.core, self.withheld_kwh = core, np.zeros(core.num_envs)

    def before(self) -> None:
        """Take in the jobs that run, and remember what is left of each."""
        table, facts = self.table, self.table.facts
        places = slot, site = np.nonzero((table.state == RUNNING) & (self.entry == NOBODY))
        kind, size, count = facts.kind[places], facts.accelerators[places], len(slot)
        kw = (table.held[slot, :, site] * self.law.accelerator_kw[kind]).sum(axis=1) * facts.activity[places]
        ran_s = self.step_s if self.since_s else 0.0  # it began in the step before
        work_h = np.minimum(size * ran_s / 3600.0, facts.work_h[places] - table.left_h[places])
        began_s = np.full(count, max(self.since_s - self.step_s, 0.0))
        new = site, kind, facts.tier[places], size, kw * ran_s / 3600.0, work_h, began_s, np.full(count, np.inf)
        self.entry[places] = len(self.kw) + np.arange(count)
        columns: Any = [np.concatenate(both) for both in zip(self.jobs, new)]
        self.jobs = Watched(*columns)
        self.submit_s = np.concatenate([self.submit_s, facts.submit_s[places]])
        self.kw = np.concatenate([self.kw, kw])
        places = np.nonzero(self.entry != NOBODY)
        mine = self.entry[places]
        restarting = np.minimum(table.restart_left_s[places], self.step_s)
        need_s = table.left_h[places] * 3600.0 / np.maximum(facts.accelerators[places], 1.0)
        busy_s = np.where(table.state[places] == RUNNING, np.minimum(need_s, self.step_s - restarting), 0.0)
        self.jobs.energy_kwh[mine] += self.kw[mine] * busy_s / 3600.0
        self.left_h = table.left_h.copy()

    def after(self, inside: bool) -> None:
        """Book the step that is over; ``inside`` the event, where `before` began it."""
        table = self.table
        places = slot, site = np.nonzero(self.entry != NOBODY)
        mine = self.entry[places]
        gone = (table.state[places] == EMPTY) | (table.facts.submit_s[places] != self.submit_s[mine])
        self.since_s += self.step_s
        if inside:
            did_h = np.where(gone, self.left_h[places], np.maximum(self.left_h[places] - table.left_h[places], 0.0))
            self.jobs.work_h[mine] += did_h
            flows = self.core.flows
            withheld_kw = np.maximum(flows.row_demand_kw - flows.row_power_kw, 0.0).sum(axis=0)
            self.withheld_kwh += withheld_kw * self.step_s / 3600.0
        self.jobs.ended_s[mine[gone]] = self.since_s
        self.entry[slot[gone], site[gone]] = NOBODY

    def found(self) -> FreeEvents:
        """What was seen."""
        return FreeEvents(self.jobs, tuple(self.law.curves.curves), self.withheld_kwh)
