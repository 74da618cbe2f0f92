"""The network of a bundle, with numpy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.runtime.stored_arrays import stored_arrays

Array = NDArray[np.floating]

ACTIVATIONS = ("tanh", "relu", "elu", "identity")


def apply_activation(name: str, x: Array) -> Array:
    """``tanh``, ``relu``, ``elu`` or ``identity`` of an array."""
    if name == "tanh":
        return np.tanh(x)
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "elu":
        return np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))
    return x


class Network:
    """The network of a bundle: observations in, actions out, with numpy alone.

    Parameters
    ----------
    path : Path
        ``policy.npz``; pickles in it are refused.

    Raises
    ------
    ValueError
        Where the file is damaged, its layers do not fit each other, or a number is not finite.
    """

    def __init__(self, path: Path) -> None:
        try:
            stored: dict[str, Any] = stored_arrays(path)
            self.activations = [str(name) for name in stored["activations"]]
            layers = range(len(self.activations))
            self.weights = [np.ascontiguousarray(stored[f"weight_{i}"].T) for i in layers]
            self.biases = [stored[f"bias_{i}"] for i in layers]
            self.low, self.high = stored["action_low"], stored["action_high"]
            self.squashed = bool(stored["squashed"])
            self._require_sound()
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"{path} is no network of a bundle ({error}); export the policy again") from None

    @property
    def sizes(self) -> tuple[int, int]:
        """Elements of an observation and of an action."""
        return self.weights[0].shape[0], self.weights[-1].shape[1]

    def _require_sound(self) -> None:
        unknown = set(self.activations) - set(ACTIVATIONS)
        if unknown or not self.activations:
            raise ValueError(f"activations {sorted(unknown) or 'none'}, this version has {', '.join(ACTIVATIONS)}")
        width = self.weights[0].shape[0]
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            if weight.ndim != 2 or weight.shape[0] != width or bias.shape != weight.shape[1:]:
                raise ValueError(f"layer {i}: weights {weight.shape} and biases {bias.shape} after {width} elements")
            width = weight.shape[1]
        if self.low.shape != (width,) or self.high.shape != (width,):
            raise ValueError(f"bounds {self.low.shape} and {self.high.shape} of {width} actions")
        if not all(np.isfinite(a).all() for a in (*self.weights, *self.biases, self.low, self.high)):
            raise ValueError("a weight, bias or bound is not a finite number")

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
        return self.forward(x)

    def forward(self, x: Array) -> Array:
        """As `predict`, of an observation float32 that is known to be in order."""
        for weight, bias, activation in zip(self.weights, self.biases, self.activations):
            x = apply_activation(activation, x @ weight + bias)
        if self.squashed:
            x = self.low + 0.5 * (x + 1.0) * (self.high - self.low)
        action: Array = np.minimum(np.maximum(x, self.low), self.high)
        return action
