"""What the world does to a batch of sites: pools of weather, grid and load built once, gathered each step."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from operator import is_
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine.pool import Pool
from envs.episodes.plan import EpisodePlan
from envs.episodes.signal_tables import LoadPools, SignalClock, SignalPlace, SignalPools, load_of
from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of
from envs.scheduling.announced_targets import Asked, asked_in
from envs.scheduling.job_pool import JobPool, generated_pool, logged_pool
from envs.signals.grid.grid import load_grid, with_grid_file
from envs.signals.grid.load_targets import read_load_targets
from envs.signals.grid.zones import grid_zone
from envs.signals.site_signals import SITE_SIGNALS, site_signals
from envs.signals.stamps import SiteClock
from envs.signals.step import Load, Outside
from envs.signals.weather.calendar_year import calendar_year
from envs.signals.weather.weather import Weather, load_weather
from envs.signals.workload.partitions import Partition
from envs.signals.workload.traces import read_workload
from envs.signals.workload.workload import Workload, generate_workload

WEEK_S = 604_800
START_WEEKDAY = 6  # 1 January 2023 was a Sunday (Monday = 0); generated years start then
FORECAST_H = (1.0, 4.0)


@dataclass
class World:
    """Pools of signals; rows of ``site_pool`` are steps of one site and weather year after the other.

    ``load_week_start`` is the place of a load pool's first row in the week [steps since Monday midnight, site time].
    An episode's load begins in the first ``drawn_steps`` of a pool. Where it would run past the pool's end, the
    generator makes that pool longer (``longer``, weeks to pools): the same load goes on and no week comes twice. A
    trace, which nobody can make longer (``longer`` is None), begins again.
    """

    site_pool: NDArray[np.float32]
    site_steps: int
    n_sites: int
    activity_pool: NDArray[np.float32]
    job_pool: NDArray[np.int16]
    queue_pool: NDArray[np.float32]
    swing_pool: NDArray[np.float32]
    load_steps: int
    n_loads: int
    slots: int
    racks: int
    steps_per_day: int
    steps_per_week: int
    load_week_start: int
    drawn_steps: int
    episode_steps: int
    longer: Callable[[int], LoadPools] | None = None
    jobs: JobPool | None = None
    _pools: tuple[tuple[NDArray[Any], ...], SignalPools] | None = field(default=None, init=False, repr=False)

    @classmethod
    def build(cls, scenario: Scenario) -> World:
        """Generate or read every signal that the scenario names."""
        step_s = scenario.episode.step_s
        if 86_400 % step_s:
            raise ValueError(f"episode.step_s = {step_s} does not divide a day; give a divisor such as 60 or 300")
        years = weather_years(scenario)
        sites = [_site_block(year, seed, scenario, step_s) for year, seed in years]
        offset_h = years[0][0].utc_offset_h
        first, pools = load_pools(scenario, offset_h, scenario.site.workload_weeks)
        return cls(
            site_pool=np.concatenate(sites),
            site_steps=len(sites[0]),
            n_sites=len(sites),
            activity_pool=pools.activity,
            job_pool=pools.job,
            queue_pool=pools.queue,
            swing_pool=pools.swing,
            load_steps=first.steps,
            n_loads=len(pools.activity) // first.steps,
            slots=first.activity.shape[1],
            racks=first.racks,
            steps_per_day=round(86_400 / step_s),
            steps_per_week=round(WEEK_S / step_s),
            load_week_start=round(first.week_start_s / step_s),
            drawn_steps=_drawn_steps(scenario, first.steps, pools.jobs),
            episode_steps=scenario.episode.steps,
            jobs=pools.jobs,
            longer=None if scenario.site.workload_file else lambda weeks: load_pools(scenario, offset_h, weeks)[1],
        )

    @classmethod
    def shared(cls, scenario: Scenario) -> World:
        """The world of a scenario, of which the process keeps the last few: signals are made once.

        Tables are shared and cannot be written; what is longer or replaced belongs to one world alone. A scenario that
        names files is read anew, for they may have changed.
        """
        site = scenario.site
        logged = scenario.jobs is not None and scenario.jobs.log
        if (
            logged
            or site.workload_file
            or site.grid_file
            or site.load_targets
            or any("." in name for name in site.climates)
        ):
            return cls.build(scenario)
        key = scenario.hash()
        made = _KEPT.pop(key, None) or cls.build(scenario)
        for table in (made.site_pool, made.activity_pool, made.job_pool, made.queue_pool, made.swing_pool):
            table.flags.writeable = False
        _KEPT[key] = made
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)))
        return copy(made)

    def mean_price_usd_mwh(self, carbon_usd_t: float) -> NDArray[np.float64]:
        """Mean price of energy and its carbon at every site ``(n_sites,)`` [USD/MWh]."""
        price, carbon = (self.site_pool[:, Outside._fields.index(k)] for k in ("price_usd_mwh", "carbon_g_kwh"))
        whole = price.astype(np.float64) + carbon * (carbon_usd_t * 1e-3)
        return whole.reshape(self.n_sites, self.site_steps).mean(axis=1)

    def draw_load(self, rng: np.random.Generator, day: int, step_of_day: int) -> tuple[int, int]:
        """Pool and first step of an episode's load, at the weekday and hour of the site's clock."""
        load = int(rng.integers(self.n_loads))
        return load, self.draw_load_start(rng, day, step_of_day)

    def draw_load_start(self, rng: np.random.Generator, day: int, step_of_day: int) -> int:
        """First step in a pool at the weekday and hour of the site's clock, of a drawn week.

        A trace that is shorter than a week is repeated; its days then stand on other weekdays.
        """
        clock = (START_WEEKDAY + day) % 7 * self.steps_per_day + step_of_day
        place = (clock - self.load_week_start) % self.steps_per_week % self.drawn_steps
        weeks = (self.drawn_steps - 1 - place) // self.steps_per_week + 1
        return place + int(rng.integers(weeks)) * self.steps_per_week

    def at(self, plan: EpisodePlan, t: NDArray[np.int64], dtype: np.dtype) -> tuple[Outside, Load]:
        """Signals of step ``t (B,)`` of the planned episodes; after the 365 days of a site's year comes their first."""
        site_row = self._site_row(plan, t)
        site = self.site_pool.take(site_row, axis=0).T.astype(dtype, order="C", copy=False)
        load_row = self._load_row(plan, t)
        activity = self.activity_pool.take(load_row, axis=0).T.astype(dtype, order="C")
        job = np.ascontiguousarray(self.job_pool.take(load_row, axis=0).T)
        queue, swing = (x.take(load_row, axis=0).T.astype(dtype, order="C") for x in (self.queue_pool, self.swing_pool))
        return Outside(*np.ascontiguousarray(site)), load_of(activity, job, queue, swing)

    def place(self, plan: EpisodePlan, t: NDArray[np.int64]) -> SignalPlace:
        """Rows that step ``t (B,)`` of the planned episodes reads; pools are made longer where they must be."""
        return SignalPlace(self._site_row(plan, t), self._site_row(plan, t + 1), self._load_row(plan, t))

    def asked_of(self, plan: EpisodePlan, nth: int) -> Asked:
        """What the grid asks of the site in a planned episode, the ``nth`` of the plan."""
        row = (int(plan.site_start[nth]) + np.arange(self.episode_steps)) % self.site_steps
        rows = self.site_pool[int(plan.site[nth]) * self.site_steps + row]
        return asked_in(*(rows[:, Outside._fields.index(name)] for name in ("dr_active", "dr_reduction_frac")))

    @property
    def clock(self) -> SignalClock:
        """How places move on."""
        return SignalClock(self.site_steps, self.load_steps if self.longer is None else 0)

    def pools(self) -> SignalPools:
        """The tables as they are now; the same object as long as no pool is another one."""
        tables = (self.site_pool, self.activity_pool, self.job_pool, self.queue_pool, self.swing_pool)
        if self._pools is None or not all(map(is_, tables, self._pools[0])):
            per_rack = (False, True, True, False, True)
            pools = [Pool(np.asarray(x), racks) for x, racks in zip(tables, per_rack)]
            self._pools = tables, SignalPools(*pools)
        return self._pools[1]

    def _site_row(self, plan: EpisodePlan, t: NDArray[np.int64]) -> NDArray[np.int64]:
        return plan.site * self.site_steps + (plan.site_start + t) % self.site_steps

    def _load_row(self, plan: EpisodePlan, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows ``(B,)`` of the load pools, which are made longer where an episode runs past their end."""
        step = plan.load_start + t
        last = int(step.max())
        if last >= self.load_steps:
            if self.longer is None:
                step = step % self.load_steps
            else:
                self._lengthen(last)
        return plan.load * self.load_steps + step

    def _lengthen(self, last: int) -> None:
        """Make the pools hold step ``last``: they begin with the present ones, bit for bit.

        Twice as long where the scenario's episodes may need that, so that a year costs three such calls.
        """
        assert self.longer is not None
        most = -(-(self.drawn_steps + self.episode_steps) // self.steps_per_week)
        weeks = max(last // self.steps_per_week + 1, min(2 * self.load_steps // self.steps_per_week, most))
        self.activity_pool, self.job_pool, self.queue_pool, self.swing_pool, self.jobs = self.longer(weeks)
        self.load_steps = len(self.activity_pool) // self.n_loads


_MOST_KEPT = 2
_KEPT: dict[str, World] = {}  # by the scenario's hash, the one longest unused first


def weather_years(scenario: Scenario) -> list[tuple[Weather, int]]:
    """One calendar year of weather per climate and seed, with its seed (files ignore it)."""
    site = scenario.site
    if not site.climates or not site.weather_seeds:
        raise ValueError("site.climates and site.weather_seeds need at least one entry each")
    made = []
    for name in site.climates:
        seeds = site.weather_seeds if "." not in name else site.weather_seeds[:1]
        for seed in seeds:
            year = load_weather(name, seed, site=site.weather_site or None, zone=site.clock_zone)
            made.append((calendar_year(year, name), seed))
    return made


def site_signal_pool(scenario: Scenario) -> NDArray[np.float32]:
    """Signals of the scenario's sites alone, as `World.site_pool` has them ``(n_sites * site_steps, C)``."""
    step_s = scenario.episode.step_s
    return np.concatenate([_site_block(year, seed, scenario, step_s) for year, seed in weather_years(scenario)])


def partitions(scenario: Scenario) -> tuple[Partition, ...]:
    """Partition table of the scenario's rack groups, in their order."""
    table, at = [], 0
    for group in scenario.racks.values():
        racks = tuple(range(at, at + group.count))
        at += group.count
        kind, service = {
            "conv": ("interactive", "conv"),
            "code": ("interactive", "code"),
            "cpu_office": ("cpu", "code"),
        }.get(group.workload, (group.workload, "conv"))
        gpus = max(1, archetype_of(group).accelerators)
        site = scenario.site
        table.append(Partition(kind, racks, gpus, service, site.autoscale, batch_max=site.serving_batch_max))
    return tuple(table)


def load_pools(scenario: Scenario, utc_offset_h: float, weeks: int) -> tuple[Workload, LoadPools]:
    """The first load, and the rows of all: one pool of ``weeks`` per workload seed, or the trace file."""
    loads = workloads(scenario, utc_offset_h, weeks)
    scale, trace = np.float32(scenario.site.workload_scale), bool(scenario.site.workload_file)
    activity = np.concatenate([w.activity for w in loads]) * scale
    queue = np.concatenate([_queue_columns(w, trace) for w in loads])
    rows = np.ascontiguousarray(activity.reshape(len(activity), -1))
    job, swing = np.concatenate([w.job for w in loads]), np.concatenate([w.swing for w in loads]) * scale
    return loads[0], LoadPools(rows, job, queue, swing, _jobs(scenario, weeks, utc_offset_h))


def job_racks(scenario: Scenario) -> NDArray[np.int64]:
    """Accelerators of each rack that a table of jobs may give out ``(R,)``; 0 on other racks."""
    groups = scenario.racks.values()
    each = [archetype_of(g).accelerators if g.workload == "shared" else 0 for g in groups]
    return np.repeat(np.array(each, np.int64), [g.count for g in groups])


def _drawn_steps(scenario: Scenario, load_steps: int, jobs: JobPool | None) -> int:
    """First steps in a pool in which an episode may begin: all, or those behind which a job log lasts an episode.

    Raises
    ------
    ValueError
        Where the log is shorter than an episode.
    """
    if jobs is None or np.isinf(jobs.covers_s):
        return load_steps
    there, episode = int(jobs.covers_s // scenario.episode.step_s), scenario.episode
    if there < episode.steps:
        raise ValueError(
            f"jobs.log = {scenario.jobs and scenario.jobs.log!r} holds {jobs.covers_s / 86_400:.2f} days from its "
            f"first Monday on and an episode lasts {episode.steps * episode.step_s / 86_400:.2f}; give a longer log or "
            "a smaller episode.steps"
        )
    return min(load_steps, there - episode.steps + 1)


def _jobs(scenario: Scenario, weeks: int, utc_offset_h: float) -> JobPool | None:
    config, racks = scenario.jobs, job_racks(scenario)
    if config is None:
        return None
    first = int(np.flatnonzero(racks)[0])
    seeds = scenario.site.workload_seeds
    if config.log:
        clock = SiteClock(utc_offset_h, scenario.site.clock_zone)
        given = racks, config.deadline_stretch, config.rigid_frac
        return logged_pool(Path(config.log), clock, len(seeds), *given)
    return generated_pool(seeds, racks, first, weeks, config.occupancy, config.deadline_stretch, config.rigid_frac)


def workloads(scenario: Scenario, utc_offset_h: float, weeks: int) -> list[Workload]:
    """One load per workload seed, or the trace file; request weeks are placed by the first site's clock."""
    site, step_s = scenario.site, scenario.episode.step_s
    table = partitions(scenario)
    if site.workload_file:
        zone = site.clock_zone
        return [read_workload(site.workload_file, table, step_s=int(step_s), utc_offset_h=utc_offset_h, zone=zone)]
    if step_s % 60:
        raise ValueError(f"episode.step_s = {step_s}: the workload generator needs whole minutes; give 60, 300, ...")
    idle = () if scenario.jobs is None else ("shared",)
    return [generate_workload(table, seed, weeks, int(step_s), utc_offset_h, idle) for seed in site.workload_seeds]


def _queue_columns(w: Workload, begins_again: bool) -> NDArray[np.float32]:
    """Columns batch_arrival, batch_due, unserved ``(T, 3)``: what arrived a deadline ago falls due now.

    What falls due in the first hours arrived before the pool: at the end of a trace that begins again, else (so that
    a longer pool begins as a shorter one) as much as arrives in them.
    """
    delay = round(w.deadline_s / w.step_s)
    before = w.batch_arrival[-delay:] if begins_again else w.batch_arrival[:delay]
    due = np.concatenate([before, w.batch_arrival])[: w.steps] if w.steps > delay else np.roll(w.batch_arrival, delay)
    return np.stack([w.batch_arrival, due, w.unserved], axis=1).astype(np.float32)


def _site_block(weather: Weather, seed: int, scenario: Scenario, step_s: float) -> NDArray[np.float32]:
    """All signals of one site on the control grid ``(T, C)``, clock and perfect-forecast columns included.

    The grid's stream goes with the weather's ``seed``, so that splits share neither.
    """
    site, events = scenario.site, scenario.site.demand_response_per_year
    clock = SiteClock(grid_zone(site.grid_zone).utc_offset_h, site.clock_zone)
    asked = read_load_targets(Path(site.load_targets), clock) if site.load_targets else ()
    grid = load_grid(
        site.grid_zone, site.grid_seed + seed, tariff=site.tariff, events_per_year=events, events=asked
    )  # fmt: skip
    if site.grid_file:
        grid = with_grid_file(grid, site.grid_file, site.clock_zone)
    block = site_signals(weather, grid, step_s)
    columns = {name: block[:, k] for k, name in enumerate(SITE_SIGNALS)}
    steps = np.arange(len(block))
    columns["elevation_m"] = np.full(len(block), weather.elevation_m)
    hours = steps * step_s / 3600.0
    week_phase = 2.0 * np.pi * ((hours / 24.0 + START_WEEKDAY) % 7.0) / 7.0
    day_phase = 2.0 * np.pi * (hours % 24.0) / 24.0
    columns["hour_sin"], columns["hour_cos"] = np.sin(day_phase), np.cos(day_phase)
    columns["week_sin"], columns["week_cos"] = np.sin(week_phase), np.cos(week_phase)
    near, far = (round(h * 3600.0 / step_s) for h in FORECAST_H)
    columns["forecast_wet_bulb_1h_c"] = np.roll(columns["wet_bulb_c"], -near)
    columns["forecast_wet_bulb_4h_c"] = np.roll(columns["wet_bulb_c"], -far)
    columns["forecast_price_4h_usd_mwh"] = np.roll(columns["price_usd_mwh"], -far)
    return np.stack([columns[name] for name in Outside._fields], axis=1).astype(np.float32)
