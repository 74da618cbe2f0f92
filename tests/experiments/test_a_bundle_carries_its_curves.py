"""A run, and a bundle, of a hall with a measured cap profile work where its file is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.learning.algorithms import Learner
from agents.runtime.exported_policy import ExportedPolicy
from agents.runtime.twin_file import stored_site
from agents.runtime.twin_shield import TwinShield
from envs.core import DataCenterCore
from envs.interface.points import RULE
from envs.scenario import load
from envs.scenario.plain import scenario_from
from envs.scenario.rack_group import archetype_of
from experiments.export import export_run
from experiments.records.tracking import NoTracker
from experiments.schema import TrainingPlan
from experiments.train import train

pytest.importorskip("stable_baselines3")
SWEEP = "class,power_w,throughput\nprefill,700,100\nprefill,560,97\nprefill,420,85\nprefill,350,70\n"
FAST = ["episode.step_s=900", "episode.substep_s=180", "site.workload_weeks=1"]
# as `python act.py --shield`, in a process that has of the house what the bundle carries
ALONE = (
    "import runpy, sys; sys.modules.update(dict.fromkeys(['agents', 'experiments', 'pandas', 'scipy', 'yaml']));"
    "sys.path = [p for p in sys.path if p]; sys.argv = ['act.py', '--shield'];"
    "runpy.run_path({act!r}, run_name='__main__')"
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that lies alone: the sweep and the run are gone."""
    made = tmp_path_factory.mktemp("made")
    sweep = made / "sweep.csv"
    sweep.write_text(SWEEP)
    plant = load("edge_room", [f"racks.serving.cap_profile={sweep}", *FAST])
    learner = Learner("ppo", 4, {"hidden": [8], "batch_size": 32})
    train(plant, learner, TrainingPlan(32, seed=1, split="none"), made / "run", NoTracker())
    sweep.unlink()
    bundle = export_run(made / "run", made / "bundle")
    far = tmp_path_factory.mktemp("far") / "bundle"
    shutil.copytree(bundle, far)
    shutil.rmtree(made)
    return far


def test_the_twin_of_a_bundle_has_the_measured_curve(elsewhere: Path) -> None:
    site = scenario_from(stored_site(elsewhere / "twin.zip"))
    curve = archetype_of(site.racks["serving"]).cap_points["prefill"]
    np.testing.assert_allclose(curve, ([0.5, 0.6, 0.8, 1.0], [0.7, 0.85, 0.97, 1.0]))
    assert not site.racks["serving"].cap_profile
    assert site.hash() == ExportedPolicy(elsewhere).manifest["scenario_hash"] != load("edge_room", FAST).hash()


def test_its_shield_acts_where_neither_the_sweep_nor_the_house_is(elsewhere: Path) -> None:
    core = DataCenterCore("edge_room", 1, FAST)
    core.reset(seed=3)
    measured = {name: v[:, 0].tolist() for name, v in core.measurements().items() if not name.startswith(RULE)}
    assert not TwinShield(elsewhere, core.step_s, []).lacking(measured)
    line = [sys.executable, "-I", "-c", ALONE.format(act=str(elsewhere / "act.py"))]
    done = subprocess.run(
        line, input=json.dumps(measured), capture_output=True, text=True, check=False, cwd=elsewhere.parent
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == set(ExportedPolicy(elsewhere).act(measured))
