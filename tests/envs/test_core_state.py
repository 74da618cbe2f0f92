from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.faults import Fault


def core(scenario: str = "edge_room", num_envs: int = 3, **options: Any) -> DataCenterCore:
    return DataCenterCore(scenario, num_envs, ["episode.steps=24"], **options)


def played(plant: DataCenterCore, steps: int, seed: int) -> list[np.ndarray]:
    """Observations and rewards under random actions, episodes beginning anew where they end."""
    rng, seen = np.random.default_rng(seed), []
    for _ in range(steps):
        actions = rng.uniform(-1.0, 1.0, (plant.num_envs, plant.action_size)).astype(np.float32)
        observation, reward, done, _ = plant.step(actions)
        seen += [observation.copy(), reward.copy()]
        if done.any():
            seen.append(plant.reset(mask=done).copy())
    return seen


@pytest.mark.parametrize("scenario", ["edge_room", "ai_hall"])
def test_another_core_goes_on_from_a_pickled_state_to_the_bit(scenario: str) -> None:
    one, other = core(scenario), core(scenario)
    one.reset(seed=5)
    played(one, 40, seed=0)  # past the start of the tape, amid the second episode
    one.set_faults([[Fault("sensor_drift", 0.0, 1e6, 0, 2.0)], [], []])
    other.load_state(pickle.loads(pickle.dumps(one.save_state())))
    assert all(np.array_equal(a, b) for a, b in zip(played(one, 30, 1), played(other, 30, 1), strict=True))
    sums, others = one.episode_statistics(), other.episode_statistics()
    assert all(np.array_equal(sums[name], others[name]) for name in sums)


def test_a_saved_state_does_not_change_with_the_core() -> None:
    plant = core()
    plant.reset(seed=5)
    saved = plant.save_state()
    first = played(plant, 30, seed=0)
    plant.load_state(saved)
    assert all(np.array_equal(a, b) for a, b in zip(first, played(plant, 30, seed=0), strict=True))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: core("legacy_air"), "scenario"),
        (lambda: core(num_envs=2), "num_envs"),
        (lambda: core(dtype="float64"), "dtype"),
        (lambda: core(agent_channels=["crah_fan_speed_frac"]), "channels"),
    ],
)
def test_a_state_of_another_core_is_refused_by_name(other: Any, named: str) -> None:
    plant = core()
    plant.reset(seed=1)
    with pytest.raises(ValueError, match=f"the saved state has {named}"):
        other().load_state(plant.save_state())
