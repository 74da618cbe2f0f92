"""Trees of arrays: nested (named) tuples and dicts, whose arrays carry the environments on their last axis.

States, flows, plans and signals are such trees. None stands for what is not there; other leaves are passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: An array, a (named) tuple or a dict of trees, None, or a plain value. No static type says so.
Tree = Any


def map_leaves(tree: Tree, change: Callable[[np.ndarray], Any]) -> Tree:
    """The tree with every array changed."""
    if isinstance(tree, np.ndarray):
        return change(tree)
    if isinstance(tree, dict):
        return {name: map_leaves(part, change) for name, part in tree.items()}
    if isinstance(tree, tuple):
        parts = [map_leaves(part, change) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


def leaves(tree: Tree, out: list[np.ndarray]) -> None:
    """Append the arrays of the tree to ``out``, in its order."""
    if type(tree) is np.ndarray:
        out.append(tree)
    elif isinstance(tree, tuple):
        for part in tree:
            leaves(part, out)
    elif isinstance(tree, dict):
        for part in tree.values():
            leaves(part, out)


def columns(tree: Tree, where: NDArray[np.intp]) -> Tree:
    """Environments ``where`` of the tree, in that order; each array in C order, as the arrays of a replay are.

    numpy keeps another order through all that follows, and sums of products in it round otherwise.
    """
    return map_leaves(tree, lambda array: array.take(where, axis=-1))


def tiled_tree(tree: Tree, copies: int) -> Tree:
    """The tree with its environments repeated ``copies`` times, copy after copy."""
    return map_leaves(tree, lambda array: np.concatenate([array] * copies, axis=-1))


def joined_trees(trees: Sequence[Tree]) -> Tree:
    """One tree of all the environments of trees that are alike, tree after tree."""
    first = trees[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(trees, axis=-1)
    if isinstance(first, dict):
        return {name: joined_trees([tree[name] for tree in trees]) for name in first}
    if isinstance(first, tuple):
        parts = [joined_trees(parts) for parts in zip(*trees, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return first


def assign(tree: Tree, fresh: Tree, where: NDArray[np.intp]) -> Tree:
    """The tree with the environments ``where`` replaced by ``fresh``; the old arrays are left as they were."""
    if isinstance(tree, np.ndarray):
        out = tree.copy()
        out[..., where] = fresh
        return out
    if isinstance(tree, dict):
        return {name: assign(part, fresh[name], where) for name, part in tree.items()}
    if isinstance(tree, tuple):
        parts = [assign(part, new, where) for part, new in zip(tree, fresh, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


def as_plain_data(tree: Tree) -> Tree:
    """The tree as plain data to be stored: named tuples become dicts, arrays are copied."""
    if isinstance(tree, np.ndarray):
        return tree.copy(order="K")
    if hasattr(tree, "_asdict"):
        return {name: as_plain_data(part) for name, part in tree._asdict().items()}
    if isinstance(tree, dict):
        return {name: as_plain_data(part) for name, part in tree.items()}
    if isinstance(tree, tuple):
        return tuple(as_plain_data(part) for part in tree)
    return tree


def as_classes_of(shape: Tree, saved: Tree, where: str) -> Tree:
    """What ``as_plain_data`` stored, copied back into the classes of ``shape``.

    Raises
    ------
    ValueError
        Where the names of ``saved`` are not those of ``shape``; ``where`` says at which place.
    """
    if hasattr(shape, "_asdict"):
        fields = shape._asdict()
        if not isinstance(saved, dict) or saved.keys() != fields.keys():
            raise ValueError(f"the saved state does not fit at {where}: another version wrote it; begin anew")
        return type(shape)(
            **{name: as_classes_of(part, saved[name], f"{where}.{name}") for name, part in fields.items()}
        )
    if isinstance(saved, dict):
        inner = shape if isinstance(shape, dict) else {}
        return {name: as_classes_of(inner.get(name), part, f"{where}.{name}") for name, part in saved.items()}
    if isinstance(saved, tuple):
        parts = shape if isinstance(shape, tuple) else (None,) * len(saved)
        return tuple(as_classes_of(part, value, where) for part, value in zip(parts, saved, strict=True))
    return as_plain_data(saved)
