"""What an air zone is made of: the parameters of its room units and aisles, and zones side by side as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics import coil
from envs.physics.namespace import Array
from envs.physics.psychrometrics import saturation_humidity_ratio
from envs.units import CP_AIR_KJ_KG_K, CP_WATER_KJ_KG_K, RHO_AIR_KG_M3, SECONDS_PER_HOUR

SEA_LEVEL_KPA = 101.325
REFERENCE_DP_PA, REFERENCE_EXCESS = 5.0, 0.1  # aisle pressure at 10 % excess supply, C5


@dataclass(frozen=True)
class AirZone(Parameters):
    """One zone of room units around a hot aisle. Defaults: zone A of ai_hall."""

    crah_units: float = parameter(3, 1, 200, "1", "SCENARIOS ai_hall; installed")
    crah_running: float = parameter(3, 0, 200, "1", "SCENARIOS ai_hall: all installed units share the duty")
    unit_flow_m3_s: float = parameter(6.5, 0.1, 50.0, "m3/s", "SCENARIOS ai_hall; per unit at full speed")
    fan_kw: float = parameter(4.2, 0.01, 60.0, "kW", "C1: Q dp/eta, 400 Pa, 0.62; per unit at full speed, sea level")
    fan_exponent: float = parameter(2.7, 2.0, 3.0, "1", "C1")
    coil_ua_kw_k: float = parameter(14.6, 0.1, 200.0, "kW/K", "SCENARIOS ai_hall; per unit at design flows")
    coil_water_kg_s: float = parameter(3.29, 0.05, 60.0, "kg/s", "SCENARIOS ai_hall; per unit, valve wide open")
    leakage_frac: float = parameter(
        0.03, 0.0, 0.5, "1", "C5 phi_0: open 0.10-0.20, contained 0.03-0.05, chimney 0.01-0.02"
    )
    it_flow_m3_s: float = parameter(10.8, 0.1, 500.0, "m3/s", "SCENARIOS ai_hall; design airflow of the racks")
    hot_aisle_kj_k: float = parameter(250.0, 5.0, 50_000.0, "kJ/K", "j15: 25 per rack, air and light structure")
    plenum_kj_k: float = parameter(150.0, 5.0, 50_000.0, "kJ/K", "b6: 60 m3 of air, floor skin, coil metal and water")
    air_volume_m3: float = parameter(155.0, 5.0, 50_000.0, "m3", 'SCENARIOS "Masses": 9.4 m3 per rack and plenum 60 m3')
    fabric_kj_k_m3: float = parameter(
        100.0, 1.0, 2_000.0, "kJ/(K m3)", "engineering guess; 1 m2 of 5 cm of slab and wall per m3 of air"
    )
    fabric_kw_k_m3: float = parameter(0.005, 0.0, 0.1, "kW/(K m3)", "engineering guess; film of 5 W/m2K on it")
    local_recirculation_frac: float = parameter(0.5, 0.0, 1.0, "1", "engineering guess; straight from near exhausts")
    humidity_floor_c: float = parameter(-9.0, -30.0, 15.0, "degC", "C6: dew point the humidifier holds; legacy 5.5")
    humidifier_kg_s: float = parameter(0.003, 0.0, 1.0, "kg/s", "engineering guess; capacity")
    air_changes_per_h: float = parameter(0.25, 0.0, 20.0, "1/h", "C6, engineering guess; outside air")


class ZoneTable(NamedTuple):
    """Zones side by side: parameters as ``(Z, 1)`` (``(Z, B)`` where one is an array) and what follows from them."""

    crah_units: Array
    crah_running: Array
    unit_kg_s: Array
    fan_kw: Array
    fan_exponent: Array
    coil_water_kg_s: Array
    coil_law: coil.CoilLaw
    leakage_frac: Array
    dp_pa_s2_kg2: Array
    hot_aisle_kj_k: Array
    plenum_kj_k: Array
    air_kg: Array
    fabric_kj_k: Array
    fabric_kw_k: Array
    local_recirculation_frac: Array
    humidity_floor: Array
    humidifier_kg_s: Array
    air_changes_per_s: Array
    pressure_kpa: Array


def zone_table(zones: Sequence[AirZone], pressure_kpa: Any = SEA_LEVEL_KPA, dtype: DTypeLike = np.float32) -> ZoneTable:
    """Stack zones into arrays ``(Z, 1)``; air density and the fan power at a speed follow the pressure [kPa]."""
    columns = {spec.name: _column(zones, spec.name) for spec in fields(AirZone)}
    density = RHO_AIR_KG_M3 * pressure_kpa / SEA_LEVEL_KPA
    unit_kg_s = columns["unit_flow_m3_s"] * density
    air_kw_k, water_kw_k = unit_kg_s * CP_AIR_KJ_KG_K, columns["coil_water_kg_s"] * CP_WATER_KJ_KG_K
    derived = {
        "unit_kg_s": unit_kg_s,
        "dp_pa_s2_kg2": REFERENCE_DP_PA / (REFERENCE_EXCESS * columns["it_flow_m3_s"] * density) ** 2,
        "air_kg": columns["air_volume_m3"] * density,
        "fabric_kj_k": columns["fabric_kj_k_m3"] * columns["air_volume_m3"],
        "fabric_kw_k": columns["fabric_kw_k_m3"] * columns["air_volume_m3"],
        "humidity_floor": saturation_humidity_ratio(columns["humidity_floor_c"], pressure_kpa),
        "air_changes_per_s": columns["air_changes_per_h"] / SECONDS_PER_HOUR,
        "pressure_kpa": np.asarray(pressure_kpa),
    }
    columns["fan_kw"] = columns["fan_kw"] * (density / RHO_AIR_KG_M3)
    known = {name: value.astype(dtype) for name, value in (columns | derived).items() if name in ZoneTable._fields}
    law = coil.CoilLaw((columns["coil_ua_kw_k"] / air_kw_k).astype(dtype), (air_kw_k / water_kw_k).astype(dtype))
    return ZoneTable(coil_law=law, **known)


def _column(zones: Sequence[AirZone], name: str) -> np.ndarray:
    """One parameter of all zones as ``(Z, 1)``, or ``(Z, B)`` where it is an array in any of them."""
    values = [np.atleast_1d(np.asarray(getattr(zone, name), dtype=np.float64)) for zone in zones]
    return np.stack(np.broadcast_arrays(*values))
