"""A whole plant, or one kind of rack, under conditions made by hand: weather, load, setpoints, lost machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.building.rules import start
from envs.episodes.world import Load, Outside
from envs.equipment import rack
from envs.equipment.rack_archetypes import RackArchetype
from envs.equipment.rack_chips import LEAKAGE_REFERENCE_C
from envs.equipment.throughput import CLASSES, throughput
from envs.faults import nothing_lost
from envs.interface.channels import CHANNELS
from envs.physics.namespace import Floats
from envs.physics.psychrometrics import humidity_ratio, wet_bulb_c
from envs.plant.datacenter import Plant
from envs.plant.state import PlantState
from envs.scenario import Scenario, load

NO_LIMIT_KW = 1e6
HALF = 0.5
HELD = {"crah_fan_speed_frac": 0.7, "cw_supply_temp_setpoint_c": 24.0}  # where a bench does not start as the rules


class PlantBench:
    """One site in float64 that has settled in constant weather at a constant load.

    Parameters
    ----------
    name : str
        Scenario.
    overrides : sequence of str
        Deviations from it, ``key=value``.
    dry_bulb_c, rh_frac, level : float
        Outside air [degC, 1] and share of every rack that is busy [1].
    setpoints : float
        Channels that deviate from the rules' start.
    """

    def __init__(
        self,
        name: str,
        overrides: Sequence[str] = (),
        dry_bulb_c: float = 25.0,
        rh_frac: float = 0.5,
        level: float = 1.0,
        **setpoints: float,
    ) -> None:
        self.scenario = load(name, overrides)
        self.plant = Plant(self.scenario, "float64")
        self.outside = self._outside(dry_bulb_c, rh_frac)
        self.load = self._load(level)
        self.in_force = self._setpoints(setpoints)
        zero = np.zeros(1)
        nothing = nothing_lost(1, self.plant.layout.n_zones, np.float64)
        self.lost = nothing
        self.state: PlantState = self.plant.steady_state(
            self.outside, self.load, self.in_force, nothing, zero, zero + HALF
        )[0]

    def lose(self, **machines: Any) -> None:
        """Machines that fail from now on, such as ``crah_units_lost=8``; a number, or one per zone ``(Z, 1)``."""
        self.lost = self.lost._replace(**{k: getattr(self.lost, k) + v for k, v in machines.items()})

    def step(self) -> Any:
        """Flows of the next control step."""
        self.state, flows = self.plant.step(
            self.state, self.in_force, self.outside, self.load, self.lost, np.zeros(1, np.int64)
        )
        return flows

    def run(self, seconds: float) -> tuple[Floats, list[Any]]:
        """Times at the ends of the steps [s] and their flows."""
        step_s = float(self.scenario.episode.step_s)
        trace = [self.step() for _ in range(round(seconds / step_s))]
        return step_s * np.arange(1, len(trace) + 1), trace

    def _outside(self, dry_bulb_c: float, rh_frac: float) -> Outside:
        dry, rh = np.array([dry_bulb_c]), np.array([rh_frac])
        pressure = self.plant.layout.pressure_kpa + dry * 0.0
        known = [dry, np.minimum(wet_bulb_c(dry, rh, pressure), dry), humidity_ratio(dry, rh, pressure), pressure]
        known.append(dry * 0.0 + self.scenario.elevation_m)
        return Outside(*known, *(dry * 0.0 for _ in range(len(Outside._fields) - len(known))))

    def _load(self, level: float) -> Load:
        layout = self.plant.layout
        busy = (layout.slot_class != CLASSES.index("none")).astype(np.float64)
        activity = level * busy / np.maximum(busy.sum(axis=0), 1.0)
        zero = np.zeros(1)
        return Load(activity[:, :, None], np.arange(layout.n_racks, dtype=np.float64)[:, None], zero, zero, zero)

    def _setpoints(self, given: dict[str, float]) -> dict[str, Floats]:
        channels = self.plant.layout.channels
        first = first_setpoints(self.scenario) | given
        return {name: np.full((c.rows, 1), float(first[name])) for name, c in channels.items()}


def first_setpoints(scenario: Scenario) -> dict[str, float]:
    """Setpoints that a bench starts from: the rules' own where it holds no other, nothing capped."""
    return {c.name: start(c, scenario) for c in CHANNELS.values() if c.kind != "jobs"} | HELD


class RackBench:
    """One rack in float64 that has settled at its inlet; one environment per inlet temperature.

    Parameters
    ----------
    archetype : RackArchetype
    class_name : str
        Workload class that its accelerators (or sockets) run.
    activity : float
        Share of them at work [1].
    inlet_c : float or array (B,)
        Server inlet [degC].
    """

    def __init__(self, archetype: RackArchetype, class_name: str, activity: float = 1.0, inlet_c: Any = 25.0) -> None:
        self.inlet = np.atleast_1d(np.asarray(inlet_c, np.float64))[None]
        n = self.inlet.shape[1]
        self.table = rack.rack_table([archetype], [[CLASSES.index(class_name)], [CLASSES.index("none")]], np.float64)
        share = np.zeros((2, 1, n))
        share[0] = activity
        self.demand = rack.demand_terms(self.table, share)
        self.coolant, self.flow, self.alive = np.full(n, 35.0), np.ones(n), np.ones((1, n))
        self.limit_kw = np.full((1, n), NO_LIMIT_KW)
        self.state = rack.initial(self.table, self.demand, self.inlet, self.coolant, self.flow)

    def settle(self) -> Any:
        """Flows after a day of these conditions."""
        for _ in range(6):
            self.state, flows = rack.advance(
                self.table,
                self.state,
                self.inlet,
                self.coolant,
                self.flow,
                self.demand,
                self.limit_kw,
                self.alive,
                1e5,
            )
        return flows

    def power_kw(self) -> Floats:
        """Input power ``(B,)`` [kW]."""
        return np.asarray(self.settle().power_kw[0])

    def work_at(self, share: float) -> float:
        """Throughput [1] of the first slot when the accelerators get ``share`` of their dynamic draw.

        The limit is set on the rack's input as an operator would, with base, fans, leakage and supplies on top.
        """
        fixed = self.demand.base_kw + self.settle().fan_power_kw
        for _ in range(6):
            flows = self.settle()
            leak = self.demand.leak_kw_k * (flows.chip_c - LEAKAGE_REFERENCE_C)
            self.limit_kw = fixed + share * self.demand.total_kw + leak + flows.psu_loss_kw
        flows = self.settle()
        return float(throughput(self.table, flows.cap_frac, flows.throttle_frac)[0, 0, 0])
