"""The site's own limits: the last hands that a setpoint passes through before it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.live.point_map import LiveMap
from agents.live.reading import Key
from agents.live.units import IN_FORCE
from envs.interface.channel import SLEW_INTERVAL_S, Channel
from envs.shield.intervention import Intervention
from envs.unit_text import unit_behind

Array = NDArray[np.floating]
Setpoints = dict[str, Array]
ROUNDING = 1e-6  # of a channel's range: float32 on a wire


class SafeSetpoints(Protocol):
    """What makes setpoints safe; it may remember what it saw."""

    def reset(self, n: int) -> None:
        """Forget what was seen of ``n`` sites."""

    def safe(
        self, setpoints: Mapping[str, Array], measurements: Mapping[str, Array]
    ) -> tuple[Setpoints, Sequence[Intervention]]:
        """The nearest safe setpoints ``{channel: (k,)}``, and what was changed."""


class SiteLimits:
    """Keeps setpoints inside the limits of the point map, and within the slew of what is in force.

    Where a value in force (the site's own) lies so far outside that one step does not reach the limits, the setpoint is
    left to the site: nothing outside the limits is ever written, not even on the way in.

    Parameters
    ----------
    site : LiveMap
    channels : sequence of Channel
        As the bundle's manifest binds them: their slews hold.
    step_s : float
        Seconds between two writes.
    """

    def __init__(self, site: LiveMap, channels: Sequence[Channel], step_s: float) -> None:
        self.channels = {c.name: c for c in channels}
        self.limits = {s.channel: (s.low, s.high) for s in site.setpoints}  # what has none is left to the site
        self.step_s = step_s

    def reset(self, n: int) -> None:
        """Nothing is remembered."""

    def safe(
        self, setpoints: Mapping[str, Array], measurements: Mapping[str, Array]
    ) -> tuple[Setpoints, Sequence[Intervention]]:
        """Setpoints inside the limits, and what is in force where it cannot be brought there; see `SafeSetpoints`."""
        made: Setpoints = {}
        found: list[Intervention] = []
        for name, wanted in setpoints.items():
            c = self.channels[name]
            in_force = np.asarray(measurements[IN_FORCE + name], np.float64)
            given = np.array(wanted, np.float64)
            for row in range(len(given)):
                low, high, words = self._bounds(c, row, float(in_force[row]))
                value = min(max(float(given[row]), low), high) if low <= high else float(in_force[row])
                if abs(value - given[row]) > ROUNDING * (c.high - c.low):
                    why = (
                        f"{name}[{row}] {given[row]:.4g}{unit_behind(c.unit)} is outside {low:.4g}..{high:.4g}: moved "
                        f"by {value - given[row]:+.3g}"
                    )
                    found.append(Intervention(name, row, words, float(given[row]), value, c.unit, why))
                given[row] = value
            made[name] = given
        return made, found

    def without_left(self, setpoints: Mapping[str, Array], measurements: Mapping[str, Array]) -> Setpoints:
        """Setpoints with what is in force wherever the map leaves a channel to the building."""
        made: Setpoints = {}
        for name, wanted in setpoints.items():
            in_force = np.asarray(measurements[IN_FORCE + name], np.float64)
            left = [Key(name, row) not in self.limits for row in range(len(in_force))]
            made[name] = np.where(left, in_force, wanted)
        return made

    def nearest(self, setpoints: Mapping[Key, float], in_force: Mapping[Key, float]) -> dict[Key, float]:
        """Setpoints of an earlier moment, as they may be written now."""
        made = {}
        for key, value in setpoints.items():
            if key not in self.limits:
                continue
            low, high, _ = self._bounds(self.channels[key.name], key.row, in_force[key])
            if low <= high:
                made[key] = min(max(value, low), high)
        return made

    def can_be_held(self, key: Key, in_force: float) -> bool:
        """Whether the loop may hold it: the map leaves it to the loop, and one step leads inside the limits."""
        if key not in self.limits:
            return False
        low, high, _ = self._bounds(self.channels[key.name], key.row, in_force)
        return low <= high

    def require(self, setpoints: Mapping[Key, float], in_force: Mapping[Key, float]) -> None:
        """Refuse what no shield should have let pass; called right before a write.

        Raises
        ------
        ValueError
            Naming channel, value and limits.
        """
        for key, value in setpoints.items():
            c = self.channels[key.name]
            low, high, words = self._bounds(c, key.row, in_force[key])
            slack = ROUNDING * (c.high - c.low)
            if not low - slack <= value <= high + slack:
                raise ValueError(
                    f"{key} = {value:g}{unit_behind(c.unit)} is outside {low:g}..{high:g} ({words}); nothing is written"
                )

    def _bounds(self, c: Channel, row: int, in_force: float) -> tuple[float, float, str]:
        """Lowest and highest value that may be written now, and which limit that is; lowest over highest: none may."""
        if Key(c.name, row) not in self.limits:
            return in_force, in_force, "the point map leaves it to the building"
        low, high = self.limits[Key(c.name, row)]
        share = self.step_s / SLEW_INTERVAL_S
        least, most = in_force - c.slew_down * share, in_force + c.slew_up * share
        if least > high or most < low:
            return high, low, f"in force is {in_force:g}, a step away from the limits: left to the site"
        words = "slew" if least > low or most < high else "range"
        return max(low, least), min(high, most), words


class BothShields:
    """Two shields, one after the other; the second has the last word.

    Parameters
    ----------
    first, second : SafeSetpoints
    """

    def __init__(self, first: SafeSetpoints, second: SafeSetpoints) -> None:
        self.first, self.second = first, second

    def reset(self, n: int) -> None:
        """Forget, both."""
        self.first.reset(n)
        self.second.reset(n)

    def safe(
        self, setpoints: Mapping[str, Array], measurements: Mapping[str, Array]
    ) -> tuple[Setpoints, Sequence[Intervention]]:
        """As `SafeSetpoints`; what both changed."""
        once, changed = self.first.safe(setpoints, measurements)
        twice, more = self.second.safe(once, measurements)
        return twice, [*changed, *more]


def verdict(interventions: Sequence[Intervention]) -> str:
    """What a shield did, in words."""
    if not interventions:
        return "passed"
    told = [f"{i.limit}: {i.why}" for i in interventions]
    more = f"; and {len(told) - 5} more" if len(told) > 5 else ""
    return f"changed {len(told)}: " + "; ".join(told[:5]) + more
