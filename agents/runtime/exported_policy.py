"""Runs an exported bundle with numpy alone: no torch, no simulator, microseconds an action."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.runtime.manifest import read_manifest

WEIGHTS = "policy.npz"


def apply_activation(name: str, x: NDArray[Any]) -> NDArray[Any]:
    """``tanh``, ``relu``, ``elu`` or ``identity`` of an array."""
    if name == "tanh":
        return np.tanh(x)
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "elu":
        return np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))
    return x


class ExportedPolicy:
    """The deterministic policy of a bundle.

    Parameters
    ----------
    folder : Path or str
        The bundle: ``policy.npz`` and ``manifest.json``.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the bundle is incomplete or a file was changed (see ``read_manifest``).
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        with np.load(self.folder / WEIGHTS, allow_pickle=False) as stored:
            self.activations = [str(name) for name in stored["activations"]]
            layers = range(len(self.activations))
            self.weights = [np.ascontiguousarray(stored[f"weight_{i}"].T) for i in layers]
            self.biases = [stored[f"bias_{i}"] for i in layers]
            self.low, self.high = stored["action_low"], stored["action_high"]
            self.squashed = bool(stored["squashed"])

    def predict(self, observation: NDArray[Any]) -> NDArray[Any]:
        """Action ``(n_act,)`` of an observation ``(n_obs,)``, or ``(B, n_act)`` of ``(B, n_obs)``, in the box.

        Raises
        ------
        ValueError
            Where the observation has another length or holds a number that is not finite.
        """
        x = np.asarray(observation, np.float32)
        expected = self.weights[0].shape[0]
        if x.shape[-1] != expected:
            raise ValueError(f"the observation has {x.shape[-1]} elements; this policy was trained on {expected}")
        if not np.isfinite(x).all():
            raise ValueError(f"observation element {np.argwhere(~np.isfinite(x))[0][-1]} is not a finite number")
        for weight, bias, activation in zip(self.weights, self.biases, self.activations):
            x = apply_activation(activation, x @ weight + bias)
        if self.squashed:
            x = self.low + 0.5 * (x + 1.0) * (self.high - self.low)
        return np.clip(x, self.low, self.high)
