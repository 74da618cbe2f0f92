"""Frozen tasks of ``coldaisle benchmark``: scenarios, splits, opponents, ablations and robustness, with a hash."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from typing import Any

import yaml

from envs.unknown_name import unknown_name
from experiments.campaigns.plan import Variant
from experiments.records.provenance import content_hash

TASKS = ("cooling", "power", "joint")
SMOKE_VARIANTS = ("sensor_bias_1", "interval_doubled")
SMOKE_PLANT = ("episode.step_s=900", "episode.substep_s=180", "site.workload_weeks=1")


@dataclass(frozen=True)
class Ablation:
    """What a policy is trained without, or otherwise.

    Attributes
    ----------
    encoding : str
        Of its actions; empty: that of the task.
    without : list of str
        Channels that it does not hold.
    set : list of str
        Overrides of the scenario, in training and in judging.
    """

    encoding: str = ""
    without: list[str] = field(default_factory=list)
    set: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """One benchmark.

    Attributes
    ----------
    name, meaning : str
    version : int
        Rises with every change; results of two versions are not compared.
    scenarios : list of str
    set : list of str
        Overrides of every scenario.
    encoding : str
        How agents act.
    train, validation, test : str
        Splits; agents learn on the first, are chosen on the second, and are judged once on the last.
    episodes, days : int
        Paired episodes of the last, and their length.
    seeds : int
        Training seeds of a result.
    opponents : list of str
        Rows of ``agents.references``; one that a scenario lacks is left out and named.
    ablations : dict
        Name to `Ablation`.
    robustness : dict
        Name to the variant of the plant that judges.
    robustness_episodes, robustness_days : int
    """

    name: str
    version: int
    meaning: str
    scenarios: list[str]
    opponents: list[str]
    set: list[str] = field(default_factory=list)
    encoding: str = "residual"
    train: str = "train"
    validation: str = "validation"
    test: str = "sealed"
    episodes: int = 36
    days: int = 7
    seeds: int = 5
    ablations: dict[str, Ablation] = field(default_factory=dict)
    robustness: dict[str, Variant] = field(default_factory=dict)
    robustness_episodes: int = 24
    robustness_days: int = 1

    @property
    def id(self) -> str:
        """Name and version: what a result is of."""
        return f"{self.name}-v{self.version}"


def task_hash(task: Task) -> str:
    """SHA-256 of a task's content."""
    return content_hash(asdict(task))


def load_task(name: str) -> Task:
    """A task of the package, checked against the hash that it was frozen with.

    Raises
    ------
    ValueError
        For an unknown name, or where the file was changed after it was frozen.
    """
    if name not in TASKS:
        raise ValueError(unknown_name("benchmark", name, TASKS))
    return read_task(files("configs").joinpath(f"benchmark/{name}.yaml").read_text(encoding="utf-8"))


def read_task(text: str) -> Task:
    """A task from YAML, checked against its ``sha256``."""
    content: dict[str, Any] = yaml.safe_load(text)
    frozen = content.pop("sha256", None)
    content["ablations"] = {name: Ablation(**given) for name, given in content.get("ablations", {}).items()}
    content["robustness"] = {name: Variant(**given) for name, given in content.get("robustness", {}).items()}
    task = Task(**content)
    if task_hash(task) != frozen:
        raise ValueError(
            f"benchmark {task.name} was changed after it was frozen (sha256 {frozen}); undo the change, or give it the "
            f"next version and sha256: {task_hash(task)}, and say so in CHANGELOG"
        )
    return task


def smoke_task(task: Task) -> Task:
    """The same task small enough for a test: its last scenario, coarse steps, three episodes of a day, two seeds."""
    return replace(
        task,
        scenarios=task.scenarios[-1:],
        set=[*task.set, *SMOKE_PLANT],
        opponents=task.opponents[:2],
        episodes=12,
        days=1,
        seeds=2,
        ablations=dict(list(task.ablations.items())[:1]),
        robustness={name: variant for name, variant in task.robustness.items() if name in SMOKE_VARIANTS},
        robustness_episodes=12,
    )
