"""Bounds and exact lags, PHYSICS T1."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics.namespace import clip, lower, namespace, relax, upper


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
