"""Water that air takes up where it leaves saturated after taking up heat: towers and wetted coils, PHYSICS E9."""

from __future__ import annotations

from typing import NamedTuple

from envs.physics.namespace import Array, namespace, upper
from envs.physics.psychrometrics import enthalpy_kj_kg, saturation_humidity_ratio, saturation_pressure_kpa
from envs.units import CP_AIR_KJ_KG_K, CP_VAPOUR_KJ_KG_K, LATENT_HEAT_KJ_KG

COLDEST_REFERENCE_C = 2.0  # the curve is taken over water
SPAN_K = 14.0  # over which the growth of the slope is taken; keeps the range below within 2 %


class ExitCurve(NamedTuple):
    """Enthalpy of saturated air around the wet bulb as an exponential, and the air that comes in; arrays (B,)."""

    humidity_ratio: Array
    enthalpy_kj_kg: Array
    reference_c: Array
    reference_kj_kg: Array
    slope_kj_kg_k: Array
    growth_1_k: Array


def exit_curve(wet_bulb_c: Array, dry_bulb_c: Array, humidity_ratio: Array, pressure_kpa: Array) -> ExitCurve:
    """Prepare what `moisture_gain` needs of the weather; made when the weather changes, not in every sub-step.

    Parameters
    ----------
    wet_bulb_c, dry_bulb_c : array (B,)
        Entering air [degC].
    humidity_ratio : array (B,)
        Of the entering air [kg/kg].
    pressure_kpa : array (B,) or float
        Air pressure [kPa].
    """
    reference = upper(wet_bulb_c, COLDEST_REFERENCE_C)
    slope, enthalpy = _saturated_enthalpy(reference, pressure_kpa)
    further, _ = _saturated_enthalpy(reference + SPAN_K, pressure_kpa)
    growth = namespace(slope).log(further / slope) * (1.0 / SPAN_K)
    entering = enthalpy_kj_kg(dry_bulb_c, humidity_ratio)
    return ExitCurve(humidity_ratio, entering, reference, enthalpy, slope, growth)


def moisture_gain(curve: ExitCurve, heat_kj_kg: Array) -> Array:
    """Water taken up [kg per kg of dry air] with a heat [kJ/kg]: ``W_sat(h_in + q) - W_in``, PHYSICS E9, closed form.

    The exponential is inverted for the exit temperature and the humidity follows from the energy balance, which
    forgives the rest: within 2 % of the exact form while the air leaves at 0..42 degC. Colder exits take up
    little; there the form is at most 0.001 kg/kg too wet.
    """
    leaving = curve.enthalpy_kj_kg + heat_kj_kg
    rise = upper((leaving - curve.reference_kj_kg) * curve.growth_1_k / curve.slope_kj_kg_k, -0.9)
    exit_c = curve.reference_c + namespace(rise).log1p(rise) / curve.growth_1_k
    humid = (leaving - CP_AIR_KJ_KG_K * exit_c) / (LATENT_HEAT_KJ_KG + CP_VAPOUR_KJ_KG_K * exit_c)
    return upper(humid - curve.humidity_ratio, 0.0)


def _saturated_enthalpy(temp_c: Array, pressure_kpa: Array) -> tuple[Array, Array]:
    """Slope [kJ/(kg K)] and value [kJ/kg] of the enthalpy of saturated air at a temperature [degC]."""
    w = saturation_humidity_ratio(temp_c, pressure_kpa)
    vapour = saturation_pressure_kpa(temp_c)
    growth = 17.625 * 243.04 / (243.04 + temp_c) ** 2 * pressure_kpa / (pressure_kpa - vapour)  # slope of A7
    latent = LATENT_HEAT_KJ_KG + CP_VAPOUR_KJ_KG_K * temp_c
    return CP_AIR_KJ_KG_K + w * (CP_VAPOUR_KJ_KG_K + growth * latent), enthalpy_kj_kg(temp_c, w)
