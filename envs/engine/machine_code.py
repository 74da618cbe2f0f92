"""Compile LLVM text in memory, and keep the machine code in the user's cache folder.

A file of the cache is named by the hash of all that it depends on: the text, the processor, the compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from envs.engine.cache_files import stored_file, write_file

_SUFFIX = "code"
_OPTIMISATION = 2
_FUNCTION = "packed_step"
_MOST_KEYS = 8  # that are remembered: a text of megabytes is asked for at each reset
_LOADED: dict[str, tuple[int, Any]] = {}  # by key: the address, and what must live as long as the process


def packed_entry_point(text: str) -> Callable[[int], None]:
    """The function ``packed_step``: it takes the address of its arguments; the GIL is free while it runs."""
    key = code_key(text)
    known = stored_entry_point(key)
    if known is not None:
        return known
    target = _target()
    code = _compiled(text, target)
    write_file(key, _SUFFIX, code)
    return _entry_point(_linked(key, code, target))


def stored_entry_point(key: str) -> Callable[[int], None] | None:
    """``packed_step`` of a key, from this process or from the cache; None where neither has it."""
    if key not in _LOADED:
        code = stored_file(key, _SUFFIX)
        if code is None:
            return None
        _linked(key, code, _target())
    return _entry_point(_LOADED[key][0])


@lru_cache(maxsize=_MOST_KEYS)
def code_key(text: str) -> str:
    """What machine code of a text is kept by."""
    return hashlib.sha256("\0".join((text, *compiler())).encode()).hexdigest()


@cache
def compiler() -> tuple[str, ...]:
    """What machine code depends on beside its text."""
    import llvmlite
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    return llvmlite.__version__, llvm.get_host_cpu_name(), features, str(_OPTIMISATION), sys.platform


def _entry_point(address: int) -> Callable[[int], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


def _target() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    _, cpu, features, *_ = compiler()
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=_OPTIMISATION)


def _linked(key: str, code: bytes, target: Any) -> int:
    """Address of the function in machine code, which lives as long as the process."""
    import llvmlite.binding as llvm

    linker = llvm.create_lljit_compiler(target)
    builder = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(_FUNCTION)
    library = builder.link(linker, f"step_{key[:16]}")
    _LOADED[key] = library[_FUNCTION], (library, linker)
    return _LOADED[key][0]


def _compiled(text: str, target: Any) -> bytes:
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.verify()
    passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=_OPTIMISATION))
    passes.getModulePassManager().run(module, passes)
    code: bytes = target.emit_object(module)
    return code
