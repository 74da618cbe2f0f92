"""PHYSICS a: moist air against its table and against psychrolib and CoolProp."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from envs.physics import psychrometrics as air

# T, RH, p: ps [kPa], W, h [kJ/kg], rho, dew point psychrolib, wet bulb psychrolib, wet bulb A8, Stull
TABLE = [
    (35.0, 0.4, 101.325, 5.62782, 0.014132, 71.4732, 1.13592, 19.385, 23.934, 23.9345, 24.514),
    (20.0, 0.5, 101.325, 2.33880, 0.007262, 38.5517, 1.19890, 9.272, 13.783, 13.7836, 13.699),
    (25.0, 0.8, 101.325, 3.16922, 0.015962, 65.8127, 1.17276, 21.309, 22.380, 22.3800, 22.330),
    (40.0, 0.1, 101.325, 7.38346, 0.004565, 51.9975, 1.12414, 2.629, 18.566, 18.5661, 18.507),
    (30.0, 0.6, 83.431, 4.24603, 0.019590, 80.2668, 0.94772, 21.388, 23.495, 23.4943, 23.996),
    (-5.0, 0.8, 101.325, 0.40176, 0.001979, -0.0986, 1.31484, -7.585, -5.884, -5.8842, -6.473),
]


@pytest.mark.parametrize(("elevation", "expected"), [(0, 101.325), (300, 97.7726), (1609, 83.4310), (2240, 77.1547)])
def test_pressure_falls_with_elevation_as_listed(elevation: float, expected: float) -> None:
    assert air.pressure_kpa(elevation) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("row", TABLE)
def test_state_of_air_is_as_listed(row: tuple[float, ...]) -> None:
    t, rh, p, ps, w, h, rho, dew, wet, wet_newton, stull = row
    assert air.saturation_pressure_kpa(t) == pytest.approx(ps, abs=1e-5)
    ratio = air.humidity_ratio(t, rh, p)
    assert ratio == pytest.approx(w, abs=1e-6)
    assert air.enthalpy_kj_kg(t, ratio) == pytest.approx(h, abs=1e-4)
    assert (1.0 + ratio) / air.specific_volume_m3_kg(t, ratio, p) == pytest.approx(rho, abs=1e-5)
    assert air.wet_bulb_c(t, rh, p) == pytest.approx(wet_newton, abs=1e-4)
    assert air.wet_bulb_c(t, rh, p) == pytest.approx(wet, abs=1e-3)
    assert air.stull_wet_bulb_c(t, rh) == pytest.approx(stull, abs=1e-3)
    assert magnus_dew_point_c(t, rh) == pytest.approx(dew, abs=0.02 if dew > 0 else 0.34)
    if dew > 0:
        assert air.dew_point_from_humidity_ratio_c(ratio, p) == pytest.approx(dew, abs=0.11)


def magnus_dew_point_c(temp_c: float | np.ndarray, rh_frac: float | np.ndarray) -> np.ndarray:
    """Dew point [degC] of a dry bulb [degC] and relative humidity by Magnus, PHYSICS A7; over water, not ice."""
    g = np.log(rh_frac) + 17.625 * temp_c / (243.04 + temp_c)
    return np.asarray(243.04 * g / (17.625 - g))


def _grid() -> tuple[np.ndarray, np.ndarray]:
    t, rh = np.meshgrid(np.arange(-15.0, 45.1, 2.5), np.arange(0.05, 0.96, 0.1))
    return t.ravel(), rh.ravel()


@pytest.mark.parametrize("elevation", [0.0, 1609.0, 2240.0])
def test_wet_bulb_agrees_with_psychrolib(elevation: float, psychrolib: ModuleType) -> None:
    t, rh = _grid()
    p = air.pressure_kpa(elevation)
    theirs = np.array([psychrolib.GetTWetBulbFromRelHum(a, b, p * 1e3) for a, b in zip(t, rh)])
    error = np.abs(air.wet_bulb_c(t, rh, p) - theirs)
    assert error[np.abs(theirs) > 0.6].max() <= 0.005


def test_humidity_ratio_and_saturation_agree_with_psychrolib_over_water_and_ice(psychrolib: ModuleType) -> None:
    t, rh = _grid()
    theirs = np.array([psychrolib.GetHumRatioFromRelHum(a, b, 101325.0) for a, b in zip(t, rh)])
    assert np.allclose(air.humidity_ratio(t, rh, 101.325), theirs, rtol=1e-6, atol=2e-7)


def test_humidity_ratio_is_within_half_a_percent_of_real_gas() -> None:
    coolprop = pytest.importorskip("CoolProp.CoolProp")
    real = coolprop.HAPropsSI("W", "T", 308.15, "P", 101325, "R", 0.4)
    assert air.humidity_ratio(35.0, 0.4, 101.325) == pytest.approx(real, rel=6e-3)


def test_wet_bulb_never_exceeds_dry_bulb_and_meets_it_at_saturation() -> None:
    t, rh = _grid()
    assert np.all(air.wet_bulb_c(t, rh, 101.325) <= t)
    assert np.allclose(air.wet_bulb_c(t, np.ones_like(t), 101.325), t, atol=2e-3)


def test_dew_point_and_relative_humidity_invert_the_humidity_ratio() -> None:
    t, rh = _grid()
    warm = t > 0
    t, rh = t[warm], rh[warm]
    w = air.humidity_ratio(t, rh, 101.325)
    back = w * 101.325 / ((air.MOLAR_MASS_RATIO + w) * air.saturation_pressure_kpa(t))  # inverse of PHYSICS A3
    assert np.allclose(back, rh, rtol=1e-12)
    dew_c = magnus_dew_point_c(t, rh)
    both = air.dew_point_from_humidity_ratio_c(w, 101.325) - dew_c
    assert np.abs(both[dew_c > 0]).max() < 0.11


def test_float32_stays_float32() -> None:
    t, rh = (x.astype(np.float32) for x in _grid())
    for value in (air.wet_bulb_c(t, rh, 101.325), air.specific_volume_m3_kg(t, rh * 0.01, 101.325)):
        assert value.dtype == np.float32
    assert np.abs(air.wet_bulb_c(t, rh, 101.325) - air.wet_bulb_c(*_grid(), 101.325)).max() < 0.05


def test_torch_gives_the_same_air() -> None:
    torch = pytest.importorskip("torch")
    t, rh = _grid()
    ours = air.wet_bulb_c(torch.from_numpy(t), torch.from_numpy(rh), 101.325)
    assert np.allclose(ours.numpy(), air.wet_bulb_c(t, rh, 101.325), atol=1e-9)


@pytest.mark.parametrize(
    ("elevation", "temps", "humidities", "mean_k", "largest_k"),
    [
        (0.0, (0.0, 40.0), (0.10, 0.95), 0.28, 0.94),
        (0.0, (-15.0, 45.0), (0.05, 0.95), 0.41, 2.2),
        (1609.0, (0.0, 40.0), (0.10, 0.95), 0.50, 1.7),
        (2240.0, (0.0, 40.0), (0.10, 0.95), 0.66, 2.1),
    ],
    ids=["sea-level", "whole-grid", "Denver", "2240-m"],
)
def test_stull_is_as_far_from_psychrolib_as_listed_and_so_a_seed_only(
    elevation: float,
    temps: tuple[float, float],
    humidities: tuple[float, float],
    mean_k: float,
    largest_k: float,
    psychrolib: ModuleType,
) -> None:
    t, rh = np.meshgrid(np.arange(temps[0], temps[1] + 0.1, 2.5), np.arange(humidities[0], humidities[1] + 0.01, 0.05))
    p = float(air.pressure_kpa(elevation))
    theirs = np.vectorize(psychrolib.GetTWetBulbFromRelHum)(t, rh, p * 1e3)
    error = np.abs(air.stull_wet_bulb_c(t, rh) - theirs)
    assert error.mean() == pytest.approx(mean_k, abs=0.015)
    assert error.max() == pytest.approx(largest_k, abs=0.05)
    assert np.abs(air.wet_bulb_c(t, rh, p) - theirs)[np.abs(theirs) > 0.6].max() < 0.005
