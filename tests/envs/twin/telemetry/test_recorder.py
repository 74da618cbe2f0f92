from __future__ import annotations

import numpy as np

from envs.core import DataCenterCore
from envs.play import play, play_through
from envs.twin.telemetry.recorder import PointReader, Recorder, record_telemetry, true_value_reader
from envs.twin.telemetry.telemetry import COOLING, INLET

SMALL = ("site.workload_weeks=1",)
NAMES = (INLET, COOLING, "dry_bulb_c", "crah_fan_speed_frac", "economizer_on", "tower_cells_running")


def core_at_start(batch: int = 2) -> DataCenterCore:
    core = DataCenterCore("ai_hall", batch, SMALL)
    core.reset(seed=3)
    return core


def test_true_values_are_those_of_the_step_that_ends_at_their_row() -> None:
    core, dry, cooling = core_at_start(), [], []
    recorder = Recorder(core, true_value_reader(core, NAMES), 4)
    for step in play(core, core.rules, 4):
        recorder.add(step)
        dry.append(step.outside.dry_bulb_c)
        cooling.append(core.flows.cooling_power_kw)
    told = recorder.telemetry()
    assert told.values[INLET].shape == (4, core.plant.layout.n_racks, 2)
    np.testing.assert_array_equal(told.values["dry_bulb_c"][:, 0], dry)
    np.testing.assert_array_equal(told.values[COOLING][:, 0], cooling)
    np.testing.assert_array_equal(told.values["crah_fan_speed_frac"][-1], core.in_force["crah_fan_speed_frac"])
    np.testing.assert_array_equal(told.values["tower_cells_running"][-1, 0], core.state.tower.stages.running)


def test_points_are_what_the_next_action_is_made_from() -> None:
    core = core_at_start()
    told = record_telemetry(core, core.rules, 3, PointReader(core))
    for name in (INLET, "dry_bulb_c", "in_force.crah_fan_speed_frac"):
        np.testing.assert_array_equal(told.values[name][-1], core.measurements()[name])
    assert "price_usd_mwh" not in told.values


def test_meters_err_by_their_class_and_in_the_same_way_again() -> None:
    first, again = (
        record_telemetry(core, core.rules, 1, PointReader(core)) for core in (core_at_start(64), core_at_start(64))
    )
    np.testing.assert_array_equal(first.values[COOLING], again.values[COOLING])
    core = core_at_start(64)
    play_through(core, core.rules, 1)
    error = first.values[COOLING][0, 0] / core.flows.cooling_power_kw - 1.0
    assert 0.005 < error.std() < 0.02 and abs(error.mean()) < 0.005


def test_a_recorder_stopped_early_shows_the_rows_that_it_has() -> None:
    core = core_at_start()
    recorder = Recorder(core, true_value_reader(core, (COOLING,)), 10)
    for step in play(core, core.rules, 3):
        recorder.add(step)
    assert recorder.telemetry().rows == 3
