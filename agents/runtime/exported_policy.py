"""Runs an exported bundle with numpy alone: measurements in, setpoints out, both in physical units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.runtime.manifest import read_manifest
from agents.runtime.measurements import believed
from envs.interface.interface import interface_from

Array = NDArray[np.floating]

WEIGHTS = "policy.npz"


def apply_activation(name: str, x: Array) -> Array:
    """``tanh``, ``relu``, ``elu`` or ``identity`` of an array."""
    if name == "tanh":
        return np.tanh(x)
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "elu":
        return np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))
    return x


class ExportedPolicy:
    """The deterministic policy of a bundle; a controller as every other.

    Parameters
    ----------
    folder : Path or str
        The bundle: ``policy.npz`` and ``manifest.json``.
    step_s : float, optional
        Seconds between two calls of ``act``, over which setpoints slew; those of the training when left out.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the bundle is incomplete, a file was changed (see ``read_manifest``), or the manifest decodes by other
        rules than this version.
    """

    def __init__(self, folder: Path | str, step_s: float | None = None) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self.interface = interface_from(self.manifest["interface"], step_s)
        with np.load(self.folder / WEIGHTS, allow_pickle=False) as stored:
            self.activations = [str(name) for name in stored["activations"]]
            layers = range(len(self.activations))
            self.weights = [np.ascontiguousarray(stored[f"weight_{i}"].T) for i in layers]
            self.biases = [stored[f"bias_{i}"] for i in layers]
            self.low, self.high = stored["action_low"], stored["action_high"]
            self.squashed = bool(stored["squashed"])

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing is remembered."""

    def act(self, measurements: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """Setpoints for the coming control step: decoded, inside their ranges, no further than the slew allows.

        Where a setpoint in force stands outside the range (the site's own), the slew goes before the range: it moves
        towards the range, step by step.

        Parameters
        ----------
        measurements : mapping
            Every point of the manifest to its rows ``(k,)`` of one site or ``(k, B)`` of B sites, in its unit. A single
            row may be a plain number. ``in_force.<channel>`` are the setpoints in force now.

        Returns
        -------
        dict
            Channel to setpoints ``(k,)`` or ``(k, B)``, in the channel's unit, for every channel that the policy holds.

        Raises
        ------
        ValueError
            Naming the measurement that is missing, not finite, of another shape, or impossible.
        """
        given, single = believed(measurements, self.manifest["interface"]["points"])
        targets = self.interface.decode(self.predict(self.interface.encode(given)), given)
        setpoints = self.interface.limited(targets, given)
        return {name: value[:, 0] for name, value in setpoints.items()} if single else setpoints

    def predict(self, observation: ArrayLike) -> Array:
        """Action ``(n_act,)`` of an observation ``(n_obs,)``, or ``(B, n_act)`` of ``(B, n_obs)``, in the box.

        Raises
        ------
        ValueError
            Where the observation has another shape, or holds a number that is masked or not finite.
        """
        x: Array = np.ma.filled(np.ma.asarray(observation, np.float32), np.nan)
        expected = self.weights[0].shape[0]
        if x.ndim not in (1, 2):
            raise ValueError(f"the observation has shape {x.shape}; give ({expected},) or (B, {expected})")
        if x.shape[-1] != expected:
            raise ValueError(f"the observation has {x.shape[-1]} elements; this policy was trained on {expected}")
        if not np.isfinite(x).all():
            raise ValueError(f"observation element {np.argwhere(~np.isfinite(x))[0][-1]} is not a finite number")
        for weight, bias, activation in zip(self.weights, self.biases, self.activations):
            x = apply_activation(activation, x @ weight + bias)
        if self.squashed:
            x = self.low + 0.5 * (x + 1.0) * (self.high - self.low)
        return np.clip(x, self.low, self.high)
