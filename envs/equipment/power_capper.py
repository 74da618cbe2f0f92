"""Protective power capper: Dynamo's three bands on rows, UPS and utility, at the sub-step (PHYSICS i7).

A feeder that reaches 99 % of its limit is engaged; its racks then share 95 % of the limit; below 90 % it lets go. It is
a fast protection, not an optimiser: the budget is shared in proportion to the part of each rack's demand that can be
capped (PHYSICS i7, "proportional"); priorities and water-filling are the business of the slower controllers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, as_mask, lower, namespace, upper

_FREE = 1e12  # share of a feeder that does not bind
_SPARK_KW = 1e-3  # cappable part given to an idle rack, so that a share is never 0/0


@dataclass(frozen=True)
class PowerCapper(Parameters):
    """Bands of the protection, as shares of each feeder's limit."""

    enabled: bool = True
    cap_frac: float = parameter(0.99, 0.5, 1.2, "1", "PHYSICS i7, Dynamo [R]")
    target_frac: float = parameter(0.95, 0.4, 1.1, "1", "PHYSICS i7, Dynamo [R]")
    release_frac: float = parameter(0.90, 0.3, 1.0, "1", "PHYSICS i7, Dynamo [R]")

    def __post_init__(self) -> None:
        """Check the ranges and that the bands stand in order."""
        super().__post_init__()
        if not self.release_frac < self.target_frac < self.cap_frac:
            raise ValueError(
                f"PowerCapper bands release {self.release_frac}, target {self.target_frac}, cap {self.cap_frac} are "
                "out of order; give release < target < cap, such as 0.90, 0.95, 0.99"
            )


class CapperState(NamedTuple):
    """Which feeders are being held, stacked rows, UPS, utility."""

    engaged: Array
    """0 or 1 ``(P + 2, B)``."""


class CapperFlows(NamedTuple):
    """What the racks are told for the next sub-step."""

    limit_kw: Array
    """Power limit of each rack ``(R, B)`` [kW], never above the one given."""
    active: Array
    """1 where any feeder is engaged ``(B,)``."""


def initial(rows: int, n: int, dtype: DTypeLike = np.float32) -> CapperState:
    """Nothing engaged."""
    return CapperState(np.zeros((rows + 2, n), dtype=dtype))


def node_limits(
    row_limit_kw: Array, ups_limit_kw: Array, utility_limit_kw: Array, dtype: DTypeLike = np.float32
) -> Array:
    """Limits stacked rows ``(P,)`` or ``(P, 1)``, UPS, utility: ``(P + 2, 1)``, or ``(P + 2, B)`` where one varies."""
    rows = np.asarray(row_limit_kw, dtype=dtype)
    parts = [rows.reshape(rows.shape[0], -1)]
    parts += [np.asarray(x, dtype=dtype).reshape(1, -1) for x in (ups_limit_kw, utility_limit_kw)]
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.broadcast_to(part, (part.shape[0], width)) for part in parts])


def advance(
    p: PowerCapper,
    row_racks: Array,
    rack_row: Array,
    state: CapperState,
    node_limit_kw: Array,
    node_power_kw: Array,
    row_it_kw: Array,
    limit_kw: Array,
    demand_kw: Array,
    floor_kw: Array,
) -> tuple[CapperState, CapperFlows]:
    """Decide the limits of the next sub-step from what this one measured.

    Parameters
    ----------
    p : PowerCapper
        Bands.
    row_racks, rack_row : array
        0/1 matrix ``(P, R)`` and the row of each rack ``(R,)``.
    state : CapperState
        Engaged feeders.
    node_limit_kw, node_power_kw : array
        Limit ``(P + 2, 1)`` or ``(P + 2, B)`` and measured power ``(P + 2, B)`` [kW] of rows, UPS, utility.
    row_it_kw : array
        Measured power of each row's racks ``(P, B)`` [kW]: the rest of a feeder's power (losses, fans, cooling) is
        taken from its budget as measured. It falls with the racks, so the budget errs to the safe side.
    limit_kw : array
        Limits of the agent or the slower controllers ``(R, B)`` [kW].
    demand_kw : array
        What each rack would draw without a cap ``(R, B)`` [kW].
    floor_kw : array
        What no cap can take from a rack ``(R, 1)`` or ``(R, B)`` [kW].

    Notes
    -----
    ``cap_i = floor_i + (d_i - floor_i) B'/D'`` with ``d`` the demand within the given limits, ``B'`` the feeder's
    budget above the floors and ``D'`` the demand above them. A share above one lets racks grow up to the budget, so
    a feeder stays within its target whatever the next demand is, as far as the floors allow.
    """
    xp = namespace(limit_kw)
    if not p.enabled:
        return CapperState(state.engaged * 0.0), CapperFlows(limit_kw, state.engaged[0] * 0.0)
    rows = row_it_kw.shape[0]
    load = node_power_kw / node_limit_kw
    engaged = xp.maximum(as_mask(load >= p.cap_frac, load), state.engaged * as_mask(load >= p.release_frac, load))
    wanted = xp.minimum(demand_kw, limit_kw)
    floor = xp.minimum(wanted, floor_kw)
    cappable = wanted - floor + _SPARK_KW
    floor_row, cappable_row = row_racks @ floor, row_racks @ cappable
    spare = node_limit_kw * p.target_frac - node_power_kw + (1.0 - engaged) * _FREE
    share_row = upper(spare[:rows] + row_it_kw - floor_row, 0.0) / cappable_row
    held_row = lower(share_row, 1.0)
    site = xp.minimum(spare[-2], spare[-1]) + xp.sum(row_it_kw - floor_row, axis=0)
    share_site = upper(site, 0.0) / upper(xp.sum(cappable_row * held_row, axis=0), _SPARK_KW)  # no budget anywhere: 0/0
    share = xp.minimum(share_row, share_site * held_row)
    cap = floor + cappable * xp.take(share, rack_row, axis=0)
    return CapperState(engaged), CapperFlows(xp.minimum(cap, limit_kw), xp.max(engaged, axis=0))
