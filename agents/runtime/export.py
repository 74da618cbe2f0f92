"""A trained model as a bundle that needs neither torch nor the simulator: ONNX, plain weights, manifest."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from agents.runtime.exported_policy import WEIGHTS, ExportedPolicy
from agents.runtime.manifest import write_manifest

ONNX = "policy.onnx"
OPSET = 20
TOLERANCE = 1e-5  # of the action range


def export_bundle(model: Any, algorithm: str, folder: Path | str, content: Mapping[str, Any] | None = None) -> Path:
    """Write ``policy.onnx``, ``policy.npz`` and ``manifest.json``, and check both against ``model.predict``.

    Parameters
    ----------
    model : BaseAlgorithm
        PPO, SAC, TD3, TQC or CrossQ with a flat observation.
    algorithm : str
        Its name, as in ``agents.learning.build.ALGORITHMS``.
    folder : Path
        Made where it does not exist.
    content : mapping, optional
        ``channels``, ``observations``, ``scenario_hash``, ``evaluation_card`` and what else the manifest shall say.

    Raises
    ------
    RuntimeError
        Where a written file does not give the model's actions within 1e-5 of the action range.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.policy.set_training_mode(False)
    layers = network_layers(model, algorithm)
    _write_weights(folder / WEIGHTS, layers, model)
    _write_onnx(folder / ONNX, model, algorithm)
    network = {
        "observation_size": int(model.observation_space.shape[0]),
        "action_size": int(model.action_space.shape[0]),
        "observation_low": float(model.observation_space.low.min()),
        "observation_high": float(model.observation_space.high.max()),
        "squashed": bool(model.policy.squash_output),
        "opset": OPSET,
    }
    defaults = {"channels": [], "observations": [], "scenario_hash": "", "evaluation_card": {}}
    whole = {**defaults, **(content or {}), "algorithm": algorithm, "network": network}
    write_manifest(folder, whole)
    write_manifest(folder, {**whole, "parity": check_parity(model, folder)})
    return folder


def network_layers(model: Any, algorithm: str) -> list[tuple[NDArray[Any], NDArray[Any], str]]:
    """The actor as dense layers ``(weight (out, in), bias (out,), activation)``; batch renormalisation is folded in."""
    from torch import nn

    layers: list[tuple[NDArray[Any], NDArray[Any], str]] = []
    scale: NDArray[Any] | float = 1.0
    shift: NDArray[Any] | float = 0.0
    names = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.ELU: "elu"}
    for module in _actor_modules(model, algorithm):
        if isinstance(module, nn.Linear):
            weight, bias = (p.detach().cpu().numpy().astype(np.float64) for p in (module.weight, module.bias))
            shifted = bias + weight @ (np.zeros(weight.shape[1]) + shift)
            layers.append((weight * scale, shifted, "identity"))
            scale, shift = 1.0, 0.0
        elif hasattr(module, "ra_mean"):
            scale, shift = _affine(module)
        elif type(module) in names:
            layers[-1] = (*layers[-1][:2], names[type(module)])
        else:
            raise ValueError(
                f"layer {type(module).__name__} cannot be exported; use linear layers with tanh, relu or elu"
            )
    if algorithm in ("sac", "tqc", "crossq"):
        layers[-1] = (*layers[-1][:2], "tanh")
    return layers


def check_parity(model: Any, folder: Path, samples: int = 256) -> dict[str, float]:
    """Largest deviation of npz and ONNX from ``model.predict(deterministic=True)``, as a share of the action range."""
    import onnxruntime

    generator = np.random.default_rng(0)
    low, high = (np.clip(b, -10.0, 10.0) for b in (model.observation_space.low, model.observation_space.high))
    observations = generator.uniform(low, high, (samples, len(low))).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
    got = {
        "npz": ExportedPolicy(folder).predict(observations),
        "onnx": cast("NDArray[Any]", session.run(None, {"observation": observations})[0]),
    }
    reach = model.action_space.high - model.action_space.low
    deviations = {name: float(np.max(np.abs(a - expected) / reach)) for name, a in got.items()}
    for name, deviation in deviations.items():
        if not deviation <= TOLERANCE:
            raise RuntimeError(
                f"policy.{name} deviates from the model by {deviation:.1e} of the action range; report this"
            )
    return deviations


def _actor_modules(model: Any, algorithm: str) -> list[Any]:
    if algorithm == "ppo":
        return [*model.policy.mlp_extractor.policy_net, model.policy.action_net]
    if algorithm == "td3":
        return list(model.policy.actor.mu)
    return [*model.policy.actor.latent_pi, model.policy.actor.mu]


def _affine(module: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    arrays = (module.ra_mean, module.ra_var, module.scale, module.bias)
    mean, variance, gain, bias = (a.detach().cpu().numpy().astype(np.float64) for a in arrays)
    scale = gain / np.sqrt(variance + module.eps)
    return scale, bias - mean * scale


def _write_weights(path: Path, layers: list[tuple[NDArray[Any], NDArray[Any], str]], model: Any) -> None:
    arrays: dict[str, Any] = {f"weight_{i}": w.astype(np.float32) for i, (w, _, _) in enumerate(layers)}
    arrays |= {f"bias_{i}": b.astype(np.float32) for i, (_, b, _) in enumerate(layers)}
    arrays |= {"action_low": model.action_space.low, "action_high": model.action_space.high}
    activations = np.array([a for _, _, a in layers])
    squashed = np.array(bool(model.policy.squash_output))
    np.savez(path, **arrays, activations=activations, squashed=squashed)


def _write_onnx(path: Path, model: Any, algorithm: str) -> None:
    import torch

    actor = _deterministic_actor(model, algorithm)
    example = torch.zeros(2, model.observation_space.shape[0])
    dynamic = ({0: torch.export.Dim("batch")},)
    for talkative in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, from its exporter
        program = torch.onnx.export(
            actor,
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


def _deterministic_actor(model: Any, algorithm: str) -> Any:
    """The actor as a torch module, observation to action in the box (STACK "Traps": PPO clips, the others unsquash)."""
    import torch

    low, high = (torch.as_tensor(b) for b in (model.action_space.low, model.action_space.high))
    policy, squashed = model.policy, bool(model.policy.squash_output)

    class Actor(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.actor = policy if algorithm == "ppo" else policy.actor

        def forward(self, observation: torch.Tensor) -> torch.Tensor:
            if algorithm == "ppo":
                action = policy.action_net(policy.mlp_extractor.policy_net(observation))
            elif algorithm == "td3":
                action = self.actor.mu(observation)
            else:
                action = torch.tanh(self.actor.get_action_dist_params(observation)[0])
            if squashed:
                action = low + 0.5 * (action + 1.0) * (high - low)
            return torch.maximum(torch.minimum(action, high), low)

    return Actor().cpu().eval()
