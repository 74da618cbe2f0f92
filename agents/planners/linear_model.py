"""A linear model of a hall, learnt from its telemetry: what inlets and cooling power answer to setpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.channels import Channel
from envs.twin.telemetry.telemetry import COOLING, Telemetry

Array = NDArray[np.float64]

INLET = "zone_inlet_max_c"
DISTURBANCES = ("row_demand_share", "wet_bulb_c", "dry_bulb_c")
POINTS = (INLET, *DISTURBANCES)  # of the telemetry, besides setpoints in force and the meter of cooling power
SEEN_PERCENT = 2.0  # of the telemetry at either end of a setpoint is not counted as seen
RIDGE = 1e-4  # of the normalised sum of squares; engineering guess


class LinearModel(NamedTuple):
    """``x' = A x + B u + C d + c`` and ``p = a x + b u + e d + g``, in shares of the setpoints' ranges.

    Attributes
    ----------
    state, controls, disturbances, offset : ndarray
        ``A (Z, Z)``, ``B (Z, U)``, ``C (Z, D)``, ``c (Z,)``: warmest inlet of each zone a control step later [degC].
    power : ndarray (U,)
        ``b``: cooling power that a setpoint costs over its whole range [kW].
    low, high : ndarray (U, 1)
        Between which shares of their ranges the setpoints moved; outside the model knows nothing.
    r2 : float
        Share of the inlets' change over a step that the model explains, on what it was learnt from.
    """

    state: Array
    controls: Array
    disturbances: Array
    offset: Array
    power: Array
    low: Array
    high: Array
    r2: float


def learnt_model(seen: Telemetry, channels: Sequence[Channel]) -> LinearModel:
    """Least squares over all rows and environments, as they are of one plant.

    Parameters
    ----------
    seen : Telemetry
        With ``POINTS``, setpoints in force and cooling power; a row's setpoints held in the step that ends there.
    channels : sequence of Channel
        Whose setpoints the controller moves.

    Raises
    ------
    ValueError
        Where the telemetry is shorter than the model has coefficients.
    """
    inlet, power = (_rows(seen.values[name]) for name in (INLET, COOLING))
    setpoints = controls_of(seen.values, channels)
    disturbances = np.concatenate([_rows(seen.values[name]) for name in DISTURBANCES], axis=1)
    before, after = inlet[:-1], inlet[1:]
    inputs = np.concatenate([before, setpoints[1:], disturbances[:-1]], axis=1)
    x, y, p = (_flat(v) for v in (inputs, after, power[1:]))
    if len(x) < 4 * (x.shape[1] + 1):
        raise ValueError(f"{len(x)} rows of telemetry for {x.shape[1] + 1} coefficients; record a day or more")
    weights, offset = _ridge(x, y)
    costs, _ = _ridge(x, p)
    zones, controls = before.shape[1], setpoints.shape[1]
    change = y - x[:, :zones]
    rest = y - (x @ weights + offset)
    return LinearModel(
        state=weights[:zones].T,
        controls=weights[zones : zones + controls].T,
        disturbances=weights[zones + controls :].T,
        offset=offset,
        power=costs[zones : zones + controls, 0],
        low=np.percentile(setpoints, SEEN_PERCENT, axis=(0, 2))[:, None],
        high=np.percentile(setpoints, 100.0 - SEEN_PERCENT, axis=(0, 2))[:, None],
        r2=float(1.0 - rest.var() / max(change.var(), 1e-12)),
    )


def controls_of(values: Mapping[str, NDArray[np.floating]], channels: Sequence[Channel]) -> Array:
    """Setpoints in force of the channels as shares of their ranges, ``(..., U, B)``."""
    shares = [(np.asarray(values[f"in_force.{c.name}"], np.float64) - c.low) / (c.high - c.low) for c in channels]
    return np.concatenate(shares, axis=-2)


def disturbances_of(measurements: Mapping[str, NDArray[np.floating]]) -> Array:
    """What the model takes as given ``(D, B)``."""
    return np.concatenate([np.asarray(measurements[name], np.float64) for name in DISTURBANCES], axis=0)


def _rows(value: NDArray[np.floating]) -> Array:
    return np.asarray(value, np.float64)


def _flat(value: Array) -> Array:
    """``(T, k, B)`` to ``(T B, k)``."""
    return np.moveaxis(value, 1, 2).reshape(-1, value.shape[1])


def _ridge(x: Array, y: Array) -> tuple[Array, Array]:
    """Weights ``(n, m)`` and offset ``(m,)``; columns that never move get none."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scaled = np.where(spread > 1e-9, (x - mean) / np.maximum(spread, 1e-9), 0.0)
    gram = scaled.T @ scaled / len(x) + RIDGE * np.eye(x.shape[1])
    found = np.linalg.solve(gram, scaled.T @ (y - y.mean(axis=0)) / len(x))
    weights: Array = found / np.maximum(spread, 1e-9)[:, None]
    return weights, y.mean(axis=0) - mean @ weights
