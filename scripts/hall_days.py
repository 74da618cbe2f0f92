"""Days of a hall with jobs: what a policy did on them, and at what price: who waited, what was left, what was at risk.

Waits count from submission to the start, or to the end of the episode where there was none. Jobs that find no slot in
the table wait too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.world import World
from envs.scenario import Scenario, load
from envs.scheduling.job_table import EMPTY, WAITING
from envs.trees import tiled_tree
from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.evaluation.stats import mean_difference

if TYPE_CHECKING:
    from envs.controllers.base import Controller

Maker = Callable[[DataCenterCore], "Controller"]
LONGER = 1.02  # times the waiting that counts as no longer: two equal policies differ by so much
MORE_PROTECTION_S = 864.0  # a day, as the gate has it


class Days(NamedTuple):
    """What a policy did on each day ``(B,)``.

    Attributes
    ----------
    work_per_mw, large_left_h : ndarray (B,)
        Accelerators at work per megawatt of the limit; work that large jobs have left [accelerator-h].
    wait_s, large, site : ndarray (N,)
        Of all jobs: how long each waited [s], whether it asked more than one rack, and on which day.
    sums : mapping
        Of the core, each ``(B,)``.
    days : float
        Length of an episode.
    job_work_h : ndarray (B,)
        Work of the jobs alone, without serving [accelerator-h].
    """

    work_per_mw: NDArray[np.float64]
    large_left_h: NDArray[np.float64]
    wait_s: NDArray[np.float64]
    large: NDArray[np.bool_]
    site: NDArray[np.int64]
    sums: Mapping[str, NDArray[np.float64]]
    days: float
    job_work_h: NDArray[np.float64]

    def part(self, first: int, end: int) -> Days:
        """Some of the days."""
        mine = (self.site >= first) & (self.site < end)
        jobs = self.wait_s[mine], self.large[mine], self.site[mine] - first
        sums = {name: value[first:end] for name, value in self.sums.items()}
        by_day = self.work_per_mw[first:end], self.large_left_h[first:end]
        return Days(*by_day, *jobs, sums, self.days, self.job_work_h[first:end])

    def cells(self, base: Days, difference: NDArray[np.float64], sites: list[str]) -> tuple[str, ...]:
        """Cells of a table: work and what it is over the base's with its interval, waits, work left and lost.

        Parameters
        ----------
        base : Days
        difference : ndarray (B,) or (seeds, B)
            Of `work_per_mw` to the base.
        sites : list of str
            Of each day.
        """
        gain = mean_difference(difference, np.zeros(difference.shape[-1]), sites)
        share = [100.0 * value / base.work_per_mw.mean() for value in gain]
        return (
            f"{self.work_per_mw.mean():.1f}", f"{share[0]:+.2f} %", f"{share[1]:+.2f} to {share[2]:+.2f}",
            f"{self.wait_s.mean():.0f}", *(f"{s:.0f}" for s in self.waits().values()),
            f"{self.large_left_h.mean():.0f}", f"{self.sums['work_lost_h'].mean() / self.days:.1f}",
        )  # fmt: skip

    def price(self, base: Days) -> str:
        """What it does worse than another policy, in words; "none" where it does nothing worse."""
        ours, theirs = self.waits(), base.waits()
        worse = [name for name, s in ours.items() if s > LONGER * theirs[name]]
        if self.large_left_h.mean() > LONGER * base.large_left_h.mean():
            worse.append("leaves more of large jobs")
        if self.late_frac().mean() > LONGER * base.late_frac().mean():
            worse.append("serves later")
        for name, title, more in SAFETY:
            if (self.sums[name].mean() - base.sums[name].mean()) / self.days > more:
                worse.append(title)
        return ", ".join(worse) or "none"

    def late_frac(self) -> NDArray[np.float64]:
        """Share of each day's served work whose tokens came later than the target ``(B,)``; 0 where none is set."""
        if "late_work_h" not in self.sums:
            return np.zeros(len(self.work_per_mw))
        share: NDArray[np.float64] = self.sums["late_work_h"] / np.maximum(self.sums["serving_done_h"], 1e-9)
        return share

    def waits(self) -> dict[str, float]:
        """Highest of 95 % of the waits [s], of all jobs and of large ones."""
        return {
            "waits longer": float(np.quantile(self.wait_s, 0.95)),
            "large jobs wait longer": float(np.quantile(self.wait_s[self.large], 0.95)),
        }


#: Sums that may not be more than another policy's by so much a day, and what is said where they are.
SAFETY = (
    ("trips", "trips", 0.0),
    ("overload_kwh", "overload", 0.01),
    ("capper_active_s", "protection", MORE_PROTECTION_S),
    ("inlet_degree_minutes", "heat", 0.1),
    ("work_lost_h", "loses work", 0.1),
)


class Waits:
    """How long jobs wait for their start; who finds no slot in the table waits too."""

    def __init__(self, jobs: HallJobs) -> None:
        self.jobs, self.table, self.found = jobs, jobs.jobs.table, list[NDArray[np.float64]]()
        self.large_left_h = np.zeros(self.table.state.shape[1])
        self.remember()

    def remember(self) -> None:
        """Who waits before a step."""
        facts = self.table.facts
        self.waiting = self.table.state == WAITING
        self.submit_s, self.size = facts.submit_s.copy(), facts.accelerators.copy()

    def note(self, now_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Who started in the step that began then ``(J, B)``; many have also ended in it."""
        still = (self.table.state == WAITING) & (self.table.facts.submit_s == self.submit_s)
        started = self.waiting & ~still
        self._add(started, now_s - self.submit_s, self.size)
        return started

    def end(self, now_s: NDArray[np.float64]) -> None:
        """Who still waits, and what large jobs have left."""
        table, (facts, of, _) = self.table, self.jobs.jobs.arrivals
        self._add(table.state == WAITING, now_s - table.facts.submit_s, table.facts.accelerators)
        self._add(_outside(self.jobs, now_s), now_s - facts.submit_s[:, of], facts.accelerators[:, of])
        self.large_left_h = work_left_h(self.jobs, now_s, table.racks.max())

    def _add(self, which: NDArray[np.bool_], wait_s: NDArray[np.float64], size: NDArray[np.float64]) -> None:
        self.found.append(np.stack([np.maximum(wait_s[which], 0.0), size[which], np.nonzero(which)[1]]))

    def all(self) -> NDArray[np.float64]:
        """Waits [s], accelerators and sites of all jobs ``(3, N)``."""
        return np.concatenate(self.found, axis=1)


def _outside(jobs: HallJobs, until_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Who has been submitted until then, and has no slot in the table ``(N, B)``."""
    facts, of, taken = jobs.jobs.arrivals
    submit = facts.submit_s[:, of]
    return np.asarray((submit <= until_s) & (np.arange(len(submit))[:, None] >= taken))


def work_left_h(
    jobs: HallJobs, until_s: NDArray[np.float64], above: float, most: float = np.inf
) -> NDArray[np.float64]:
    """Work that jobs above a size and up to another have left, of all submitted until then ``(B,)`` [accelerator-h]."""
    table, (facts, of, _) = jobs.jobs.table, jobs.jobs.arrivals
    inside, outside = table.state != EMPTY, _outside(jobs, until_s)
    found = np.zeros(table.state.shape[1])
    for there, size, left_h in (
        (inside, table.facts.accelerators, table.left_h),
        (outside, facts.accelerators[:, of], facts.work_h[:, of]),
    ):
        found += np.where(there & (size > above) & (size <= most), left_h, 0.0).sum(axis=0)
    return found


class Bench:
    """Days of a split in a hall; ``overrides`` made the scenario of the one with its name."""

    def __init__(
        self, scenario: Scenario, split: str, days: int, length: int = 1, overrides: tuple[str, ...] = ()
    ) -> None:
        self.overrides = overrides
        self.episodes = plan_episodes(load_split(split), days, length)
        self.scenario = scenario_of_episodes(scenario, self.episodes)
        self.world = World.build(self.scenario)
        self.sites = [e.site for e in self.episodes]
        self.limit_mw = min(scenario.power.ups_limit_kw, scenario.power.utility_limit_kw) * 1e-3

    def played(self, make: Maker, overrides: tuple[str, ...] = (), copies: int = 1) -> Days:
        """All days under one policy, once or several times; overrides change the plant, and not what comes to it."""
        scenario = replace(
            load(self.scenario.name, (*self.overrides, *overrides)),
            site=self.scenario.site,
            episode=self.scenario.episode,
        )
        core = DataCenterCore(scenario, len(self.episodes) * copies, world=self.world)
        core.reset(seed=0, plan=tiled_tree(explicit_plan(self.scenario, self.world, self.episodes), copies))
        policy = make(core)
        policy.reset(core.num_envs)
        assert core.jobs is not None
        waits = Waits(core.jobs)
        for _ in range(core.max_episode_steps):
            now_s = core.jobs.now_s.copy()
            waits.remember()
            core.step_setpoints(policy.act(core.measurements()))
            waits.note(now_s)
        waits.end(core.jobs.now_s)
        sums, (wait_s, sizes, sites) = core.episode_statistics(), waits.all()
        hours, large = core.max_episode_steps * core.step_s / 3600.0, sizes > core.jobs.racks.max()
        work = sums["work_done_h"] / (hours * self.limit_mw)
        jobs_h = np.array(core.jobs.jobs.ledger.done.sum(axis=0))
        return Days(work, waits.large_left_h, wait_s, large, sites.astype(np.int64), sums, hours / 24.0, jobs_h)
