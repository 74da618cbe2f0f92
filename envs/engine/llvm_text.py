"""Write a program as LLVM text: one function that steps a tile of sites, and one that goes through tiles.

Rows are read and written where they lie, ``(rows, stride)``; a tile is ``lanes`` sites of them. Every operation of a
statement is one instruction on a vector of sites, without contraction and without reordering: the bits of a site do not
depend on its tile, on the lanes, or on who else is in the batch.
"""

from __future__ import annotations

from envs.engine.llvm_one_site import OneSite, racks_at_once
from envs.engine.llvm_writer import Writer
from envs.engine.program import Program


def text_of(program: Program, lanes: int) -> tuple[str, int]:
    """LLVM text of a program, and the bytes of scratch memory that a call needs.

    The text defines ``step(ptr blocks.., ptr out, i64 strides.., i64 out_stride, i64 first, i64 end, ptr scratch)``:
    tiles ``first`` to ``end``, strides in numbers. Blocks of other kinds that are written, and the one that is written
    site by site, stand behind ``out``, and pools behind those; the former have the stride of ``out``.
    ``packed_step(ptr)`` takes the same from memory. With one lane the vectors are racks, and every stride must be 1.
    """
    single = lanes == 1 and racks_at_once(program.racks) > 1
    writer = OneSite(program) if single else Writer(program, lanes)
    return writer.text(), writer.scratch_bytes
