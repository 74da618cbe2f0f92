"""The one unit of each quantity, the conversions at the doors, and physical constants with their source.

Inside the house: kW, kWh, kPa, kg, kg/s, degC (differences in K), s, kJ/K, kW/K, USD. Fractions are 0..1, never
percent.
"""

from __future__ import annotations

KELVIN_OFFSET = 273.15
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86_400.0

CP_AIR_KJ_KG_K = 1.006  # dry air, PHYSICS A4
CP_VAPOUR_KJ_KG_K = 1.86  # water vapour, PHYSICS A4
LATENT_HEAT_KJ_KG = 2501.0  # of evaporation at 0 degC, PHYSICS A4
CP_WATER_KJ_KG_K = 4.182  # PHYSICS D1
RHO_WATER_KG_M3 = 997.0  # PHYSICS D1
CP_PG25_KJ_KG_K = 3.900  # 25 % propylene glycol, PHYSICS D1 (recalled)
RHO_PG25_KG_M3 = 1015.0  # PHYSICS D1 (recalled)
RHO_AIR_KG_M3 = 1.19  # room air at sea level, PHYSICS b6
SEA_LEVEL_KPA = 101.325  # standard atmosphere, PHYSICS A1


def litres_per_minute_to_m3_s(flow_lpm: float) -> float:
    """Volume flow [m3/s] of a flow given in [L/min]."""
    return flow_lpm / 60_000.0


def pascals_to_kpa(pressure_pa: float) -> float:
    """Pressure [kPa] of one in [Pa]."""
    return pressure_pa / 1000.0
