"""Whoever loads a colleague's run runs none of the colleague's code."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.learning.algorithms import Learner
from agents.learning.checkpoint import latest_checkpoint
from agents.runtime.manifest import file_hash
from envs.scenario import load
from experiments import cli
from experiments.records.tracking import NoTracker
from experiments.schema import TrainingPlan
from experiments.train import train


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "run"
    plan = TrainingPlan(64, split="none", checkpoint_every=32)
    train(load("edge_room"), Learner("ppo", 2, {"hidden": [8]}), plan, folder, NoTracker())
    return folder


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def with_plain_pickle(run: Path, mark: Path) -> None:
    (run / "model.npz").write_bytes(pickle.dumps(Trap(mark)))


def with_array_of_objects(run: Path, mark: Path) -> None:
    with (run / "model.npz").open("wb") as file:
        np.savez(file, allow_pickle=True, tree=np.array([Trap(mark)], dtype=object))


def with_old_archive(run: Path, mark: Path) -> None:
    from stable_baselines3 import PPO

    from envs.sb3_vec_env import DataCenterSB3VecEnv

    model = PPO("MlpPolicy", DataCenterSB3VecEnv("edge_room", 1))
    model.ep_success_buffer = Trap(mark)  # type: ignore[assignment]
    (run / "model.npz").unlink()
    model.save(run / "model.zip")


def with_bad_checkpoints(run: Path, mark: Path) -> None:
    """Every checkpoint malicious, with hashes that fit."""
    for checkpoint in (run / "checkpoints").iterdir():
        with (checkpoint / "model.npz").open("wb") as file:
            np.savez(file, allow_pickle=True, tree=np.array([Trap(mark)], dtype=object))
        counters = json.loads((checkpoint / "counters.json").read_text())
        counters["files"]["model.npz"] = file_hash(checkpoint / "model.npz")
        (checkpoint / "counters.json").write_text(json.dumps(counters))


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: Path, *words: str) -> str:
    """What the command line says of words that it refuses."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")
    monkeypatch.delenv("HYDRA_FULL_ERROR")
    monkeypatch.setattr(sys, "argv", ["coldaisle", *words])
    assert cli.main() == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


VERBS = {
    "export": ("export", "run={run}"),
    "evaluate": ("evaluate", "policies.theirs={run}", "split=none", "tracking=none"),
    "rollout": ("rollout", "policy={run}", "split=none"),
    "transfer": ("transfer", "policies.theirs={run}", "months=[1]", "days=1"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (with_plain_pickle, "model.npz is damaged or of another kind"),
        (with_array_of_objects, "model.npz is damaged or of another kind"),
        (with_old_archive, "runs code that it carries (pickle); train the run again, or give trust=true"),
    ],
    ids=["pickle", "npz with objects", "old archive"],
)
def test_no_verb_runs_what_a_model_file_carries(
    verb: str,
    bad: object,
    words: str,
    run_folder: Path,
    tmp_path: Path,
    mark: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if verb == "transfer":
        pytest.importorskip("pyenergyplus")
    theirs = Path(shutil.copytree(run_folder, tmp_path / "theirs"))
    bad(theirs, mark)  # type: ignore[operator]
    given = [word.format(run=theirs) for word in VERBS[verb]]
    assert words in told(monkeypatch, capsys, tmp_path, *given)
    assert not mark.exists()


def test_resuming_runs_nothing_that_a_checkpoint_carries(
    run_folder: Path, tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = Path(shutil.copytree(run_folder, tmp_path / "theirs"))
    with_bad_checkpoints(theirs, mark)
    assert latest_checkpoint(theirs), "their hashes fit"
    said = told(monkeypatch, capsys, tmp_path, "train", f"resume={theirs}", "tracking=none", "progress=false")
    assert "model.npz is damaged or of another kind" in said
    assert not mark.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("baseline=nobody",), "baseline = 'nobody' was not evaluated; choose one of"),
        (("policies.random={run}",), "policies.random: 'random' is the name of a reference"),
        (("policies.mine={run}", "scenario=ai_hall"), "was trained on other channels than this scenario's"),
        (("policies.mine={run}/nowhere",), "holds neither run.json nor manifest.json"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_anything_is_played(
    words: tuple[str, ...],
    said: str,
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = [word.format(run=run_folder) for word in words]
    assert said in told(monkeypatch, capsys, tmp_path, "evaluate", "split=none", "tracking=none", *given)
    assert "played" not in caplog.text
