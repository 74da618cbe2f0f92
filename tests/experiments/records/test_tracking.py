from __future__ import annotations

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from experiments.records.tracking import WAITS, NoTracker, flatten, open_store, override_parameters, start_run

WORKER = """
import sys
from experiments.records.tracking import start_run
uri, index = sys.argv[1:]
with start_run("mlflow", uri, "race", f"worker {index}") as run:
    run.log_metrics({"reward": float(index)}, 1)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A fresh database that three processes fell upon at once."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'deep' / 'mlflow.db'}"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, uri, str(i)], stderr=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    errors = [worker.communicate(timeout=120)[1] for worker in workers]
    return uri, [worker.returncode for worker in workers], errors


@pytest.mark.slow
def test_processes_that_meet_on_a_fresh_database_all_survive(store: Any) -> None:
    uri, codes, errors = store
    assert codes == [0, 0, 0], errors
    client, experiment = open_store(uri, "race")
    runs = client.search_runs([experiment])
    assert sorted(run.data.metrics["reward"] for run in runs) == [0.0, 1.0, 2.0]


def test_a_run_keeps_parameters_terms_and_artifacts_beside_the_database(store: Any, tmp_path: Path) -> None:
    uri = store[0]
    model = tmp_path / "model.zip"
    model.write_text("weights")
    with start_run("mlflow", uri, "one", "child", parent_run_id="f" * 32, tags={"git_hash": "abc"}) as run:
        run.log_parameters({"agent": {"gamma": 0.9}, "seed": 3})
        for step in range(600):
            run.log_metrics({"terms/energy": step, "terms/work_lost": 0.0}, step)
        run.log_text("seed: 3", "config.yaml")
        run.log_files(model)
    client, _ = open_store(uri, "one")
    kept = client.get_run(run.run_id)
    assert kept.data.params == {"agent.gamma": "0.9", "seed": "3"}
    assert kept.data.metrics["terms/energy"] == 599.0
    assert len(client.get_metric_history(run.run_id, "terms/energy")) == 600
    assert kept.data.tags["mlflow.parentRunId"] == "f" * 32
    assert kept.info.status == "FINISHED"
    folder = Path(uri.removeprefix("sqlite:///")).parent / "artifacts"
    assert {p.name for p in folder.rglob("*") if p.is_file()} >= {"config.yaml", "model.zip"}


def test_a_run_that_raises_is_marked_failed(store: Any) -> None:
    with pytest.raises(RuntimeError), start_run("mlflow", store[0], "one", "bad") as run:
        raise RuntimeError
    assert open_store(store[0], "one")[0].get_run(run.run_id).info.status == "FAILED"


def test_a_run_that_is_stopped_is_marked_killed(store: Any) -> None:
    with pytest.raises(KeyboardInterrupt), start_run("mlflow", store[0], "one", "stopped") as run:
        raise KeyboardInterrupt
    assert open_store(store[0], "one")[0].get_run(run.run_id).info.status == "KILLED"


def test_a_store_that_fails_amid_a_run_is_one_warning_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with start_run("mlflow", uri, "one", "name") as run:
        with sqlite3.connect(tmp_path / "mlflow.db") as database:
            database.execute("ALTER TABLE metrics RENAME TO gone")
        for step in range(3000):
            run.log_metrics({"reward": 1.0}, step)
        run.log_text("a", "b.txt")
        assert len(caplog.records) == 1 and "the run goes on" in caplog.text
        with sqlite3.connect(tmp_path / "mlflow.db") as database:
            database.execute("ALTER TABLE gone RENAME TO metrics")
    client = open_store(uri, "one")[0]
    assert len(client.get_metric_history(run.run_id, "reward")) == 3000, "what was kept back is tried once more"
    assert client.get_run(run.run_id).info.status == "FINISHED"


def test_a_store_that_cannot_be_opened_is_a_warning_without_the_token_in_its_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # its seven retries take four minutes
    (tmp_path / "file").write_text("no folder")
    for uri in (f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}", "https://user:hunter2@localhost:1/x"):
        with start_run("mlflow", uri, "one", "name") as run:
            run.log_metrics({"reward": 1.0})
    assert len(caplog.records) == 2 and "hunter2" not in caplog.text


def test_a_server_that_nobody_runs_is_asked_twice_and_the_run_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in WAITS:
        monkeypatch.delenv(name, raising=False)
    asked: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()

        def hang_up() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, whose = server.accept()
                    asked.append(whose)
                    connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        run = start_run("mlflow", f"http://127.0.0.1:{server.getsockname()[1]}", "none", "name")
        done.set()
        thread.join()
    assert isinstance(run, NoTracker) and len(asked) == 2, "one try and one more, where mlflow would make eight"
    assert "tracking failed, the run goes on" in caplog.text


def test_any_name_of_a_policy_makes_a_metric_that_mlflow_takes(store: Any) -> None:
    with start_run("mlflow", store[0], "one", "names") as run:
        run.log_metrics({"x@y=(1)/cooling_kwh": 1.0, "plain/pue": 2.0})
    kept = open_store(store[0], "one")[0].get_run(run.run_id).data.metrics
    assert kept == {"x_y__1_/cooling_kwh": 1.0, "plain/pue": 2.0}


def test_no_tracking_keeps_nothing_and_imports_no_mlflow(tmp_path: Path) -> None:
    program = (
        "import sys; from experiments.records.tracking import start_run\n"
        "with start_run('none', '', '', '') as run: run.log_metrics({'a': 1.0}); run.log_parameters({'b': 2})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="'wandb'.*'none'"):
        start_run("wandb", "", "", "")


def test_nested_settings_become_dotted_names() -> None:
    assert dict(flatten({"a": {"b": {"c": 1}}, "d": 2})) == {"a.b.c": 1, "d": 2}


def test_every_override_is_a_parameter_of_its_own_without_its_token() -> None:
    typed = ["scenario=edge_room", "scenario.tower.cells=3", "agent.gamma=0.90", "tracking.uri=https://a:hunter2@b/c"]
    kept = override_parameters(typed, {"agent": {"gamma": 0.9}, "scenario": "edge_room"})
    assert kept.pop("overrides") == " ".join(typed).replace("a:hunter2", "***")
    assert kept == {"scenario.tower.cells": "3", "tracking.uri": "https://***@b/c"}
