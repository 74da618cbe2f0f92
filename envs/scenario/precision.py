"""Parameters that differ by site, in the precision of a plant."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

Part = TypeVar("Part")


def in_precision(part: Part, dtype: DTypeLike) -> Part:
    """A scenario, or a part of one, whose arrays have a dtype; the very object where none has another.

    Parameters that are plain numbers take the type of what they meet. An array ``(B,)`` has its own: float64 beside a
    plant of float32 would make every number float64 that it touches.
    """
    made: Any = part
    if isinstance(part, np.ndarray):
        return made.astype(dtype, copy=False) if part.dtype.kind == "f" else part
    if is_dataclass(part) and not isinstance(part, type):
        before = {f.name: getattr(part, f.name) for f in fields(part) if f.init}
        changed = _changed(before, dtype)
        return replace(made, **changed) if changed else part
    if isinstance(part, dict):
        changed = _changed(made, dtype)
        made = {**made, **changed} if changed else made
    elif type(part) in (tuple, list):
        changed = _changed(dict(enumerate(made)), dtype)
        items = [changed.get(k, x) for k, x in enumerate(made)]
        made = made if not changed else items if isinstance(part, list) else tuple(items)
    return made


def _changed(parts: dict[Any, Any], dtype: DTypeLike) -> dict[Any, Any]:
    """Those parts that have become others."""
    new = {name: in_precision(part, dtype) for name, part in parts.items()}
    return {name: part for name, part in new.items() if part is not parts[name]}
