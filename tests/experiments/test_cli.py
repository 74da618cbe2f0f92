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
    assert "did you mean 'train'?" in capsys.readouterr().err


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


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a user reads after a command line that is refused."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "")  # so that it is restored, whatever the program sets
    monkeypatch.delenv("HYDRA_FULL_ERROR")
    monkeypatch.setattr(sys, "argv", ["coldaisle", *words])
    assert cli.main() == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("argument", ["scenario.tower.cell_fan_kws=12", "+scenario.tower.cell_fan_kws=12"])
def test_an_unknown_parameter_gets_the_list_of_those_that_there_are_and_no_advice_to_append_it(
    argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(monkeypatch, capsys, "rollout", argument)
    assert "key 'scenario.tower.cell_fan_kws' is unknown; choose one of CoolingTower:" in said
    assert "cell_fan_kw," in said and "+scenario" not in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("total_stepz=3", "key 'total_stepz' is unknown; choose one of TrainConfig:"),
        ("+total_stepz=3", "key 'total_stepz' is unknown; choose one of TrainConfig:"),
        ("agent.n_stepz=3", "key 'agent.n_stepz' is unknown; choose one of PPOAgent:"),
        ("scenario.racks.r9.count=3", "key 'scenario.racks.r9' is unknown; choose one of: r1, r2_code"),
    ],
)
def test_an_unknown_key_of_a_verb_a_learner_or_a_group_gets_its_own_list(
    argument: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(monkeypatch, capsys, "train", argument)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("agent=dqn", "agent 'dqn' is unknown; choose one of: crossq, ppo, sac, td3, tqc\n"),
        ("agent=pp0", "agent 'pp0' is unknown; choose one of: crossq, ppo, sac, td3, tqc; did you mean 'ppo'?"),
        ("scenario=ai_hal", "did you mean 'ai_hall'?"),
        ("tracking=sqllite", "choose one of: none, server, sqlite; did you mean 'sqlite'?"),
        ("total_stepz=3", "did you mean 'total_steps'?"),
    ],
)
def test_an_unknown_choice_gets_the_known_ones_and_not_hydra_s_search_path(
    argument: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(monkeypatch, capsys, "train", argument)
    assert words in said
    assert "search path" not in said and "_schema" not in said
