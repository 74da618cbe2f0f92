"""Steps per second of the batched environment and of PPO on it: ``python -m scripts.benchmark [scenario]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCHES = (1, 8, 64, 512, 1024, 4096)
SECONDS = 3.0


def environment_rate(scenario: str, batch: int) -> float:
    """Environment steps per second of the core at a batch size, random actions."""
    from envs.core import DataCenterCore

    core = DataCenterCore(scenario, batch)
    core.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (batch, core.action_space.shape[0])).astype(np.float32)
    core.step(actions)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        core.step(actions)
        steps += batch
    return steps / (time.perf_counter() - start)


def learning_rate(scenario: str, total_steps: int = 200_000) -> float:
    """Environment steps per second of PPO with its defaults."""
    from agents.learning.build import build_model
    from agents.learning.learn import learn
    from envs.sb3_vec_env import DataCenterSB3VecEnv

    model = build_model("ppo", DataCenterSB3VecEnv(scenario, 1024))
    with tempfile.TemporaryDirectory() as folder:
        return learn(model, total_steps, Path(folder))["steps_per_s"]


def main() -> None:
    """Print one line per batch size and one for learning."""
    scenario = sys.argv[1] if len(sys.argv) > 1 else "ai_hall"
    for batch in BATCHES:
        print(f"{scenario}: batch {batch:5d}: {environment_rate(scenario, batch):10,.0f} environment steps/s")
    print(f"{scenario}: PPO, 1024 environments: {learning_rate(scenario):10,.0f} steps/s")


if __name__ == "__main__":
    main()
