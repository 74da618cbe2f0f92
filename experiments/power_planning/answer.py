"""The answers of ``coldaisle powerplan``: how many more racks, work over the feeder, caps by class, lost feeders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Scenario
from envs.units import SECONDS_PER_DAY
from experiments.power_planning.hall_demand import HallDemand, Watched, grown, hall_demand
from experiments.power_planning.hall_feeders import HallFeeders, hall_feeders
from experiments.power_planning.promises import MISSED_KW, Kept, kept, require_kept
from experiments.power_planning.protection import Protection, opened
from experiments.power_planning.sharing import (
    MOST_PROGRAMS,
    Outcome,
    by_value,
    by_water_filling,
    tuned_water_filling,
)
from experiments.power_planning.single_faults import LostFeeder, single_faults

Floats = NDArray[np.float64]
TUNING_SEED = 7919  # added to the seeds: the baseline is tuned on other days than those it is judged on
TUNED_ON_EVERY = 4  # moments
MOST_GROWTH = 3  # times the racks that there are
BOOTSTRAPS = 2000
MOST_LOSSES_PER_YEAR, MOST_YEARS, MOST_WEEKS = 100.0, 100_000, 60
LEAST_RATIO, MOST_RATIO = 0.1, 10.0  # of demand to the feeder that fills first
YEAR_S = 365.0 * SECONDS_PER_DAY


@dataclass(frozen=True)
class Planned:
    """What is asked.

    Attributes
    ----------
    lost_frac : float
        Work that may be lost, as a share of what is asked.
    trips_per_year : float
        Trips that may be expected in a year.
    groups : tuple of str
        Rack groups that grow; empty: all, in proportion.
    tree : Path or None
        A power tree of the user's own.
    minima : Path or None
        What classes and tenants get at least.
    failover : str
        ``reserve`` or ``react``.
    objective : str
        ``work`` or ``value``.
    held_frac : float
        Share of each limit that caps fill.
    reaction_s : float
        From a loss to the fast protection's cut [s].
    losses_per_year : float
        Of each feeder that may fail.
    years : int
        Hall-years of losses.
    seeds : tuple of int
        Of the load.
    weeks : int
        Of each seed.
    """

    lost_frac: float = 0.01
    trips_per_year: float = 0.0
    groups: tuple[str, ...] = ()
    tree: Path | None = None
    minima: Path | None = None
    failover: str = "reserve"
    objective: str = "work"
    held_frac: float = 0.96
    reaction_s: float = 10.0
    losses_per_year: float = 0.5
    years: int = 1000
    seeds: tuple[int, ...] = (1, 2, 3, 4)
    weeks: int = 2

    def __post_init__(self) -> None:
        """Check the shares and counts."""
        for name, low, high in (("lost_frac", 0.0, 1.0), ("held_frac", 0.1, 1.0), ("reaction_s", 0.1, 3600.0)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} = {getattr(self, name)}; give {low:g} to {high:g}")
        for name, most in (("trips_per_year", 1e6), ("losses_per_year", MOST_LOSSES_PER_YEAR)):
            if not 0.0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} = {getattr(self, name)}; give a rate from 0 to {most:g}")
        for name, most in (("years", MOST_YEARS), ("weeks", MOST_WEEKS)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} = {getattr(self, name)}; give 1 to {most}")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds = {list(self.seeds)}; give whole numbers from 0, each once: a load counts once")


def require_ratios(ratios: Sequence[float]) -> None:
    """Refuse ratios of demand to feeder at which no curve can be drawn.

    Raises
    ------
    ValueError
        Naming the ratio and the range.
    """
    for ratio in ratios:
        if not LEAST_RATIO <= ratio <= MOST_RATIO:
            raise ValueError(
                f"ratios: demand over feeder of {ratio} is outside {LEAST_RATIO:g}..{MOST_RATIO:g}; give numbers there"
            )


class Tried(NamedTuple):
    """One number of added racks.

    Attributes
    ----------
    added : int
    done_frac, low, high : float
        Work done of what is asked, and its 95 % interval over days.
    trips_per_year : float
        In normal running and after lost feeders.
    faults : list of LostFeeder
    binding : str
        The limit that is fullest.
    kept : list of Kept
        What is promised, and whether caps keep it.
    """

    added: int
    done_frac: float
    low: float
    high: float
    trips_per_year: float
    faults: list[LostFeeder]
    binding: str
    kept: list[Kept]

    def fits(self, asked: Planned) -> bool:
        """Whether it keeps what is asked, by the mean over days, and its caps what is promised, as decided."""
        promised = all(row.missed_kw <= MISSED_KW for row in self.kept)
        return promised and 1.0 - self.done_frac <= asked.lost_frac and self.trips_per_year <= asked.trips_per_year


class Hall(NamedTuple):
    """A hall with so many more racks: its demand beside what was measured, its feeders and their protection."""

    demand: HallDemand
    watched: Watched
    feeders: HallFeeders
    protection: Protection


def planned_hall(scenario: Scenario, asked: Planned, added: int, shift: int = 0) -> Hall:
    """The hall, with load of the asked seeds plus ``shift``; of a tree that crosses, the moments that are solved."""
    larger = grown(scenario, added, asked.groups)
    seeds = tuple(seed + shift for seed in asked.seeds)
    demand = hall_demand(larger, seeds, asked.weeks).weighed(asked.objective)
    feeders = hall_feeders(scenario, demand, asked.tree, asked.failover, asked.held_frac, asked.minima)
    watched = demand.watched() if feeders.tree else demand.watched().spread(MOST_PROGRAMS)
    protection = Protection(asked.reaction_s, scenario.capper.cap_frac, scenario.capper.target_frac)
    return Hall(demand, watched, feeders, protection)


def tried(scenario: Scenario, asked: Planned, added: int, seed: int = 0) -> tuple[Tried, Hall, Outcome]:
    """Judge one number of added racks; minima that the hall as it stands cannot keep are refused."""
    hall, rng = planned_hall(scenario, asked, added), np.random.default_rng(seed)
    found = by_value(hall.watched, hall.feeders, hall.protection)
    expected = asked.losses_per_year * asked.years
    law, now = scenario.breaker, hall.watched.now
    faults = single_faults(now, found.drawn_kw, hall.feeders, law, hall.protection, expected, rng)
    years = len(now.day) * float(scenario.episode.step_s) / YEAR_S
    trips = _surge_trips(scenario, hall, found) / years + sum(fault.trips for fault in faults) / asked.years
    binding = hall.feeders.limits.name[int(found.full_frac.argmax())] if found.full_frac.any() else "none"
    feeders, wanted = hall.feeders, hall.watched.seen.wanted_kw
    promised = kept(feeders.promises, feeders.limits, wanted, found.limit_kw, now.wanted_kw, found.drawn_kw)
    if not added:
        require_kept(feeders.promises, promised)
    return Tried(added, *found.interval(rng), trips, faults, binding, promised), hall, found


def _surge_trips(scenario: Scenario, hall: Hall, found: Outcome) -> int:
    """Moments of normal running at which demand rose past a cap so far that a breaker opened."""
    share, limit = hall.feeders.outages.share[0], hall.feeders.graph.limit_kw[:, None]
    over, cut = share @ found.surge_kw, share @ found.drawn_kw
    events = (over > limit).any(axis=0)
    loads = cut[:, events], over[:, events], cut[:, events]
    return opened(scenario.breaker, limit, *loads, hall.protection.after_s) if events.any() else 0


def most_racks(
    scenario: Scenario, asked: Planned, seed: int = 0, tick: Callable[[str], None] = lambda words: None
) -> list[Tried]:
    """Every number of added racks that was tried, by bisection; the last that fits is the answer.

    Fewer racks fit where more do: each rack takes power and adds work.
    """
    racks = sum(group.count for group in scenario.racks.values())
    found: dict[int, Tried] = {}

    def fits(added: int) -> bool:
        found[added], *_ = tried(scenario, asked, added, seed)
        row = found[added]
        tick(f"{added} more racks: {row.done_frac:.2%} of the work, {row.trips_per_year:.3g} trips a year")
        return row.fits(asked)

    if fits(0):
        low, high = 0, max(racks // 8, 1)
        while high < MOST_GROWTH * racks and fits(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
    return [found[added] for added in sorted(found)]


class OnCurve(NamedTuple):
    """Work over one feeder.

    Attributes
    ----------
    feeder_kw : float
        The limit that fills first, at the racks' inputs [kW].
    oversubscription : float
        Highest (99 %) demand over it.
    done : tuple of float
        Work done by equal marginal value, and its 95 % interval.
    water_filling, gain, gain_low, gain_high : float
        Work done by tuned water-filling; gain over it, as a share, and its 95 % interval; nan where feeds cross.
    """

    feeder_kw: float
    oversubscription: float
    done: tuple[float, float, float]
    water_filling: float
    gain: float
    gain_low: float
    gain_high: float


def feeder_curve(
    scenario: Scenario,
    asked: Planned,
    ratios: Sequence[float],
    seed: int = 0,
    tick: Callable[[str], None] = lambda words: None,
) -> list[OnCurve]:
    """Work over the feeder: all limits scaled so that demand stands to the one that fills first in the given ratios."""
    require_ratios(ratios)
    hall = planned_hall(scenario, asked, 0)
    tuning = planned_hall(scenario, asked, 0, shift=TUNING_SEED).demand.watched(TUNED_ON_EVERY)
    priority = [
        max((g.priority for g in scenario.racks.values() if g.row == row), default=0)
        for row in range(len(scenario.power.row_limit_kw))
    ]
    limits = hall.feeders.limits
    peak = np.quantile(limits.weight @ hall.demand.wanted_kw, 0.99, axis=1) / limits.limit_kw[:, 0]
    fullest_kw = float(limits.limit_kw[int(peak.argmax()), 0])
    made = []
    for ratio in ratios:
        scale = float(peak.max() / ratio)
        base = _base(hall, tuning, priority, scale) if hall.feeders.tree else None
        found = by_value(hall.watched, hall.feeders, hall.protection, scale)
        made.append(_on_curve(found, base, fullest_kw * scale, ratio, np.random.default_rng(seed)))
        tick(f"at {ratio:.2f} times: {made[-1].done[0]:.2%} of the work")
    return made


def _base(hall: Hall, tuning: Watched, priority: list[int], scale: float) -> Outcome:
    """The hall under water-filling tuned on other days."""
    how = tuned_water_filling(tuning, hall.feeders, hall.protection, priority, scale)
    return by_water_filling(hall.watched, hall.feeders, hall.protection, priority, how, scale)


def _on_curve(found: Outcome, base: Outcome | None, kw: float, ratio: float, rng: np.random.Generator) -> OnCurve:
    if base is None:
        return OnCurve(kw, ratio, found.interval(rng), *[float("nan")] * 4)
    days = rng.integers(len(base.done_frac), size=(BOOTSTRAPS, len(base.done_frac)))
    gains = found.done_frac[days].mean(axis=1) / base.done_frac[days].mean(axis=1) - 1.0
    gain = float(found.done_frac.mean() / base.done_frac.mean() - 1.0)
    low, high = np.quantile(gains, (0.025, 0.975))
    return OnCurve(kw, ratio, found.interval(rng), float(base.done_frac.mean()), gain, float(low), float(high))


class ClassCap(NamedTuple):
    """Caps of one class in one rack group.

    Attributes
    ----------
    row : int
    group, kind : str
    racks : int
    wanted_kw, limit_kw : float
        Mean draw without caps and under them [kW].
    capped_frac : float
        Share of the time in which the cap takes power.
    usual, least : float
        Share of its draw that is left while it is capped: median and 5 %; 1 where it never is.
    done_frac : float
        Work done of what is asked.
    """

    row: int
    group: str
    kind: str
    racks: int
    wanted_kw: float
    limit_kw: float
    capped_frac: float
    usual: float
    least: float
    done_frac: float


def class_caps(hall: Hall, found: Outcome) -> list[ClassCap]:
    """Caps by row and class."""
    now = hall.watched.now
    groups = len(now.groups)
    wanted = now.wanted_kw[groups:]
    limit = np.minimum(found.limit_kw[groups:], wanted)
    done, asked = now.capped(found.drawn_kw)[1], now.asked_h()
    made = []
    for place, w in enumerate(now.classes):
        g = now.groups.index(w.group)
        left = np.minimum(found.drawn_kw[groups + place] / np.maximum(wanted[place], 1e-9), 1.0)
        held = left[(left < 1.0 - 1e-6) & (wanted[place] > 1e-6)]
        usual, least = (float(np.quantile(held, q)) if len(held) else 1.0 for q in (0.5, 0.05))
        share = float(done[place].sum() / max(asked[place].sum(), 1e-9))
        means = float(wanted[place].mean()), float(limit[place].mean())
        capped = len(held) / len(left)
        made.append(ClassCap(int(now.row[g]), w.group, w.kind, now.racks[g], *means, capped, usual, least, share))
    return made
