"""Every key of the command line with type, default, range, unit and meaning, read from the dataclasses that hold them.

The help, the completion and the reference pages ask here. No scenario is loaded, and hydra is not started.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from agents.learning.algorithms import ALGORITHMS
from envs.scenario import SHIPPED, Scenario
from experiments import schema

GROUPS = ("scenario", "agent", "tracking")
TRACKINGS = ("none", "server", "sqlite")
REQUIRED = "required"
LIST = re.compile(r"^(?:Attributes|Parameters|Raises)\n-+\n", re.MULTILINE)
ENTRY = re.compile(r"^([\w, ]+) : [^\n]+\n((?: {4,}[^\n]+\n?)+)", re.MULTILINE)


class Key(NamedTuple):
    """One key.

    Attributes
    ----------
    name : str
        As it is typed, with the groups that it stands in.
    kind : str
        Its type, or ``group``.
    default : str
        As it is typed, or ``required``.
    limits : str
        Its range in words; empty where none is declared.
    unit : str
        Of its number; empty for a plain one.
    meaning : str
        A sentence; for a parameter of a machine without one, the source of its default.
    """

    name: str
    kind: str
    default: str
    limits: str
    unit: str
    meaning: str


def verb_keys(verb: str) -> list[Key]:
    """Keys of a verb, in the order in which they are declared."""
    config, usual = schema.VERBS[verb], schema.group_defaults(verb)
    means = attribute_meanings(config)
    rows = []
    for spec in fields(config):
        kind = "group" if spec.name in GROUPS else str(spec.type)
        meaning = means.get(spec.name) or schema.SHARED[spec.name]
        rows.append(Key(spec.name, kind, usual.get(spec.name) or key_default(spec), "", "", meaning.removesuffix(".")))
    return rows


def group_keys(path: str, algorithm: str = "ppo") -> list[Key]:
    """Keys that stand directly in a group, such as ``tracking``, ``agent`` or ``scenario.tower``, if there is one.

    A name that a scenario chooses, such as that of a rack group, may stand in the path as it is or as ``*``.
    """
    if path == "tracking":
        return _declared(schema.TrackingConfig, "tracking.")
    if path == "agent":
        rows = _declared(schema.agent_config(ALGORITHMS[algorithm]), "agent.")
        return [key for key in rows if key.name != "agent.algorithm"]
    first, _, wanted = path.partition(".")
    if first != "scenario":
        return []
    for place, cls in parameter_groups(Scenario):
        if _is_place(wanted, place):
            return _declared(cls, f"{path}.")
    return []


def settings_keys(cls: type) -> list[Key]:
    """Keys of a verb that runs without hydra, from the dataclass of its settings."""
    return _declared(cls, "")


def groups_below(path: str) -> list[str]:
    """Groups that stand directly in a group of the scenario, with ``*`` for a name that a scenario chooses."""
    found = []
    for place, _ in parameter_groups(Scenario):
        whole = f"scenario.{place}" if place else "scenario"
        parts = whole.split(".")
        depth = len(path.split("."))
        extra = len(parts) - depth
        if (extra == 1 or extra == 2 and parts[-1] == "*") and _is_place(path, ".".join(parts[:depth])):
            found.append(".".join([path, *parts[depth:]]))
    return found


def choices(name: str) -> list[str]:
    """What a key of a group may be set to."""
    known: dict[str, tuple[str, ...]] = {"scenario": SHIPPED, "agent": tuple(ALGORITHMS), "tracking": TRACKINGS}
    return sorted(known.get(name, ()))


def parameter_groups(cls: type, path: str = "") -> Iterator[tuple[str, type]]:
    """Dotted path and class of every group of parameters; ``*`` stands for a name that a scenario chooses."""
    yield path, cls
    hints = get_type_hints(cls)
    for spec in fields(cls):
        hint, here = hints[spec.name], f"{path}.{spec.name}" if path else spec.name
        several = get_origin(hint) in (dict, list)
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and is_dataclass(part):
                yield from parameter_groups(part, f"{here}.*" if several else here)


def attribute_meanings(cls: type) -> dict[str, str]:
    """Text of each attribute in the numpy docstrings of a class and its parents."""
    found: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        _, *lists = LIST.split(_docstring(part))
        for names, text in (pair for block in lists for pair in ENTRY.findall(block)):
            words = " ".join(text.split()).replace("``", "`")
            found |= {name.strip(): words for name in names.split(",")}
    return found


def summary_words(cls: type) -> str:
    """What the docstring of a class says before its list of attributes, on one line."""
    return " ".join(LIST.split(_docstring(cls))[0].replace("``", "`").split())


def key_default(spec: Field[Any]) -> str:
    """A field's default as it is typed on the command line."""
    if spec.default == "???":
        return REQUIRED
    if str(spec.default).startswith("${hydra"):
        return "a new folder under `runs`"
    if spec.default is not MISSING:
        return shown(spec.default)
    return REQUIRED if spec.default_factory is MISSING else shown(spec.default_factory())


def shown(value: Any) -> str:
    """A default or a scenario's value as it is typed on the command line."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    return "null" if value is None else '""' if value == "" else number(value)


def number(value: float) -> str:
    """Number as short as it is exact, a truth as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def span(low: float, high: float) -> str:
    """Range in words."""
    return f"{number(low)} to {number(high)}"


def _declared(cls: type, prefix: str) -> list[Key]:
    """The plain keys of a class; its groups are left out."""
    means, hints, rows = attribute_meanings(cls), get_type_hints(cls), []
    for spec in fields(cls):
        hint, data = hints[spec.name], spec.metadata
        if any(isinstance(part, type) and is_dataclass(part) for part in (hint, *get_args(hint))):
            continue
        limits = span(data["low"], data["high"]) if data else ""
        meaning = (means.get(spec.name) or (f"source: {data['source']}" if data else "")).removesuffix(".")
        kind = hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
        unit = "" if data.get("unit") == "1" else data.get("unit", "")
        rows.append(Key(prefix + spec.name, kind, key_default(spec), limits, unit, meaning))
    return rows


def _is_place(wanted: str, place: str) -> bool:
    """Whether a typed path is that of a place, in which ``*`` stands for any name."""
    typed, known = wanted.split("."), place.split(".")
    return len(typed) == len(known) and all(k in ("*", t) for t, k in zip(typed, known))


def _docstring(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")
