"""Where a rack's inlet air comes from: supply, the hot aisle and the exhaust of its neighbours, PHYSICS C4 and C5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from envs.physics.namespace import Array, namespace

NEIGHBOUR_REACH = 2.0  # racks over which the exhaust of a neighbour fades by e, engineering guess
OTHER_ROW_WEIGHT = 0.2  # of a rack at the same place in another row of the zone, engineering guess
_BALANCING_SWEEPS = 500


def smooth_minimum(a: Array, b: Array, width: float) -> Array:
    """Minimum of two non-negative flows, rounded where they are equal and exact where either is zero.

    ``(a + b - sqrt((a - b)^2 + 4 w^2 a b))/2``: it is ``(1 - w) a`` at ``a = b``, never above either, and zero with
    either of them.
    """
    return 0.5 * (a + b - ((a - b) ** 2 + (4.0 * width * width) * (a * b)) ** 0.5)


def rack_share(phi: Array, spread: Array) -> Array:
    """Recirculated share of each rack's air [0..1] from that of its zone.

    ``phi_r = phi (1 + (1 - phi)(s_r - 1))``: the flow-weighted mean stays ``phi`` where that of ``s`` is 1; it lies in
    [0, 1] for ``s`` in [0, 2] without a clip; a zone without supply air (``phi = 1``) leaves no rack out.

    Parameters
    ----------
    phi : array
        Recirculated share of the rack's zone, ``(R, B)`` [1].
    spread : array
        Relative exposure of the rack, ``(R, 1)``, 0..2 with flow-weighted mean 1 per zone [1].
    """
    return phi * (spread - (spread - 1.0) * phi)


def mixed_inlet(supply_c: Array, aside_k: Array, near_c: Array, share: Array) -> Array:
    """Inlet temperature [degC] of air of which ``share`` is recirculated, PHYSICS C4 and C5.

    ``T_in = (1 - phi_r) T_sup + phi_r (kappa T_near + (1 - kappa) T_hot)``: weights are non-negative and sum to 1.

    Parameters
    ----------
    supply_c : array
        Supply temperature of the rack's zone, ``(R, B)`` [degC].
    aside_k : array
        ``(1 - kappa) T_hot - T_sup`` of the rack's zone, ``(R, B)`` [K], summed up per zone to save work per rack.
    near_c : array
        ``kappa A T_exhaust`` [K], ``(R, B)``: exhaust that comes straight from near racks.
    share : array
        ``phi_r`` [1].
    """
    return supply_c + share * (aside_k + near_c)


def to_racks(membership: Array, x: Array) -> Array:
    """Spread a value per zone ``(Z, B)`` to the racks of the zones ``(R, B)``; one zone stays ``(1, B)``."""
    return x if membership.shape[0] == 1 else namespace(x).matmul(membership.T, x)


def recirculation_matrix(
    row_of_rack: Sequence[int], zone_of_rack: Sequence[int], airflow: Any = None, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Build the static shares ``A (R, R)``: of the exhaust that rack r breathes, ``A[r, j]`` comes from rack j.

    Rows sum to 1 within the zone, neighbours in the row weigh most. At the given airflows also ``sum_r m_r A[r, j] =
    m_j`` (nobody's exhaust is breathed twice), so that the flow-weighted mean of ``A T`` is that of ``T``.

    Parameters
    ----------
    row_of_rack, zone_of_rack : sequence of int
        Row and zone of each rack, in rack order; racks of a row stand side by side in that order.
    airflow : array-like, optional
        Nominal airflow of each rack, any unit; equal if not given.
    dtype : dtype
        Of the result.

    Notes
    -----
    ``exp(-|place_r - place_j|/2)``, times 0.2 across rows (engineering guess; fit to a flow simulation where there is
    one), balanced to the airflows as a symmetric matrix.
    """
    rows, zones = np.asarray(row_of_rack), np.asarray(zone_of_rack)
    flow = np.ones(len(rows)) if airflow is None else np.asarray(airflow, dtype=np.float64).reshape(-1)
    place = _place_in_row(rows)
    kernel = np.exp(-np.abs(place[:, None] - place[None, :]) / NEIGHBOUR_REACH)
    kernel *= np.where(rows[:, None] == rows[None, :], 1.0, OTHER_ROW_WEIGHT) * (zones[:, None] == zones[None, :])
    scale = np.ones(len(rows))
    for _ in range(_BALANCING_SWEEPS):
        scale = np.sqrt(scale * flow / (kernel @ scale))
    shares = scale[:, None] * kernel * scale[None, :]
    return (shares / shares.sum(axis=1, keepdims=True)).astype(dtype)


def rack_spread(
    row_of_rack: Sequence[int],
    zone_of_rack: Sequence[int],
    amplitude: float = 0.5,
    airflow: Any = None,
    dtype: DTypeLike = np.float32,
) -> np.ndarray:
    """Relative exposure of each rack to recirculation ``(R, 1)``: the ends of a row breathe most, PHYSICS C5.

    Parameters
    ----------
    row_of_rack, zone_of_rack : sequence of int
        Row and zone of each rack, in rack order.
    amplitude : float
        0 (all alike) to 0.5; an end rack has about ``1 + amplitude`` of the mean (engineering guess: 0.5).
    airflow : array-like, optional
        Nominal airflow of each rack; the weighted mean of the spread is 1 in each zone.
    dtype : dtype
        Of the result.
    """
    if not 0.0 <= amplitude <= 0.5:
        raise ValueError(f"amplitude = {amplitude!r} is outside [0, 0.5]; give 0 for racks that are all alike")
    rows, zones = np.asarray(row_of_rack), np.asarray(zone_of_rack)
    flow = np.ones(len(rows)) if airflow is None else np.asarray(airflow, dtype=np.float64).reshape(-1)
    place = _place_in_row(rows)
    last = np.array([np.count_nonzero(rows == row) - 1 for row in rows])
    from_middle = np.where(last > 0, np.abs(2.0 * place / np.maximum(last, 1) - 1.0), 0.0)
    spread = 1.0 + amplitude * from_middle**2
    for zone in np.unique(zones):
        inside = zones == zone
        spread[inside] += 1.0 - np.average(spread[inside], weights=flow[inside])
    return spread[:, None].astype(dtype)


def _place_in_row(rows: np.ndarray) -> np.ndarray:
    """Position of each rack in its row, counted from 0 in rack order."""
    return np.array([np.count_nonzero(rows[:i] == row) for i, row in enumerate(rows)])
