"""Every id and scenario passes the checkers of gymnasium and stable-baselines3 without a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.episodes.world import World
from envs.scenario import SHIPPED

SHORT = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60", "episode.steps=3")
IDS = ("DataCenter", "Cooling", "PowerCap")


@pytest.mark.parametrize("scenario", SHIPPED)
@pytest.mark.parametrize("name", IDS)
@pytest.mark.quick_for("DataCenter-*", "*-ai_hall_power_cap")
def test_both_checkers_pass_without_a_warning(name: str, scenario: str, world_of: Callable[[str], World]) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(f"envs:coldaisle/{name}-v1", scenario=scenario, overrides=SHORT, world=world_of(scenario))
        check_env(env.unwrapped)
        sb3.check_env(env)
        env.close()


@pytest.mark.parametrize("name", IDS)
def test_the_wrappers_of_make_find_nothing_to_warn_about(name: str, world_of: Callable[[str], World]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(f"envs:coldaisle/{name}-v1", scenario="edge_room", overrides=SHORT, world=world_of("edge_room"))
        env.action_space.seed(0)
        env.reset(seed=0)
        ends = [env.step(env.action_space.sample())[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_no_time_limit_wrapper_counts_steps_a_second_time() -> None:
    env = gym.make("envs:coldaisle/DataCenter-v1", scenario="edge_room", overrides=SHORT)
    assert env.spec is not None and env.spec.max_episode_steps == 3
    while env is not env.unwrapped:
        assert not isinstance(env, gym.wrappers.TimeLimit)
        env = env.env


def test_the_power_cap_id_starts_behind_a_feeder_that_binds() -> None:
    env = gym.make("envs:coldaisle/PowerCap-v1", overrides=SHORT).unwrapped
    assert env.core.scenario.name == "ai_hall_power_cap"
    assert {c.name for c in env.core.agent_channels} == {"rack_power_limit_frac", "battery_power_kw"}


def test_the_ids_are_one_environment_with_different_rows() -> None:
    made = {n: gym.make(f"envs:coldaisle/{n}-v1", scenario="edge_room", overrides=SHORT).unwrapped for n in IDS}
    held = {n: {c.name for c in env.core.agent_channels} for n, env in made.items()}
    assert held["Cooling"] | held["PowerCap"] == held["DataCenter"] and not held["Cooling"] & held["PowerCap"]
    assert len({env.observation_space.shape for env in made.values()}) == 1


@pytest.mark.parametrize("name", IDS)
def test_make_vec_takes_scenario_overrides_and_every_autoreset_mode(
    name: str, world_of: Callable[[str], World]
) -> None:
    for mode in (None, *gym.vector.AutoresetMode, "NextStep", "next_step"):
        extra: dict[str, object] = {} if mode is None else {"autoreset_mode": mode}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            extra |= {"scenario": "edge_room", "overrides": SHORT, "world": world_of("edge_room")}
            env = gym.make_vec(f"envs:coldaisle/{name}-v1", num_envs=2, **extra)
        wanted = gym.vector.AutoresetMode.SAME_STEP if mode is None else mode
        if isinstance(wanted, str):
            wanted = gym.vector.AutoresetMode.NEXT_STEP
        assert env.metadata["autoreset_mode"] is wanted and env.num_envs == 2
        assert env.core.scenario.name == "edge_room" and env.core.scenario.episode.steps == 3


def test_the_vectorized_id_defaults_as_the_single_one_does() -> None:
    env = gym.make_vec("envs:coldaisle/PowerCap-v1", num_envs=2, overrides=SHORT)
    assert env.core.scenario.name == "ai_hall_power_cap" and env.single_action_space.shape == (5,)


def test_an_unknown_autoreset_mode_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="autoreset_mode = 'later'.*SAME_STEP"):
        gym.make_vec("envs:coldaisle/DataCenter-v1", num_envs=1, overrides=SHORT, autoreset_mode="later")


def test_the_sync_vectorizer_of_gymnasium_gives_the_same_numbers() -> None:
    args = {"id": "envs:coldaisle/DataCenter-v1", "num_envs": 2, "scenario": "edge_room", "overrides": SHORT}
    own, sync = gym.make_vec(**args), gym.make_vec(**args, vectorization_mode="sync")
    a, b = own.reset(seed=3)[0], sync.reset(seed=3)[0]
    np.testing.assert_allclose(a, b, atol=1e-5)
    still = np.zeros(own.action_space.shape, np.float32)
    np.testing.assert_allclose(own.step(still)[0], sync.step(still)[0], atol=1e-4)


@pytest.mark.parametrize("scenario", ["ai_factory", "inference_hall"])
def test_a_hall_with_jobs_passes_both_checkers(scenario: str, world_of: Callable[[str], World]) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("envs:coldaisle/Hall-v0", scenario=scenario, overrides=SHORT, world=world_of(scenario))
        check_env(env.unwrapped)
        sb3.check_env(env)
    held = {c.name for c in env.unwrapped.core.agent_channels}
    assert {"place_domain_weight", "job_admission_frac", "job_pause_frac", "class_power_limit_frac"} <= held
    assert "crah_fan_speed_frac" in held and "job_waiting_share" in env.unwrapped.observation_names
    env.close()
