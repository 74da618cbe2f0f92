"""Our machines under what EnergyPlus was under: its weather, the load and the setpoints that were in force in it.

The machines meet as in `envs.plant.datacenter`, without racks and power chain: IT heat is given, no room is cooled past
the coils, nobody trips. Air is dry on both sides (no outside air, no humidifier), and walls hold no heat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from envs.equipment import air_side, chilled_water, cooling_tower, dx_unit
from envs.equipment.air_zone import ZoneTable
from envs.physics.namespace import Floats, clip
from envs.physics.psychrometrics import pressure_kpa
from envs.scenario import Scenario
from envs.units import RHO_WATER_KG_M3

SUBSTEPS = 5  # of 60 s in a 5-minute step, as in the environments
DRY_HUMIDITY_RATIO = 0.004
SECONDS_PER_DAY = 86_400.0
IT_AIR_M3_S_KW = 0.0601  # PHYSICS C3; decides only how the hot aisle mixes, not what the coil sees when settled


def pump_flow_frac(zones: ZoneTable, plant: chilled_water.ChilledWater) -> Floats:
    """Water that the pumps on duty bring over the water of all coils at design, at most 1."""
    wide_open = (zones.coil_water_kg_s * zones.crah_running).sum(axis=0)
    return clip(plant.design_flow_m3_s * RHO_WATER_KG_M3 / wide_open, 0.0, 1.0)


class TwinState(NamedTuple):
    """State of the rooms; what is not there is None."""

    air: air_side.AirState
    chw: Any
    tower: Any


class MachineReplay:
    """The machines of one scenario at B sites."""

    def __init__(self, scenario: Scenario, elevation_m: Sequence[float] | np.ndarray) -> None:
        self.plant, self.tower_params, self.dx = scenario.chilled_water, scenario.tower, scenario.dx
        self.elevation_m = np.asarray(elevation_m, dtype=np.float64)
        pressure = np.asarray(pressure_kpa(self.elevation_m))
        rooms = [
            replace(z, air_changes_per_h=0.0, humidifier_kg_s=0.0, fabric_kw_k_m3=0.0) for z in scenario.zones.values()
        ]
        self.zones = air_side.zone_table(rooms, pressure, np.float64)
        self.units = self.zones.crah_units + np.zeros_like(self.elevation_m)
        self.coil_water_frac = None
        if self.plant is not None:
            self.coil_water_frac = pump_flow_frac(self.zones, self.plant) + np.zeros_like(self.elevation_m)
        self.density = self.zones.unit_kg_s / np.array([[z.unit_flow_m3_s] for z in rooms])

    def start(self, now: Mapping[str, Floats]) -> TwinState:
        """A settled guess at the first step's conditions."""
        n = len(self.elevation_m)
        supply = now["supply_air_temp_setpoint_c"]
        air = air_side.initial(self.zones, n, supply, supply + 10.0, DRY_HUMIDITY_RATIO, now["crah_fan_speed_frac"])
        heat = now["it_kw"].sum(axis=0)
        chw = tower = None
        if self.plant is not None:
            chw = chilled_water.initial(self.plant, now["chw_supply_temp_setpoint_c"] + 0.0, heat)
        if self.tower_params is not None:
            tower = cooling_tower.initial(self.tower_params, now["cw_supply_temp_setpoint_c"] + 0.0, heat)
        return TwinState(air, chw, tower)

    def step(self, state: TwinState, now: Mapping[str, Floats], dt_s: float) -> tuple[TwinState, dict[str, Floats]]:
        """One zone time step in sub-steps; means of everything by the names of `water_cooled_hall.variables`."""
        weather = self._weather(now)
        total: dict[str, Floats] = {}
        for _ in range(SUBSTEPS):
            state, values = self._substep(state, now, weather, dt_s / SUBSTEPS)
            for name, value in values.items():
                total[name] = total.get(name, 0.0) + value * (1.0 / SUBSTEPS)
        return state, total

    def _weather(self, now: Mapping[str, Floats]) -> Any:
        """What holds for the whole step: terms of the tower, of an air-cooled chiller or of direct expansion."""
        if self.tower_params is not None:
            return cooling_tower.weather_terms(
                self.tower_params, now["wet_bulb_c"], now["dry_bulb_c"], now["humidity_ratio"], now["pressure_kpa"]
            )
        if self.plant is not None:
            return chilled_water.weather_terms(self.plant, now["dry_bulb_c"])
        assert self.dx is not None
        return dx_unit.conditions(self.dx, now["dry_bulb_c"], float(self.dx.units_duty))

    def _substep(
        self, state: TwinState, now: Mapping[str, Floats], weather: Any, dt_s: float
    ) -> tuple[TwinState, dict[str, Floats]]:
        air_state, air, values = self._room(state, now, weather, dt_s)
        load = (air.coil_sensible_kw + air.coil_latent_kw).sum(axis=0)
        if self.plant is None:
            return TwinState(air_state, None, None), values | {
                "dx_power_kw": dx_unit.performance(weather, load).power_kw
            }
        chw_state, chw = self._chilled_water(state, now, air, load, weather, dt_s)
        values |= _water_values(chw)
        if self.tower_params is None:
            return TwinState(air_state, chw_state, None), values
        rejected = chw.condenser_heat_kw + chw.economizer_heat_kw
        setpoint, cells = now["cw_supply_temp_setpoint_c"], self.tower_params.cells
        tower_state, tower = cooling_tower.advance(
            self.tower_params, state.tower, rejected, setpoint, weather, cells, dt_s
        )
        return TwinState(air_state, chw_state, tower_state), values | _tower_values(tower)

    def _room(
        self, state: TwinState, now: Mapping[str, Floats], weather: Any, dt_s: float
    ) -> tuple[air_side.AirState, air_side.AirFlows, dict[str, Floats]]:
        heat = now["it_kw"]
        speed = air_side.fan_speed(state.air, now["crah_fan_speed_frac"], dt_s)
        balance = air_side.balance(self.zones, speed, self.units, heat * IT_AIR_M3_S_KW * self.density)
        air_state, air = air_side.advance(
            self.zones,
            state.air,
            balance,
            heat,
            heat * 0.0,
            now["supply_air_temp_setpoint_c"],
            now["dry_bulb_c"] if state.chw is None else state.chw.supply_c,
            now["humidity_ratio"],
            dt_s,
            weather.capacity_kw[None] if self.plant is None else None,
            self.coil_water_frac,
        )
        return air_state, air, _air_values(air, balance)

    def _chilled_water(
        self,
        state: TwinState,
        now: Mapping[str, Floats],
        air: air_side.AirFlows,
        load: Floats,
        weather: Any,
        dt_s: float,
    ) -> tuple[chilled_water.ChwState, chilled_water.ChwFlows]:
        assert self.plant is not None
        cooled_by_air = self.tower_params is None
        return chilled_water.advance(
            self.plant,
            state.chw,
            load,
            air.water_flow_kg_s.sum(axis=0),
            now["chw_supply_temp_setpoint_c"],
            now["dry_bulb_c"] if cooled_by_air else state.tower.basin_c,
            now["wet_bulb_c"],
            self.plant.chillers_installed,
            load * 0.0,
            dt_s,
            weather if cooled_by_air else None,
        )


def _air_values(air: air_side.AirFlows, balance: air_side.AirBalance) -> dict[str, Floats]:
    by_zone = {
        "crah_fan_power_kw": air.fan_power_kw,
        "coil_sensible_kw": air.coil_sensible_kw,
        "zone_return_c": air.return_c,
        "zone_supply_c": air.supply_c,
        "air_flow_kg_s": balance.coil_kg_s,
        "coil_water_kg_s": air.water_flow_kg_s,
    }
    return {f"{name}[{z}]": value[z] for name, value in by_zone.items() for z in range(len(value))}


def _water_values(chw: chilled_water.ChwFlows) -> dict[str, Floats]:
    return {
        "chiller_power_kw": chw.chiller_power_kw,
        "evaporator_heat_kw": chw.evaporator_heat_kw,
        "economizer_heat_kw": chw.economizer_heat_kw,
        "chw_pump_power_kw": chw.pump_power_kw,
        "chw_flow_kg_s": chw.flow_kg_s,
        "chw_supply_c": chw.supply_c,
        "chw_return_c": chw.return_c,
        "mode": chw.mode,
    }


def _tower_values(tower: cooling_tower.TowerFlows) -> dict[str, Floats]:
    return {
        "tower_fan_power_kw": tower.fan_power_kw,
        "tower_heat_kw": tower.heat_rejected_kw,
        "cw_pump_power_kw": tower.pump_power_kw,
        "cw_supply_c": tower.supply_c,
        "evaporation_kg_s": tower.evaporation_kg_s,
        "makeup_kg_s": tower.makeup_kg_s,
        "tower_cells": tower.running,
    }


def replay(
    scenario: Scenario,
    elevation_m: Sequence[float],
    runs: Sequence[Mapping[str, np.ndarray]],
    step_s: float,
    pieces: int = 1,
    early_s: float = SECONDS_PER_DAY,
) -> list[dict[str, np.ndarray]]:
    """Run our machines through what several EnergyPlus runs were under, side by side.

    A year is cut into ``pieces`` that step at the same time, each begun early so that its loops, timers and stages are
    those of the year; that time is not reported. The first piece goes through its beginning twice.

    Parameters
    ----------
    scenario : Scenario
    elevation_m : sequence of float
        Of each run's site.
    runs : sequence of mapping
        ``EngineRun.values`` of each, (T,) per name, all of one length.
    step_s : float
        Zone time step [s].
    pieces : int
        1 runs it in one go.
    early_s : float
        How long before its report a piece begins [s].

    Returns
    -------
    list of dict
        Per run, (T,) of everything our plant answers with.
    """
    given = stacked_runs(runs, len(scenario.zones))
    steps = len(given["dry_bulb_c"])
    length, early = -(-steps // pieces), round(early_s / step_s)
    begins = np.minimum(np.arange(pieces) * length, steps - length)
    twin = MachineReplay(scenario, np.repeat(np.asarray(elevation_m, dtype=np.float64), pieces))
    index = begins[None, :] + np.arange(-early, length)[:, None]
    index = np.where(index < 0, index % early, index)
    state = twin.start(_at(given, index[0]))
    rows: list[dict[str, Floats]] = []
    for t, at in enumerate(index):
        state, values = twin.step(state, _at(given, at), step_s)
        if t >= early:
            rows.append(values)
    outcome = []
    for b in range(len(runs)):
        columns = slice(b * pieces, (b + 1) * pieces)
        whole = {name: np.empty(steps) for name in rows[0]}
        for name, value in whole.items():
            value[index[early:].ravel()] = np.stack([row[name][columns] for row in rows]).ravel()
        outcome.append(whole)
    return outcome


def _at(given: Mapping[str, np.ndarray], at: np.ndarray) -> dict[str, np.ndarray]:
    """Conditions of each piece's step, run by run: (B pieces,) or (Z, B pieces)."""
    return {
        name: np.moveaxis(value[at], 0, -1).reshape(*value.shape[1:-1], -1) if value.ndim > 2 else value[at].T.ravel()
        for name, value in given.items()
    }


def stacked_runs(runs: Sequence[Mapping[str, np.ndarray]], zones: int) -> dict[str, np.ndarray]:
    """Weather and setpoints of several runs as (T, B), per zone as (T, Z, B)."""
    site = ["dry_bulb_c", "wet_bulb_c", "humidity_ratio", "pressure_kpa"]
    site += [n for n in ("chw_supply_temp_setpoint_c", "cw_supply_temp_setpoint_c") if n in runs[0]]
    given = {name: np.stack([run[name] for run in runs], axis=-1) for name in site}
    for name in ("it_kw", "crah_fan_speed_frac", "supply_air_temp_setpoint_c"):
        by_zone = [[run[f"{name}[{z}]"] for z in range(zones)] for run in runs]
        given[name] = np.moveaxis(np.asarray(by_zone), (0, 1, 2), (2, 1, 0))
    return given
