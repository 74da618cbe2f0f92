"""Machine code of a program that reads and writes blocks of rows, for any number of sites and threads."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from envs.engine.aligned import aligned_block
from envs.engine.choice import chosen_threads
from envs.engine.llvm_text import text_of
from envs.engine.machine_code import entry_point
from envs.engine.program import Program

_FEW_SITES, _SOME_LANES, _MOST_LANES = 4, 8, 16
_MANY_SITES = 64  # from which the most lanes pay: two chains of instructions at once
_CACHE_SET_BYTES, _ROW_GAP_BYTES = 1024, 64  # rows this far apart share sets of the first cache: leave a gap
_LEAST_TILES = 2  # a thread is worth waking for


class Block:
    """Rows of numbers that start on a cache line; ``memory`` is what they stand in, where it was used before."""

    __slots__ = ("rows", "address")

    def __init__(self, rows: int, width: int, dtype: np.dtype, memory: np.ndarray | None = None) -> None:
        if memory is None:
            block, self.address = aligned_block(rows * width, dtype)
        else:
            block, self.address = memory, memory.ctypes.data
        self.rows = block.reshape(rows, width)


class Memory:
    """Gives memory that was used before, once no array shows it any more: fresh pages cost more than a step."""

    def __init__(self) -> None:
        self._free: dict[tuple[int, np.dtype], list[np.ndarray]] = {}

    def block(self, rows: int, width: int, dtype: np.dtype) -> Block:
        """Rows that are in nobody else's hands."""
        free = self._free.setdefault((rows * width, dtype), [])
        kept = free.pop() if free else aligned_block(rows * width, dtype)[0]
        shown = (ctypes.c_char * kept.nbytes).from_address(kept.ctypes.data)  # what all views of the block keep alive
        weakref.finalize(shown, free.append, kept).atexit = False
        return Block(rows, width, dtype, np.frombuffer(shown, dtype))


class ProgramCode:
    """A program, compiled when it first runs with so many lanes.

    Parameters
    ----------
    program : Program
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.dtype = np.dtype(np.float64 if program.double else np.float32)
        self.threads = chosen_threads()
        self._memory = Memory()
        self._code: dict[int, tuple[Callable[..., None], int]] = {}

    def lanes(self, batch: int) -> int:
        """Sites of one vector."""
        lanes = _FEW_SITES if batch <= _FEW_SITES else _MOST_LANES if batch >= _MANY_SITES else _SOME_LANES
        return min(lanes, _SOME_LANES) if self.program.double else lanes

    def width(self, batch: int) -> int:
        """Numbers of a row of a block for so many sites: whole vectors, and a gap where rows would share a cache set."""
        sites = -(-batch // self.lanes(batch)) * self.lanes(batch)
        gap = _ROW_GAP_BYTES if sites * self.dtype.itemsize % _CACHE_SET_BYTES == 0 else 0
        return sites + gap // self.dtype.itemsize

    def run(self, batch: int, blocks: Sequence[Block]) -> Block:
        """Read blocks of `width`, and write a fresh one; columns beyond the batch must hold sound numbers."""
        lanes, width = self.lanes(batch), self.width(batch)
        if lanes not in self._code:
            text, scratch_bytes = text_of(self.program, lanes)
            self._code[lanes] = entry_point(text, len(self.program.rows)), scratch_bytes
        code, scratch_bytes = self._code[lanes]
        out = self._memory.block(self.program.rows_out, width, self.dtype)
        places = (*(x.address for x in blocks), out.address)
        strides = (width,) * len(places)
        calls = []
        for first, end in shares(-(-batch // lanes), self.threads):
            scratch = Block(1, scratch_bytes // self.dtype.itemsize + 1, self.dtype)
            calls.append((scratch, (*places, *strides, first, end, scratch.address)))
        waiting = [_workers(os.getpid(), self.threads).submit(code, *call) for _, call in calls[1:]]
        code(*calls[0][1])
        for done in waiting:
            done.result()
        return out


def shares(tiles: int, threads: int) -> list[tuple[int, int]]:
    """Tiles of each thread, ``(first, end)``."""
    count = max(1, min(threads, tiles // _LEAST_TILES))
    edges = [tiles * k // count for k in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


@cache
def _workers(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process beside the one that calls; a forked process makes its own."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="coldaisle")
