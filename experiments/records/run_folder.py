"""What a training run keeps in its folder: card, scenario, models; one run at a time writes into it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from glob import glob
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from filelock import FileLock, Timeout

from agents.learning.learn import BEST_FILE, CHECKPOINTS, MODEL_FILE
from agents.runtime.manifest import MANIFEST
from envs.whole_file import write_whole

if TYPE_CHECKING:
    from envs.interface.interface import InterfaceData
    from envs.scenario import Scenario

RUN_FILE, SCENARIO_FILE, LOCK_FILE = "run.json", "scenario.yaml", ".lock"
UNTRAINED_FILE, OLD_MODEL_FILE = "untrained.npz", "model.zip"
SHIPPED = Path(str(files("configs"))) / "policies"
Card = Mapping[str, Any]


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run's folder.

    Raises
    ------
    ValueError
        Where another process trains into it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            yield
    except Timeout:
        raise ValueError(
            f"folder = {folder}: another run writes into it; wait for its end or give another folder"
        ) from None


def require_no_other_run(folder: Path, resumed: Path | None) -> None:
    """Refuse to begin a run in the folder of another: best model and checkpoints of both would lie side by side."""
    goes_on = resumed is not None and folder.resolve() == resumed.resolve()
    if (folder / RUN_FILE).exists() and not goes_on:
        raise ValueError(
            f"folder = {folder} holds a run already; give another folder, or resume={folder} to go on with that run"
        )


def write_card(folder: Path, card: Mapping[str, object]) -> None:
    """Write ``run.json``, whole or not at all."""
    write_whole(folder / RUN_FILE, json.dumps(card, indent=2, default=str))


def read_card(folder: Path) -> Card:
    """The card of a run.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the folder holds none, or what it holds is damaged.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {RUN_FILE}; give the folder that `coldaisle train` wrote")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); train again") from None
    if not isinstance(card, dict) or "algorithm" not in card:
        raise ValueError(f"{path} is no card of a run; train again")
    return card


def interface_in(folder: Path, card: Card) -> InterfaceData:
    """Return the interface that a run's card carries.

    Raises
    ------
    ValueError
        Where the run is of a version that did not keep it.
    """
    if "interface" not in card:
        raise ValueError(f"{folder / RUN_FILE} has no interface: the run is of an older version; train it again")
    return cast("InterfaceData", card["interface"])


def run_of(path: Path) -> Path | None:
    """The run's folder that a path means: itself, that of one of its models, or that of one of its checkpoints."""
    for folder in (path, *path.parents[:3]):
        if (folder / RUN_FILE).is_file():
            return folder
    return None


def shipped_policies() -> list[str]:
    """Names of the policies that come with coldaisle."""
    return sorted(manifest.parent.name for manifest in SHIPPED.glob(f"*/{MANIFEST}"))


def policy_folder(path: str | Path) -> Path:
    """The folder that a path means, or the name of a policy that comes with coldaisle where there is no such path."""
    known = str(path) in shipped_policies() and not Path(path).exists()
    return SHIPPED / path if known else Path(path)


def seed_folders(path: str) -> list[Path]:
    """The folders that a path with ``*``, ``?`` or ``[`` means, in order of their names; else `policy_folder`."""
    found = [] if Path(path).exists() else sorted(glob(path))
    return [Path(p) for p in found] or [policy_folder(path)]


def model_of(path: Path) -> Path:
    """The model file that a path means: a file itself, or the trained model of a run or a checkpoint.

    Raises
    ------
    FileNotFoundError
        Where the run was ended before it had one, with what it has.
    """
    if path.suffix in (".npz", ".zip"):
        return path
    for name in (MODEL_FILE, OLD_MODEL_FILE):
        if (path / name).is_file():
            return path / name
    others = [p for p in (path / BEST_FILE, *sorted(path.glob(f"{CHECKPOINTS}/step_*"))) if p.exists()]
    raise FileNotFoundError(
        f"{path} holds no {MODEL_FILE}: the run was ended before its time; give "
        + (f"{others[0]}, or go on with resume={path}" if others else "another run, it kept no other model")
    )


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write the scenario as a file that ``scenario=`` takes; what was measured of its racks stands in it."""
    from envs.scenario.rack_group import carrying

    whole = replace(scenario, racks=carrying(scenario.racks))
    plain = json.loads(json.dumps(asdict(whole), default=lambda array: array.tolist()))
    write_whole(folder / SCENARIO_FILE, yaml.safe_dump(plain, sort_keys=False))


def take_over(resumed: Path, folder: Path) -> None:
    """Bring the models that a resumed run has beside its checkpoints into the folder in which it goes on."""
    for name in (BEST_FILE, UNTRAINED_FILE):
        if (resumed / name).exists() and not (folder / name).exists():
            shutil.copy2(resumed / name, folder / name)
