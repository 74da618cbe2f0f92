"""Memory that starts on a cache line."""

from __future__ import annotations

import numpy as np

LINE_BYTES = 64


def aligned_block(size: int, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Fresh memory of ``size`` numbers, and the address at which it starts."""
    raw = np.empty(size * dtype.itemsize + LINE_BYTES, np.uint8)
    address = raw.ctypes.data
    start = -address % LINE_BYTES
    return raw[start : start + size * dtype.itemsize].view(dtype), address + start
