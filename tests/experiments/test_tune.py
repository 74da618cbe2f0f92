"""``coldaisle tune`` on the plant: it meets train and validation alone, and a stopped search ends."""

from __future__ import annotations

import csv
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from started_verb import started_verb

from agents.learning.algorithms import Learner
from agents.learning.model_file import load_model
from envs.scenario import load
from experiments.evaluation import splits
from experiments.tune import tune
from experiments.tuning.outcome import best_trial
from experiments.tuning.search import TRIALS, SearchPlan, ended

SMALL = ["episode.steps=24", "site.workload_weeks=1"]
QUIET = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_search_meets_train_and_validation_alone_and_its_best_settings_train_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    whole = splits.read_split

    def noted(path: Path) -> Any:
        seen.append(path.stem)
        return whole(path)

    monkeypatch.setattr(splits, "read_split", noted)
    learner = Learner("sac", 8, {"hidden": [8], "learning_starts": 32, "batch_size": 32})
    plan = SearchPlan(trials=2, total_steps=384, rungs=2, unpruned=1, seed=2)
    study = tune(load("edge_room", SMALL), learner, plan, tmp_path, stated={"batch_size": 32}, episodes=2)
    assert set(seen) == {"train", "validation"}
    best = best_trial(study)
    assert best is not None, "a reach of nothing keeps the gates"
    words = trained_words(tmp_path / "best.yaml")
    with started_verb([*words, "seed=2", "tracking=none", "progress=false", "split=train"], tmp_path, QUIET) as process:
        assert process.wait(timeout=120) == 0
    number = [trial.number for trial in ended(study)].index(best.number)
    models = [load_model("sac", tmp_path / place / "model.npz") for place in (f"trials/trial_{number:03d}", "again")]
    for one, other in zip(*(m.policy.state_dict().values() for m in models)):
        assert np.array_equal(one, other)


def trained_words(experiment: Path) -> Sequence[str]:
    assert yaml.safe_load(experiment.read_text())["agent"] == "sac"
    return ["train", f"experiment={experiment}", "folder=again"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_stopped_within_a_trial_leaves_a_search_that_the_same_command_ends(
    number: signal.Signals, tmp_path: Path
) -> None:
    words = ["tune", "scenario=edge_room", "agent=ppo", "agent.environments=4", "agent.hidden=[8]", "trials=2"]
    words += ["total_steps=2048", "rungs=1", "episodes=1", "folder=found"]
    trial = tmp_path / "found" / TRIALS / "trial_001" / "run.json"
    with started_verb(words, tmp_path, QUIET) as process:
        while not trial.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        error = process.communicate(timeout=120)[1]
    assert number == signal.SIGKILL or "the same command goes on in found" in error
    with started_verb(words, tmp_path, QUIET) as process:
        assert process.wait(timeout=120) == 0
    rows = list(csv.DictReader((tmp_path / "found" / "trials.csv").open()))
    assert [(row["trial"], row["state"], row["steps"]) for row in rows] == [
        ("0", "complete", "2048"),
        ("1", "complete", "2048"),
    ]
