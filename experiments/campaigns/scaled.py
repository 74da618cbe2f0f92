"""Parameters of a scenario times a factor, as overrides: the plant that judges is not the one that was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.scenario import Scenario


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
        Where a key names nothing that any scenario has, or no number.
    """
    found = []
    for key, factor in factors.items():
        for path, value in _places(scenario, key.split("."), key):
            found.append(f"{path}={factor * value!r}")
    return found


def _places(node: Any, parts: list[str], key: str) -> list[tuple[str, float]]:
    """Every path that the parts of a key mean below a node, with its value."""
    first, *rest = parts
    if isinstance(node, Mapping):
        names = list(node) if first == "*" else [first] if first in node else []
        children = {name: node[name] for name in names}
    elif is_dataclass(node) and first in {f.name for f in fields(node)}:
        children = {first: getattr(node, first)}
    else:
        raise ValueError(
            f"scale: {key!r} names no parameter ({first!r} is unknown there); see coldaisle evaluate --help scenario"
        )
    found: list[tuple[str, float]] = []
    for name, child in children.items():
        if child is None:
            continue
        if rest:
            found += [(f"{name}.{path}", value) for path, value in _places(child, rest, key)]
        elif isinstance(child, (int, float)) and not isinstance(child, bool):
            found.append((name, float(child)))
        else:
            raise ValueError(f"scale: {key!r} is {child!r}, no number; name a parameter of a machine")
    return found
