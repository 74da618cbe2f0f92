"""What a search leaves: its card, a table of its trials, and its best settings as an experiment that `train` takes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from envs.whole_file import write_whole
from experiments.records.run_folder import SCENARIO_FILE, write_scenario
from experiments.tuning.search import SearchPlan, ended, spent_steps, whole_rollouts, with_settings
from experiments.tuning.spaces import plain_space

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from agents.learning.algorithms import Learner
    from envs.scenario import Scenario
    from experiments.tuning.spaces import Space

CARD, TABLE, BEST = "tune.json", "trials.csv", "best.yaml"
GROWS = "trials"  # of what was asked for: a search goes on with more of them


def require_same_search(folder: Path, asked: Mapping[str, object]) -> None:
    """Refuse a folder that holds a search for something else; the number of trials may differ.

    Raises
    ------
    ValueError
        Naming the folder, what differs, both values and the mend; or the card that cannot be read.
    """
    path = folder / CARD
    if not path.is_file():
        return
    mend = "give another folder, or remove it"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["asked"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); {mend}") from None
    now = json.loads(json.dumps(asked))
    for key, value in now.items():
        if key != GROWS and before.get(key) != value:
            raise ValueError(
                f"{folder} holds a search with {key} = {before.get(key)}, and {value} is asked for; {mend}, or ask for "
                "what that search is"
            )


def search_card(
    scenario: Scenario, learner: Learner, space: Space, plan: SearchPlan, judged: Mapping[str, object]
) -> dict[str, object]:
    """What a search is asked for, as plain data: two of the same make the same trials."""
    from envs.engine.choice import chosen_engine
    from experiments.records.provenance import simulator_hash

    return {
        **asdict(plan),
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "learner": asdict(learner),
        "space": plain_space(space),
        "judged": dict(judged),
        "engine": chosen_engine(),
        "simulator": simulator_hash(),
    }


def begin(folder: Path, scenario: Scenario, asked: Mapping[str, object]) -> None:
    """Write scenario and card."""
    from experiments.records.provenance import provenance

    write_scenario(folder, scenario)
    write_whole(folder / CARD, json.dumps({"asked": asked, **provenance(config=asked)}, indent=2, default=str))


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """The cheapest full trial that keeps every gate; None where none does."""
    from optuna.trial import TrialState

    full = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    safe = [trial for trial in full if not trial.user_attrs["failures"]]
    return min(safe, key=lambda trial: float(trial.user_attrs["cost_usd_day"]), default=None)


def write_outcome(folder: Path, scenario: Scenario, learner: Learner, plan: SearchPlan, study: optuna.Study) -> None:
    """Write the table of the trials that ended, and the best settings where a trial keeps every gate."""
    if not ended(study):
        return
    write_table(folder, study)
    best = best_trial(study)
    if best is not None:
        write_best(folder, scenario, learner, plan, best)


def write_table(folder: Path, study: optuna.Study) -> None:
    """Write one row for every trial that ended."""
    kept = ("cost_usd_day", "breach", "failures", "steps", "processor_s")
    trials = ended(study)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trial", "state", *kept, *names])
    for number, trial in enumerate(trials):
        known = {**trial.user_attrs, "failures": "; ".join(trial.user_attrs["failures"])}
        settings = [trial.params.get(name, "") for name in names]
        rows.writerow([number, trial.state.name.lower(), *(known[name] for name in kept), *settings])
    write_whole(folder / TABLE, text.getvalue())


def write_best(folder: Path, scenario: Scenario, learner: Learner, plan: SearchPlan, trial: FrozenTrial) -> None:
    """Write the settings of a trial as an experiment: what `coldaisle train experiment=<file>` is to do again."""
    from experiments.tuning.spaces import rounded

    who = with_settings(learner, rounded(trial.params))
    agent: dict[str, Any] = {"environments": who.environments, "encoding": who.encoding, "reach_frac": who.reach_frac}
    keys: dict[str, Any] = {"scenario": scenario_key(folder, scenario), "agent": who.algorithm}
    keys |= {f"agent.{name}": value for name, value in {**agent, **who.settings}.items()}
    keys |= {"total_steps": whole_rollouts(plan.total_steps, who), "evaluate_every": 0, "checkpoint_every": 0}
    first = (
        f"# coldaisle tune: {trial.user_attrs['cost_usd_day']:+.2f} USD/day on validation, seed {plan.seed} alone.\n"
    )
    write_whole(folder / BEST, first + yaml.safe_dump(keys, sort_keys=False, default_flow_style=None))


def scenario_key(folder: Path, scenario: Scenario) -> str:
    """A shipped scenario's name; the file in the folder for any other, or one that was changed."""
    from envs.scenario import SHIPPED, load

    shipped = scenario.name in SHIPPED and load(scenario.name).hash() == scenario.hash()
    return scenario.name if shipped else str(folder / SCENARIO_FILE)


def closing_words(study: optuna.Study, folder: Path, plan: SearchPlan) -> str:
    """What a search says at its end."""
    from optuna.trial import TrialState

    trials, best = ended(study), best_trial(study)
    pruned = sum(trial.state == TrialState.PRUNED for trial in trials)
    words = (
        f"{len(trials)} trials, {pruned} of them pruned, {spent_steps(study)} of {plan.budget_steps} environment "
        f"steps: {folder / TABLE}\n"
    )
    if best is None:
        return words + "no trial keeps every gate against the best rule, so that none is the best\n"
    number = [trial.number for trial in trials].index(best.number)
    cost = best.user_attrs["cost_usd_day"]
    return words + (
        f"best: trial {number}, {cost:+.2f} USD/day against the best rule on validation, one training seed: no result "
        "yet\n"
        f"next: coldaisle train -m experiment={folder / BEST} seed=1,2,3,4,5\n"
    )
