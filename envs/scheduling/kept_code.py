"""Machine code of the scheduler that numba makes once and that is kept by the content of the sources.

Numba's own cache looks at one file, and functions of others are compiled into the caller. Here all of this folder
counts. What is compiled and kept: `rounds`, `limited_activity` and `progressed`; all else is a part of these.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator

from envs.engine.cache_files import cache_folder, sources_hash

#: Nothing is allocated, so nobody counts who sees an array: with the counts each round takes three times as long.
_PLAIN: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
KEPT_FOLDERS, UNUSED_S = 16, 7 * 86_400.0  # of sources; beyond so many, those go that nobody used for so long
FIRST_COMPILE = "compiling the scheduler of jobs, once on this machine: {name}, up to 15 s\n"


def part(function: Callable[..., Any]) -> Any:
    """A function that others call in machine code; nothing of it is kept by itself."""
    return numba.njit(**_PLAIN)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """As `part`, written out where it is called."""
    return numba.njit(forceinline=True, **_PLAIN)(function)


def kept(function: Callable[..., Any]) -> Any:
    """A function that Python calls, without the interpreter's lock; its machine code is kept where a folder is safe."""
    made = numba.njit(nogil=True, **_PLAIN)(function)
    if cache_folder() is not None:
        made._cache = _Kept(function)
    return made


class _Place(InTreeCacheLocator):
    """A folder beside the engine's machine code for each content of all sources, which is the stamp too.

    The index in it names types by their modules: another version that lacks one could not even read it.
    """

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str((cache_folder() or Path(py_file).parent) / "jobs" / self.get_source_stamp()[:16])

    def get_source_stamp(self) -> str:
        """What the code depends on."""
        return sources_hash(Path(__file__).parent)


class _Files(CompileResultCacheImpl):
    _locator_classes = [_Place]


class _Kept(FunctionCache):
    """Says so once where a function must be compiled: that takes seconds."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code, or None where there is none yet."""
        found = super().load_overload(sig, target_context)
        if found is None:
            sys.stderr.write(FIRST_COMPILE.format(name=self._name.split()[1].rpartition(".")[2]))
        else:
            with contextlib.suppress(OSError):
                os.utime(self._cache_path)  # used now
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code; where the disk is full or closed, it is made again the next time."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)
            os.utime(self._cache_path)
            prune(Path(self._cache_path))


def prune(own: Path) -> None:
    """Remove old folders beside a process's own.

    Another process may read one at this moment, or write into it: numba makes code anew of which it lacks a file, and
    what is loaded needs none. A folder that somebody uses is not old.

    Parameters
    ----------
    own : Path
    """
    folders = [f for f in own.parent.iterdir() if re.fullmatch("[0-9a-f]{16}", f.name) and f.is_dir()]
    used = {}
    for folder in folders:
        with contextlib.suppress(OSError):  # another process has removed it
            used[folder] = folder.stat().st_mtime
    for folder in sorted(used, key=used.__getitem__)[:-KEPT_FOLDERS]:
        if folder != own and time.time() - used[folder] > UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)
