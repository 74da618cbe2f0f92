"""Every output against the scenario's own replay of it, before anything is fitted.

The sizes of the scenario are guesses. So only what no guess of a size explains is named:

- an answer that comes late or early,
- a meter that reads many times what its machine can draw, or a draw of which the site's meter knows nothing,
- a supply that is off while its return is not,
- single readings that leave the line while the replay does not.

Causes come before effects: where several outputs answer early by the same time, an input is late (`clocks`). Weather
moves too slowly for that; there, replays under weather an hour earlier and an hour later are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.calibration import replay_at
from envs.twin.calibration.errors import correlation_time, end_to_end
from envs.twin.calibration.output_fit import OutputFit, mean_lag, output_fits
from envs.twin.calibration.windows import Windows, windows_of
from envs.twin.screening.clocks import Lag
from envs.twin.screening.place import Naming
from envs.twin.screening.readings import Flags, dead_readings, spikes
from envs.twin.screening.units import ratio_words
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.quantities import QUANTITIES
from envs.twin.telemetry.telemetry import Telemetry

SHIFT_S = 3600.0  # of the weather, each way
WEATHER = ("dry_bulb_c", "wet_bulb_c", "humidity_ratio")
#: What weather moves nearly in proportion; fans bend too much with the sizes that are guessed.
SEEN_BY = ("chiller_power_kw", "dx_power_kw", "cw_supply_c", "fws_supply_c")
SURE_H, LATE_H, SURE = 0.25, 0.6, 4.0  # deviation of a lag that is told, least lag, deviations from none
WEATHER_DAYS = 1.5
TO_S = 900.0  # a lag of the weather is known to a quarter of an hour
FAR_RATIO = 5.0  # times its replay: no guess of a size is so far off
LIKE_UNIT = 1.2  # natural logarithm: what a guess of a size may be off by, beside a factor of a thousand
ODD_RATIO = 1.4  # named where the site's meter knows nothing of it
LIKE_FRAC = 0.5  # share of a machine's excess that the site's meter shows where the machine really draws it
TOLD_FRAC = 0.05  # of the site's power: a smaller excess is lost in what the scenario guesses
OFFSET_K, PARTNER_FRAC = 2.0, 0.5
#: Supply and return of one stream: an offset of one alone is its sensor's.
STREAMS = (("chw_supply_c", "chw_return_c"), ("tcs_supply_c", "tcs_return_c"))
SITE_METER = "facility_power_kw"
POINT = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Replayed:
    """What the replay says of the outputs.

    Attributes
    ----------
    findings : tuple of Finding
        Ratios, offsets, late weather.
    points : set
        Outputs that cannot be compared until the map is mended.
    lags : tuple of Lag
        Outputs that come late or early.
    known : set of str
        Quantities that were compared.
    spikes : mapping
        Point to the rows ``(n,)`` of its spikes.
    """

    findings: tuple[Finding, ...]
    points: set[POINT]
    lags: tuple[Lag, ...]
    known: set[str]
    spikes: Mapping[POINT, NDArray[np.int64]]


def against_replay(scenario: Scenario, telemetry: Telemetry, naming: Naming) -> Replayed | None:
    """Compare every output with its replay; None where the telemetry cannot drive one."""
    layout = Plant(scenario, "float64").layout
    try:
        windows = windows_of(telemetry, scenario, layout)
    except ValueError:  # the calibration says what lacks
        return None
    slow = windows.count * (windows.steps - windows.burn_in) * windows.step_s < WEATHER_DAYS * 86_400.0
    ways = [windows] if slow else [windows, _weather_shifted(windows, -SHIFT_S), _weather_shifted(windows, SHIFT_S)]
    shown = replay_at(scenario, _side_by_side(ways), (), np.zeros(0))
    ours, *others = np.split(shown, len(ways))
    wild = _spikes(windows, ours, telemetry.rows)
    windows = _without(windows, wild)
    fits = output_fits(windows, ours)
    findings, points = _ratios(fits, naming, windows.step_s)
    odd, more = _offsets(fits, points, naming)
    findings += odd
    if others:
        findings += _late_weather(windows, ours, others, naming)
    points |= more
    return Replayed(tuple(findings), points, tuple(_lags(windows, ours, fits, points)), {f.name for f in fits}, wild)


def _spikes(windows: Windows, shown: Floats, rows: int) -> dict[POINT, NDArray[np.int64]]:
    """Rows of the telemetry at which a point shows a spike that its replay does not.

    What two quantities show at once happened in the hall, unless a point falls to next to nothing.
    """
    at = (windows.first_rows[:, None] + np.arange(windows.steps - windows.burn_in)).ravel()
    found: dict[POINT, tuple[Flags, Flags]] = {}
    seen_by: dict[str, Flags] = {}
    measured = end_to_end(windows.shown)
    for column, (name, row) in enumerate(windows.rows):
        read, replayed = np.full(rows, np.nan), np.full(rows, np.nan)
        read[at] = measured[:, column]
        replayed[at] = np.where(np.isfinite(read[at]), shown[:, column], np.nan)
        wild = spikes(read, replayed)
        seen_by[name] = seen_by.get(name, np.zeros(rows, bool)) | wild
        dead = wild & dead_readings(read)
        found[name, row] = (dead if QUANTITIES[name].kind == "fraction" else wild), dead
    shared = np.sum(list(seen_by.values()), axis=0) > 1
    alone = {point: wild & (dead | ~shared) for point, (wild, dead) in found.items()}
    return {point: np.flatnonzero(flags) for point, flags in alone.items() if flags.any()}


def _without(windows: Windows, wild: Mapping[POINT, NDArray[np.int64]]) -> Windows:
    """The same windows without some readings."""
    shown = windows.shown.copy()
    at = windows.first_rows[None, :] + np.arange(windows.steps - windows.burn_in)[:, None]
    for point, rows in wild.items():
        shown[:, windows.rows.index(point)][np.isin(at, rows)] = np.nan
    return replace(windows, shown=shown)


def _lags(windows: Windows, shown: Floats, fits: Sequence[OutputFit], aside: set[POINT]) -> list[Lag]:
    """Outputs that come late or early: all rows of a quantity where their mean does, else single ones."""
    found = []
    for name in windows.outputs:
        columns = [k for k, point in enumerate(windows.rows) if point[0] == name and point not in aside]
        lag = mean_lag(windows, shown, columns) if len(columns) > 1 else None
        if lag is not None:
            found.append(Lag(name, tuple(windows.rows[k][1] for k in columns), *lag))
            continue
        found += [Lag(name, (f.row,), *f.lag) for f in fits if f.name == name and f.lag and (name, f.row) not in aside]
    return found


def _weather_shifted(windows: Windows, seconds: float) -> Windows:
    """The same windows under weather that came so much later."""
    rows = round(seconds / windows.step_s)
    inputs = dict(windows.inputs)
    for name in WEATHER:
        index = np.clip(np.arange(windows.steps) - rows, 0, windows.steps - 1)
        inputs[name] = np.ascontiguousarray(inputs[name][index])
    return replace(windows, inputs=inputs)


def _side_by_side(ways: Sequence[Windows]) -> Windows:
    """Several versions of the same windows as one batch."""
    first = ways[0]
    return replace(
        first,
        count=sum(w.count for w in ways),
        first_rows=np.concatenate([w.first_rows for w in ways]),
        inputs={n: np.concatenate([w.inputs[n] for w in ways], axis=-1) for n in first.inputs},
        shown=np.concatenate([w.shown for w in ways], axis=-1),
        noise_sd=np.concatenate([w.noise_sd for w in ways], axis=-1),
    )


def _ratios(fits: Sequence[OutputFit], naming: Naming, step_s: float) -> tuple[list[Finding], set[POINT]]:
    """Power meters that read a multiple of what their machine draws."""
    site = next((f for f in fits if f.name == SITE_METER), None)
    findings, points = [], set()
    for fit in fits:
        if QUANTITIES[fit.name].kind != "power" or min(fit.mean, fit.replayed_mean) <= 1e-6:
            continue
        ratio = fit.mean / fit.replayed_mean
        size = max(ratio, 1.0 / ratio)
        if size < FAR_RATIO and not (size > ODD_RATIO and _unknown_to(site, fit)):
            continue
        findings.append(_ratio(fit, ratio, naming, step_s))
        points.add((fit.name, fit.row))
    return findings, points


def _unknown_to(site: OutputFit | None, fit: OutputFit) -> bool:
    """Whether the site's meter shows too little of what a machine's meter reads beyond its replay, or misses itself."""
    if fit.name == SITE_METER:
        return True
    excess = fit.mean - fit.replayed_mean
    if site is None or abs(excess) < TOLD_FRAC * site.mean:
        return False
    return -site.bias / excess < LIKE_FRAC


def _ratio(fit: OutputFit, ratio: float, naming: Naming, step_s: float) -> Finding:
    value, expected = f"mean {fit.mean:.4g} kW", f"about {fit.replayed_mean:.3g} kW (the scenario's replay)"
    point = naming.point(fit.name, fit.row)
    for unit, factor_of_unit in (("W", 1000.0), ("MW", 0.001)):
        if abs(np.log(ratio / factor_of_unit)) < LIKE_UNIT:
            return Finding("unit", point, f"reads {ratio:.3g} times its replay: it looks like {unit}", value=value,
                           expected=expected, mend=f'set unit: "{unit}"; not compared until then')  # fmt: skip
    times, factor = ratio_words(ratio)
    what = f"reads about {ratio:.2g} times its replay, as by a current transformer's ratio of {times}"
    if abs(np.log(ratio * 3600.0 / step_s)) < 0.2:
        what = f"reads about {ratio:.2g} times its replay, as energy in kWh per {step_s:.0f} s does"
        factor = f"{3600.0 / step_s:.4g}"
    mend = f"set factor: {factor} if its nameplate agrees, or mend the machine's size; not compared until then"
    return Finding("ratio", point, what, value=value, expected=expected, mend=mend)


def _offsets(fits: Sequence[OutputFit], aside: set[POINT], naming: Naming) -> tuple[list[Finding], set[POINT]]:
    """Water temperatures that are off while the other side of their stream is not."""
    by_name: Mapping[str, OutputFit] = {f.name: f for f in fits if f.row == 0 and (f.name, 0) not in aside}
    findings, points = [], set()
    for stream in STREAMS:
        for one, other in (stream, stream[::-1]):
            if one not in by_name or other not in by_name:
                continue
            off, there = -by_name[one].bias, -by_name[other].bias
            if one.endswith("return_c") or abs(off) < OFFSET_K or abs(there) > PARTNER_FRAC * abs(off):
                continue
            fit = by_name[one]
            findings.append(
                Finding(
                    "offset",
                    naming.point(one, 0),
                    f"reads {abs(off):.1f} K {'high' if off > 0.0 else 'low'} while {naming.point(other, 0)} fits",
                    value=f"mean {fit.mean:.4g} degC",
                    expected=f"about {fit.replayed_mean:.3g} degC (setpoint and replay)",
                    mend="check the sensor, or the setpoint's point; not compared until then",
                )
            )
            points.add((one, 0))
    return findings, points


def _late_weather(windows: Windows, ours: Floats, others: Sequence[Floats], naming: Naming) -> list[Finding]:
    """Weather whose machines answer as if it had come earlier or later; all that can tell must agree.

    A small lag moves an output along the difference of two replays, one under weather an hour early, one an hour late.
    """
    read = end_to_end(windows.shown)
    along = (others[0] - others[1]) / (2.0 * SHIFT_S / 3600.0)
    day = np.repeat(np.eye(windows.count), len(ours) // windows.count, axis=0)
    told: dict[str, tuple[float, float]] = {}
    for column, (name, row) in enumerate(windows.rows):
        known = np.isfinite(read[:, column])
        if name not in SEEN_BY or known.sum() < 100 or along[known, column].std() < 1e-6:
            continue
        basis = np.column_stack([along[:, column], ours[:, column], day])[known]
        found, *_ = np.linalg.lstsq(basis, read[known, column], rcond=None)
        rest = read[known, column] - basis @ found
        counted = correlation_time(rest[:, None], round(SHIFT_S * 3.0 / windows.step_s))[0]
        sd = float(np.sqrt(np.linalg.pinv(basis.T @ basis)[0, 0] * rest.var() * counted))
        if sd < SURE_H:
            told[f"{name}[{row}]"] = (float(found[0]), sd)
    if not told or not all(abs(lag) > max(LATE_H, SURE * sd) for lag, sd in told.values()):
        return []
    if len({np.sign(lag) for lag, _ in told.values()}) > 1:
        return []
    hours = float(np.median([lag for lag, _ in told.values()]))
    seconds = TO_S * round(hours * 3600.0 / TO_S)
    points = [n for n in ("dry_bulb_c", "wet_bulb_c", "outside_rh_frac") if n in naming.telemetry.values]
    return [
        Finding(
            "clock",
            " and ".join(naming.point(n, 0) for n in points),
            f"the weather stands {abs(seconds):.0f} s {'late' if seconds > 0.0 else 'early'}: what it drives answers "
            f"{'before' if seconds > 0.0 else 'after'} it",
            value=", ".join(f"{name} by {lag:.2f} +- {sd:.2f} h" for name, (lag, sd) in told.items()),
            expected="an answer within the step",
            mend=f"set shift_s: {-seconds:.0f} for them",
            in_use=True,
        )
    ]
