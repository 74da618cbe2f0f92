"""Reads a scenario: a shipped name or a YAML file, with overrides, typed and checked by OmegaConf.

What a site is stands in `envs.scenario.scenario`, which needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from envs.plain_yaml import checked_text
from envs.scenario.scenario import Scenario
from envs.scenario.typed_config import checked_config, schema

FOLDER = resources.files("configs").joinpath("scenario")
#: Names of the scenarios that come with the package: the files of ``configs/scenario``.
SHIPPED = tuple(sorted(f.name.removesuffix(".yaml") for f in FOLDER.iterdir() if f.name.endswith(".yaml")))
LONGEST_PROBLEM = 1000  # characters of a fault that a message repeats
_NOTHING = (
    "an empty mapping is merged with what is there, so it changes nothing; name the keys that are to change, write "
    "null to take an optional machine away, or leave it out"
)


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario: shipped name or YAML path, plus ``key=value`` overrides in dotted form.

    Raises
    ------
    ValueError
        For an unknown name or key, a wrong type, or a value that no site can have; the message says the mend.
    """
    if isinstance(overrides, str):
        raise ValueError(f"overrides = {overrides!r} is one string; give a sequence of them: [{overrides!r}]")
    try:
        base = typed_node(name_or_path)
        require_there(name_or_path, base, overrides)
        node = OmegaConf.merge(base, OmegaConf.from_dotlist(list(overrides)))
        assert isinstance(node, DictConfig)
        return checked_config(Scenario, node)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        problem = f"scenario {name_or_path!r}, key {key!r}: {str(error).splitlines()[0][:LONGEST_PROBLEM]}"
        raise ValueError(f"{problem}; {_advice(error)}") from error
    except (ValueError, TypeError, OverflowError, RecursionError, yaml.YAMLError) as error:
        if name_or_path in str(error):
            raise
        raise ValueError(f"scenario {name_or_path!r}: {str(error)[:LONGEST_PROBLEM]}") from error


def require_there(name: str, node: DictConfig, overrides: Sequence[str]) -> None:
    """Raise where an override changes nothing, or sets a parameter of a machine that nobody gave the scenario."""
    for text in overrides:
        key, _, value = text.partition("=")
        if value.strip() == "{}" and OmegaConf.is_dict(there := OmegaConf.select(node, key)) and there:
            raise ValueError(f"{text!r}: {_NOTHING}")
    added = {text.partition("=")[0] for text in overrides}
    for text in overrides:
        machine, dot, _ = text.partition("=")[0].partition(".")
        if dot and machine in node and node[machine] is None and machine not in added:
            optional = [f.name for f in fields(Scenario) if f.default is None]
            there = [key for key in optional if node[key] is not None]
            raise ValueError(
                f"{text!r}: scenario {name!r} has no {machine}; of machines that may lack it has {there}. "
                f"To add one of default size, give '{machine}={{}}' too"
            )


def _advice(error: OmegaConfBaseException) -> str:
    """What to write instead of a key or value that the dataclasses refuse."""
    owner = getattr(error, "object_type", None)
    if owner is not None and is_dataclass(owner) and "not in" in str(error):
        return f"choose one of {sorted(f.name for f in fields(owner))}"
    return "give a value of the field's type, such as episode.steps=144 or site.climates=[phoenix_az]"


def typed_node(name_or_path: str) -> DictConfig:
    """The scenario as an OmegaConf node typed by the dataclasses, before it is checked as a whole."""
    node = OmegaConf.merge(schema(Scenario), _file(name_or_path))
    assert isinstance(node, DictConfig)
    return node


def _file(name_or_path: str, seen: tuple[str, ...] = ()) -> Any:
    """Content of a scenario over that of its bases."""
    path = Path(name_or_path)
    if path.suffix.lower() in (".yaml", ".yml"):
        if not path.is_file():
            raise ValueError(f"scenario file {name_or_path!r} does not exist; shipped scenarios are {SHIPPED}")
        raw: Any = OmegaConf.create(checked_text(path))
    elif name_or_path in SHIPPED:
        text = FOLDER.joinpath(f"{name_or_path}.yaml").read_text(encoding="utf-8")
        raw = OmegaConf.create(text)
    else:
        raise ValueError(f"scenario {name_or_path!r} is unknown; give one of {SHIPPED} or the path of a YAML file")
    _require_plain(raw, f"scenario {name_or_path!r}")
    base = raw.pop("base", None)
    if base is None:
        return raw
    if not isinstance(base, str) or base in (*seen, name_or_path):
        raise ValueError(
            f"scenario {name_or_path!r}, base: found {str(base)[:60]!r}; give the name of a shipped scenario or the "
            "path of another file, which does not build on this one"
        )
    below = _file(base, (*seen, name_or_path))
    for key in _without_effect(below, raw):
        raise ValueError(f"scenario {name_or_path!r}, {key}: {_NOTHING}")
    return OmegaConf.merge(below, raw)


def _require_plain(node: Any, where: str, key: str = "") -> None:
    """Raise where a value is to be filled in from outside the file, such as ``${oc.env:HOME}``."""
    if OmegaConf.is_config(node):
        inside = node.items_ex(resolve=False) if OmegaConf.is_dict(node) else enumerate(node._iter_ex(resolve=False))
        for name, value in inside:
            _require_plain(value, where, f"{key}.{name}".lstrip("."))
    elif isinstance(node, str) and "${" in node:
        raise ValueError(f"{where}, {key}: {node[:60]!r} would be filled in from outside the file; write the value")


def _without_effect(below: Any, over: Any, key: str = "") -> Iterator[str]:
    """Places where an empty mapping lies over one that is there: merged, it would be ignored."""
    for name, value in over.items_ex(resolve=False):
        there = below.get(name)
        if OmegaConf.is_dict(value) and OmegaConf.is_dict(there):
            place = f"{key}.{name}".lstrip(".")
            yield from _without_effect(there, value, place) if value else [place] * bool(there)
