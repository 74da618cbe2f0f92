"""Recirculation: the matrix of C4 as an oracle, shares that conserve air, and the builders."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics import recirculation
from envs.units import CP_AIR_KJ_KG_K

FLOW = np.array([2.0, 2.0, 2.0, 3.0])
TANG = np.array([[0.05, 0.03, 0, 0], [0.03, 0.05, 0.03, 0], [0, 0.03, 0.05, 0.03], [0, 0, 0.03, 0.08]])
HEAT = np.array([10.0, 10.0, 10.0, 20.0])


def test_steady_inlets_are_those_of_the_recirculation_matrix() -> None:
    breathed = TANG.T * FLOW[None, :] / FLOW[:, None]  # share of rack r's air that comes from rack j
    share = breathed.sum(axis=1)
    matrix = breathed / share[:, None]
    inlet = np.full(4, 20.0)
    for _ in range(60):
        near = matrix @ (inlet + HEAT / (FLOW * CP_AIR_KJ_KG_K))
        inlet = recirculation.mixed_inlet(20.0, near - 20.0, share)
    capacity = np.diag(FLOW * CP_AIR_KJ_KG_K)
    gain = np.linalg.inv(capacity - TANG.T @ capacity) - np.linalg.inv(capacity)
    np.testing.assert_allclose(inlet, 20.0 + gain @ HEAT, atol=1e-9)
    np.testing.assert_allclose(inlet, [20.4379, 20.6141, 20.7851, 20.7014], atol=1e-4)


@pytest.mark.parametrize(("a", "b"), [(0.0, 5.0), (5.0, 0.0), (0.0, 0.0)])
def test_smooth_minimum_is_zero_where_either_flow_is(a: float, b: float) -> None:
    assert recirculation.smooth_minimum(np.array(a), np.array(b), 0.02) == 0.0


def test_smooth_minimum_stays_within_two_percent_of_the_minimum_and_never_above() -> None:
    a, b = np.linspace(0, 3, 301), 1.0
    rounded = recirculation.smooth_minimum(a, b, 0.02)
    assert np.all(rounded <= np.minimum(a, b) + 1e-12)
    assert np.all(rounded >= 0.98 * np.minimum(a, b) - 1e-12)
    assert np.abs(np.diff(rounded, 2)).max() < 0.005  # no corner


def test_rack_shares_conserve_the_recirculated_air_and_stay_shares() -> None:
    flow = np.array([1.0, 2.0, 3.0, 1.5, 1.0, 4.0])
    spread = recirculation.rack_spread([0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], 0.5, flow, np.float64)
    phi = np.linspace(0.0, 1.0, 21)[None, :] * np.ones((6, 1))
    share = recirculation.rack_share(phi, spread)
    assert share.min() >= 0.0 and share.max() <= 1.0
    np.testing.assert_allclose(flow @ share, flow.sum() * phi[0], atol=1e-12)


def test_matrix_rows_sum_to_one_within_the_zone_and_columns_conserve_the_air() -> None:
    rows, zones = [0] * 5 + [1] * 5 + [2] * 7, [0] * 10 + [1] * 7
    flow = np.linspace(0.6, 1.4, 17)
    matrix = recirculation.recirculation_matrix(rows, zones, flow, np.float64)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(flow @ matrix, flow, rtol=1e-6)
    assert np.all(matrix >= 0) and not matrix[:10, 10:].any() and not matrix[10:, :10].any()


def test_the_neighbour_weighs_more_than_the_rack_at_the_far_end() -> None:
    matrix = recirculation.recirculation_matrix([0] * 6, [0] * 6)
    assert matrix.dtype == np.float32
    assert matrix[2, 3] > matrix[2, 5] > 0


def test_row_ends_breathe_more_and_a_zone_of_one_rack_breathes_the_mean() -> None:
    spread = recirculation.rack_spread([0] * 5 + [1], [0] * 5 + [1])
    assert spread[0, 0] > 1.0 > spread[2, 0] and spread[5, 0] == 1.0


def test_spread_beyond_its_range_is_refused_with_the_range() -> None:
    with pytest.raises(ValueError, match=r"\[0, 0.5\]"):
        recirculation.rack_spread([0], [0], amplitude=2.0)
