from __future__ import annotations

import numpy as np
import pytest

from agents.forecasting.direct_ridge import (
    KNOTS,
    between_knots,
    contiguous_folds,
    fit,
    fit_folds,
    knots_up_to,
    out_of_fold,
    predict,
    predict_all,
)

SLOPE = np.array([2.0, -1.0, 0.5])


def sample(knots: np.ndarray, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((len(knots), 2, count, 3))
    return x, x @ SLOPE + 7.0


def test_a_linear_law_is_found_at_every_knot() -> None:
    knots = knots_up_to(24)
    x, y = sample(knots)
    assert np.allclose(predict(fit(x, y, knots, 0.0), x), y, atol=1e-9)


def test_a_strong_penalty_leaves_the_mean() -> None:
    knots = knots_up_to(3)
    x, y = sample(knots)
    shrunk = predict(fit(x, y, knots, 1e9), x)
    assert np.allclose(shrunk, y.mean(axis=2, keepdims=True), atol=1e-3)


def test_horizons_between_knots_have_features_of_their_own() -> None:
    knots = knots_up_to(24)
    x, y = sample(knots)
    ridge = fit(x, y, knots, 0.0)
    own = np.random.default_rng(1).standard_normal((24, 2, 5, 3))
    found = predict_all(ridge, lambda horizons: own[horizons - 1], 24)
    assert np.allclose(found, own @ SLOPE + 7.0, atol=1e-6)


def test_knots_end_at_the_horizon_and_values_run_straight_between_them() -> None:
    assert knots_up_to(30).tolist() == [k for k in KNOTS if k < 30] + [30]
    knots = np.array([1, 3, 6])
    assert np.allclose(between_knots(np.array([0.0, 2.0, 5.0]), knots, 6), np.arange(6))


def test_nothing_near_a_held_sample_is_used() -> None:
    for held, used in contiguous_folds(100, 4, 5):
        assert np.abs(held[:, None] - used).min() > 5
    with pytest.raises(ValueError, match="longer training"):
        contiguous_folds(10, 2, 10)


def test_a_held_sample_has_no_say_in_its_own_prediction() -> None:
    knots = knots_up_to(2)
    x, y = sample(knots, 60)
    folds = contiguous_folds(60, 3, 2)

    def predicted(target: np.ndarray) -> np.ndarray:
        ridges = fit_folds(x, target, knots, 0.1, folds)
        return out_of_fold(ridges, lambda horizons: x[horizons - 1], 2, folds, 60)

    wild = y.copy()
    wild[:, :, 30] += 1e6
    assert np.array_equal(predicted(wild)[:, :, 30], predicted(y)[:, :, 30])
