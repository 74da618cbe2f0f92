from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.forecasting import baselines
from agents.forecasting.engine import Forecaster
from agents.forecasting.residual import target_array
from envs.faults import Fault
from envs.twin.telemetry.telemetry import COOLING, Telemetry, joined_batch

HALF_A_DAY = 72  # in steps of ten minutes


@pytest.fixture(scope="module")
def made(forecaster: Forecaster, later: Any) -> Any:
    past, _ = later
    return forecaster.forecast(past)


def test_bounds_enclose_the_mean_of_every_rack_and_of_the_cooling_power(made: Any, later: Any) -> None:
    past, read = later
    mean, low, high = (target_array(part) for part in made)
    assert mean.shape == read.shape
    assert np.all(low < high)
    assert ((low <= mean) & (mean <= high)).mean() > 0.99


def test_half_a_day_is_forecast_better_than_by_the_last_reading_and_by_yesterday(made: Any, later: Any) -> None:
    """Of 24 hours, eight moments of one hall say nothing; `coldaisle forecast` judges them on 30 halls."""
    past, read = later

    def rmse(values: np.ndarray) -> np.ndarray:
        square = (values - read)[:HALF_A_DAY] ** 2
        return np.sqrt(np.array([square[:, :-1].mean(), square[:, -1].mean()]))

    ours = rmse(target_array(made.mean))
    assert np.all(ours < rmse(baselines.persistence(past, len(read))))
    assert np.all(ours < rmse(baselines.seasonal(past, len(read))))


def test_most_later_readings_fall_inside(made: Any, later: Any) -> None:
    read = later[1]
    inside = (read >= target_array(made.low)) & (read <= target_array(made.high))
    assert 0.75 < inside.mean() < 0.99


def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(forecaster: Forecaster, made: Any, later: Any) -> None:
    short = forecaster.forecast(later[0], horizon_steps=4)
    for part, whole in zip(short, made):
        assert np.array_equal(target_array(part), target_array(whole)[:4])


def test_a_failure_raises_the_forecast_and_the_rest_stays_corrected(
    forecaster: Forecaster, made: Any, later: Any
) -> None:
    broken = forecaster.forecast(later[0], faults=[Fault("crah_fan", 0.0, 1e9, 0, 2.0)])
    rise = broken.mean.rack_inlet_c - made.mean.rack_inlet_c
    assert rise[3:].mean() > 0.5


def test_a_planner_compares_candidates_from_one_present(forecaster: Forecaster, later: Any) -> None:
    past: Telemetry = later[0].hall(0)
    supply_c = np.array([[14.0, 18.0, 22.0]], np.float32) + 4.0
    fans = np.full((1, 3), 0.8, np.float32)
    plans = {"supply_air_temp_setpoint_c": supply_c, "crah_fan_speed_frac": fans}
    found = forecaster.forecast(joined_batch([past] * 3), horizon_steps=6, setpoints=plans)
    warmest = found.mean.rack_inlet_c[-1].max(axis=0)
    assert np.all(np.diff(warmest) > 0.5)
    assert found.mean.cooling_power_kw.shape == (6, 3)


def test_the_future_is_not_looked_at(forecaster: Forecaster, made: Any, later: Any) -> None:
    past: Telemetry = later[0]
    alone = forecaster.forecast(past.hall(0))
    assert np.allclose(target_array(alone.mean), target_array(made.mean)[..., :1], atol=2e-3)
    assert past.values[COOLING].shape[0] == 7 * 144 + 3


def test_a_horizon_beyond_the_settings_is_refused(forecaster: Forecaster, later: Any) -> None:
    with pytest.raises(ValueError, match="horizon_h"):
        forecaster.forecast(later[0], horizon_steps=145)


def test_an_unfitted_forecaster_says_what_to_do(small: Any, later: Any) -> None:
    with pytest.raises(ValueError, match="call fit"):
        Forecaster(small).forecast(later[0])


def test_too_little_training_is_refused_with_the_mend(small: Any, train: Telemetry) -> None:
    with pytest.raises(ValueError, match="history has"):
        Forecaster(small).fit(train.part(0, 7 * 144))
