"""Columns of nested states: put fresh environments (the last axis) into tuples and dicts of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def assign(tree: Any, fresh: Any, where: NDArray[np.intp]) -> Any:
    """``tree`` with the environments ``where`` replaced by ``fresh``; the old arrays are left as they were."""
    if tree is None:
        return None
    if isinstance(tree, np.ndarray):
        out = tree.copy()
        out[..., where] = fresh
        return out
    if isinstance(tree, dict):
        return {k: assign(v, fresh[k], where) for k, v in tree.items()}
    return type(tree)(*(assign(v, f, where) for v, f in zip(tree, fresh)))
