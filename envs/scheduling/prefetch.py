"""Ask the processor to bring memory near before it is read: sites stand apart, and each would be waited for."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(32)


def _prefetched(context: Any, array: Any, place: Any) -> Any:
    """Bring the line of an element near; ``place`` are its indices, one for each axis, inside the array."""

    def written(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        made = target.make_array(array)(target, builder, values[0])
        at = cgutils.unpack_tuple(builder, values[1])
        steps = cgutils.unpack_tuple(builder, made.strides)
        offset = steps[0].type(0)
        for k, step in zip(at, steps):
            offset = builder.add(offset, builder.mul(builder.sext(k, step.type) if k.type != step.type else k, step))
        first = builder.bitcast(made.data, _BYTE.as_pointer())
        fetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _WORD, _WORD, _WORD]),
            "llvm.prefetch.p0i8",
        )
        builder.call(fetch, [builder.gep(first, [offset]), _WORD(0), _WORD(3), _WORD(1)])
        return target.get_dummy_value()

    return types.void(array, place), written


prefetched: Any = intrinsic(_prefetched)
