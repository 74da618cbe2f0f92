"""Moist air: PHYSICS A1-A9 (ASHRAE Handbook Fundamentals 2017 chapter 1), vectorized and free of libraries.

Validity: -60..60 degC, sea level to 3000 m. Every function takes numbers or arrays and broadcasts. Pressures in kPa,
humidity ratios in kg water per kg dry air, enthalpies in kJ per kg dry air.
"""

from __future__ import annotations

from envs.physics.namespace import Array, clip, lower, namespace, upper
from envs.units import CP_AIR_KJ_KG_K, CP_VAPOUR_KJ_KG_K, KELVIN_OFFSET, LATENT_HEAT_KJ_KG

MOLAR_MASS_RATIO = 0.621945  # water over dry air, PHYSICS A3
DRY_AIR_GAS_CONSTANT_KJ_KG_K = 0.287042  # PHYSICS A5
TRIPLE_POINT_C = 0.01  # below it saturation is over ice, PHYSICS A2

_LIQUID = (-5800.2206, 1.3914993, -0.048640239, 4.1764768e-5, -1.4452093e-8, 6.5459673)  # A2
_ICE = (-5674.5359, 6.3925247, -9.677843e-3, 6.2215701e-7, 2.0747825e-9, -9.484024e-13, 4.1635019)  # A2
_MAGNUS_SLOPE, _MAGNUS_OFFSET_C, _MAGNUS_KPA = 17.625, 243.04, 0.61094  # A7 (Alduchov and Eskridge 1996)
_NEWTON_STEPS, _NEWTON_WIDTH_K = 4, 0.01  # A8


def pressure_kpa(elevation_m: Array) -> Array:
    """Pressure of the standard atmosphere [kPa] at an elevation [m], PHYSICS A1; -500..5000 m."""
    return 101.325 * (1.0 - 2.25577e-5 * elevation_m) ** 5.2559


def saturation_pressure_kpa(temp_c: Array) -> Array:
    """Saturation pressure of water vapour [kPa] over liquid, below 0.01 degC over ice (Hyland-Wexler), PHYSICS A2.

    Parameters
    ----------
    temp_c : array
        Temperature [degC], -100..200.
    """
    xp = namespace(temp_c)
    kelvin = temp_c + KELVIN_OFFSET
    log_kelvin = xp.log(kelvin)
    a, b = _LIQUID, _ICE
    liquid = a[0] / kelvin + a[1] + kelvin * (a[2] + kelvin * (a[3] + kelvin * a[4])) + a[5] * log_kelvin
    ice = b[0] / kelvin + b[1] + kelvin * (b[2] + kelvin * (b[3] + kelvin * (b[4] + kelvin * b[5]))) + b[6] * log_kelvin
    frozen = temp_c <= TRIPLE_POINT_C
    return xp.exp(liquid + (ice - liquid) * frozen) * 1e-3


def humidity_ratio(temp_c: Array, rh_frac: Array, pressure_kpa: Array) -> Array:
    """Humidity ratio [kg/kg] of air at a dry bulb [degC], relative humidity 0..1 and pressure [kPa], PHYSICS A3."""
    vapour_kpa = rh_frac * saturation_pressure_kpa(temp_c)
    return MOLAR_MASS_RATIO * vapour_kpa / (pressure_kpa - vapour_kpa)


def humidity_ratio_of_vapour(vapour_kpa: Array, pressure_kpa: Array) -> Array:
    """Humidity ratio [kg/kg] of air with a partial pressure of vapour [kPa], PHYSICS A3."""
    return MOLAR_MASS_RATIO * vapour_kpa / (pressure_kpa - vapour_kpa)


def saturation_humidity_ratio(temp_c: Array, pressure_kpa: Array) -> Array:
    """Humidity ratio [kg/kg] of saturated air at a temperature [degC] and pressure [kPa], PHYSICS A3 with phi = 1."""
    return humidity_ratio(temp_c, 1.0, pressure_kpa)


def enthalpy_kj_kg(temp_c: Array, w: Array) -> Array:
    """Enthalpy [kJ/kg dry air] at a dry bulb [degC] and humidity ratio [kg/kg], PHYSICS A4."""
    return CP_AIR_KJ_KG_K * temp_c + w * (LATENT_HEAT_KJ_KG + CP_VAPOUR_KJ_KG_K * temp_c)


def specific_volume_m3_kg(temp_c: Array, w: Array, pressure_kpa: Array) -> Array:
    """Volume [m3/kg dry air] at a dry bulb [degC], humidity ratio [kg/kg] and pressure [kPa], PHYSICS A5."""
    return DRY_AIR_GAS_CONSTANT_KJ_KG_K * (temp_c + KELVIN_OFFSET) * (1.0 + 1.607858 * w) / pressure_kpa


def dew_point_from_humidity_ratio_c(w: Array, pressure_kpa: Array) -> Array:
    """Dew point [degC] of air by its humidity ratio [kg/kg] and pressure [kPa]: inverse Magnus, accuracy as A7."""
    vapour_kpa = w * pressure_kpa / (MOLAR_MASS_RATIO + w)
    g = namespace(w).log(upper(vapour_kpa * (1.0 / _MAGNUS_KPA), 1e-6))
    return _MAGNUS_OFFSET_C * g / (_MAGNUS_SLOPE - g)


def stull_wet_bulb_c(temp_c: Array, rh_frac: Array) -> Array:
    """Approximate wet bulb [degC] at sea level, PHYSICS A9 (Stull, J. Appl. Meteor. Climatol. 50:2267, 2011).

    Mean error 0.28 K, at most 0.94 K for 0..40 degC and 10..95 %; worse in the cold and at altitude: a first guess for
    `wet_bulb_c`.
    """
    xp = namespace(temp_c)
    r = 100.0 * rh_frac
    warm = temp_c * xp.atan(0.151977 * (r + 8.313659) ** 0.5) + xp.atan(temp_c + r)
    return warm - xp.atan(r - 1.676331) + 0.00391838 * r**1.5 * xp.atan(0.023101 * r) - 4.686035


def wet_bulb_c(temp_c: Array, rh_frac: Array, pressure_kpa: Array) -> Array:
    """Thermodynamic wet bulb [degC], PHYSICS A8: four Newton steps from Stull's guess, not above the dry bulb.

    Within 0.0005 K of psychrolib where |wet bulb| > 0.6 degC. Costs about 1 us per point: once per weather series,
    never in a step.

    Parameters
    ----------
    temp_c : array
        Dry bulb [degC], -45..50.
    rh_frac : array
        Relative humidity, 0..1.
    pressure_kpa : array
        Air pressure [kPa].
    """
    w = humidity_ratio(temp_c, rh_frac, pressure_kpa)
    wet = lower(upper(stull_wet_bulb_c(temp_c, rh_frac), -30.0), temp_c)
    for _ in range(_NEWTON_STEPS):
        error = humidity_ratio_at_wet_bulb(temp_c, wet, pressure_kpa) - w
        warmer = humidity_ratio_at_wet_bulb(temp_c, wet + _NEWTON_WIDTH_K, pressure_kpa)
        colder = humidity_ratio_at_wet_bulb(temp_c, wet - _NEWTON_WIDTH_K, pressure_kpa)
        wet = clip(wet - error * (2.0 * _NEWTON_WIDTH_K) / (warmer - colder), -60.0, temp_c)
    return wet


def humidity_ratio_at_wet_bulb(temp_c: Array, wet_c: Array, pressure_kpa: Array) -> Array:
    """Humidity ratio [kg/kg] that belongs to a dry and a wet bulb [degC], PHYSICS A8, water or ice form."""
    saturated = saturation_humidity_ratio(wet_c, pressure_kpa)
    sensible = CP_AIR_KJ_KG_K * (temp_c - wet_c)
    water = ((2501.0 - 2.326 * wet_c) * saturated - sensible) / (2501.0 + 1.86 * temp_c - 4.186 * wet_c)
    ice = ((2830.0 - 0.24 * wet_c) * saturated - sensible) / (2830.0 + 1.86 * temp_c - 2.1 * wet_c)
    return water + (ice - water) * (wet_c < 0.0)
