"""``coldaisle tune``: equal budgets, no win by a failed gate, killed trials made again, and no look at the test."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from agents.learning.algorithms import ALGORITHMS, Learner, algorithm_named
from envs.scenario import load
from experiments.evaluation.splits import load_split
from experiments.missing_package import missing_words
from experiments.tune import judged_episodes, require_learning, tune
from experiments.tuning.judge import Judgement
from experiments.tuning.outcome import CARD, best_trial, require_same_search, search_card, write_outcome
from experiments.tuning.search import TRIALS, Made, SearchPlan, ended, run_search, spent_steps, whole_rollouts
from experiments.tuning.spaces import REACH, SPACES, Among, first_settings, searched_space

STEPS = 1000
PLAN = SearchPlan(trials=4, total_steps=STEPS, rungs=2, unpruned=1, seed=3)
SPACE = {name: SPACES["sac"][name] for name in ("learning_rate", "gamma", REACH)}
SAC = Learner("sac", 10)


class Analytic:
    """Makes trials without a plant: the best learning rate is 1e-3, and a wide reach breaks a gate."""

    def __init__(self, killed_in: int = -1) -> None:
        self.killed_in, self.calls = killed_in, 0

    def __call__(self, trial: Any, learner: Learner, steps: int, place: Path) -> Made:
        place.mkdir(parents=True)  # refuses what a killed trial left
        (place / "model.npz").write_text("half")
        self.calls += 1
        if self.calls - 1 == self.killed_in:
            raise KeyboardInterrupt
        cost = math.log10(float(str(learner.settings["learning_rate"])) / 1e-3) ** 2
        failures = ("more trips",) if learner.reach_frac > 0.2 else ()
        found = Judgement(cost - 9.0 * bool(failures), learner.reach_frac if failures else 0.0, failures)
        trial.report(found.value, steps // 2)
        pruned = trial.should_prune()
        return Made(found, steps // 2 if pruned else steps, pruned, 1.0)


def settings_of(study: Any) -> list[dict[str, Any]]:
    return [trial.params for trial in ended(study)]


# ---- budget, sampler, resume ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [SAC, Learner("ppo", 10)], ids=["sac", "ppo"])
def test_every_algorithm_spends_the_same_budget_and_what_a_pruned_trial_leaves_goes_to_further_ones(
    learner: Learner, tmp_path: Path
) -> None:
    study = run_search(learner, SPACE, PLAN, tmp_path, Analytic())
    spent, states = spent_steps(study), [trial.state.name for trial in ended(study)]
    assert PLAN.budget_steps - STEPS < spent <= PLAN.budget_steps == 4000
    assert "PRUNED" in states and len(states) > PLAN.trials
    assert states[: PLAN.unpruned] == ["COMPLETE"] * PLAN.unpruned


def test_a_search_begins_with_the_defaults(tmp_path: Path) -> None:
    study = run_search(SAC, SPACE, replace(PLAN, trials=1), tmp_path, Analytic())
    assert settings_of(study) == [{"learning_rate": 3e-4, "gamma": 0.9, REACH: 0.15}]


def test_a_search_that_is_killed_in_a_trial_goes_on_to_the_same_trials(tmp_path: Path) -> None:
    plan = replace(PLAN, trials=3)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = run_search(SAC, SPACE, plan, tmp_path / "whole", Analytic())
    for killed_in in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            run_search(SAC, SPACE, plan, tmp_path / "cut", Analytic(killed_in))
        assert (tmp_path / "cut" / TRIALS / f"trial_{killed_in:03d}").exists()
    rest = Analytic()
    cut = run_search(SAC, SPACE, plan, tmp_path / "cut", rest)
    assert settings_of(cut) == settings_of(whole) and spent_steps(cut) == spent_steps(whole)
    assert rest.calls == len(ended(cut)) - 2


def test_a_search_that_ended_makes_nothing_again_and_goes_on_with_more_trials(tmp_path: Path) -> None:
    for trials, calls in ((1, 1), (1, 0), (2, 1)):
        make = Analytic()
        run_search(SAC, SPACE, replace(PLAN, trials=trials, unpruned=9), tmp_path, make)
        assert make.calls == calls


def test_a_trial_ends_with_a_rollout_that_the_budget_holds() -> None:
    assert whole_rollouts(1000, Learner("sac", 64)) == 960
    assert whole_rollouts(1000, Learner("ppo", 16)) == 896
    assert whole_rollouts(10, Learner("sac", 64)) == 10, "train refuses it by its number"


# ---- objective ------------------------------------------------------------------------------------------------------


def test_a_failed_gate_is_no_win_however_cheap_and_of_two_the_safer_is_better() -> None:
    dear, cheap = Judgement(50.0, 0.0, ()), Judgement(-500.0, 0.1, ("trips",))
    assert dear.value < cheap.value < Judgement(-900.0, 0.2, ("trips",)).value
    assert Judgement(-1.0, float("inf"), ("work",)).value < float("inf"), "the database takes finite numbers"


def test_the_best_trial_is_the_cheapest_that_keeps_every_gate(tmp_path: Path) -> None:
    plan = replace(PLAN, rungs=1, unpruned=100)
    study = run_search(SAC, {**SPACE, REACH: Among((0.15, 0.3))}, plan, tmp_path, Analytic())
    safe = [t for t in ended(study) if t.params[REACH] == 0.15]
    assert len(safe) < len(ended(study))
    found = best_trial(study)
    assert found is not None and found.user_attrs["cost_usd_day"] == min(t.user_attrs["cost_usd_day"] for t in safe)


def test_where_no_trial_keeps_the_gates_none_is_the_best_and_no_experiment_is_written(tmp_path: Path) -> None:
    def unsafe(trial: Any, learner: Learner, steps: int, place: Path) -> Made:
        return Made(Judgement(-100.0, 1.0, ("more trips",)), steps)

    def note(study: Any) -> None:
        write_outcome(tmp_path, load("edge_room"), SAC, PLAN, study)

    study = run_search(SAC, SPACE, replace(PLAN, trials=2), tmp_path, unsafe, note)
    assert best_trial(study) is None
    assert not (tmp_path / "best.yaml").exists()
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert [row["failures"] for row in rows] == ["more trips"] * 2


# ---- what it may see ------------------------------------------------------------------------------------------------


def test_trials_are_judged_on_sites_and_seeds_of_validation_alone() -> None:
    split = load_split("validation")
    for episode in judged_episodes(load("ai_hall"), "train", 24, 1):
        assert episode.site in split.sites
        assert episode.weather_seed in split.weather_seeds and episode.workload_seed in split.workload_seeds


@pytest.mark.parametrize("split", ["test", "sealed", "validation"])
def test_a_search_on_what_judges_results_is_refused(split: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"split = {split}: a search learns on train.*leave it out"):
        tune(load("edge_room"), SAC, replace(PLAN, total_steps=10_000, split=split), tmp_path)


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trials", "total_steps", "rungs", "unpruned"])
def test_a_number_below_1_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} = 0; give 1 or more"):
        replace(PLAN, **{name: 0})


def test_a_trial_that_ends_before_its_first_update_is_refused() -> None:
    with pytest.raises(ValueError, match="total_steps = 1000: sac learns nothing in its first agent.learning_starts"):
        require_learning(SAC, PLAN)
    require_learning(Learner("ppo", 10), PLAN)


def test_the_folder_of_another_search_is_refused_by_what_differs_and_more_trials_are_not(tmp_path: Path) -> None:
    scenario, judged = load("edge_room"), {"episodes": 24, "days": 1}
    asked = search_card(scenario, SAC, SPACE, PLAN, judged)
    (tmp_path / CARD).write_text(json.dumps({"asked": asked}))
    require_same_search(tmp_path, search_card(scenario, SAC, SPACE, replace(PLAN, trials=9), judged))
    other = search_card(scenario, SAC, SPACE, replace(PLAN, total_steps=2000), judged)
    with pytest.raises(ValueError, match="holds a search with total_steps = 1000, and 2000 is asked for; give another"):
        require_same_search(tmp_path, other)
    (tmp_path / CARD).write_text("{")
    with pytest.raises(ValueError, match="tune.json is damaged"):
        require_same_search(tmp_path, asked)


def test_what_is_stated_is_not_searched_and_everything_stated_is_refused() -> None:
    assert set(searched_space("crossq", {"gamma": 0.9, "hidden": [8]})) == set(SPACES["crossq"]) - {"gamma"}
    with pytest.raises(ValueError, match="every setting of apg .*leave out one of agent.learning_rate"):
        searched_space("apg", dict.fromkeys(SPACES["apg"], 1.0))
    with pytest.raises(ValueError, match="'dqn'"):
        searched_space("dqn", {})


def test_an_install_without_optuna_is_told_its_extra() -> None:
    assert "-e '.[tune]'" in missing_words("coldaisle tune", ModuleNotFoundError(name="optuna"), "train")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_defaults_of_every_algorithm_lie_within_its_space(name: str) -> None:
    known = {f.name for f in fields(algorithm_named(name).settings)} | {REACH}
    assert set(SPACES[name]) <= known
    for key, value in first_settings(name, SPACES[name]).items():
        choice = SPACES[name][key]
        inside = (
            value in choice.options if isinstance(choice, Among) else choice.low <= float(str(value)) <= choice.high
        )
        assert inside, (key, value)
