"""A bench for whole plants: any weather and load, one start for many perturbations, stages and modes held."""

from __future__ import annotations

from functools import cache

import numpy as np

from envs.core import DataCenterCore
from envs.episodes.world import Load, Outside, World
from envs.faults import nothing_lost
from envs.interface.channels import channels_of_kind
from envs.physics.psychrometrics import humidity_ratio, wet_bulb_c
from envs.plant.datacenter import Plant
from envs.plant.state import PlantState
from envs.scenario import load
from envs.trees import map_leaves
from experiments.published.bench import first_setpoints

SCENARIOS = ("ai_hall", "ai_hall_power_cap", "legacy_air", "liquid_hall", "edge_room")


@cache
def world_of(name: str, overrides: tuple[str, ...] = ()) -> World:
    """Signals of a scenario, built once for the whole folder."""
    return World.build(load(name, overrides))


def core_of(name: str, n: int, overrides: tuple[str, ...] = (), dtype: str = "float32", **more) -> DataCenterCore:
    """A core that shares the signals of its scenario."""
    return DataCenterCore(name, n, overrides, dtype=dtype, world=world_of(name, overrides), **more)


class Rig:
    """One plant without its world: conditions are made by hand."""

    def __init__(self, name: str, dtype: str = "float64", overrides: tuple[str, ...] = ()) -> None:
        self.scenario = load(name, overrides)
        self.plant = Plant(self.scenario, dtype)
        self.dtype = np.dtype(dtype)
        self.layout = self.plant.layout
        lay = self.layout
        self.channels = lay.channels

    def outside(self, dry_c, rh=0.5, n=None, price=40.0, carbon=400.0) -> Outside:
        """Weather ``(B,)`` at a dry bulb and a relative humidity."""
        dry, rh = np.broadcast_arrays(np.asarray(dry_c, float), np.asarray(rh, float))
        if n is not None:
            dry, rh = np.broadcast_to(dry, n), np.broadcast_to(rh, n)
        pressure = self.layout.pressure_kpa + dry * 0.0
        wet = np.minimum(wet_bulb_c(dry, rh, pressure), dry)
        height = dry * 0.0 + self.scenario.elevation_m
        columns = [dry, wet, humidity_ratio(dry, rh, pressure), pressure, height]
        columns += [dry * 0.0 + price, dry * 0.0 + carbon]
        columns += [dry * 0.0] * (len(Outside._fields) - len(columns))
        return Outside(*(np.ascontiguousarray(c).astype(self.dtype) for c in columns))

    def load(self, level, n) -> Load:
        """Every slot of every rack equally busy, so that a rack's activity is ``level`` ``(B,)`` of 0..1."""
        lay = self.layout
        level = np.broadcast_to(np.asarray(level, float), n)
        busy = (lay.slot_class != 6).astype(float)
        share = busy / np.maximum(busy.sum(axis=0), 1.0)
        activity = share[:, :, None] * level
        zero = np.zeros(n, self.dtype)
        job = np.broadcast_to(np.arange(lay.n_racks)[:, None], (lay.n_racks, n)).astype(np.int16)
        return Load(activity.astype(self.dtype), job, zero, zero, zero)

    def setpoints(self, n, **values) -> dict:
        """The rules' first setpoints, changed where named; each ``(k, B)``."""
        jobs = {n: 0.0 for n in self.layout.channels if n in channels_of_kind("jobs")}  # the plant reads none of them
        first = first_setpoints(self.scenario) | jobs | values
        return {k: (first[k] + np.zeros((c.rows, n))).astype(self.dtype) for k, c in self.channels.items()}

    def nothing_lost(self, n):
        """Every machine fit to run."""
        return nothing_lost(n, self.layout.n_zones, self.dtype)

    def steady_state(self, outside: Outside, asked: Load, setpoints: dict) -> PlantState:
        """State after hours of these conditions, stages and modes free."""
        n = len(outside.dry_bulb_c)
        zero = np.zeros(n, self.dtype)
        state, _ = self.plant.steady_state(outside, asked, setpoints, self.nothing_lost(n), zero, zero + 0.5)
        return state

    def spread(self, state: PlantState, n: int) -> PlantState:
        """The one environment of ``state``, n times."""
        return map_leaves(state, lambda x: np.repeat(x[..., :1], n, axis=-1))

    def held(self, state: PlantState) -> PlantState:
        """No stage and no economizer may switch in the coming step: their holds have just begun."""
        if state.chw is not None:
            chw = state.chw
            state = state._replace(
                chw=chw._replace(stages=at_hold(chw.stages), economizer_since_s=chw.economizer_since_s * 0.0)
            )
        if state.tower is not None:
            state = state._replace(tower=state.tower._replace(stages=at_hold(state.tower.stages)))
        return state

    def step(self, state, setpoints, outside, asked, lost=None, t=0):
        """One control step."""
        n = len(outside.dry_bulb_c)
        lost = self.nothing_lost(n) if lost is None else lost
        return self.plant.step(state, setpoints, outside, asked, lost, np.full(n, t))

    def run_held(self, state, setpoints, outside, asked, steps):
        """Flows of the last of ``steps`` steps with stages and modes held."""
        for _ in range(steps):
            state, flows = self.step(self.held(state), setpoints, outside, asked)
        return state, flows


def at_hold(stages):
    """Stage timers as just after a switch."""
    return stages._replace(
        since_change_s=stages.since_change_s * 0.0, above_s=stages.above_s * 0.0, below_s=stages.below_s * 0.0
    )
