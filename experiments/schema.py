"""What may be set from the command line: dataclasses registered with hydra; a wrong key or type is refused by name.

The scenario's part is the dataclass tree of ``envs.scenario`` itself: every parameter of every machine can be
overridden as ``scenario.<machine>.<parameter>=value``, without ``+``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from importlib import resources
from typing import Any

import yaml
from omegaconf import MISSING, OmegaConf

from agents.learning.algorithms import Algorithm, Learner
from agents.learning.plan import LearningPlan
from experiments.page_schema import ReportConfig, WatchConfig
from experiments.records.tracking import DEFAULT_URI
from experiments.study_schema import STUDIES
from experiments.tune_schema import TuneConfig

AGENT_WORDS = """An algorithm on the command line.

Attributes
----------
environments : int
    Sites side by side that it learns from.
algorithm : str
    Its name.
encoding : str
    How it acts: ``residual`` adds to the best rule there is, ``feedforward`` to what that rule would set by the weather
    alone, ``joint`` so to power limits too; ``absolute`` takes the scenario's encodings, ``delta`` moves what is set.
reach_frac : float
    How far an agent on top of a rule may move a channel from the rule, as a share of its range.
"""
CONFIGS = "pkg://configs.run"  # beside configs/scenario: hydra must meet scenarios as typed nodes, not as YAML

#: Keys that mean the same in every verb that has them.
SHARED: dict[str, str] = {
    "scenario": "A shipped scenario or the path of a YAML file; every parameter below it is a key of its own",
    "agent": "The algorithm; every setting below it is a key of its own",
    "tracking": "Where the run is kept: sqlite, server or none",
    "split": "Which sites, weather and load: one of the files in configs/splits, or none for the scenario's own. "
    "Empty: test, refused where it would replace sites or seeds of your own",
    "seed": "Of everything that is drawn",
    "baseline": "The controller that the others are compared with; empty: the tuned rules where there are any; "
    "strongest: the cheapest of the tuned rules and the constants that keep their gates",
    "progress": "Show a bar with the time left",
    "folder": "Where the results are written",
    "trust": "Also load model.zip of an older run, which runs code that whoever wrote it put there",
}


@dataclass
class TrackingConfig:
    """Where runs are kept.

    Attributes
    ----------
    backend : str
        ``mlflow``, or ``none`` to keep only the run's folder.
    uri : str
        Address of the mlflow store.
    experiment : str
        Name of the experiment in it.
    name : str
        Name of the run; empty: the verb, or what the run is about.
    """

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
        Empty: ``train``, refused where it would replace sites or seeds of your own.
    evaluation_environments : int
        Validation sites side by side.
    shield : bool
        Learn behind the shield: what would pass a hard limit is changed before the plant sees it.
    limit_share : float
        Above 0: hold the policy to the table of constraints by multipliers, at this share of its allowances.
    spread : str
        A file of parameters with their spread, as a calibration writes it: each environment is a hall as it may be.
        Empty: all are the scenario's. Validation plays the scenario's own.
    resume : str
        A run's folder or a checkpoint to go on from, with its scenario and settings where none are given; empty begins
        anew.
    tensorboard : bool
        Beside ``metrics.csv`` in the run's folder also TensorBoard's event files; needs the extra ``tensorboard``.
    """

    seed: int = 0
    device: str = "cpu"
    split: str = ""
    evaluation_environments: int = 24
    shield: bool = False
    limit_share: float = 0.0
    spread: str = ""
    resume: str = ""
    tensorboard: bool = False


@dataclass(frozen=True)
class TrainConfig(TrainingPlan):
    """``coldaisle train``: learn a policy. Steps count over all environments; 0 switches a habit off."""

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
    """``coldaisle evaluate``: every policy and every rule on the same paired episodes.

    Attributes
    ----------
    policies : dict
        A name for each policy, and its run's folder, its bundle, or one of ``configs/policies`` by its name. A path
        with ``*`` means every training seed of one policy: ``'policies.mine=runs/seed_*'``.
    mpc : bool
        Also judge the model-predictive controllers, on the twin and on a learnt linear model; slow.
    mpc_forecast : str
        ``persistence``; ``engine`` adds the row mpc_engine, which expects what the forecasting engine does.
    shield : bool
        Also play the named policies and the baseline behind the shield: how often it acts, and what it costs.
    bounds : bool
        Also the energy floor and the perfect-forecast oracle, searched for on every episode; slow.
    bounds_population : int
        Candidates of an iteration of the floor's search.
    bounds_iterations : int
        Iterations of that search.
    oracle_plays : int
        Plays of every episode by the oracle, from each of its starts.
    episodes : int
        How many episodes; 0: as the split says.
    days : int
        Length of an episode; 0: as the split says.
    report : bool
        Also write the HTML page.
    """

    scenario: Any = MISSING
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    policies: dict[str, str] = field(default_factory=dict)
    baseline: str = ""
    mpc: bool = False
    mpc_forecast: str = "persistence"
    shield: bool = False
    bounds: bool = False
    bounds_population: int = 24
    bounds_iterations: int = 8
    oracle_plays: int = 60
    split: str = ""
    episodes: int = 0
    days: int = 0
    seed: int = 0
    report: bool = True
    progress: bool = True
    trust: bool = False
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class ExportConfig:
    """``coldaisle export``: a training run as a bundle that runs without torch.

    Attributes
    ----------
    run : str
        The training run's folder, or one of its models, such as ``<run>/best_model.npz``.
    evaluation : str
        An evaluation's folder, which gives the manifest its card; empty: no card.
    policy : str
        The run's name in that evaluation; needed where ``evaluation`` is given.
    folder : str
        Where the bundle is written; empty: ``bundle`` in the run's folder.
    twin : str
        A scenario of the same site that ``coldaisle calibrate`` wrote, for the twin of the bundle's shield; empty: the
        run's own.
    register : bool
        Also put the bundle into the model registry of mlflow, as its ``champion``.
    name : str
        Of the registered model; empty: ``coldaisle-<scenario>``.
    light : bool
        Write weights and manifest alone, for whoever has coldaisle.
    """

    run: str = MISSING
    evaluation: str = ""
    policy: str = ""
    twin: str = ""
    register: bool = False
    name: str = ""
    light: bool = False
    trust: bool = False
    folder: str = ""
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


@dataclass
class RolloutConfig:
    """``coldaisle rollout``: one policy, one episode, every measured point as CSV.

    Attributes
    ----------
    policy : str
        ``rules``, ``random``, ``legacy``, a run's folder or a bundle.
    telemetry : bool
        Instead of a policy: rules with random steps, logged as a building system would, for ``calibrate``.
    days : int
        Length of the episode.
    """

    scenario: Any = MISSING
    policy: str = "rules"
    telemetry: bool = False
    split: str = ""
    days: int = 1
    seed: int = 0
    trust: bool = False
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class CalibrateConfig:
    """``coldaisle calibrate``: fit a scenario to a hall's telemetry.

    Attributes
    ----------
    telemetry : str
        The logged readings: CSV or Parquet.
    points : str
        The point map: YAML.
    held_out : float
        Share of the telemetry, its end, that is not fitted but judged.
    parameters : list
        Parts of the paths of parameters that are fitted; empty: all.
    fixed : list
        Parts of the paths of parameters that are not fitted.
    check_only : bool
        Read and screen the file, and say what would be fitted and what cannot be known; fit nothing.
    """

    scenario: Any = MISSING
    telemetry: str = MISSING
    points: str = MISSING
    held_out: float = 0.25
    parameters: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    check_only: bool = False
    progress: bool = True
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    folder: str = "${hydra:runtime.output_dir}"


@dataclass
class CampaignConfig:
    """``coldaisle campaign plan.yaml``: a plan cut into shards, each whole or not at all; the same command goes on.

    Attributes
    ----------
    plan : str
        The plan: a YAML file.
    executor : str
        Who runs the shards: ``in_process``, ``joblib``, ``submitit`` or ``ray``.
    workers : int
        Shards side by side.
    cluster : str
        Of submitit ``slurm``, or ``local``: processes of this machine; of Ray an address, or empty.
    parameters : dict
        Of submitit's executor, such as ``parameters.slurm_partition=cpu``.
    list : bool
        Only list the shards with their ids.
    folder : str
        Where shards and results lie; empty: ``runs/campaigns/<name of the plan>``.
    """

    plan: str = MISSING
    executor: str = "joblib"
    workers: int = 2
    cluster: str = "slurm"
    parameters: dict[str, Any] = field(default_factory=dict)
    list: bool = False
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    folder: str = ""


@dataclass
class BenchmarkConfig:
    """``coldaisle benchmark cooling``: policies on a frozen task against every opponent; the same command goes on.

    Attributes
    ----------
    task : str
        ``cooling``, ``power`` or ``joint``; it may stand first on the line.
    policies : dict
        A name for each policy, and the folder that holds ``<scenario>/seed_<n>``, runs or bundles.
    train : bool
        Also train the algorithm on every seed of every scenario, and judge it.
    total_steps : int
        Environment steps of each seed.
    ablations : bool
        With ``train``, also train and judge every ablation of the task.
    oracle : bool
        Also search the perfect-forecast oracle on the test episodes, for the share of the gap; slow.
    smoke : bool
        The task small enough for a test: its last scenario, short episodes, two seeds. No result.
    only : list of str
        Scenarios to play, and ``train``, ``robustness`` or ``ablations`` beside ``test``; empty: all.
    executor : str
        Who runs the shards: ``in_process``, ``joblib``, ``submitit`` or ``ray``.
    workers : int
        Shards side by side.
    cluster : str
        As in ``coldaisle campaign``.
    parameters : dict
        As in ``coldaisle campaign``.
    folder : str
        Where everything lies; empty: ``runs/benchmarks/<id of the task>``.
    """

    task: str = MISSING
    agent: Any = MISSING
    policies: dict[str, str] = field(default_factory=dict)
    train: bool = False
    total_steps: int = 1_000_000
    ablations: bool = False
    oracle: bool = False
    smoke: bool = False
    only: list[str] = field(default_factory=list)
    executor: str = "joblib"
    workers: int = 2
    cluster: str = "slurm"
    parameters: dict[str, Any] = field(default_factory=dict)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    folder: str = ""


OmegaConf.register_new_resolver("pid", os.getpid, replace=True, use_cache=True)  # on import: sweep workers need it too

VERBS = {
    "train": TrainConfig,
    "tune": TuneConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
    "calibrate": CalibrateConfig,
    "rollout": RolloutConfig,
    "report": ReportConfig,
    "watch": WatchConfig,
    "campaign": CampaignConfig,
    "benchmark": BenchmarkConfig,
    **STUDIES,
}


def group_defaults(verb: str) -> dict[str, str]:
    """Options of hydra's groups that a verb starts from: ``{"scenario": "ai_hall", ...}``."""
    text = resources.files("configs").joinpath("run", f"{verb}.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)["defaults"]
    return {key: value for entry in entries if isinstance(entry, dict) for key, value in entry.items() if value}


def agent_config(row: Algorithm) -> type:
    """Dataclass of an algorithm on the command line: its settings, its name, how many environments feed it."""
    name = f"{row.settings.__name__.removesuffix('Settings')}Agent"
    chosen: list[tuple[str, type, Any]] = [
        ("algorithm", str, field(default=row.name)),
        ("environments", int, field(default=row.environments)),
        ("encoding", str, field(default=row.encoding)),
        ("reach_frac", float, field(default=row.reach_frac)),
    ]
    return make_dataclass(name, chosen, bases=(row.settings,), namespace={"__doc__": AGENT_WORDS})


def learner_from(agent: Mapping[str, Any]) -> Learner:
    """Who learns, from the keys of ``agent``: what is no part of `Learner` is a setting of the algorithm."""
    own = {f.name for f in fields(Learner)}
    how = {key: value for key, value in agent.items() if key in own}
    return Learner(settings={key: value for key, value in agent.items() if key not in own}, **how)
