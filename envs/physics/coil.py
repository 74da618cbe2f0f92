"""Water coils away from design: what they can take, and how much water a given heat needs, PHYSICS C2, C7 and D2.

A coil here is any counterflow exchanger in which a valve throttles the cold stream: a room unit's chilled-water coil or
the exchanger of a coolant distribution unit. "Hot" is the stream being cooled (air, coolant), "cold" the throttled one.
Flows are fractions of design. The effectiveness is that of the hot side, ``Q / (C_hot (T_hot,in - T_cold,in))``.
"""

from __future__ import annotations

from typing import NamedTuple

from envs.physics.namespace import Array, clip, lower, namespace, upper

_SMALL = 1e-6
_NOT_ZERO = 1e-12  # far below the spacing of numbers near 1, so that it only ever mends an exact zero
_SMALL_FLOW_FRAC = 0.02  # of the hot stream; below it the film is taken at this flow
_SMALL_LOAD = 1e-3  # of the heat at full cold flow; below it the cold flow is that of this load
_LARGEST_EXPONENT = 60.0  # exp() stays finite in float32
_LEAST_SLOPE = 1e-3  # of the steepest
_START_SHARE = 0.6  # of the distance to the hyperbola's guess, fitted
_SECANT_STEPS = 2


class CoilLaw(NamedTuple):
    """A coil's design point: numbers or arrays that broadcast with the flows.

    ``ntu``: UA over the hot capacity rate at design [1]. ``capacity_ratio``: hot over cold capacity rate at design [1].
    ``film_ratio``: hot-side over cold-side conductance at design. ``n_cold``, ``n_hot``: film exponents of the flows.
    """

    ntu: Array
    capacity_ratio: Array
    film_ratio: float = 0.5
    n_cold: float = 0.85
    n_hot: float = 0.8


class CoilAtFlow(NamedTuple):
    """The coil at one hot flow: what does not change while the valve moves.

    ``ntu`` at design films [1], ``capacity_ratio`` at full cold flow [1], ``hot_film`` resistance share [1]; with the
    valve wide open ``full_ntu`` [1] and ``full`` [1], the effectiveness.
    """

    ntu: Array
    capacity_ratio: Array
    hot_film: Array
    full_ntu: Array
    full: Array


def hot_effectiveness(ntu: Array, capacity_ratio: Array) -> Array:
    """Counterflow effectiveness of the hot side for any ratio of the streams, PHYSICS D2.

    ``1/eps = R + (R - 1)/(exp(N (R - 1)) - 1)``: the same law as D2, without its singularity at R = 1 and without
    asking which stream is the smaller.

    Parameters
    ----------
    ntu : array
        ``UA/C_hot`` [1], >= 0.
    capacity_ratio : array
        ``R = C_hot/C_cold`` [1], > 0, may exceed 1.
    """
    return 1.0 / _drive(ntu + _NOT_ZERO, capacity_ratio)


def coil_at(law: CoilLaw, hot_flow_frac: Array) -> CoilAtFlow:
    """Prepare a coil for one hot flow [fraction of design]; flows below 0.02 count as 0.02 (no film without flow)."""
    xp = namespace(hot_flow_frac)
    flow = upper(hot_flow_frac, _SMALL_FLOW_FRAC)
    hot_film = xp.exp(xp.log(flow) * -law.n_hot) * (1.0 / (1.0 + law.film_ratio))
    ntu, ratio = law.ntu / flow, law.capacity_ratio * flow
    full_ntu = ntu / (law.film_ratio / (1.0 + law.film_ratio) + hot_film)
    return CoilAtFlow(ntu, ratio, hot_film, full_ntu, hot_effectiveness(full_ntu, ratio))


def effectiveness(law: CoilLaw, at: CoilAtFlow, cold_flow_frac: Array) -> Array:
    """Hot-side effectiveness with the valve at a cold flow [fraction of design], PHYSICS C2 for the conductance."""
    return 1.0 / _drive_at(law, at, 1.0 / upper(cold_flow_frac, _SMALL))


def cold_flow_frac(law: CoilLaw, at: CoilAtFlow, needed: Array) -> Array:
    """Cold flow that a heat needs [fraction of design, 0..1]: the inverse of `effectiveness`, PHYSICS C7.

    In ``v = 1/flow`` the inverse effectiveness ``F(v)`` is convex and close to a hyperbola between its value without a
    cold film and ``R v`` (the water runs out). The hyperbola through the wide-open point starts two secant steps.

    Within 1 % of the exact inverse for hot flows 0.3..1, NTU 0.9..3.5 and loads above 2 % of the wide-open heat; loads
    below 0.1 % return the flow of 0.1 %.

    Parameters
    ----------
    law, at : CoilLaw, CoilAtFlow
        The coil, at its hot flow.
    needed : array
        Wanted effectiveness; clipped to what the wide-open valve gives (returns 1 there).
    """
    goal = 1.0 / clip(needed, at.full * _SMALL_LOAD, at.full)
    ratio, first = at.capacity_ratio, 1.0 / at.full
    flat = -1.0 / namespace(needed).expm1(-at.ntu / at.hot_film)
    bend = (first - ratio) * (first - flat)
    dry, least = goal / ratio, ratio * _LEAST_SLOPE
    start = dry - bend / (upper(goal - flat, _SMALL) * ratio)
    v_old, f_old = 1.0, first
    v = upper(_START_SHARE * start + (1.0 - _START_SHARE), 1.0)
    for _ in range(_SECANT_STEPS):
        f = _drive_at(law, at, v)
        slope = clip((f - f_old) / (v - v_old + _NOT_ZERO), least, ratio)
        v_old, f_old = v, f
        v = upper(lower(v + (goal - f) / slope, dry), 1.0)
    return 1.0 / v


def _drive(ntu: Array, ratio: Array) -> Array:
    """Inverse effectiveness at a positive number of transfer units."""
    lead = ratio - 1.0 + _NOT_ZERO
    return ratio + lead / namespace(ratio).expm1(lower(ntu * lead, _LARGEST_EXPONENT))


def _drive_at(law: CoilLaw, at: CoilAtFlow, v: Array) -> Array:
    """Inverse effectiveness at ``v = 1/cold flow fraction``."""
    xp = namespace(v)
    cold_film = xp.exp(xp.log(v) * law.n_cold) * (law.film_ratio / (1.0 + law.film_ratio))
    return _drive(at.ntu / (cold_film + at.hot_film), at.capacity_ratio * v)
