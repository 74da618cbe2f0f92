from __future__ import annotations

import numpy as np
import pytest

from agents.forecasting.lags import LAG_NAMES, lag_features, lookback_steps, steps_per_day

STEP_S = 900.0
DAY = steps_per_day(STEP_S)


def test_a_daily_wave_is_told_by_yesterday_and_the_usual_day() -> None:
    t = np.arange(8 * DAY + 1)
    series = np.sin(2.0 * np.pi * t / DAY)[:, None, None]
    horizons = np.array([1, 20, DAY])
    found = lag_features(series, horizons, STEP_S)[:, 0, 0]
    coming = np.sin(2.0 * np.pi * (t[-1] + horizons) / DAY)
    for name in ("yesterday", "last week", "usual day"):
        assert np.allclose(found[:, LAG_NAMES.index(name)], coming, atol=0.05)


def test_no_lag_reaches_past_the_present() -> None:
    series = np.zeros((lookback_steps(STEP_S), 1, 1))
    longer = np.concatenate([series, np.full((DAY, 1, 1), 1e6)])
    found = lag_features(longer[: len(series)], np.arange(1, DAY + 1), STEP_S)
    assert np.all(found == 0.0)


def test_too_short_a_past_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="a week and the present"):
        lag_features(np.zeros((DAY, 1, 1)), np.array([1]), STEP_S)
