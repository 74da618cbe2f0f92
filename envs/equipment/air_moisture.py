"""Moisture of a zone's air, PHYSICS C6: outdoor air brings it, a cold coil dries it, the humidifier holds the floor."""

from __future__ import annotations

from envs.equipment.air_zone import ZoneTable
from envs.physics.namespace import Array, lower, namespace, upper
from envs.physics.psychrometrics import MOLAR_MASS_RATIO

HUMIDIFIER_KJ_KG = 2700.0  # 0.75 kWh/kg, C6
HOTTEST_SURFACE_C = 60.0  # of a coil, for its dew; nothing condenses near it


def moisture(
    zt: ZoneTable, w: Array, surface_c: Array, contact_kg_s: Array, outside: Array, dt_s: float
) -> tuple[Array, Array, Array]:
    """Humidity ratio, condensate and humidifier water [kg/kg, kg/s, kg/s], PHYSICS C6.

    Implicit in the new humidity, so stable at any step: ``M dW/dt = m_oa (W_oa - W) + m_hum - m_cond``, ``m_cond =
    m (1 - BF) max(0, W - W_s(T_adp))``; the humidifier holds its dew point as far as it can.
    """
    exchanged = zt.air_changes_per_s * dt_s
    hold_kg_s = zt.air_kg * (1.0 + exchanged) * (1.0 / dt_s)
    mixed = (w + exchanged * outside) / (1.0 + exchanged)
    wet = upper(mixed - _dew_on(surface_c, zt.pressure_kpa), 0.0)
    condensed = wet * (contact_kg_s * hold_kg_s / (contact_kg_s + hold_kg_s))
    dried = mixed - condensed / hold_kg_s
    added = lower(upper((zt.humidity_floor - dried) * hold_kg_s, 0.0), zt.humidifier_kg_s)
    return dried + added / hold_kg_s, condensed, added


def _dew_on(surface_c: Array, pressure_kpa: Array) -> Array:
    """Humidity ratio [kg/kg] of saturated air at a coil's surface [degC]: Magnus, PHYSICS A7, far cheaper than A2."""
    t = lower(surface_c, HOTTEST_SURFACE_C)
    vapour_kpa = 0.61094 * namespace(t).exp(17.625 * t / (t + 243.04))
    return MOLAR_MASS_RATIO * vapour_kpa / (pressure_kpa - vapour_kpa)
