"""What stable-baselines3 asks of a VecEnv: references that hold a step, ends of episodes, sums, a run of PPO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from envs.episodes.world import World

SHORT = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60", "episode.steps=3")
WorldOf = Callable[[str], World]


def make(world_of: WorldOf, n: int = 2) -> Any:
    pytest.importorskip("stable_baselines3")
    from envs.sb3_vec_env import DataCenterSB3VecEnv

    return DataCenterSB3VecEnv("edge_room", n, SHORT, world=world_of("edge_room"))


def still(env: Any) -> np.ndarray:
    return np.zeros((env.num_envs, *env.action_space.shape), np.float32)


def test_what_was_handed_out_outlives_the_next_step(world_of: WorldOf) -> None:
    env = make(world_of)
    env.seed(0)
    last = env.reset()
    done_before = np.ones(2, bool)
    for _ in range(7):
        kept, kept_done = last.copy(), done_before.copy()
        obs, reward, done, _ = env.step(still(env))
        np.testing.assert_array_equal(last, kept)
        np.testing.assert_array_equal(done_before, kept_done)
        assert not np.shares_memory(obs, last) and not np.shares_memory(done, done_before)
        reward += 7.0
        last, done_before = obs, done


def test_rewards_may_be_changed_in_place(world_of: WorldOf) -> None:
    spoilt, clean = make(world_of), make(world_of)
    for env in (spoilt, clean):
        env.seed(0)
        env.reset()
    for _ in range(3):
        a, b = spoilt.step(still(spoilt)), clean.step(still(clean))
        np.testing.assert_array_equal(a[1], b[1])
        a[1][:] = 1e6
    assert a[3][0]["episode"]["r"] == b[3][0]["episode"]["r"]


def test_the_end_of_an_episode_carries_observation_truncation_and_sums(world_of: WorldOf) -> None:
    env = make(world_of)
    env.seed(0)
    env.reset()
    outs = [env.step(still(env)) for _ in range(4)]
    outs_rewards = sum(o[1] for o in outs[:3])
    assert outs[2][2].all() and not outs[3][2].any()
    for i, info in enumerate(outs[2][3]):
        assert info["TimeLimit.truncated"] is True and info["terminal_observation"].shape == env.observation_space.shape
        assert not np.array_equal(info["terminal_observation"], outs[2][0][i])
        assert info["episode"]["l"] == 3 and info["episode"]["r"] == pytest.approx(outs_rewards[i], rel=1e-5)
        assert "cost_energy_usd" in info["episode"]
    assert outs[1][3] == [{}, {}] and outs[3][3] == [{}, {}]
    assert set(env.last_terms) >= {"energy", "inlet"} and env.last_terms["energy"].shape == (2,)


def test_ppo_and_an_off_policy_learner_run_on_it(world_of: WorldOf) -> None:
    env = make(world_of, 4)
    from stable_baselines3 import PPO, SAC

    small = {"net_arch": [8]}
    ppo = PPO("MlpPolicy", env, n_steps=8, batch_size=32, n_epochs=1, policy_kwargs=small, seed=0, device="cpu").learn(
        64
    )
    assert len(ppo.ep_info_buffer) > 0 and ppo.ep_info_buffer[0]["l"] == 3
    sac = SAC(
        "MlpPolicy", env, learning_starts=8, batch_size=8, buffer_size=64, policy_kwargs=small, seed=0, device="cpu"
    )
    assert sac.learn(32).num_timesteps == 32
    ends = sac.replay_buffer.timeouts[: sac.replay_buffer.pos]
    assert ends.any() and not ends.all()


def test_it_is_never_wrapped_and_answers_for_its_core(world_of: WorldOf) -> None:
    env = make(world_of, 3)
    assert env.env_is_wrapped(object) == [False] * 3 and env.get_attr("num_envs", [0, 2]) == [3, 3]
    assert env.get_attr("render_mode") == [None] * 3


def staggered(world_of: WorldOf, steps: int = 24, n: int = 6) -> Any:
    from envs.sb3_vec_env import DataCenterSB3VecEnv

    short = (*SHORT[:3], f"episode.steps={steps}")
    return DataCenterSB3VecEnv("edge_room", n, short, world=world_of("edge_room"), stagger=True)


def test_staggered_episodes_end_apart_at_first_and_last_their_whole_length_after_that(world_of: WorldOf) -> None:
    env = staggered(world_of)
    env.seed(0)
    env.reset()
    ends: dict[int, list[int]] = {i: [] for i in range(6)}
    for step in range(1, 61):
        for i in np.flatnonzero(env.step(still(env))[2]):
            ends[int(i)].append(step)
    first = [found[0] for found in ends.values()]
    assert first == [2, 4, 6, 8, 10, 12]
    assert all(found[1] - found[0] == 24 for found in ends.values())


def test_a_staggered_run_goes_on_as_if_never_stopped(world_of: WorldOf) -> None:
    whole, again = staggered(world_of), staggered(world_of)
    whole.seed(0)
    whole.reset()
    for _ in range(5):
        whole.step(still(whole))
    again.load_state(whole.save_state())
    for _ in range(9):
        one, other = whole.step(still(whole)), again.step(still(again))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[2], other[2])
