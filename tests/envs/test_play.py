from __future__ import annotations

import numpy as np

from envs.controllers.fixed import Fixed
from envs.core import DataCenterCore
from envs.play import play, play_through

FANS = Fixed({"crah_fan_speed_frac": [0.8]})


def core_at_start() -> DataCenterCore:
    core = DataCenterCore("edge_room", 2, ("site.workload_weeks=1",))
    core.reset(seed=4)
    return core


def test_a_step_tells_what_was_read_before_it_and_what_came_of_it() -> None:
    core = core_at_start()
    before, outside = core.measurements(), core.outside
    step = next(play(core, FANS, 1))
    assert step.outside is outside and all(step.measured[name] is value for name, value in before.items())
    np.testing.assert_array_equal(step.wanted["crah_fan_speed_frac"], np.full((1, 2), 0.8, np.float32))
    assert step.observation.shape == (2, core.observation_size)
    np.testing.assert_allclose(core.episode_statistics()["r"], step.reward, rtol=1e-6)
    assert set(step.cost_usd) >= {"energy"} and not step.truncated.any()


def test_played_through_or_step_by_step_the_plant_does_the_same() -> None:
    one, other = core_at_start(), core_at_start()
    play_through(one, one.rules, 5)
    steps = list(play(other, other.rules, 5))
    assert len(steps) == 5 and other.t.tolist() == [5, 5]
    np.testing.assert_array_equal(one.flows.facility_power_kw, other.flows.facility_power_kw)


def test_a_controller_that_plays_on_keeps_what_it_remembers() -> None:
    whole, halves = core_at_start(), core_at_start()
    play_through(whole, whole.rules, 6)
    for _ in range(2):
        play_through(halves, halves.rules, 3)
    np.testing.assert_array_equal(whole.flows.rack_inlet_c, halves.flows.rack_inlet_c)
