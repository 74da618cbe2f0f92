"""Frozen parameter dataclasses as OmegaConf schemas: typed keys at the door, frozen objects inside.

OmegaConf makes every node of a frozen dataclass read-only, so nothing could be overridden. Each class therefore gets a
mutable twin with the same fields and types, used for merging only; what comes out is built as the real, checked class
again.
"""

from __future__ import annotations

import types
from dataclasses import field, fields, is_dataclass, make_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import OmegaConf


@cache
def twin(cls: type) -> type:
    """The mutable twin of a parameter class, nested classes included."""
    hints = get_type_hints(cls)
    made = []
    for spec in fields(cls):
        hint = _twin_type(hints[spec.name])
        if is_dataclass(hint):
            made.append((spec.name, hint, field(default_factory=_default_of(spec, hint))))
        elif spec.default_factory is not _MISSING:
            made.append((spec.name, hint, field(default_factory=spec.default_factory)))
        else:
            made.append((spec.name, hint, field(default=spec.default)))
    return make_dataclass(cls.__name__, made)


def thaw(value: Any) -> Any:
    """A frozen object as an instance of its mutable twin."""
    if is_dataclass(value) and not isinstance(value, type):
        return twin(type(value))(**{f.name: thaw(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, dict):
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(v) for v in value]
    return value


def schema(value: Any) -> Any:
    """OmegaConf node of a frozen class (its defaults) or object, open to typed overrides only."""
    return OmegaConf.structured(twin(value) if isinstance(value, type) else thaw(value))


def frozen(cls: type, node: Any) -> Any:
    """The checked, frozen object of a merged node."""
    return _build(cls, OmegaConf.to_container(node, resolve=True))


def _build(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{f.name: _build(hints[f.name], value[f.name]) for f in fields(hint)})
    args = get_args(hint)
    if _is_optional(hint):
        return _build(next(a for a in args if a is not type(None)), value)
    if get_origin(hint) is dict:
        return {k: _build(args[1], v) for k, v in value.items()}
    if get_origin(hint) is list:
        return [_build(args[0], v) for v in value]
    if hint is float and not isinstance(value, float):
        return _number(value)
    return value


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no number; give one such as 24 or 24.0") from None


def _twin_type(hint: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return twin(hint)
    args = get_args(hint)
    if _is_optional(hint):
        return Union[_twin_type(next(a for a in args if a is not type(None))), None]  # noqa: UP007 - at run time
    if get_origin(hint) is dict:
        # a list inside a dict takes no whole numbers for floats: it is typed when the object is built
        inner = list[Any] if get_origin(args[1]) is list else _twin_type(args[1])
        return types.GenericAlias(dict, (args[0], inner))
    if get_origin(hint) is list:
        return types.GenericAlias(list, (_twin_type(args[0]),))
    return hint


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _default_of(spec: Any, hint: Any) -> Any:
    make = spec.default_factory if spec.default_factory is not _MISSING else None
    return (lambda: thaw(make())) if make is not None else hint


_MISSING = field().default_factory
