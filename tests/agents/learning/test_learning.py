from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.learning.checkpoint import latest_checkpoint, resume_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy
from experiments.schema import agent_config


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if "apg" not in name])  # they need a real plant
def test_every_algorithm_trains_saves_and_acts_inside_the_box(
    algorithm: str, make_env: Any, small_settings: Any, tmp_path: Path
) -> None:
    model = build_model(algorithm, make_env(), small_settings[algorithm], seed=1)
    cost = learn(model, LearningPlan(128), tmp_path)
    action, _ = model.predict(np.zeros((4, 3), np.float32), deterministic=True)
    assert cost["environment_steps"] >= 128
    assert (tmp_path / "model.npz").exists()
    assert np.all(np.abs(action) <= 1.0)


def test_an_unknown_setting_is_refused_by_name(make_env: Any) -> None:
    with pytest.raises(ValueError, match="'learning_rat'.*learning_rate"):
        build_model("ppo", make_env(), {"learning_rat": 1.0})


def test_an_unknown_algorithm_is_refused_with_the_known_ones(make_env: Any) -> None:
    with pytest.raises(ValueError, match="'dqn'.*crossq"):
        build_model("dqn", make_env(), {})


def test_ppo_learns_the_linear_plant(make_env: Any, tmp_path: Path) -> None:
    from agents.learning.callbacks import mean_episode_reward

    model = build_model("ppo", make_env(64), {"hidden": [16], "batch_size": 256, "learning_rate": 3e-3}, seed=0)
    before = mean_episode_reward(model, make_env(64, seed=9))
    learn(model, LearningPlan(16_000), tmp_path)
    after = mean_episode_reward(model, make_env(64, seed=9))
    assert after > before + 0.05
    assert after > -0.9


def test_same_seed_gives_the_same_network(make_env: Any, tmp_path: Path) -> None:
    weights = []
    for _ in range(2):
        model = build_model("ppo", make_env(), {"hidden": [8]}, seed=4)
        learn(model, LearningPlan(256), tmp_path)
        weights.append(model.policy.action_net.weight.detach().numpy().copy())
    assert np.array_equal(*weights)


def test_the_learning_rate_falls_to_nothing(make_env: Any, tmp_path: Path) -> None:
    model = build_model("ppo", make_env(), {"hidden": [8]}, seed=4)
    assert model.lr_schedule(1.0) == pytest.approx(1e-3)
    assert model.lr_schedule(0.0) == pytest.approx(0.0)


def test_a_new_algorithm_is_one_row_for_builder_checkpoint_export_and_command_line(
    make_env: Any, bundle_content: Any, spread: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass
    class A2CSettings:
        learning_rate: float = 7e-4
        anneal_learning_rate: bool = True
        n_steps: int = 8
        hidden: list[int] = field(default_factory=lambda: [16, 16])
        activation: str = "elu"

    row = replace(ALGORITHMS["ppo"], name="a2c", settings=A2CSettings, model="stable_baselines3:A2C")
    monkeypatch.setitem(ALGORITHMS, "a2c", row)
    model = build_model("a2c", make_env(), {"n_steps": 4}, seed=1)
    learn(model, LearningPlan(256, checkpoint_every=64), tmp_path)
    again = resume_model("a2c", latest_checkpoint(tmp_path), make_env(), seed=1)
    assert again.num_timesteps == model.num_timesteps
    spread(model)
    folder = export_bundle(model, tmp_path / "bundle", bundle_content)  # compares both files with the model
    observations = np.random.default_rng(5).uniform(-1, 1, (100, 3)).astype(np.float32)
    expected = model.predict(observations, deterministic=True)[0]
    assert expected.std() > 0.1
    np.testing.assert_allclose(ExportedPolicy(folder).predict(observations), expected, atol=2e-5)
    assert {"algorithm": "a2c", "environments": 1024}.items() <= asdict(agent_config(row)()).items()
