"""Which engine runs recorded functions: the compiled one where it can, or numpy."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Literal

ENGINE_VARIABLE, THREADS_VARIABLE = "COLDAISLE_ENGINE", "COLDAISLE_THREADS"
ENGINES = ("auto", "numpy", "llvm")
MOST_THREADS = 256


def chosen_engine(environ: Mapping[str, str] = os.environ) -> Literal["numpy", "llvm"]:
    """Engine that the environment asks for: `auto` (default) is `llvm` where llvmlite is installed, else `numpy`.

    Raises
    ------
    ValueError
        Where `COLDAISLE_ENGINE` is no engine, or is `llvm` without llvmlite.
    """
    asked = environ.get(ENGINE_VARIABLE, "auto")
    if asked not in ENGINES:
        raise ValueError(f"{ENGINE_VARIABLE} = {asked!r} is no engine; give one of {', '.join(ENGINES)}")
    if asked == "numpy":
        return "numpy"
    if importlib.util.find_spec("llvmlite") is not None:
        return "llvm"
    if asked == "llvm":
        raise ValueError(f"{ENGINE_VARIABLE} = 'llvm' needs llvmlite; pip install llvmlite, or give 'auto' or 'numpy'")
    return "numpy"


def chosen_threads(environ: Mapping[str, str] = os.environ) -> int:
    """Threads that share the sites of a batch in the compiled engine; 1 unless `COLDAISLE_THREADS` says otherwise.

    Raises
    ------
    ValueError
        Where `COLDAISLE_THREADS` is no whole number from 1 to 256.
    """
    asked = environ.get(THREADS_VARIABLE, "1")
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= MOST_THREADS:
        raise ValueError(f"{THREADS_VARIABLE} = {asked!r}; give a whole number from 1 to {MOST_THREADS}")
    return int(asked)
