"""What a call has written, as the tree of results: described as plain data, and made of views from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from envs.engine.lower import is_turned
from envs.engine.program import WHOLE, WIDE
from envs.engine.record import Node, Recording

_OWN = "envs."  # modules whose named tuples a stored description may name


class Written(NamedTuple):
    """What a call has written, for ``sites`` sites."""

    numbers: np.ndarray
    """``(rows, B)``, as all but the last."""
    wide: np.ndarray | None
    whole: np.ndarray | None
    across: np.ndarray | None
    """``(B, columns)``."""
    sites: int


class Rows(NamedTuple):
    """An array of the results: rows of a block, or columns of the one that is written site by site."""

    block: str
    """Of `Written`."""
    start: int
    end: int
    shape: tuple[int, ...]
    how: str
    """``view``, ``astype``, or empty where the block has the type of the result."""
    dtype: str


class Made(NamedTuple):
    """A tuple of descriptions, and its class where it is a named one."""

    kind: type | None
    parts: tuple[Any, ...]


class Fixed(NamedTuple):
    """What is the same for all sites: an array, None, or a plain value."""

    value: Any


#: `Rows`, `Made`, `Fixed`, or a dict of descriptions.
Description = Any


class Describing:
    """Describes trees of results in the order in which their rows are written."""

    def __init__(self, recording: Recording, stored: tuple[str, ...], dtype: np.dtype, sites: int) -> None:
        self.recording, self.dtype, self.sites = recording, dtype, sites
        self._kinds = iter(stored)
        self._ends = dict.fromkeys(("numbers", "wide", "whole", "across"), 0)

    def described(self, tree: Any) -> Description:
        """Description of a tree."""
        if isinstance(tree, np.ndarray):
            return self._array(tree)
        if isinstance(tree, dict):
            return {name: self.described(part) for name, part in tree.items()}
        if isinstance(tree, tuple):
            return Made(type(tree) if hasattr(tree, "_fields") else None, tuple(self.described(part) for part in tree))
        return Fixed(tree)

    def _array(self, array: np.ndarray) -> Description:
        node = self.recording.node_of(array)
        if is_fixed(node, self.sites):
            return Fixed(node.value)
        kind, turned = next(self._kinds), is_turned(node)
        block = "across" if turned else {WIDE: "wide", WHOLE: "whole"}.get(kind, "numbers")
        shape = (node.operands[0] if turned else node).value.shape[:-1]
        start = self._ends[block]
        self._ends[block] = end = start + int(np.prod(shape))
        found, wanted = {"wide": np.dtype(np.float64), "whole": np.dtype(np.int64)}.get(block, self.dtype), array.dtype
        how = "" if found == wanted else "view" if block == "whole" and wanted == np.uint64 else "astype"
        return Rows(block, start, end, shape, how, wanted.name)


def is_fixed(node: Node, sites: int) -> bool:
    """Whether a result of a recording on so many sites is the same for any number of them."""
    return node.kind == "constant" and node.value.shape[-1:] != (sites,)


# ---- from what was written ------------------------------------------------------------------------------------------


def collector(part: Description) -> Callable[[Written], Any]:
    """What makes a part of the results of what was written."""
    scope: dict[str, Any] = {}

    def named(value: Any) -> str:
        name = f"g{len(scope)}"
        scope[name] = value
        return name

    text = f"def collect(written):\n    numbers, wide, whole, across, n = written\n    return {_text(part, named)}\n"
    exec(compile(text, "<results>", "exec"), scope)
    collect: Callable[[Written], Any] = scope["collect"]
    return collect


def rows_among_numbers(part: Description) -> slice | None:
    """The rows of a part that has all its arrays among the numbers."""
    rows = list(_rows(part))
    if not rows or any(r.block != "numbers" for r in rows):
        return None
    return slice(rows[0].start, rows[-1].end)


def _rows(part: Description) -> Iterator[Rows]:
    if isinstance(part, Rows):
        yield part
    elif isinstance(part, (dict, Made)):
        for inner in part.values() if isinstance(part, dict) else part.parts:
            yield from _rows(inner)


def _text(part: Description, named: Callable[[Any], str]) -> str:
    """Python text that makes a part."""
    if isinstance(part, Fixed):
        return named(part.value)
    if isinstance(part, Made):
        return f"{named(part.kind) if part.kind else ''}({''.join(_text(x, named) + ', ' for x in part.parts)})"
    if isinstance(part, dict):
        where = rows_among_numbers(part)
        if where is not None and all(isinstance(x, Rows) and not x.shape and not x.how for x in part.values()):
            return f"dict(zip({named(tuple(part))}, numbers[{where.start}:{where.stop}]))"  # quicker made together
        return "{" + ", ".join(f"{name!r}: {_text(x, named)}" for name, x in part.items()) + "}"
    block, start, end, shape, how, dtype = part
    if block == "across":
        text = f"across[:, {start}:{end}]"
    else:
        text = f"{block}[{start}]" if not shape else f"{block}[{start}:{end}]"
        text += f".reshape({tuple(shape)!r} + (n,))" if len(shape) > 1 else ""
    return f"{text}.{how}({named(np.dtype(dtype))})" if how else text


# ---- as plain data --------------------------------------------------------------------------------------------------


def plain(part: Description) -> Any:
    """A description as data that JSON can hold.

    Raises
    ------
    TypeError
        Where it holds what JSON cannot, or names a class of somebody else.
    """
    if isinstance(part, Rows):
        return ["rows", *part]
    if isinstance(part, dict):
        return ["dict", {name: plain(x) for name, x in part.items()}]
    if isinstance(part, Made):
        return ["made", _name_of(part.kind), [plain(x) for x in part.parts]]
    if isinstance(part.value, np.ndarray):
        return ["array", part.value.dtype.name, part.value.shape, part.value.ravel().tolist()]
    if part.value is None or isinstance(part.value, (bool, int, float, str)):
        return ["value", part.value]
    raise TypeError(f"a result that is a {type(part.value).__name__}")


def from_plain(data: Any) -> Description:
    """The description that `plain` has written."""
    what, *rest = data
    if what == "rows":
        block, start, end, shape, how, dtype = rest
        if block not in Written._fields or how not in ("", "view", "astype"):
            raise ValueError(f"rows of {block!r} by {how!r}")
        return Rows(block, int(start), int(end), tuple(map(int, shape)), how, np.dtype(dtype).name)
    if what == "dict":
        return {str(name): from_plain(x) for name, x in rest[0].items()}
    if what == "made":
        return Made(_class_of(rest[0]), tuple(from_plain(x) for x in rest[1]))
    if what == "array":
        return Fixed(np.array(rest[2], rest[0]).reshape(rest[1]))
    return Fixed(rest[0])


def _name_of(kind: type | None) -> str:
    if kind is None:
        return ""
    if not kind.__module__.startswith(_OWN) or kind.__qualname__ != kind.__name__:
        raise TypeError(f"a result of class {kind.__module__}.{kind.__qualname__}")
    return f"{kind.__module__}:{kind.__name__}"


def _class_of(name: str) -> type | None:
    if not name:
        return None
    module, _, own = name.partition(":")
    if not module.startswith(_OWN):
        raise ValueError(f"a class of {module}")
    kind: type = getattr(import_module(module), own)
    if not (isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")):
        raise ValueError(f"{name} is no named tuple")
    return kind
