"""SIGTERM and Ctrl-C cost nothing: the run stops between two rollouts and goes on as if it never had."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agents.learning.build import build_model
from agents.learning.checkpoint import PlateauState, latest_checkpoint, read_counters, resume_model
from agents.learning.interruption import Interrupted, Interruption
from agents.learning.learn import learn
from agents.learning.model_file import load_model
from agents.learning.plan import LearningPlan, Validation
from envs.sb3_vec_env import DataCenterSB3VecEnv

SETTINGS = {"hidden": [8], "n_steps": 8}


def sites() -> DataCenterSB3VecEnv:
    return DataCenterSB3VecEnv("edge_room", 4, ("episode.steps=24",))


def signalled_at(steps: int, model: Any, number: int) -> None:
    """Lets a model's environments send a signal to this process once that many steps are seen."""
    step, sent = model.env.step_wait, []

    def stepping() -> Any:
        if model.num_timesteps >= steps and not sent:
            sent.append(os.kill(os.getpid(), number))
        return step()

    model.env.step_wait = stepping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_in_an_exact_checkpoint_and_the_resumed_run_has_the_networks_of_the_whole_one(
    number: int, tmp_path: Path
) -> None:
    import torch

    whole = build_model("ppo", sites(), SETTINGS, seed=3)
    learn(whole, LearningPlan(256), tmp_path / "whole")
    cut = build_model("ppo", sites(), SETTINGS, seed=3)
    signalled_at(80, cut, number)
    with pytest.raises(Interrupted) as stopped, Interruption() as interruption:
        learn(cut, LearningPlan(256), tmp_path / "cut", interruption=interruption)
    assert stopped.value.number == number
    assert latest_checkpoint(tmp_path / "cut").name == "step_000000000096"
    assert load_model("ppo", tmp_path / "cut" / "model.npz").num_timesteps == 96
    again = resume_model("ppo", latest_checkpoint(tmp_path / "cut"), sites(), seed=3)
    learn(again, LearningPlan(256), tmp_path / "cut")
    expected, found = whole.policy.state_dict(), again.policy.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_the_second_signal_stops_at_once_and_the_old_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted), Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.number == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(
    make_env: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    learn(build_model("ppo", make_env(), {"hidden": [8]}), LearningPlan(256, checkpoint_every=64), tmp_path)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    for part in ("model.npz", "random_streams.npz", "counters.json"):
        whole = (newest / part).read_bytes()
        (newest / part).write_bytes(whole[: len(whole) // 2])
        assert latest_checkpoint(tmp_path) == older
        assert part in caplog.text and f"going on from {older.name}" in caplog.text
        with pytest.raises(ValueError, match=part):
            latest_checkpoint(newest)
        (newest / part).write_bytes(whole)
    (newest / "model.npz").unlink()
    (older / "counters.json").write_text("{}")
    with pytest.raises(ValueError, match="model.npz is missing"):
        latest_checkpoint(tmp_path)


def test_the_best_score_and_the_patience_survive_a_resume(make_env: Any, tmp_path: Path) -> None:
    still = {"hidden": [8], "learning_rate": 1e-12}
    plan = LearningPlan(512, checkpoint_every=64, evaluate_every=128, patience=99, min_gain=10.0)
    learn(build_model("ppo", make_env(), still), plan, tmp_path, validation=Validation(make_env(4)))
    kept = read_counters(latest_checkpoint(tmp_path)).plateau
    assert kept.stale == 2 and kept.best is not None and kept.next_at == 512
    best = (tmp_path / "best_model.npz").read_bytes()
    again = resume_model("ppo", latest_checkpoint(tmp_path), make_env(), seed=0)
    learn(
        again,
        LearningPlan(1024, checkpoint_every=64, evaluate_every=128, patience=4, min_gain=10.0),
        tmp_path,
        validation=Validation(make_env(4)),
        plateau_state=kept,
    )
    assert again.num_timesteps < 900, "patience counts the evaluations before the resume"
    assert (tmp_path / "best_model.npz").read_bytes() == best


def test_a_worse_resumed_run_leaves_the_best_model_alone(make_env: Any, tmp_path: Path) -> None:
    (tmp_path / "best_model.npz").write_bytes(b"the best so far")
    model = build_model("ppo", make_env(), {"hidden": [8]})
    plan = LearningPlan(256, evaluate_every=64)
    learn(model, plan, tmp_path, validation=Validation(make_env(4)), plateau_state=PlateauState(best=1.0))
    assert (tmp_path / "best_model.npz").read_bytes() == b"the best so far"
