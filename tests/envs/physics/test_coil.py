"""The coil law: design points of the shipped units, both limits, and the inverse against bisection."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics import coil
from envs.physics.heat_exchanger import counterflow_effectiveness, ua_off_design

COILS = {  # UA [kW/K], hot and cold capacity rates [kW/K], PHYSICS A4 and SCENARIOS
    "ai_hall": (14.6, 7.78, 13.76),
    "legacy": (7.5, 6.82, 13.63),
    "edge": (3.06, 3.232, 7.486),
}


def law_of(name: str) -> coil.CoilLaw:
    ua, hot, cold = COILS[name]
    return coil.CoilLaw(ua / hot, hot / cold)


def flow_by_bisection(law: coil.CoilLaw, at: coil.CoilAtFlow, needed: np.ndarray) -> np.ndarray:
    low, high = np.full_like(needed, -12.0), np.zeros_like(needed)
    for _ in range(60):
        middle = 0.5 * (low + high)
        short = coil.effectiveness(law, at, np.exp(middle)) < needed
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp(high)


@pytest.mark.parametrize(("n", "z", "expected"), [(1.0, 1.0, 0.5), (2.0, 0.5, 0.77460), (3.0, 0.8, 0.80433)])
def test_hot_effectiveness_gives_the_handbook_values(n: float, z: float, expected: float) -> None:
    assert coil.hot_effectiveness(np.array(n), np.array(z)) == pytest.approx(expected, abs=1e-5)


def test_hot_effectiveness_agrees_with_the_textbook_form_on_both_sides_of_equal_streams() -> None:
    ntu, ratio = np.meshgrid(np.linspace(0.05, 8.0, 40), np.linspace(0.05, 4.0, 41), indexing="ij")
    small = np.minimum(1.0, 1.0 / ratio)
    textbook = counterflow_effectiveness(ntu / small, np.minimum(ratio, 1.0 / ratio)) * small
    np.testing.assert_allclose(coil.hot_effectiveness(ntu, ratio), textbook, rtol=2e-5)


@pytest.mark.parametrize("name", COILS)
def test_conductance_off_design_is_that_of_the_exchanger_law(name: str) -> None:
    law, (ua, hot, cold) = law_of(name), COILS[name]
    fa, fw = np.array([0.4, 0.7, 1.0]), np.array([0.3, 0.9, 1.0])
    expected = coil.hot_effectiveness(ua_off_design(ua, fw, fa) / (hot * fa), hot * fa / (cold * fw))
    np.testing.assert_allclose(coil.effectiveness(law, coil.coil_at(law, fa), fw), expected, rtol=1e-9)


@pytest.mark.parametrize("name", COILS)
def test_water_flow_is_within_one_percent_of_bisection_over_the_box(name: str) -> None:
    law = law_of(name)
    fa, load = np.meshgrid(np.linspace(0.3, 1.0, 29), np.linspace(0.02, 1.0, 99), indexing="ij")
    at = coil.coil_at(law, fa)
    needed = at.full * load
    np.testing.assert_allclose(coil.cold_flow_frac(law, at, needed), flow_by_bisection(law, at, needed), rtol=0.01)


def test_coolant_flow_is_within_one_percent_of_bisection_over_the_pump_range() -> None:
    law = coil.CoilLaw(330 / 100.9, 100.9 / 102.0, film_ratio=1.0, n_cold=0.8)
    flow, load = np.meshgrid(np.linspace(0.7, 1.0, 13), np.linspace(0.02, 1.0, 99), indexing="ij")
    at = coil.coil_at(law, flow)
    needed = at.full * load
    np.testing.assert_allclose(coil.cold_flow_frac(law, at, needed), flow_by_bisection(law, at, needed), rtol=0.01)


def test_more_water_and_more_air_each_move_more_heat() -> None:
    law = law_of("ai_hall")
    fa, fw = np.linspace(0.05, 1.2, 40)[:, None], np.linspace(0.02, 1.2, 40)[None, :]
    heat = coil.effectiveness(law, coil.coil_at(law, fa), fw) * fa
    assert np.all(np.diff(heat, axis=0) > 0) and np.all(np.diff(heat, axis=1) > 0)


def test_water_flow_rises_with_the_heat_and_ends_at_a_full_valve() -> None:
    law = law_of("ai_hall")
    at = coil.coil_at(law, np.array(0.6))
    flow = coil.cold_flow_frac(law, at, at.full * np.linspace(0.0, 1.3, 300))
    assert np.all(np.diff(flow) >= 0) and flow[-1] == 1.0 and flow[0] < 0.01


def test_no_air_and_no_water_give_finite_numbers_in_float32() -> None:
    law = law_of("edge")
    zero = np.zeros(3, dtype=np.float32)
    at = coil.coil_at(law, zero)
    for value in (*at, coil.effectiveness(law, at, zero), coil.cold_flow_frac(law, at, zero + 0.5)):
        assert value.dtype == np.float32 and np.all(np.isfinite(value))


def test_float32_follows_float64_within_one_percent() -> None:
    law = law_of("legacy")
    fa, load = np.meshgrid(np.linspace(0.3, 1.0, 15), np.linspace(0.02, 1.0, 50), indexing="ij")
    at = coil.coil_at(law, fa)
    exact = coil.cold_flow_frac(law, at, at.full * load)
    small = coil.coil_at(law, fa.astype(np.float32))
    rough = coil.cold_flow_frac(law, small, small.full * load.astype(np.float32))
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, rtol=0.01)


def test_torch_gives_the_same_flows() -> None:
    torch = pytest.importorskip("torch")
    law = law_of("ai_hall")
    fa, needed = np.linspace(0.3, 1.0, 8), np.linspace(0.1, 0.8, 8)
    expected = coil.cold_flow_frac(law, coil.coil_at(law, fa), needed)
    at = coil.coil_at(law, torch.as_tensor(fa))
    np.testing.assert_allclose(coil.cold_flow_frac(law, at, torch.as_tensor(needed)).numpy(), expected, rtol=1e-6)
