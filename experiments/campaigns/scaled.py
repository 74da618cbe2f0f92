"""Parameters of a scenario times a factor, as overrides: the plant that judges is not the one that was trained on."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from envs.scenario import Scenario
from envs.unknown_name import unknown_name

EACH = "*"
#: What a field is annotated with: classes, unions and generics, which share no static type.
Hint = Any


def scaled_overrides(scenario: Scenario, factors: Mapping[str, float]) -> list[str]:
    """Overrides ``key=value`` that multiply parameters of a scenario.

    Parameters
    ----------
    scenario : Scenario
    factors : mapping of str to float
        Dotted key to its factor; ``*`` stands for every zone or group. A key of a machine that the scenario lacks is
        left out, so that one plan serves several halls.

    Raises
    ------
    ValueError
        Where a key names nothing that any scenario has, no number, or a zone or group that this one lacks.
    """
    found = []
    for key, factor in factors.items():
        require_parameter(key)
        for path, value in _places(scenario, key.split("."), key):
            found.append(f"{path}={factor * value!r}")
    return found


def require_parameter(key: str) -> None:
    """Refuse a dotted key that no scenario has, or that is no number; of zones and groups any name may stand there.

    Raises
    ------
    ValueError
        Naming the part that is unknown.
    """
    hint: Hint = Scenario
    for part in key.split("."):
        hint = _required(hint)
        if is_dataclass(hint):
            known = get_type_hints(hint)
            if part not in known:
                raise ValueError(f"scale: {key!r} names no parameter: {unknown_name('key', part, known)}")
            hint = known[part]
        elif get_origin(hint) is dict:
            hint = get_args(hint)[1]
        else:
            raise ValueError(f"scale: {key!r} names no parameter: there is nothing below {part!r}")
    if _required(hint) not in (float, int):
        raise ValueError(f"scale: {key!r} is no number; name a parameter of a machine")


def _required(hint: Hint) -> Hint:
    """Of a machine that may be missing its class."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(a for a in get_args(hint) if a is not type(None))
    return hint


def _places(node: Any, parts: list[str], key: str) -> list[tuple[str, float]]:
    """Every path that the parts of a key mean below a node, with its value."""
    first, *rest = parts
    if isinstance(node, Mapping):
        if first != EACH and first not in node:
            raise ValueError(f"scale: {key!r}: {unknown_name('name', first, node)}; {EACH} stands for all of them")
        children = {name: node[name] for name in (node if first == EACH else [first])}
    else:
        children = {first: getattr(node, first)}
    found: list[tuple[str, float]] = []
    for name, child in children.items():
        if child is not None and rest:
            found += [(f"{name}.{path}", value) for path, value in _places(child, rest, key)]
        elif child is not None:
            found.append((name, float(child)))
    return found
