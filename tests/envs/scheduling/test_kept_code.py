"""Machine code of the scheduler is kept by the content of all its sources, and says so when it must be made."""

from __future__ import annotations

import os
import shutil
import time
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


def aged(folder: Path, count: int, days: float) -> list[Path]:
    """Folders of other sources, the first used longest ago."""
    made = []
    for k in range(count):
        made.append(folder / f"{k:016x}")
        made[-1].mkdir(parents=True)
        (made[-1] / "rounds.nbi").write_bytes(b"x")
        used = time.time() - days * 86_400.0 + k
        os.utime(made[-1], (used, used))
    return made


def test_folders_of_older_sources_go_once_they_are_many_and_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path))
    from envs.scheduling.kept_code import KEPT_FOLDERS, kept

    others = aged(tmp_path / "jobs", KEPT_FOLDERS + 3, days=30.0)
    (tmp_path / "jobs" / "somebody's own").mkdir()
    assert kept(lambda x: x + 1)(1) == 2
    assert [f.exists() for f in others] == [False] * 4 + [True] * (KEPT_FOLDERS - 1)
    assert (tmp_path / "jobs" / "somebody's own").exists()


def test_folders_that_other_checkouts_used_this_week_stay_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path))
    from envs.scheduling.kept_code import KEPT_FOLDERS, kept

    others = aged(tmp_path / "jobs", KEPT_FOLDERS + 3, days=6.0)
    assert kept(lambda x: x + 1)(1) == 2 and all(f.exists() for f in others)


def test_code_is_made_anew_where_its_folder_was_removed_under_a_running_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path))
    from envs.scheduling.kept_code import kept

    def thrice(x: float) -> float:
        return 3 * x

    running = kept(thrice)
    assert running(2) == 6
    (own,) = (tmp_path / "jobs").iterdir()
    shutil.rmtree(own)
    assert running(2) == 6 and running(0.5) == 1.5 and list(own.glob("*.nbc"))
    next(own.glob("*.nbc")).unlink()  # half removed
    assert kept(thrice)(0.5) == 1.5


def test_using_kept_code_makes_its_folder_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path))
    from envs.scheduling.kept_code import kept

    def fourfold(x: int) -> int:
        return 4 * x

    assert kept(fourfold)(1) == 4
    (own,) = (tmp_path / "jobs").iterdir()
    os.utime(own, (1.0, 1.0))
    assert kept(fourfold)(1) == 4 and own.stat().st_mtime > time.time() - 60.0
