from __future__ import annotations

import subprocess
import sys

import pytest

from experiments import cli


def test_help_imports_neither_torch_nor_mlflow_nor_hydra() -> None:
    program = (
        "import sys; sys.argv = ['coldaisle', '--help']; from experiments.cli import main; assert main() == 0;"
        "found = {'torch', 'mlflow', 'hydra', 'numpy', 'stable_baselines3'} & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert all(verb in done.stdout for verb in cli.VERBS)


def test_an_unknown_verb_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["coldaisle", "trian"])
    assert cli.main() == 2
    assert "train" in capsys.readouterr().err


def test_training_s_entry_point_loads_without_torch_and_mlflow() -> None:
    pytest.importorskip("envs.scenario")
    program = (
        "import sys; import experiments.train, experiments.evaluate, experiments.export, experiments.report;"
        "found = {'torch', 'mlflow', 'matplotlib', 'stable_baselines3'} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_a_module_with_run(verb: str) -> None:
    from importlib import import_module

    assert callable(import_module(f"experiments.{verb}").run)
