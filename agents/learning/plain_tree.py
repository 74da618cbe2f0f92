"""Nested data with arrays in one file that holds no code: npz for the arrays, JSON for how they nest.

Nothing is unpickled, and nothing is decompressed: a file costs no more memory than its size on disk.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.runtime.stored_arrays import stored_arrays
from envs.whole_file import whole_file

TREE = "tree"
#: A dict, list or tuple of trees, a tensor, an array, a numpy number, or plain data. No static type says so.
Tree = Any
Arrays = dict[str, NDArray[np.generic]]


def write_tree(path: Path, tree: Tree) -> None:
    """Write dicts, lists, tuples, plain values, numpy arrays and torch tensors into one ``.npz`` file.

    Raises
    ------
    TypeError
        For anything else: it could only be kept as code.
    """
    arrays: Arrays = {}
    text = json.dumps(_plain(tree, arrays))
    arrays[TREE] = np.frombuffer(text.encode(), np.uint8)
    with whole_file(path) as draft:
        np.savez(draft, allow_pickle=False, **arrays)


def read_tree(path: Path) -> Tree:
    """What ``write_tree`` wrote; tensors come back as tensors on the CPU.

    Raises
    ------
    FileNotFoundError
        Where there is no file.
    ValueError
        Where the file is damaged, or was not written by ``write_tree``.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        arrays = stored_arrays(path)
        return _tree(json.loads(arrays[TREE].tobytes().decode()), arrays)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or of another kind ({error}); take an older one, or train again") from None


def _plain(tree: Tree, arrays: Arrays) -> Any:
    """JSON of a tree; its arrays go into ``arrays`` and leave their names."""
    if tree is None or isinstance(tree, (bool, int, float, str)) and not isinstance(tree, np.generic):
        return tree
    if isinstance(tree, dict):
        return {"dict": [[_key(key), _plain(value, arrays)] for key, value in tree.items()]}
    if isinstance(tree, (list, tuple)):
        kind = "list" if isinstance(tree, list) else "tuple"
        return {kind: [_plain(value, arrays) for value in tree]}
    name = str(len(arrays))
    if isinstance(tree, (np.ndarray, np.generic)):
        if tree.dtype.hasobject:
            raise TypeError(f"an array of dtype {tree.dtype} cannot be kept without code")
        arrays[name] = np.asarray(tree)
        return {"array" if isinstance(tree, np.ndarray) else "number": name}
    if hasattr(tree, "detach"):
        arrays[name] = tree.detach().cpu().numpy()
        return {"tensor": name}
    raise TypeError(f"{type(tree).__name__} cannot be kept without code; keep arrays and plain data")


def _key(key: object) -> int | str:
    if isinstance(key, (int, str)) and not isinstance(key, bool):
        return key
    raise TypeError(f"key {key!r} cannot be kept; keys are names or whole numbers")


def _tree(plain: Any, arrays: Arrays) -> Tree:
    if not isinstance(plain, dict):
        if isinstance(plain, list):
            raise ValueError("a bare list")
        return plain
    ((kind, content),) = plain.items()
    if kind == "dict":
        return {_key(key): _tree(value, arrays) for key, value in content}
    if kind in ("list", "tuple"):
        values = [_tree(value, arrays) for value in content]
        return values if kind == "list" else tuple(values)
    array = arrays[content]
    if kind == "array":
        return array
    if kind == "number":
        return array[()]
    if kind == "tensor":
        import torch

        return torch.from_numpy(array)
    raise ValueError(f"unknown kind {kind!r}")
