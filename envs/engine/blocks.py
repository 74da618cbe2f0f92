"""Memory that machine code reads and writes: blocks of rows that start on cache lines, used again when nobody looks."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from envs.engine.aligned import LINE_BYTES

_FEW_SETS = 8
_IDLE_USES = 4  # times as many as sets may wait
_MOST_WAITING = 8  # sets of blocks that somebody may hold before the oldest is left to him


@cache
def _trim() -> Callable[[int], int]:
    """What gives freed pages back where the allocator would keep them (glibc); elsewhere it does nothing."""
    trim: Callable[[int], int] = getattr(ctypes.CDLL(None), "malloc_trim", int) if os.name == "posix" else int
    return trim


def give_back_freed_memory() -> None:
    """Let other processes have what a large start needed once."""
    _trim()(0)


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
    last_use : int
        By the count of its pool.
    """

    __slots__ = ("blocks", "addresses", "parts", "last_use", "_memory", "_alone")

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
        self.parts, self.last_use = parts_of(self.blocks), 0
        self._alone = sys.getrefcount(self._memory)

    def is_seen(self) -> bool:
        """Whether anybody has a view of a block that was not made here."""
        return sys.getrefcount(self._memory) > self._alone


class BlockPool:
    """Sets of blocks of one shape. One that nobody holds is used again: fresh memory costs a page fault a page.

    Of a few, the last one that was let go comes first; what then lies idle for long is given back. Of many, which a
    window of steps holds one after the other, it is the first: that is free, if any is.
    """

    def __init__(
        self, shapes: Sequence[BlockShape], parts_of: Callable[[list[np.ndarray]], Any], most: int = _MOST_WAITING
    ) -> None:
        self.shapes, self.parts_of, self.most = tuple(shapes), parts_of, most
        self._sets: list[BlockSet] = []  # in the order of their last use
        self._uses = 0

    def get(self) -> BlockSet:
        """A set that nobody holds or sees; what is in it is of no use."""
        sets = self._sets
        self._uses += 1
        if len(sets) > 1 and self._uses - sets[0].last_use > _IDLE_USES * self.most and self._is_free(0):
            del sets[0]
            give_back_freed_memory()
        places = range(len(sets))
        for k in reversed(places) if len(sets) <= _FEW_SETS else places:
            if self._is_free(k):
                found = sets.pop(k)
                break
        else:
            found = BlockSet(self.shapes, self.parts_of)
        found.last_use = self._uses
        sets.append(found)
        del sets[: -self.most]
        return found

    def _is_free(self, k: int) -> bool:
        """Whether nobody holds or sees a set."""
        sets = self._sets
        return sys.getrefcount(sets[k]) <= 2 and not sets[k].is_seen()  # the list, the call
