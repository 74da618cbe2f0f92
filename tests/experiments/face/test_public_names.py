"""``import coldaisle``: the public names, from the tree as an editable install has it, and beside foreign packages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import coldaisle
import pytest

ROOT = Path(__file__).parents[3]
FACE = ROOT / "experiments" / "face"


def run_in(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A program in a fresh interpreter that finds the tree as an editable install lays it onto the path."""
    path = os.pathsep.join([str(ROOT), str(FACE)])
    code = f"import sys; sys.path += {path.split(os.pathsep)!r}\n{program}"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *options, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", coldaisle.HOMES)
def test_every_public_name_is_what_its_module_holds(name: str) -> None:
    module, _, called = coldaisle.HOMES[name].partition(":")
    assert getattr(coldaisle, name) is getattr(import_module(module), called or name)


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    tree = ast.parse((FACE / "coldaisle" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    imports = [(n.module, alias) for n in block.body if isinstance(n, ast.ImportFrom) for alias in n.names]
    seen = {alias.asname: module for module, alias in imports if alias.asname == alias.name}
    held = {alias.name: module for module, alias in imports if alias.asname is None}
    (renamed,) = (n for n in block.body if isinstance(n, ast.Assign))
    assert isinstance(renamed.targets[0], ast.Tuple) and isinstance(renamed.value, ast.Tuple)
    for new, old in zip(renamed.targets[0].elts, renamed.value.elts):
        seen[ast.unparse(new)] = f"{held[ast.unparse(old)]}:{ast.unparse(old)}"
    assert len(imports) == len(seen) and seen == coldaisle.HOMES


def test_dir_lists_every_name_and_no_other_name_is_there() -> None:
    assert set(dir(coldaisle)) == set(coldaisle.__all__) == {*coldaisle.HOMES, "__version__"}
    with pytest.raises(AttributeError, match="'DataCentreEnv'; dir\\(coldaisle\\)"):
        coldaisle.DataCentreEnv  # noqa: B018


def test_the_page_of_the_public_names_lists_each_and_its_code_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "api" / "coldaisle.md").read_text(encoding="utf-8")
    assert not [name for name in coldaisle.HOMES if f"`{name}`" not in page]
    done = run_in(tmp_path, page.split("```python\n")[1].split("```")[0])
    assert len(done.stdout.splitlines()) == 12 and " kW" in done.stdout, done.stderr


def test_the_environments_are_made_by_the_packages_own_name(tmp_path: Path) -> None:
    made = "e = gymnasium.make('coldaisle:coldaisle/DataCenter-v1', scenario='edge_room'); print(len(e.reset()[0]))"
    done = run_in(tmp_path, f"import gymnasium\n{made}")
    assert done.returncode == 0 and int(done.stdout) > 0, done.stderr


@pytest.mark.parametrize("place", ["envs/__init__.py", "agents.py"])
def test_a_foreign_package_of_the_same_name_is_refused_with_both_places_and_the_mend(
    place: str, tmp_path: Path
) -> None:
    foreign = tmp_path / place
    foreign.parent.mkdir(exist_ok=True)
    foreign.touch()
    done = run_in(tmp_path, "import coldaisle")
    top = tmp_path / place.partition("/")[0]
    assert done.returncode == 1 and "ImportError: coldaisle: Python finds" in done.stderr
    assert str(top) in done.stderr and str(ROOT / top.stem) in done.stderr and "python -P" in done.stderr


@pytest.mark.parametrize("folder", ["envs", "coldaisle"])
def test_a_plain_folder_of_the_same_name_hides_nothing(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    done = run_in(tmp_path, "import coldaisle; print(coldaisle.__file__)")
    assert done.stdout.strip() == str(FACE / "coldaisle" / "__init__.py"), done.stderr


def test_a_missing_package_is_told_with_the_line_that_installs_it(tmp_path: Path) -> None:
    program = (
        "sys.modules['gymnasium'] = None\nimport coldaisle\nprint(coldaisle.ExportedPolicy)\ncoldaisle.DataCenterEnv"
    )
    done = run_in(tmp_path, program)
    assert "ExportedPolicy" in done.stdout
    assert "coldaisle.DataCenterEnv needs the package gymnasium" in done.stderr.splitlines()[-1]
    assert "-e '.[environments]'" in done.stderr.splitlines()[-1]


def test_a_verb_without_its_packages_says_the_line_that_installs_them() -> None:
    program = "sys.modules['omegaconf'] = None\nfrom experiments.cli import main\nsys.argv[1:] = {}\nsys.exit(main())"
    for arguments in (["train"], ["train", "--help"]):
        done = run_in(ROOT, program.format(arguments))
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "coldaisle train needs the package omegaconf" in done.stderr and "-e '.[train]'" in done.stderr
