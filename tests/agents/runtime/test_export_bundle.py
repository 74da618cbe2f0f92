from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
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
from agents.runtime.manifest import Content, content_sum

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
            if "apg" not in algorithm:  # learns on a core alone; its weights are spread as all others are
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
    assert set(content["files"]) == {"policy.npz", "policy.onnx", "act.py"}
    assert content["sha256"] == content_sum(content)
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
    (copy / "manifest.json").write_text(json.dumps({**whole, "sha256": content_sum(whole)}))
    with pytest.raises(ValueError, match="3.0.*run the bundle with the version that exported it"):
        ExportedPolicy(copy)


def test_an_interface_of_another_size_than_the_model_is_refused(
    make_env: Any, bundle_content: Any, tmp_path: Path
) -> None:
    interface = bundle_content["interface"]
    short = {**interface, "points": interface["points"][:1]}
    with pytest.raises(ValueError, match="2 observation and 2 action elements, the model 3 and 2"):
        export_bundle(build_model("ppo", make_env(), SMALL), tmp_path, {**bundle_content, "interface": short})


def _changed(bundle: Path, tmp_path: Path, **change: Any) -> Path:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    whole = json.loads((copy / "manifest.json").read_text()) | change
    (copy / "manifest.json").write_text(json.dumps({**whole, "sha256": content_sum(whole)}))
    return copy


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "files are not policy.npz and perhaps policy.onnx, act.py, twin.zip"),
        (None, "files are not"),
        ({"policy.onnx": "0" * 64}, "files are not"),
        ({"policy.npz": "0" * 64, "policy.onnx": "0" * 64, "../../etc/passwd": ""}, "files are not"),
        (
            dict.fromkeys(("policy.npz", "policy.onnx", "act.py"), "0" * 64),
            "policy.npz is not the file that was exported",
        ),
    ],
)
def test_the_hashes_cannot_be_switched_off_and_no_name_leaves_the_folder(
    bundle: Any, files: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        ExportedPolicy(_changed(bundle[1], tmp_path, files=files))


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_a_light_bundle_has_its_weights_alone_and_acts_as_the_whole_one(bundle: Any, tmp_path: Path) -> None:
    model, folder = bundle[:2]
    whole = ExportedPolicy(folder)
    content = {name: whole.manifest[name] for name in (*Content.__required_keys__, "site") if name in whole.manifest}
    light = ExportedPolicy(export_bundle(model, tmp_path / "light", content, light=True))
    assert sorted(p.name for p in light.folder.iterdir()) == ["manifest.json", "policy.npz"]
    seen = np.linspace(-1.0, 1.0, whole.network.sizes[0])
    np.testing.assert_array_equal(light.predict(seen), whole.predict(seen))


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
@pytest.mark.parametrize("parity", [{}, {"npz": 0.0}, {"npz": 0.0, "onnx": 0.1}, {"npz": 0.0, "onnx": -1.0}, "good"])
def test_a_bundle_without_a_parity_that_was_reached_is_refused(bundle: Any, parity: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"parity\.(npz|onnx) is .* a bundle has at most 1e-05"):
        ExportedPolicy(_changed(bundle[1], tmp_path, parity=parity))


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
def test_a_manifest_cut_anywhere_is_refused_by_its_name(bundle: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle[1], tmp_path / "copy"))
    whole = (copy / "manifest.json").read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.99):
        (copy / "manifest.json").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match="manifest.json is damaged"):
            ExportedPolicy(copy)


@pytest.mark.parametrize("bundle", ["ppo"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight_0": np.full((8, 3), np.nan, np.float32)}, "not a finite number"),
        ({"weight_0": np.diag([np.nan] + [1.0] * 7).astype(np.float32)[:, :3]}, "not a finite number"),
        ({"weight_0": np.zeros((8, 4), np.float32)}, "takes and gives .4, 2. elements, the manifest says .3, 2."),
        ({"weight_1": np.zeros((8, 7), np.float32)}, "layer 1"),
        ({"action_low": np.zeros(1, np.float32)}, "bounds"),
        ({"activations": np.array(["tanh", "tanh", "softsign"])}, "activations .'softsign'."),
        ({"activations": np.array([{"a": 1}], dtype=object)}, "no network of a bundle"),
    ],
)
def test_weights_that_do_not_fit_are_refused_though_their_hash_does(
    bundle: Any, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    from agents.runtime.manifest import file_hash

    files = json.loads((bundle[1] / "manifest.json").read_text())["files"]
    with np.load(bundle[1] / "policy.npz") as stored:
        arrays = {name: stored[name] for name in stored.files} | change
    copy = Path(shutil.copytree(bundle[1], tmp_path / "weights"))
    np.savez(copy / "policy.npz", allow_pickle=True, **arrays)
    with pytest.raises(ValueError, match=words):
        ExportedPolicy(_changed(copy, tmp_path, files=files | {"policy.npz": file_hash(copy / "policy.npz")}))


def test_a_bundle_that_failed_its_parity_does_not_exist_and_leaves_the_one_before(
    make_env: Any, bundle_content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.runtime import export

    model = build_model("ppo", make_env(), SMALL)
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="deviates from the model"):
        export_bundle(model, tmp_path / "bundle", bundle_content)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    export_bundle(model, tmp_path / "bundle", bundle_content)
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="deviates from the model"):
        export_bundle(model, tmp_path / "bundle", bundle_content)
    assert ExportedPolicy(tmp_path / "bundle").predict(np.zeros(3)).shape == (2,)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("renames", range(5))
def test_an_export_that_is_killed_leaves_the_whole_bundle_before_or_none(
    renames: int, make_env: Any, bundle_content: Any, tmp_path: Path
) -> None:
    model = build_model("ppo", make_env(), SMALL)
    folder = export_bundle(model, tmp_path / "bundle", bundle_content)
    if not (child := os.fork()):
        done = itertools.count()

        def cut(event: str, arguments: Any) -> None:
            ours = event == "os.rename" and str(arguments[1]).startswith(str(tmp_path))
            if ours and next(done) == renames:
                os._exit(9)

        sys.addaudithook(cut)
        export_bundle(model, folder, bundle_content)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    if renames == 0:
        assert ExportedPolicy(folder).predict(np.zeros(3)).shape == (2,)
    else:
        with pytest.raises(FileNotFoundError, match="manifest.json does not exist"):
            ExportedPolicy(folder)
