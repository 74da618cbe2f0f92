"""PHYSICS D2, E10, C2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.physics.coolants import PG25, WATER
from envs.physics.heat_exchanger import counterflow_effectiveness, crossflow_effectiveness, ua_off_design


@pytest.mark.parametrize(("n", "z", "eps"), [(1, 1, 0.5), (2, 0.5, 0.77460), (3, 0.8, 0.80433)])
def test_counterflow_is_as_listed(n: float, z: float, eps: float) -> None:
    assert counterflow_effectiveness(np.array([float(n)]), np.array([float(z)]))[0] == pytest.approx(eps, abs=1e-5)


@pytest.mark.parametrize(("n", "z", "eps"), [(1, 1, 0.46854), (2, 1, 0.61541), (2, 0.5, 0.73876), (1.5, 0.75, 0.60812)])
def test_crossflow_is_as_listed(n: float, z: float, eps: float) -> None:
    assert crossflow_effectiveness(np.array([float(n)]), np.array([float(z)]))[0] == pytest.approx(eps, abs=1e-5)


@pytest.mark.parametrize("law", [counterflow_effectiveness, crossflow_effectiveness])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_effectiveness_is_smooth_bounded_and_keeps_its_dtype_at_the_corners(law: Any, dtype: Any) -> None:
    n, z = np.meshgrid(np.array([0.0, 1e-6, 0.01, 1.0, 5.0, 50.0], dtype), np.array([0.0, 1e-6, 0.5, 1.0], dtype))
    eps = law(n, z)
    assert eps.dtype == dtype
    assert np.all((eps >= 0.0) & (eps <= 1.0))
    assert np.allclose(eps[0], 1.0 - np.exp(-n[0]), atol=2e-5)
    assert np.all(np.diff(eps, axis=1) >= -1e-6)
    assert np.all(np.diff(eps, axis=0) <= 1e-6)


def test_counterflow_has_no_step_at_equal_streams() -> None:
    z = 1.0 - np.logspace(-9, -2, 50)
    n = np.full_like(z, 2.0)
    exact = (1 - np.exp(-n * (1 - z))) / (1 - z * np.exp(-n * (1 - z)))
    assert np.abs(counterflow_effectiveness(n, z) - exact).max() < 1e-6


def test_conductance_is_nominal_at_design_flows_and_falls_with_either() -> None:
    frac = np.array([0.0, 0.2, 0.5, 1.0])
    one = np.ones_like(frac)
    assert ua_off_design(600.0, one, one)[0] == pytest.approx(600.0)
    assert np.all(np.diff(ua_off_design(600.0, frac, one)) > 0)
    assert np.all(np.diff(ua_off_design(600.0, one, frac)) > 0)
    expected = 600.0 / (0.5 / 1.5 * 0.7**-0.85 + 1 / 1.5 * 0.3**-0.8)
    assert ua_off_design(600.0, np.array([0.7]), np.array([0.3]))[0] == pytest.approx(expected)


def test_coolants_have_the_listed_properties() -> None:
    assert (WATER.cp_kj_kg_k, WATER.density_kg_m3) == (4.182, 997.0)
    assert (PG25.cp_kj_kg_k, PG25.density_kg_m3) == (3.9, 1015.0)


def test_torch_gives_the_same_effectiveness() -> None:
    torch = pytest.importorskip("torch")
    n, z = np.linspace(0.1, 4, 9), np.linspace(0, 1, 9)
    for law in (counterflow_effectiveness, crossflow_effectiveness):
        assert np.allclose(law(torch.from_numpy(n), torch.from_numpy(z)).numpy(), law(n, z), atol=1e-12)
