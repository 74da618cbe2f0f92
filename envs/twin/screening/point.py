"""One point by itself: whether it is what the map says, and which of its readings are wrong."""

from __future__ import annotations

import numpy as np

from envs.interface.channels import CHANNELS
from envs.physics.namespace import Floats
from envs.twin.screening.expected import Expected, Span
from envs.twin.screening.place import Naming
from envs.twin.screening.readings import Flags, outliers, stuck_readings
from envs.twin.screening.units import OUTSIDE_FRAC, POWER_SPAN, ratio_words, register_of, wrong_unit
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.gaps import runs
from envs.twin.telemetry.quantities import QUANTITIES, Quantity
from envs.twin.telemetry.telemetry import Telemetry

SHOWN = {"temperature": "degC", "power": "kW", "fraction": "", "hours": "h", "count": ""}
LOAD_OF_RATING = 0.5  # a usual reading of a load
MOST_OF_RATING = 1.3
NEAR_ROWS = 12  # on either side, of which the median is said to be expected


def checked_point(
    telemetry: Telemetry, name: str, row: int, expected: Expected, naming: Naming
) -> tuple[Floats, list[Finding]]:
    """Readings ``(T,)`` of one point with the wrong ones taken out, and what was found."""
    q, x, point = QUANTITIES[name], telemetry.series()[name][:, row].copy(), naming.point(name, row)
    known = x[np.isfinite(x)]
    if not known.size:
        return x, []
    amiss = _not_as_mapped(telemetry, q, row, expected, point)
    if amiss is not None:
        return np.full_like(x, np.nan), [amiss]
    low, high = _possible(q, row, expected)
    outside = np.isfinite(x) & ((x < low) | (x > high))
    stuck = stuck_readings(q, np.where(outside, np.nan, x), telemetry.step_s)
    clean = np.where(outside | stuck, np.nan, x)
    wild = outliers(q, clean, expected.usual.get(name)) | outside
    findings = []
    if stuck.any():
        findings.append(_stuck(q, point, x, stuck, telemetry.step_s, naming))
    if wild.any():
        findings.append(out_of_line(name, point, x, wild, naming))
    clean = np.where(wild, np.nan, clean)
    left = _outside_the_usual(q, point, clean, expected)
    return clean, [*findings, *left]


def _not_as_mapped(telemetry: Telemetry, q: Quantity, row: int, expected: Expected, point: str) -> Finding | None:
    """What a point is instead of what the map says."""
    x = telemetry.series()[q.name][:, row]
    known = x[np.isfinite(x)]
    unit, middle = SHOWN[q.kind], float(np.median(known))
    value = f"median {middle:.4g} {unit}".strip()
    mistake = register_of(q, x, telemetry.step_s)
    if mistake is not None:
        return Finding(mistake.kind, point, mistake.what, value=f"{known[0]:.6g} at first, {known[-1]:.6g} at last",
                       expected="a power in kW", mend=mistake.mend)  # fmt: skip
    if q.kind == "power" and q.role == "setpoint":
        return None
    rated = expected.rated_kw.get(q.name)
    rating = float(rated[row]) if rated is not None else None
    usual = _siblings(telemetry, q, row, rated)
    span = _span(q, expected, rating)
    told = f"{span[0]:.3g} to {span[1]:.3g} {unit}".strip()
    if q.kind == "power" and middle < 0.0 and span[0] <= -middle <= span[1]:
        return Finding("ratio", point, "reads negative: its current transformer is reversed", value=value,
                       expected=told, mend="set factor: -1")  # fmt: skip
    if q.role == "load" and rating and usual:
        ratio = middle / usual
        if middle > MOST_OF_RATING * rating and ratio < 50.0:
            times, factor = ratio_words(ratio)
            return Finding("ratio", point, f"reads {times} times what meters of its kind read, as by a wrong ratio of "
                           "its current transformer", value=value, expected=f"about {usual:.3g} kW",
                           mend=f"set factor: {factor} if its nameplate agrees")  # fmt: skip
    looks = wrong_unit(q, x, span, usual, _partner(telemetry, q, row))
    if not looks:
        return None
    if looks == "another quantity":
        outside = known[(known < span[0]) | (known > span[1])]
        if not outside.size or abs(middle) <= span[1] and q.role not in ("setpoint", "weather"):
            return None
        return Finding("range", point, f"is no {q.name}, nor one in another unit that the map knows", value=value,
                       expected=told, mend="map another column, or its unit")  # fmt: skip
    mend = f'set unit: "{looks}"'
    if looks == "% or Hz":
        mend = 'set unit: "%" if it ends at 100, "50 Hz" or "60 Hz" if it ends at the mains frequency'
    return Finding("unit", point, f"is no {q.name}: it looks like {looks}", value=value, expected=told, mend=mend)


def _possible(q: Quantity, row: int, expected: Expected) -> Span:
    """Range beyond which a single reading is not believed."""
    if q.role == "load" and q.name in expected.rated_kw:
        return q.low, MOST_OF_RATING * float(expected.rated_kw[q.name][row])
    return expected.possible.get(q.name, (q.low, q.high))


def _span(q: Quantity, expected: Expected, rating: float | None) -> Span:
    """Plausible range of a point."""
    if q.name in expected.possible:
        return expected.possible[q.name]
    if q.kind == "power" and rating:
        return POWER_SPAN[0] * rating, POWER_SPAN[1] * rating
    return (q.low, max(q.high, 1.0) * 1.2) if q.kind == "fraction" else (q.low, q.high)


def _siblings(telemetry: Telemetry, q: Quantity, row: int, rated: Floats | None) -> float | None:
    """What meters of its kind and rating usually read [kW]; half the rating where those cannot tell."""
    if rated is None:
        return None
    values = telemetry.series()[q.name]
    alike = np.flatnonzero(np.abs(rated / rated[row] - 1.0) < 0.1)
    others = [k for k in alike if k != row and np.isfinite(values[:, k]).any()]
    middle = float(np.median([np.nanmedian(values[:, k]) for k in others])) if len(others) > 1 else np.inf
    return middle if middle <= MOST_OF_RATING * rated[row] else LOAD_OF_RATING * float(rated[row])


def _partner(telemetry: Telemetry, q: Quantity, row: int) -> Floats | None:
    """The same position on another point: a command and what follows it."""
    if q.kind != "fraction":
        return None
    pairs = [(c.name, f) for c in CHANNELS.values() for f in c.followed_by]
    names = [b if q.name == a else a for a, b in pairs if q.name in (a, b)]
    for name in names:
        values = telemetry.series().get(name)
        if values is None or QUANTITIES[name].kind != "fraction" or row >= values.shape[1]:
            continue
        if float(np.nanmedian(values[:, row])) <= 1.2:
            return values[:, row]
    return None


def _outside_the_usual(q: Quantity, point: str, x: Floats, expected: Expected) -> list[Finding]:
    """A setpoint that stands beyond the scenario's range of it."""
    usual, known = expected.usual.get(q.name), x[np.isfinite(x)]
    if usual is None or not known.size or ((known < usual[0]) | (known > usual[1])).mean() < OUTSIDE_FRAC:
        return []
    mend = f"if it is right, set channel_ranges.{q.name} in the scenario; if not, mend the map"
    told = f"{usual[0]:.3g} to {usual[1]:.3g} {SHOWN[q.kind]}".strip()
    return [Finding("range", point, "stands beyond what the scenario gives its channel",
                    value=f"median {np.median(known):.4g}", expected=told, mend=mend)]  # fmt: skip


def _stuck(q: Quantity, point: str, x: Floats, stuck: Flags, step_s: float, naming: Naming) -> Finding:
    first = int(np.flatnonzero(stuck)[0])
    length = runs(stuck)
    value = f"{x[first]:.6g} {SHOWN[q.kind]}".strip()
    whole = f"the same reading for {stuck.sum() * step_s / 3600.0:.1f} h in all, in {len(length)} stretches"
    words = whole if len(length) > 1 else whole.split(" in all")[0] + " in all"
    return Finding("stuck", point, words, place=f"from {naming.moment(first)} on", value=value,
                   expected="a reading that moves", mend="taken as missing")  # fmt: skip


def out_of_line(name: str, point: str, x: Floats, wild: Flags, naming: Naming) -> Finding:
    """Finding of single readings ``(T,)`` that are far from their neighbours or beyond what is possible."""
    q, first = QUANTITIES[name], int(np.flatnonzero(wild)[0])
    near = slice(max(first - NEAR_ROWS, 0), first + NEAR_ROWS + 1)
    around = x[near][~wild[near] & np.isfinite(x[near])]
    expected = f"about {np.median(around):.4g}" if around.size else f"{q.low:.3g} to {q.high:.3g}"
    value = f"{x[first]:.4g} {SHOWN[q.kind]}".strip()
    place = f"first in {naming.moment(first)}"
    what = f"{int(wild.sum())} readings out of line"
    return Finding("outlier", point, what, place, value, expected, "taken as missing")
