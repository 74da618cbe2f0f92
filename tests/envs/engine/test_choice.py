"""Who chooses the engine, and what happens to machine code between processes."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine import cache_files, choice, machine_code
from envs.engine.choice import chosen_engine, chosen_threads
from envs.engine.compiled import CompiledFunction


def test_an_unknown_engine_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "fortran")
    with pytest.raises(ValueError, match="COLDAISLE_ENGINE = 'fortran'.*auto, numpy, llvm"):
        DataCenterCore("edge_room")


def test_without_llvmlite_auto_is_numpy_and_llvm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None)
    assert chosen_engine({}) == chosen_engine({"COLDAISLE_ENGINE": "auto"}) == "numpy"
    with pytest.raises(ValueError, match="pip install llvmlite"):
        chosen_engine({"COLDAISLE_ENGINE": "llvm"})


@pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="llvmlite is not installed")
def test_with_llvmlite_auto_is_llvm() -> None:
    assert chosen_engine({}) == chosen_engine({"COLDAISLE_ENGINE": "llvm"}) == "llvm"
    assert chosen_engine({"COLDAISLE_ENGINE": "numpy"}) == "numpy"


@pytest.mark.parametrize("given", ["0", "two", "-1", "1.5", "257", ""])
def test_threads_are_a_whole_number(given: str) -> None:
    with pytest.raises(ValueError, match="COLDAISLE_THREADS.*from 1 to 256"):
        chosen_threads({"COLDAISLE_THREADS": given})
    assert (chosen_threads({}), chosen_threads({"COLDAISLE_THREADS": "2"})) == (1, 2)


class TestCache:
    """Machine code in a folder of the user."""

    def run(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
        """Compile a small function as a new process would; which texts went through the compiler."""
        pytest.importorskip("llvmlite")
        monkeypatch.setenv("COLDAISLE_CACHE", str(folder))
        monkeypatch.setattr(machine_code, "_LOADED", {})
        texts: list[str] = []
        compile_text = machine_code._compiled

        def counted(text: str, target: Any) -> bytes:
            texts.append(text)
            return compile_text(text, target)

        monkeypatch.setattr(machine_code, "_compiled", counted)
        x = np.linspace(0.0, 1.0, 5)
        np.testing.assert_array_equal(CompiledFunction(lambda v: (v + 1.0,), (x,))(x)[0], x + 1.0)
        monkeypatch.setattr(machine_code, "_compiled", compile_text)
        return texts

    def test_the_second_process_compiles_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert len(self.run(monkeypatch, tmp_path / "new")) == 1
        assert self.run(monkeypatch, tmp_path / "new") == []
        assert [f.suffix for f in (tmp_path / "new").iterdir()] == [".code"], "a draft was left behind"

    @pytest.mark.parametrize(
        "damage", [lambda b: b[:-1], lambda b: b[:40] + b"x" + b[41:], lambda b: b"", lambda b: b[:32]]
    )
    def test_damaged_code_is_compiled_anew(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: Any) -> None:
        self.run(monkeypatch, tmp_path)
        (file,) = tmp_path.iterdir()
        whole = file.read_bytes()
        file.write_bytes(damage(whole))
        assert len(self.run(monkeypatch, tmp_path)) == 1
        assert len(file.read_bytes()) == len(whole)

    def test_a_folder_open_to_others_is_not_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        assert len(self.run(monkeypatch, tmp_path)) == 1
        assert list(tmp_path.iterdir()) == []

    def test_a_path_that_is_no_folder_costs_time_only(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("")
        assert len(self.run(monkeypatch, file)) == 1

    def test_only_the_newest_files_are_kept(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(cache_files, "KEPT_FILES", 1)
        (tmp_path / "old.code").write_bytes(b"old")
        os.utime(tmp_path / "old.code", (1.0, 1.0))
        self.run(monkeypatch, tmp_path)
        assert len(list(tmp_path.iterdir())) == 1 and not (tmp_path / "old.code").exists()
