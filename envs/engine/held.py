"""What machine code has left in its blocks: a state that the next step reads there, and results made when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from envs.engine.blocks import BlockSet
from envs.trees import leaves

Fields = dict[str, Callable[[Any], Any]]


class Held:
    """A state that stands where machine code left it.

    Attributes
    ----------
    sites : int
    blocks : BlockSet
    """

    __slots__ = ("sites", "blocks", "_collectors", "_kind", "_fields")

    def __init__(self, blocks: BlockSet, collectors: Fields, kind: Any) -> None:
        self.sites, self.blocks, self._collectors, self._kind = blocks.parts.sites, blocks, collectors, kind
        self._fields: dict[str, Any] = {}

    def __reduce__(self) -> Any:
        """Copies and pickles are the state itself: its address is good for this object alone."""
        return _itself, (self.tree,)

    def field(self, name: str) -> Any:
        """A field of the state, as views of its blocks."""
        if name not in self._fields:
            self._fields[name] = self._collectors[name](self.blocks.parts)
        return self._fields[name]

    @property
    def tree(self) -> Any:
        """The state, as views of its blocks."""
        return self._kind(*map(self.field, self._collectors))


class Lazy:
    """A named tuple of results whose fields are made when they are asked for; `lazy_class` makes the class of each.

    Its own names begin with an underscore, as no field of a named tuple does.
    """

    _kind: type
    _rows: dict[Any, slice]

    def __init__(self, blocks: BlockSet) -> None:
        self._blocks = blocks

    def __reduce__(self) -> Any:
        """Copies and pickles are the named tuple."""
        return self._kind, tuple(getattr(self, name) for name in self._kind._fields)  # type: ignore[attr-defined]


class _Field:
    """A field that is made at its first reading, and then stands in the object itself."""

    def __init__(self, name: str, collect: Callable[[Any], Any]) -> None:
        self.name, self.collect = name, collect

    def __get__(self, results: Lazy, owner: type) -> Any:
        value = results.__dict__[self.name] = self.collect(results._blocks.parts)
        return value


def lazy_class(kind: type, fields: Fields, rows: dict[Any, slice]) -> type[Lazy]:
    """Class of lazy results.

    Parameters
    ----------
    kind : type
        The named tuple.
    fields : dict of str to callable
        What makes each field of what was written.
    rows : dict of str to slice
        The rows among the numbers of each field that has its arrays there, in their order.
    """
    made = {name: _Field(name, collect) for name, collect in fields.items()}
    return type(kind.__name__, (Lazy,), {**made, "_kind": kind, "_rows": rows, "__doc__": kind.__doc__})


def numbers_of(results: Any, names: tuple[str, ...], site: int) -> list[float]:
    """Numbers of one site in fields of results, in their order; each is rows, or a dict of single rows."""
    if isinstance(results, Lazy) and (rows := results._rows.get(names) or _rows_between(results._rows, names)):
        numbers: list[float] = results._blocks.parts.numbers[rows, site].tolist()
        return numbers
    arrays: list[np.ndarray] = []
    leaves(tuple(getattr(results, name) for name in names), arrays)
    return [x for rows in arrays for x in rows[..., site].ravel().tolist()]


def _rows_between(rows: dict[Any, slice], names: tuple[str, ...]) -> slice | None:
    """Rows of fields that follow each other, from now on known by their names; None where they do not."""
    parts = [rows.get(name, slice(0, -1)) for name in names]
    if any(a.stop != b.start for a, b in zip(parts, parts[1:])):
        return None
    rows[names] = slice(parts[0].start, parts[-1].stop)
    return rows[names]


def _itself(tree: Any) -> Any:
    return tree
