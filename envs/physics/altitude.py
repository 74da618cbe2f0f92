"""What thin air takes from the limits of air-cooled equipment: ASHRAE TC9.9, Thermal Guidelines (2008, 2011).

Both deratings are 1 K per 300 m: of the allowable limit above 900 m, of the recommended one above 1800 m (from memory).
"""

from __future__ import annotations

from envs.physics.namespace import Array, upper

METRES_PER_K = 300.0
ALLOWABLE_FROM_M = 900.0
RECOMMENDED_FROM_M = 1800.0


def recommended_derating_k(elevation_m: Array) -> Array:
    """By how much the recommended inlet limit falls at a height [m], in K."""
    return upper(elevation_m - RECOMMENDED_FROM_M, 0.0) * (1.0 / METRES_PER_K)


def allowable_derating_k(elevation_m: Array) -> Array:
    """By how much the allowable inlet limit falls at a height [m], in K."""
    return upper(elevation_m - ALLOWABLE_FROM_M, 0.0) * (1.0 / METRES_PER_K)
