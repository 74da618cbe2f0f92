from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from agents.learning.algorithms import ALGORITHMS
from envs.scenario import Scenario, load
from experiments import cli, keys, schema
from experiments.completion import completions


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
    assert callable(cli.verb_module(verb).run)


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
        ("agent=dqn", "agent 'dqn' is unknown; choose one of: apg, apg_ppo, crossq, ppo, sac, td3, tqc\n"),
        (
            "agent=pp0",
            "agent 'pp0' is unknown; choose one of: apg, apg_ppo, crossq, ppo, sac, td3, tqc; did you mean 'ppo'?",
        ),
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


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (
            ("comply", "scenario.site.name=x"),
            "key 'scenario.site' lies below 'scenario', and nothing is chosen there; give scenario=<name> too",
        ),
        (("place", "hall=x"), "hall is given alone; add arrivals=<csv>, or leave both out"),
        (("place", "arrivals=x"), "arrivals is given alone; add hall=<yaml>, or leave both out"),
    ],
)
def test_a_key_that_needs_another_one_names_it(
    words: tuple[str, ...], mend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mend in refusal(monkeypatch, capsys, *words)


@pytest.mark.parametrize("verb", schema.VERBS)
def test_the_help_of_a_verb_names_every_key_with_its_meaning_and_starts_neither_hydra_nor_torch(verb: str) -> None:
    program = (
        f"import sys; sys.argv = ['coldaisle', '{verb}', '--help']\n"
        "from experiments.cli import main\nassert main() == 0\n"
        "found = {'torch', 'mlflow', 'hydra', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not found, found"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    for spec in fields(schema.VERBS[verb]):
        line, meaning = re.search(rf"^  {spec.name}=(.*)\n      (.*)", said, re.M).groups()  # type: ignore[union-attr]
        assert line and len(meaning) > 8


@pytest.mark.parametrize("verb", cli.PLAIN_VERBS)
def test_the_help_of_a_verb_for_a_building_names_every_key_with_its_meaning(verb: str) -> None:
    said = told(verb, "--help")
    for spec in fields(cli.verb_module(verb).SETTINGS):
        line, meaning = re.search(rf"^  {spec.name}=(.*)\n      (.*)", said, re.M).groups()  # type: ignore[union-attr]
        assert line and len(meaning) > 8


def told(*words: str) -> str:
    """What the program says of words that ask for text."""
    return cli.words_asked_for(words) or ""


def test_the_help_of_a_group_says_default_range_unit_and_meaning() -> None:
    said = told("rollout", "--help", "scenario.tower", "scenario.racks.r1", "agent=sac")
    assert "scenario.tower.cell_fan_kw=8.9  (float, 0.05 to 1000 kW)" in said
    assert "scenario.racks.r1.count=1  (int, 1 to 5000)" in said
    assert "agent.tau=0.005  (float)\n      Share of the network that the target takes over" in said


def test_every_parameter_of_every_scenario_and_learner_is_in_the_help() -> None:
    for place, cls in keys.parameter_groups(Scenario):
        path = f"scenario.{place}" if place else "scenario"
        groups = {name for name, _ in keys.parameter_groups(Scenario)}
        said = told("train", "--help", path)
        for spec in fields(cls):
            inside = f"{place}.{spec.name}" if place else spec.name
            if not {inside, f"{inside}.*"} & groups:
                assert f"  {path}.{spec.name}=" in said
    for name, row in ALGORITHMS.items():
        rows = keys.group_keys("agent", name)
        assert {f"agent.{spec.name}" for spec in fields(row.settings)} < {key.name for key in rows}
        assert all(key.meaning for key in rows), "each setting says what it means"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rollout", "--help", "scenario.towr"), "did you mean 'tower'?"),
        (("train", "--help", "agent=pp0"), "did you mean 'ppo'?"),
        (("train", "--help", "agnt"), "did you mean 'agent'?"),
        (("evaluat", "--help"), "did you mean 'evaluate'?"),
        (("--completion", "fish"), "give one of bash, zsh"),
    ],
)
def test_help_for_what_there_is_not_names_what_is_meant(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        cli.words_asked_for(words)


def test_the_demo_s_help_starts_no_demo(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "experiments.cli", "demo", "--help"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, env=quiet())
    assert "usage: coldaisle demo" in done.stdout and list(tmp_path.iterdir()) == []


def test_the_version_is_that_of_the_installed_package() -> None:
    assert re.fullmatch(r"coldaisle \d+\.\S+\n", told("--version"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("coldaisle ro", ["rollout"]),
        ("coldaisle train see", ["seed="]),
        (
            "coldaisle train agent=",
            [f"agent={name}" for name in ("apg", "apg_ppo", "crossq", "ppo", "sac", "td3", "tqc")],
        ),
        ("coldaisle train agent=sac agent.ta", ["agent.tau="]),
        ("coldaisle train agent=ppo agent.ta", []),
        ("coldaisle rollout scenario.tower.cell_fan", ["scenario.tower.cell_fan_kw="]),
        ("coldaisle rollout scenario.rules.f", ["scenario.rules.fws_setpoint_c=", "scenario.rules.fan."]),
        ("coldaisle evaluate split=n", ["split=none"]),
        ("coldaisle serve mo", ["mode="]),
        ("coldaisle simulate-site pro", ["protocol="]),
        ("coldaisle nowhere x", []),
        ("coldaisle train 'x", []),
    ],
)
def test_a_line_is_completed_from_the_keys_that_there_are(line: str, expected: list[str]) -> None:
    assert completions(line) == expected


@pytest.mark.parametrize(
    ("typed", "expected"), [("coldaisle ro", "rollout"), ("coldaisle train agent=sa", "sac"), ("coldaisle x ", "")]
)
def test_bash_completes_by_the_script_that_the_program_prints(typed: str, expected: str, tmp_path: Path) -> None:
    program = tmp_path / "coldaisle"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m experiments.cli "$@"\n')
    program.chmod(0o755)
    asks = f"""eval "$(coldaisle --completion bash)"; COMP_LINE='{typed}'; COMP_POINT={len(typed)}; _coldaisle
    printf %s "${{COMPREPLY[*]}}" """
    environment = quiet() | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", asks], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout == expected


@pytest.mark.parametrize("override", ["tower.cell_fan_kw=12", "coolant.pump_head_kpa=100"])
def test_a_parameter_of_a_machine_that_is_not_there_is_refused_as_load_refuses_it(
    override: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="has no") as refused:
        load("edge_room", [override])
    monkeypatch.setattr(sys, "argv", ["coldaisle", "rollout", "scenario=edge_room", f"scenario.{override}"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == f"coldaisle: {refused.value}"
    monkeypatch.setattr(sys, "argv", ["coldaisle", "rollout", "scenario=ai_hall,edge_room", f"scenario.{override}"])
    with pytest.raises(SystemExit, match="'edge_room' has no"):
        cli.main()


def quiet() -> dict[str, str]:
    """The environment, for a program that starts elsewhere."""
    inherited = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    return {**inherited, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    words = ["rollout", "scenario=edge_room", "folder=file/x"]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.cli", *words], cwd=tmp_path, capture_output=True, text=True, env=quiet()
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "coldaisle rollout: [Errno 20] Not a directory: 'file/x'" in done.stderr


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line_and_leaves_no_half_file(tmp_path: Path) -> None:
    small = ["scenario=edge_room", "split=none", "total_steps=64", "agent.environments=2", "tracking=none"]
    words = ["train", *small, "agent.hidden=[600,600]", "hydra.run.dir=run", "progress=false"]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.cli", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=quiet(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(r"^coldaisle train: \[Errno 27\] File too large: '.*/run/untrained.npz'$", done.stderr, re.M)
    assert not list((tmp_path / "run").glob("**/*.npz")), "what was not whole is gone"
