"""The policies that an evaluation compares: the building's rules, floors, and what a run or a bundle has learnt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agents.policy import interface_of, policy_from_data, predictor
from agents.references import REFERENCES, RULES_AS_GIVEN, RULES_TUNED, reference_controllers
from agents.runtime.manifest import file_hash
from envs.controllers.base import Controller
from envs.interface.action import ActionDecoder
from envs.interface.interface import Interface
from envs.interface.points import RULE
from experiments.records.run_folder import (
    RUN_FILE,
    UNTRAINED_FILE,
    interface_in,
    model_of,
    policy_folder,
    read_card,
    run_of,
    seed_folders,
    shipped_policies,
)

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.interface.interface import InterfaceData, PointData
    from envs.scenario import Scenario

MPC_FORECASTS = ("persistence", "engine")
MANIFEST = "manifest.json"
BY_THE_RULE = ("encoding", "reach_frac")  # of a policy that carries its rule: how it acts is its own

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
        Also the model-predictive controllers: on the twin, some twenty times dearer to run than a rule, and on a linear
        model that is learnt from three days of steps before the episodes.
    mpc_forecast : str
        ``persistence``, or ``engine``: beside it one that expects what the forecasting engine's outlook says, learnt
        from four weeks of telemetry before the episodes.
    """
    from agents.planners.mpc import MpcSettings
    from experiments.evaluation.telemetry_before import engine_outlook, explored_telemetry

    if mpc_forecast not in MPC_FORECASTS:
        raise ValueError(f"mpc_forecast = {mpc_forecast!r}; give one of {', '.join(MPC_FORECASTS)}")
    ahead = engine_outlook if mpc_forecast == "engine" else None
    explored = explored_telemetry if mpc else None
    return dict(reference_controllers(scenario, mpc=MpcSettings() if mpc else None, ahead=ahead, explored=explored))


def best_rule(policies: Iterable[str]) -> str:
    """The baseline where none is named: the tuned rules, else the rules as given."""
    return RULES_TUNED if RULES_TUNED in policies else RULES_AS_GIVEN


def learned_policies(name: str, path: str | Path, *, trust: bool = False) -> dict[str, PolicyMaker]:
    """A trained policy, and the untrained network it began as where the run kept it.

    Parameters
    ----------
    name : str
        What the tables call it.
    path : str or Path
        Folder of a training run, of one of its checkpoints or of an exported bundle; or one model of a run:
        ``<run>/best_model.npz`` is the one that scored best on the validation split while it trained; or the name of a
        policy in ``configs/policies``.
    trust : bool
        Also load ``model.zip`` of an older run, which may run code of whoever wrote it.

    Raises
    ------
    FileNotFoundError
        Where the path is nothing of this.
    ValueError
        Where the name is that of a reference, which it would replace.
    """
    folder = policy_folder(path)
    if name in REFERENCES:
        raise ValueError(f"policies.{name}: {name!r} is the name of a reference; choose another")
    if (folder / MANIFEST).exists():
        return {name: lambda core: _exported_policy(folder, core)}
    run = run_of(folder) if folder.exists() else None
    if run is None:
        raise FileNotFoundError(
            f"policies.{name}: {folder} holds neither {RUN_FILE} nor {MANIFEST}; give a run, a bundle, or "
            f"one that comes with coldaisle: {', '.join(shipped_policies())}"
        )
    model, untrained = model_of(folder), run / UNTRAINED_FILE
    made: dict[str, PolicyMaker] = {name: lambda core: _trained_policy(run, model, core, trust)}
    if folder == run and untrained.exists():
        made[f"{name} untrained"] = lambda core: _trained_policy(run, untrained, core, trust)
    return made


class LearnedRows(NamedTuple):
    """What was learnt, as an evaluation plays it.

    Attributes
    ----------
    makers : dict
        Row of the score table to its maker, one for each training seed.
    seeds : dict
        Policy to its rows.
    """

    makers: dict[str, PolicyMaker]
    seeds: dict[str, list[str]]


def learned_rows(paths: Mapping[str, str], *, trust: bool = False) -> LearnedRows:
    """Policies of ``policies.<name>=<path>``; a path with ``*`` means every training seed of one policy.

    Raises
    ------
    FileNotFoundError, ValueError
        As ``learned_policies``, and where two seeds hold the same model.
    """
    rows = LearnedRows({}, {})
    for name, path in paths.items():
        folders = seed_folders(path)
        _require_different_models(name, folders)
        for folder in folders:
            for policy, make in learned_policies(name, folder, trust=trust).items():
                row = policy if len(folders) == 1 else f"{policy} {folder.relative_to(common_folder(folders))}"
                rows.makers[row] = make
                rows.seeds.setdefault(policy, []).append(row)
    return rows


def common_folder(folders: Sequence[Path]) -> Path:
    """The deepest folder that holds all of these."""
    return Path(os.path.commonpath([folder.parent for folder in folders]))


def _require_different_models(name: str, folders: Sequence[Path]) -> None:
    """Raise where one model would count as two seeds."""
    known: dict[str, Path] = {}
    for folder in folders if len(folders) > 1 else ():
        for file in (folder / "model.npz", folder / "policy.npz", folder):
            if file.is_file():
                first = known.setdefault(file_hash(file), folder)
                if first != folder:
                    raise ValueError(f"policies.{name}: {first} and {folder} hold the same model; give each seed once")
                break


def require_playable(policies: Mapping[str, PolicyMaker], scenario: Scenario) -> None:
    """Make every policy on one site of the scenario, so that one that does not fit is told before hours of play."""
    from envs.core import DataCenterCore

    if policies:
        core = DataCenterCore(scenario, 1)
        for make in policies.values():
            make(core)


def _trained_policy(run: Path, model: Path, core: DataCenterCore, trust: bool) -> Controller:
    from agents.learning.model_file import load_model

    card = read_card(run)
    theirs = interface_in(run, card)
    ours = _ours(theirs, core)
    require_same_box(run, theirs, ours)
    if "rule" in theirs:
        require_same_feeder(run, theirs, ours)
    return policy_from_data(predictor(load_model(card["algorithm"], model, trust=trust)), theirs, core.step_s)


def _exported_policy(folder: Path, core: DataCenterCore) -> Controller:
    from agents.runtime.exported_policy import ExportedPolicy

    policy = ExportedPolicy(folder, core.step_s)
    theirs = policy.manifest["interface"]
    ours = _ours(theirs, core)
    require_same_box(folder, theirs, ours)
    require_same_feeder(folder, theirs, ours)
    return policy


def _ours(theirs: InterfaceData, core: DataCenterCore) -> InterfaceData:
    """The interface that a policy must fit: one that adds to its own rule holds what it was trained to hold."""
    if "rule" not in theirs:
        return interface_of(core).plain()
    held = [c for c in core.channels if c.name in {row["name"] for row in theirs["channels"]}]
    decoder = ActionDecoder(held, core.decoder.row_rated_kw, core.decoder.feeder_limit_kw)
    return Interface(core.observer, decoder, core.step_s).plain()


def require_same_box(folder: Path, theirs: InterfaceData, ours: InterfaceData) -> None:
    """Raise where the policy's action or observation elements mean something else in this scenario."""
    apart = BY_THE_RULE if "rule" in theirs else ()
    for kind, there, here in (
        ("channels", theirs["channels"], ours["channels"]),
        ("points", _read(theirs["points"]), _read(ours["points"])),
    ):
        if _bare(there, apart) != _bare(here, apart):
            raise ValueError(
                f"{folder} was trained on other {kind} than this scenario's ({_difference(there, here, apart)}); "
                "evaluate it on the scenario (and agent_channels) that it was trained on"
            )


def require_same_feeder(folder: Path, theirs: InterfaceData, ours: InterfaceData) -> None:
    """Raise where a policy that shares the feeder, or whose rule does, knows other rows or another limit."""
    shares = "rule" in theirs or any(c["encoding"] == "feeder_share" for c in theirs["channels"])
    there, here = ((d["row_rated_kw"], d["feeder_limit_kw"]) for d in (theirs, ours))
    mend = "train on this scenario" if "rule" in theirs else "evaluate the run instead of its bundle"
    if shares and there != here:
        raise ValueError(
            f"{folder} shares a feeder of {there[1]:g} kW over rows of {there[0]} kW, this scenario has {here[1]:g} kW "
            f"and {here[0]} kW; {mend}, or export a run of this scenario"
        )


def _read(points: Sequence[PointData]) -> list[PointData]:
    """Points that are read, without those that a policy's own rule gives."""
    return [p for p in points if not p["name"].startswith(RULE)]


def _bare(rows: Sequence[Mapping[str, object]], apart: Sequence[str] = ()) -> list[dict[str, object]]:
    """Rows without their words, for a better sentence is no other channel, and without the columns ``apart``."""
    return [{key: value for key, value in row.items() if key not in ("meaning", *apart)} for row in rows]


def _difference(
    there: Sequence[Mapping[str, object]], here: Sequence[Mapping[str, object]], apart: Sequence[str]
) -> str:
    theirs, ours = ({str(row["name"]): row for row in _bare(rows, apart)} for rows in (there, here))
    lost, new = [n for n in theirs if n not in ours], [n for n in ours if n not in theirs]
    if lost or new:
        return f"only there: {', '.join(lost) or 'none'}; only here: {', '.join(new) or 'none'}"
    for name, row in theirs.items():
        for key, value in row.items():
            if value != ours[name].get(key):
                return f"{name}: {key} is {value} there and {ours[name].get(key)} here"
    return "they stand in another order"
