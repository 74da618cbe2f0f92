from __future__ import annotations

import numpy as np
import pytest

from envs.twin.telemetry.meter_noise import without_noise

NOISE_KW = 1.0


@pytest.fixture(scope="module")
def series() -> tuple[np.ndarray, np.ndarray]:
    """A load that wanders about as much from row to row as its meter errs, with one job's start, and its readings."""
    rng = np.random.default_rng(3)
    wander = np.zeros(2000)
    for k in range(1, len(wander)):
        wander[k] = 0.9 * wander[k - 1] + rng.standard_normal()
    truth = 100.0 + wander + 40.0 * (np.arange(2000) >= 1200)
    read = truth + NOISE_KW * rng.standard_normal(2000)
    read[500:506] = np.nan
    return truth[:, None], read[:, None]


def cleaned(read: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Readings without noise, their gaps bridged by straight lines first."""
    index = np.arange(len(read))
    bridged = [np.interp(index, np.flatnonzero(np.isfinite(c)), c[np.isfinite(c)]) for c in read.T]
    return without_noise(read, np.stack(bridged, axis=1), np.full_like(read, NOISE_KW), together)


def test_the_noise_of_a_meter_is_mostly_gone(series: tuple[np.ndarray, np.ndarray]) -> None:
    truth, read = series
    best = cleaned(read, np.zeros(1, np.int64))
    known = np.isfinite(read)
    assert np.isfinite(best).all()
    assert np.sqrt(((best - truth)[known] ** 2).mean()) < 0.8 * NOISE_KW


def test_a_regression_on_the_best_guess_does_not_lean(series: tuple[np.ndarray, np.ndarray]) -> None:
    truth, read = series
    best = cleaned(read, np.zeros(1, np.int64))
    calm = np.isfinite(read[:, 0]) & (np.arange(2000) < 1150)
    leaning = np.polyfit(read[calm, 0] - 100.0, truth[calm, 0] - 100.0, 1)[0]
    upright = np.polyfit(best[calm, 0] - 100.0, truth[calm, 0] - 100.0, 1)[0]
    assert leaning < 0.88
    assert upright == pytest.approx(1.0, abs=0.05)


def test_meters_of_racks_that_work_together_tell_of_each_other() -> None:
    rng = np.random.default_rng(5)
    truth = 100.0 + 2.0 * np.repeat(rng.standard_normal((2000, 1)), 8, axis=1)
    read = truth + NOISE_KW * rng.standard_normal(truth.shape)
    alone = cleaned(read, np.arange(8)) - truth
    together = cleaned(read, np.zeros(8, np.int64)) - truth
    assert together.std() < 0.6 * alone.std()


def test_the_start_of_a_job_is_not_smeared(series: tuple[np.ndarray, np.ndarray]) -> None:
    truth, read = series
    best = cleaned(read, np.zeros(1, np.int64))
    assert np.abs(best[1194:1206] - truth[1194:1206]).max() < 4.0 * NOISE_KW


def test_a_short_series_keeps_its_readings() -> None:
    read = np.array([[1.0], [np.nan], [3.0]])
    assert cleaned(read, np.zeros(1, np.int64))[:, 0] == pytest.approx([1.0, 2.0, 3.0])
