"""Verbs that are stopped from outside: one line, no stack, nothing half-written; and what they leave of secrets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from started_verb import started_verb

from envs.scenario import load
from experiments.evaluation.splits import Episode, load_split, plan_episodes
from experiments.rollout import write_telemetry

QUIET = {
    **{name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"},
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",
}
NO_TRACKING = "tracking=none"
#: Verb to its words and the file that its folder holds when it is at work.
LONG = {
    "evaluate": (["scenario=edge_room", "episodes=2", "days=60", "progress=false", NO_TRACKING], ".hydra/config.yaml"),
    "rollout": (["scenario=edge_room", "days=300"], ".hydra/config.yaml"),
    "forecast": (["scenario=edge_room", "halls=2", "jobs=2"], ".hydra/config.yaml"),
    "calibrate": (
        ["scenario=edge_room", "telemetry=in/telemetry.csv", "points=in/points.yaml", NO_TRACKING],
        "findings.csv",
    ),
}


def command(*words: str) -> list[str]:
    """A command line of coldaisle."""
    return [sys.executable, "-m", "experiments.cli", *words]


def files_of(folder: Path) -> set[str]:
    """Files below a folder, but what hydra keeps of the command line and logs."""
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return {name for name in names if not name.startswith(".hydra/") and not name.endswith(".log")}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
@pytest.mark.parametrize("verb", LONG)
def test_a_verb_that_is_stopped_says_so_in_one_line_and_leaves_nothing_half_written(
    verb: str, number: signal.Signals, tmp_path: Path
) -> None:
    words, begun = LONG[verb]
    if verb == "calibrate":
        episode: Episode = plan_episodes(load_split("test"), days=4)[0]
        write_telemetry(load("edge_room"), episode, tmp_path / "in")
    folder = tmp_path / "out"
    with started_verb([verb, *words, f"hydra.run.dir={folder}"], tmp_path, QUIET) as process:
        until = time.monotonic() + 120.0
        while not (folder / begun).exists():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        time.sleep(2.0)  # into its work
        process.send_signal(number)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, error
    assert "Traceback" not in error
    said = [line for line in error.splitlines() if not line.startswith("warning: ")]
    assert said == [f"coldaisle {verb}: stopped by {number.name}; each file is whole or absent"]
    assert files_of(folder) <= {"findings.csv"}


def test_what_is_kept_of_a_command_line_holds_no_secret_and_hydra_adds_no_line_of_its_own(tmp_path: Path) -> None:
    secret = "tracking.uri='https://me:hunter2@host/?token=hunter3'"
    words = ["evaluate", "scenario=edge_room", "policies.x=nowhere", secret, "hydra.run.dir=out"]
    done = subprocess.run(command(*words), cwd=tmp_path, env=QUIET, capture_output=True, text=True)
    assert done.returncode == 1 and "nowhere holds neither run.json nor manifest.json" in done.stderr
    assert "Error executing job" not in done.stderr and "hunter" not in done.stderr + done.stdout
    kept = {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "out" / ".hydra").iterdir()}
    assert kept.keys() == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert not [name for name, text in kept.items() if "hunter" in text]
    assert yaml.safe_load(kept["config.yaml"])["tracking"]["uri"] == "https://***@host/?token=***"
    assert "policies.x=nowhere" in yaml.safe_load(kept["overrides.yaml"])


@pytest.mark.slow
def test_a_sweep_keeps_no_secret_either(tmp_path: Path) -> None:
    small = ["scenario=edge_room", "split=none", "total_steps=32", "agent.environments=2", "progress=false"]
    secret = "tracking.uri=https://me:hunter2@host/"
    words = ["train", "-m", *small, "seed=0,1", NO_TRACKING, secret, "hydra.sweep.dir=out", "evaluate_every=0"]
    subprocess.run(command(*words), cwd=tmp_path, env=QUIET, check=True, capture_output=True, text=True)
    kept = [p for p in (tmp_path / "out").rglob("*.yaml") if p.is_file()]
    assert {p.name for p in kept} >= {"multirun.yaml", "overrides.yaml", "config.yaml"}
    assert not [p for p in kept if "hunter" in p.read_text(encoding="utf-8")]
