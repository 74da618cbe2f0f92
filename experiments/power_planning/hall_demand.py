"""What a hall's rack groups would draw and do, moment by moment, and what caps leave of it; power only, no cooling."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.building.row_value import class_values
from envs.episodes.world import workloads
from envs.equipment import rack
from envs.equipment.rack_archetypes import RackArchetype
from envs.equipment.throughput import CLASSES, CPU, throughput
from envs.feeders.value_pieces import Pieces, concave_corners
from envs.plant.layout import PARTITION_KIND
from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of
from envs.signals.workload.partitions import KIND_SLOTS
from envs.signals.workload.workload import DEFAULT_UTC_OFFSET_H, Workload
from envs.units import SECONDS_PER_DAY

Floats = NDArray[np.float64]
NONE, BATCH = CLASSES.index("none"), CLASSES.index("batch")
LEVELS = 29  # of a cap, from the driver's lowest to none
SPARE_PARTS = 4  # in which room to rise is dealt out, one part of every class after the other
SPARE_VALUE = 1e-6  # what the first part is worth beside work that is there
MOST_KW, MOST_ROW_KW, MOST_UNITS = 100_000.0, 50_000.0, 20  # what a scenario may give its feeders
OBJECTIVES = ("work", "value")


class Work(NamedTuple):
    """Work of one class in one rack group, under caps.

    Attributes
    ----------
    group, kind : str
        Rack group and class.
    full_kw : float
        Draw at the racks' inputs where all accelerators work in this class [kW].
    units : float
        Accelerators.
    value_usd_h : float
        Of one of them [USD/h].
    rho, done : ndarray (LEVELS,)
        Draw left by falling caps, and work left of it [1].
    draw : float
        Draw of an accelerator in this class over its rating, by which one cap reaches the classes of a rack [1].
    """

    group: str
    kind: str
    full_kw: float
    units: float
    value_usd_h: float
    rho: Floats
    done: Floats
    draw: float


class HallDemand(NamedTuple):
    """Demand of a hall over T moments.

    Attributes
    ----------
    groups : tuple of str (G,)
    racks : tuple of int (G,)
        Racks of each group.
    row : ndarray of int (G,)
        Power row of each group.
    rated_kw : ndarray (G,)
        Of all its racks [kW].
    fixed_kw : ndarray (G, T)
        What no cap takes: base, idle accelerators, CPU racks [kW].
    classes : tuple of Work (L,)
    activity : ndarray (L, T)
        Share of the accelerators at work.
    uncapped_h : ndarray (T,)
        Work that no cap reaches [accelerators].
    day : ndarray of int (T,)
        Which drawn day a moment belongs to.
    first : ndarray of bool (T,)
        Whether a moment follows none before it.
    """

    groups: tuple[str, ...]
    racks: tuple[int, ...]
    row: NDArray[np.int64]
    rated_kw: Floats
    fixed_kw: Floats
    classes: tuple[Work, ...]
    activity: Floats
    uncapped_h: Floats
    day: NDArray[np.int64]
    first: NDArray[np.bool_]

    @property
    def outlets(self) -> tuple[str, ...]:
        """Names of what the power tree feeds: each group's fixed part, then the work."""
        return (*(f"{name} fixed" for name in self.groups), *(f"{w.group} {w.kind}" for w in self.classes))

    @property
    def outlet_group(self) -> NDArray[np.int64]:
        """Group of each outlet ``(G + L,)``."""
        index = {name: g for g, name in enumerate(self.groups)}
        return np.array([*range(len(self.groups)), *(index[w.group] for w in self.classes)])

    @property
    def wanted_kw(self) -> Floats:
        """Draw of all outlets without caps ``(G + L, T)`` [kW]."""
        return np.concatenate([self.fixed_kw, self._full_kw() * self.activity])

    @property
    def floor_kw(self) -> Floats:
        """What no cap takes from the outlets ``(G + L, T)`` [kW]."""
        lowest = np.array([[w.rho[0]] for w in self.classes])
        return np.concatenate([self.fixed_kw, self._full_kw() * self.activity * lowest])

    def watched(self, every: int = 1) -> Watched:
        """The moments, or every so many of them, beside what was measured one step before each."""
        now = np.arange(0, len(self.day), every)
        return Watched(self.at(now - 1 + self.first[now]), self.at(now))

    def weighed(self, objective: str) -> HallDemand:
        """The demand with the worth of its work by prices (``value``), or all work alike (``work``).

        Raises
        ------
        ValueError
            For another objective.
        """
        if objective not in OBJECTIVES:
            raise ValueError(f"objective = {objective!r} is unknown; choose one of {', '.join(OBJECTIVES)}")
        if objective == "value":
            return self
        return self._replace(classes=tuple(w._replace(value_usd_h=1.0) for w in self.classes))

    def at(self, moments: NDArray[np.int64]) -> HallDemand:
        """Some of the moments."""
        return self._replace(
            fixed_kw=self.fixed_kw[:, moments],
            activity=self.activity[:, moments],
            uncapped_h=self.uncapped_h[moments],
            day=self.day[moments],
            first=self.first[moments],
        )

    def pieces(self) -> Pieces:
        """Pieces of all outlets' value curves at every moment; last comes room to rise, dealt to all alike."""
        outlet, slope, share = [], [], []
        for place, w in enumerate(self.classes):
            corners = concave_corners(w.rho, w.done)
            per_kw = w.units * w.value_usd_h / w.full_kw
            for a, b in zip(corners[:-1], corners[1:]):
                outlet.append(place)
                share.append(w.rho[b] - w.rho[a])
                slope.append((w.done[b] - w.done[a]) / share[-1] * per_kw)
        used = self._full_kw() * self.activity
        spare = np.maximum(self._full_kw() - used, 0.0) / SPARE_PARTS
        width = np.concatenate([used[outlet] * np.array(share)[:, None], *[spare] * SPARE_PARTS])
        parts = np.repeat(np.arange(SPARE_PARTS), len(self.classes))
        whose = len(self.groups) + np.array([*outlet, *list(range(len(self.classes))) * SPARE_PARTS], np.int64)
        slopes = np.concatenate([slope, SPARE_VALUE * (1.0 - parts / SPARE_PARTS)])
        return Pieces(whose, slopes[:, None], width, self.floor_kw)

    def capped(self, limit_kw: Floats) -> tuple[Floats, Floats]:
        """Draw of the outlets ``(G + L, T)`` [kW] and work done ``(L, T)`` [accelerators] under limits in force.

        Parameters
        ----------
        limit_kw : ndarray (G + L, T)
            What each outlet may draw [kW]; no driver goes below its lowest cap, and the fixed part heeds none.
        """
        used = np.maximum(self._full_kw() * self.activity, 1e-9)
        left = np.minimum(limit_kw[len(self.groups) :] / used, 1.0)
        return self.under(left)

    def under(self, left: Floats) -> tuple[Floats, Floats]:
        """As `capped`, from the share of each work's draw that is left ``(L, T)``."""
        left = np.maximum(left, np.array([[w.rho[0]] for w in self.classes]))
        pace = np.stack([np.interp(x, w.rho, w.done) for x, w in zip(left, self.classes)])
        units = np.array([[w.units] for w in self.classes])
        return np.concatenate([self.fixed_kw, self._full_kw() * self.activity * left]), units * self.activity * pace

    def asked_h(self) -> Floats:
        """Work asked that caps reach ``(L, T)`` [accelerators]."""
        return np.array([[w.units] for w in self.classes]) * self.activity

    def _full_kw(self) -> Floats:
        return np.array([[w.full_kw] for w in self.classes])


class Watched(NamedTuple):
    """Moments of a hall: what was measured one step before, on which caps are decided, and what then is asked."""

    seen: HallDemand
    now: HallDemand

    def at(self, moments: NDArray[np.int64]) -> Watched:
        """Some of the moments."""
        return Watched(self.seen.at(moments), self.now.at(moments))

    def spread(self, most: int) -> Watched:
        """At most so many of the moments, evenly spread."""
        moments = len(self.now.day)
        return self if moments <= most else self.at(np.linspace(0, moments - 1, most).astype(np.int64))


def grown(scenario: Scenario, added: int, groups: tuple[str, ...] = ()) -> Scenario:
    """The scenario with more racks, dealt to the groups in proportion to what they have, behind feeders without end.

    What its own feeders, or a tree in their place, carry of it is for `hall_feeders` to say.

    Raises
    ------
    ValueError
        Where a group is unknown.
    """
    names = groups or tuple(scenario.racks)
    unknown = [name for name in names if name not in scenario.racks]
    if unknown:
        raise ValueError(f"groups {unknown} are no rack groups of {scenario.name}; choose from {list(scenario.racks)}")
    have = np.array([scenario.racks[name].count for name in names], np.float64)
    exact = added * have / have.sum()
    extra = np.floor(exact).astype(int)
    extra[np.argsort(extra - exact, kind="stable")[: added - int(extra.sum())]] += 1
    more = dict(zip(names, extra.tolist()))
    racks = {name: replace(g, count=g.count + more.get(name, 0)) for name, g in scenario.racks.items()}
    endless = replace(
        scenario.power,
        row_limit_kw=[MOST_ROW_KW] * len(scenario.power.row_limit_kw),
        ups_units=MOST_UNITS,
        ups_unit_kw=MOST_KW / MOST_UNITS,
        ups_limit_kw=MOST_KW,
        utility_limit_kw=MOST_KW,
    )
    return replace(scenario, racks=racks, power=endless)


def hall_demand(
    scenario: Scenario, seeds: tuple[int, ...], weeks: int, utc_offset_h: float = DEFAULT_UTC_OFFSET_H
) -> HallDemand:
    """Demand from the generator, or from the scenario's trace.

    Parameters
    ----------
    scenario : Scenario
    seeds : tuple of int
        Of the load pools.
    weeks : int
        Of each.
    utc_offset_h : float
        Of the site's clock [h].
    """
    site = replace(scenario.site, workload_seeds=list(seeds))
    loads = workloads(replace(scenario, site=site), utc_offset_h, weeks)
    scale = scenario.site.workload_scale
    parts = [_of_load(scenario, load, scale) for load in loads]
    steps = loads[0].steps
    days = round(SECONDS_PER_DAY / loads[0].step_s)
    columns = [np.concatenate(x, axis=-1) for x in zip(*parts)]
    fixed, activity, uncapped = columns
    moment = np.arange(steps * len(loads))
    groups = scenario.racks
    return HallDemand(
        groups=tuple(groups),
        racks=tuple(g.count for g in groups.values()),
        row=np.array([g.row for g in groups.values()]),
        rated_kw=np.array([g.count * float(np.mean(archetype_of(g).peak_kw)) for g in groups.values()]),
        fixed_kw=fixed,
        classes=hall_work(scenario),
        activity=activity,
        uncapped_h=uncapped[0],
        day=moment // days,
        first=moment % steps == 0,
    )


def hall_work(scenario: Scenario) -> tuple[Work, ...]:
    """Work of each class that caps reach, group by group."""
    values, made = class_values(scenario), []
    for name, group in scenario.racks.items():
        archetype, classes = archetype_of(group), _classes(group.workload)
        table = rack.rack_table([archetype], classes[:, None], np.float64)
        for slot, kind in enumerate(classes):
            if kind in (NONE, CPU):
                continue
            one = np.zeros((len(classes), 1, 1))
            one[slot] = 1.0
            supply = float(np.max(table.psu_marginal))
            draw_kw = float(np.broadcast_to(table.slot_draw_kw, (len(classes), 1, 1))[slot, 0, 0])
            full_kw = group.count * supply * float(rack.demand_terms(table, one).slot_kw[slot, 0, 0])
            rho, done = _capped_work(table, archetype, slot, draw_kw)
            units = float(group.count * archetype.accelerators)
            draw = draw_kw / archetype.accelerator_tdp_kw
            made.append(Work(name, CLASSES[kind], full_kw, units, float(values[kind]), rho, done, draw))
    return tuple(made)


def _capped_work(table: rack.RackTable, archetype: RackArchetype, slot: int, draw_kw: float) -> tuple[Floats, Floats]:
    """Draw and work left under caps from the driver's lowest up ``(LEVELS,)``."""
    lowest = min(archetype.cap_floor_frac * archetype.accelerator_tdp_kw / draw_kw, 1.0)
    rho = np.linspace(lowest, 1.0, LEVELS)
    slots = len(np.atleast_1d(table.slot_above))
    cap = np.broadcast_to(rho, (slots, 1, LEVELS))
    return rho, np.asarray(throughput(table, cap, np.ones((1, LEVELS)))[slot, 0], np.float64)


def _classes(workload: str) -> NDArray[np.int64]:
    return np.array([CLASSES.index(c) for c in KIND_SLOTS[PARTITION_KIND[workload]]])


def _of_load(scenario: Scenario, load: Workload, scale: float) -> tuple[Floats, Floats, Floats]:
    """Fixed draw ``(G, T)`` [kW], activity ``(L, T)`` and uncapped work ``(1, T)`` of one load."""
    at, fixed, activity = 0, [], []
    uncapped = np.zeros(load.steps)
    for group in scenario.racks.values():
        archetype, classes = archetype_of(group), _classes(group.workload)
        table = rack.rack_table([archetype] * group.count, np.repeat(classes[:, None], group.count, axis=1), np.float64)
        asked = load.activity[:, :, at : at + group.count].astype(np.float64).transpose(1, 2, 0) * scale
        at += group.count
        if BATCH in classes:
            asked[list(classes).index(BATCH)] = _batch_activity(scenario, load)
        demand = rack.demand_terms(table, asked)
        supply = float(np.max(table.psu_marginal))
        free = [slot for slot, kind in enumerate(classes) if kind == CPU]
        fixed_kw = demand.base_kw + sum(demand.slot_kw[slot] for slot in free)
        fixed.append(supply * fixed_kw.sum(axis=0))
        for slot, kind in enumerate(classes):
            if kind == CPU:
                uncapped += asked[slot].sum(axis=0) * float(np.mean(archetype.peak_kw))
            elif kind != NONE:
                activity.append(asked[slot].mean(axis=0))
    return np.stack(fixed), np.stack(activity), uncapped[None]


def _batch_activity(scenario: Scenario, load: Workload) -> Floats:
    """Share of the batch racks at work ``(T,)``: the queue runs first in, first out, as fast as it can."""
    units = sum(g.count * archetype_of(g).accelerators for g in scenario.racks.values() if g.workload == "batch")
    most = max(units * load.step_s / 3600.0, 1e-9)
    queue, ran = 0.0, np.zeros(load.steps)
    for step, arrival in enumerate(load.batch_arrival.tolist()):
        queue += arrival
        ran[step] = min(queue, most)
        queue -= ran[step]
    return ran / most
