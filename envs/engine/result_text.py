"""Python text that builds a tree of results: what both engines write for what they collect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def result_text(tree: Any, array: Callable[[np.ndarray], str], named: Callable[[Any], str]) -> str:
    """Text of a tree; ``array`` writes its arrays, ``named`` puts what is fixed into scope and returns its name."""
    if isinstance(tree, np.ndarray):
        return array(tree)
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {result_text(v, array, named)}" for k, v in tree.items()) + "}"
    if isinstance(tree, tuple):
        maker = named(type(tree)) if hasattr(tree, "_fields") else ""
        return f"{maker}({''.join(result_text(v, array, named) + ', ' for v in tree)})"
    return named(tree)
