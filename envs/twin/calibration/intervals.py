"""How well the data know a parameter: 90 % intervals from the posterior's curvature and the residuals' memory.

The curvature alone takes every reading for news. Readings of one moment err together (a rack meter's error warms every
inlet behind it) and over hours; the scores' own long-run covariance says by how much (Newey and West 1987, the sandwich
of White 1982).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.twin.calibration.errors import MEMORY_S, product
from envs.twin.calibration.fit import FitResult
from envs.twin.calibration.free_parameters import FreeParameter
from envs.twin.telemetry.excitation import movement
from envs.twin.telemetry.quantities import LOADS, driving_load

REPLAY_ERROR = 1.1  # what filled gaps and metered inputs add to a deviation; found on 64 halls, checked on others
Z_90 = 1.6449
KNOWN_FRAC = 0.05  # half of the 90 % interval over the value: known to within 5 %
KNOWN_LEAKAGE, KNOWN_MASS_FRAC = 0.01, 0.15
LEARNT = 0.6  # posterior over prior deviation: less was learnt from the data than the prior already said
AT_A_BOUND = 0.05  # in standard deviations of the prior
ALIKE = 0.9  # correlation of two parameters that the data cannot tell apart


@dataclass(frozen=True)
class Interval:
    """What is known of one parameter.

    ``identified``: the data, not the prior, say it, within the bar of its kind (5 %, a leakage 0.01, a mass 15 %).
    """

    path: str
    kind: str
    prior: float
    value: float
    low: float
    high: float
    sd_u: float
    identified: bool
    why: str


def covariance(fit: FitResult, step_s: float) -> Floats:
    """Posterior covariance ``(P, P)`` in ``u``: ``H^-1 (M + 1) H^-1``, ``H`` curvature, ``M`` covariance of the scores.

    Never below the curvature's own inverse; wider by ``REPLAY_ERROR``.
    """
    taken, prior = fit.taken, np.eye(len(fit.u))
    h = taken.curvature() + prior
    scores = np.einsum("ptn,tn->tp", taken.slopes, taken.residual, optimize=True)
    meat = long_run(scores, round(MEMORY_S / step_s)) + product(taken.lean, taken.lean) + prior
    values, vectors = np.linalg.eigh(0.5 * (h + h.T))
    back = vectors / np.sqrt(np.maximum(values, 1.0))  # the prior alone gives every direction at least 1
    return np.asarray(back @ _at_least_one(back.T @ meat @ back) @ back.T) * REPLAY_ERROR**2


def long_run(scores: Floats, lags: int) -> Floats:
    """Covariance of a sum of scores ``(T, P)`` that remember for ``lags`` steps, with Bartlett's weights."""
    total = scores.T @ scores
    for lag in range(1, min(lags, len(scores) - 1) + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total = total + (1.0 - lag / (lags + 1.0)) * (cross + cross.T)
    return np.asarray(total)


def _at_least_one(inflation: NDArray[Any]) -> NDArray[Any]:
    """The matrix with no direction below 1."""
    values, vectors = np.linalg.eigh(0.5 * (inflation + inflation.T))
    return np.asarray((vectors * np.maximum(values, 1.0)) @ vectors.T)


def intervals(fit: FitResult, cov: Floats, values: Mapping[str, Floats]) -> list[Interval]:
    """Intervals of all parameters of a fit, and why one is not known.

    Parameters
    ----------
    fit : FitResult
        From `fit.fit`.
    cov : ndarray (P, P)
        Its `covariance`.
    values : mapping
        The telemetry's series ``(T, k)``, to see what moved.
    """
    sd = np.sqrt(np.diag(cov))
    like = cov / np.outer(sd, sd)
    made = []
    for k, p in enumerate(fit.free):
        value = float(p.value(fit.u[k]))
        low, high = float(p.value(fit.u[k] - Z_90 * sd[k])), float(p.value(fit.u[k] + Z_90 * sd[k]))
        half = 0.5 * (p.unbound(fit.u[k] + Z_90 * sd[k]) - p.unbound(fit.u[k] - Z_90 * sd[k]))
        learnt = bool(sd[k] < LEARNT) and half <= known_half_width(p, value) and not is_at_bound(p, fit.u[k])
        why = "" if learnt else reason(p, k, fit, like, sd, values)
        made.append(Interval(p.path, p.kind, p.prior, value, low, high, float(sd[k]), learnt, why))
    return made


def is_at_bound(p: FreeParameter, u: float) -> bool:
    """Whether a fit ended where its bounds stopped it: then nobody knows where it would have gone."""
    low, high = p.reach()
    return u < low + AT_A_BOUND or u > high - AT_A_BOUND


def known_half_width(p: FreeParameter, value: float) -> float:
    """Half width [unit] within which a parameter of its kind counts as known."""
    if p.kind == "leakage":
        return KNOWN_LEAKAGE
    if p.kind == "mass":
        return KNOWN_MASS_FRAC * abs(value)
    return p.sd if p.is_input else KNOWN_FRAC * abs(value)


def reason(p: FreeParameter, k: int, fit: FitResult, like: Floats, sd: Floats, values: Mapping[str, Floats]) -> str:
    """Why the data do not know a parameter, as a sentence."""
    if is_at_bound(p, fit.u[k]):
        return f"it stands at its bound {float(p.value(fit.u[k])):.4g}: widen its prior, or the plant lacks something"
    if p.seen_in and not any(name in values for name in p.seen_in):
        return f"none of {', '.join(p.seen_in)} is measured"
    driver = (driving_load(values) or p.driver) if p.driver in LOADS else p.driver
    if driver and driver not in values:
        return f"{driver} is not measured, so nothing shows whether it moved"
    if driver and movement(values, driver) < _least_move(driver):
        return f"{driver} hardly moved (standard deviation {movement(values, driver):.3g})"
    others = np.abs(like[k])
    others[k] = 0.0
    twin = int(others.argmax())
    if others[twin] > ALIKE:
        return f"the data cannot tell it from {fit.free[twin].path} (correlation {like[k, twin]:+.2f})"
    if sd[k] < LEARNT:
        return "the data know it, but not as closely as the bar asks"
    return "it hardly shows in what is measured, within the sensors' noise"


def _least_move(name: str) -> float:
    for ending, least in (("_c", 0.3), ("_frac", 0.02), ("_kw", 0.5), ("_on", 0.05)):
        if name.endswith(ending):
            return least
    return 0.0
