from __future__ import annotations

import numpy as np

from envs.twin.estimation.work_by_power import WorkByPower

REACH = np.linspace(0.0, 1.0, 5)
PATH = np.stack([np.stack([0.3 * REACH, 0.6 * REACH, REACH]), np.stack([0.7 * REACH, 0.4 * REACH, 0.0 * REACH])])
ROWS = WorkByPower(PATH, np.array([10.0 + 40.0 * REACH, 5.0 + 10.0 * REACH**2]), np.array([0, 0, 1]))


def test_racks_stand_where_their_meter_reads_what_they_draw() -> None:
    read_kw = np.array([[10.0, 30.0, 50.0], [5.0, 7.5, 15.0]])
    activity = ROWS.load(read_kw, np.float64).activity
    np.testing.assert_allclose(activity[:, 0], [[0.0, 0.15, 0.3], [0.0, 0.35, 0.7]])
    np.testing.assert_allclose(activity[:, :2].sum(axis=0), [[0.0, 0.5, 1.0]] * 2)
    np.testing.assert_allclose(activity[0, 2], [0.0, 0.5, 1.0])


def test_a_reading_beyond_the_path_stands_at_its_end_and_nothing_waits() -> None:
    load = ROWS.load(np.array([[0.0, 90.0], [0.0, 90.0]]), np.float32)
    assert load.activity.dtype == np.float32
    np.testing.assert_allclose(load.activity.sum(axis=0)[:, 0], 0.0)
    np.testing.assert_allclose(load.activity.sum(axis=0)[:, 1], 1.0)
    assert not np.any(load.batch_arrival)
    assert load.job[:, 0].tolist() == [0, 1, 2]
