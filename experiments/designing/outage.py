"""Ride-through: how long the racks of a design may go on after every chiller and every tower or dry cooler is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from envs.core import DataCenterCore
from envs.faults import Fault
from envs.scenario import Scenario
from experiments.designing.block import block, structure
from experiments.designing.variables import Floats, rows
from experiments.designing.years import MOST_SITES, Climate, day_plan, world_of

STEP_S, SUBSTEP_S = 60.0, 10.0
MOST_S = 1800.0
HOUR_OF_DAY = 15
_FAULTS = {"chiller_trip": "chilled_water", "tower_cell": "tower dry_cooler"}


def ride_through_s(designs: Mapping[str, Floats], climate: Climate) -> Floats:
    """Seconds until an inlet passes its allowable limit, the coolant passes its own, or a rack stops ``(n,)``.

    The loss comes at three in the afternoon of the hottest day. Fans and pumps run on, from the UPS. It is told in
    minutes, straight between them, and at most as half an hour.
    """
    found, kind = np.zeros(len(designs["rack"])), structure(designs)
    for number in np.unique(kind):
        alike = np.flatnonzero(kind == number)
        for part in np.array_split(alike, -(-len(alike) // MOST_SITES)):
            found[part] = _played(rows(designs, part), climate)
    return found


def _played(designs: Mapping[str, Floats], climate: Climate) -> Floats:
    n, steps = len(designs["rack"]), round(MOST_S / STEP_S)
    whole = block(designs, climate.name, "outage")
    short = replace(whole.episode, step_s=STEP_S, substep_s=SUBSTEP_S, steps=steps)
    scenario = replace(whole, episode=short)
    world = world_of(int(designs["rack"][0]), climate.name, STEP_S)
    core = DataCenterCore(scenario, n, world=world)
    hottest = np.full(n, climate.days.days[-2])
    core.reset(seed=0, plan=day_plan(world, hottest, round(HOUR_OF_DAY * 3600.0 / STEP_S)))
    there = {name for name in ("chilled_water", "tower", "dry_cooler") if getattr(scenario, name) is not None}
    lost = [Fault(kind, 0.0, 2.0 * MOST_S, magnitude=64.0) for kind, of in _FAULTS.items() if there & set(of.split())]
    core.set_faults([lost] * n)
    after, under = np.full(n, MOST_S), np.full(n, 0.0)
    for step in range(steps):
        core.step_setpoints({})
        over = _excess_k(core, scenario)
        first = (over > 0.0) & (after == MOST_S)
        part = under / np.minimum(under - over, -1e-9)
        after = np.where(first, (step + np.clip(part, 0.0, 1.0)) * STEP_S, after)
        under = over
        if np.all(after < MOST_S):
            break
    return after


def _excess_k(core: DataCenterCore, scenario: Scenario) -> Floats:
    """How far the worst of inlets and coolant is over its limit ``(n,)`` [K]; a stopped rack is far over."""
    flows = core.flows
    over = np.asarray(flows.worst_inlet_c - flows.inlet_allowable_c, np.float64)
    if scenario.coolant is not None:
        over = np.maximum(over, flows.tcs_supply_c - scenario.coolant.tcs_limit_c)
    return np.where(flows.trips > 0.0, np.maximum(over, 10.0), over)
