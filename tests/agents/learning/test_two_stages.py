"""A run of two stages: the gradient on smooth switches, then PPO on the true plant, with one network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.encoding import agent_scenario, best_rules
from agents.learning.build import build_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from agents.runtime.export import network_layers
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import load

pytest.importorskip("llvmlite")
SHORT = ("site.workload_weeks=1", "episode.steps=24")
SMALL: dict[str, Any] = {"hidden": [8], "n_steps": 8, "first_stage_steps": 100, "batch_size": 16, "value_rollouts": 1}
ROLLOUT, BEGIN = 32, 128  # of 4 sites; the window that is begun before 100 ends the first stage


def run(steps: int, folder: Path, **settings: Any) -> Any:
    scenario = load("edge_room", SHORT)
    environments = DataCenterSB3VecEnv(
        agent_scenario(scenario, "feedforward", 0.3), 4, rules=best_rules(scenario, "feedforward")
    )
    model: Any = build_model("apg_ppo", environments, {**SMALL, **settings}, seed=0)
    environments.seed(0)
    learn(model, LearningPlan(steps), folder)
    return model


def actor(model: Any) -> list[np.ndarray]:
    return [layer.weight for layer in network_layers(model)]


def test_the_second_stage_starts_from_the_first_ones_policy_and_its_values_learn_first(tmp_path: Path) -> None:
    first, warm, later = (run(BEGIN + k * ROLLOUT, tmp_path, anneal_learning_rate=False) for k in range(3))
    same = [np.array_equal(a, b) for a, b in zip(actor(first), actor(warm), strict=True)]
    assert all(same), "only the value network learns at first"
    assert not np.array_equal(actor(warm)[0], actor(later)[0])
    values = [m.policy.value_net.weight.detach().numpy() for m in (first, warm)]
    assert not np.array_equal(*values)


def test_the_second_stage_plays_new_episodes_on_the_true_plant(tmp_path: Path) -> None:
    model = run(BEGIN, tmp_path)
    core = model.env.core
    assert core.t.tolist() == [0, 0, 0, 0]
    assert None not in core._steps, "the core steps by its own again"
    assert not model.policy.optimizer.state


def test_without_steps_left_there_is_no_second_stage(tmp_path: Path) -> None:
    model = run(2 * ROLLOUT, tmp_path)
    assert model.in_first_stage
    assert model.policy.value_net.weight.grad is None


def test_the_learning_rate_falls_within_each_stage(tmp_path: Path) -> None:
    rates = []

    class Noting(dict):  # the group of the optimiser notes what it is given
        def __setitem__(self, key: str, value: Any) -> None:
            rates.append(value)
            super().__setitem__(key, value)

    model = run(ROLLOUT, tmp_path)
    model._total_timesteps = 2 * BEGIN
    optimiser = type("Optimiser", (), {"param_groups": [Noting()]})()
    for steps, by_gradient in ((0, True), (BEGIN, True), (BEGIN, False), (2 * BEGIN, False)):
        model.num_timesteps, model._by_gradient = steps, by_gradient
        model._update_learning_rate(optimiser)
    assert rates == pytest.approx([2e-3, 0.0, 3e-4, 0.0])
