"""Telemetry of two small halls with hidden parameters, made once for all tests of the forecaster."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.forecasting.engine import Forecaster, ForecastSettings
from envs.scenario import Scenario, load
from envs.twin.telemetry.telemetry import Telemetry
from experiments.forecasting.halls import HallDraw, Halls, simulate

COARSE = ["episode.step_s=600", "episode.substep_s=120", "site.workload_weeks=4"]
PER_DAY = 144
DAYS, TRAIN_DAYS = 15, 12


@pytest.fixture(scope="session")
def small() -> Scenario:
    return load("edge_room", COARSE)


@pytest.fixture(scope="session")
def halls(small: Scenario) -> Halls:
    keep = [TRAIN_DAYS * PER_DAY + 40]
    return simulate(small, HallDraw(halls=2, days=DAYS, spread=0.2, seed=3), keep=keep)


@pytest.fixture(scope="session")
def train(halls: Halls) -> Telemetry:
    return halls.telemetry.hall(0).part(0, TRAIN_DAYS * PER_DAY)


@pytest.fixture(scope="session")
def forecaster(small: Scenario, train: Telemetry) -> Forecaster:
    made = Forecaster(small, ForecastSettings(folds=2, stride_h=3.0))
    made.fit(train)
    return made


@pytest.fixture(scope="session")
def later(forecaster: Forecaster, halls: Halls) -> Any:
    """Moments of later days: their past, what was read afterwards."""
    from agents.forecasting.residual import target_series

    cut = halls.telemetry.hall(0).part(TRAIN_DAYS * PER_DAY - 7 * PER_DAY, DAYS * PER_DAY)
    past, after = forecaster.moments(cut, 3.0)
    return past, np.asarray(target_series(after.part(1, after.rows)), np.float64)
