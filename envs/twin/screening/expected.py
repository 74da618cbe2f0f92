"""What a scenario leads one to expect of its points, before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from envs.physics.namespace import Floats
from envs.plant.layout import Layout

MARGIN_FRAC = 0.5  # of a channel's range, on both sides: a building's own rules may go beyond what an agent may
Span = tuple[float, float]


@dataclass(frozen=True)
class Expected:
    """Sizes and ranges of a scenario.

    Attributes
    ----------
    rated_kw : mapping
        Load to the rated power ``(k,)`` [kW] of its rows.
    possible : mapping
        Setpoint to what a machine can be asked for: nothing else is believed.
    usual : mapping
        Setpoint to the scenario's range of it with `MARGIN_FRAC` on both sides.
    """

    rated_kw: Mapping[str, Floats] = field(default_factory=dict)
    possible: Mapping[str, Span] = field(default_factory=dict)
    usual: Mapping[str, Span] = field(default_factory=dict)


def expected_of(layout: Layout) -> Expected:
    """Sizes and ranges of a scenario's plant."""
    it = layout.rack_rated_kw.sum(axis=0)
    rated = {
        "rack_power_kw": layout.rack_rated_kw[:, 0],
        "row_power_kw": layout.row_rated_kw[:, 0],
        "it_power_kw": it,
        "ups_power_kw": it,
        "facility_power_kw": 1.5 * it,
    }
    thermal = {n: c for n, c in layout.channels.items() if c.replayed_at is None and c.possible is not None}
    margin = {n: MARGIN_FRAC * (c.high - c.low) for n, c in thermal.items()}
    possible = {n: (float(c.possible[0]), float(c.possible[1])) for n, c in thermal.items() if c.possible}
    usual = {
        n: (max(c.low - margin[n], possible[n][0]), min(c.high + margin[n], possible[n][1])) for n, c in thermal.items()
    }
    return Expected(rated, possible, usual)
