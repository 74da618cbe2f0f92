"""Learning beside the environments: PPO against environments that cost nothing, and updates of off-policy learners.

A part of ``scripts.bench``.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.learning.callbacks import BatchedBootstrap, TermLogger
from agents.learning.rollouts import InPlace
from envs.core import DataCenterCore
from envs.engine.choice import chosen_engine
from envs.engine.compiled import CompiledFunction
from envs.sb3_vec_env import DataCenterSB3VecEnv
from scripts.bench import engine

OFF_POLICY = tuple(name for name, row in ALGORITHMS.items() if not row.on_policy)
Clock = Callable[[], float]


class Nothing(VecEnv):
    """Environments of given spaces that cost nothing: what a learner itself can do."""

    def __init__(self, like: VecEnv) -> None:
        super().__init__(like.num_envs, like.observation_space, like.action_space)
        shape = (like.num_envs, *(like.observation_space.shape or ()))
        self._obs = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32)
        self._zero, self._never = np.zeros(like.num_envs, np.float32), np.zeros(like.num_envs, bool)
        self._infos: list[dict[str, Any]] = [{} for _ in range(like.num_envs)]

    def reset(self) -> Any:
        """Give the one observation."""
        return self._obs

    def step_async(self, actions: np.ndarray) -> None:
        """Ignore the actions."""

    def step_wait(self) -> Any:
        """Give the one observation and no reward."""
        return self._obs, self._zero.copy(), self._never, self._infos

    def close(self) -> None:
        """Hold nothing."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Attributes are those of this object."""
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set on this object."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """No methods."""
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Never."""
        return [False] * self.num_envs


def sites(count: int, overrides: tuple[str, ...] = ()) -> DataCenterSB3VecEnv:
    """Sites of ai_hall as ``coldaisle train`` has them, two episodes on: the load is as long by then as it gets."""
    env = DataCenterSB3VecEnv("ai_hall", count, overrides, stagger=True)
    env.reset()
    actions = np.zeros((count, *(env.action_space.shape or ())), np.float32)
    for _ in range(2 * env.max_episode_steps):
        env.step(actions)
    return env


def habits() -> list[BaseCallback]:
    """The callbacks of every PPO run of ``coldaisle train``."""
    return [InPlace(), BatchedBootstrap(), TermLogger()]


def pair(batch: int, overrides: tuple[str, ...] = ()) -> tuple[BaseAlgorithm, BaseAlgorithm]:
    """PPO with its defaults on ai_hall and on environments that cost nothing."""
    torch.set_num_threads(1)
    real = sites(batch, overrides)
    return build_model("ppo", real), build_model("ppo", Nothing(real))


def ppo_rates(
    steps: int, repeats: int, batch: int = 1024, overrides: tuple[str, ...] = (), clock: Clock = time.process_time
) -> tuple[float, float, float]:
    """Steps/s of PPO on ai_hall and on nothing, best of repeats in turn, and the median share of the one in the other.

    The first round only warms up.
    """
    spent = np.zeros((repeats + 1, 2))
    models = pair(batch, overrides)
    for repeat in range(repeats + 1):
        for k, model in enumerate(models):
            start = clock()
            model.learn(steps, callback=habits(), reset_num_timesteps=repeat == 0)
            spent[repeat, k] = clock() - start
    real, nothing = steps / spent[1:].min(axis=0)
    return real, nothing, float(np.median(spent[1:, 1] / spent[1:, 0]))


@contextmanager
def timed(places: Mapping[str, tuple[Any, str]]) -> Iterator[dict[str, float]]:
    """Processor seconds spent in methods ``{part: (owner, name)}``, less those in each other."""
    spent: dict[str, float] = defaultdict(float)
    inside: list[float] = []

    def watched(part: str, function: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            inside.append(0.0)
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.process_time() - start
                spent[part] += whole - inside.pop()
                if inside:
                    inside[-1] += whole

        return wrapper

    kept = [(owner, name, vars(owner).get(name)) for owner, name in places.values()]
    for part, (owner, name) in places.items():
        setattr(owner, name, watched(part, getattr(owner, name)))
    try:
        yield spent
    finally:
        for owner, name, before in kept:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def ppo_parts(steps: int, batch: int = 1024, overrides: tuple[str, ...] = ()) -> list[tuple[str, float, float]]:
    """Microseconds of an environment step by part, on ai_hall and on nothing: where PPO's share is lost."""
    found = []
    for model in pair(batch, overrides):
        model.learn(steps // 4, callback=habits())
        ppo: Any = model
        places = {
            "update": (model, "train"),
            "batches of the update": (ppo.rollout_buffer, "_get_samples"),
            "policy in rollouts": (ppo.policy, "forward"),
            "machine code": (CompiledFunction, "_call"),
            "core around it": (DataCenterCore, "step"),
            "resets": (DataCenterCore, "reset"),
            "adapter": (model.env, "step"),
            "buffer": (ppo.rollout_buffer, "add"),
            "callbacks": (BaseCallback, "on_step"),
            "loop": (model, "learn"),
        }
        with timed(places) as spent:
            model.learn(steps, callback=habits(), reset_num_timesteps=False)
        found.append({part: 1e6 * spent[part] / steps for part in places})
    real, nothing = found
    return [(part, real[part], nothing[part]) for part in real]


class UpdateCost(NamedTuple):
    """What learning costs beside stepping, under an algorithm's defaults."""

    environments: int
    gradient_step_ms: float
    environment_ms: float
    """One control step of all environments."""
    update_share: float
    """Of the time of a run."""
    steps_per_s: float


def update_cost(
    algorithm: str, steps: int, environments: int | None = None, overrides: tuple[str, ...] = ()
) -> UpdateCost:
    """Cost of the updates of an off-policy learner on ai_hall."""
    torch.set_num_threads(1)
    count = environments or ALGORITHMS[algorithm].environments
    env = sites(count, overrides)
    model: Any = build_model(algorithm, env, {"learning_starts": count, "buffer_size": 100_000})
    model.learn(16 * count)
    updates = model._n_updates
    with timed({"update": (model, "train"), "step": (env, "step"), "rest": (model, "learn")}) as spent:
        model.learn(steps, reset_num_timesteps=False)
    whole = sum(spent.values())
    per_gradient_step = spent["update"] / (model._n_updates - updates)
    per_step = spent["step"] / (steps // count)
    return UpdateCost(count, 1e3 * per_gradient_step, 1e3 * per_step, spent["update"] / whole, steps / whole)


def print_learning(quick: bool) -> None:
    """PPO's share of what it reaches on nothing and where the rest goes; updates of the other learners."""
    steps, repeats = (24_576, 2) if quick else (98_304, 5)
    ppo, nothing, share = ppo_rates(steps, repeats)
    print(f"PPO, 1024 environments: {ppo:,.0f} steps/s of {nothing:,.0f} on nothing; {100 * share:.1f} % of it in turn")
    with engine(chosen_engine(), threads=2):
        ppo, nothing, share = ppo_rates(steps, repeats, clock=time.perf_counter)
    print(f"  two threads for the plant, by the clock: {ppo:,.0f} of {nothing:,.0f}; {100 * share:.1f} %")
    print("microseconds of an environment step in PPO: ai_hall, nothing")
    for part, on_real, on_nothing in ppo_parts(2 * steps):
        print(f"  {part:24s}{on_real:8.3f}{on_nothing:8.3f}")
    print("updates: sites, ms a gradient step, ms a control step of all sites, share of the time, environment steps/s")
    for name in OFF_POLICY:
        cost = update_cost(name, 2048 if quick else 8192)
        print(
            f"  {name:8s}{cost.environments:5d}{cost.gradient_step_ms:9.2f}{cost.environment_ms:9.2f}"
            f"{100 * cost.update_share:7.0f} %{cost.steps_per_s:10,.0f}",
            flush=True,
        )
