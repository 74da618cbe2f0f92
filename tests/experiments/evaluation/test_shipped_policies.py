"""The policies that come with coldaisle: small, carded, and played by their names."""

import numpy as np
import pytest

from agents.runtime.manifest import read_manifest
from envs import scenario as scenarios
from envs.core import DataCenterCore
from envs.play import play
from experiments.evaluation.policies import learned_rows
from experiments.overrides import remembered
from experiments.records.run_folder import SHIPPED, policy_folder, shipped_policies

MOST_BYTES = 108_000


@pytest.mark.parametrize("name", shipped_policies())
def test_a_shipped_policy_is_small_and_says_how_it_was_judged(name: str) -> None:
    manifest = read_manifest(SHIPPED / name)
    assert manifest["scenario"] in scenarios.SHIPPED and name.startswith(manifest["scenario"])
    assert "changed" not in manifest["git_hash"] and "dirty" not in manifest["git_hash"]
    card = manifest["evaluation_card"]
    assert card["result"] == "yes" and card["episodes"] >= 20
    assert sum(file.stat().st_size for file in (SHIPPED / name).iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("name", shipped_policies())
def test_a_shipped_policy_holds_its_hall_by_its_name_alone(name: str) -> None:
    (scenario,) = (word.removeprefix("scenario=") for word in remembered([f"policies.mine={name}"]))
    core = DataCenterCore(scenarios.load(scenario, ["site.workload_weeks=1"]), 2)
    core.reset(seed=1)
    rows = learned_rows({"mine": name})
    controller = rows.makers["mine"](core)
    controller.reset(2)
    for step in play(core, controller, 3):
        assert {c.name for c in core.channels if c.kind == "cooling"} <= step.wanted.keys()
        assert all(np.isfinite(value).all() for value in step.wanted.values())


def test_a_folder_goes_before_a_shipped_name(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    name = shipped_policies()[0]
    assert policy_folder(name) == SHIPPED / name
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert policy_folder(name).resolve() == tmp_path / name
