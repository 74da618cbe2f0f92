"""The order of screening: every point by itself, then points against each other, then against the scenario's replay.

Nothing is mended silently: wrong readings become missing ones, a point that is not what the map says is set aside with
the mend to write into the map, and every finding is in the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.screening.clocks import clock_findings, pair_lags
from envs.twin.screening.expected import Expected
from envs.twin.screening.order import swapped
from envs.twin.screening.place import Naming
from envs.twin.screening.point import checked_point, out_of_line
from envs.twin.screening.readings import FAN_FEEDBACK, rare_spikes
from envs.twin.screening.replayed import against_replay
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.gaps import runs
from envs.twin.telemetry.quantities import LOADS, QUANTITIES, driving_load
from envs.twin.telemetry.telemetry import Telemetry

GAP_REPORTED_FRAC = 0.01
TOLD = 4  # points of an unusable input that are told one by one
#: Kinds that leave an input without readings, the most telling first.
STOPPING = ("unit", "register", "ratio", "swapped", "range", "unreadable", "on change", "gap")


@dataclass(frozen=True, eq=False)
class ScreenedTelemetry:
    """Telemetry that can be fitted, and what was found on the way."""

    telemetry: Telemetry
    findings: tuple[Finding, ...]

    @property
    def wrong_inputs(self) -> tuple[str, ...]:
        """Points that drive the replay though they are wrong: they are needed, and their mend is not ours."""
        return tuple(dict.fromkeys(f.point for f in self.findings if f.in_use))


class UnusableInput(ValueError):
    """A point that must drive the replay cannot be used; all findings are in ``findings``."""

    def __init__(self, words: str, findings: Sequence[Finding]) -> None:
        super().__init__(words)
        self.findings = tuple(findings)


def screen(
    telemetry: Telemetry,
    expected: Expected | None = None,
    before: Sequence[Finding] = (),
    scenario: Scenario | None = None,
) -> ScreenedTelemetry:
    """Find what is wrong with telemetry.

    Parameters
    ----------
    telemetry : Telemetry
        Of one hall, as read.
    expected : Expected, optional
        Sizes and ranges of the scenario (`expected.expected_of`).
    before : sequence of Finding
        Of the reader.
    scenario : Scenario, optional
        Where given, every output is also compared with the scenario's replay: clocks, ratios, offsets.

    Raises
    ------
    UnusableInput
        Where a point that must drive the replay is not what the map says.
    """
    findings, naming = list(before), Naming(telemetry)
    kept: dict[str, Floats] = {}
    for name, values in telemetry.series().items():
        findings += _gaps(values, [naming.point(name, k) for k in range(values.shape[1])], telemetry.step_s)
        columns = []
        for k in range(values.shape[1]):
            column, found = checked_point(telemetry, name, k, expected or Expected(), naming)
            columns.append(column)
            findings += found
        kept[name] = np.stack(columns, axis=1)
    turned, points = swapped(_with(telemetry, kept), naming)
    findings += turned
    _set_aside(kept, points)
    _require_drivers(telemetry, kept, findings, naming)
    checked = _with(telemetry, kept)
    lags = pair_lags(checked)
    fans = {(lag.name, row) for lag in lags if lag.name == FAN_FEEDBACK for row in lag.rows}
    driven = _without(checked, fans)  # what the fans did overrides their command in a replay
    seen = against_replay(scenario, driven, naming) if scenario is not None else None
    if seen is not None:
        findings += seen.findings
        _set_aside(kept, seen.points)
        lags = [lag for lag in lags if lag.name not in seen.known] + list(seen.lags)
    late, points = clock_findings(lags, naming)
    findings += late
    _set_aside(kept, points)
    if seen is None:
        outputs = [n for n in kept if QUANTITIES[n].role == "output" and QUANTITIES[n].kind != "count"]
        wild = {(n, k): rare_spikes(kept[n][:, k]) for n in outputs for k in range(kept[n].shape[1])}
        findings += _spikes(telemetry, kept, {p: np.flatnonzero(flags) for p, flags in wild.items()}, naming)
    elif not any(f.in_use for f in late):  # beside an input whose clock is off no replay tells spikes
        findings += _spikes(telemetry, kept, {p: rows for p, rows in seen.spikes.items() if p not in points}, naming)
    return ScreenedTelemetry(_with(telemetry, kept), tuple(findings))


def _spikes(
    telemetry: Telemetry, kept: dict[str, Floats], spikes: Mapping[tuple[str, int], NDArray[np.int64]], naming: Naming
) -> list[Finding]:
    """Take out the spikes of points that are not set aside."""
    findings = []
    for (name, row), rows in spikes.items():
        flags = np.isin(np.arange(telemetry.rows), rows) & np.isfinite(kept[name][:, row])
        if flags.any():
            findings.append(out_of_line(name, naming.point(name, row), kept[name][:, row], flags, naming))
            kept[name][flags, row] = np.nan
    return findings


def _with(telemetry: Telemetry, kept: dict[str, Floats]) -> Telemetry:
    """Telemetry of the quantities that have a reading left."""
    return telemetry.with_values({n: v[:, :, None] for n, v in kept.items() if np.isfinite(v).any()})


def _without(telemetry: Telemetry, points: set[tuple[str, int]]) -> Telemetry:
    """The same without some points."""
    series = {name: values.copy() for name, values in telemetry.series().items()}
    _set_aside(series, points)
    return _with(telemetry, series)


def _set_aside(kept: dict[str, Floats], points: set[tuple[str, int]]) -> None:
    for name, row in points:
        kept[name][:, row] = np.nan


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


def _require_drivers(raw: Telemetry, kept: dict[str, Floats], findings: Sequence[Finding], naming: Naming) -> None:
    """Stop where what drives the replay was set aside."""
    load = driving_load(raw.values)
    for name, values in raw.series().items():
        if QUANTITIES[name].role == "output" or (name in LOADS and name != load):
            continue
        lost = np.isfinite(values).any(axis=0) & ~np.isfinite(kept[name]).any(axis=0)
        empty = ~np.isfinite(kept[name]).any()
        if not (lost.any() or empty):
            continue
        own = {naming.point(name, k) for k in range(values.shape[1])}
        telling = [f for kind in STOPPING for f in findings if f.kind == kind and _is_of(f, own)]
        words = "; ".join(f"{f.point}: {f.words}" for f in telling[:TOLD])
        words += f"; and {len(telling) - TOLD} more points" if len(telling) > TOLD else ""
        raise UnusableInput(f"{name} drives the replay and no reading of it can be used ({words})", findings)


def _is_of(finding: Finding, points: set[str]) -> bool:
    """Whether a finding is about one of these points, or names it."""
    return finding.point.split(" and ")[0] in points or any(f"above {p}:" in finding.what for p in points)
