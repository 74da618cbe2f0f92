"""Curves as sums of hinges."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics.hinge import Hinge, evaluate, from_points

XS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
YS = [0.43, 0.65, 0.79, 0.88, 0.94, 0.975, 1.0]


def test_hinges_interpolate_as_numpy_does() -> None:
    x = np.linspace(0.0, 1.5, 301)
    assert np.allclose(evaluate(from_points(XS, YS), x), np.interp(x, XS, YS), atol=1e-12)


def test_last_slope_goes_on_where_asked() -> None:
    curve = from_points([0.0, 1.0, 2.0], [0.0, 1.0, 3.0], hold_right=False)
    assert evaluate(curve, np.array([-1.0, 0.5, 4.0])) == pytest.approx([0.0, 0.5, 7.0])


def test_evaluation_is_the_sum_of_hinges() -> None:
    x = np.linspace(-1, 3, 9)
    curve = Hinge(2.0, [0.0, 1.0], [0.5, -2.0])
    assert np.allclose(evaluate(curve, x), 2.0 + 0.5 * np.maximum(x, 0) - 2.0 * np.maximum(x - 1.0, 0))


def test_each_row_may_have_its_own_curve() -> None:
    xs = np.array([[[0.0], [0.1]], [[0.5], [0.4]], [[1.0], [1.0]]])
    ys = np.array([[[0.0], [0.2]], [[0.8], [0.6]], [[1.0], [0.9]]])
    x = np.linspace(0, 1, 11)
    values = evaluate(from_points(xs, ys), np.stack([x, x]))
    for row in range(2):
        assert np.allclose(values[row], np.interp(x, xs[:, row, 0], ys[:, row, 0]))


def test_float32_stays_float32() -> None:
    assert evaluate(from_points(XS, YS), np.ones(3, np.float32)).dtype == np.float32


def test_a_single_point_is_refused_with_the_counts() -> None:
    with pytest.raises(ValueError, match="two or more points"):
        from_points([1.0], [2.0])


def test_torch_gives_the_same_curve() -> None:
    torch = pytest.importorskip("torch")
    x = np.linspace(0, 1.2, 25)
    assert np.allclose(evaluate(from_points(XS, YS), torch.from_numpy(x)).numpy(), np.interp(x, XS, YS), atol=1e-12)
