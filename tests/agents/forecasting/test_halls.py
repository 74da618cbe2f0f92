from __future__ import annotations

import numpy as np

from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER
from experiments.forecasting.halls import Halls


def test_meters_are_near_the_truth_and_not_the_truth(halls: Halls) -> None:
    error = halls.telemetry.values[COOLING] / halls.truth.values[COOLING] - 1.0
    assert 0.005 < error.std() < 0.02
    assert np.abs(error.mean(axis=0)).max() < 0.03


def test_the_truth_is_recorded_beside_the_readings_row_by_row(halls: Halls) -> None:
    row = halls.moments[0].row
    assert halls.truth.rows == halls.telemetry.rows
    assert np.array_equal(halls.truth.now, halls.telemetry.now)
    read, true = halls.telemetry.values[INLET], halls.truth.values[INLET]
    assert 0.1 < (read - true)[row].std() < 0.6
    assert np.abs(read[1:] - true[:-1]).mean() > np.abs(read - true).mean()


def test_halls_differ_in_their_hidden_parameters_and_their_load(halls: Halls) -> None:
    flow = halls.parameters["zones.room.unit_flow_m3_s"]
    assert flow.shape == (2,)
    assert flow[0] != flow[1]
    power = halls.telemetry.values[RACK_POWER]
    assert not np.allclose(power[:, :, 0], power[:, :, 1], rtol=0.05)
