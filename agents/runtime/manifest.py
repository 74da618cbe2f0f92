"""The manifest of a bundle: what the network is bound to, in words and numbers that need no simulator to read."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict, cast

from envs.interface.interface import InterfaceData

FORMAT = "coldaisle-bundle/2"
MANIFEST = "manifest.json"
PACKAGES = ("coldaisle", "numpy", "torch", "stable-baselines3", "sb3-contrib", "onnx", "onnxruntime")


class NetworkData(TypedDict):
    """Sizes and bounds of the network's box."""

    observation_size: int
    action_size: int
    observation_low: float
    observation_high: float
    squashed: bool
    opset: int


class EvaluationCard(TypedDict, total=False):
    """Totals of the policy in one evaluation, the gates it passed or failed, and what they were measured on."""

    policy: str
    baseline: str
    gates: str
    totals: dict[str, float]
    episodes: int
    scenario_hash: str
    git_hash: str


class Content(TypedDict):
    """What the writer of a bundle says of it.

    ``scenario`` and ``scenario_hash`` name the hall, ``settings`` what the learner was given, ``git_hash`` the code.
    """

    scenario: str
    scenario_hash: str
    settings: dict[str, object]
    git_hash: str
    evaluation_card: EvaluationCard
    interface: InterfaceData


class Manifest(Content):
    """The whole of ``manifest.json``.

    ``parity`` is the largest deviation of each written file from the trained model, as a share of the action range;
    ``files`` are SHA-256 sums; ``versions`` those of the packages that wrote the bundle.
    """

    format: str
    algorithm: str
    network: NetworkData
    parity: dict[str, float]
    files: dict[str, str]
    versions: dict[str, str]


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


def write_manifest(
    folder: Path, content: Content, algorithm: str, network: NetworkData, parity: dict[str, float] | None = None
) -> Path:
    """Write ``manifest.json`` with the hashes of the files that lie beside it.

    Parameters
    ----------
    folder : Path
        The bundle.
    content : Content
        What the policy was trained on.
    algorithm : str
        Of ``agents.learning.algorithms``.
    network : NetworkData
        Sizes and output form.
    parity : dict, optional
        Deviation of each file from the model, once measured.
    """
    files = {p.name: file_hash(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != MANIFEST}
    whole: Manifest = {
        **content,
        "format": FORMAT,
        "algorithm": algorithm,
        "network": network,
        "parity": parity or {},
        "files": files,
        "versions": package_versions(),
    }
    path = folder / MANIFEST
    path.write_text(json.dumps(whole, indent=2, sort_keys=True, allow_nan=False) + "\n")
    return path


def read_manifest(folder: Path) -> Manifest:
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
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {content.get('format')!r}; this version reads {FORMAT!r}, export the policy again"
        )
    missing = sorted(Manifest.__required_keys__ - content.keys())
    missing += [
        f"interface.{key}" for key in sorted(InterfaceData.__required_keys__ - content.get("interface", {}).keys())
    ]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; export the policy again")
    for name, expected in content["files"].items():
        if not (folder / name).exists() or file_hash(folder / name) != expected:
            raise ValueError(f"{folder / name} is not the file that was exported; export the policy again")
    return cast("Manifest", content)
