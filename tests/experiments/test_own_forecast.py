"""``coldaisle forecast telemetry=...``: from a building's log to a page about its coming day."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scenario import Scenario, load
from envs.twin.telemetry.quantities import quantities_of
from envs.twin.telemetry.recorder import record_telemetry, true_value_reader
from envs.twin.telemetry.synthetic import NOT_LOGGED, synthetic_telemetry, write
from experiments.forecasting.own_hall import Asked, Failure, require_days
from experiments.forecasting.own_page import _answer

ROOT = Path(__file__).parents[2]
STEP = ["scenario.episode.step_s=1200", "scenario.episode.substep_s=300"]
DAYS, PER_DAY = 21, 72


@pytest.fixture(scope="module")
def hall() -> Scenario:
    return load("edge_room", [word.removeprefix("scenario.") for word in STEP] + ["site.workload_weeks=4"])


@pytest.fixture(scope="module")
def log(hall: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks of a hall under its own rules, as a building system logs them."""
    core = DataCenterCore(hall, 1)
    core.reset(seed=3)
    names = [n for n in quantities_of(core.plant.layout, hall) if n not in NOT_LOGGED]
    truth = record_telemetry(core, core.rules, DAYS * PER_DAY, true_value_reader(core, names))
    folder = tmp_path_factory.mktemp("log")
    write(synthetic_telemetry(truth, 0, hall.sensors, 1), folder)
    return folder


@pytest.mark.slow
def test_a_log_becomes_a_forecast_of_every_rack_and_of_cooling_and_a_page(log: Path) -> None:
    words = [f"telemetry={log / 'telemetry.csv'}", f"points={log / 'points.yaml'}", f"folder={log / 'out'}"]
    command = [sys.executable, "-m", "experiments.cli", "forecast", "scenario=edge_room", *STEP, "match=false", *words]
    subprocess.run(command, check=True, cwd=log, env=os.environ | {"PYTHONPATH": str(ROOT)})
    with (log / "out" / "forecast.csv").open() as file:
        rows = list(csv.DictReader(file))
    racks = {row["what"] for row in rows}
    assert len(racks) == 9 and len(rows) == 9 * PER_DAY
    values = np.array([[float(row[key]) for key in ("low_90", "mean", "high_90")] for row in rows])
    assert (np.diff(values, axis=1) >= 0.0).all()
    page = (log / "out" / "forecast.html").read_text()
    for words in ("The coming day", "Which rack is first over 32 degC", "How good such forecasts were", "The file"):
        assert f"<h2>{words}" in page
    assert "RMSE K" in page and "rack_inlet_c[0]" in page and (log / "out" / "findings.csv").is_file()


def test_a_failure_on_which_the_plants_differ_is_said_not_to_be_foreseen() -> None:
    names = ["a", "b", "c"]
    never = float("inf")
    over = Failure("z", 3.0, (0.9, 1.0, 1.2), (52.0, 50.0, 49.0), (2, 0, 1), 0.1)
    none = Failure("z", 1.0, (never, never, never), (28.0, 27.5, 27.0), (), 0.1)
    open_ = Failure("z", 1.0, (40.0, never, never), (38.0, 31.0, 27.0), (), 0.15)
    assert over.is_foreseen and none.is_foreseen and not open_.is_foreseen
    assert _answer(over, Asked(), names) == "over after 1 to 1 s; first among c, a, b"
    assert _answer(none, Asked(), names) == "none goes over; the hottest inlet is 27.0 to 28.0 degC"
    assert _answer(open_, Asked(), names).startswith("not foreseen: the hottest inlet is 27.0 to 38.0 degC")


def test_a_log_too_short_to_learn_from_is_refused_with_the_days_it_needs(log: Path, hall: Scenario) -> None:
    from envs.twin.telemetry.telemetry import Telemetry

    short = Telemetry.of_hall({"x": np.zeros((5 * PER_DAY, 1))}, 1200.0, np.datetime64("2026-01-01T00:00:00"))
    with pytest.raises(ValueError, match=r"holds 5.0 days; give at least 15"):
        require_days(short)
