"""Frozen tasks: what may be compared, what every number stands beside, and how a third party adds a row."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agents.learning.algorithms import Learner
from agents.learning.interruption import Interrupted, Interruption
from envs.scenario import load
from experiments.benchmark import PAGE, ROW, benchmark
from experiments.benchmarks.leaderboard import leaderboard, rows_of, write_rows
from experiments.benchmarks.page import benchmark_page, gap
from experiments.benchmarks.plans import ABLATION, ROBUSTNESS, TEST, TRAIN, ablation_overrides, benchmark_plan
from experiments.benchmarks.row_file import read_rows
from experiments.benchmarks.task import TASKS, Task, load_task, read_task, smoke_task
from experiments.benchmarks.training import require_learnt_on_train, train_seeds
from experiments.campaigns.executors import InProcess
from experiments.campaigns.merge import Part
from experiments.campaigns.plan import NOMINAL
from experiments.campaigns.policy_hash import policy_hash
from experiments.campaigns.scaled import scaled_overrides
from experiments.evaluation.results import Evaluation
from experiments.evaluation.splits import SPLITS, load_split
from experiments.records.run_folder import read_card
from tests.experiments.evaluation.test_training_seeds import several

TASK = load_task("cooling")


def text_of(name: str) -> str:
    return files("configs").joinpath(f"benchmark/{name}.yaml").read_text(encoding="utf-8")


# ---- what is frozen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_was_changed_is_refused_until_it_has_its_new_hash(name: str) -> None:
    changed = text_of(name).replace("episodes: 36", "episodes: 24")
    with pytest.raises(ValueError, match="next version and sha256") as refused:
        read_task(changed)
    new = str(refused.value).split("sha256: ")[1].split(",")[0]
    old = yaml.safe_load(text_of(name))["sha256"]
    assert read_task(changed.replace(old, new)).episodes == 24


def test_an_unknown_task_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="cooling"):
        load_task("coolings")


@pytest.mark.parametrize("name", TASKS)
def test_sites_weather_and_load_of_train_validation_and_test_are_disjoint(name: str) -> None:
    task = load_task(name)
    for one, other in combinations((task.train, task.validation, task.test), 2):
        a, b = load_split(one), load_split(other)
        for key in ("sites", "weather_seeds", "workload_seeds"):
            assert not set(getattr(a, key)) & set(getattr(b, key)), (one, other, key)


def test_the_seeds_that_judge_are_of_no_other_split() -> None:
    sealed = load_split("sealed")
    for other in (load_split(name) for name in SPLITS if name != "sealed"):
        assert not set(sealed.weather_seeds) & set(other.weather_seeds)
        assert not set(sealed.workload_seeds) & set(other.workload_seeds)
    others = {site for name in SPLITS if name != "sealed" for site in load_split(name).sites}
    assert len(set(sealed.sites) - others) == 3


def test_no_constant_was_tuned_on_the_sealed_split() -> None:
    for path in files("configs").joinpath("tuned").iterdir():
        assert "sealed" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_every_case_of_robustness_and_every_ablation_is_a_plant_that_can_be(name: str) -> None:
    task = load_task(name)
    for place in task.scenarios:
        plain = load(place, task.set)
        for case, variant in task.robustness.items():
            if not variant.needs or getattr(plain, variant.needs) is not None:
                changed = load(place, [*task.set, *variant.set, *scaled_overrides(plain, variant.scale)])
                assert changed.hash() != plain.hash(), (place, case)
        for key, ablation in task.ablations.items():
            overrides = ablation_overrides(task, plain, ablation)
            if overrides is not None:
                left = load(place, overrides)
                assert not set(ablation.without) & set(left.agent_channels) and left.agent_channels, (place, key)


# ---- what is played -------------------------------------------------------------------------------------------------


def test_a_plan_plays_test_train_robustness_and_ablations_beside_the_rule(tmp_path: Path) -> None:
    plan = benchmark_plan(TASK, {"mine": tmp_path}, {"no_fans": {"mine": tmp_path / "ablated"}})
    here = [entry for entry in plan.entries if entry.scenarios == ["edge_room"]]
    assert [entry.name for entry in here] == [TEST, TRAIN, ROBUSTNESS, ABLATION + "no_fans"]
    test, train, robustness, ablation = here
    assert test.split == "sealed" and train.split == "train" and set(test.policies) == {*TASK.opponents, "mine"}
    assert test.policies["mine"] == str(tmp_path / "edge_room" / "seed_*")
    assert set(robustness.variants) == {NOMINAL, *TASK.robustness} and "rules_tuned" in robustness.policies
    assert ablation.policies["mine"] == str(tmp_path / "ablated" / "edge_room" / "seed_*")
    assert "crah_fan_speed_frac" not in str(ablation.variants[NOMINAL].set)


def test_a_plan_of_one_hall_or_of_the_test_alone_is_a_part_of_the_whole(tmp_path: Path) -> None:
    mine, ablated = {"mine": tmp_path}, {"no_fans": {"mine": tmp_path}}
    whole = benchmark_plan(TASK, mine, ablated).entries
    here = [entry for entry in whole if entry.scenarios == ["ai_hall"]]
    assert benchmark_plan(TASK, mine, ablated, ["ai_hall"]).entries == here
    assert benchmark_plan(TASK, mine, ablated, ["ai_hall", "test"]).entries == here[:1]
    assert benchmark_plan(TASK, mine, ablated, ["ablations"]).entries == [
        entry for entry in whole if entry.name in (TEST, ABLATION + "no_fans")
    ]
    with pytest.raises(ValueError, match="only: part of cooling-v1 'ai_hal' is unknown"):
        benchmark_plan(TASK, mine, only=["ai_hal"])


def test_a_smoke_task_is_the_same_task_made_small() -> None:
    small = smoke_task(TASK)
    assert small.id == TASK.id and small.scenarios == ["edge_room"] and small.test == TASK.test
    assert small.days == 1 and len(small.robustness) == 2 and len(small.ablations) == 1


# ---- what is trained ------------------------------------------------------------------------------------------------

SMALL = replace(smoke_task(TASK), seeds=1)
PPO = Learner("ppo", 2, {"hidden": [8], "n_steps": 16, "batch_size": 16})
STEPS = 96  # three rollouts


class StoppedAfter(Interruption):
    """A signal that comes after so many rollouts."""

    def __init__(self, rollouts: int) -> None:
        super().__init__()
        self.rollouts = rollouts

    def check(self) -> None:
        self.rollouts -= 1
        if self.rollouts < 0:
            os.kill(os.getpid(), signal.SIGTERM)
        super().check()


def card_of(folder: Path) -> dict[str, Any]:
    return dict(read_card(folder / "edge_room" / "seed_0"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_seeds(SMALL, PPO, STEPS, tmp_path_factory.mktemp("finished"))


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_training_that_was_stopped_goes_on_and_ends_as_if_it_never_was(
    rollouts: int, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        train_seeds(SMALL, PPO, STEPS, tmp_path, interruption=StoppedAfter(rollouts))
    assert (card_of(tmp_path)["status"], card_of(tmp_path)["steps"]) == ("killed", 32 * rollouts)
    train_seeds(SMALL, PPO, STEPS, tmp_path)
    assert (card_of(tmp_path)["status"], card_of(tmp_path)["steps"]) == ("finished", STEPS)
    mine, whole = (policy_hash("p", str(f / "edge_room" / "seed_0"), load("edge_room")) for f in (tmp_path, finished))
    assert mine == whole


def test_a_training_that_died_without_a_checkpoint_begins_anew(finished: Path, tmp_path: Path) -> None:
    place = tmp_path / "edge_room" / "seed_0"
    shutil.copytree(finished / "edge_room" / "seed_0", place)
    shutil.rmtree(place / "checkpoints")
    (place / "run.json").write_text(json.dumps({**card_of(finished), "status": "running", "steps": 0}))
    train_seeds(SMALL, PPO, STEPS, tmp_path)
    assert (card_of(tmp_path)["status"], card_of(tmp_path)["steps"]) == ("finished", STEPS)


@pytest.mark.parametrize(
    ("learner", "steps", "words"),
    [
        (Learner("sac", 2), STEPS, "algorithm = ppo, and sac is asked for"),
        (replace(PPO, settings={**PPO.settings, "gamma": 0.5}), STEPS, "gamma = 0.97, and 0.5 is asked for"),
        (replace(PPO, environments=4), STEPS, "environments = 2, and 4 is asked for"),
        (PPO, 10 * STEPS, f"total_steps = {STEPS}, and {10 * STEPS} is asked for"),
    ],
)
def test_a_folder_of_another_training_is_refused_by_what_differs(
    learner: Learner, steps: int, words: str, finished: Path
) -> None:
    with pytest.raises(ValueError, match=f"seed_0 holds a run with {words}; give another folder"):
        train_seeds(SMALL, learner, steps, finished)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"split": "sealed"}}, "was trained on split=sealed; .*train it with split=train"),
        ({"settings": {}}, "was trained on split=None"),
        ({"status": "killed"}, "is killed, not finished; go on with it"),
    ],
)
def test_a_policy_that_learnt_on_what_judges_it_or_learnt_half_is_refused(
    change: dict[str, Any], words: str, finished: Path, tmp_path: Path
) -> None:
    require_learnt_on_train(SMALL, {"mine": finished})
    shutil.copytree(finished, tmp_path / "mine")
    card = {**card_of(finished), **change}
    (tmp_path / "mine" / "edge_room" / "seed_0" / "run.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"policies.mine: .*{words}"):
        benchmark(SMALL, {"mine": tmp_path / "mine"}, tmp_path / "played", InProcess())


# ---- the page -------------------------------------------------------------------------------------------------------


def played(seeds: int) -> dict[Part, Evaluation]:
    """Parts of a task in one scenario: a policy whose supply air follows the wet bulb, and saves more on train."""
    test = several(seeds)
    rng = np.random.default_rng(0)
    wet = rng.normal(12.0, 6.0, (288, 24))
    for i, table in enumerate(test.scores.values()):
        slope = 0.0 if i == 0 else 0.5
        setpoint = 20.0 + slope * wet
        sums = {"n": np.ones_like(wet), "x": wet, "xx": wet**2, "y": setpoint, "xy": wet * setpoint, "yy": setpoint**2}
        table.update({f"line.supply_air_temp_setpoint_c.{k}": v.sum(axis=0) for k, v in sums.items()})
    train = test._replace(scores={name: dict(table) for name, table in test.scores.items()})
    for name, table in train.scores.items():
        table["cost_usd_day"] = table["cost_usd_day"] * (0.98 if name != "rules" else 1.0)
    parts = {(TEST, NOMINAL): test, (TRAIN, NOMINAL): train, (ROBUSTNESS, "ua_80"): test}
    named = {}
    for (entry, variant), found in parts.items():
        scores = {("rules_as_given" if name == "rules" else name): table for name, table in found.scores.items()}
        named[Part(entry, variant, "edge_room")] = found._replace(scores=scores)
    return named


def test_the_page_tells_cost_gap_lines_and_robustness() -> None:
    page = benchmark_page(TASK, played(5))
    assert "The strongest opponent is rules_as_given." in page
    assert "| mine | rules_as_given | -15.02 [" in page
    assert "| mine | +1.9" in page.split("From train to test")[1]
    assert "| mine | supply_air_temp_setpoint_c | 26 | 25 | +0.5 | 1.00 |" in page
    assert "| rules_as_given | supply_air_temp_setpoint_c | 20 | 20 | +0 | never moves |" in page
    assert "| ua_80 | mine |" in page and "not a result" not in page


def test_every_row_of_the_page_with_too_few_seeds_says_so() -> None:
    page = benchmark_page(TASK, played(3))
    rows = [line for line in page.splitlines() if line.startswith("| ") and "mine |" in line]
    assert len(rows) >= 5 and all("not a result: 3 of 5 training seeds" in row for row in rows)


def test_what_saves_more_on_train_has_a_gap() -> None:
    parts = {part.entry: found for part, found in played(5).items()}
    found = gap(parts[TRAIN], parts[TEST], "mine")
    assert found.estimate == pytest.approx(0.0194, abs=1e-3) and found.low > 0.0


# ---- the leaderboard ------------------------------------------------------------------------------------------------


def board(place: Path, played_on: Task, seeds: int, **changed: object) -> Path:
    found = next(found for part, found in played(seeds).items() if part.entry == TEST)
    rows = [replace(row, **changed) for row in rows_of(played_on, "edge_room", found)]  # type: ignore[arg-type]
    write_rows(rows, place)
    return place


def test_a_third_party_adds_a_row_by_one_file(tmp_path: Path) -> None:
    before = leaderboard(read_rows(tmp_path))
    assert before.count("No row yet.") == len(TASKS)
    board(tmp_path / "someone.yaml", TASK, 5, policy="theirs", by="Some One", link="https://example.org/theirs")
    page = leaderboard(read_rows(tmp_path))
    (row,) = [line for line in page.splitlines() if line.startswith("| theirs")]
    assert "-15.02 [" in row and "Some One" in row and "https://example.org/theirs" in row and row.endswith("| yes |")


def test_rows_of_too_few_seeds_or_with_a_failed_gate_stand_last_and_say_so(tmp_path: Path) -> None:
    board(tmp_path / "a.yaml", TASK, 3, policy="few")
    board(tmp_path / "b.yaml", TASK, 5, policy="unsafe", failures=["more trips"])
    board(tmp_path / "c.yaml", TASK, 5, policy="best")
    lines = [line for line in leaderboard(read_rows(tmp_path)).splitlines() if line.startswith("| ")][2:]
    assert [line.split(" | ")[0] for line in lines] == ["| best", "| few", "| unsafe"]
    assert "not a result: 3 of 5 training seeds" in lines[1] and "not a result: a gate failed" in lines[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task: cooling-v1", "line 1: key 'task' is unknown"),
        ("rows: {task: cooling-v1}", "line 1: rows = .*; give a list of entries"),
        ("rows: [{task: cooling-v1, colour: red}]", "line 1: key 'colour' is unknown"),
        ("rows: [{task: cooling-v1}]", "line 1: task_hash is missing"),
        ("- a", "line 1: expected keys and values"),
    ],
)
def test_a_file_that_is_no_row_is_refused_by_its_name(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"x.yaml.*{words}"):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"task": "coolin-v1"}, "task 'coolin-v1' is unknown.*did you mean 'cooling-v1'"),
        ({"task_hash": "another"}, "task_hash = another; cooling-v1 was another task there"),
        ({"scenario": "edge_rom"}, "scenario 'edge_rom' is unknown.*did you mean 'edge_room'"),
        ({"opponent": "random"}, "opponent 'random' is unknown"),
        ({"policy": "a|b"}, "policy = 'a|b'; give letters"),
        ({"by": "<script>alert(1)</script>"}, "by = <script>.*; give a name"),
        ({"link": "javascript:alert(1)"}, "link = javascript.*; give an address"),
        ({"link": "https://a.org/) [b](https://b.org"}, "link = .*; give an address"),
        ({"seeds": "5"}, "seeds = 5 is outside"),
        ({"seeds": True}, "seeds = True is outside"),
        ({"difference_usd_day": ["a", "b", "c"]}, "difference_usd_day = .*; give a list of numbers"),
        ({"difference_usd_day": [float("-inf"), 0.0, 0.0]}, "difference_usd_day = .*; give a list of numbers"),
        ({"difference_usd_day": [-5.0, 4.0, -6.0]}, "difference_usd_day = .*; give estimate, low and high"),
        ({"chance": 1.5}, "chance = 1.5 is outside 0..1"),
        ({"failures": ""}, "failures = ; give a list of texts"),
        ({"plant": "x"}, "plant = x; give the hash"),
    ],
)
def test_a_row_that_no_benchmark_can_give_is_refused_by_file_line_and_mend(
    wrong: dict[str, object], words: str, tmp_path: Path
) -> None:
    board(tmp_path / "x.yaml", TASK, 5, by="Zoë O'Neil & Co. (lab 2)", link="https://a.org/b?c=d#e")
    (row,) = read_rows(tmp_path)
    assert row.result == "yes"
    write_rows([replace(row, **wrong)], tmp_path / "x.yaml")  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=re.escape(str(tmp_path / "x.yaml")) + ", line [0-9]+: " + words.replace("|", r"\|")
    ):
        read_rows(tmp_path)


def test_the_stored_page_is_that_of_the_stored_rows() -> None:
    from scripts.leaderboard import DOCS, page

    assert (DOCS / "leaderboard.md").read_text(encoding="utf-8") == page(), "type: python -m scripts.leaderboard"


# ---- the whole, small -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_smoke_benchmark_trains_plays_and_writes_its_page_and_row(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="needs the extra [campaign]")
    task = replace(smoke_task(TASK), robustness={}, opponents=["rules_tuned"])
    learner = Learner("ppo", 2, {"hidden": [8]})
    trained = train_seeds(task, learner, 64, tmp_path / "trained")
    ablation = task.ablations["absolute"]
    ablated = {"absolute": {"ppo": train_seeds(task, learner, 64, tmp_path / "absolute", ablation)}}
    benchmark(task, {"ppo": trained}, tmp_path / "played", InProcess(), ablated)
    page = (tmp_path / "played" / PAGE).read_text()
    assert "## edge_room" in page and "### What was learnt" in page and "| absolute | ppo |" in page
    assert "2 of 5 training seeds, 12 of 20 episodes" in page
    assert (tmp_path / "played" / ROW).is_file()
