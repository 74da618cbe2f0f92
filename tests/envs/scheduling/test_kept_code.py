"""Machine code of the scheduler is kept by the content of all its sources, and says so when it must be made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import envs.scheduling
from envs.scheduling.compiled import can_compile

pytestmark = pytest.mark.skipif(not can_compile(), reason="numba is not installed")
SOURCES = Path(envs.scheduling.__file__).parent


def test_code_is_made_anew_when_any_file_of_the_scheduler_changes(tmp_path: Path) -> None:
    from envs.engine.cache_files import sources_hash

    for name in ("before", "touched", "changed"):
        shutil.copytree(SOURCES, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "touched" / "placement.py").touch()
    with (tmp_path / "changed" / "placement.py").open("a") as file:
        file.write("#\n")
    before, touched, changed = (sources_hash(tmp_path / name) for name in ("before", "touched", "changed"))
    assert before == touched == sources_hash(SOURCES) != changed


def test_a_first_compile_is_told_and_the_second_process_finds_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path / "cache"))
    from envs.scheduling.kept_code import kept

    def twice(x: int) -> int:
        return 2 * x

    assert kept(twice)(21) == 42
    assert "once on this machine: twice" in capsys.readouterr().err
    assert kept(twice)(4) == 8
    assert capsys.readouterr().err == ""
    assert list((tmp_path / "cache" / "jobs").rglob("*twice*.nbc"))
