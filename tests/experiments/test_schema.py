from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from agents.learning.algorithms import ALGORITHMS
from envs.scenario import SHIPPED, Scenario, load
from experiments.registration import chosen_scenarios, register
from experiments.schema import VERBS


@pytest.fixture(scope="module", autouse=True)
def composing() -> Iterator[None]:
    register([f"scenario={','.join(SHIPPED)}"])
    with initialize_config_module("configs.run", version_base="1.3"):
        yield


def composed(verb: str = "train", overrides: Sequence[str] = ()) -> Any:
    return compose(verb, overrides=["folder=out", *overrides] if verb not in ("report", "watch") else list(overrides))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_composes_to_what_load_reads(name: str) -> None:
    assert OmegaConf.to_object(composed(overrides=[f"scenario={name}"]).scenario) == load(name)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_agent_composes(name: str) -> None:
    agent, row = composed(overrides=[f"agent={name}"]).agent, ALGORITHMS[name]
    assert (agent.algorithm, agent.environments) == (name, row.environments)
    assert {f.name: agent[f.name] for f in fields(row.settings)} == asdict(row.settings())


@pytest.mark.parametrize("name", ["sqlite", "none"])
def test_every_tracking_composes(name: str) -> None:
    assert composed(overrides=[f"tracking={name}"]).tracking.backend == ("mlflow" if name == "sqlite" else "none")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_composes(verb: str) -> None:
    assert composed(verb) is not None


def test_every_parameter_of_a_machine_can_be_overridden_without_a_plus() -> None:
    config = composed(
        overrides=[
            "scenario.tower.cells=5",
            "scenario.racks.r1.count=2",
            "scenario.battery=null",
            "scenario.reward.scale_usd=9",
        ]
    )
    scenario = OmegaConf.to_object(config.scenario)
    assert isinstance(scenario, Scenario)
    assert (scenario.tower.cells, scenario.racks["r1"].count) == (5, 2)
    assert scenario.battery is None
    assert scenario.reward.scale_usd == 9.0


def test_a_weight_of_a_reward_term_can_be_given_and_a_wrong_term_is_refused_by_name() -> None:
    config = composed(overrides=["scenario.reward_weights.carbon=2"])
    assert OmegaConf.to_object(config.scenario).reward_weights == {"carbon": 2.0}
    with pytest.raises(ValueError, match="'carbonn'"):
        OmegaConf.to_object(composed(overrides=["scenario.reward_weights.carbonn=2"]).scenario)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("scenario.tower.cellz=3", "cellz"),
        ("scenario.racks.r9.count=3", "r9"),
        ("scenario.tower.cells=many", "scenario.tower.cells"),
        ("agent.n_stepz=3", "n_stepz"),
        ("agent.gamma=high", "agent.gamma"),
        ("total_stepz=3", "total_stepz"),
    ],
)
def test_a_wrong_key_or_type_is_refused_by_name(override: str, words: str) -> None:
    with pytest.raises(ConfigCompositionException) as refused:
        composed(overrides=[override])
    assert words in f"{refused.value} {refused.value.__cause__}"


def test_an_implausible_value_is_refused_by_the_machine() -> None:
    config = composed(overrides=["scenario.reward.inlet_limit_c=300"])
    with pytest.raises(ValueError, match="inlet_limit_c = 300"):
        OmegaConf.to_object(config.scenario)


def test_a_policy_is_named_without_a_plus() -> None:
    assert composed("evaluate", ["policies.mine=runs/x"]).policies == {"mine": "runs/x"}


def test_a_scenario_file_is_an_option_like_the_shipped_ones(tmp_path: Path) -> None:
    file = tmp_path / "my_hall.yaml"
    file.write_text("base: ai_hall\nname: my_hall\nelevation_m: 500\n")
    arguments = ["coldaisle train", f"scenario={file},edge_room", "seed=1"]
    register(arguments)
    assert arguments[1] == "scenario=my_hall,edge_room"
    assert OmegaConf.to_object(composed(overrides=["scenario=my_hall"]).scenario).elevation_m == 500.0


def test_a_scenario_file_that_is_missing_ends_the_program_with_its_name() -> None:
    with pytest.raises(SystemExit, match="nowhere.yaml"):
        register(["scenario=nowhere.yaml"])


def test_a_start_loads_the_scenarios_that_its_command_line_chooses_and_all_for_an_unknown_name() -> None:
    assert chosen_scenarios(["seed=1"], "ai_hall", []) == ("ai_hall",)
    assert chosen_scenarios(["scenario=edge_room,my_hall"], "ai_hall", ["x/my_hall.yaml"]) == ("edge_room",)
    assert chosen_scenarios(["scenario=edge_rom"], "ai_hall", []) == SHIPPED
    assert chosen_scenarios([], "", []) == ()
