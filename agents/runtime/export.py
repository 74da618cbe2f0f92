"""A trained model as a bundle that needs neither torch nor the simulator: ONNX, plain weights, manifest."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from agents.learning.algorithms import Algorithm, algorithm_of
from agents.runtime.assembly import act_text
from agents.runtime.derived import derivations_of
from agents.runtime.manifest import (
    ACT,
    FORMAT,
    MANIFEST,
    ONNX,
    OPTIONAL,
    PARTS,
    TOLERANCE,
    TWIN,
    WEIGHTS,
    Manifest,
    NetworkData,
    SitedContent,
    content_sum,
    file_hash,
    package_versions,
)
from agents.runtime.network import Network
from agents.runtime.twin_file import write_twin
from envs.interface.interface import interface_from
from envs.whole_file import write_whole

if TYPE_CHECKING:
    import gymnasium as gym
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import nn

OPSET = 20
Array = NDArray[np.floating]


class Dense(NamedTuple):
    """One layer: ``activation(weight (out, in) @ x + bias (out,))``."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    activation: str


def export_bundle(
    model: BaseAlgorithm,
    folder: Path | str,
    content: SitedContent,
    twin: Mapping[str, Any] | None = None,
    *,
    light: bool = False,
) -> Path:
    """Write ``policy.onnx``, ``policy.npz``, ``act.py`` and ``manifest.json``, checked against ``model.predict``.

    What fails the check, or is cut short, leaves no bundle, and one that was there before as it was.

    Parameters
    ----------
    model : BaseAlgorithm
        Of a class in ``agents.learning.algorithms``, with a flat observation.
    folder : Path
        Made where it does not exist.
    content : SitedContent
        What the manifest says of the policy beside its network.
    twin : mapping, optional
        The site as plain data, nominal or calibrated: its twin goes along, and the shield looks ahead with it.
    light : bool
        Write ``policy.npz`` and ``manifest.json`` alone: enough where coldaisle is installed.

    Raises
    ------
    ValueError
        Where the interface in ``content`` has another size than the model's boxes, or a layer cannot be exported.
    RuntimeError
        Where a written file does not give the model's actions within 1e-5 of the action range.
    """
    folder = Path(folder)
    row = algorithm_of(model)
    model.policy.set_training_mode(False)
    network = _network_data(model)
    _require_one_size(content, network)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent) as place:
        draft = Path(place)
        _write_weights(draft / WEIGHTS, network_layers(model), model)
        if not light:
            _write_onnx(draft / ONNX, model)
            (draft / ACT).write_text(act_text(), encoding="utf-8")
        if twin is not None and not light:
            write_twin(draft / TWIN, twin)
        write_manifest(draft, content, row.name, network, check_parity(model, draft))
        _put_in_place(draft, folder)
    return folder


def _put_in_place(draft: Path, folder: Path) -> None:
    """Move a bundle that was checked; while its parts are of two bundles there is no manifest, and so no bundle."""
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in OPTIONAL:
        (folder / name).unlink(missing_ok=True)
    for name in (*_parts_in(draft), MANIFEST):
        (draft / name).replace(folder / name)


def _parts_in(folder: Path) -> list[str]:
    return [*PARTS, *(name for name in OPTIONAL if (folder / name).exists())]


def write_manifest(
    folder: Path, content: SitedContent, algorithm: str, network: NetworkData, parity: dict[str, float]
) -> Path:
    """Write ``manifest.json`` with the hashes of the bundle's parts, which lie beside it.

    Parameters
    ----------
    folder : Path
        The bundle.
    content : SitedContent
        What the policy was trained on.
    algorithm : str
        Of ``agents.learning.algorithms``.
    network : NetworkData
        Sizes and output form.
    parity : dict
        Deviation of each part from the model, as measured.
    """
    interface = content["interface"]
    read = [p["name"] for p in (*interface["points"], *interface.get("rule", {"points": []})["points"])]
    whole: Manifest = {
        **content,
        "format": FORMAT,
        "algorithm": algorithm,
        "network": network,
        "parity": parity,
        "files": {name: file_hash(folder / name) for name in _parts_in(folder)},
        "versions": package_versions(),
        "derived": derivations_of(read, content.get("site", {})),
        "sha256": "",
    }
    whole["sha256"] = content_sum(json.loads(json.dumps(whole)))
    path = folder / MANIFEST
    write_whole(path, json.dumps(whole, indent=2, sort_keys=True, allow_nan=False) + "\n")
    return path


def network_layers(model: BaseAlgorithm) -> list[Dense]:
    """The actor as dense layers; batch renormalisation is folded in.

    Raises
    ------
    ValueError
        For a kind of layer that plain weights cannot say.
    """
    from torch import nn

    row = algorithm_of(model)
    layers: list[Dense] = []
    scale: Array | float = 1.0
    shift: Array | float = 0.0
    names = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.ELU: "elu"}
    for module in _actor_modules(model, row):
        if isinstance(module, nn.Linear):
            weight, bias = (p.detach().cpu().numpy().astype(np.float64) for p in (module.weight, module.bias))
            shifted = bias + weight @ (np.zeros(weight.shape[1]) + shift)
            layers.append(Dense(weight * scale, shifted, "identity"))
            scale, shift = 1.0, 0.0
        elif hasattr(module, "ra_mean"):
            scale, shift = _affine(module)
        elif type(module) in names:
            layers[-1] = layers[-1]._replace(activation=names[type(module)])
        else:
            raise ValueError(
                f"layer {type(module).__name__} cannot be exported; use linear layers with tanh, relu or elu"
            )
    if row.squash != "identity":
        layers[-1] = layers[-1]._replace(activation=row.squash)
    return layers


def check_parity(model: BaseAlgorithm, folder: Path, samples: int = 256) -> dict[str, float]:
    """Largest deviation of what was written, npz and ONNX, from the model's deterministic action [action range]."""
    generator = np.random.default_rng(0)
    observed, box = _boxes(model)
    low, high = (np.clip(b, -10.0, 10.0) for b in (observed.low, observed.high))
    observations = generator.uniform(low, high, (samples, len(low))).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    got = {"npz": Network(folder / WEIGHTS).predict(observations)}
    if (folder / ONNX).exists():
        import onnxruntime

        session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
        got["onnx"] = cast("Array", session.run(None, {"observation": observations})[0])
    reach = box.high - box.low
    deviations = {name: float(np.max(np.abs(a - expected) / reach)) for name, a in got.items()}
    for name, deviation in deviations.items():
        if not deviation <= TOLERANCE:
            raise RuntimeError(
                f"policy.{name} deviates from the model by {deviation:.1e} of the action range; report this"
            )
    return deviations


def _boxes(model: BaseAlgorithm) -> tuple[gym.spaces.Box, gym.spaces.Box]:
    return cast("gym.spaces.Box", model.observation_space), cast("gym.spaces.Box", model.action_space)


def _network_data(model: BaseAlgorithm) -> NetworkData:
    observed, box = _boxes(model)
    return {
        "observation_size": int(observed.shape[0]),
        "action_size": int(box.shape[0]),
        "observation_low": float(observed.low.min()),
        "observation_high": float(observed.high.max()),
        "squashed": bool(model.policy.squash_output),
        "opset": OPSET,
    }


def _require_one_size(content: SitedContent, network: NetworkData) -> None:
    interface = interface_from(content["interface"])
    sizes = interface.observer.size, interface.decoder.size
    if sizes != (network["observation_size"], network["action_size"]):
        raise ValueError(
            f"the interface has {sizes[0]} observation and {sizes[1]} action elements, the model "
            f"{network['observation_size']} and {network['action_size']}; give the interface that it was trained on"
        )


def _actor_modules(model: BaseAlgorithm, row: Algorithm) -> list[nn.Module]:
    """The actor's modules in the order of their work, containers opened."""
    found: list[nn.Module] = []
    for path in row.actor:
        module = attrgetter(path)(model.policy)
        found += list(module) if hasattr(module, "__iter__") else [module]
    return found


def _affine(module: nn.Module) -> tuple[Array, Array]:
    arrays = (getattr(module, name) for name in ("ra_mean", "ra_var", "scale", "bias"))
    mean, variance, gain, bias = (a.detach().cpu().numpy().astype(np.float64) for a in arrays)
    scale = gain / np.sqrt(variance + float(cast("float", module.eps)))
    return scale, bias - mean * scale


def _write_weights(path: Path, layers: Sequence[Dense], model: BaseAlgorithm) -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for i, layer in enumerate(layers):
        arrays |= {f"weight_{i}": layer.weight.astype(np.float32), f"bias_{i}": layer.bias.astype(np.float32)}
    box = _boxes(model)[1]
    arrays |= {"action_low": box.low, "action_high": box.high}
    arrays |= {"activations": np.array([layer.activation for layer in layers])}
    arrays |= {"squashed": np.array(bool(model.policy.squash_output))}
    np.savez(path, allow_pickle=False, **arrays)


def _write_onnx(path: Path, model: BaseAlgorithm) -> None:
    import torch

    example = torch.zeros(2, _boxes(model)[0].shape[0])
    dynamic = ({0: torch.export.Dim("batch")},)
    for talkative in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, from its exporter
        program = torch.onnx.export(
            _deterministic_actor(model),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=dynamic,
            input_names=["observation"],
            output_names=["action"],
            verbose=False,
        )
    assert program is not None
    program.save(str(path), external_data=False)


def _deterministic_actor(model: BaseAlgorithm) -> nn.Module:
    """The actor as a torch module, observation to action in the box (STACK "Traps": PPO clips, the others unsquash)."""
    import torch

    row, box = algorithm_of(model), _boxes(model)[1]
    low, high = (torch.as_tensor(b) for b in (box.low, box.high))
    squashed = bool(model.policy.squash_output)
    outside = {"identity": torch.nn.Identity, "tanh": torch.nn.Tanh}[row.squash]

    class Actor(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(*_actor_modules(model, row), outside())

        def forward(self, observation: torch.Tensor) -> torch.Tensor:
            action: torch.Tensor = self.layers(observation)
            if squashed:
                action = low + 0.5 * (action + 1.0) * (high - low)
            return torch.maximum(torch.minimum(action, high), low)

    return Actor().cpu().eval()
