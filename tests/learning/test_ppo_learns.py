"""PPO on a small hall beats the setpoints as found, on every seed, within a fixed budget."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learning.build import build_model
from agents.policy import interface_of, policy_of_model
from envs.building.rules import legacy_fixed
from envs.core import DataCenterCore
from envs.play import play_through
from envs.sb3_vec_env import DataCenterSB3VecEnv

SCENARIO, OVERRIDES = "edge_room", ("episode.steps=96", "site.workload_weeks=2")
CHANNELS = ("crah_fan_speed_frac", "supply_air_temp_setpoint_c", "chw_supply_temp_setpoint_c")
BUDGET = 60_000  # environment steps
EPISODES = 32
ABSOLUTE = {"batch_size": 512, "gamma": 0.9, "log_std_init": -1.0}  # the defaults are for an agent on top of a rule


def mean_return(core, controller):
    """Mean episode return of a controller on the same drawn episodes."""
    core.reset(seed=10_000)
    controller.reset(core.num_envs)
    play_through(core, controller, core.scenario.episode.steps)
    return core.episode_statistics()["r"].mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.quick_for("0")
def test_ppo_beats_the_setpoints_as_found(seed):
    judge = DataCenterCore(SCENARIO, EPISODES, OVERRIDES, CHANNELS)
    found = mean_return(judge, legacy_fixed(judge.scenario, judge.plant.layout))
    sites = DataCenterSB3VecEnv(SCENARIO, 128, OVERRIDES, CHANNELS)
    model = build_model("ppo", sites, ABSOLUTE, seed, "cpu")
    untrained = mean_return(judge, policy_of_model(model, interface_of(judge)))
    model.learn(BUDGET)
    learnt = mean_return(judge, policy_of_model(model, interface_of(judge)))
    assert np.isfinite(learnt)
    assert learnt > found, f"learnt {learnt:.2f}, as found {found:.2f}"
    assert learnt > untrained, f"learnt {learnt:.2f}, untrained {untrained:.2f}"
