"""A masked choice of the rack on which the next job begins: what may not be chosen is refused, and nobody gains."""

from __future__ import annotations

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.placement_env import HallPlacementEnv
from envs.scenario import load

SITE = ("jobs={}", "site.workload_weeks=1", "site.workload_seeds=[0]", "episode.steps=24")
STEPS = 24


@cache
def world() -> World:
    return World.build(load("ai_hall", SITE))


def made(*overrides: str) -> HallPlacementEnv:
    return HallPlacementEnv("ai_hall", (*SITE, *overrides), world=world())


def played(env: HallPlacementEnv, seed: int, legal: bool = True) -> float:
    """Work done [accelerator-h] under random choices, or under the scheduler's own; the ledger closes in every step."""
    env.reset(seed=3)
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        masks = env.action_masks()
        env.step(int(rng.choice(np.flatnonzero(masks))) if legal else len(env.racks))
        assert np.abs(env.jobs.residual_h()).max() < 1e-9
        table = env.jobs.jobs.table
        np.testing.assert_array_equal(table.held.sum(axis=0) + table.free, table.racks[:, None])
        assert (table.free >= 0).all()
    return float(env.jobs.jobs.ledger.done.sum())


def test_a_rack_that_cannot_take_the_next_job_is_refused_and_nothing_has_changed() -> None:
    env = made("jobs.occupancy=1.2")
    env.reset(seed=0)
    refused = 0
    for _ in range(STEPS - 1):
        masks, t = env.action_masks(), int(env.core.t[0])
        held = env.jobs.jobs.table.held.copy()
        for action in np.flatnonzero(~masks):
            with pytest.raises(ValueError, match=f"action {action} may not be chosen now"):
                env.step(action)
            refused += 1
        assert int(env.core.t[0]) == t and (env.jobs.jobs.table.held == held).all()
        for action in np.flatnonzero(~masks[:-1]):
            rack = env.racks[action]
            assert env.jobs.jobs.table.free[rack, 0] == 0 or not (env.jobs.jobs.table.state == 1).any()
        env.step(len(env.racks))
    assert refused > 5


def test_a_dark_rack_is_masked() -> None:
    env = made()
    env.reset(seed=0)
    state = env.core.state
    assert state is not None
    open_before = env.action_masks()
    rack = int(np.flatnonzero(open_before[:-1])[0])
    state.alive[env.racks[rack], 0] = 0.0
    assert open_before[rack] and not env.action_masks()[rack]


def test_the_next_job_begins_on_the_rack_that_was_chosen() -> None:
    env = made("jobs.starts=1")
    env.reset(seed=1)
    rng, began = np.random.default_rng(0), 0
    for _ in range(STEPS):
        masks = env.action_masks()
        action = int(rng.choice(np.flatnonzero(masks)))
        table = env.jobs.jobs.table
        waiting, submit = table.state == 1, table.facts.submit_s.copy()
        free = table.free[env.racks[action], 0] if action < len(env.racks) else 0
        env.step(action)
        started = waiting & (table.span > 0) & (table.facts.submit_s == submit)
        if action < len(env.racks) and started.any():
            took = table.held[:, env.racks[action]][started]
            assert took.max() == min(table.facts.accelerators[started].max(), free)
            began += 1
    assert began >= 2


@pytest.mark.parametrize("seed", [0, 1])
def test_random_legal_choices_make_no_work_and_hide_none(seed: int) -> None:
    env, plain = made(), made()
    chosen, by_rule = played(env, seed), played(plain, seed, legal=False)
    asked = [e.jobs.jobs.ledger.asked - e.jobs.jobs.ledger.redone for e in (env, plain)]
    np.testing.assert_allclose(*asked, rtol=1e-12)
    capacity = env.jobs.racks.sum() * STEPS * env.core.step_s / 3600.0
    assert 0.0 < chosen <= capacity and 0.0 < by_rule <= capacity
    assert (env.jobs.jobs.ledger.redone == 0.0).all()  # placing stops nobody


def test_choosing_nothing_is_the_scheduler_s_own_placement() -> None:
    env, core = made(), DataCenterCore("ai_hall", 1, SITE, ("job_admission_frac",), world=world())
    env.reset(seed=5)
    core.reset(seed=5)
    for _ in range(20):
        env.step(len(env.racks))
        core.step_setpoints({})
        assert core.jobs is not None
        np.testing.assert_array_equal(env.jobs.jobs.table.held, core.jobs.jobs.table.held)


def test_gymnasium_s_checker_accepts_it() -> None:
    env: Any = gym.make("envs:coldaisle/HallPlacement-v0", scenario="ai_hall", overrides=SITE, world=world())
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert env.observation_space.shape == (len(env.unwrapped.observation_names),)
    assert env.action_space.n == len(env.unwrapped.action_names)
    assert env.get_wrapper_attr("action_masks")().shape == (env.action_space.n,)


@pytest.mark.parametrize("rack", [[0, 0], [99], [5.0e9]])
def test_a_rack_that_is_not_for_jobs_is_refused(rack: list[float]) -> None:
    env = made()
    with pytest.raises(ValueError, match="give one of"):
        env.jobs.prefer(np.asarray(rack, np.int64))


def test_masks_before_a_reset_are_refused() -> None:
    with pytest.raises(ValueError, match="call reset first"):
        made().action_masks()


def test_a_hall_without_jobs_is_refused() -> None:
    with pytest.raises(ValueError, match="none is in scenario"):
        HallPlacementEnv("ai_hall")


@pytest.mark.slow
def test_maskable_ppo_chooses_what_may_be_chosen_before_and_after_learning() -> None:
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    seen: list[tuple[NDArray[np.bool_], int]] = []

    class Watched(HallPlacementEnv):
        def step(self, action: int | np.integer) -> Any:
            seen.append((self.action_masks(), int(action)))
            return super().step(action)

    sites = DummyVecEnv([lambda: Watched("ai_hall", (*SITE, "jobs.occupancy=1.2"), world=world())])
    model = MaskablePPO("MlpPolicy", sites, n_steps=64, batch_size=64, seed=0)
    model.learn(256)
    env = made("jobs.occupancy=1.2")
    observation, _ = env.reset(seed=9)
    for _ in range(STEPS):
        masks = env.action_masks()
        action, _ = model.predict(observation, action_masks=masks)
        seen.append((masks, int(action)))
        observation, *_ = env.step(int(action))
    assert len(seen) >= 256 + STEPS and all(masks[action] for masks, action in seen)
    assert not all(masks.all() for masks, _ in seen)
    assert np.abs(env.jobs.residual_h()).max() < 1e-9
