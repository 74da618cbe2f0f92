"""PHYSICS E9 and j8: air that leaves saturated, closed form against bisection."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics import psychrometrics as air
from envs.physics.saturated_exit import exit_curve, moisture_gain
from experiments.published.heat_rejection import EVAPORATION


def exact_gain(dry_c: np.ndarray, w: np.ndarray, heat_kj_kg: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Bisection for the saturated exit temperature: moisture gain [kg/kg] and that temperature [degC]."""
    leaving = air.enthalpy_kj_kg(dry_c, w) + heat_kj_kg
    low, high = np.full_like(leaving, -40.0), np.full_like(leaving, 70.0)
    for _ in range(50):
        middle = 0.5 * (low + high)
        hot = air.enthalpy_kj_kg(middle, air.saturation_humidity_ratio(middle, p)) > leaving
        low, high = np.where(hot, low, middle), np.where(hot, middle, high)
    return air.saturation_humidity_ratio(low, p) - w, low


# 1 MW into 27 kg/s: T, RH -> exit, evaporation kg/s, L per kWh, make-up per kWh at 4 cycles
BESIDE = ((30.29, 0.3879, 1.862), (None, 0.4661, 2.237), (None, 0.2761, 1.325))
CHECKS = [(t, rh, out, kg_s, per_kwh, makeup) for (t, rh, per_kwh), (out, kg_s, makeup) in zip(EVAPORATION, BESIDE)]


@pytest.mark.parametrize("row", CHECKS)
def test_evaporation_of_one_megawatt_is_as_listed(row: tuple[float, ...]) -> None:
    t, rh, out, evaporation, per_kwh, makeup = row
    dry, ratio = np.array([t]), air.humidity_ratio(np.array([t]), rh, 101.325)
    exact, exit_c = exact_gain(dry, ratio, np.array([1000.0 / 27.0]), 101.325)
    assert 27.0 * exact[0] == pytest.approx(evaporation, abs=2e-4)
    assert out is None or exit_c[0] == pytest.approx(out, abs=0.01)
    curve = exit_curve(air.wet_bulb_c(dry, rh, 101.325), dry, ratio, 101.325)
    closed = 27.0 * moisture_gain(curve, np.array([1000.0 / 27.0]))[0]
    assert closed == pytest.approx(evaporation, rel=0.01)
    assert closed * 3.6 == pytest.approx(per_kwh, rel=0.01)
    assert closed * 3.6 * 4.0 / 3.0 == pytest.approx(makeup, rel=0.01)


@pytest.mark.parametrize("pressure", [101.325, 83.431, 77.155])
@pytest.mark.parametrize("depression", [0.0, 4.0, 8.0, 16.0])
def test_closed_form_is_within_two_percent_of_bisection(pressure: float, depression: float) -> None:
    wet, heat = np.meshgrid(np.arange(-15.0, 31.0, 2.5), np.array([2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0]))
    dry = wet + depression
    w = np.maximum(air.humidity_ratio_at_wet_bulb(dry, wet, pressure), 1e-4)
    exact, exit_c = exact_gain(dry, w, heat, pressure)
    closed = moisture_gain(exit_curve(wet, dry, w, pressure), heat)
    usual = (exit_c > 1.0) & (exit_c < 42.0)
    assert np.abs(closed / exact - 1.0)[usual].max() < 0.02
    assert np.abs(closed - exact)[exit_c <= 1.0].max(initial=0.0) < 1e-3


def test_more_heat_never_takes_up_less_water_and_float32_stays() -> None:
    heat = np.linspace(0.0, 150.0, 301, dtype=np.float32)
    full = np.ones_like(heat)
    gain = moisture_gain(exit_curve(18 * full, 25 * full, 0.01 * full, 101.325), heat)
    assert gain.dtype == np.float32
    assert np.all(np.diff(gain) > 0)
