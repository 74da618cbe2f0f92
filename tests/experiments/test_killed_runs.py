"""A run that is stopped from outside loses nothing that it had: it goes on, is judged and is exported."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from started_verb import started_verb

from agents.learning.algorithms import Learner
from agents.learning.checkpoint import latest_checkpoint
from agents.runtime.exported_policy import ExportedPolicy
from envs.core import DataCenterCore
from envs.scenario import load
from experiments.evaluation.policies import learned_policies
from experiments.export import export_run
from experiments.records.tracking import NoTracker, open_store
from experiments.schema import TrainingPlan
from experiments.train import train

ENDLESS = "total_steps=100000000"
SMALL = ("scenario=edge_room", "scenario.episode.steps=24", "split=none", "progress=false", ENDLESS)
PPO = ("agent.environments=2", "agent.hidden=[8]", "seed=3")
HABITS = ("checkpoint_every=64", "evaluate_every=48", "evaluation_environments=2", "hydra.run.dir=run")
QUIET = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}


class Stopped(NamedTuple):
    """What a signal left, and what a second run in the same folder was told while the first one went on."""

    place: Path
    code: int
    error: str
    second: str

    @property
    def card(self) -> dict[str, object]:
        return dict(json.loads((self.place / "run" / "run.json").read_text()))


def stopped_by(number: int, place: Path, *more: str) -> Stopped:
    """A real run, stopped once it has a checkpoint and a best model."""
    folder = place / "run"
    with started_verb(["train", *SMALL, *PPO, *HABITS, *more], place, QUIET) as process:
        until = time.monotonic() + 120.0
        while not ((folder / "best_model.npz").exists() and any((folder / "checkpoints").glob("step_*"))):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(ValueError, match="another run writes into it") as refusal:
            train(load("edge_room"), Learner("ppo", 2), TrainingPlan(64, split="none"), folder, NoTracker())
        process.send_signal(number)
        error = process.communicate(timeout=120)[1]
    return Stopped(place, process.returncode, error, str(refusal.value))


@pytest.fixture(scope="module")
def terminated(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    return stopped_by(signal.SIGTERM, tmp_path_factory.mktemp("terminated"))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    return stopped_by(signal.SIGINT, tmp_path_factory.mktemp("interrupted"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    yield stopped_by(signal.SIGKILL, tmp_path_factory.mktemp("killed"), "tracking=none")


@pytest.mark.slow
@pytest.mark.parametrize(("fixture", "number"), [("terminated", signal.SIGTERM), ("interrupted", signal.SIGINT)])
def test_a_run_that_is_stopped_ends_with_checkpoint_card_and_a_line_to_go_on_and_no_stack(
    fixture: str, number: signal.Signals, request: pytest.FixtureRequest
) -> None:
    stopped: Stopped = request.getfixturevalue(fixture)
    assert stopped.code == 128 + number
    assert "Traceback" not in stopped.error
    assert f"stopped by {number.name}; go on with: coldaisle train scenario=edge_room" in stopped.error
    assert stopped.card["status"] == "killed"
    steps = int(str(stopped.card["steps"]))
    assert latest_checkpoint(stopped.place / "run").name == f"step_{steps:012d}"
    assert (stopped.place / "run" / "model.npz").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fixture", ["terminated", "interrupted"])
def test_mlflow_says_killed_of_a_run_that_is_stopped(fixture: str, request: pytest.FixtureRequest) -> None:
    stopped: Stopped = request.getfixturevalue(fixture)
    client, experiment = open_store(f"sqlite:///{stopped.place / 'runs' / 'mlflow.db'}", "coldaisle")
    (run,) = client.search_runs([experiment])
    assert run.info.status == "KILLED" and run.info.end_time is not None


@pytest.mark.slow
def test_a_second_run_in_the_folder_of_a_running_one_is_refused(terminated: Stopped) -> None:
    assert "wait for its end or give another folder" in terminated.second
    assert "run" in terminated.second


@pytest.mark.slow
def test_the_line_that_a_terminated_run_prints_goes_on_with_it(terminated: Stopped) -> None:
    line = terminated.error.split("go on with: ", 1)[1].splitlines()[0]
    steps = int(str(terminated.card["steps"]))
    words = [word for word in shlex.split(line) if not word.startswith("hydra.")]
    assert words[:2] == ["coldaisle", "train"] and f"resume={terminated.place / 'run'}" in words
    words[words.index(ENDLESS)] = f"total_steps={steps + 64}"
    more = [*words[1:], "tracking=none", "hydra.run.dir=again"]
    subprocess.run([sys.executable, "-m", "experiments.cli", *more], cwd=terminated.place, env=QUIET, check=True)
    card = json.loads((terminated.place / "again" / "run.json").read_text())
    assert card["status"] == "finished" and card["steps"] >= steps + 64
    assert card["settings"]["seed"] == 3 and card["settings"]["hidden"] == [8]
    assert (terminated.place / "again" / "best_model.npz").exists()


@pytest.mark.slow
def test_a_killed_run_can_be_judged_exported_and_gone_on_with(killed: Stopped, tmp_path: Path) -> None:
    folder = killed.place / "run"
    assert killed.code == -signal.SIGKILL and killed.card["status"] == "running"
    for given in (folder / "best_model.npz", latest_checkpoint(folder)):
        learned_policies("mine", given)["mine"](DataCenterCore("edge_room", 1))
        bundle = ExportedPolicy(export_run(given, tmp_path / given.stem))
        assert np.isfinite(bundle.predict(np.zeros(bundle.network.sizes[0]))).all()
    with pytest.raises(FileNotFoundError, match=r"ended before its time; give .*best_model.npz, or go on with resume="):
        learned_policies("mine", folder)


@pytest.mark.slow
def test_the_lock_of_a_killed_run_is_gone_and_its_folder_is_still_taken(killed: Stopped) -> None:
    folder = killed.place / "run"
    with pytest.raises(ValueError, match="holds a run already; give another folder, or resume="):
        train(load("edge_room"), Learner("ppo", 2), TrainingPlan(64, split="none"), folder, NoTracker())
    steps = int(latest_checkpoint(folder).name.removeprefix("step_")) + 64
    plan = TrainingPlan(steps, seed=3, split="none", resume=str(folder))
    cost = train(load("edge_room", ["episode.steps=24"]), Learner("ppo", 2), plan, folder, NoTracker())
    assert cost["environment_steps"] >= 64 and killed.card["status"] == "finished"
