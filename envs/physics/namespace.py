"""The array engine of a value, and the few array laws that every machine uses: bounds and exact first-order lags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What laws and machines compute with: an array of numpy or torch, or a number that spreads over one. They share no
#: static type. The plant, which puts the machines together, runs on numpy and on what the engine makes of it.
Array = Any
#: What stands around the plant (episodes, interface, controllers, twin, agents) computes with: numpy's numbers.
Floats = NDArray[Any]


def namespace(x: Array) -> Any:
    """Array namespace of ``x``: numpy at once for numpy arrays and numbers, else by array-api-compat."""
    if isinstance(x, (np.ndarray, np.generic, float, int)):
        return np
    return _other_namespace(x)


def device_of(x: Array) -> Any:
    """Where an array lies: what is made beside it goes there too."""
    if isinstance(x, (np.ndarray, np.generic)):
        return "cpu"
    from array_api_compat import device

    return device(x)


def _other_namespace(x: Array) -> Any:
    """Of an array that is not numpy's; a twin on an operator's box has numpy alone."""
    from array_api_compat import array_namespace

    return array_namespace(x)


def lower(x: Array, c: Array) -> Array:
    """Return the lower of ``x`` and ``c``, elementwise; either may be a python number and takes the other's dtype."""
    if type(x) is np.ndarray:
        return np.minimum(x, c)
    return _pick(x, c, "minimum")


def upper(x: Array, c: Array) -> Array:
    """Return the upper of ``x`` and ``c``, elementwise; either may be a python number and takes the other's dtype."""
    if type(x) is np.ndarray:
        return np.maximum(x, c)
    return _pick(x, c, "maximum")


def _pick(x: Array, c: Array, name: str) -> Array:
    """Minimum or maximum on every engine; two python numbers stay a python number."""
    if isinstance(x, (float, int)) and not isinstance(x, np.generic):
        if isinstance(c, (float, int)) and not isinstance(c, np.generic):
            return min(x, c) if name == "minimum" else max(x, c)
        x, c = c, x
    if isinstance(x, (np.ndarray, np.generic)):
        return (np.minimum if name == "minimum" else np.maximum)(x, c)
    xp = _other_namespace(x)
    if isinstance(c, (float, int)):
        return xp.clip(x, max=c) if name == "minimum" else xp.clip(x, min=c)
    return getattr(xp, name)(x, c)


def clip(x: Array, lo: Array, hi: Array) -> Array:
    """``x`` held in ``[lo, hi]``, elementwise; where ``lo > hi`` the upper bound wins."""
    return lower(upper(x, lo), hi)


def as_mask(condition: Array, like: Array) -> Array:
    """Comparison result as an array of 0 and 1 in the dtype of ``like``."""
    if isinstance(condition, np.ndarray):
        return condition.astype(like.dtype)
    return namespace(like).astype(condition, like.dtype)


def lag_share(tau_s: Array, dt_s: float) -> Array:
    """Share of a step's distance that a first-order lag covers in ``dt_s``: ``1 - exp(-dt/tau)`` [1].

    A python ``tau_s`` of zero or less means no lag (share 1); an array must be positive.
    """
    if isinstance(tau_s, (float, int)):
        return -math.expm1(-dt_s / tau_s) if tau_s > 0.0 else 1.0
    return -namespace(tau_s).expm1(-dt_s / tau_s)


def relax(x: Array, target: Array, tau_s: Array, dt_s: float) -> Array:
    """Exact first-order approach of ``x`` to ``target``: ``x + (target - x)(1 - exp(-dt/tau))``, PHYSICS T1.

    Parameters
    ----------
    x, target : array
        Value now and the value it tends to, same unit, broadcastable.
    tau_s : float or array
        Time constant [s]; zero means at once.
    dt_s : float
        Step [s], any length.
    """
    return x + (target - x) * lag_share(tau_s, dt_s)
