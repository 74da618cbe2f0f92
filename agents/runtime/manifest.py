"""The manifest of a bundle: what the network is bound to, in words and numbers that need no simulator to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict, cast

from agents.runtime.derived import DerivationData, SiteData
from envs.interface.interface import InterfaceData

FORMAT = "coldaisle-bundle/3"
MANIFEST, WEIGHTS, ONNX, ACT = "manifest.json", "policy.npz", "policy.onnx", "act.py"
TWIN = "twin.zip"
PARTS, OPTIONAL = (WEIGHTS,), (ONNX, ACT, TWIN)  # a light bundle has its weights alone, for those with coldaisle
TOLERANCE = 1e-5  # of the action range, between a written file and the model
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
    """Totals of the policy in one evaluation, the gates it passed or failed, and what they were measured on.

    ``result`` is ``yes``, or says which seeds and episodes are missing to a result.
    """

    policy: str
    baseline: str
    gates: str
    totals: dict[str, float]
    episodes: int
    result: str
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


class SitedContent(Content, total=False):
    """And what of the site the bundle needs to derive points that no building has."""

    site: SiteData


class Manifest(SitedContent):
    """The whole of ``manifest.json``.

    ``parity`` is the largest deviation of each written file from the trained model, as a share of the action range;
    ``files`` are SHA-256 sums; ``versions`` those of the packages that wrote the bundle; ``derived`` says how points
    are made that a building may leave out. ``sha256`` is the sum of the manifest without itself: it names the policy,
    for it covers the sums of all parts.
    """

    format: str
    algorithm: str
    network: NetworkData
    parity: dict[str, float]
    files: dict[str, str]
    versions: dict[str, str]
    derived: dict[str, DerivationData]
    sha256: str


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


def content_sum(content: Mapping[str, object]) -> str:
    """SHA-256 of a manifest's content without its own sum, as hex: of JSON with sorted keys and no spaces."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def changed_files(folder: Path, hashes: Mapping[str, object]) -> list[str]:
    """Of the files that hashes were told of, the names of those that are missing or are not what was written."""
    return [name for name, told in hashes.items() if not _is(folder / name, told)]


def _is(path: Path, told: object) -> bool:
    return path.is_file() and file_hash(path) == told


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, checked: format, required keys, parity, and the hash of both parts, by their names.

    Raises
    ------
    FileNotFoundError
        Where the folder is no bundle.
    ValueError
        Where it is damaged, a key is missing, the format is another, parity was not reached, or a part was changed.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the folder that `coldaisle export` wrote")
    content = _json(path)
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {str(content.get('format'))[:60]!r}; this version reads {FORMAT!r}, export the policy "
            "again"
        )
    missing = sorted(Manifest.__required_keys__ - content.keys())
    interface = content.get("interface", {})
    keys = interface.keys() if isinstance(interface, dict) else ()
    missing += [f"interface.{key}" for key in sorted(InterfaceData.__required_keys__ - set(keys))]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; export the policy again")
    _require_parts(folder, content["files"])
    _require_parity(path, content["parity"], content["files"])
    if content["sha256"] != content_sum(content):
        raise ValueError(f"{path} is not the file that was exported; export the policy again")
    return cast("Manifest", content)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); export the policy again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no manifest; give the folder that `coldaisle export` wrote")
    return content


def _require_parity(path: Path, parity: object, files: Mapping[str, object]) -> None:
    measured = parity if isinstance(parity, dict) else {}
    for part in ("npz", "onnx") if ONNX in files else ("npz",):
        deviation = measured.get(part)
        if not isinstance(deviation, float) or not 0.0 <= deviation <= TOLERANCE:
            raise ValueError(
                f"{path}: parity.{part} is {str(deviation)[:60]}, a bundle has at most {TOLERANCE:g}; export the "
                "policy again"
            )


def _require_parts(folder: Path, files: object) -> None:
    if not isinstance(files, dict) or not set(PARTS) <= set(files) <= {*PARTS, *OPTIONAL}:
        raise ValueError(
            f"{folder / MANIFEST}: files are not {', '.join(PARTS)} and perhaps {', '.join(OPTIONAL)}; export the "
            "policy again"
        )
    for name in files:
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing; copy the whole bundle again, or export the policy again")
    for name in changed_files(folder, files):
        raise ValueError(f"{folder / name} is not the file that was exported; export the policy again")
