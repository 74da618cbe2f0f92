"""PHYSICS C1, C3, C7, D6, j6 and j7."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics import fan_pump
from envs.units import CP_AIR_KJ_KG_K, RHO_AIR_KG_M3

#: Power over rated power as a cubic in the flow fraction, lowest power first, PHYSICS C1 (EnergyPlus).
VARIABLE_SPEED_FAN = (0.35071223, 0.30850535, -0.54137364, 0.87198823)
EC_PLUG_FAN = (0.06990146, 1.39500612, -3.35487336, 2.89232315)
TOWER_FAN = (-0.009315163, 0.0512333966, -0.0838364671, 1.0419182336)


def cubic_fan_power(flow: np.ndarray | float, coefficients: tuple[float, ...]) -> np.ndarray:
    """Power over rated power by a cubic in the flow, not below zero: the check values of the fan law."""
    return np.maximum(np.polynomial.Polynomial(coefficients)(flow), 0.0)


def test_cube_law_is_as_listed() -> None:
    assert fan_pump.fan_power_kw(1.0, np.array([0.8, 0.5])) == pytest.approx([0.512, 0.125])


def test_tower_fan_at_half_flow_draws_an_eighth() -> None:
    assert fan_pump.fan_power_kw(1.0, 0.5, 3.0) == pytest.approx(0.125, abs=0.01)
    assert cubic_fan_power(0.5, TOWER_FAN) == pytest.approx(0.1256, abs=1e-4)


def test_room_unit_fan_at_80_percent_flow_draws_about_half() -> None:
    assert 0.46 <= fan_pump.fan_power_kw(1.0, 0.8, 2.7) <= 0.62


@pytest.mark.parametrize(
    ("curve", "flow", "expected"),
    [
        (VARIABLE_SPEED_FAN, 0.5, 0.4786),
        (VARIABLE_SPEED_FAN, 1.0, 0.9898),
        (EC_PLUG_FAN, 0.5, 0.2902),
    ],
)
def test_polynomial_fans_are_as_listed(curve: tuple[float, float, float, float], flow: float, expected: float) -> None:
    assert cubic_fan_power(flow, curve) == pytest.approx(expected, abs=1e-4)


def test_polynomial_fans_never_draw_negative_power_and_plug_fan_is_monotone() -> None:
    flow = np.linspace(0.0, 1.0, 101)
    for curve in (VARIABLE_SPEED_FAN, EC_PLUG_FAN, TOWER_FAN):
        assert np.all(cubic_fan_power(flow, curve) >= 0.0)
    assert np.all(np.diff(cubic_fan_power(flow, EC_PLUG_FAN)) > 0)


def test_pump_power_is_as_listed() -> None:
    assert fan_pump.pump_power_kw(41.8e-3, 250.0, 0.65) == pytest.approx(16.08, abs=1e-2)


def test_pressure_controlled_pump_meets_design_and_keeps_its_setpoint_share() -> None:
    design = fan_pump.pump_power_kw(0.016, 200.0, 0.65)
    flow = np.array([1e-9, 0.008, 0.016])
    power = fan_pump.pressure_controlled_pump_power_kw(flow, 0.016, 200.0, 80.0, 0.65)
    assert power[2] == pytest.approx(design)
    assert power[1] == pytest.approx(0.008 * (80.0 + 120.0 * 0.25) / 0.65)
    assert power[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("rise", "m3_s_per_kw"), [(10, 0.0835), (11.1, 0.0753), (13.9, 0.0601), (20, 0.0418)])
def test_airflow_per_kw_is_as_listed(rise: float, m3_s_per_kw: float) -> None:
    assert 1.0 / (RHO_AIR_KG_M3 * CP_AIR_KJ_KG_K * rise) == pytest.approx(m3_s_per_kw, abs=1e-4)


def test_float32_stays_float32() -> None:
    flow = np.linspace(0.1, 1.0, 5, dtype=np.float32)
    assert fan_pump.fan_power_kw(4.2, flow, 2.7).dtype == np.float32
    assert fan_pump.pressure_controlled_pump_power_kw(flow, 1.0, 200.0, 80.0, 0.65).dtype == np.float32
