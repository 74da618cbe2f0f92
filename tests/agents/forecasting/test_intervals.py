from __future__ import annotations

import numpy as np
import pytest

from agents.forecasting.intervals import Bands, Conformal

STEPS, PER_DAY = 8, 24
GROUPS = [np.array([0, 1]), np.array([2])]
SCALE = np.array([1.0, 1.0, 5.0])[:, None]


def learned(count: int, seed: int, memory_days: float = 365.0) -> Conformal:
    made = np.arange(count)
    conformal = Conformal(GROUPS, STEPS, PER_DAY, Bands(memory_days=memory_days))
    conformal.learn(made, drawn(count, seed))
    return conformal


def drawn(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((STEPS, 3, count)) * SCALE


def test_fresh_errors_of_the_same_kind_fall_inside_nine_times_out_of_ten() -> None:
    conformal = learned(2400, seed=1)
    low, high = conformal.offsets(np.array([5000]))
    fresh = drawn(4000, seed=2)
    inside = ((fresh >= low) & (fresh <= high)).mean(axis=(0, 2))
    assert np.all((inside > 0.885) & (inside < 0.915))


def test_each_group_has_its_own_width() -> None:
    low, high = learned(2400, seed=1).offsets(np.array([5000]))
    width = (high - low)[:, :, 0]
    assert np.all(width[:, 0] == width[:, 1])
    assert np.all(width[:, 2] > 4.0 * width[:, 0])


def test_an_error_whose_moment_has_not_come_changes_nothing() -> None:
    now = np.array([600])
    before = learned(500, seed=1)
    after = learned(500, seed=1)
    after.learn(np.arange(600, 700), 1000.0 + drawn(100, seed=3))
    assert np.array_equal(before.offsets(now), after.offsets(now))
    assert not np.array_equal(before.offsets(np.array([900])), after.offsets(np.array([900])))


def test_newer_errors_weigh_more() -> None:
    def widened(memory_days: float) -> float:
        conformal = learned(2400, seed=1, memory_days=memory_days)
        conformal.learn(np.arange(2400, 2640), 3.0 * drawn(240, seed=4))
        low, high = conformal.offsets(np.array([2700]))
        return float((high - low).mean())

    assert widened(5.0) > 1.3 * widened(365.0)


def test_no_errors_at_all_are_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="call fit"):
        Conformal(GROUPS, STEPS, PER_DAY, Bands()).offsets(np.array([0]))
    with pytest.raises(ValueError, match="later row"):
        learned(10, seed=1).offsets(np.array([2]))
