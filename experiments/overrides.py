"""The command line's overrides as hydra takes them: open to new keys where ours are, scenario files by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import is_dataclass
from importlib import resources
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from agents.runtime.manifest import MANIFEST
from envs.plain_yaml import read_mapping
from envs.scenario import SHIPPED
from envs.unknown_name import unknown_name
from experiments.records.run_folder import SCENARIO_FILE, read_card, run_of, seed_folders

SUFFIXES = (".yaml", ".yml")


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


def without_plus(argument: str) -> str:
    """The override without hydra's mark for a key to be added: every key of ours is there, or is refused by name."""
    return argument if argument.lstrip("+").startswith("hydra") else argument.lstrip("+")


def experiment_words(arguments: Sequence[str]) -> list[str]:
    """What ``experiment=<name>`` stands for, without the keys that the command line gives itself.

    The word itself is taken out of a list. An experiment is a file in ``configs/experiment``, or any YAML file by its
    path: keys of the command line and their values.

    Raises
    ------
    ValueError
        For an unknown name, with the known ones; for a file that is not there or holds something else.
    """
    chosen = [a for a in arguments if a.startswith("experiment=")]
    if not chosen:
        return []
    keys = experiment_keys(chosen[-1].partition("=")[2].strip("'\""))
    if isinstance(arguments, list):
        arguments[:] = [a for a in arguments if a not in chosen]
    typed = {argument.partition("=")[0] for argument in arguments}
    return [f"{key}={value}" for key, value in keys.items() if key not in typed]


def experiment_keys(name: str) -> dict[str, object]:
    """Keys and values of an experiment: a name in ``configs/experiment``, or the path of a YAML file.

    Raises
    ------
    ValueError
        As ``experiment_words``.
    """
    folder = resources.files("configs").joinpath("experiment")
    if Path(name).suffix.lower() in SUFFIXES:
        found = read_mapping(Path(name))
        for key, value in found.items():
            parts = value if isinstance(value, list) else [value]
            if not isinstance(key, str) or "=" in key or not all(isinstance(p, (bool, int, float, str)) for p in parts):
                raise ValueError(
                    f"{name}: {key!r:.60} = {value!r:.60}; give keys of the command line with plain values or lists"
                )
        return found
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    if name not in known:
        raise ValueError(unknown_name("experiment", name, known))
    return dict(yaml.safe_load(folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")))


def scenario_files(arguments: Sequence[str]) -> list[str]:
    """Paths given as ``scenario=<path>.yaml``; the arguments are rewritten to the names they are registered under.

    Raises
    ------
    ValueError
        Where two files of one sweep, or a file and a shipped scenario of it, have one name.
    """
    found: list[str] = []
    for i, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        if key != "scenario":
            continue
        paths = [path.strip("'\"") for path in value.split(",")]
        files = [p for p in paths if Path(p).suffix.lower() in SUFFIXES]
        names = [Path(p).stem if p in files else p for p in paths]
        _require_different(paths, names)
        found += files
        if isinstance(arguments, list) and files:
            arguments[i] = f"scenario={','.join(names)}"
    return found


def require_machines(arguments: Sequence[str], files: Sequence[str], usual: str) -> None:
    """Refuse a parameter of a machine that a chosen scenario lacks, in the words of ``envs.scenario.load``.

    Parameters
    ----------
    arguments : sequence of str
        After ``scenario_files``.
    files : sequence of str
        What that gave.
    usual : str
        The scenario where none is named; empty for a verb without.

    Raises
    ------
    ValueError
        Naming the parameter, the machines that are there, and how to add one.
    """
    changed = [a.removeprefix("scenario.") for a in arguments if a.startswith("scenario.") and "=" in a]
    if not changed:
        return
    from envs.scenario.reading import require_there, typed_node

    paths = {Path(path).stem: path for path in files}
    named = [a.partition("=")[2] for a in arguments if a.startswith("scenario=")]
    for name in (named[-1] if named else usual).split(","):
        if name in paths or name in SHIPPED:
            require_there(name, typed_node(paths.get(name, name)), changed)


def _require_different(paths: Sequence[str], names: Sequence[str]) -> None:
    taken: dict[str, str] = {}
    for path, name in zip(paths, names, strict=True):
        if taken.setdefault(name, path) != path:
            raise ValueError(
                f"scenario={taken[name]} and scenario={path} have one name, {name!r}, and one would be played twice; "
                "rename one of the files"
            )


def with_first_named(arguments: Sequence[str], key: str) -> list[str]:
    """The command line with a bare word in the first place as ``<key>=<word>``."""
    first = arguments[0] if arguments else ""
    bare = first and "=" not in first and not first.startswith("-")
    return [f"{key}={first}", *arguments[1:]] if bare else list(arguments)


def remembered(arguments: Sequence[str], keys: Sequence[str] = ("resume", "policy")) -> list[str]:
    """What a verb takes from a run's card where the command line does not say it: its scenario; for ``resume=`` more.

    Of several policies the first run with a scenario counts; whether the others fit is checked before they play.
    ``keys`` are those whose value is the place of a run.
    """
    given = dict(argument.partition("=")[::2] for argument in arguments if "=" in argument)
    paths = [value for key, value in given.items() if key in keys or key.startswith("policies.")]
    places = [place for path in paths for place in seed_folders(path.strip("'\""))]
    runs = [run for run in map(run_of, places) if run is not None]
    known: dict[str, str] = {}
    if not runs and places and (shipped := _shipped_of_bundle(places[0])):
        known["scenario"] = shipped
    for run in runs[:1]:
        if (run / SCENARIO_FILE).is_file():
            known["scenario"] = str(run / SCENARIO_FILE)
        if "resume" in given:
            card = read_card(run)
            asked = card.get("settings", {})
            known |= {"agent": card["algorithm"]}
            known |= {"agent.environments": asked["environments"]} if "environments" in asked else {}
            known |= {"agent.encoding": asked.get("encoding", "absolute")}
            known |= {"agent.reach_frac": asked["reach_frac"]} if "reach_frac" in asked else {}
            kept = ("seed", "split", "limit_share", "spread", "shield")
            known |= {key: asked[key] for key in kept if key in asked}
    return [f"{key}={value}" for key, value in known.items() if key not in given]


def _shipped_of_bundle(folder: Path) -> str:
    """The shipped scenario that a bundle far from its run was trained on; empty for another."""
    try:
        name = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["scenario"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # no bundle, or a damaged one, which is told where it is loaded
    return str(name) if name in SHIPPED else ""
