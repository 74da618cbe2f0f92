"""Years of designs: every typical day of every design is a site of one batch, under the building's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import PEAK_NAMES
from envs.episodes.plan import EpisodePlan
from envs.episodes.world import World
from envs.scenario import Scenario
from envs.signals.step import Outside
from experiments.designing.block import block, structure
from experiments.designing.days import TypicalDays, all_days, typical_days
from experiments.designing.variables import RACKS, VARIABLES, Floats, rows

STEP_S, SUBSTEP_S = 300.0, 60.0
MOST_SITES = 8192  # of a batch: days of designs
HOUR_S = 3600.0
Tick = Callable[[int], None]
#: Sums of a day that a design is judged by: name here to the name of the episode's sum.
SUMS = {
    "energy_kwh": "grid_power_kwh",
    "it_kwh": "it_power_kwh",
    "pdu_kwh": "pdu_loss_kwh",
    "water_kg": "makeup_kg",
    "inlet_k_min": "inlet_degree_minutes",
    "coolant_k_min": "tcs_excess_degree_minutes",
    "trips": "trips",
    "asked_h": "work_demanded_h",
    "done_h": "work_done_h",
}


class Year(NamedTuple):
    """What designs do in a year, each ``(n,)``.

    Attributes
    ----------
    energy_kwh, it_kwh, pdu_kwh, water_kg : ndarray
        Of the block, from the typical days by their weights.
    inlet_k_min, coolant_k_min, trips : ndarray
        The worst day, extreme ones included.
    lost_frac : ndarray
        Asked work that was not done, on the worst day.
    peak_kw, worst_inlet_c : ndarray
        Of all days.
    """

    energy_kwh: Floats
    it_kwh: Floats
    pdu_kwh: Floats
    water_kg: Floats
    inlet_k_min: Floats
    coolant_k_min: Floats
    trips: Floats
    lost_frac: Floats
    peak_kw: Floats
    worst_inlet_c: Floats


class Climate(NamedTuple):
    """Where the designs stand, and the days that they are judged on."""

    name: str
    days: TypicalDays


def climate_of(name: str) -> Climate:
    """A climate with its typical days."""
    world = world_of(0, name, STEP_S)
    dry, wet = (world.site_pool[:, Outside._fields.index(k)] for k in ("dry_bulb_c", "wet_bulb_c"))
    return Climate(name, typical_days(dry.astype(np.float64), wet.astype(np.float64)))


def whole_year(climate: Climate) -> Climate:
    """The same climate, judged on every day of its year."""
    return climate._replace(days=all_days())


def stepped(scenario: Scenario) -> Scenario:
    """The scenario in days of our steps."""
    steps = round(24 * HOUR_S / STEP_S)
    return replace(scenario, episode=replace(scenario.episode, step_s=STEP_S, substep_s=SUBSTEP_S, steps=steps))


@lru_cache(maxsize=2 * len(RACKS))
def world_of(rack: int, climate: str, step_s: float) -> World:
    """Weather and load of a block with racks of a kind: nothing else of a design moves them."""
    design = {v.name: v.value(np.array([0.5])) for v in VARIABLES} | {"rack": np.array([float(rack)])}
    scenario = block(design, climate, "world")
    return World.build(replace(scenario, episode=replace(scenario.episode, step_s=step_s, substep_s=step_s)))


def years(designs: Mapping[str, Floats], climate: Climate, tick: Tick | None = None) -> Year:
    """Play the days of designs of any structure.

    Parameters
    ----------
    designs : mapping
        ``{variable: (n,)}``.
    climate : Climate
    tick : callable, optional
        Called with the number of designs that were played.
    """
    n, days = len(designs["rack"]), len(climate.days.days)
    by_day = {name: np.zeros((days, n)) for name in (*SUMS, *PEAK_NAMES)}
    kind, most = structure(designs), max(1, MOST_SITES // days)
    for number in np.unique(kind):
        alike = np.flatnonzero(kind == number)
        for part in np.array_split(alike, -(-len(alike) // most)):
            for name, values in _played(rows(designs, part), climate).items():
                by_day[name][:, part] = values
            if tick is not None:
                tick(len(part))
    return _year(by_day, climate.days.weights)


def _played(designs: Mapping[str, Floats], climate: Climate) -> dict[str, Floats]:
    """Sums and peaks of every day of designs of one structure ``{name: (days, n)}``."""
    n, days = len(designs["rack"]), len(climate.days.days)
    tiled = {name: np.tile(values, days) for name, values in designs.items()}
    scenario = stepped(block(tiled, climate.name, "design"))
    world = world_of(int(designs["rack"][0]), climate.name, STEP_S)
    core = DataCenterCore(scenario, n * days, world=world)
    core.reset(seed=0, plan=day_plan(world, np.repeat(climate.days.days, n)))
    for _ in range(scenario.episode.steps):
        core.step_setpoints({})
    sums = core.sums.by_name(np.zeros(1, np.int64))
    names = {**SUMS, **dict.fromkeys(PEAK_NAMES)}
    return {name: sums[source or name].reshape(days, n) for name, source in names.items()}


def day_plan(world: World, days: NDArray[np.int64], step_of_day: int = 0) -> EpisodePlan:
    """Episodes that begin on given days of the year; the load is that of the same weekday, the same for all designs."""
    n, start = len(days), days * world.steps_per_day + step_of_day
    load = np.array(
        [world.draw_load_start(np.random.default_rng([7, int(day)]), int(day), step_of_day) for day in days]
    )
    none, half, cool = np.zeros(n, np.int64), np.full(n, 0.5), np.zeros(n)
    return EpisodePlan(none, start, none, load, none, none, half, half, cool)


def _year(by_day: Mapping[str, Floats], weights: Floats) -> Year:
    total = {name: weights @ by_day[name] for name in ("energy_kwh", "it_kwh", "pdu_kwh", "water_kg")}
    worst = {name: by_day[name].max(axis=0) for name in ("inlet_k_min", "coolant_k_min", "trips")}
    lost = (1.0 - by_day["done_h"] / np.maximum(by_day["asked_h"], 1e-9)).max(axis=0)
    peak, inlet = by_day["peak_grid_kw"].max(axis=0), by_day["worst_inlet_c"].max(axis=0)
    return Year(**total, **worst, lost_frac=lost, peak_kw=peak, worst_inlet_c=inlet)
