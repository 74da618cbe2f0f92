"""``python -m agents.runtime``: what an operator types on the box to check a bundle and to run it once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.build import build_model
from agents.policy import interface_of
from agents.runtime.__main__ import main
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import SHIPPED

SHORT = ("site.workload_weeks=1",)


@pytest.fixture
def bundle(request: Any, small_settings: Any, bundle_content: Any, tmp_path: Path) -> Path:
    """A bundle of a scenario's policy that has learnt nothing."""
    sites = DataCenterSB3VecEnv(getattr(request, "param", "edge_room"), 1, SHORT)
    model = build_model("ppo", sites, small_settings["ppo"], seed=1)
    content = {**bundle_content, "interface": interface_of(sites.core).plain()}
    return export_bundle(model, tmp_path / "bundle", content)


@pytest.mark.parametrize("bundle", SHIPPED, indirect=True)
def test_the_example_of_every_hall_is_believed_and_gives_the_setpoints_of_act(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle), "--example"]) == 0
    reading = tmp_path / "hall.json"
    reading.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main([str(bundle), str(reading)]) == 0
    told = json.loads(capsys.readouterr().out)
    wanted = ExportedPolicy(bundle).act(json.loads(reading.read_text(encoding="utf-8")))
    assert told == {name: value.tolist() for name, value in wanted.items()}
    assert told.keys() == {c["name"] for c in ExportedPolicy(bundle).manifest["interface"]["channels"]}


def test_a_bundle_alone_is_checked_and_lists_every_point_and_channel(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle)]) == 0
    told = capsys.readouterr().out
    interface = ExportedPolicy(bundle).manifest["interface"]
    listed = {line.split()[0] for line in told.splitlines() if line.startswith("  ")}
    assert listed == {row["name"] for row in (*interface["points"], *interface["channels"])}


def test_the_seconds_between_two_calls_set_how_far_a_setpoint_moves(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(bundle), "--example"])
    reading = {**json.loads(capsys.readouterr().out), "in_force.chw_supply_temp_setpoint_c": [7.0]}
    (tmp_path / "hall.json").write_text(json.dumps(reading), encoding="utf-8")
    moved = []
    for seconds in ("60", "300"):
        assert main([str(bundle), str(tmp_path / "hall.json"), "--step-s", seconds]) == 0
        moved.append(json.loads(capsys.readouterr().out)["chw_supply_temp_setpoint_c"][0] - 7.0)
    assert 0.0 < moved[0] < moved[1] and np.isclose(5.0 * moved[0], moved[1])


@pytest.mark.parametrize("text", ["{", "[1, 2]", "{}", '{"zone_supply_c": [295.0]}'])
def test_a_reading_that_is_none_ends_in_one_line_and_no_setpoints(
    text: str, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hall.json").write_text(text, encoding="utf-8")
    assert main([str(bundle), str(tmp_path / "hall.json")]) == 1
    told = capsys.readouterr()
    assert not told.out and len(told.err.splitlines()) == 1


def test_a_changed_bundle_and_a_folder_that_is_none_end_in_one_line(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(bundle, changed)
    (changed / "policy.npz").write_bytes((bundle / "policy.npz").read_bytes() + b"0")
    for folder, words in ((changed, "is not the file that was exported"), (tmp_path / "none", "does not exist")):
        assert main([str(folder)]) == 1
        told = capsys.readouterr()
        assert not told.out and words in told.err and len(told.err.splitlines()) == 1
