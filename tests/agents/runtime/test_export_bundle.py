from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy

SMALL = {"hidden": [8]}
Bundle = tuple[Any, Path]


@pytest.fixture(scope="module")
def bundle_of(small_settings: Any, bundle_content: Any, spread: Any, tmp_path_factory: Any) -> Callable[..., Bundle]:
    """Model and bundle of an algorithm, made once."""
    made: dict[str, Bundle] = {}

    def of(algorithm: str, environments: Any) -> Bundle:
        if algorithm not in made:
            folder = tmp_path_factory.mktemp(algorithm)
            model = build_model(algorithm, environments, small_settings[algorithm], seed=1)
            learn(model, LearningPlan(256), folder)
            spread(model)
            made[algorithm] = (model, export_bundle(model, folder / "bundle", bundle_content))
        return made[algorithm]

    return of


@pytest.fixture
def bundle(request: Any, bundle_of: Callable[..., Bundle], make_env: Any) -> Bundle:
    return bundle_of(request.param, make_env())


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


@pytest.mark.parametrize("bundle", ["sac"], indirect=True)
def test_a_changed_file_is_refused(bundle: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle[1], tmp_path / "copy"))
    (copy / "policy.npz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="policy.npz is not the file"):
        ExportedPolicy(copy)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_the_manifest_says_what_the_policy_is_bound_to(bundle: Any) -> None:
    content = json.loads((bundle[1] / "manifest.json").read_text())
    assert content["algorithm"] == "ppo"
    assert content["scenario_hash"] == "abc"
    assert content["interface"]["step_s"] == 300.0
    assert content["parity"]["onnx"] <= 1e-5
    assert set(content["files"]) == {"policy.npz", "policy.onnx"}
    assert "torch" in content["versions"]


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_a_wrong_observation_is_refused(bundle: Any) -> None:
    policy = ExportedPolicy(bundle[1])
    with pytest.raises(ValueError, match="4 elements.*trained on 3"):
        policy.predict(np.zeros(4))
    for shape in [(), (1, 2, 3)]:
        with pytest.raises(ValueError, match=r"shape \(.*\); give \(3,\) or \(B, 3\)"):
            policy.predict(np.zeros(shape))
    with pytest.raises(ValueError, match="element 2 is not a finite"):
        policy.predict(np.ma.masked_equal([0.0, 1.0, 9.0], 9.0))
    with pytest.raises(ValueError, match="element 1 is not a finite"):
        policy.predict(np.array([0.0, np.nan, 0.0]))


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="coldaisle export"):
        ExportedPolicy(tmp_path)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "coldaisle-bundle/1"}, "format 'coldaisle-bundle/1'; this version reads"),
        ({"parity": None}, "lacks parity"),
        ({"interface": {"step_s": 300.0}}, "lacks interface.approach_k, interface.channels"),
    ],
)
def test_a_manifest_of_another_version_or_with_a_gap_is_refused_by_name(
    bundle: Any, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundle[1], tmp_path / "copy"))
    whole = json.loads((copy / "manifest.json").read_text()) | change
    whole = {key: value for key, value in whole.items() if value is not None}
    (copy / "manifest.json").write_text(json.dumps(whole))
    with pytest.raises(ValueError, match=words):
        ExportedPolicy(copy)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_a_manifest_that_decodes_by_other_rules_is_refused(bundle: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle[1], tmp_path / "copy"))
    whole = json.loads((copy / "manifest.json").read_text())
    whole["interface"]["approach_k"] = [3.0, 10.0]
    (copy / "manifest.json").write_text(json.dumps(whole))
    with pytest.raises(ValueError, match="3.0.*run the bundle with the version that exported it"):
        ExportedPolicy(copy)


def test_an_interface_of_another_size_than_the_model_is_refused(
    make_env: Any, bundle_content: Any, tmp_path: Path
) -> None:
    interface = bundle_content["interface"]
    short = {**interface, "points": interface["points"][:1]}
    with pytest.raises(ValueError, match="2 observation and 2 action elements, the model 3 and 2"):
        export_bundle(build_model("ppo", make_env(), SMALL), tmp_path, {**bundle_content, "interface": short})
