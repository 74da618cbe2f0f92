"""Clocks that are off: points that answer late, and inputs whose answers come before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.interface.channels import CHANNELS
from envs.twin.screening.place import Naming
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.lag import SHORTEST_SHIFT_S, best_lag, known_mean
from envs.twin.telemetry.quantities import QUANTITIES, driving_load
from envs.twin.telemetry.telemetry import Telemetry

LOAD, WEATHER = "load", "weather"  # inputs of several points, which have one clock
#: Input to the outputs that follow it at once.
FOLLOWERS = {
    LOAD: ("ups_power_kw", "ups_loss_kw", "pdu_loss_kw"),
    **{c.name: c.followed_by for c in CHANNELS.values() if c.followed_by},
}


@dataclass(frozen=True)
class Lag:
    """A point that fits what it follows better at another time.

    Attributes
    ----------
    name, rows : str, tuple of int
        Quantity and its rows.
    seconds : float
        How late it comes [s]; negative: before what it follows.
    correlation, usual : float
        There, and without a shift.
    against : str
        What it was compared with: ``replay``, or a quantity.
    """

    name: str
    rows: tuple[int, ...]
    seconds: float
    correlation: float
    usual: float
    against: str = "replay"


def pair_lags(telemetry: Telemetry) -> list[Lag]:
    """Lags of measured followers against what they follow, by their changes."""
    series = telemetry.series()
    load = driving_load(series) or ""
    pairs = [(f, c) for c, followers in FOLLOWERS.items() for f in followers if c != LOAD]
    pairs += [("ups_power_kw", load), ("wet_bulb_c", "dry_bulb_c")]
    found = []
    for follower, leader in pairs:
        if follower in series and leader in series:
            per_row = series[follower].shape == series[leader].shape
            for k in range(series[follower].shape[1] if per_row else 1):
                one = (series[follower][:, k], series[leader][:, k]) if per_row else (
                    known_mean(series[follower]), known_mean(series[leader]))  # fmt: skip
                lag = best_lag(np.diff(one[0])[:, None], np.diff(one[1])[:, None], telemetry.step_s)
                if lag is not None:
                    found.append(Lag(follower, (k,), *lag, leader))
    return found


def clock_findings(lags: Sequence[Lag], naming: Naming) -> tuple[list[Finding], set[tuple[str, int]]]:
    """Name the clock that is off: an input whose followers all answer early by the same time, else the points.

    Returns
    -------
    tuple
        Findings, and the outputs that cannot be compared until their clock is mended.
    """
    findings: list[Finding] = []
    points: set[tuple[str, int]] = set()
    inputs = {c: seconds for c, followers in FOLLOWERS.items() if (seconds := _blamed(c, followers, lags))}
    if inputs:  # what else comes early or late, comes so against inputs that are wrong
        return [_input_late(inputs, naming)], set()
    for lag in lags:
        against = "its own replay" if lag.against == "replay" else lag.against
        late, out = "late" if lag.seconds > 0.0 else "early", QUANTITIES[lag.name].role == "output"
        mend = f"set shift_s: {-lag.seconds:.0f} if its clock is off"
        findings.append(
            Finding(
                "clock",
                naming.points(lag.name, lag.rows),
                f"its changes come {abs(lag.seconds):.0f} s {late} against {against}",
                value=f"correlation {lag.correlation:.2f} there, {lag.usual:.2f} without a shift",
                expected="the best fit without a shift",
                mend=f"{mend}; not compared until then" if out else mend,
                in_use=not out,
            )
        )
        if out:
            points |= {(lag.name, row) for row in lag.rows}
    return findings, points


def _blamed(channel: str, followers: Sequence[str], lags: Sequence[Lag]) -> float:
    """How late [s] an input is: its own follower, and another output with it, answer early by as much; else 0."""
    own = [lag for lag in lags if lag.name in followers and (lag.against in ("replay", channel) or channel == LOAD)]
    if not own:
        return 0.0
    seconds = float(np.median([lag.seconds for lag in own]))
    alike = {lag.name for lag in lags if abs(lag.seconds - seconds) <= SHORTEST_SHIFT_S}
    return -seconds if len(alike) > 1 else 0.0


def _input_late(inputs: dict[str, float], naming: Naming) -> Finding:
    """One finding for all inputs whose clock is off by the same time."""
    series = naming.telemetry.series()
    load = driving_load(series) or ""
    names = [load if c == LOAD else c for c in inputs]
    seconds = float(np.median(list(inputs.values())))
    way = "late" if seconds > 0.0 else "early"
    return Finding(
        "clock",
        "; ".join(naming.points(n, range(series[n].shape[1])) for n in names if n in series),
        f"{', '.join(names)} stand {abs(seconds):.0f} s {way}: what follows them answers "
        f"{'before' if seconds > 0.0 else 'long after'} them",
        value=", ".join(f"{n} by {s:.0f} s" for n, s in zip(names, inputs.values())),
        expected="an answer within the step",
        mend=f"set shift_s: {-seconds:.0f} for them; their answers are right",
        in_use=True,
    )
