"""What flows in the pipes: heat capacity and density of the liquids, PHYSICS D1."""

from __future__ import annotations

from typing import NamedTuple

from envs.units import CP_PG25_KJ_KG_K, CP_WATER_KJ_KG_K, RHO_PG25_KG_M3, RHO_WATER_KG_M3


class Coolant(NamedTuple):
    """A liquid with constant properties (taken near 30 degC).

    Attributes
    ----------
    cp_kj_kg_k : float
        Specific heat capacity [kJ/(kg K)].
    density_kg_m3 : float
        Density [kg/m3].
    """

    cp_kj_kg_k: float
    density_kg_m3: float


WATER = Coolant(CP_WATER_KJ_KG_K, RHO_WATER_KG_M3)
PG25 = Coolant(CP_PG25_KJ_KG_K, RHO_PG25_KG_M3)
