"""Effectiveness of heat exchangers by number of transfer units, PHYSICS D2, E10 and C2."""

from __future__ import annotations

from envs.physics.namespace import Array, namespace, upper

_SMALL = 1e-6
_SMALL_FLOW_FRAC = 1e-4
_CROSSFLOW_EXPONENT = -0.22  # E10


def counterflow_effectiveness(ntu: Array, capacity_ratio: Array) -> Array:
    """Effectiveness of a counterflow exchanger, 0..1, PHYSICS D2.

    ``eps = (1 - e)/(1 - Z e)``, ``e = exp(-N (1 - Z))``, and ``N/(1 + N)`` at Z = 1, in one form without a singularity.

    Parameters
    ----------
    ntu : array
        Number of transfer units ``N = UA/C_min`` [1], >= 0.
    capacity_ratio : array
        ``Z = C_min/C_max``, 0..1.
    """
    gap = upper(1.0 - capacity_ratio, _SMALL)
    grown = -namespace(ntu).expm1(-ntu * gap)
    return grown / (grown + gap * (1.0 - grown))


def crossflow_effectiveness(ntu: Array, capacity_ratio: Array) -> Array:
    """Effectiveness of a crossflow exchanger with both fluids unmixed, 0..1, PHYSICS E10.

    ``eps = 1 - exp((exp(-N Z eta) - 1)/(Z eta))``, ``eta = N^-0.22``.

    Parameters
    ----------
    ntu : array
        Number of transfer units ``N = UA/C_min`` [1], >= 0.
    capacity_ratio : array
        ``Z = C_min/C_max``, 0..1.
    """
    xp = namespace(ntu)
    n = upper(ntu, _SMALL)
    z_eta = upper(capacity_ratio, _SMALL) * xp.exp(_CROSSFLOW_EXPONENT * xp.log(n))
    return -xp.expm1(xp.expm1(-n * z_eta) / z_eta)


def ua_off_design(
    ua0_kw_k: Array,
    water_flow_frac: Array,
    air_flow_frac: Array,
    ratio: float = 0.5,
    n_water: float = 0.85,
    n_air: float = 0.8,
) -> Array:
    """Conductance of a coil away from its design flows [kW/K], PHYSICS C2.

    ``UA = UA0/(r/(1+r) fw^-0.85 + 1/(1+r) fa^-0.8)``; flows below 1e-4 of design count as 1e-4.

    Parameters
    ----------
    ua0_kw_k : array
        Conductance at design [kW/K].
    water_flow_frac, air_flow_frac : array
        Flows over their design values [1].
    ratio : float
        Air-side over water-side conductance at design [1].
    n_water, n_air : float
        Exponents of the two films [1].
    """
    water = film_resistance(water_flow_frac, n_water)
    air = film_resistance(air_flow_frac, n_air)
    return ua0_kw_k / (ratio / (1.0 + ratio) * water + 1.0 / (1.0 + ratio) * air)


def film_resistance(flow_frac: Array, exponent: float) -> Array:
    """Resistance of one film over its design value [1], ``max(f, 1e-4)^-exponent``, PHYSICS C2."""
    xp = namespace(flow_frac)
    return xp.exp(-exponent * xp.log(upper(flow_frac, _SMALL_FLOW_FRAC)))
