"""A week behind the shield: policies that mean no good, and each single fault, on every scenario.

``python -m scripts.shield_week [scenario ...] [--days 7] [--climate phoenix_az]`` prints a row for each policy; with
``--write`` it also keeps them as CSV in the folder of results of validation.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.encoding import best_rules
from envs.building.rules import building_controller
from envs.controllers.base import Controller
from envs.core import DataCenterCore
from envs.episodes.plan import EpisodePlan
from envs.episodes.world import World
from envs.faults import Fault
from envs.guard import Guard
from envs.interface.channel import Channel
from envs.interface.constraints import HARD_LIMITS
from envs.scenario import SHIPPED, load
from envs.scenario.checks import require_machines
from envs.twin.estimation.foresight import shield_of
from envs.units import SECONDS_PER_DAY
from envs.whole_file import whole_file

FOLDER = Path("docs/validation")
FROM_S, FOR_S = 46_800.0, 36_000.0  # a fault strikes at one o'clock every day, for ten hours
JULY = 190  # day of the year, in the hottest weeks
MACHINES = ("chiller_trip", "tower_cell", "pump_cw", "pump_chw", "pump_fws", "pump_tcs", "cdu")
SENSORS = ("zone_inlet_max_c", "rack_inlet_c", "zone_supply_c", "tcs_supply_c", "row_demand_share")
DRIFT = {"_c": -3.0, "_share": -0.1}  # to the harmless side: hot is read as cool, much as little
Wanted = Callable[[Mapping[str, NDArray[Any]], int], dict[str, NDArray[Any]]]
Policy = Callable[[DataCenterCore, int], Wanted]


class Row(NamedTuple):
    """What a policy came to, over all faults."""

    scenario: str
    policy: str
    days: float
    faults: int
    inlet_over_k: float
    """Warmest inlet over the allowable limit [K]."""
    longest_over_s: float
    """Longest spell over it [s]; whole control steps."""
    coolant_over_k: float
    """Warmest coolant over its limit [K]."""
    breaker_memory: float
    trips: float
    acted_frac: float
    """Share of the control steps in which the shield acted."""
    acted_without_fault_frac: float


def held(value: Callable[[Channel], float]) -> Policy:
    """One constant for each channel."""

    def make(core: DataCenterCore, n: int) -> Wanted:
        points = {c.name: np.full((c.rows, n), value(c), core.dtype) for c in core.channels}
        return lambda seen, step: points

    return make


def careless(c: Channel) -> float:
    """The end of the range that is furthest from its refuge; power limits open, the battery charging."""
    if c.kind != "cooling":
        return c.high
    return c.low if c.refuge == "high" else c.high


def frozen(core: DataCenterCore, n: int) -> Wanted:
    """What was in force at the start, for good."""
    points = {name: value[:, :n].copy() for name, value in core.in_force.items()}
    return lambda seen, step: points


def drawn(steps: int, ends: bool, seed: int) -> Policy:
    """Every ``steps`` control steps anew: anywhere in the range, or one of its ends."""

    def make(core: DataCenterCore, n: int) -> Wanted:
        generator, points = np.random.default_rng(seed), {}

        def act(seen: Mapping[str, NDArray[Any]], step: int) -> dict[str, NDArray[Any]]:
            if step % steps == 0:
                for c in core.channels:
                    share = generator.random((c.rows, 1))
                    value = c.low + (np.round(share) if ends else share) * (c.high - c.low)
                    points[c.name] = np.broadcast_to(value, (c.rows, n)).astype(core.dtype)
            return points

        return act

    return make


def pattern(genes: NDArray[np.float64]) -> Policy:
    """Each channel between two levels, with a period and a phase of its own: what the adversary searches over."""

    def make(core: DataCenterCore, n: int) -> Wanted:
        def act(seen: Mapping[str, NDArray[Any]], step: int) -> dict[str, NDArray[Any]]:
            points = {}
            for c, (low, high, period, phase) in zip(core.channels, genes.reshape(-1, 4)):
                length = 1.0 + 47.0 * period
                share = low if ((step / length + phase) % 1.0) < 0.5 else high
                points[c.name] = np.full((c.rows, n), c.low + share * (c.high - c.low), core.dtype)
            return points

        return act

    return make


def rules(core: DataCenterCore, n: int) -> Wanted:
    """The best rule there is: what a good policy asks for."""
    names = [c.name for c in core.channels]
    scenario = replace(core.scenario, rules=best_rules(core.scenario))
    controller: Controller = building_controller(scenario, core.plant.layout, names)
    controller.reset(n)
    return lambda seen, step: {**{name: seen[f"in_force.{name}"] for name in names}, **controller.act(seen)}


POLICIES: dict[str, Policy] = {
    "rules": rules,
    "careless": held(careless),
    "all low": held(lambda c: c.low),
    "all high": held(lambda c: c.high),
    "frozen": frozen,
    "random": drawn(1, False, 1),
    "bang-bang": drawn(1, True, 2),
    "bang-bang by the hour": drawn(12, True, 3),
}


def single_faults(core: DataCenterCore, days: int) -> dict[str, list[Fault]]:
    """Each fault that the site can have, every day anew; ``none`` first."""
    kinds = [("crah_fan", z, 1.0) for z in range(core.plant.layout.n_zones)]
    kinds += [(kind, 0, 1.0) for kind in MACHINES]
    kinds += [("utility_curtailment", 0, 0.2), ("weather_hot", 0, 5.0), ("load_loss", 0, 0.5)]
    rows = core.instruments.bank.rows
    for name in (name for name in SENSORS if name in rows):
        (drift,) = (by for end, by in DRIFT.items() if name.endswith(end))
        kinds += [("sensor_stuck", rows[name].start, 1.0), ("sensor_drift", rows[name].start, drift)]
    names = {where.start: name for name, where in rows.items()}
    found: dict[str, list[Fault]] = {"none": []}
    for kind, index, size in kinds:
        daily = [Fault(kind, day * SECONDS_PER_DAY + FROM_S, FOR_S, index, size) for day in range(days)]
        try:
            require_machines(daily, core.plant.layout.present, core.scenario.name)
        except ValueError:
            continue  # a machine that this site has not
        found[f"{kind} {names[index] if kind.startswith('sensor') else index}"] = daily
    return found


def hall(
    scenario: str, climate: str, days: int, batch: int, overrides: Sequence[str] = (), world: World | None = None
) -> DataCenterCore:
    """A core of a batch of one and the same week in July, which starts healthy."""
    site = load(scenario, [f"site.climates=[{climate}]", *overrides])
    steps = round(days * SECONDS_PER_DAY / site.episode.step_s)
    core = DataCenterCore(replace(site, episode=replace(site.episode, steps=steps)), batch, world=world)
    world = core.world
    start = world.draw_load_start(np.random.default_rng(0), JULY, 0)
    whole = {"site_start": JULY * world.steps_per_day, "load_start": start, "noise_seed": 7}
    shares = {"billing_frac": 0.9, "soc": 0.5, "warmth_k": 0.0}
    plan = {name: np.full(batch, shares.get(name, whole.get(name, 0)), np.float64 if name in shares else np.int64)
            for name in EpisodePlan._fields}  # fmt: skip
    core.reset(seed=0, plan=EpisodePlan(**plan))
    return core


def week(
    scenario: str,
    policies: Mapping[str, Policy],
    days: int = 7,
    climate: str = "phoenix_az",
    shielded: bool = True,
    only: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> list[Row]:
    """Play every policy with every single fault, side by side; ``only`` names the faults, all when empty."""
    one = hall(scenario, climate, days, 1, overrides)
    faults = single_faults(one, days)
    faults = {name: faults[name] for name in only} or faults
    pairs = [(policy, fault) for policy in policies for fault in faults]
    core = hall(scenario, climate, days, len(pairs), overrides, one.world)
    core.guard = Guard(shield_of(core.scenario), len(pairs)) if shielded else None
    core.set_faults([faults[fault] for _, fault in pairs])
    where = {name: np.flatnonzero([policy == name for policy, _ in pairs]) for name in policies}
    acting = {name: policies[name](core, len(where[name])) for name in policies}
    worst, longest, spell = np.full(len(pairs), -np.inf), np.zeros(len(pairs)), np.zeros(len(pairs))
    coolant, memory, trips = np.full(len(pairs), -np.inf), np.zeros(len(pairs)), np.zeros(len(pairs))
    limit_c = np.inf if core.scenario.coolant is None else float(np.max(core.scenario.coolant.tcs_limit_c))
    for step in range(core.scenario.episode.steps):
        seen = core.measurements()
        wanted = {c.name: np.empty((c.rows, len(pairs)), core.dtype) for c in core.channels}
        for name, at in where.items():
            for channel, value in acting[name]({key: v[:, at] for key, v in seen.items()}, step).items():
                wanted[channel][:, at] = value
        core.step_setpoints(wanted)
        flows = core.flows
        over = flows.rack_inlet_max_c.max(axis=0) - flows.inlet_allowable_c
        worst, spell = np.maximum(worst, over), np.where(over > 0.0, spell + core.step_s, 0.0)
        longest, coolant = np.maximum(longest, spell), np.maximum(coolant, flows.tcs_supply_c - limit_c)
        memory, trips = np.maximum(memory, flows.breaker_memory_frac), trips + flows.trips
    acted = core.episode_statistics().get("shield_steps", np.zeros(len(pairs))) / core.scenario.episode.steps
    return [
        Row(scenario, name, days, len(faults), *(float(x[at].max()) for x in (worst, longest, coolant, memory, trips)),
            float(acted[at].mean()), float(acted[at[0]]))
        for name, at in where.items()
    ]  # fmt: skip


def adversary(scenario: str, rounds: int = 4, population: int = 24, **how: Any) -> Policy:
    """The pattern that brings a shielded day nearest to harm, found by the cross-entropy method."""
    channels = hall(scenario, "phoenix_az", 1, 1).channels
    generator, size = np.random.default_rng(4), 4 * len(channels)
    mean, spread = np.full(size, 0.5), np.full(size, 0.5)
    for _ in range(rounds):
        genes = np.clip(generator.normal(mean, spread, (population, size)), 0.0, 1.0)
        rows = week(scenario, {str(k): pattern(g) for k, g in enumerate(genes)}, days=1, **how)
        harm = [max(row.inlet_over_k, row.coolant_over_k, 10.0 * (row.breaker_memory - 1.0)) for row in rows]
        elite = genes[np.argsort(harm)[-population // 4 :]]
        mean, spread = elite.mean(axis=0), elite.std(axis=0) + 0.05
    return pattern(elite[-1])


def broken(row: Row) -> list[str]:
    """Hard limits that a row passed, past the time for which it may."""
    allowed_s = {limit.name: limit.longest_s for limit in HARD_LIMITS}
    found = []
    if row.longest_over_s > allowed_s["inlet_allowable"]:
        found.append("inlet_allowable")
    if row.coolant_over_k > 0.0:
        found.append("coolant_supply")
    if row.breaker_memory > 1.0 or row.trips > 0.0:
        found.append("breaker_memory")
    return found


def main() -> None:
    """Play and print; exit 1 where a hard limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SHIPPED))
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--climate", default="phoenix_az")
    parser.add_argument("--free", action="store_true", help="without the shield, for comparison")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    passed = False
    for scenario in given.scenarios:
        policies = dict(POLICIES)
        if not given.free:
            policies["adversary"] = adversary(scenario, only=("none", "crah_fan 0"))
        rows = week(scenario, policies, given.days, given.climate, not given.free)
        for row in rows:
            sys.stdout.write(f"{row} {broken(row) or 'kept'}\n")
        sys.stdout.flush()
        passed |= any(broken(row) for row in rows)
        if given.write:
            name = f"shield_{scenario}{'_free' if given.free else ''}.csv"
            with whole_file(FOLDER / name) as draft, draft.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(Row._fields)
                writer.writerows([[x if isinstance(x, str) else f"{x:.4g}" for x in row] for row in rows])
    sys.exit(passed and not given.free)


if __name__ == "__main__":
    main()
