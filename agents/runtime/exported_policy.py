"""Runs an exported bundle with numpy alone: measurements in, setpoints out, both in physical units."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.runtime.manifest import MANIFEST, WEIGHTS, read_manifest
from agents.runtime.measurements import believed
from agents.runtime.stored_arrays import stored_arrays
from envs.controllers.base import CombinedController
from envs.controllers.plain_rule import rule_from
from envs.interface.action import value_in_force
from envs.interface.channel import Channel
from envs.interface.interface import IN_FORCE, InterfaceData, PointData, channels_from, interface_from, with_rule
from envs.interface.points import RULE

Array = NDArray[np.floating]

LONGEST_PROBLEM = 1000  # characters of a fault that a message repeats
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
        for weight, bias, activation in zip(self.weights, self.biases, self.activations):
            x = apply_activation(activation, x @ weight + bias)
        if self.squashed:
            x = self.low + 0.5 * (x + 1.0) * (self.high - self.low)
        return np.clip(x, self.low, self.high)


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
        try:
            self._bind(self.manifest["interface"], step_s)
            told = self.manifest["network"]
            sizes = told["observation_size"], told["action_size"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"{self.folder / MANIFEST} cannot be used: {str(error)[:LONGEST_PROBLEM]}") from error
        self.network = Network(self.folder / WEIGHTS)
        self._require_one_size(sizes)

    def _bind(self, data: InterfaceData, step_s: float | None) -> None:
        self.interface = interface_from(data, step_s)
        self.rule: CombinedController | None = None
        self.ruled: tuple[Channel, ...] = ()
        self.read: list[PointData] = [p for p in data["points"] if not p["name"].startswith(RULE)]
        if "rule" in data:
            self.rule = rule_from(data["rule"]["parts"], self.interface.step_s)
            self.read += data["rule"]["points"]
            self.ruled = channels_from(data["rule"]["channels"])

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what the rule remembers that the actions add to; call it where an episode or a watch begins."""
        if self.rule is not None:
            self.rule.reset(n, mask)

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
            Channel to setpoints ``(k,)`` or ``(k, B)``, in the channel's unit, for every channel that the policy
            or its rule holds.

        Raises
        ------
        ValueError
            Naming the measurement that is missing, not finite, of another shape, or impossible.
        """
        given, single = believed(measurements, self.read)
        wanted = {} if self.rule is None else self.rule.act(given)
        given = with_rule(given, wanted)
        targets = self.interface.decode(self.predict(self.interface.encode(given)), given)
        setpoints = self.interface.limited(targets, given)
        for c in self.ruled:
            setpoints[c.name] = value_in_force(c, wanted[c.name], given[IN_FORCE + c.name], self.interface.step_s)
        return {name: value[:, 0] for name, value in setpoints.items()} if single else setpoints

    def predict(self, observation: ArrayLike) -> Array:
        """Action of an observation, as `Network.predict`."""
        return self.network.predict(observation)

    def _require_one_size(self, sizes: tuple[int, int]) -> None:
        bound = self.interface.observer.size, self.interface.decoder.size
        if not self.network.sizes == sizes == bound:
            raise ValueError(
                f"{self.folder}: the network takes and gives {self.network.sizes} elements, the manifest says "
                f"{str(sizes)[:60]} and its points and channels are {bound}; export the policy again"
            )
