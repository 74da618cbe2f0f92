"""The one observer: loops go to their sensors, modes are the building's, and what is not shown is remembered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.twin.estimation.observer import correct


@pytest.fixture(scope="module", params=["ai_hall", "liquid_hall"])
def core(request: pytest.FixtureRequest) -> DataCenterCore:
    made = DataCenterCore(request.param, 2, ("site.workload_weeks=1",))
    made.reset(seed=4)
    for _ in range(5):
        made.step_setpoints({})
    return made


def warmer(core: DataCenterCore, by_k: float) -> dict[str, np.ndarray]:
    """What the halls would show if everything were warmer."""
    names = ("zone_supply_c", "zone_return_c", "rack_inlet_c", "chw_supply_c", "cw_supply_c", "tcs_supply_c")
    return {name: np.atleast_2d(getattr(core.flows, name)) + by_k for name in (*names, "fws_supply_c")}


def temperatures(state: Any) -> dict[str, np.ndarray]:
    found = {"supply": state.air.supply_c, "hot": state.air.hot_c, "inlet": state.inlet_c}
    loops = {"chw": "supply_c", "tower": "basin_c", "tcs": "supply_c", "fws": "supply_c"}
    return found | {n: getattr(getattr(state, n), field) for n, field in loops.items() if getattr(state, n)}


@pytest.mark.parametrize("gain", [0.3, 1.0])
def test_every_room_and_loop_moves_by_the_gain_and_what_has_no_sensor_does_not(
    core: DataCenterCore, gain: float
) -> None:
    assert core.state is not None
    found = correct(core.plant, core.state, core.flows, warmer(core, 2.0), gain)
    before, after = temperatures(core.state), temperatures(found)
    for name, value in before.items():
        np.testing.assert_allclose(after[name] - value, 2.0 * gain, atol=1e-4, err_msg=name)
    for kept in (("rack", "solids_c"), ("air", "fabric_c"), ("air", "humidity_ratio")):
        part, field = kept
        np.testing.assert_array_equal(getattr(getattr(found, part), field), getattr(getattr(core.state, part), field))


def test_without_expected_flows_temperatures_stay_and_modes_are_still_set(core: DataCenterCore) -> None:
    assert core.state is not None
    seen = warmer(core, 2.0) | {"zone_fan_speed_frac": np.full_like(core.state.air.fan_speed_frac, 0.77)}
    found = correct(core.plant, core.state, None, seen)
    for name, value in temperatures(core.state).items():
        np.testing.assert_array_equal(temperatures(found)[name], value, err_msg=name)
    assert np.all(found.air.fan_speed_frac == np.float32(0.77))


def test_a_chiller_that_the_building_just_started_is_not_at_full_capacity() -> None:
    core = DataCenterCore("ai_hall", 1, ("site.workload_weeks=1",))
    core.reset(seed=4)
    assert core.state is not None
    runs = core.state.chw.stages.running
    more = correct(core.plant, core.state, None, {"chillers_running": runs[None] + 1.0})
    np.testing.assert_array_equal(more.chw.stages.running, runs + 1.0)
    np.testing.assert_array_equal(more.chw.online, core.state.chw.online)
    none = correct(core.plant, core.state, None, {"chillers_running": 0.0 * runs[None]})
    np.testing.assert_array_equal(none.chw.online, 0.0)


def test_the_state_that_was_given_is_left_as_it_was(core: DataCenterCore) -> None:
    assert core.state is not None
    before = {name: value.copy() for name, value in temperatures(core.state).items()}
    correct(core.plant, core.state, core.flows, warmer(core, 5.0))
    for name, value in temperatures(core.state).items():
        np.testing.assert_array_equal(value, before[name])
