from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.build import build_model
from agents.learning.checkpoint import latest_checkpoint, resume_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan, Validation


def test_named_terms_and_episode_sums_reach_the_sink(make_env: Any, tmp_path: Path) -> None:
    seen: dict[str, float] = {}
    model = build_model("ppo", make_env(), {"hidden": [8]})
    learn(model, LearningPlan(128), tmp_path, sink=lambda values, step: seen.update(values))
    assert seen["terms/energy_usd"] < 0.0
    assert seen["episode/energy_usd"] == pytest.approx(seen["episode/reward"], rel=1e-6)
    assert "train/value_loss" in seen


def test_batched_bootstrap_gives_the_returns_of_the_loop_it_replaces(make_env: Any, tmp_path: Path) -> None:
    returns = []
    for ours in (True, False):
        model = build_model("ppo", make_env(), {"hidden": [8], "learning_rate": 1e-12}, seed=2)
        if ours:
            learn(model, LearningPlan(64), tmp_path)
        else:
            model.learn(64)
        returns.append(model.rollout_buffer.returns.copy())
    np.testing.assert_allclose(returns[0], returns[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_a_run_resumed_twice_from_one_checkpoint_is_the_same_run(
    algorithm: str, make_env: Any, small_settings: Any, tmp_path: Path
) -> None:
    model = build_model(algorithm, make_env(), small_settings[algorithm], seed=3)
    learn(model, LearningPlan(192, checkpoint_every=64), tmp_path)
    checkpoint = latest_checkpoint(tmp_path)
    actions = []
    for _ in range(2):
        again = resume_model(algorithm, checkpoint, make_env(), seed=3)
        assert again.num_timesteps == model.num_timesteps
        assert again._n_updates == model._n_updates
        if algorithm == "sac":
            assert again.replay_buffer.size() == model.replay_buffer.size()
        learn(again, LearningPlan(384), tmp_path / "again")
        assert again.num_timesteps >= 384
        actions.append(again.predict(np.full((1, 3), 0.2, np.float32), deterministic=True)[0])
    assert np.array_equal(*actions)


def test_old_checkpoints_are_dropped_and_none_is_half_written(make_env: Any, tmp_path: Path) -> None:
    model = build_model("ppo", make_env(), {"hidden": [8]})
    learn(model, LearningPlan(512, checkpoint_every=64), tmp_path)
    names = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert len(names) == 2
    assert names[-1] == "step_000000000512"


def test_a_missing_checkpoint_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="checkpoints/step_"):
        latest_checkpoint(tmp_path)


def test_training_stops_when_evaluation_no_longer_improves(make_env: Any, tmp_path: Path) -> None:
    model = build_model("ppo", make_env(), {"hidden": [8], "learning_rate": 1e-12})
    plan = LearningPlan(10_000, evaluate_every=64, patience=2, min_gain=10.0)
    cost = learn(model, plan, tmp_path, validation=Validation(make_env(4, seed=5)))
    assert cost["stopped_early"] == 1.0
    assert cost["environment_steps"] < 1_000
    assert (tmp_path / "best_model.npz").exists()


def test_the_progress_bar_runs_to_the_end(make_env: Any, tmp_path: Path) -> None:
    learn(build_model("ppo", make_env(), {"hidden": [8]}), LearningPlan(64, progress=True), tmp_path)


def test_every_evaluation_plays_the_same_episodes(make_env: Any, tmp_path: Path) -> None:
    scores: set[float] = set()

    def sink(values: dict[str, float], step: int) -> None:
        scores.update(v for k, v in values.items() if k == "evaluation/reward")

    model = build_model("ppo", make_env(), {"hidden": [8], "learning_rate": 0.0})
    cost = learn(model, LearningPlan(512, evaluate_every=64), tmp_path, sink, Validation(make_env(4)))
    assert len(scores) == 1
    assert -10.0 < cost["episode_reward"] < 0.0


def test_a_mark_hands_over_the_model_between_two_rollouts_and_may_end_learning(make_env: Any, tmp_path: Path) -> None:
    from agents.learning.callbacks import Marks

    seen: list[int] = []

    def look(model: Any) -> bool:
        seen.append(model.num_timesteps)
        return len(seen) < 2

    model = build_model("ppo", make_env(), {"hidden": [8], "n_steps": 4, "batch_size": 16})
    each = 4 * model.n_envs
    marks = Marks([each, each + 1, 3 * each, 5 * each], look)
    learn(model, LearningPlan(8 * each), tmp_path, more=[marks])
    assert seen == [each, 2 * each] and marks.stopped
    assert model.num_timesteps < 3 * each
