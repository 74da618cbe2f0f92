from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from envs.signals.plain_year import MONTH_EDGES
from envs.signals.weather.periodic_spline import periodic_spline_slope

YEAR = np.asarray(MONTH_EDGES, np.float64)


def ring(seed: int, count: int) -> np.ndarray:
    """Values at the knots, of which the last equals the first."""
    values = np.random.default_rng(seed).normal(0.0, 300.0, count)
    values[-1] = values[0]
    return values


@pytest.mark.parametrize("seed", range(20))
def test_the_slope_is_that_of_scipys_periodic_spline(seed: int) -> None:
    values = ring(seed, len(YEAR))
    x = np.concatenate([np.arange(8760) / 24.0, YEAR, np.random.default_rng(seed).uniform(0.0, 365.0, 500)])
    expected = CubicSpline(YEAR, values, bc_type="periodic")(x, 1)
    np.testing.assert_allclose(periodic_spline_slope(YEAR, values, x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [4, 5, 30])
def test_any_rising_knots_will_do(count: int) -> None:
    knots = np.cumsum(np.random.default_rng(count).uniform(0.5, 40.0, count))
    x = np.linspace(knots[0], knots[-1], 200)
    expected = CubicSpline(knots, ring(count, count), bc_type="periodic")(x, 1)
    np.testing.assert_allclose(periodic_spline_slope(knots, ring(count, count), x), expected, rtol=1e-10, atol=1e-10)


def test_the_slope_and_its_slope_go_on_over_the_end_of_the_year() -> None:
    values, eps = ring(3, len(YEAR)), 1e-4
    first, second, last, before = periodic_spline_slope(YEAR, values, np.array([0.0, eps, 365.0, 365.0 - eps]))
    assert first == pytest.approx(last, abs=1e-9)
    assert (second - first) / eps == pytest.approx((last - before) / eps, abs=1e-2)
