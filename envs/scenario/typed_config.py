"""Frozen parameter dataclasses as OmegaConf schemas: typed keys at the door, frozen objects inside.

OmegaConf makes every node of a frozen dataclass read-only, so nothing could be overridden. Each class therefore gets a
mutable twin with the same fields and types, used for merging only; what comes out is built as the real, checked class
again.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

from envs.scenario.plain import built_of, is_optional

T = TypeVar("T")
#: What a field is annotated with: classes, unions and generics, which share no static type.
Hint = Any


@cache
def mutable_class(cls: type) -> type:
    """The mutable twin of a parameter class, nested classes included."""
    hints = get_type_hints(cls)
    made = []
    for spec in fields(cls):
        hint = _mutable_type(hints[spec.name])
        if is_dataclass(hint):
            made.append((spec.name, hint, field(default_factory=_default_of(spec, hint))))
        elif spec.default_factory is not MISSING:
            made.append((spec.name, hint, field(default_factory=spec.default_factory)))
        else:
            made.append((spec.name, hint, field(default=spec.default)))
    return make_dataclass(cls.__name__, made)


def mutable_copy(value: object) -> Any:
    """A frozen object as an instance of its mutable twin."""
    if is_dataclass(value) and not isinstance(value, type):
        return mutable_class(type(value))(**{f.name: mutable_copy(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, dict):
        return {k: mutable_copy(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mutable_copy(v) for v in value]
    return value


def schema(value: object) -> DictConfig:
    """OmegaConf node of a frozen class (its defaults) or object, open to typed overrides only."""
    node: DictConfig = OmegaConf.structured(mutable_class(value) if isinstance(value, type) else mutable_copy(value))
    return node


def checked_config(cls: type[T], node: DictConfig) -> T:
    """The checked, frozen object of a merged node."""
    made = built_of(cls, OmegaConf.to_container(node, resolve=True))
    assert isinstance(made, cls)
    return made


def _mutable_type(hint: Hint) -> Hint:
    if is_dataclass(hint) and isinstance(hint, type):
        return mutable_class(hint)
    args = get_args(hint)
    if is_optional(hint):
        return Union[_mutable_type(next(a for a in args if a is not type(None))), None]  # noqa: UP007 - at run time
    if get_origin(hint) is dict:
        # a list inside a dict takes no whole numbers for floats: it is typed when the object is built
        inner = list[Any] if get_origin(args[1]) is list else _mutable_type(args[1])
        return types.GenericAlias(dict, (args[0], inner))
    if get_origin(hint) is list:
        return types.GenericAlias(list, (_mutable_type(args[0]),))
    return hint


def _default_of(spec: Field[Any], hint: Hint) -> Any:
    make = spec.default_factory
    return hint if make is MISSING else lambda: mutable_copy(make())
