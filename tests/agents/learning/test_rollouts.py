"""Rollouts written in place: the weights of stable-baselines3's own loop and buffer, to the bit, with fewer copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.learning.callbacks import BatchedBootstrap
from agents.learning.rollouts import FilledInPlace, InPlace
from envs.sb3_vec_env import DataCenterSB3VecEnv

SHORT = ("site.workload_weeks=1", "episode.steps=10")
SITES, STEPS = 6, 8


def sites(num_envs: int = SITES) -> DataCenterSB3VecEnv:
    return DataCenterSB3VecEnv("edge_room", num_envs, SHORT, stagger=True)


def learnt(env: VecEnv, buffer: type[RolloutBuffer], *habits: BaseCallback, rollouts: int = 3) -> PPO:
    torch.set_num_threads(1)
    model = PPO(
        "MlpPolicy", env, n_steps=STEPS, batch_size=16, n_epochs=2, seed=4, device="cpu", rollout_buffer_class=buffer,
        policy_kwargs={"net_arch": [8]},
    )  # fmt: skip
    return model.learn(rollouts * STEPS * SITES, callback=list(habits))


def assert_same(one: PPO, other: PPO) -> None:
    expected, found = one.policy.state_dict(), other.policy.state_dict()
    assert expected and [name for name in expected if not torch.equal(expected[name], found[name])] == []
    np.testing.assert_array_equal(one._last_obs, other._last_obs)
    assert [e["r"] for e in one.ep_info_buffer or ()] == [e["r"] for e in other.ep_info_buffer or ()]


def test_what_is_learnt_in_place_is_what_the_stock_buffer_teaches() -> None:
    stock = learnt(sites(), RolloutBuffer, BatchedBootstrap())
    ours = learnt(sites(), FilledInPlace, InPlace(), BatchedBootstrap())
    assert len(stock.ep_info_buffer or ()) > SITES  # episodes were cut and bootstrapped
    assert_same(stock, ours)


def test_the_buffer_alone_teaches_the_same_too() -> None:
    assert_same(learnt(sites(), RolloutBuffer), learnt(sites(), FilledInPlace))


def test_wrapped_environments_are_copied_from_and_teach_the_same() -> None:
    stock = learnt(VecNormalize(sites()), RolloutBuffer, BatchedBootstrap())
    assert_same(stock, learnt(VecNormalize(sites()), FilledInPlace, InPlace(), BatchedBootstrap()))


class Watcher(BaseCallback):
    """Notes whether what a step returned stands in the buffer already."""

    def __init__(self) -> None:
        super().__init__()
        self.in_place: list[bool] = []

    def _on_step(self) -> bool:
        buffer = self.locals["rollout_buffer"]
        behind = buffer._seen[buffer.pos + 1]
        self.in_place.append(
            np.shares_memory(self.locals["new_obs"], behind)
            and np.shares_memory(self.locals["rewards"], buffer.rewards[buffer.pos])
        )
        return True


@pytest.mark.parametrize("tied", [True, False])
def test_steps_are_written_into_the_buffer_where_it_is_tied_to_the_environments(tied: bool) -> None:
    watcher = Watcher()
    env = sites()
    learnt(env, FilledInPlace, *([InPlace()] if tied else []), watcher, rollouts=2)
    assert watcher.in_place == [tied] * (2 * STEPS)
    assert env.rows is None


class Broken(BaseCallback):
    """Ends a rollout amid: by saying so, or by an error."""

    def __init__(self, by_error: bool) -> None:
        super().__init__()
        self.by_error = by_error

    def _on_step(self) -> bool:
        if self.n_calls == 3 and self.by_error:
            raise RuntimeError("lost")
        return self.n_calls < 3


@pytest.mark.parametrize("by_error", [False, True])
def test_a_rollout_that_was_broken_off_leaves_the_environments_to_themselves(by_error: bool) -> None:
    env = sites()
    still = np.zeros((SITES, *(env.action_space.shape or ())), np.float32)
    if by_error:
        with pytest.raises(RuntimeError, match="lost"):
            learnt(env, FilledInPlace, InPlace(), Broken(by_error))
    else:
        learnt(env, FilledInPlace, InPlace(), Broken(by_error))
        assert env.rows is None
    last, *_ = env.step(still)
    for _ in range(3):
        kept = np.array(last)
        seen, *_ = env.step(still)
        np.testing.assert_array_equal(last, kept)
        last = seen
