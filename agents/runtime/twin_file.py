"""``twin.zip`` of a bundle: the site as plain data, and the modules of this house that play it, as they stand.

Python imports from such a file. What lies in it needs numpy alone.
"""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SITE = "site.json"
ROOT = Path(__file__).parents[2]
FIRST = ("envs.twin.estimation.foresight", "envs.scenario.plain")
READS_FILES = ("envs.scenario.reading",)  # asked for by name elsewhere; a twin's site comes as plain data
WRITTEN = (2020, 1, 1, 0, 0, 0)  # of every member, so that equal content has equal bytes


def write_twin(path: Path, site: Mapping[str, Any]) -> None:
    """Write the file.

    Parameters
    ----------
    path : Path
    site : mapping
        A scenario as ``dataclasses.asdict`` gives it.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        _add(file, SITE, json.dumps(site, allow_nan=False))
        for member in sorted(twin_modules()):
            _add(file, member, (ROOT / member).read_text(encoding="utf-8"))


def stored_site(path: Path) -> dict[str, Any]:
    """The site of a file.

    Raises
    ------
    ValueError
        Where there is none.
    """
    try:
        with zipfile.ZipFile(path) as file:
            found = json.loads(file.read(SITE))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, RecursionError) as error:
        raise ValueError(f"{path} holds no site ({error}); export the bundle again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no site; export the bundle again")
    return found


def twin_modules() -> set[str]:
    """Paths of the modules that a twin needs, from the root of the house."""
    found: set[str] = set()
    waiting = [*FIRST]
    while waiting:
        name = waiting.pop()
        path = _path_of(name)
        if path is None or path in found or name in READS_FILES:
            continue
        found.add(path)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting += _imports((ROOT / path).read_text(encoding="utf-8"))
    return found


def _imports(source: str) -> list[str]:
    """What a module imports from ``envs``, also inside functions; a name may be a module of its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "envs":
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] == "envs"]
    return found


def _path_of(name: str) -> str | None:
    place = name.replace(".", "/")
    return next((path for path in (f"{place}/__init__.py", f"{place}.py") if (ROOT / path).is_file()), None)


def _add(file: zipfile.ZipFile, name: str, text: str) -> None:
    info = zipfile.ZipInfo(name, WRITTEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(info, text)
