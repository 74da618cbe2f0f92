"""Single readings that are wrong: beyond what is possible, stuck, or far from their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.twin.telemetry.gaps import runs
from envs.twin.telemetry.quantities import Quantity
from envs.twin.telemetry.telemetry import MAD_TO_SD

STUCK_S = 2.0 * 3600.0  # the same reading to the last digit for so long
COARSE = 8.0  # a coarse point repeats itself: a run must be so many times longer than its usual ones
NEIGHBOURS = 5  # readings on each side
OUTLIER = 8.0  # in robust deviations of a reading from the median of its neighbours
BULK = 0.90  # share of the readings that are believed to be no spikes
BULK_TO_SD = 1.0 / 1.645  # of a normal deviation's size at that quantile
LONELY_ROWS = 2
LEAST = 1e-9
UNEXPLAINED_FRAC = 0.7  # of a spike that its replay does not show
SPAN_FRAC = 1.0  # of the span of the middle four fifths of the readings: a smaller spike does no harm
NEAR = 2  # rows
RAREST = 0.99
GAINS = (0.2, 5.0)  # of readings over replay within minutes; 1 where the calm hours do not tell
DEAD_FRAC = 0.1  # of its neighbours: a running machine does not draw so little for a moment
FAN_FEEDBACK = "zone_fan_speed_frac"  # overrides its command in a replay
Flags = NDArray[np.bool_]


def stuck_readings(q: Quantity, x: Floats, step_s: float) -> Flags:
    """True where a reading hangs, across gaps too.

    Not for what may stand still: setpoints, counts, ends of a range, idle machines, and points that are read so
    coarsely that they often repeat themselves.
    """
    flat = np.zeros(len(x), bool)
    if q.role in ("setpoint", "mode") or q.kind == "count":
        return flat
    rows = np.flatnonzero(np.isfinite(x))
    known = x[rows]
    if len(known) < 2:
        return flat
    same = np.concatenate([[False], np.diff(known) == 0.0])
    if (~same).sum() < 0.2 * len(known) and q.kind == "fraction":
        return flat
    at_end = (known <= q.low + 1e-9) | (known >= q.high - 1e-9) | (known == 0.0)
    found = runs(same & ~at_end)
    usual = float(np.median([n for _, n in found])) if len(found) >= 5 else 0.0
    for start, length in found:
        lasted_s = (rows[start + length - 1] - rows[start - 1] + 1) * step_s
        if lasted_s >= STUCK_S and length > COARSE * usual:
            flat[rows[start - 1 : start + length]] = True
    return flat


def outliers(q: Quantity, x: Floats, usual: tuple[float, float] | None = None) -> Flags:
    """Readings that leave the line of their neighbours for a moment (Hampel's rule, both sides).

    Of a setpoint, which moves in steps, only what leaves the scenario's ``usual`` range counts. Loads have pulses of
    their own. There, and of the fans' feedback, only a moment of next to nothing counts. What is a spike of an output,
    its replay tells (`spikes`).
    """
    if q.role == "mode" or q.kind == "count" or (q.role == "output" and q.name != FAN_FEEDBACK):
        return np.zeros(len(x), bool)
    if q.role == "setpoint":
        return _lonely(x, (x < usual[0]) | (x > usual[1])) if usual else np.zeros(len(x), bool)
    away = _away(x)
    wild = away > _bar(x, away)
    return wild if q.role == "weather" else wild & dead_readings(x)


def spikes(read: Floats, replayed: Floats) -> Flags:
    """Lonely readings ``(T,)`` beyond the point's usual span, or of next to nothing, that the replay does not show.

    A machine's pulse after a step of its setpoint is in both, give or take `NEAR` rows; a spike is in the readings
    alone. Both are missing where they are not compared.
    """
    known = np.isfinite(read)
    if known.sum() < 2 * NEIGHBOURS:
        return np.zeros(len(read), bool)
    away = _away(read)
    span = float(np.quantile(read[known], 0.9) - np.quantile(read[known], 0.1))
    wild = away > np.maximum(_bar(read, away), np.where(dead_readings(read), 0.0, SPAN_FRAC * span))
    if not wild.any():
        return wild
    quick, shown = np.nan_to_num(read - _middle(read)), np.nan_to_num(replayed - _middle(replayed))
    calm = known & ~wild
    rest = float(np.sum((quick[calm] - shown[calm]) ** 2))
    gain = float(np.clip((quick[calm] @ shown[calm] + rest) / (shown[calm] @ shown[calm] + rest + LEAST), *GAINS))
    near = _windows(np.pad(gain * shown, NEAR), 2 * NEAR + 1)
    return wild & (np.abs(quick[:, None] - near).min(axis=1) > UNEXPLAINED_FRAC * away)


def rare_spikes(read: Floats) -> Flags:
    """Lonely readings ``(T,)`` far beyond the rarest hundredth: all that can be told where nothing is replayed."""
    known = np.isfinite(read)
    if known.sum() < 2 * NEIGHBOURS:
        return np.zeros(len(read), bool)
    away = _away(read)
    rarest = float(np.quantile(away[known], RAREST))
    return np.asarray(away > np.maximum(_bar(read, away), OUTLIER * rarest))


def dead_readings(x: Floats) -> Flags:
    """Lonely readings ``(T,)`` of next to nothing among neighbours that are far from it."""
    return _lonely(x, np.nan_to_num(np.abs(x)) < DEAD_FRAC * np.nan_to_num(np.abs(_middle(x))))


def _lonely(x: Floats, odd: Flags) -> Flags:
    """Odd readings of which at most `LONELY_ROWS` come in a row, gaps not counted."""
    rows = np.flatnonzero(np.isfinite(x))
    out = np.zeros(len(x), bool)
    for start, length in runs(np.asarray(odd[rows])):
        if length <= LONELY_ROWS:
            out[rows[start : start + length]] = True
    return out


def _away(x: Floats) -> Floats:
    """Distance ``(T,)`` of every reading from its neighbours on both sides.

    It is the lesser distance from the medians before and behind, and 0 where the reading lies between them or has no
    neighbours on a side: a ramp or a step is no outlier.
    """
    nothing = np.full(NEIGHBOURS, np.nan)
    a = x - _medians(_windows(np.concatenate([nothing, x[:-1]]), NEIGHBOURS))
    b = x - _medians(_windows(np.concatenate([x[1:], nothing]), NEIGHBOURS))
    return np.nan_to_num(np.where(a * b > 0.0, np.minimum(np.abs(a), np.abs(b)), 0.0))


def _middle(x: Floats) -> Floats:
    """Median ``(T,)`` of every reading and its neighbours."""
    return _medians(_around(x))


def _bar(x: Floats, away: Floats) -> Floats:
    """How far a reading must be: by the deviation of its neighbours, and by that of nine tenths of all readings."""
    around = _around(x)
    spread = MAD_TO_SD * np.nan_to_num(_medians(np.abs(around - _medians(around)[:, None])))
    known = np.isfinite(x)
    bulk = BULK_TO_SD * float(np.quantile(away[known], BULK)) if known.any() else 0.0
    return np.asarray(OUTLIER * np.maximum(np.maximum(spread, bulk), LEAST))


def _around(x: Floats) -> Floats:
    """Every reading with its neighbours on both sides ``(T, 2 NEIGHBOURS + 1)``."""
    return _windows(np.pad(x, NEIGHBOURS, constant_values=np.nan), 2 * NEIGHBOURS + 1)


def _windows(padded: Floats, width: int) -> Floats:
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, width))


def _medians(windows: Floats) -> Floats:
    """Median of what is known in each window; NaN where nothing is."""
    some = np.asarray(~np.isnan(windows).all(axis=1))
    out = np.full(len(windows), np.nan)
    out[some] = np.nanmedian(windows[some], axis=1)
    return out
