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


def test_a_users_mistake_ends_in_its_message_not_in_a_stack() -> None:
    for argument, words in (("split=nowhere", "choose one of"), ("scenario.tower.cell_fan_kW=1", "cell_fan_kW")):
        program = (
            f"import sys; sys.argv = ['coldaisle', 'rollout', '{argument}'];"
            "from experiments.cli import main; sys.exit(main())"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
