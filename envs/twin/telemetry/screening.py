"""What is wrong with a telemetry file, found and said before anything is fitted.

Nothing is mended silently: wrong readings become missing ones, a point in a wrong unit is set aside with the mend to
write into the point map, and every finding is in the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.interface.channels import CHANNELS
from envs.physics.namespace import Floats
from envs.twin.telemetry.gaps import runs
from envs.twin.telemetry.quantities import LOADS, QUANTITIES, Quantity
from envs.twin.telemetry.telemetry import MAD_TO_SD, Telemetry
from envs.units import KELVIN_OFFSET

STUCK_S = 2.0 * 3600.0  # the same reading to the last digit for so long
OUTLIER = 8.0  # in robust deviations of a reading from the median of its neighbours
NEIGHBOURS = 5  # readings on each side
OUTSIDE_FRAC = 0.2  # share of readings outside the plausible range that means a wrong unit, not outliers
GAP_REPORTED_FRAC = 0.01
LONGEST_SHIFT_S = 2.0 * 3600.0  # of one point's clock against another's
CLEARER = 0.1  # correlation gained by a shift that is believed
LEAST_CORRELATION = 0.3
#: Followers and what they follow at once: they show a clock that is off.
PAIRS = (
    *((follower, c.name) for c in CHANNELS.values() for follower in c.followed_by),
    ("ups_power_kw", "rack_power_kw"),
    ("wet_bulb_c", "dry_bulb_c"),
)
#: What a wrong unit looks like: kind, factor and constant of the mend, and the unit to write.
SUSPECTS = {
    "temperature": (("degF", 5.0 / 9.0, -160.0 / 9.0), ("K", 1.0, -KELVIN_OFFSET)),
    "power": (("W", 1e-3, 0.0), ("MW", 1e3, 0.0)),
    "fraction": (("%", 0.01, 0.0),),
    "count": (),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is odd: its kind (``gap``, ``clock``, ``unit``, ``stuck``, ``outlier``), the point, the words."""

    kind: str
    point: str
    words: str


@dataclass(frozen=True, eq=False)
class ScreenedTelemetry:
    """Telemetry that can be fitted, and what was found on the way."""

    telemetry: Telemetry
    findings: tuple[Finding, ...]


def screen(telemetry: Telemetry, rated_kw: Mapping[str, float], before: Sequence[Finding] = ()) -> ScreenedTelemetry:
    """Find gaps, wrong units, stuck sensors, outliers and shifted clocks.

    Parameters
    ----------
    telemetry : Telemetry
        Of one hall, as read.
    rated_kw : mapping
        Loads that the scenario knows to their rated power per row [kW]: a load far off it is in another unit.
    before : sequence of Finding
        Of the reader.

    Raises
    ------
    ValueError
        Where a point that must drive the replay is in a wrong unit.
    """
    findings, kept = list(before), {}
    for name, values in telemetry.series().items():
        q = QUANTITIES[name]
        clean, known = values.copy(), telemetry.names.get(name, ())
        points = [known[k] if k < len(known) else f"{name}[{k}]" for k in range(values.shape[1])]
        findings += _gaps(values, points, telemetry.step_s)
        for k, point in enumerate(points):
            clean[:, k] = _column(q, clean[:, k], point, telemetry.step_s, rated_kw.get(name), findings)
        if np.isfinite(clean).any():
            kept[name] = clean[:, :, None]
    checked = telemetry.with_values(kept)
    findings += clocks(checked)
    _require_drivers(telemetry, kept, findings)
    return ScreenedTelemetry(checked, tuple(findings))


def _gaps(values: Floats, points: Sequence[str], step_s: float) -> list[Finding]:
    """One finding for all the points of a quantity ``(T, k)`` that lack readings, the worst of them named."""
    missing = ~np.isfinite(values)
    share = missing.mean(axis=0)
    short = np.flatnonzero(share > GAP_REPORTED_FRAC)
    if not short.size:
        return []
    longest = max(length for k in short for _, length in runs(missing[:, k])) * step_s / 3600.0
    worst = int(share.argmax())
    if short.size == 1:
        return [Finding("gap", points[worst], f"{100 * share[worst]:.1f} % missing, longest {longest:.1f} h")]
    words = (
        f"{100 * share[short].mean():.1f} % missing in the mean, at most {100 * share[worst]:.1f} % ({points[worst]})"
    )
    return [Finding("gap", f"{points[short[0]]} and {short.size - 1} more", f"{words}, longest {longest:.1f} h")]


def _column(q: Quantity, x: Floats, point: str, step_s: float, rated: float | None, findings: list[Finding]) -> Floats:
    """One point, wrong readings taken out."""
    if not np.isfinite(x).any():
        return x
    unit = wrong_unit(q, x, rated)
    if unit:
        middle = float(np.nanmedian(x))
        findings.append(
            Finding("unit", point, f'median {middle:.4g} is no {q.name}; it looks like {unit}: set unit: "{unit}"')
        )
        return np.full_like(x, np.nan)
    outside = np.isfinite(x) & ((x < q.low) | (x > q.high))
    stuck = stuck_readings(q, np.where(outside, np.nan, x), step_s)
    if stuck.any():
        words = f"the same reading for {stuck.sum() * step_s / 3600.0:.1f} h in all; taken as missing"
        findings.append(Finding("stuck", point, words))
    clean = np.where(outside | stuck, np.nan, x)
    wild = outliers(q, clean)
    if wild.any() or outside.any():
        words = (
            f"{int(wild.sum() + outside.sum())} readings out of line (first in row {np.flatnonzero(wild | outside)[0]})"
        )
        findings.append(Finding("outlier", point, f"{words}; taken as missing"))
    return np.where(wild, np.nan, clean)


def wrong_unit(q: Quantity, x: Floats, rated: float | None = None) -> str:
    """Unit that the readings seem to be in, empty where ours is plausible."""
    known = x[np.isfinite(x)]
    low, high = q.low, q.high
    if q.kind == "power" and rated:
        low, high = 0.002 * rated, 3.0 * rated
    if q.kind == "fraction":
        high = max(high, 1.0) * 1.2
    if q.role == "setpoint" and q.kind == "power":
        return ""

    def fits(values: Floats) -> bool:
        middle = float(np.median(values))
        outside = float(((values < low) | (values > high)).mean())
        return low <= middle <= high and outside < OUTSIDE_FRAC

    if fits(known) or (q.kind == "power" and not rated and np.median(known) <= high):
        return ""
    for unit, factor, constant in SUSPECTS[q.kind]:
        if fits(known * factor + constant):
            return unit
    return "another quantity" if not fits(known) and np.median(np.abs(known)) > high else ""


def stuck_readings(q: Quantity, x: Floats, step_s: float) -> NDArray[np.bool_]:
    """True where a reading hangs: not for what may stand still (setpoints, counts, ends of a range, idle machines)."""
    may_stand = q.role in ("setpoint", "mode") or q.kind == "count"
    flat = np.zeros(len(x), bool)
    if may_stand:
        return flat
    same = np.concatenate([[False], np.diff(x) == 0.0])
    at_end = (x <= q.low + 1e-9) | (x >= q.high - 1e-9) | (x == 0.0)
    moves = np.isfinite(x) & ~same
    if moves.sum() < 0.2 * max(np.isfinite(x).sum(), 1) and q.kind == "fraction":
        return flat
    for start, length in runs(same & ~at_end):
        if (length + 1) * step_s >= STUCK_S:
            flat[start : start + length] = True
    return flat


def outliers(q: Quantity, x: Floats) -> NDArray[np.bool_]:
    """Lonely readings far from the median of their neighbours (Hampel), against the point's own restlessness."""
    if q.role in ("setpoint", "mode") or q.kind == "count":
        return np.zeros(len(x), bool)
    padded = np.pad(x, NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    empty = np.isnan(around).all(axis=1)
    middle = np.full(len(x), np.nan)
    middle[~empty] = np.nanmedian(around[~empty], axis=1)
    away = np.abs(x - middle)
    usual = _spread(around, middle)
    overall = max(float(np.nanquantile(away, 0.99)), 1e-9)
    return np.nan_to_num(away) > OUTLIER * np.maximum(np.nan_to_num(usual), overall)


def _spread(around: Floats, middle: Floats) -> Floats:
    """Robust deviation of the neighbours of every reading."""
    distance = np.abs(around - middle[:, None])
    empty = np.isnan(distance).all(axis=1)
    out = np.zeros(len(middle))
    out[~empty] = MAD_TO_SD * np.nanmedian(distance[~empty], axis=1)
    return out


def clocks(telemetry: Telemetry) -> list[Finding]:
    """Points whose changes come clearly later or earlier than those of what they follow."""
    findings, longest = [], round(LONGEST_SHIFT_S / telemetry.step_s)
    for follower, leader in PAIRS:
        if follower not in telemetry.values or leader not in telemetry.values:
            continue
        shift, gain = _shift(_mean(telemetry, leader), _mean(telemetry, follower), longest)
        if abs(shift) >= 2 and gain > CLEARER:
            seconds = shift * telemetry.step_s
            findings.append(
                Finding("clock", follower, f"its changes fit those of {leader} {-seconds:+.0f} s away: set shift_s: "
                        f"{-seconds:.0f} if its logger's clock is off")
            )  # fmt: skip
    return findings


def _mean(telemetry: Telemetry, name: str) -> Floats:
    """Mean over the rows that have a reading ``(T,)``; NaN where none has."""
    x = telemetry.series()[name]
    known = np.isfinite(x)
    number = known.sum(axis=1)
    return np.where(number > 0, np.where(known, x, 0.0).sum(axis=1) / np.maximum(number, 1), np.nan)


def _shift(leader: Floats, follower: Floats, longest: int) -> tuple[int, float]:
    """Lag [steps] at which the changes correlate best, and what is gained over no lag or one."""
    a, b = np.diff(leader), np.diff(follower)

    def correlation(lag: int) -> float:
        x = a[max(0, -lag) : len(a) - max(0, lag)]
        y = b[max(0, lag) : len(b) - max(0, -lag)]
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() < 50 or x[both].std() == 0.0 or y[both].std() == 0.0:
            return 0.0
        return float(np.corrcoef(x[both], y[both])[0, 1])

    found = {lag: correlation(lag) for lag in range(-longest, longest + 1)}
    best = max(found, key=lambda lag: found[lag])
    if found[best] < LEAST_CORRELATION:
        return 0, 0.0
    return best, found[best] - max(found[0], found[1])


def _require_drivers(raw: Telemetry, kept: Mapping[str, Floats], findings: Sequence[Finding]) -> None:
    """Stop where what drives the replay was set aside."""
    for name in raw.values:
        if QUANTITIES[name].role != "output" and name not in kept and name not in LOADS[1:]:
            own = {*raw.names.get(name, ()), *(f"{name}[{k}]" for k in range(raw.values[name].shape[1]))}
            kinds = ("unit", "unreadable", "on change", "gap")
            telling = [f for kind in kinds for f in findings if f.kind == kind and f.point.split(" and ")[0] in own]
            words = "; ".join(f"{f.point}: {f.words}" for f in telling)
            raise ValueError(f"{name} drives the replay and no reading of it can be used ({words})")
