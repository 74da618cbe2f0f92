from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.build import ALGORITHMS, build_model
from agents.learning.learn import learn
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {}


@pytest.fixture
def bundle(request: Any, bundles: Any, make_env: Any, small_settings: Any, tmp_path_factory: Any) -> Any:
    algorithm = request.param
    if algorithm not in bundles:
        folder = tmp_path_factory.mktemp(algorithm)
        model = build_model(algorithm, make_env(), small_settings[algorithm], seed=1)
        learn(model, 256, folder)
        _spread(model)
        bundles[algorithm] = (model, export_bundle(model, algorithm, folder / "bundle", {"scenario_hash": "abc"}))
    return bundles[algorithm]


def _spread(model: Any) -> None:
    """Enlarge the last layer, so that some actions reach the bounds of the box."""
    import torch

    actor = getattr(model.policy, "actor", None)
    mu = model.policy.action_net if actor is None else actor.mu
    last = [m for m in mu.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.normal_(0.0, 1.5, generator=torch.Generator().manual_seed(0))


def _observations() -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, (100, 3)).astype(np.float32)


@pytest.mark.parametrize("bundle", ALGORITHMS, indirect=True)
def test_numpy_gives_the_actions_of_the_model(bundle: Any) -> None:
    model, folder = bundle
    expected, _ = model.predict(_observations(), deterministic=True)
    assert expected.std() > 0.1
    np.testing.assert_allclose(ExportedPolicy(folder).predict(_observations()), expected, atol=2e-5)


@pytest.mark.parametrize("bundle", ALGORITHMS, indirect=True)
@pytest.mark.parametrize("batch", [1, 7])
def test_onnx_gives_the_actions_of_the_model_at_any_batch(bundle: Any, batch: int) -> None:
    import onnxruntime

    model, folder = bundle
    expected, _ = model.predict(_observations()[:batch], deterministic=True)
    session = onnxruntime.InferenceSession(str(folder / "policy.onnx"), providers=["CPUExecutionProvider"])
    got = session.run(None, {"observation": _observations()[:batch]})[0]
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_one_observation_gives_one_action(bundle: Any) -> None:
    model, folder = bundle
    one = ExportedPolicy(folder).predict(_observations()[0])
    assert one.shape == (2,)
    np.testing.assert_allclose(one, model.predict(_observations()[0], deterministic=True)[0], atol=2e-5)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_the_bundle_runs_without_torch_and_without_the_simulator(bundle: Any) -> None:
    _, folder = bundle
    program = (
        "import sys; from agents.runtime.exported_policy import ExportedPolicy;"
        f"ExportedPolicy({str(folder)!r}).predict([0.1, 0.2, 0.3]);"
        "found = {'torch', 'stable_baselines3', 'envs', 'gymnasium', 'onnx'} & set(sys.modules);"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("bundle", ["sac"], indirect=True)
def test_a_changed_file_is_refused(bundle: Any, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(bundle[1], tmp_path / "copy"))
    (copy / "policy.npz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="policy.npz is not the file"):
        ExportedPolicy(copy)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_the_manifest_says_what_the_policy_is_bound_to(bundle: Any) -> None:
    content = json.loads((bundle[1] / "manifest.json").read_text())
    assert content["algorithm"] == "ppo"
    assert content["scenario_hash"] == "abc"
    assert content["parity"]["onnx"] <= 1e-5
    assert set(content["files"]) == {"policy.npz", "policy.onnx"}
    assert "torch" in content["versions"]


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_a_wrong_observation_is_refused(bundle: Any) -> None:
    policy = ExportedPolicy(bundle[1])
    with pytest.raises(ValueError, match="4 elements.*trained on 3"):
        policy.predict(np.zeros(4))
    with pytest.raises(ValueError, match="element 1 is not a finite"):
        policy.predict(np.array([0.0, np.nan, 0.0]))


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="coldaisle export"):
        ExportedPolicy(tmp_path)
