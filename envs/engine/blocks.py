"""Memory that machine code reads and writes: blocks of rows that start on cache lines, used again when nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from envs.engine.aligned import LINE_BYTES

_MOST_WAITING = 8  # sets of blocks that somebody may hold before the oldest is left to him


class BlockShape(NamedTuple):
    """Shape and dtype of a block."""

    rows: int
    width: int
    dtype: np.dtype


class BlockSet:
    """Blocks in one piece of memory; views of them are handed out, they themselves are not.

    Attributes
    ----------
    blocks : list of ndarray (rows, width)
    addresses : list of int
    parts : object
        What the owner has made of the blocks, to be found again.
    """

    __slots__ = ("blocks", "addresses", "parts", "_memory", "_alone")

    def __init__(
        self, shapes: Sequence[BlockShape], parts_of: Callable[[list[np.ndarray]], Any] = lambda blocks: None
    ) -> None:
        sizes = [-(-s.rows * s.width * s.dtype.itemsize // LINE_BYTES) * LINE_BYTES for s in shapes]
        self._memory = np.zeros(sum(sizes) + LINE_BYTES, np.uint8)
        at = -self._memory.ctypes.data % LINE_BYTES
        self.blocks: list[np.ndarray] = []
        self.addresses: list[int] = []
        for size, (rows, width, dtype) in zip(sizes, shapes):
            end = at + rows * width * dtype.itemsize
            self.blocks.append(self._memory[at:end].view(dtype).reshape(rows, width))
            self.addresses.append(self._memory.ctypes.data + at)
            at += size
        self.parts = parts_of(self.blocks)
        self._alone = sys.getrefcount(self._memory)

    def is_seen(self) -> bool:
        """Whether anybody has a view of a block that was not made here."""
        return sys.getrefcount(self._memory) > self._alone


class BlockPool:
    """Sets of blocks of one shape. One that nobody holds is used again: fresh memory costs a page fault a page."""

    def __init__(
        self, shapes: Sequence[BlockShape], parts_of: Callable[[list[np.ndarray]], Any], most: int = _MOST_WAITING
    ) -> None:
        self.shapes, self.parts_of, self.most = tuple(shapes), parts_of, most
        self._sets: list[BlockSet] = []

    def get(self) -> BlockSet:
        """A set that nobody holds or sees; what is in it is of no use."""
        sets = self._sets
        for k in range(len(sets)):
            found = sets[k]
            if sys.getrefcount(found) <= 3 and not found.is_seen():  # the list, this name, the call
                sets.append(sets.pop(k))
                return found
        made = BlockSet(self.shapes, self.parts_of)
        sets.append(made)
        del sets[: -self.most]
        return made
