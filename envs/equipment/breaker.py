"""Breakers of racks, rows and the UPS: how long an overload may last, and what is dark after it.

Two forms (PHYSICS F3): a thermal memory that remembers repeated overloads (default), and damage accumulated along an
inverse-time curve (Dynamo's field curves [R], or IEC 60255 extremely inverse). The instant of a trip is solved
analytically inside the sub-step, so a protection of a minute does not depend on the step.

After a trip the breaker and all below it stay down for ``restart_s``; the memory is cleared when it opens. Nothing is
gained by a trip: the work is lost, and the down time is rounded up to whole sub-steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, as_mask, lag_share, lower, namespace, upper

FORMS = ("thermal", "power_law", "iec")

#: Dynamo's field curves ``t = c (i - 1)^-n`` [s] (PHYSICS F3, recalled): a rack or row panel, and a main board.
RPP_CURVE = (9.223, 2.044)
MSB_CURVE = (18.13, 0.631)
_CURVE_FROM = 1.001  # below this overload the curves accumulate nothing (PHYSICS F3)
_TINY = 1e-12
_UP_S = 1e-3  # a timer below this is over


@dataclass(frozen=True)
class Breaker(Parameters):
    """Trip law shared by all breakers of a site; ratings come with the nodes."""

    form: str = "thermal"
    tau_s: float = parameter(420.0, 1.0, 36_000.0, "s", "PHYSICS F3")
    pickup_ratio: float = parameter(1.05, 1.0, 1.5, "1", "PHYSICS F3: k")
    instantaneous_ratio: float = parameter(8.0, 2.0, 20.0, "1", "PHYSICS F3, 5 to 10 times the rating")
    curve_decay_tau_s: float = parameter(600.0, 1.0, 36_000.0, "s", "PHYSICS F3, engineering guess")
    iec_time_multiplier: float = parameter(1.0, 0.05, 1.5, "1", "IEC 60255 time multiplier setting")
    restart_s: float = parameter(1800.0, 0.0, 86_400.0, "s", "engineering guess: walk, check, close, boot")

    def __post_init__(self) -> None:
        """Check the ranges and the name of the form."""
        super().__post_init__()
        if self.form not in FORMS:
            raise ValueError(f"Breaker.form = {self.form!r} is unknown; choose one of {list(FORMS)}")


class BreakerNodes(NamedTuple):
    """Ratings of all breakers, stacked racks, rows, UPS: ``N = R + P + 1``, or ``P + 1`` without rack breakers."""

    per_limit: Array
    """One over the rating ``(N, 1)`` or ``(N, B)`` [1/kW]."""
    curve_c_s: Array
    """Factor of the power-law curve ``(N, 1)`` [s]."""
    curve_n: Array
    """Exponent of the power-law curve ``(N, 1)`` [1]."""
    rack_row: Array
    """Row of each rack ``(R,)``, integers."""


class BreakerState(NamedTuple):
    """What the breakers remember, ``(N, B)``."""

    memory: Array
    """Thermal memory (load ratio squared) or accumulated damage (trip at 1) [1]."""
    down_s: Array
    """Time until the breaker is closed again [s]; zero where it is closed."""


class BreakerFlows(NamedTuple):
    """Consequences of a sub-step."""

    alive: Array
    """1 where a rack has power in the next sub-step, else 0 ``(R, B)``."""
    powered_frac: Array
    """Share of this sub-step before a trip on the rack's path ``(R, B)``; 1 where nothing tripped. Its work counts
    by this share; its power was taken for the whole sub-step."""
    ups_alive: Array
    """1 where the UPS output is closed in the next sub-step ``(B,)``."""
    trips: Array
    """Breakers that opened in this sub-step ``(B,)``."""


def breaker_nodes(
    rack_limit_kw: Sequence[float] | Array | None,
    row_limit_kw: Sequence[float] | Array,
    ups_limit_kw: float | Array,
    rack_row: Sequence[int],
    dtype: DTypeLike = np.float32,
) -> BreakerNodes:
    """Stack the ratings of racks ``(R,)``, rows ``(P,)`` and UPS, each also with an environment axis ``(., B)``.

    Racks and rows take the panel curve of the power-law form, the UPS the main board's. ``rack_limit_kw = None``
    leaves the racks without breakers of their own (a fifth of the cost at 20 racks in 4 rows).
    """
    levels = [x for x in (rack_limit_kw, row_limit_kw, np.reshape(ups_limit_kw, (1, -1))) if x is not None]
    parts = [np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in levels]
    width = max(part.shape[1] for part in parts)
    limit = np.concatenate([np.broadcast_to(part, (part.shape[0], width)) for part in parts])
    if not np.all(limit > 0.0):
        raise ValueError(f"a breaker's rating is {limit.min()} kW; every rack, row and UPS limit must be above 0 kW")
    curves = np.asarray([RPP_CURVE] * (len(limit) - 1) + [MSB_CURVE], dtype=dtype)
    index = np.asarray(rack_row, dtype=np.int64)
    return BreakerNodes((1.0 / limit).astype(dtype), curves[:, :1].copy(), curves[:, 1:].copy(), index)


def initial(p: Breaker, nodes: BreakerNodes, n: int, load_ratio: float = 0.6) -> BreakerState:
    """State of ``n`` environments settled at a load ratio: all closed (``per_limit`` gives the dtype)."""
    xp = namespace(nodes.per_limit)
    shape = (nodes.per_limit.shape[0], n)
    memory = load_ratio * load_ratio if p.form == "thermal" else 0.0
    dtype = nodes.per_limit.dtype
    return BreakerState(xp.full(shape, memory, dtype=dtype), xp.zeros(shape, dtype=dtype))


def advance(
    p: Breaker,
    nodes: BreakerNodes,
    state: BreakerState,
    rack_power_kw: Array,
    row_power_kw: Array,
    ups_power_kw: Array,
    dt_s: float,
) -> tuple[BreakerState, BreakerFlows]:
    """One sub-step of every breaker.

    Parameters
    ----------
    p, nodes : Breaker, BreakerNodes
        Law and ratings.
    state : BreakerState
        At the start of the sub-step.
    rack_power_kw, row_power_kw, ups_power_kw : array
        Mean power through each breaker ``(R, B)``, ``(P, B)``, ``(B,)`` [kW].
    dt_s : float
        Sub-step [s].
    """
    xp = namespace(rack_power_kw)
    rows = row_power_kw.shape[0]
    racks = nodes.per_limit.shape[0] - rows - 1
    parts = ([rack_power_kw] if racks else []) + [row_power_kw, ups_power_kw[None, :]]
    load = xp.concat(parts, axis=0) * nodes.per_limit
    law = _thermal if p.form == "thermal" else _curve
    memory, share, slow = law(p, nodes, state.memory, load, dt_s)
    fast = load >= p.instantaneous_ratio
    tripped = as_mask(slow | fast, load)
    held = 1.0 - tripped
    before = held + tripped * share * as_mask(~fast, load)
    down_s = upper(state.down_s - dt_s, 0.0) + tripped * (before * dt_s + (p.restart_s - dt_s))
    closed = as_mask(down_s < _UP_S, load)
    alive = xp.take(closed[racks:-1] * closed[-1:], nodes.rack_row, axis=0)
    powered = xp.take(xp.minimum(before[racks:-1], before[-1:]), nodes.rack_row, axis=0)
    if racks:
        alive, powered = alive * closed[:racks], xp.minimum(powered, before[:racks])
    flows = BreakerFlows(alive, powered, closed[-1], xp.sum(tripped, axis=0))
    return BreakerState(memory * held, down_s), flows


def _thermal(p: Breaker, nodes: BreakerNodes, theta: Array, load: Array, dt_s: float) -> tuple[Array, Array, Array]:
    """Thermal memory ``dtheta/dt = (i^2 - theta)/tau``, trip at ``k^2`` (PHYSICS F3 i).

    With ``s = (i^2 - k^2)/(i^2 - theta)`` the trip comes ``-tau ln s`` after the start of the sub-step, so it lies in
    the sub-step where ``s > exp(-dt/tau)``. Returns the new memory, the share of the sub-step before the trip (of
    meaning only where it tripped) and whether it tripped.
    """
    decay = 1.0 - lag_share(p.tau_s, dt_s)
    heat = load * load
    gap = heat - theta
    floor = max(decay, _TINY) if isinstance(decay, float) else upper(decay, _TINY)  # a memory far below a step long
    share = upper((heat - p.pickup_ratio * p.pickup_ratio) / (abs(gap) + _TINY), floor)
    return heat - gap * decay, namespace(load).log(share) * (-p.tau_s / dt_s), share > floor


def _curve(p: Breaker, nodes: BreakerNodes, damage: Array, load: Array, dt_s: float) -> tuple[Array, Array, Array]:
    """Damage along an inverse-time curve ``dD/dt = 1/t(i)``, trip at 1 (PHYSICS F3 ii); returns as ``_thermal``.

    Up to ``i = 1.001`` nothing is added and the damage decays.
    """
    xp = namespace(load)
    if p.form == "iec":
        rate = upper(load * load - 1.0, _TINY) * (1.0 / (80.0 * p.iec_time_multiplier))
    else:
        rate = xp.exp(xp.log(upper(load - 1.0, _TINY)) * nodes.curve_n) / nodes.curve_c_s
    over = as_mask(load > _CURVE_FROM, load)
    added = rate * over * dt_s
    grown = damage * (1.0 - (1.0 - over) * lag_share(p.curve_decay_tau_s, dt_s)) + added
    return grown, lower((1.0 - damage) / upper(added, _TINY), 1.0), grown >= 1.0
