"""``coldaisle export register=true``: the bundle in the model registry, and its newest version the champion."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.learning.build import build_model
from agents.policy import interface_data, site_data
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy
from envs.sb3_vec_env import DataCenterSB3VecEnv
from experiments.export import registered


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The bundle of an untrained policy."""
    sites = DataCenterSB3VecEnv("edge_room", 1, ("site.workload_weeks=1",))
    content = {
        **dict.fromkeys(("scenario", "scenario_hash", "git_hash"), "x"),
        "settings": {},
        "evaluation_card": {},
        "interface": interface_data(sites.core),
        "site": site_data(sites.core.scenario),
    }
    return export_bundle(build_model("ppo", sites, {"hidden": [8]}), tmp_path / "bundle", content)


def test_the_newest_version_is_the_champion_and_its_files_are_the_bundle(bundle: Path, tmp_path: Path) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}"
    assert registered(bundle, uri, "tests") == "coldaisle-x@champion, version 1"
    assert registered(bundle, uri, "tests") == "coldaisle-x@champion, version 2"
    champion = MlflowClient(uri).get_model_version_by_alias("coldaisle-x", "champion")
    found = ExportedPolicy(download_artifacts(champion.source, dst_path=str(tmp_path)))
    assert champion.version in (2, "2") and champion.tags["sha256"] == found.manifest["sha256"]
