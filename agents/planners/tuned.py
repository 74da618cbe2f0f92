"""What the searches found for a scenario, frozen in ``configs/tuned/<scenario>.yaml`` with how it was found."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from envs.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from envs.scenario import Scenario

#: Keys of a scenario's jobs that its scheduler chooses: no part of the plant.
SCHEDULING = ("rule", "starts", "preempt", "curtail")
NOT_THE_PLANT = ("site", "episode", "faults", "rules", "agent_channels", "encodings", "reach_frac")
HEADER = "# Written by the command below; do not edit by hand.\n"


@dataclass(frozen=True)
class TunedRules:
    """Result of the searches.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    plant_hash : str
        ``plant_hash`` of the plant that was searched on.
    command : str
        Regenerates the file.
    found_on : dict
        Split with its hash, episodes, days, seed, budget.
    rules : dict
        Rule constants by dotted key.
    fixed : dict
        One value per channel, physical units.
    constant : dict
        ``action`` in the agent's box, and the ``channels`` with their encodings that give it a meaning.
    moved : dict
        Rule constant to ``[as given, tuned]``.
    scores : dict
        Controller to its means per day on the episodes of the search.
    caps : str
        The rule that shares the feeder under ``rules``.
    traces : dict
        Search to its best cost so far [USD/day] after each iteration; empty in files of before it was kept.
    """

    scenario: str
    plant_hash: str
    command: str = ""
    found_on: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    constant: dict[str, Any] = field(default_factory=dict)
    moved: dict[str, list[float]] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    caps: str = "water_filling"
    traces: dict[str, list[float]] = field(default_factory=dict)


def plant_hash(scenario: Scenario) -> str:
    """Hash of the plant and the prices: the scenario without its signals, episode, faults, rules and agent.

    The habits of its scheduler count as those of the shipped scenario of its name, whatever they are.
    """
    shipped = _shipped(scenario)
    if shipped is not None and scenario.jobs is not None:
        scenario = replace(scenario, jobs=replace(scenario.jobs, **_habits(shipped)))
    text = json.dumps({k: v for k, v in scenario.hashed_parts().items() if k not in NOT_THE_PLANT}, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shipped(scenario: Scenario) -> Scenario | None:
    """The shipped scenario of that name, where both have jobs."""
    from envs.scenario import SHIPPED

    found = _loaded(scenario.name) if scenario.jobs is not None and scenario.name in SHIPPED else None
    return found if found is not None and found.jobs is not None else None


@cache
def _loaded(name: str) -> Scenario:
    from envs.scenario import load

    return load(name)


def _habits(scenario: Scenario) -> dict[str, Any]:
    return {key: getattr(scenario.jobs, key) for key in SCHEDULING}


def load_tuned(name: str) -> TunedRules | None:
    """Read the frozen result for a scenario; None where nothing was searched for."""
    place = files("configs").joinpath(f"tuned/{name}.yaml")
    return TunedRules(**yaml.safe_load(place.read_text(encoding="utf-8"))) if place.is_file() else None


def tuned_of(scenario: Scenario) -> TunedRules | None:
    """The frozen result for a scenario; warns where it was found on another plant or under other scheduling."""
    found = load_tuned(scenario.name)
    if found is None:
        return None
    tune = "they stay a baseline. Tune them anew: python -m scripts.tune_rules"
    if found.plant_hash != (here := plant_hash(scenario)):
        warnings.warn(
            f"the tuned constants of {scenario.name} were found on another plant ({found.plant_hash}, here {here}); "
            f"{tune}; give a hall of your own a name of its own, and none are taken",
            stacklevel=3,
        )
    elif (shipped := _shipped(scenario)) is not None and (there := _habits(shipped)) != (ours := _habits(scenario)):
        other = ", ".join(f"jobs.{key}={there[key]} (here {ours[key]})" for key in there if there[key] != ours[key])
        warnings.warn(
            f"the tuned constants of {scenario.name} were found under other scheduling, {other}; {tune}", stacklevel=3
        )
    return found


def save_tuned(tuned: TunedRules, path: Path) -> None:
    """Write ``<scenario>.yaml``."""
    write_whole(path, HEADER + yaml.safe_dump(asdict(tuned), sort_keys=False, width=120))
