"""Bounds and exact lags, PHYSICS T1."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics.namespace import clip, lower, namespace, relax, relax_with_source, upper


def test_one_capacity_step_is_as_listed() -> None:
    t, out = relax_with_source(20.0, 20.0, 5.0, 0.5, 100.0, 60.0)
    assert t == pytest.approx(22.5918, abs=1e-4)
    assert out == pytest.approx(5.0 - 100.0 * (t - 20.0) / 60.0, rel=1e-12)


def test_ten_short_steps_equal_one_long_step() -> None:
    t = np.array([20.0, 35.0])
    stepped, left = t, 0.0
    for _ in range(10):
        stepped, out = relax_with_source(stepped, 18.0, 3.0, 0.4, 90.0, 30.0)
        left = left + out * 30.0
    once, out = relax_with_source(t, 18.0, 3.0, 0.4, 90.0, 300.0)
    assert np.allclose(stepped, once, rtol=1e-12)
    assert np.allclose(left, out * 300.0, rtol=1e-12)


@pytest.mark.parametrize("conductance", [0.0, 1e-12, 1e-3, 1.0, 1e6])
def test_ledger_closes_and_stays_finite_at_any_conductance(conductance: float) -> None:
    g = np.array([conductance])
    t, out = relax_with_source(np.array([30.0]), 20.0, 7.0, g, 50.0, 60.0)
    assert np.all(np.isfinite(t))
    assert out[0] == pytest.approx(7.0 - 50.0 * (t[0] - 30.0) / 60.0, abs=1e-8)


def test_lag_covers_63_percent_in_one_time_constant_and_all_without_lag() -> None:
    x = np.array([0.0])
    assert relax(x, 1.0, 60.0, 60.0)[0] == pytest.approx(1.0 - np.exp(-1.0))
    assert relax(x, 1.0, 0.0, 60.0)[0] == 1.0
    assert relax(x, 1.0, np.array([60.0]), 60.0)[0] == pytest.approx(1.0 - np.exp(-1.0))


def test_bounds_accept_numbers_on_either_side_and_keep_float32() -> None:
    x = np.array([0.0, 1.0, 2.0], np.float32)
    assert lower(x, 1.0).tolist() == lower(1.0, x).tolist() == [0.0, 1.0, 1.0]
    assert upper(x, 1.0).tolist() == upper(1.0, x).tolist() == [1.0, 1.0, 2.0]
    assert clip(x, 0.5, 1.5).dtype == lower(x, 1.0).dtype == relax(x, 1.0, 60.0, 60.0).dtype == np.float32
    assert type(lower(1.0, 2.0)) is float
    assert namespace(x) is np


def test_torch_gives_the_same_bounds_and_lags() -> None:
    torch = pytest.importorskip("torch")
    x = np.linspace(-1.0, 2.0, 7)
    t = torch.from_numpy(x)
    assert np.allclose(clip(t, 0.0, 1.0).numpy(), clip(x, 0.0, 1.0))
    assert np.allclose(upper(0.5, t).numpy(), upper(x, 0.5))
    theirs = relax_with_source(t, 20.0, 5.0, t + 1.0, 10.0, 60.0)
    ours = relax_with_source(x, 20.0, 5.0, x + 1.0, 10.0, 60.0)
    assert all(np.allclose(a.numpy(), b, rtol=1e-12) for a, b in zip(theirs, ours))
