"""Noise with memory, against the loop that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from envs.signals.noise import remembered


@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_remembered_shocks_fade_one_value_at_a_time(count: int) -> None:
    shocks = np.random.default_rng(0).standard_normal(count)
    expected, before = [], 0.0
    for shock in shocks.tolist():
        before = 0.9 * before + shock
        expected.append(before)
    np.testing.assert_allclose(remembered(shocks, 0.9), expected, rtol=1e-12)
