"""Memory that machine code reads and writes: rows that start on a cache line, used again when nobody holds them."""

from __future__ import annotations

import sys

import numpy as np

from envs.engine.aligned import aligned_block

_MOST_WAITING = 8  # blocks of a pool that somebody may hold before the oldest is left to him


class Block:
    """Rows of numbers that start on a cache line.

    Attributes
    ----------
    rows : ndarray (rows, width)
    address : int
    """

    __slots__ = ("rows", "address", "_memory", "_alone")

    def __init__(self, rows: int, width: int, dtype: np.dtype) -> None:
        block, self.address = aligned_block(rows * width, dtype)
        block[:] = 0
        self.rows = block.reshape(rows, width)
        memory = self.rows
        while memory.base is not None:
            memory = memory.base
        self._memory = memory
        del block, memory
        self._alone = sys.getrefcount(self._memory)

    def is_held(self) -> bool:
        """Whether anybody has a view of the rows."""
        return sys.getrefcount(self._memory) > self._alone or sys.getrefcount(self.rows) > 2


class BlockPool:
    """Blocks of one shape. One that nobody has a view of is used again: fresh memory costs a page fault a page."""

    def __init__(self, rows: int, width: int, dtype: np.dtype) -> None:
        self.rows, self.width, self.dtype = rows, width, dtype
        self._blocks: list[Block] = []

    def block(self) -> Block:
        """A block that nobody reads; what is in it is of no use."""
        blocks = self._blocks
        for k in range(len(blocks)):
            block = blocks[k]
            if sys.getrefcount(block) <= 3 and not block.is_held():  # the list, this name, the call
                blocks.append(blocks.pop(k))
                return block
        made = Block(self.rows, self.width, self.dtype)
        blocks.append(made)
        del blocks[:-_MOST_WAITING]
        return made
