"""Files of the user's cache folder: machine code, and how its arguments and results stand in memory.

Each begins with the hash of its own content, so that a damaged one is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from envs.whole_file import whole_file

CACHE_VARIABLE = "COLDAISLE_CACHE"
KEPT_FILES = 64  # of each kind; the oldest go first
_HASH_BYTES = 32


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


@cache
def sources_hash(folder: Path) -> str:
    """Hash of all files below a folder, by name and content, but what Python makes of them."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            whole.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def stored_file(key: str, suffix: str) -> bytes | None:
    """Content of a file, or None where there is none or it is damaged."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        whole = (folder / f"{key}.{suffix}").read_bytes()
    except OSError:
        return None
    content = whole[_HASH_BYTES:]
    return content if content and hashlib.sha256(content).digest() == whole[:_HASH_BYTES] else None


def write_file(key: str, suffix: str, content: bytes) -> None:
    """Keep a file; where the disk is full or closed, its content is made again the next time."""
    folder = cache_folder()
    if folder is None:
        return
    own = folder / f"{key}.{os.getpid()}.{suffix}"  # others may write the same at this moment
    with contextlib.suppress(OSError):
        with whole_file(own) as draft:
            draft.write_bytes(hashlib.sha256(content).digest() + content)
        own.replace(folder / f"{key}.{suffix}")
        files = sorted(folder.glob(f"*.{suffix}"), key=lambda f: f.stat().st_mtime)
        for old in files[:-KEPT_FILES]:
            old.unlink(missing_ok=True)
