"""A tiny linear plant behind the attributes that learning reads from the real adapter."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS, algorithm_of
from agents.runtime.manifest import Content
from envs.interface.action import ActionDecoder
from envs.interface.channels import bind_channels
from envs.interface.interface import Interface
from envs.interface.observation import ObservationEncoder
from envs.interface.points import bind_points

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

HORIZON, OBSERVATIONS, ACTIONS = 6, 3, 2


@pytest.fixture
def make_env() -> Any:
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnv

    class LinearVecEnv(VecEnv):
        """x' = 0.5 x + 0.5 a; the cost is (x - 0.3)^2: the best action is near 0.3."""

        def __init__(self, num_envs: int = 8, seed: int = 0) -> None:
            box = spaces.Box(-1.0, 1.0, (OBSERVATIONS,), np.float32)
            super().__init__(num_envs, box, spaces.Box(-1.0, 1.0, (ACTIONS,), np.float32))
            self.last_terms: dict[str, np.ndarray] = {}
            self.base = seed
            self.generator = np.random.default_rng(seed)

        def seed(self, seed: int | None = None) -> list[None | int]:
            self.generator = np.random.default_rng(seed)
            return super().seed(seed)

        def reset(self) -> np.ndarray:
            self.x = self.generator.uniform(-1, 1, (self.num_envs, ACTIONS)).astype(np.float32)
            self.clock, self.total = 0, np.zeros(self.num_envs)
            return self.observe()

        def observe(self) -> np.ndarray:
            clock = np.full((self.num_envs, 1), self.clock / HORIZON, np.float32)
            return np.concatenate([self.x, clock], axis=1)

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            self.x = (0.5 * self.x + 0.5 * self.actions).astype(np.float32)
            self.clock += 1
            self.last_terms = {"energy_usd": -((self.x - 0.3) ** 2).sum(axis=1)}
            reward = self.last_terms["energy_usd"].astype(np.float32)
            self.total += reward
            over = self.clock == HORIZON
            infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
            if over:
                last, total = self.observe(), self.total
                observation = self.reset()
                for i, info in enumerate(infos):
                    info |= {"terminal_observation": last[i], "TimeLimit.truncated": True}
                    info["episode"] = {"r": float(total[i]), "l": HORIZON, "energy_usd": float(total[i])}
            else:
                observation = self.observe()
            return observation, reward.copy(), np.full(self.num_envs, over), infos

        def close(self) -> None: ...

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, attr_name, None)] * self.num_envs

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            return []

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

    return LinearVecEnv


SMALL = {"hidden": [8, 8]}
SMALL_OFF_POLICY = {"hidden": [8, 8], "learning_starts": 32, "batch_size": 16, "buffer_size": 500, "gradient_steps": 1}


@pytest.fixture(scope="session")
def small_settings() -> dict[str, dict[str, Any]]:
    """Settings of every algorithm of the table that learn in a moment."""
    return {name: dict(SMALL if row.on_policy else SMALL_OFF_POLICY) for name, row in ALGORITHMS.items()}


@pytest.fixture(scope="session")
def bundle_content() -> Content:
    """What a bundle of the linear plant says: a fan in each of two zones, which it sees, and the wet bulb."""
    rows = {"site": 1, "zone": 2, "row": 1, "rack": 1, "class": 2}
    channels = bind_channels(["crah_fan_speed_frac"], rows, {}, {})
    seen = [p for p in bind_points(rows, set(), channels) if p.name in ("in_force.crah_fan_speed_frac", "wet_bulb_c")]
    decoder = ActionDecoder(channels, np.array([[100.0]], np.float32), 100.0)
    return {
        "scenario": "linear",
        "scenario_hash": "abc",
        "settings": {},
        "git_hash": "def",
        "evaluation_card": {},
        "interface": Interface(ObservationEncoder(sorted(seen, key=lambda p: -p.rows)), decoder, 300.0).plain(),
    }


@pytest.fixture(scope="session")
def spread() -> Callable[[BaseAlgorithm], None]:
    """Enlarges a model's last layer, so that some actions reach the bounds of the box."""
    import torch

    def enlarge(model: BaseAlgorithm) -> None:
        module = attrgetter(algorithm_of(model).actor[-1])(model.policy)
        last = [m for m in module.modules() if isinstance(m, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight.normal_(0.0, 1.5, generator=torch.Generator().manual_seed(0))

    return enlarge
