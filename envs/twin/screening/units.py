"""Points that are not what the map says: another unit, hertz, an energy register, a current transformer's ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.physics.namespace import Floats
from envs.twin.screening.expected import Span
from envs.twin.telemetry.point_map import CONVERSIONS
from envs.twin.telemetry.quantities import Quantity

OUTSIDE_FRAC = 0.2  # share of readings outside the plausible range that means a wrong unit, not outliers
POWER_SPAN = (0.002, 3.0)  # of a rating: a load that is plausible
FAR = 30.0  # times what is usual: another unit
RATIO_SPREAD = 0.2  # of a ratio that is named by its number, natural logarithm
RATIOS = {2.0: "2", 3.0**0.5: "the root of 3", 3.0: "3", 10.0: "10", 100.0: "100"}
MAINS_HZ = (60.0, 50.0)
NEAR_PARTNER = 0.05  # speed and its command
REGISTER_ROWS, FALLING_FRAC, RISING_FRAC = 50, 0.01, 0.05


@dataclass(frozen=True)
class Mistake:
    """What a point is instead: kind of finding, what, and the mend."""

    kind: str
    what: str
    mend: str


def register_of(q: Quantity, x: Floats, step_s: float) -> Mistake | None:
    """An energy register in place of a power: it rises and never falls."""
    known = x[np.isfinite(x)]
    if q.kind != "power" or q.role == "setpoint" or len(known) < REGISTER_ROWS:
        return None
    steps = np.diff(known)
    rising, falling = float((steps > 0.0).mean()), float((steps < 0.0).mean())
    if rising < RISING_FRAC or falling > FALLING_FRAC * rising:
        return None
    rise = float(np.median(steps[steps > 0.0]) if rising > 0.5 else steps[steps > 0.0].sum() / len(steps))
    rate = rise * 3600.0 / step_s
    return Mistake(
        "register",
        f"never falls: it is an energy register, not a power (its differences are about {rate:.4g} kW)",
        'set unit: "kWh" (or "Wh", "MWh"): the reader then takes differences',
    )


def wrong_unit(q: Quantity, x: Floats, span: Span, usual: float | None = None, partner: Floats | None = None) -> str:
    """Unit that readings seem to be in, empty where ours is plausible, ``another quantity`` where none is.

    Parameters
    ----------
    q : Quantity
    x : ndarray (T,)
        One point, as the map has it.
    span : tuple of float
        Plausible range.
    usual : float, optional
        What such a point usually reads: of several units that fit, the nearest is named.
    partner : ndarray (T,), optional
        The same position on another point: a command and its feedback.
    """
    known = x[np.isfinite(x)]
    if _fits(known, span):
        return ""
    fitting = {
        unit: known * factor + constant
        for unit, (factor, constant) in CONVERSIONS[q.kind].items()
        if (factor, constant) != (1.0, 0.0) and _fits(known * factor + constant, span)
    }
    if q.kind == "fraction":
        return _percent_or_hertz(x, fitting, partner)
    if fitting and usual:
        near = min(fitting, key=lambda unit: _times(float(np.median(fitting[unit])), usual))
        return near if _times(float(np.median(fitting[near])), usual) < FAR**0.5 else "another quantity"
    return next(iter(fitting), "another quantity")


def _fits(known: Floats, span: Span) -> bool:
    middle = float(np.median(known))
    outside = float(((known < span[0]) | (known > span[1])).mean())
    return span[0] <= middle <= span[1] and outside < OUTSIDE_FRAC


def _times(a: float, b: float) -> float:
    """How many times one is the other, at least 1."""
    return float(np.exp(abs(np.log(max(abs(a), 1e-12) / max(abs(b), 1e-12)))))


def _percent_or_hertz(x: Floats, fitting: dict[str, Floats], partner: Floats | None) -> str:
    """Percent of full speed, or the frequency of a drive: by the partner, else by where the readings end."""
    if not fitting:
        return "another quantity"
    if partner is not None:
        both = np.isfinite(x) & np.isfinite(partner)
        away = {
            unit: float(np.median(np.abs(x[both] * CONVERSIONS["fraction"][unit][0] - partner[both])))
            for unit in fitting
            if both.any()
        }
        near = min(away, key=lambda unit: away[unit], default="")
        if near and away[near] < NEAR_PARTNER:
            return near
    top = float(np.nanquantile(x, 0.98))
    for hertz in MAINS_HZ:
        if f"{hertz:.0f} Hz" in fitting and abs(top / hertz - 1.0) < 0.02:
            return f"{hertz:.0f} Hz"
    return "%" if top > MAINS_HZ[0] or "%" in fitting and len(fitting) == 1 else "% or Hz"


def ratio_words(ratio: float) -> tuple[str, str]:
    """How many times a meter reads too much in words, and the factors that would mend it, the likelier first."""
    size, less = max(ratio, 1.0 / ratio), ratio < 1.0
    near = sorted((r for r in RATIOS if abs(np.log(size / r)) < RATIO_SPREAD), key=lambda r: abs(np.log(size / r)))
    factors = [r if less else 1.0 / r for r in near] or [1.0 / ratio]
    words = " or ".join(f"1/{RATIOS[r]}" if less else RATIOS[r] for r in near) or f"{ratio:.2g}"
    return words, " or ".join(f"{f:.4g}" for f in factors)
