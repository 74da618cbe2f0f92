"""An interruption leaves no trace: stopped and resumed, a run ends with the networks of the run in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.learning import checkpoint as checkpoints
from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.learning.checkpoint import latest_checkpoint, resume_model, save_checkpoint
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from envs.sb3_vec_env import DataCenterSB3VecEnv

STEPS, EVERY, CUT = 384, 64, 180  # the last checkpoint, at 128, lies amid an episode: 32 steps at each of 4 sites
ON_POLICY = {"hidden": [8], "n_steps": 8}
OFF_POLICY = {"hidden": [8], "learning_starts": 96, "batch_size": 16, "buffer_size": 1000, "gradient_steps": 1}


class PowerCut(Exception):
    """Ends a run from outside."""


def sites(num_envs: int = 4) -> DataCenterSB3VecEnv:
    return DataCenterSB3VecEnv("edge_room", num_envs, ("episode.steps=24",))


#: A second stage begins where the last checkpoint lies, or before it.
CASES = [*((name, {}) for name in ALGORITHMS), *(("apg_ppo", {"first_stage_steps": n}) for n in (100, 50))]


def fresh(algorithm: str, **own: Any) -> Any:
    settings: dict[str, Any] = {**(ON_POLICY if ALGORITHMS[algorithm].on_policy else OFF_POLICY), **own}
    environments = sites()
    model = build_model(algorithm, environments, {**settings, "anneal_learning_rate": True}, seed=3)
    environments.seed(40)
    return model


def cut_short(model: Any, folder: Path) -> None:
    step = model.env.step_wait

    def failing() -> Any:
        if model.num_timesteps >= CUT:
            raise PowerCut
        return step()

    model.env.step_wait = failing
    with pytest.raises(PowerCut):
        learn(model, LearningPlan(STEPS, checkpoint_every=EVERY), folder)


@pytest.mark.parametrize(("algorithm", "own"), CASES)
def test_a_run_that_was_cut_ends_with_the_networks_of_the_whole_run(
    algorithm: str, own: dict[str, int], tmp_path: Path
) -> None:
    import torch

    whole = fresh(algorithm, **own)
    learn(whole, LearningPlan(STEPS, checkpoint_every=EVERY), tmp_path / "whole")
    cut_short(fresh(algorithm, **own), tmp_path / "cut")
    again: Any = resume_model(algorithm, latest_checkpoint(tmp_path / "cut"), sites(), seed=99)
    assert 0 < again.num_timesteps <= CUT
    learn(again, LearningPlan(STEPS), tmp_path / "cut")
    assert again._n_updates == whole._n_updates
    assert [e["r"] for e in again.ep_info_buffer] == [e["r"] for e in whole.ep_info_buffer]
    expected, found = whole.policy.state_dict(), again.policy.state_dict()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_a_run_resumed_on_another_batch_size_is_refused(tmp_path: Path) -> None:
    model = fresh("sac")
    learn(model, LearningPlan(96, checkpoint_every=EVERY), tmp_path)
    with pytest.raises(ValueError, match="num_envs 4, this core has 5"):
        resume_model("sac", latest_checkpoint(tmp_path), sites(5), seed=3)


def test_an_interruption_while_writing_leaves_the_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh("ppo")
    learn(model, LearningPlan(64, checkpoint_every=EVERY), tmp_path)
    older = latest_checkpoint(tmp_path)

    def failing(model: Any) -> None:
        raise PowerCut

    monkeypatch.setattr(checkpoints, "_streams", failing)
    for steps in (64, 128):
        model.num_timesteps = steps
        with pytest.raises(PowerCut):
            save_checkpoint(model, tmp_path / "checkpoints")
        assert latest_checkpoint(tmp_path) == older
        assert resume_model("ppo", older, sites(), seed=3).num_timesteps == 64
