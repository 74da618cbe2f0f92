"""Where a result comes from: git state, hashes of data and configuration, versions, machine."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypedDict

from agents.runtime.manifest import PACKAGES, file_hash, package_versions

__all__ = ["content_hash", "file_hashes", "git_state", "machine", "package_versions", "plant_hash", "simulator_hash"]


class Provenance(TypedDict):
    """Where a result comes from, as plain data."""

    git_hash: str
    git_dirty: str
    config_hash: str
    data_hashes: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]


RECORDED = (*PACKAGES, "gymnasium", "hydra-core", "mlflow", "scipy", "pandas")


def content_hash(content: object) -> str:
    """SHA-256 (hex) of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def file_hashes(paths: Iterable[Path]) -> dict[str, str]:
    """File name to SHA-256 of each file."""
    return {p.name: file_hash(p) for p in paths}


def git_state(folder: Path | None = None) -> dict[str, str]:
    """``git_hash`` and ``git_dirty`` of the checkout that the code runs from; ``unknown`` outside a checkout."""
    where = folder or Path(__file__).parent
    head = _git(where, "rev-parse", "HEAD")
    if head is None:
        return {"git_hash": "unknown", "git_dirty": "unknown"}
    changed = _git(where, "status", "--porcelain", "--untracked-files=no")
    return {"git_hash": head, "git_dirty": str(bool(changed)).lower()}


def plant_hash() -> str:
    """SHA-256 of every machine and law as the interpreter reads them: results of another plant carry another hash.

    Comments, docstrings and layout do not count.
    """
    text = hashlib.sha256()
    for room in ("equipment", "physics"):
        found = (path for path in resources.files("envs").joinpath(room).iterdir() if path.name.endswith(".py"))
        for path in sorted(found, key=lambda path: path.name):
            text.update(f"{room}/{path.name}".encode())
            text.update(_code_alone(path.read_text(encoding="utf-8")).encode())
    return text.hexdigest()


@cache
def simulator_hash() -> str:
    """SHA-256 of all of ``envs`` as the interpreter reads it: what else but the plant moves a score has a part in it.

    Comments, docstrings and layout do not count. It is made once a process: reading all of it takes a second.
    """
    text, root = hashlib.sha256(), Path(str(resources.files("envs")))
    for path in sorted(root.rglob("*.py")):
        text.update(path.relative_to(root).as_posix().encode())
        text.update(_code_alone(path.read_text(encoding="utf-8")).encode())
    return text.hexdigest()


def _code_alone(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def machine() -> dict[str, str]:
    """Processor, number of cores, system and python."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def provenance(data: Iterable[Path] = (), config: Mapping[str, object] | None = None) -> Provenance:
    """All of the above as one plain dict."""
    state = git_state()
    return {
        "git_hash": state["git_hash"],
        "git_dirty": state["git_dirty"],
        "config_hash": content_hash(config or {}),
        "data_hashes": file_hashes(data),
        "versions": package_versions(RECORDED),
        "machine": machine(),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
