"""The policies that an evaluation compares: the building's rules, floors, and what a run or a bundle has learnt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.policy import LearnedPolicy, interface_of, of_model
from agents.references import RULES_AS_GIVEN, RULES_TUNED, roster
from envs.controllers.base import Controller

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.scenario import Scenario

RUN_FILE = "run.json"
MPC_FORECASTS = ("persistence", "engine")
MODEL_FILE, UNTRAINED_FILE = "model.zip", "untrained.zip"

PolicyMaker = Callable[["DataCenterCore"], Controller]


def reference_policies(
    scenario: Scenario, mpc: bool = False, mpc_forecast: str = "persistence"
) -> dict[str, PolicyMaker]:
    """What every evaluation scores, each made from the core that it will run on (PROTOCOL 5).

    Parameters
    ----------
    scenario : Scenario
        Names the tuned constants that belong to it.
    mpc : bool
        Also the model-predictive controller, some twenty times dearer to run than a rule.
    mpc_forecast : str
        ``persistence``, or ``engine``: beside it one that expects what the forecasting engine's outlook says, learnt
        from four weeks of telemetry before the episodes.
    """
    from agents.planners.mpc import MpcSettings
    from experiments.evaluation.telemetry_before import engine_outlook

    if mpc_forecast not in MPC_FORECASTS:
        raise ValueError(f"mpc_forecast = {mpc_forecast!r}; give one of {', '.join(MPC_FORECASTS)}")
    ahead = engine_outlook if mpc_forecast == "engine" else None
    return dict(roster(scenario, mpc=MpcSettings() if mpc else None, ahead=ahead))


def best_rule(policies: Iterable[str]) -> str:
    """The baseline where none is named: the tuned rules, else the rules as given."""
    return RULES_TUNED if RULES_TUNED in policies else RULES_AS_GIVEN


def learned_policies(name: str, path: str | Path) -> dict[str, PolicyMaker]:
    """A trained policy, and the untrained network it began as where the run kept it.

    Parameters
    ----------
    name : str
        What the tables call it.
    path : str or Path
        Folder of a training run or of an exported bundle; or one model of a run: ``<run>/best_model.zip`` is the one
        that scored best on the validation split while it trained.
    """
    folder = Path(path)
    if folder.is_file() and (folder.parent / RUN_FILE).exists():
        return {name: lambda core: _trained(folder.parent, folder.name, core)}
    if (folder / "manifest.json").exists():
        return {name: lambda core: _exported(folder, core)}
    if not (folder / RUN_FILE).exists():
        raise FileNotFoundError(
            f"policies.{name}: {folder} holds neither {RUN_FILE} nor manifest.json; give a run or a bundle"
        )
    made: dict[str, PolicyMaker] = {name: lambda core: _trained(folder, MODEL_FILE, core)}
    if (folder / UNTRAINED_FILE).exists():
        made[f"{name} untrained"] = lambda core: _trained(folder, UNTRAINED_FILE, core)
    return made


def _trained(folder: Path, file: str, core: DataCenterCore) -> Controller:
    from agents.learning.build import load_model

    run = json.loads((folder / RUN_FILE).read_text())
    _check_tables(folder, run, core)
    return of_model(load_model(run["algorithm"], folder / file), interface_of(core))


def _exported(folder: Path, core: DataCenterCore) -> Controller:
    from agents.runtime.exported_policy import ExportedPolicy

    policy = ExportedPolicy(folder)
    _check_tables(folder, policy.manifest, core)
    return LearnedPolicy(policy.predict, interface_of(core))


def _check_tables(folder: Path, card: Mapping[str, Any], core: DataCenterCore) -> None:
    """Raise where the policy's action or observation elements mean something else in this core."""
    channel_hash = card["channel_hash"]
    if channel_hash != core.channel_hash:
        raise ValueError(
            f"{folder} was trained on the channel table {channel_hash}, this scenario has {core.channel_hash}; "
            "evaluate it on the scenario (and agent_channels) that it was trained on"
        )
    if card["observations"] != core.observer.describe():
        raise ValueError(
            f"{folder} was trained on {len(card['observations'])} observation elements, this scenario has "
            f"{core.observer.size} or other ranges; evaluate it on the scenario that it was trained on"
        )
