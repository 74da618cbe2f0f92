"""The manifest of a bundle: what the network is bound to, in words and numbers that need no simulator to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FORMAT = "coldaisle-bundle/1"
MANIFEST = "manifest.json"
REQUIRED = ("format", "algorithm", "network", "channels", "observations", "scenario_hash", "files", "versions")
PACKAGES = ("coldaisle", "numpy", "torch", "stable-baselines3", "sb3-contrib", "onnx", "onnxruntime")


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed version of each package; those not installed are left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write ``manifest.json`` with the hashes of the files that lie beside it.

    Parameters
    ----------
    folder : Path
        The bundle.
    content : mapping
        ``algorithm``, ``network`` (observation and action sizes, output form), ``channels`` and ``observations``
        (one row per element: name, unit, low, high), ``scenario_hash``, ``evaluation_card``.
    """
    files = {p.name: file_hash(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != MANIFEST}
    whole = {"format": FORMAT, **content, "files": files, "versions": package_versions()}
    missing = [key for key in REQUIRED if key not in whole]
    if missing:
        raise ValueError(f"the manifest lacks {missing}")
    path = folder / MANIFEST
    path.write_text(json.dumps(whole, indent=2, sort_keys=True, allow_nan=False) + "\n")
    return path


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, checked: format, required keys, and the hash of every file.

    Raises
    ------
    FileNotFoundError
        Where the folder is no bundle.
    ValueError
        Where a key is missing, the format is another, or a file was changed.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the folder that `coldaisle export` wrote")
    content = json.loads(path.read_text())
    missing = [key for key in REQUIRED if key not in content]
    if missing:
        raise ValueError(f"{path} lacks {missing}; export the policy again")
    if content["format"] != FORMAT:
        raise ValueError(f"{path} has format {content['format']!r}; this version reads {FORMAT!r}")
    for name, expected in content["files"].items():
        if not (folder / name).exists() or file_hash(folder / name) != expected:
            raise ValueError(f"{folder / name} is not the file that was exported; export the policy again")
    return content
