"""Simulated halls to be forecast: one batch, in which every hall has its own hidden parameters, place, load and season.

The forecaster never sees these parameters: it has the scenario that they were drawn around.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.episodes.world import START_WEEKDAY, World
from envs.physics.namespace import Floats
from envs.play import play, play_through
from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of
from envs.signals.weather.climates import sites
from envs.twin.telemetry.recorder import PointReader, Recorder, true_value_reader
from envs.twin.telemetry.telemetry import COOLING, INLET, Telemetry

#: What a hall may differ in, by machine: heat exchangers, fan and pump curves, leakage, masses, losses.
HIDDEN: dict[str, tuple[str, ...]] = {
    "zones": (
        "unit_flow_m3_s", "fan_kw", "coil_ua_kw_k", "coil_water_kg_s", "leakage_frac", "hot_aisle_kj_k",
        "plenum_kj_k", "air_volume_m3", "air_changes_per_h",
    ),
    "racks": (
        "airflow_m3_s_kw", "fan_max_frac", "solids_kj_k", "chip_resistance_k_w", "package_kj_k", "coolant_rise_k",
    ),
    "chilled_water": (
        "power_factor", "loop_volume_m3", "economizer_design_kw", "economizer_approach_k", "pump_head_kpa",
        "pump_efficiency_frac",
    ),
    "tower": ("cell_nominal_kw", "cell_fan_kw", "pump_head_kpa", "pump_efficiency", "cell_basin_m3", "loop_m3"),
    "coolant": ("ua_kw_k", "pump_dp_kpa", "pump_efficiency", "stored_litres"),
    "facility_water": ("exchanger_ua_kw_k", "volume_m3", "pump_dp_kpa", "pump_efficiency"),
    "dry_cooler": ("ua_kw_k", "fan_kw"),
    "dx": ("power_factor",),
    "power": ("ups_loss_scale", "pdu_loss_frac", "lighting_kw"),
}  # fmt: skip
WARM_UP_DAYS = 1


@dataclass(frozen=True)
class HallDraw:
    """How many halls, for how long, and how different."""

    halls: int = 30
    days: int = 72
    spread: float = 0.20
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse no hall."""
        if self.halls < 1:
            raise ValueError(f"halls = {self.halls}; give 1 or more")


class Moment(NamedTuple):
    """The halls as they truly are after ``row``: plant, rules, setpoints, readings and the core's clock."""

    row: int
    state: Any
    rules: Any
    in_force: dict[str, Floats]
    measured: dict[str, Floats]
    t: Floats


class Halls(NamedTuple):
    """Halls that run on under the building's rules: the core, what they measured, and what was true.

    ``truth`` (inlets and cooling power as they were), ``parameters`` and ``moments`` are for scoring alone.
    """

    core: DataCenterCore
    telemetry: Telemetry
    truth: Telemetry
    parameters: dict[str, Floats]
    moments: list[Moment]


def build(scenario: Scenario, draw: HallDraw) -> tuple[DataCenterCore, dict[str, Floats]]:
    """One core of ``draw.halls`` different halls at their start, and what was drawn ``{name: (B,)}``."""
    rng = np.random.default_rng([draw.seed, 11])
    drawn: dict[str, Floats] = {}
    signals = _signals(scenario, draw, rng)
    world = World.build(signals)
    core = DataCenterCore(_with_hidden_parameters(signals, draw, rng, drawn), draw.halls, world=world)
    core.reset(seed=draw.seed, plan=_plan(world, draw, rng))
    return core, drawn


def simulate(
    scenario: Scenario, draw: HallDraw, tick: Any = None, keep: Sequence[int] = (), logged: Sequence[str] = ()
) -> Halls:
    """Run the halls for ``draw.days`` days after a day of warming up, and keep what they measured.

    Parameters
    ----------
    scenario : Scenario
    draw : HallDraw
    tick : callable, optional
        Called each day with what is being done.
    keep : sequence of int
        Rows after which the true state is kept.
    logged : sequence of str
        Quantities whose true values are kept too, besides inlets and cooling power.
    """
    core, drawn = build(scenario, draw)
    per_day = core.world.steps_per_day
    play_through(core, core.rules, WARM_UP_DAYS * per_day)
    steps = draw.days * per_day
    sensors, truth = (
        Recorder(core, PointReader(core), steps),
        Recorder(core, true_value_reader(core, [*dict.fromkeys((INLET, COOLING, *logged))]), steps),
    )
    moments = []
    for t, step in enumerate(play(core, core.rules, steps)):
        sensors.add(step)
        truth.add(step)
        if t in keep:
            rules, measured = deepcopy(core.rules), {n: v.copy() for n, v in core.measurements().items()}
            moments.append(Moment(t, core.state, rules, dict(core.in_force), measured, core.t.copy()))
        if tick is not None and t % (7 * per_day) == 0:
            tick(f"simulating {draw.halls} halls: day {t // per_day} of {draw.days}")
    return Halls(core, sensors.telemetry(), truth.telemetry(), drawn, moments)


def _signals(scenario: Scenario, draw: HallDraw, rng: np.random.Generator) -> Scenario:
    """The scenario under ``halls`` climates, weather years and loads of their own; its own files are kept."""
    site, n = scenario.site, draw.halls
    known = sorted(sites())
    climates = list(site.climates)
    if not any("." in name for name in climates):
        climates = [known[i] for i in rng.permutation(len(known))[: min(n, len(known))]]
    first = 100_000 + 1_000 * draw.seed
    weeks = -(-(draw.days + WARM_UP_DAYS) // 7) + 1
    met = replace(
        site,
        climates=climates,
        weather_seeds=[first + i for i in range(-(-n // len(climates)))],
        workload_seeds=[first + i for i in range(n)],
        workload_weeks=max(weeks, int(site.workload_weeks)),
    )
    long = replace(scenario.episode, steps=120_000)
    return replace(scenario, site=met, episode=long)


def _with_hidden_parameters(
    scenario: Scenario, draw: HallDraw, rng: np.random.Generator, drawn: dict[str, Floats]
) -> Scenario:
    """The scenario with hidden parameters as arrays ``(B,)``."""
    zones = {
        name: _varied_machine(zone, HIDDEN["zones"], f"zones.{name}", draw, rng, drawn)
        for name, zone in scenario.zones.items()
    }
    racks = {}
    for name, group in scenario.racks.items():
        kind = archetype_of(group)
        other = _varied_machine(kind, HIDDEN["racks"], f"racks.{name}", draw, rng, drawn)
        own = {k: getattr(other, k) for k in HIDDEN["racks"] if getattr(other, k) is not getattr(kind, k)}
        racks[name] = replace(group, overrides={**group.overrides, **own})
    changed: dict[str, Any] = {"zones": zones, "racks": racks}
    for machine in ("chilled_water", "tower", "coolant", "facility_water", "dry_cooler", "dx", "power"):
        there = getattr(scenario, machine)
        if there is not None:
            changed[machine] = _varied_machine(there, HIDDEN[machine], machine, draw, rng, drawn)
    return replace(scenario, **changed)


def _varied_machine(
    machine: Any, names: Sequence[str], prefix: str, draw: HallDraw, rng: np.random.Generator, drawn: dict[str, Floats]
) -> Any:
    """A machine whose named parameters are lognormal around the scenario's, ``spread`` wide, within their range."""
    assert is_dataclass(machine) and not isinstance(machine, type)
    changed = {}
    for spec in fields(machine):
        value = getattr(machine, spec.name)
        if spec.name not in names or not value:
            continue
        factor = np.exp(draw.spread * rng.standard_normal(draw.halls).clip(-2.0, 2.0))
        changed[spec.name] = np.clip(value * factor, spec.metadata["low"], spec.metadata["high"])
        drawn[f"{prefix}.{spec.name}"] = changed[spec.name]
    return replace(machine, **changed)


def _plan(world: World, draw: HallDraw, rng: np.random.Generator) -> EpisodePlan:
    """Hall i at its own site or weather year, with its own load, on a day of the year from which the rest suffices."""
    n = draw.halls
    last = max(365 - draw.days - WARM_UP_DAYS, 1)
    day = rng.integers(0, last, n)
    clock = (START_WEEKDAY + day) % 7 * world.steps_per_day
    seed = 100_000 * (draw.seed + 1) + np.arange(n)
    return EpisodePlan(
        site=np.arange(n) % world.n_sites,
        site_start=day * world.steps_per_day,
        load=np.arange(n) % world.n_loads,
        load_start=(clock - world.load_week_start) % world.load_steps,
        noise_seed=seed,
        episode=np.zeros(n, np.int64),
        billing_frac=np.full(n, 0.9),
        soc=np.full(n, 0.5),
        warmth_k=np.zeros(n),
    )
