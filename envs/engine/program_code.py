"""Machine code of a program that reads and writes blocks of rows, for any number of sites and threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from envs.engine.blocks import Block, BlockPool
from envs.engine.choice import chosen_threads
from envs.engine.llvm_text import text_of
from envs.engine.machine_code import packed_entry_point
from envs.engine.program import WHOLE, WIDE, Program

ACROSS = "across"  # the block that is written site by site
_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_LEAST_TILES = 2  # a thread is worth waking for


class ProgramCode:
    """A program as machine code for one number of sites.

    Parameters
    ----------
    program : Program
    text : callable
        Gives the LLVM text for so many lanes, and the bytes of scratch memory.
    batch : int
        Sites.
    waiting : int
        Blocks of results that are used again once nobody reads them.

    Attributes
    ----------
    lanes, stride : int
        Sites of a vector; numbers of a row of each block.
    """

    def __init__(
        self,
        program: Program,
        batch: int,
        text: Callable[[int], tuple[str, int]] | None = None,
        waiting: int = 8,
    ) -> None:
        lanes = _FEW_SITES if batch <= _FEW_SITES else _MOST_LANES if batch >= _MANY_SITES else _SOME_LANES
        self.program, self.batch = program, batch
        self.dtype = np.dtype(np.float64 if program.double else np.float32)
        self.lanes = min(lanes, _SOME_LANES) if program.double else lanes
        tiles = -(-batch // self.lanes)
        wide = tiles * self.lanes
        self.stride = wide + (_ROW_GAP_BYTES // self.dtype.itemsize if _shares_sets(wide, self.dtype) else 0)
        written, scratch = text(self.lanes) if text else text_of(program, self.lanes)
        self._code = packed_entry_point(written)
        self._typed = {"": self.dtype, WIDE: np.dtype(np.float64), WHOLE: np.dtype(np.int64)}
        self.pools = {
            kind: BlockPool(rows, self.stride, self._typed[kind], waiting)
            for kind, rows in {"": program.rows_out, **program.typed_out}.items()
        }
        if program.across:
            self.pools[ACROSS] = BlockPool(wide, program.across, self.dtype, waiting)
        self._threads = chosen_threads()
        self.shares = _shares(tiles, self._threads)
        self._scratch = [Block(1, scratch // self.dtype.itemsize + 1, self.dtype) for _ in self.shares]

    def block(self, rows: int, kind: str = "") -> Block:
        """Rows for the sites."""
        return Block(rows, self.stride, self._typed[kind])

    def fill(self, block: Block) -> None:
        """Let lanes without a site repeat the last one."""
        if self.batch % self.lanes:
            block.rows[:, self.batch :] = block.rows[:, self.batch - 1 : self.batch]

    def run(self, read: Sequence[Block]) -> dict[str, Block]:
        """Read blocks in the program's order, and write others, by kind."""
        out = {kind: pool.block() for kind, pool in self.pools.items()}
        places = [*(block.address for block in read), *(block.address for block in out.values())]
        strides = [self.stride] * (len(read) + 1)
        tables = [
            np.array([*places, *strides, begin, end, scratch.address], np.int64)
            for (begin, end), scratch in zip(self.shares, self._scratch)
        ]
        waiting = [_workers(os.getpid(), self._threads).submit(self._code, t.ctypes.data) for t in tables[1:]]
        self._code(tables[0].ctypes.data)
        for done in waiting:
            done.result()
        return out


def _shares_sets(sites: int, dtype: np.dtype) -> bool:
    return sites * dtype.itemsize % _CACHE_SET_BYTES == 0


def _shares(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def _workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
