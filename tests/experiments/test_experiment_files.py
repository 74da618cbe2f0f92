"""``experiment=<name>``: the keys that a stored row of results was trained with."""

from importlib import resources
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from experiments.overrides import experiment_words
from experiments.registration import register
from experiments.schema import learner_from

NAMES = sorted(p.name.removesuffix(".yaml") for p in resources.files("configs").joinpath("experiment").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_is_a_command_line_that_train_takes(name: str) -> None:
    typed = ["coldaisle", f"experiment={name}", "seed=3"]
    register(typed, "train")
    assert "seed=3" in typed and not any(word.startswith("experiment") for word in typed)
    with initialize_config_module("configs.run", version_base=None):
        config = compose("train", overrides=typed[1:])
    learner = learner_from(config.agent)
    assert name.removesuffix("_held") == f"{config.scenario.name}_{learner.algorithm}"
    assert name.endswith("_held") == (config.limit_share > 0.0)
    assert config.total_steps >= (1_000_000 if learner.algorithm.startswith("apg") else 10_000)


def test_what_is_typed_goes_before_what_the_experiment_says() -> None:
    typed = ["coldaisle", "experiment=edge_room_apg", "agent.n_steps=12"]
    words = experiment_words(typed)
    assert "agent=apg" in words and not any(word.startswith("agent.n_steps") for word in words)
    assert typed == ["coldaisle", "agent.n_steps=12"]
    assert experiment_words(typed) == []


def test_an_unknown_experiment_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="experiment 'edge_rom_apg' .*edge_room_apg"):
        experiment_words(["experiment=edge_rom_apg"])


def test_an_experiment_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("agent: sac\nagent.hidden: [8, 8]\nagent.tau: 0.01\n")
    assert experiment_words([f"experiment={file}", "agent.tau=0.02"]) == ["agent=sac", "agent.hidden=[8, 8]"]
    file.write_text("agent: {name: sac}\n")
    with pytest.raises(ValueError, match="mine.yaml: 'agent' = .*give keys of the command line"):
        experiment_words([f"experiment={file}"])
