"""``coldaisle tune``: equal budgets, no win by a failed gate, killed trials made again, and no look at the test."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from agents.learning.algorithms import ALGORITHMS, Learner, algorithm_named
from envs.scenario import load
from experiments.evaluation.splits import load_split
from experiments.missing_package import missing_words
from experiments.tune import judged_episodes, require_learning, tune
from experiments.tuning.judge import BEHIND_USD_DAY, LARGEST_BREACH, Judgement, diverged
from experiments.tuning.outcome import CARD, best_trial, require_same_search, search_card, write_outcome
from experiments.tuning.search import (
    TRIALS,
    Made,
    SearchPlan,
    drop_killed,
    ended,
    open_study,
    run_search,
    spent_steps,
    whole_rollouts,
)
from experiments.tuning.spaces import REACH, SPACES, Among, first_settings, searched_space
from experiments.tuning.trained import TrainedTrials

if TYPE_CHECKING:
    from optuna import Trial

    from agents.learning.algorithms import Setting
    from envs.scenario import Scenario
    from experiments.tuning.judge import Judge

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


class Diverging(Analytic):
    """Of two trials every second one diverges, the first where that is asked for."""

    def __init__(self, first: int = 1) -> None:
        super().__init__()
        self.first = first

    def __call__(self, trial: Any, learner: Learner, steps: int, place: Path) -> Made:
        if self.calls % 2 != self.first % 2:
            return super().__call__(trial, learner, steps, place)
        place.mkdir(parents=True)
        self.calls += 1
        return Made(diverged("nan"), steps, diverged=True)


def test_a_trial_that_diverges_is_ended_behind_all_others_and_the_search_goes_on(tmp_path: Path) -> None:
    study = run_search(SAC, SPACE, replace(PLAN, rungs=1, unpruned=9), tmp_path, Diverging())
    assert [trial.value == BEHIND_USD_DAY + LARGEST_BREACH for trial in ended(study)] == [False, True, False, True]
    assert spent_steps(study) == PLAN.budget_steps and [t.state.name for t in ended(study)] == ["COMPLETE"] * 4
    again = Diverging()
    study = run_search(SAC, SPACE, replace(PLAN, rungs=1, unpruned=9), tmp_path, again)
    assert again.calls == 0 and best_trial(study) is not None
    write_outcome(tmp_path, load("edge_room"), SAC, PLAN, study)
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert rows[1]["failures"] == "its training diverged: nan" and rows[1]["cost_usd_day"] == "nan"


def test_defaults_that_diverge_end_the_search_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trial 0 of .*its training diverged: nan; give smaller steps"):
        run_search(SAC, SPACE, PLAN, tmp_path, Diverging(first=0))
    assert not ended(run_search(SAC, SPACE, replace(PLAN, trials=1), tmp_path, Analytic()))[0].user_attrs["failures"]


@pytest.mark.parametrize("steps_done", [0, 5])
def test_a_fault_before_the_first_step_is_of_the_settings_and_one_behind_it_of_the_training(
    steps_done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*parts: Any) -> dict[str, float]:
        parts[-1][0].n_calls = steps_done
        raise ValueError(f"loc is\n  {'nan ' * 1000}")

    monkeypatch.setattr("experiments.tuning.trained.train", failing)
    make = TrainedTrials(cast("Scenario", None), PLAN, cast("Judge", None))
    if not steps_done:
        with pytest.raises(ValueError, match="loc is"):
            make(cast("Trial", None), SAC, 96, Path("a"))
        return
    made = make(cast("Trial", None), SAC, 96, Path("a"))
    assert made.diverged and made.steps == 96 and made.judgement.breach == LARGEST_BREACH
    words = made.judgement.failures[0]
    assert words.startswith("its training diverged: loc is nan nan") and len(words) < 200


@pytest.mark.slow
def test_a_training_with_steps_too_large_diverges_and_one_that_cannot_begin_is_refused(tmp_path: Path) -> None:
    from optuna.trial import FixedTrial

    scenario = load("edge_room", ["episode.steps=12", "site.workload_weeks=1"])
    make = TrainedTrials(scenario, replace(PLAN, total_steps=96, rungs=1), cast("Judge", None))
    settings: dict[str, Setting] = {"hidden": [4], "learning_starts": 16, "batch_size": 16, "learning_rate": 1e30}
    learner = Learner("sac", 8, settings)
    made = make(FixedTrial({}), learner, 96, tmp_path / "a")
    assert made.diverged and made.steps == 96 and made.judgement.breach == LARGEST_BREACH
    assert "\n" not in made.judgement.failures[0] and len(made.judgement.failures[0]) < 200
    with pytest.raises(ValueError, match="holds a run already"):
        make(FixedTrial({}), learner, 96, tmp_path / "a")


def test_behind_a_thousand_trials_a_killed_one_is_removed_by_its_number(tmp_path: Path) -> None:
    names = {f"trial_{number:03d}" for number in (0, 999, 1000, 1001)}
    for name in names:
        (tmp_path / TRIALS / name).mkdir(parents=True)
    study = open_study(tmp_path, PLAN)
    study.get_trials = lambda *_, states, **__: [None] * 1001 if len(states) == 2 else []  # type: ignore[method-assign]
    drop_killed(study, tmp_path)
    assert {place.name for place in (tmp_path / TRIALS).iterdir()} == names - {"trial_1001"}


def test_a_trial_ends_with_a_rollout_that_the_budget_holds() -> None:
    assert whole_rollouts(1000, Learner("sac", 64)) == 960
    assert whole_rollouts(1000, Learner("ppo", 16)) == 896
    assert whole_rollouts(10, Learner("sac", 64)) == 10, "train refuses it by its number"


# ---- objective ------------------------------------------------------------------------------------------------------


def test_a_failed_gate_is_no_win_however_cheap_and_of_two_the_safer_is_better() -> None:
    dear, cheap = Judgement(50.0, 0.0, ()), Judgement(-500.0, 0.1, ("trips",))
    assert dear.value < cheap.value < Judgement(-900.0, 0.2, ("trips",)).value
    assert Judgement(-1.0, float("inf"), ("work",)).value < float("inf"), "the database takes finite numbers"
    assert Judgement(math.nan, 0.0, ()).value == diverged("nan").value > Judgement(0.0, 1e5, ("trips",)).value


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
