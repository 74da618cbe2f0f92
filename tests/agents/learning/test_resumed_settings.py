"""A resumed run uses what it is given, or refuses it by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.learning.algorithms import ALGORITHMS, complete_settings
from agents.learning.build import build_model, settings_of
from agents.learning.checkpoint import latest_checkpoint, resume_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan


@pytest.fixture
def checkpoint(make_env: Any, tmp_path: Path) -> Path:
    model = build_model("ppo", make_env(), {"hidden": [8], "gamma": 0.8})
    learn(model, LearningPlan(64, checkpoint_every=64), tmp_path)
    return latest_checkpoint(tmp_path)


def test_what_can_change_is_applied_and_the_rest_is_kept(checkpoint: Path, make_env: Any) -> None:
    given = {"learning_rate": 1e-6, "anneal_learning_rate": False, "gamma": 0.5, "n_epochs": 1, "clip_range": 0.1}
    model: Any = resume_model("ppo", checkpoint, make_env(), 0, given=given)
    assert (model.gamma, model.rollout_buffer.gamma, model.n_epochs) == (0.5, 0.5, 1)
    assert model.clip_range(1.0) == 0.1 and model.lr_schedule(0.3) == 1e-6
    kept = complete_settings("ppo", {"hidden": [8]})
    assert settings_of(model) == {**kept, **given}
    assert resume_model("ppo", checkpoint, make_env(), 0).gamma == 0.8


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_setting_is_known_to_be_fixed_or_can_be_given(name: str) -> None:
    assert set(ALGORITHMS[name].fixed) < set(complete_settings(name, {}))


def test_what_cannot_change_is_refused_by_name_with_both_values(checkpoint: Path, make_env: Any) -> None:
    for given in ({"hidden": [32, 32]}, {"activation": "relu"}, {"log_std_init": 0.0}):
        with pytest.raises(
            ValueError, match=f"agent.{next(iter(given))} = .*cannot be given to a resumed run, which has"
        ):
            resume_model("ppo", checkpoint, make_env(), 0, given=given)
    assert resume_model("ppo", checkpoint, make_env(), 0, given={"hidden": [8]}), "what it has is no change"


def test_another_algorithm_is_refused_by_name(checkpoint: Path, make_env: Any) -> None:
    with pytest.raises(ValueError, match="is of ppo, and agent=sac is asked for; give agent=ppo"):
        resume_model("sac", checkpoint, make_env(), 0)
