from __future__ import annotations

import numpy as np
import pytest

from envs.twin.telemetry.history import COOLING, INLET, RACK_POWER, History, windows
from experiments.forecasting.halls import Halls


def test_windows_are_views_that_end_where_they_say(train: History) -> None:
    cut = windows(train, 200, 12, 5, before=50, after=20)
    assert cut.points[INLET].shape == (70, train.points[INLET].shape[1], 5)
    assert np.shares_memory(cut.points[INLET], train.points[INLET])
    past = cut.part(0, 50)
    for i, row in enumerate(range(200, 260, 12)):
        assert np.array_equal(past.points[INLET][-1, :, i], train.points[INLET][row, :, 0])
        assert past.now[i] == row


def test_a_window_beyond_the_history_is_refused(train: History) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        windows(train, train.steps - 1, 1, 1, before=10, after=1)


def test_meters_are_near_the_truth_and_not_the_truth(halls: Halls) -> None:
    read, true = halls.history.points[COOLING][:, 0], halls.true_cooling_kw
    error = read / true - 1.0
    assert 0.005 < error.std() < 0.02
    assert np.abs(error.mean(axis=0)).max() < 0.03


def test_halls_differ_in_their_hidden_parameters_and_their_load(halls: Halls) -> None:
    flow = halls.parameters["zones.room.unit_flow_m3_s"]
    assert flow.shape == (2,)
    assert flow[0] != flow[1]
    power = halls.history.points[RACK_POWER]
    assert not np.allclose(power[:, :, 0], power[:, :, 1], rtol=0.05)
