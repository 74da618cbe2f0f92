"""What may be set from the command line: dataclasses registered with hydra; a wrong key or type is refused by name.

The scenario's part is the dataclass tree of ``envs.scenario`` itself: every parameter of every machine can be
overridden as ``scenario.<machine>.<parameter>=value``, without ``+``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, is_dataclass, make_dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from agents.learning.algorithms import ALGORITHMS, Algorithm
from agents.learning.plan import LearningPlan
from experiments.records.tracking import DEFAULT_URI

CONFIGS = "pkg://configs.run"  # beside configs/scenario: hydra must meet scenarios as typed nodes, not as YAML


@dataclass
class TrackingConfig:
    """Where runs are kept: ``mlflow`` or ``none``."""

    backend: str = "mlflow"
    uri: str = DEFAULT_URI
    experiment: str = "coldaisle"
    name: str = ""


@dataclass(frozen=True)
class TrainingPlan(LearningPlan):
    """How one training run goes: how long it learns, on which sites and from which seed.

    Attributes
    ----------
    seed : int
        Of the networks and of sampling; environment i is seeded ``seed * experiments.train.SEED_STRIDE + i``.
    device : str
        A torch device; ``cpu`` suits networks this small.
    split : str
        Where sites and seeds are drawn from; ``none`` keeps the scenario's own. The plateau is judged on validation.
    evaluation_environments : int
        Validation sites side by side.
    resume : str
        A run's folder or a checkpoint to go on from; empty begins anew.
    """

    seed: int = 0
    device: str = "cpu"
    split: str = "train"
    evaluation_environments: int = 24
    resume: str = ""


@dataclass(frozen=True)
class TrainConfig(TrainingPlan):
    """``coldaisle train``: a `TrainingPlan` with the command line's habits, and what it is about."""

    scenario: Any = MISSING
    agent: Any = MISSING
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    total_steps: int = 2_000_000
    checkpoint_every: int = 500_000
    evaluate_every: int = 500_000
    progress: bool = True
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class EvaluateConfig:
    """``coldaisle evaluate``. ``policies`` maps a name to a run's folder or an exported bundle."""

    scenario: Any = MISSING
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    policies: dict[str, str] = field(default_factory=dict)
    baseline: str = ""  # the tuned rules where they exist
    mpc: bool = False
    mpc_forecast: str = "persistence"  # engine: also a row mpc_engine, on the forecasting engine's outlook
    split: str = "test"
    episodes: int = 0
    days: int = 0
    seed: int = 0
    report: bool = True
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class ExportConfig:
    """``coldaisle export``. ``run`` is a training run's folder; ``evaluation`` gives the manifest its card."""

    run: str = MISSING
    evaluation: str = ""
    policy: str = ""
    folder: str = ""


@dataclass
class RolloutConfig:
    """``coldaisle rollout``. ``policy`` is ``rules``, ``random``, ``legacy``, a run's folder or a bundle.

    ``telemetry``: instead of a policy, rules with random steps, logged as a building system does, for ``calibrate``.
    """

    scenario: Any = MISSING
    policy: str = "rules"
    telemetry: bool = False
    split: str = "test"
    days: int = 1
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class ValidateConfig:
    """``coldaisle validate``. Empty lists mean every study, and five of the climates that the wheel carries.

    ``keep`` is a folder in which EnergyPlus's runs are kept (some 18 MB each): the next time only our plant runs.
    """

    studies: list[str] = field(default_factory=list)
    climates: list[str] = field(default_factory=list)
    figures: bool = True
    keep: str = ""
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class TransferConfig:
    """``coldaisle transfer``. ``weather`` is an EPW file or its name in the EnergyPlus wheel; an episode per month.

    ``controllers`` are rules of the roster (none named: `experiments.transfer.CONTROLLERS`, as far as there are).
    ``mixes``: racks that draw more air than the room units blow breathe the rest from EnergyPlus's room.
    ``hold_curves``: the chiller's curves end at their published box; else EnergyPlus extrapolates its polynomials.
    """

    scenario: Any = MISSING
    policies: dict[str, str] = field(default_factory=dict)
    controllers: list[str] = field(default_factory=list)
    baseline: str = ""  # the tuned rules where they exist
    weather: str = "il_chicago"
    months: list[int] = field(default_factory=lambda: [1, 4, 7, 10])
    days: int = 7
    mixes: bool = True
    hold_curves: bool = False
    seed: int = 0
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class CalibrateConfig:
    """``coldaisle calibrate``. ``parameters`` and ``fixed`` are parts of paths to fit (empty: all) and not to fit."""

    scenario: Any = MISSING
    telemetry: str = MISSING
    points: str = MISSING
    held_out: float = 0.25
    parameters: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    progress: bool = True
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class ReportConfig:
    """``coldaisle report``. ``evaluation`` is the folder that an evaluation wrote."""

    evaluation: str = MISSING
    baseline: str = ""  # the one that the evaluation was saved with


@dataclass
class PublishedConfig:
    """``coldaisle published``. ``folder`` gets ``published.md`` and ``published.csv``."""

    folder: str = "docs/validation"


@dataclass
class ForecastConfig:
    """``coldaisle forecast``. Halls are drawn ``spread`` around the scenario; the forecaster has the scenario alone."""

    scenario: Any = MISSING
    halls: int = 30
    train_days: int = 28
    blocks: int = 30
    spread: float = 0.20
    match: bool = True  # bring the scenario near each hall by its training telemetry
    failures_alone: bool = False  # which rack is first over the limit, without the judged day-blocks
    seed: int = 0
    jobs: int = 2
    folder: str = "${hydra:runtime.output_dir}"


OmegaConf.register_new_resolver("pid", os.getpid, replace=True, use_cache=True)  # on import: sweep workers need it too

VERBS = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
    "calibrate": CalibrateConfig,
    "rollout": RolloutConfig,
    "report": ReportConfig,
    "transfer": TransferConfig,
    "validate": ValidateConfig,
    "published": PublishedConfig,
    "forecast": ForecastConfig,
}


def register(arguments: Sequence[str] | None = None) -> None:
    """Put every dataclass into hydra's store, and the shipped scenarios.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line (``sys.argv``, changed in place where it is that list): ``scenario=<path>.yaml`` registers that
        file under the file's name; a ``+`` before a key of ours is taken off.
    """
    given = sys.argv if arguments is None else arguments
    if isinstance(given, list):
        given[:] = [_without_plus(argument) for argument in given]
    store = ConfigStore.instance()
    for verb, config in VERBS.items():
        store.store(name=f"{verb}_schema", node=writable(OmegaConf.structured(config)))
    for name, row in ALGORITHMS.items():
        store.store(group="agent", name=name, node=agent_config(row))
    store.store(group="tracking", name="tracking_schema", node=TrackingConfig)
    register_scenarios(_scenario_files(given))


def agent_config(row: Algorithm) -> type:
    """Dataclass of an algorithm on the command line: its settings, its name, how many environments feed it."""
    name = f"{row.settings.__name__.removesuffix('Settings')}Agent"
    chosen = [("algorithm", str, field(default=row.name)), ("environments", int, field(default=row.environments))]
    return make_dataclass(name, chosen, bases=(row.settings,), namespace={"__doc__": row.settings.__doc__})


def register_scenarios(paths: Iterable[str] = ()) -> None:
    """Register the shipped scenarios and those of YAML files as options of the group ``scenario``."""
    from envs.scenario import SHIPPED, load

    store = ConfigStore.instance()
    for name in (*SHIPPED, *paths):
        try:
            node = OmegaConf.structured(load(name))
        except ValueError as error:
            sys.exit(f"coldaisle: {error}")
        store.store(group="scenario", name=Path(name).stem, node=writable(node))


def writable(node: DictConfig) -> DictConfig:
    """The node as the command line may change it.

    The read-only marks of frozen dataclasses are taken off; mappings from a name to a number or a text, such as
    ``reward_weights``, take new keys (the scenario checks their names), groups of racks and zones do not.
    """
    OmegaConf.set_readonly(node, None)
    if OmegaConf.get_type(node) is dict and not is_dataclass(node._metadata.element_type):
        OmegaConf.set_struct(node, False)
    for key in node:
        if OmegaConf.is_missing(node, key):
            continue
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            writable(child)
    return node


def _without_plus(argument: str) -> str:
    """The override without hydra's mark for a key to be added: every key of ours is there, or is refused by name."""
    return argument if argument.lstrip("+").startswith("hydra") else argument.lstrip("+")


def _scenario_files(arguments: Sequence[str]) -> list[str]:
    """Paths given as ``scenario=<path>.yaml``; the arguments are rewritten to the names they are registered under."""
    found: list[str] = []
    for i, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        paths = value.split(",")
        files = [p for p in paths if p.endswith((".yaml", ".yml"))]
        if key != "scenario" or not files:
            continue
        found += files
        if isinstance(arguments, list):
            arguments[i] = f"scenario={','.join(Path(p).stem if p in files else p for p in paths)}"
    return found
