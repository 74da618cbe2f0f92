"""Integrated gradients of a bundle's network, with numpy alone, complete to the last digits of a float.

The path from a usual observation to the present one is cut into parts. Where integrated gradients [1] take the slope of
an activation at a point of the path, this takes the secant over a part. Both have the same limit; with the secant the
attributions of every part add up to the change of the output, whatever the number of parts [2].

References
----------
[1] Sundararajan, M., Taly, A., Yan, Q. (2017), Axiomatic attribution for deep networks, ICML, eq. 1.
[2] Shrikumar, A., Greenside, P., Kundaje, A. (2017), Learning important features through propagating activation
    differences, ICML, section 3.5.1 (rescale rule), which is one part.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.runtime.network import Network, apply_activation

Array = NDArray[np.float64]
PARTS = 32
_SAME = 1e-12  # inputs of an activation that differ by less have the slope at their middle


def attributed(network: Network, usual: Array, now: Array, parts: int = PARTS) -> Array:
    """What each element of an observation adds to each action ``(n_act, n_obs)``, against a usual observation.

    Rows sum to the action now less the usual action.

    Parameters
    ----------
    network : Network
    usual, now : ndarray (n_obs,)
        Scaled observations.
    parts : int
        Of the path.
    """
    begin, end = np.asarray(usual, np.float64), np.asarray(now, np.float64)
    path = begin + np.linspace(0.0, 1.0, parts + 1)[:, None] * (end - begin)
    x = path
    chain: Array = np.broadcast_to(np.eye(network.sizes[0]), (parts, network.sizes[0], network.sizes[0]))
    for weight, bias, activation in zip(network.weights, network.biases, network.activations):
        z = x @ weight.astype(np.float64) + bias.astype(np.float64)
        x = _activated(activation, z)
        chain = (chain @ weight.astype(np.float64)) * _secants(z, x, partial(_activated, activation))
    if network.squashed:
        chain, x = chain * (0.5 * (network.high - network.low)), _unsquashed(network, x)
    boxed = _boxed(network, x)
    chain = chain * _secants(x, boxed, lambda v: _boxed(network, v))
    slopes: Array = chain.mean(axis=0).T
    return slopes * (end - begin)


def action_of(network: Network, observation: Array) -> Array:
    """The action ``(n_act,)`` in float64: what attributions add up to."""
    x = np.asarray(observation, np.float64)
    for weight, bias, activation in zip(network.weights, network.biases, network.activations):
        x = _activated(activation, x @ weight.astype(np.float64) + bias.astype(np.float64))
    return _boxed(network, _unsquashed(network, x) if network.squashed else x)


def _activated(name: str, x: Array) -> Array:
    return np.asarray(apply_activation(name, x), np.float64)


def _unsquashed(network: Network, x: Array) -> Array:
    return network.low + 0.5 * (x + 1.0) * (network.high - network.low)


def _boxed(network: Network, x: Array) -> Array:
    boxed: Array = np.minimum(np.maximum(x, network.low), network.high)
    return boxed


def _secants(z: Array, y: Array, function: Callable[[Array], Array]) -> Array:
    """Slopes ``(parts, 1, k)`` of an elementwise function over each part of a path ``(parts + 1, k)``."""
    dz, dy, middle = np.diff(z, axis=0), np.diff(y, axis=0), 0.5 * (z[1:] + z[:-1])
    step = 1e-6
    local = (function(middle + step) - function(middle - step)) / (2.0 * step)
    is_same = np.abs(dz) < _SAME
    slope: Array = np.where(is_same, local, dy / np.where(is_same, 1.0, dz))
    return slope[:, None, :]
