"""The wheel holds every file of the tree that it should."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("envs", "agents", "experiments", "configs")


def tracked() -> list[str]:
    """Files of the packages under version control, as far as they lie in the working tree."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout to compare with")
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\n") if name and (ROOT / name).is_file()]


def test_the_wheel_holds_every_file_of_the_tree(tmp_path: Path) -> None:
    pytest.importorskip("build")
    tree = tmp_path / "tree"
    wanted = tracked()
    for name in [*wanted, "pyproject.toml", "README.md", "LICENSE"]:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(tree),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert not sorted(set(wanted) - held)
    assert {Path(name).suffix for name in wanted} >= {".py", ".yaml", ".typed"}


def test_every_package_of_the_tree_is_one_that_setuptools_finds() -> None:
    folders = {Path(name).parent for name in tracked()}
    assert not sorted(
        str(f)
        for f in folders
        if f.parts[0] != "configs" and not (ROOT / f / "__init__.py").exists() and any((ROOT / f).glob("*.py"))
    )
