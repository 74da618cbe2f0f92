"""Machine code of a program that is run on blocks of rows which somebody else has filled."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.blocks import BlockPool, BlockSet, BlockShape
from envs.engine.choice import chosen_threads
from envs.engine.compiled import lanes_for, shares_of, stride_of, workers
from envs.engine.llvm_text import text_of
from envs.engine.machine_code import packed_entry_point
from envs.engine.program import Program


class ProgramCode:
    """A program that writes numbers alone, for one number of sites.

    Parameters
    ----------
    program : Program
    batch : int
        Sites.
    waiting : int
        Blocks of results that somebody may hold and that are used again later.

    Attributes
    ----------
    lanes, stride : int
        Sites of a tile; numbers of a row of each block.
    """

    def __init__(self, program: Program, batch: int, waiting: int) -> None:
        self.batch, self.lanes = batch, some_lanes(batch, program)
        self.dtype = np.dtype(np.float64 if program.double else np.float32)
        tiles = -(-batch // self.lanes)
        self.stride = stride_of(tiles * self.lanes, self.dtype)
        text, scratch = text_of(program, self.lanes)
        self._code = packed_entry_point(text)
        self._pool = BlockPool([BlockShape(program.rows_out, self.stride, self.dtype)], lambda blocks: None, waiting)
        self._threads = chosen_threads()
        self._shares = shares_of(tiles, self._threads)
        self._scratch = [aligned_block(scratch // self.dtype.itemsize + 1, self.dtype) for _ in self._shares]

    def run(self, read: Sequence[int], pools: Sequence[int] = ()) -> BlockSet:
        """Read blocks and pools at their addresses in the program's order, and write one block."""
        out = self._pool.get()
        strides = [self.stride] * (len(read) + 1)
        tables = [
            np.array([*read, *out.addresses, *pools, *strides, begin, end, scratch], np.int64)
            for (begin, end), (_, scratch) in zip(self._shares, self._scratch)
        ]
        waiting = [workers(os.getpid(), self._threads).submit(self._code, t.ctypes.data) for t in tables[1:]]
        self._code(tables[0].ctypes.data)
        for done in waiting:
            done.result()
        return out


def some_lanes(batch: int, program: Program) -> int:
    """Sites of a tile: several also for one site, whose own form knows no notes."""
    return max(lanes_for(batch, program.double), 4)
