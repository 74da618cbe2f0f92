"""Parameter dataclasses of plain data: numbers, texts, None, and lists and dicts of them; no library needed."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from envs.scenario.scenario import Scenario

#: What a field is annotated with: classes, unions and generics, which share no static type.
Hint = Any
Plain = Any
LONGEST_SHOWN = 60  # characters of a value that a message repeats


def built_of(hint: Hint, value: Plain) -> Any:
    """An object of a class or generic ``hint`` of plain data, checked by the classes that it is made of."""
    if hint is str and not isinstance(value, str) or value is None and hint is float:
        raise ValueError(f"{str(value)[:LONGEST_SHOWN]!r} stands where a {hint.__name__} must; write one")
    if value is None:
        return None
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{f.name: built_of(hints[f.name], value[f.name]) for f in fields(hint)})
    args = get_args(hint)
    if is_optional(hint):
        return built_of(next(a for a in args if a is not type(None)), value)
    if get_origin(hint) is dict:
        return {k: built_of(args[1], v) for k, v in value.items()}
    if get_origin(hint) is list:
        return [built_of(args[0], v) for v in value]
    if hint is float and not isinstance(value, float):
        return _number(value)
    return value


def _number(value: Plain) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{str(value)[:LONGEST_SHOWN]!r} is no number; give one such as 24 or 24.0") from None


def is_optional(hint: Hint) -> bool:
    """Whether None is allowed."""
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def scenario_from(plain: Mapping[str, Plain]) -> Scenario:
    """The scenario of plain data, checked as every other.

    Raises
    ------
    ValueError
        Where it is not of this version, or no site can be like that.
    """
    from envs.scenario.scenario import Scenario

    try:
        made = built_of(Scenario, plain)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the scenario is not as this version writes it ({error!r}); export it again") from None
    assert isinstance(made, Scenario)
    return made
