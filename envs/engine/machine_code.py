"""Compile LLVM text in memory, and keep the machine code in the user's cache folder.

A file of the cache is named by the hash of all that it depends on: the text, the processor, the compiler. It begins
with the hash of its own content, so that a damaged one is noticed and compiled anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from envs.whole_file import whole_file

CACHE_VARIABLE = "COLDAISLE_CACHE"
KEPT_FILES = 64  # the oldest go first
_HASH_BYTES = 32
_OPTIMISATION = 2
_FUNCTION = "packed_step"
_LOADED: dict[str, tuple[int, Any]] = {}  # by key: the address, and what must live as long as the process


def packed_entry_point(text: str) -> Callable[[int], None]:
    """The function ``packed_step``: it takes the address of its arguments; the GIL is free while it runs."""
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_loaded(text))


def _loaded(text: str) -> int:
    """Address of the function of a text, which lives as long as the process."""
    import llvmlite
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    told = (text, llvmlite.__version__, llvm.get_host_cpu_name(), features, str(_OPTIMISATION), sys.platform)
    key = hashlib.sha256("\0".join(told).encode()).hexdigest()
    if key not in _LOADED:
        target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=_OPTIMISATION
        )
        code = _stored(key)
        if code is None:
            code = _compiled(text, target)
            _store(key, code)
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


# ---- the cache ------------------------------------------------------------------------------------------------------


def cache_folder() -> Path | None:
    """Folder of the machine code: `COLDAISLE_CACHE`, or the platform's place for caches; None where it is unsafe.

    Machine code is run, so the folder must belong to this user, and nobody else may write to it.
    """
    try:
        folder = _cache_place()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except (OSError, RuntimeError):  # no home, or no room
        return None
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
        return None
    return folder


def _cache_place() -> Path:
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "coldaisle" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "coldaisle"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coldaisle"


def _stored(key: str) -> bytes | None:
    """Machine code of a key, or None where there is none or it is damaged."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        content = (folder / f"{key}.code").read_bytes()
    except OSError:
        return None
    code = content[_HASH_BYTES:]
    return code if code and hashlib.sha256(code).digest() == content[:_HASH_BYTES] else None


def _store(key: str, code: bytes) -> None:
    """Keep machine code; where the disk is full or closed, it is compiled again the next time."""
    folder = cache_folder()
    if folder is None:
        return
    own = folder / f"{key}.{os.getpid()}.code"  # others may compile the same at this moment
    with contextlib.suppress(OSError):
        with whole_file(own) as draft:
            draft.write_bytes(hashlib.sha256(code).digest() + code)
        own.replace(folder / f"{key}.code")
        files = sorted(folder.glob("*.code"), key=lambda f: f.stat().st_mtime)
        for old in files[:-KEPT_FILES]:
            old.unlink(missing_ok=True)
