"""What a task plays, as entries of a campaign: test, train, robustness and ablations of each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.references import RULES_AS_GIVEN, RULES_TUNED
from envs.unknown_name import unknown_name
from experiments.campaigns.plan import NOMINAL, Entry, Plan, Variant
from experiments.campaigns.policy_hash import RUN, rule_makers

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.benchmarks.task import Ablation, Task

TEST, TRAIN, ROBUSTNESS, ABLATION = "test", "train", "robustness", "ablation "
KINDS = (TEST, TRAIN, ROBUSTNESS, "ablations")
Folders = Mapping[str, Path]  # policy to the folder that holds <scenario>/seed_<n>


def benchmark_plan(
    task: Task, policies: Folders, ablated: Mapping[str, Folders] | None = None, only: Sequence[str] = ()
) -> Plan:
    """Every entry of a task, or those that are asked for.

    Parameters
    ----------
    task : Task
    policies : mapping of str to Path
        Policy to the folder that holds ``<scenario>/seed_<n>``, runs or bundles.
    ablated : mapping, optional
        Ablation to such a mapping.
    only : sequence of str
        Scenarios of the task, and what is played of `KINDS`; empty: all. The test always is.

    Raises
    ------
    ValueError
        For a name in ``only`` that is neither.
    """
    scenarios, kinds = scenarios_in(task, only), [name for name in only if name in KINDS] or KINDS
    entries = [entry for name in scenarios for entry in _entries(task, name, policies, ablated or {})]
    return Plan(task.id, [entry for entry in entries if entry.name == TEST or kind_of(entry) in kinds])


def scenarios_in(task: Task, only: Sequence[str]) -> list[str]:
    """The scenarios that ``only`` names, in the task's order; all of them where it names none.

    Raises
    ------
    ValueError
        For a name that is neither a scenario of the task nor one of `KINDS`.
    """
    known = (*task.scenarios, *KINDS)
    for name in only:
        if name not in known:
            raise ValueError(f"only: {unknown_name(f'part of {task.id}', name, known)}")
    return [name for name in task.scenarios if name in only] or task.scenarios


def kind_of(entry: Entry) -> str:
    """Which of `KINDS` an entry is."""
    return KINDS[-1] if entry.name.startswith(ABLATION) else entry.name


def opponents_of(task: Task, scenario: Scenario) -> list[str]:
    """The task's opponents that a scenario has."""
    return [name for name in task.opponents if name in rule_makers(name, scenario)]


def channels_left(scenario: Scenario, ablation: Ablation) -> list[str]:
    """The agent's channels without those that an ablation takes away; empty where it takes none of them away."""
    left = [name for name in scenario.agent_channels if name not in ablation.without]
    return left if len(left) < len(scenario.agent_channels) else []


def ablation_overrides(task: Task, scenario: Scenario, ablation: Ablation) -> list[str] | None:
    """Overrides of the scenario in which an ablation is trained and judged; None where it changes nothing there."""
    left = channels_left(scenario, ablation)
    if ablation.without and not left:
        return None
    held = [f"agent_channels=[{', '.join(left)}]"] if left else []
    return [*task.set, *ablation.set, *held]


def _entries(task: Task, name: str, policies: Folders, ablated: Mapping[str, Folders]) -> Iterator[Entry]:
    from envs.scenario import load

    scenario = load(name, task.set)
    there = opponents_of(task, scenario)
    rules = {rule: RUN for rule in there if rule in (RULES_TUNED, RULES_AS_GIVEN)}
    learned = _paths(policies, name)
    nominal = {NOMINAL: Variant(set=task.set)}
    size = max(task.episodes // 3, 1)
    everyone = {**dict.fromkeys(there, RUN), **learned}
    usual = Entry(TEST, [name], everyone, task.test, nominal, task.episodes, task.days, size)
    yield usual
    if not learned:
        return
    yield replace(usual, name=TRAIN, policies={**rules, **learned}, split=task.train, episodes=_months(task.episodes))
    variants = {key: replace(v, set=[*task.set, *v.set]) for key, v in task.robustness.items()}
    yield Entry(
        ROBUSTNESS,
        [name],
        {**rules, **learned},
        task.test,
        {**nominal, **variants},
        task.robustness_episodes,
        task.robustness_days,
        task.robustness_episodes,
    )
    for key, folders in ablated.items():
        overrides = ablation_overrides(task, scenario, task.ablations[key])
        if overrides is not None:
            changed = {NOMINAL: Variant(set=overrides)}
            yield replace(usual, name=ABLATION + key, policies={**rules, **_paths(folders, name)}, variants=changed)


def _months(episodes: int) -> int:
    """As many episodes, at least a dozen."""
    return max(episodes, 12)


def _paths(policies: Folders, scenario: str) -> dict[str, str]:
    """Policy to the path of its seeds in a scenario."""
    return {policy: str(folder / scenario / "seed_*") for policy, folder in policies.items()}
