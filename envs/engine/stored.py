"""A function whose machine code an earlier process has made: nothing is recorded, nothing is lowered.

A file of the cache says where arguments and results stand, and which machine code there is. It is named by the hash of
what the function is called (`TapedFunction.key`), of all sources of this package, of its arguments' shapes, and of the
versions of what made it. It holds plain data: no code, no pickle. Whoever uses it compares the first call with the
function, so a name that said too little does no harm.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

from envs.engine.cache_files import sources_hash, stored_file, write_file
from envs.engine.layout import Layout, ProgramShape, flat
from envs.engine.lowered import LoweredFunction
from envs.engine.machine_code import code_key, compiler, packed_entry_point, stored_entry_point
from envs.engine.results import from_plain, plain
from envs.trees import columns

_SUFFIX = "layout"
_PACKAGE = Path(__file__).parents[1]
Codes = dict[int, tuple[str, int]]


class StoredFunction(Layout):
    """A function as an earlier process has left it.

    Parameters
    ----------
    name : str
        Of the file.
    data : dict
        Its content.
    record : callable
        What records the function after all, for a number of lanes of which no machine code is kept.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError, ImportError
        Where the content is not what this version writes.
    """

    def __init__(self, name: str, data: dict[str, Any], record: Callable[[], LoweredFunction]) -> None:
        self._name, self._record, self.constants = name, record, []
        self._recorded: LoweredFunction | None = None
        shape = ProgramShape(**data["shape"])
        super().__init__(
            shape._replace(rows=tuple(shape.rows), kinds=tuple(shape.kinds)),
            tuple([(tuple(rows), kind) for rows, kind in group] for group in data["inputs"]),
            data["sites"],
            data["pools"],
            from_plain(data["results"]),
            [(scale, turned) for scale, turned in data["scales"]],
            data["resident"],
        )
        self.codes: Codes = {int(lanes): (str(key), int(scratch)) for lanes, (key, scratch) in data["codes"].items()}

    def code(self, lanes: int) -> tuple[Callable[[int], None], int]:
        """Machine code for vectors of so many sites, and the bytes of scratch memory of a call."""
        if lanes in self.codes and (found := stored_entry_point(self.codes[lanes][0])) is not None:
            return found, self.codes[lanes][1]
        self._recorded = self._recorded or self._record()
        text, scratch = self._recorded.text(lanes)
        made = packed_entry_point(text)
        self.codes[lanes] = code_key(text), scratch
        _write(self._name, self, self.codes)
        return made, scratch


def file_name(key: Hashable, trees: tuple[Any, ...]) -> str:
    """What a function of a key with arguments of these shapes is kept by."""
    shapes = [(x.shape[:-1], x.dtype.name) for x in flat(trees)]
    told = (repr(key), repr(shapes), sources_hash(_PACKAGE), np.__version__, sys.version, *compiler())
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def stored_function(name: str, function: Callable[..., Any], trees: tuple[Any, ...]) -> StoredFunction | None:
    """What an earlier process has left of a function; None where there is nothing that is of use."""
    content = stored_file(name, _SUFFIX)
    if content is None:
        return None
    few = columns(trees, np.arange(1))
    try:
        return StoredFunction(name, json.loads(content), lambda: LoweredFunction(function, few))
    except (ValueError, TypeError, KeyError, AttributeError, ImportError):
        return None


def store(name: str, lowered: LoweredFunction, lanes: int) -> None:
    """Leave a function that agrees with its machine code to later processes; nothing where JSON cannot hold it."""
    text, scratch = lowered.text(lanes)
    _write(name, lowered, {lanes: (code_key(text), scratch)})


def _write(name: str, layout: Layout, codes: Codes) -> None:
    try:
        results = plain(layout.results)
    except TypeError:
        return
    data = {
        "shape": layout.shape._asdict(),
        "inputs": layout.inputs,
        "sites": layout.sites,
        "pools": layout.pools,
        "results": results,
        "scales": layout.scales,
        "resident": layout.resident,
        "codes": codes,
    }
    write_file(name, _SUFFIX, json.dumps(data).encode())
