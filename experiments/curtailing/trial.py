"""One day around each of many curtailments, played by a hall with jobs: what it took, and what its jobs did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan, draw_plan
from envs.episodes.world import World
from envs.scenario import Scenario
from envs.scheduling.curtailment import WAYS as HELD_WAYS
from envs.scheduling.curtailment import LoadTarget
from envs.scheduling.job_table import EMPTY, WAITING, JobTable
from envs.scheduling.tier_limits import TIERS
from experiments.curtailing.job_watch import FreeEvents, JobWatch
from experiments.curtailing.storage import CHANNEL, StorageShare, Stored

Floats = NDArray[np.float64]
BEFORE_S, DAY_S = 3600.0, 86_400.0
BASE_S = 900.0  # before the event, of which the mean is what it takes off
WINDOW_S = 300.0  # over which power is judged
STEP_S = 60.0
MOST_TRIES = 20  # times the events
STORAGE = "storage"
WAYS = (*HELD_WAYS, STORAGE)  # those of the limits on jobs, and a battery before them


@dataclass(frozen=True)
class Asked:
    """What a grid asks.

    Attributes
    ----------
    reduce_frac : float
        Of the mean power of the quarter of an hour before the event.
    hours : float
        How long.
    ramp_s : float
        In which the power falls.
    best_effort : bool
        Whether tiers keep their least throughput, also where the target is then missed.
    least_load_frac : float
        What the site takes before an event, over its limit, at least: nobody asks an empty hall.
    """

    reduce_frac: float = 0.25
    hours: float = 3.0
    ramp_s: float = 60.0
    best_effort: bool = False
    least_load_frac: float = 0.75

    def __post_init__(self) -> None:
        """Refuse what no event asks."""
        if not 0.0 < self.reduce_frac < 1.0:
            raise ValueError(f"reduce_frac = {self.reduce_frac}; give a share above 0 and below 1, such as 0.25")
        if not 0.25 <= self.hours <= 12.0:
            raise ValueError(f"hours = {self.hours}; give 0.25 to 12 hours")
        if not 0.0 <= self.ramp_s <= 3600.0:
            raise ValueError(f"ramp_s = {self.ramp_s}; give 0 to 3600 s")
        if not 0.0 <= self.least_load_frac < 1.0:
            raise ValueError(f"least_load_frac = {self.least_load_frac}; give 0 to below 1, 0 for any load")


class Trial(NamedTuple):
    """A day around each event; B events, T steps, the event behind the first hour.

    Attributes
    ----------
    grid_kw : ndarray (T, B)
        Taken from the grid, means of the steps.
    done_h, lost_h : ndarray (B,)
        Work done and lost in the day that begins with the event [accelerator-h].
    could_h, did_h : ndarray (T', B)
        By tier, during the event: work that jobs with accelerators could have done, and what they did.
    drawn_kwh : ndarray (B,)
        Of the jobs' accelerators over idling, during the event, where it is curtailed [kWh].
    stored : Stored or None
        Of the batteries, where they took part.
    free : FreeEvents or None
        Jobs of the events, where nobody curtails.
    """

    grid_kw: Floats
    done_h: Floats
    lost_h: Floats
    could_h: Floats
    did_h: Floats
    drawn_kwh: Floats
    stored: Stored | None = None
    free: FreeEvents | None = None


def minute_scenario(scenario: Scenario) -> Scenario:
    """The scenario in steps of a minute, for the hour before the event and the day behind it.

    Raises
    ------
    ValueError
        Where it has no jobs.
    """
    if scenario.jobs is None:
        raise ValueError(f"scenario {scenario.name!r} has no jobs to curtail; choose one with jobs, such as ai_factory")
    steps = round((BEFORE_S + DAY_S) / STEP_S)
    substep_s = min(float(scenario.episode.substep_s), STEP_S)
    if STEP_S % substep_s:
        substep_s = STEP_S
    return replace(scenario, episode=replace(scenario.episode, step_s=STEP_S, substep_s=substep_s, steps=steps))


def event_plan(scenario: Scenario, world: World, asked: Asked, events: int, seed: int) -> tuple[EpisodePlan, float]:
    """Days, hours, weather and jobs of the events, the same for every way, and the share of hours that are so loaded.

    Raises
    ------
    ValueError
        Where the hall is hardly ever so loaded.
    """
    kept: list[EpisodePlan] = []
    tried = found = 0
    while found < events:
        rngs = [np.random.default_rng([seed, tried + k]) for k in range(events)]
        plan = draw_plan(scenario, world, rngs, np.zeros(events, np.int64))
        core = _begun(scenario, world, plan)
        base_kw, _ = base_and_peak_kw(np.array([_stepped_kw(core) for _ in range(round(BEFORE_S / STEP_S))]))
        loaded = base_kw >= asked.least_load_frac * core.plant.layout.provisioned_kw
        kept.append(EpisodePlan._make(part[loaded] for part in plan))
        tried, found = tried + events, found + int(loaded.sum())
        if tried >= MOST_TRIES * events:
            raise ValueError(
                f"scenario {scenario.name!r} takes {asked.least_load_frac:g} of its limit in only {found} of {tried} "
                "hours; lower least_load_frac"
            )
    return EpisodePlan._make(np.concatenate(part)[:events] for part in zip(*kept)), found / tried


def _begun(scenario: Scenario, world: World, plan: EpisodePlan) -> DataCenterCore:
    """The planned episodes, before their first step."""
    core = DataCenterCore(scenario, len(plan.site), world=world)
    core.reset(seed=0, plan=plan)
    return core


def _stepped_kw(core: DataCenterCore, storage: StorageShare | None = None) -> Floats:
    """What the sites take in a step under the building's rules ``(B,)`` [kW]; batteries rest, or do their share."""
    setpoints = dict(core.rules.act(core.measurements()))
    if core.scenario.battery is not None:
        power = np.zeros(core.num_envs) if storage is None else storage.command_kw()
        setpoints[CHANNEL] = power[None].astype(np.float32)
    core.step_setpoints(setpoints)
    if storage is not None:
        storage.book()
    return np.array(core.flows.grid_power_kw, np.float64)


def played(scenario: Scenario, world: World, plan: EpisodePlan, asked: Asked, way: str | None) -> Trial:
    """The planned days; ``way`` is one of `WAYS`, None where nobody curtails."""
    events, before, during = len(plan.site), round(BEFORE_S / STEP_S), round(3600.0 * asked.hours / STEP_S)
    if scenario.battery is not None:
        plan = plan._replace(soc=np.full(events, float(scenario.battery.soc_max_frac)))
    core, storage = _begun(scenario, world, plan), None
    assert core.jobs is not None
    table, ledger = core.jobs.jobs.table, core.jobs.jobs.ledger
    grid_kw: list[Floats] = []
    watch: JobWatch | None = None
    could_h, did_h = np.zeros((TIERS, events)), np.zeros((TIERS, events))
    done_h = lost_h = drawn_kwh = np.zeros(events)
    for t in range(before + round(DAY_S / STEP_S)):
        if t == before:
            watch = JobWatch(core, STEP_S) if way is None else None
            done_h, lost_h = ledger.done.sum(axis=0), ledger.lost.sum(axis=0)
            if way is not None:
                core.jobs.hold(load_target(np.array(grid_kw), asked), "tiers" if way == STORAGE else way)
                storage = StorageShare(core, DAY_S, STEP_S) if way == STORAGE else None
        inside = before <= t < before + during
        seen = _at_work(table) if inside else None
        if inside and watch is not None:
            watch.before()
        grid_kw.append(_stepped_kw(core, storage))
        if watch is not None:
            watch.after(inside)
        if inside and core.jobs.curtailment is not None and core.jobs.curtailment.drawn_kw is not None:
            drawn_kwh = drawn_kwh + core.jobs.curtailment.drawn_kw * STEP_S / 3600.0
        if seen is not None:
            could_h += seen.could_h()
            did_h += seen.did_h(table)
    done_h, lost_h = ledger.done.sum(axis=0) - done_h, ledger.lost.sum(axis=0) - lost_h
    stored = None if storage is None else storage.stored()
    seen_free = None if watch is None else watch.found()
    return Trial(np.array(grid_kw), done_h, lost_h, could_h, did_h, drawn_kwh, stored, seen_free)


def load_target(grid_kw: Floats, asked: Asked) -> LoadTarget:
    """The target behind an hour of power ``(T, B)``; behind its end the site stays at its peak of that hour."""
    base_kw, peak_kw = base_and_peak_kw(grid_kw)
    start_s = np.zeros(len(base_kw))
    return LoadTarget(
        (1.0 - asked.reduce_frac) * base_kw,
        start_s,
        start_s + 3600.0 * asked.hours,
        peak_kw,
        asked.best_effort,
        asked.ramp_s,
        recovery_s=3600.0 * asked.hours,
    )


def base_and_peak_kw(grid_kw: Floats) -> tuple[Floats, Floats]:
    """Mean of the last quarter of an hour, and highest mean of `WINDOW_S` or of that quarter, each ``(B,)`` [kW]."""
    base_kw = grid_kw[-round(BASE_S / STEP_S) :].mean(axis=0)
    return base_kw, np.maximum(window_means(grid_kw).max(axis=0), base_kw)


def window_means(grid_kw: Floats) -> Floats:
    """Means over `WINDOW_S` ``(T', B)``; steps that fill no window are left out."""
    size = round(WINDOW_S / STEP_S)
    whole = len(grid_kw) // size
    means: Floats = grid_kw[: whole * size].reshape(whole, size, -1).mean(axis=1)
    return means


class _AtWork(NamedTuple):
    """Jobs with accelerators before a step."""

    slot: NDArray[np.intp]
    site: NDArray[np.intp]
    tier: NDArray[np.int64]
    size: Floats
    left_h: Floats
    submit_s: Floats
    sites: int

    def could_h(self) -> Floats:
        """Work at full pace, by tier ``(4, B)``; a job that restarts counts as one that could."""
        return self._by_tier(np.minimum(self.size * STEP_S / 3600.0, self.left_h))

    def did_h(self, table: JobTable) -> Floats:
        """Work done in the step, by tier ``(4, B)``; a job that is gone has done all, one that was stopped nothing."""
        places = self.slot, self.site
        same = (table.facts.submit_s[places] == self.submit_s) & (table.state[places] != EMPTY)
        did = np.where(same, np.maximum(self.left_h - table.left_h[places], 0.0), self.left_h)
        return self._by_tier(did)

    def _by_tier(self, values: Floats) -> Floats:
        at = self.tier * self.sites + self.site
        return np.asarray(np.bincount(at, values, TIERS * self.sites), np.float64).reshape(TIERS, self.sites)


def _at_work(table: JobTable) -> _AtWork:
    places = slot, site = np.nonzero((table.state != EMPTY) & (table.state != WAITING))
    facts = table.facts
    kept = facts.accelerators[places].astype(np.float64), table.left_h[places].copy(), facts.submit_s[places].copy()
    return _AtWork(slot, site, facts.tier[places].astype(np.int64), *kept, table.state.shape[1])
