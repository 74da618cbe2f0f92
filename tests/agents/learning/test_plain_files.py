"""A colleague's files are weights and numbers: reading them runs nothing, whatever they hold."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.learning.checkpoint import latest_checkpoint, resume_model
from agents.learning.learn import learn
from agents.learning.model_file import load_model, save_model
from agents.learning.plain_tree import read_tree, write_tree
from agents.learning.plan import LearningPlan
from agents.runtime.manifest import file_hash


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Where the trap leaves its file; the trap works."""
    mark = tmp_path / "code_ran"
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists()
    mark.unlink()
    return mark


def npz_with_a_pickle(path: Path, mark: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, tree=np.array([Trap(mark)], dtype=object))


def npz_of(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if "apg" not in name])  # they need a real plant
def test_a_model_comes_back_with_its_actions_from_a_file_without_code(
    name: str, make_env: Any, small_settings: Any, tmp_path: Path
) -> None:
    model = build_model(name, make_env(), small_settings[name], seed=1)
    learn(model, LearningPlan(128), tmp_path)
    observations = np.random.default_rng(0).uniform(-1, 1, (9, 3)).astype(np.float32)
    again = load_model(name, tmp_path / "model.npz")
    for mine, theirs in zip(
        model.predict(observations, deterministic=True), again.predict(observations, deterministic=True)
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert not [part for part in zipfile.ZipFile(tmp_path / "model.npz").namelist() if not part.endswith(".npy")]


def test_a_tree_comes_back_as_it_was_and_code_is_refused_when_it_is_written(tmp_path: Path) -> None:
    tree = {"a": [1, 2.5, None, True, "x", (3, 2**100)], 7: {"f": np.asfortranarray(np.eye(3)), "n": np.float32(0.1)}}
    write_tree(tmp_path / "t.npz", tree)
    again = read_tree(tmp_path / "t.npz")
    assert again["a"] == tree["a"] and isinstance(again["a"][5], tuple)
    assert again[7]["f"].flags.f_contiguous and type(again[7]["n"]) is np.float32
    for bad in (object(), np.array([object()]), {1.5: 2}, np.sum):
        with pytest.raises(TypeError, match="cannot be kept"):
            write_tree(tmp_path / "bad.npz", {"x": bad})
    assert not (tmp_path / "bad.npz").exists()


def test_a_malicious_model_file_is_refused_and_nothing_runs(tmp_path: Path, mark: Path) -> None:
    raw = tmp_path / "raw.npz"
    raw.write_bytes(pickle.dumps(Trap(mark)))
    npz_with_a_pickle(tmp_path / "object.npz", mark)
    npz_of(tmp_path / "member.npz", tree=pickle.dumps(Trap(mark)))
    for path in (raw, tmp_path / "object.npz", tmp_path / "member.npz"):
        with pytest.raises(ValueError, match=f"{path.name} is damaged or of another kind"):
            load_model("ppo", path)
    assert not mark.exists()


def test_an_old_archive_with_a_pickle_is_refused_unless_it_is_trusted_by_name(
    make_env: Any, tmp_path: Path, mark: Path
) -> None:
    model = build_model("ppo", make_env(), {"hidden": [8]})
    model.ep_success_buffer = Trap(mark)  # type: ignore[assignment]
    model.save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match=r"runs code that it carries \(pickle\).*trust=true"):
        load_model("ppo", tmp_path / "model.zip")
    assert not mark.exists()
    load_model("ppo", tmp_path / "model.zip", trust=True)
    assert mark.exists(), "so that the refusal above is what kept it away"


@pytest.mark.parametrize("part", ["model", "replay_buffer", "random_streams"])
def test_no_part_of_a_malicious_checkpoint_runs_though_its_hashes_fit(
    part: str, make_env: Any, small_settings: Any, tmp_path: Path, mark: Path
) -> None:
    learn(build_model("sac", make_env(), small_settings["sac"]), LearningPlan(64, checkpoint_every=64), tmp_path)
    checkpoint = latest_checkpoint(tmp_path)
    npz_with_a_pickle(checkpoint / f"{part}.npz", mark)
    counters = json.loads((checkpoint / "counters.json").read_text())
    counters["files"][f"{part}.npz"] = file_hash(checkpoint / f"{part}.npz")
    (checkpoint / "counters.json").write_text(json.dumps(counters))
    if part == "random_streams":  # read only where the environments are kept, which these cannot be
        with pytest.raises(ValueError, match="damaged or of another kind"):
            read_tree(checkpoint / f"{part}.npz")
    else:
        with pytest.raises(ValueError, match="damaged or of another kind"):
            resume_model("sac", checkpoint, make_env(), seed=0)
    assert not mark.exists()


@pytest.mark.parametrize(
    "files",
    [{}, {"model.npz": "0" * 64}, {"model.npz": "", "random_streams.npz": "", "../../evil.npz": ""}],
)
def test_a_checkpoint_s_hashes_cannot_be_left_out_or_point_elsewhere(
    files: dict[str, str], make_env: Any, tmp_path: Path
) -> None:
    learn(build_model("ppo", make_env(), {"hidden": [8]}), LearningPlan(64, checkpoint_every=64), tmp_path)
    checkpoint = latest_checkpoint(tmp_path)
    counters = json.loads((checkpoint / "counters.json").read_text()) | {"files": files}
    (checkpoint / "counters.json").write_text(json.dumps(counters))
    with pytest.raises(ValueError, match="counters.json lists"):
        resume_model("ppo", checkpoint, make_env(), seed=0)


def test_a_compressed_or_cut_or_foreign_file_is_refused_by_name(make_env: Any, tmp_path: Path) -> None:
    save_model(build_model("ppo", make_env(), {"hidden": [8]}), tmp_path / "whole.npz")
    whole = (tmp_path / "whole.npz").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        (tmp_path / "cut.npz").write_bytes(whole[: int(rng.integers(len(whole)))])
        with pytest.raises(ValueError, match="cut.npz is damaged"):
            load_model("ppo", tmp_path / "cut.npz")
    np.savez_compressed(tmp_path / "bomb.npz", tree=np.zeros(1000, np.uint8))
    with pytest.raises(ValueError, match="bomb.npz is damaged.*compressed"):
        load_model("ppo", tmp_path / "bomb.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    npz_of(tmp_path / "huge.npz", tree=header.getvalue())
    with pytest.raises(ValueError, match="huge.npz is damaged"):
        load_model("ppo", tmp_path / "huge.npz")
    with pytest.raises(ValueError, match="whole.npz is of ppo, the card beside it says sac"):
        load_model("sac", tmp_path / "whole.npz")
