"""The table of machines that remember: each reports, and is corrected by, what a building shows."""

from __future__ import annotations

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.physics.readings import Readings
from envs.plant.datacenter import INLET_ALARM_C
from envs.plant.machines import MACHINES, corrected_inlets, reported

SCENARIOS = ("ai_hall", "legacy_air", "liquid_hall", "edge_room")


@pytest.fixture(scope="module", params=SCENARIOS)
def halls(request: pytest.FixtureRequest) -> DataCenterCore:
    """Two halls that went different ways for a few steps."""
    core = DataCenterCore(request.param, 2, ("site.workload_weeks=1",))
    core.reset(seed=4)
    for _ in range(5):
        core.step_setpoints({})
    return core


def shown(core: DataCenterCore) -> dict[str, np.ndarray]:
    """What exact sensors show, ``{name: (k, B)}``."""
    assert core.state is not None
    points = core.instruments.plant_points(core.flows, core.state, core.in_force, core.outside)
    return {name: np.atleast_2d(value) for name, value in points.items()}


def test_every_mode_and_timer_of_the_table_of_points_is_reported_by_its_machine(halls: DataCenterCore) -> None:
    assert halls.state is not None
    points = {p.name for p in halls.observer.points}
    exact = {n for n in points if n.endswith("_hold_frac") or n in ("economizer_on", "dry_cooler_pad_on")}
    assert exact | {"batch_ahead_h"} <= set(reported(halls.plant, halls.state))


def test_modes_timers_and_fan_speeds_become_those_of_the_hall_that_is_followed(halls: DataCenterCore) -> None:
    """The first hall is corrected by what the second one shows."""
    assert halls.state is not None
    other = {name: value[:, ::-1] for name, value in shown(halls).items()}
    readings = Readings(other, halls.flows._asdict())
    changed = {
        m.name: m.corrected(m.parameters(halls.plant), getattr(halls.state, m.name), readings, 0.3)
        for m in MACHINES
        if m.corrected and getattr(halls.state, m.name) is not None
    }
    followed = halls.state._replace(**changed)
    for name, value in reported(halls.plant, followed).items():
        if name != "batch_ahead_h":  # the model's own work
            np.testing.assert_allclose(value, other[name][0], rtol=1e-6, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(followed.air.fan_speed_frac, other["zone_fan_speed_frac"])


def test_a_hall_that_shows_what_was_expected_corrects_nothing(halls: DataCenterCore) -> None:
    assert halls.state is not None
    readings = Readings(shown(halls), halls.flows._asdict())
    for machine in MACHINES:
        own = getattr(halls.state, machine.name)
        if machine.corrected is None or own is None:
            continue
        for before, after in zip(own, machine.corrected(machine.parameters(halls.plant), own, readings, 0.3)):
            if isinstance(before, np.ndarray):
                np.testing.assert_allclose(after, before, rtol=1e-6, err_msg=machine.name)
                assert after.dtype == before.dtype


def test_a_hall_that_shows_nothing_corrects_nothing(halls: DataCenterCore) -> None:
    assert halls.state is not None
    for machine in MACHINES:
        own = getattr(halls.state, machine.name)
        if machine.corrected is not None and own is not None:
            after = machine.corrected(machine.parameters(halls.plant), own, Readings({}), 0.3)
            assert all(a is b or np.array_equal(a, b) for a, b in zip(_parts(own), _parts(after)))


def test_a_measured_inlet_over_its_limit_is_an_alarm_unless_alarms_sleep(halls: DataCenterCore) -> None:
    assert halls.state is not None
    hot = np.where(np.arange(2) == 1, INLET_ALARM_C + 0.5, INLET_ALARM_C - 0.5) + np.zeros_like(halls.state.alarm)
    readings = Readings({"zone_inlet_max_c": hot})
    found = corrected_inlets(halls.plant, halls.state, readings, 0.3)
    np.testing.assert_array_equal(found.alarm, np.broadcast_to([0.0, 1.0], found.alarm.shape))
    halls.plant.alarms = False
    try:
        asleep = corrected_inlets(halls.plant, halls.state, readings, 0.3)
    finally:
        halls.plant.alarms = True
    np.testing.assert_array_equal(asleep.alarm, halls.state.alarm)


def _parts(state: tuple) -> list[np.ndarray]:
    return [x for part in state for x in (part if isinstance(part, tuple) else (part,))]
