"""Training on halls as they may be: each environment is another draw of a spread, and begins again by itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from agents.encoding import agent_scenario
from agents.learning.algorithms import Learner
from envs.core import DataCenterCore
from envs.scenario import Scenario, load
from envs.twin.calibration.spread import scenario_draws
from experiments.overrides import remembered
from experiments.records.provenance import content_hash
from experiments.records.tracking import NoTracker
from experiments.schema import TrainingPlan
from experiments.train import train

SPREAD = """parameters:
  zones.hall.coil_ua_kw_k: {value: 3.06, sd: 0.12, scale: log, low: 2.4, high: 3.7}
  zones.hall.fan_kw: {value: 1.6, sd: 0.12, scale: log, low: 1.3, high: 1.9}
correlation: [[1, 0], [0, 1]]
"""


@pytest.fixture
def spread(tmp_path: Path) -> Path:
    place = tmp_path / "spread.yaml"
    place.write_text(SPREAD.replace("hall", next(iter(load("edge_room").zones))))
    return place


@pytest.fixture
def scenario() -> Scenario:
    return load("edge_room", ["episode.step_s=900", "episode.substep_s=180", "site.workload_weeks=1"])


def test_a_hall_that_begins_again_alone_begins_as_among_the_others(scenario: Scenario, spread: Path) -> None:
    core = DataCenterCore(scenario_draws(scenario, spread, 4), 4)
    core.reset(seed=5)
    among = core.flows.facility_power_kw.copy()
    core.reset(seed=80)
    others = core.flows.facility_power_kw.copy()
    core.reset(mask=np.array([False, False, True, False]), seed=[None, None, 7, None])
    np.testing.assert_array_equal(core.flows.facility_power_kw, np.where([0, 0, 1, 0], among, others))
    core.step(np.zeros((4, core.action_size), np.float32))
    assert np.isfinite(core.flows.facility_power_kw).all()


def test_a_run_learns_on_halls_that_differ_and_names_their_spread(
    scenario: Scenario, spread: Path, tmp_path: Path
) -> None:
    learner = Learner("ppo", 4, {"hidden": [8], "batch_size": 32})
    train(scenario, learner, TrainingPlan(32, seed=3, split="none", spread=str(spread)), tmp_path / "run", NoTracker())
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    halls = scenario_draws(agent_scenario(scenario, learner.encoding, learner.reach_frac), spread, 4, seed=3)
    assert card["config_hash"] == content_hash(asdict(halls))
    assert (card["scenario_hash"], card["settings"]["spread"]) == (scenario.hash(), str(spread))
    assert f"spread={spread}" in remembered([f"resume={tmp_path / 'run'}"])


def test_the_spread_of_ai_hall_lies_around_the_hall_itself() -> None:
    hall = load("ai_hall")
    halls = scenario_draws(hall, Path(str(files("configs").joinpath("spread/ai_hall.yaml"))), 4000)
    assert halls.coolant is not None and hall.coolant is not None
    drawn = np.asarray(halls.coolant.ua_kw_k) / hall.coolant.ua_kw_k
    assert drawn.min() == pytest.approx(0.8) and drawn.max() == pytest.approx(1.2)
    assert np.median(drawn) == pytest.approx(1.0, abs=0.02)
