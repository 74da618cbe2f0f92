"""What EnergyPlus reported of a step, as the flows of our machines, so that both plants have the same books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from envs.equipment.air_side import AirBalance, AirFlows, balance
from envs.equipment.chilled_water import ChwFlows
from envs.equipment.cooling_tower import TowerFlows
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.units import CP_WATER_KJ_KG_K

Readings = Mapping[str, float]
RUNS_KW = 1e-3  # a machine that moves less heat stands
LEAST_FLOW_FRAC = 0.05  # of the coils' water; under it their return reads no higher


class MachineFlows(NamedTuple):
    """One step of EnergyPlus's machines."""

    air: AirFlows
    balance: AirBalance
    chw: ChwFlows
    tower: TowerFlows | None
    humidity_ratio: Floats  # (Z, 1), no drier than our humidifier holds it: EnergyPlus's hall has none
    inlet_c: Floats  # (R, 1)


def machine_flows(plant: Plant, seen: Readings, airflow_kg_s: Floats, mixes: bool) -> MachineFlows:
    """Flows of the machines in EnergyPlus over a step.

    Parameters
    ----------
    plant : Plant
        Ours, for its layout and sizes.
    seen : mapping
        By the names of `envs.energyplus.hall.variables`.
    airflow_kg_s : array (R, 1)
        Air that the racks draw [kg/s].
    mixes : bool
        Whether racks that draw more air than the room units blow breathe the rest from the room; see `inlets`.
    """
    air, balanced = _air(plant, seen, plant.layout.membership @ airflow_kg_s)
    humidity = np.maximum(_by_zone(plant, seen, "zone_humidity_ratio"), plant.layout.zones.humidity_floor)
    tower = None if plant.scenario.tower is None else _tower(plant, seen)
    return MachineFlows(
        air, balanced, _chilled_water(plant, seen), tower, humidity, inlets(plant, air, balanced, mixes)
    )


def inlets(plant: Plant, air: AirFlows, balanced: AirBalance, mixes: bool) -> Floats:
    """Inlet of every rack ``(R, 1)`` [degC]: the supply node of its zone.

    EnergyPlus's room is one well-mixed node without racks: nothing recirculates by the geometry of aisles. What mass
    balance forces stays: where the racks draw more than the room units blow, the rest can only be the room's air,
    ``T_in = T_s + max(0, 1 - m_supply/m_IT) (T_room - T_s)``.
    """
    short = np.maximum(-balanced.bypass_kg_s, 0.0) if mixes else balanced.bypass_kg_s * 0.0
    share = short / np.maximum(short + balanced.supply_kg_s, 1e-6)
    return plant.layout.membership.T @ (air.supply_c + share * (air.return_c - air.supply_c))


def _by_zone(plant: Plant, seen: Readings, name: str) -> Floats:
    return np.array([[seen[f"{name}[{z}]"]] for z in range(plant.layout.n_zones)], plant.dtype)


def _air(plant: Plant, seen: Readings, drawn_kg_s: Floats) -> tuple[AirFlows, AirBalance]:
    zones = plant.layout.zones
    flow = _by_zone(plant, seen, "air_flow_kg_s")
    water = _by_zone(plant, seen, "coil_water_kg_s")
    sensible = _by_zone(plant, seen, "coil_sensible_kw")
    latent = _by_zone(plant, seen, "coil_total_kw") - sensible
    speed = flow / (zones.unit_kg_s * zones.crah_running)
    # Our balance gives the aisle's pressure; in the flows there is no leak past the racks, which EnergyPlus lacks.
    proxy = balance(zones, speed, zones.crah_units + 0.0 * speed, drawn_kg_s)
    balanced = proxy._replace(supply_kg_s=flow, direct_kg_s=drawn_kg_s, bypass_kg_s=flow - drawn_kg_s, coil_kg_s=flow)
    none = flow * 0.0
    air = AirFlows(
        fan_power_kw=_by_zone(plant, seen, "crah_fan_power_kw"),
        coil_sensible_kw=sensible,
        coil_latent_kw=latent,
        condensate_kg_s=none,
        humidifier_power_kw=none,
        humidifier_water_kg_s=none,
        water_flow_kg_s=water,
        valve_frac=np.clip(water / (zones.coil_water_kg_s * zones.crah_running), 0.0, 1.0),
        return_c=_by_zone(plant, seen, "zone_return_c"),
        supply_c=_by_zone(plant, seen, "zone_supply_c"),
        supply_rise_k=none,
        hot_rise_k=none,
    )
    return air, balanced


def _chilled_water(plant: Plant, seen: Readings) -> ChwFlows:
    def at(name: str) -> Floats:
        return np.array([seen.get(name, 0.0)], plant.dtype)

    evaporator, economizer = at("evaporator_heat_kw"), at("economizer_heat_kw")
    zones = range(plant.layout.n_zones)
    load = at("electrical_heat_kw") + sum(at(f"coil_total_kw[{z}]") for z in zones)
    water = sum(at(f"coil_water_kg_s[{z}]") for z in zones)
    least = LEAST_FLOW_FRAC * plant.layout.zones.coil_water_kg_s.sum()
    runs = (evaporator > RUNS_KW).astype(plant.dtype)
    free = (economizer > RUNS_KW).astype(plant.dtype)
    return ChwFlows(
        chiller_power_kw=at("chiller_power_kw"),
        pump_power_kw=at("chw_pump_power_kw"),
        condenser_heat_kw=evaporator + at("chiller_power_kw"),
        economizer_heat_kw=economizer,
        evaporator_heat_kw=evaporator,
        supply_c=at("chw_supply_c"),
        return_c=at("chw_supply_c") + load / (np.maximum(water, least) * CP_WATER_KJ_KG_K),  # as in our plant
        flow_kg_s=at("chw_flow_kg_s"),
        running=runs,
        plr=at("chiller_plr_frac"),
        mode=free * (2.0 - runs),
    )


def _tower(plant: Plant, seen: Readings) -> TowerFlows:
    tower: Any = plant.scenario.tower
    direct = {
        "fan_power_kw": "tower_fan_power_kw",
        "pump_power_kw": "cw_pump_power_kw",
        "heat_in_kw": "tower_heat_kw",
        "heat_rejected_kw": "tower_heat_kw",
        "flow_kg_s": "cw_flow_kg_s",
        "supply_c": "cw_supply_c",
        "fan_speed": "tower_air_ratio",
        "evaporation_kg_s": "evaporation_kg_s",
        "drift_kg_s": "drift_kg_s",
        "blowdown_kg_s": "blowdown_kg_s",
        "makeup_kg_s": "makeup_kg_s",
    }
    values = {ours: np.array([seen[theirs]], plant.dtype) for ours, theirs in direct.items()}
    return TowerFlows(**values, running=np.array([tower.duty_cells], plant.dtype))
