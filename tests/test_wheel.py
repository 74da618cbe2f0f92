"""The wheel holds every file of the tree that it should, and works; so does an editable install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("envs", "agents", "experiments", "configs")
FACE = "experiments/face/"  # what lies here stands beside the packages in a wheel
TRY = """
import sys, gymnasium, coldaisle
env = gymnasium.make("coldaisle:coldaisle/DataCenter-v1", scenario="edge_room")
env.reset(seed=0)
env.step(env.action_space.sample())
print(coldaisle.__file__, coldaisle.__version__, coldaisle.evaluate.__module__, len(coldaisle.SCENARIOS))
"""


def tracked() -> list[str]:
    """Files of the packages under version control, as far as they lie in the working tree."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout to compare with")
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\n") if name and (ROOT / name).is_file()]


def built(hook: str, tree: Path, target: Path) -> Path:
    """A wheel of the tree, ordinary or editable, by the hook of the build's back end, without the network."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; it comes with the extra `dev`")
    if hook == "build_editable":
        pytest.importorskip("editables", reason="editable wheels need editables; it comes with the extra `dev`")
    target.mkdir()
    program = f"from hatchling.build import {hook}; {hook}({str(target)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=tree, check=True, capture_output=True, text=True)
    (wheel,) = target.glob("*.whl")
    return wheel


def tried(site: Path, folder: Path) -> list[str]:
    """What the trial prints that runs in a folder with a site-packages of its own before all others."""
    program = f"import sys; sys.path.insert(0, {str(site)!r}); import site; site.addsitedir({str(site)!r})\n{TRY}"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of what is under version control."""
    tree = tmp_path_factory.mktemp("tree")
    for name in [*tracked(), "pyproject.toml", "README.md", "LICENSE"]:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    return built("build_wheel", tree, tree / "dist")


def test_the_wheel_holds_every_file_of_the_tree(wheel: Path) -> None:
    wanted = tracked()
    held = set(zipfile.ZipFile(wheel).namelist())
    assert not sorted({name.removeprefix(FACE) for name in wanted} - held)
    assert not [name for name in held if name.startswith(FACE)]
    assert {Path(name).suffix for name in wanted} >= {".py", ".yaml", ".typed"}


def test_the_wheel_works_away_from_the_tree(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    file, version, module, scenarios = tried(site, tmp_path)
    assert Path(file) == site / "coldaisle" / "__init__.py"
    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert module == "experiments.evaluate" and int(scenarios) > 1


def test_an_editable_install_works_away_from_the_tree(tmp_path: Path) -> None:
    zipfile.ZipFile(built("build_editable", ROOT, tmp_path / "dist")).extractall(tmp_path / "site")
    file, *_ = tried(tmp_path / "site", tmp_path)
    assert Path(file) == ROOT / FACE / "coldaisle" / "__init__.py"


def test_every_folder_of_the_tree_with_modules_is_a_package() -> None:
    folders = {Path(name).parent for name in tracked()}
    assert not sorted(
        str(f)
        for f in folders
        if f.parts[0] != "configs" and not (ROOT / f / "__init__.py").exists() and any((ROOT / f).glob("*.py"))
    )


def test_the_base_is_an_operators_box_and_every_other_package_is_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [text.partition(">")[0] for text in project["dependencies"]] == ["numpy"]
    extras = {name: " ".join(entries) for name, entries in project["optional-dependencies"].items()}
    heavy = ("torch", "mlflow", "stable-baselines3", "hydra-core")
    assert all(name in extras["train"] and name not in extras["environments"] for name in heavy)
    assert "coldaisle[environments]" in extras["train"] and "coldaisle[train" in extras["dev"]
