"""One decision: a bundle's policy, then the shields. The loop and the replay of its log make it by this one class."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from agents.live.checks import Measurements, missing_rows
from agents.live.limits import BothShields, SafeSetpoints, Setpoints, SiteLimits
from agents.live.point_map import LiveMap
from agents.live.reading import Key
from agents.live.units import IN_FORCE
from agents.runtime.exported_policy import ExportedPolicy
from agents.runtime.manifest import MANIFEST, TWIN, file_hash
from agents.runtime.twin_shield import TwinShield
from envs.interface.channel import Channel
from envs.shield.intervention import Intervention
from envs.shield.shield import Shield
from envs.shield.site_limits import site_limits_from

Array = NDArray[np.floating]


class Decision(NamedTuple):
    """What the policy wanted, what the shields made of it, and what they changed; ``{channel: (k,)}``."""

    wanted: Setpoints
    given: Setpoints
    interventions: Sequence[Intervention]


class Decider:
    """The policy of a bundle and its shields, bound to a building.

    Parameters
    ----------
    bundle : Path or str
    site : LiveMap
    step_s : float, optional
        Seconds between two decisions; those of the training when left out.
    shield : SafeSetpoints, optional
        Before the site's own limits, which always hold; left out: that of the bundle's site, with its twin.

    Attributes
    ----------
    looks_not_ahead : str
        Why the shield has no twin, in words; empty where it has one.
    twin : TwinShield, optional
        The shield, where it has a twin.

    Raises
    ------
    ValueError
        Where the map lacks a point that the policy reads, or a setpoint that it writes.
    """

    def __init__(
        self, bundle: Path | str, site: LiveMap, step_s: float | None = None, shield: SafeSetpoints | None = None
    ) -> None:
        self.policy = ExportedPolicy(bundle, step_s, watchful=True, utc_offset_h=site.utc_offset_h)
        self.step_s = self.policy.interface.step_s
        self.policy_hash, self.map_hash = file_hash(Path(bundle) / MANIFEST), site.digest
        self.title = f"{self.policy.manifest['algorithm']} for {self.policy.manifest['scenario']}"
        self.channels: tuple[Channel, ...] = (*self.policy.interface.decoder.channels, *self.policy.ruled)
        self.limits = SiteLimits(site, self.channels, self.step_s)
        self.measured = _mapped_rows(site)
        self._require_points(site)
        self.looks_not_ahead = ""
        self.twin: TwinShield | None = None
        self.shield = BothShields(shield or self._own_shield(Path(bundle)), self.limits)
        self.reset()

    def points(self) -> dict[str, tuple[int, str, float, float]]:
        """Rows, unit and usual range of every mapped point that the policy reads."""
        read = [p for p in self.policy.read if p["name"] in self.measured]
        return {p["name"]: (p["rows"], p["unit"], p["low"], p["high"]) for p in read}

    def decided(self) -> list[Key]:
        """Every channel and row that it decides."""
        return [Key(c.name, row) for c in self.channels for row in range(c.rows)]

    def reset(self) -> None:
        """Forget what the rule and the shield remember."""
        self.policy.reset(1)
        self.shield.reset(1)

    def begin_again(self) -> None:
        """Forget as after a fault: what is measured next is still held against the last reading that was believed."""
        self.policy.restart()
        self.shield.reset(1)

    def follow(self) -> None:
        """Let the rule of the bundle go on from what is in force at the next decision: somebody else has moved it."""
        self.policy.follow()

    def decide(self, measurements: Measurements, now: float) -> Decision:
        """Setpoints for the coming cycle, at a time ``now`` [s since 1970, UTC] that derived points may need.

        Raises
        ------
        ValueError
            Where a measurement is impossible, swapped, in another unit, or moved faster than a site does.
        """
        wanted = self.policy.act(measurements, now)
        known = self.known(measurements)
        given, interventions = self.shield.safe(self.limits.without_left(wanted, known), known)
        return Decision(wanted, given, interventions)

    def known(self, measurements: Measurements) -> Measurements:
        """Measurements, and beside them what the last decision derived."""
        derived = {name: np.asarray(value[:, 0], np.float64) for name, value in self.policy.derived.items()}
        return measurements | derived

    def _own_shield(self, bundle: Path) -> SafeSetpoints:
        """With the bundle's twin; without one, ranges, slew and the interlocks of what the site's machines bear."""
        if (bundle / TWIN).exists():
            twin = TwinShield(bundle, self.step_s, [c.name for c in self.channels])
            derived = cast("Mapping[str, Any]", self.policy.manifest).get("derived", ())
            read = [p["name"] for p in self.policy.read if p["name"] in derived]
            lacking = twin.lacking([*self.measured, *read])
            if not lacking:
                self.twin = twin
                return twin
            self.looks_not_ahead = f"the point map lacks {', '.join(lacking)}"
        else:
            self.looks_not_ahead = f"{bundle} has no {TWIN}; export the run again"
        told = self.policy.manifest.get("site", {}).get("limits", {})
        return Shield(self.channels, self.step_s, site_limits_from(told))

    def _require_points(self, site: LiveMap) -> None:
        derived: Collection[str] = cast("Mapping[str, Any]", self.policy.manifest).get("derived", ())
        needed = {p["name"]: p["rows"] for p in self.policy.read}
        kept = {name: rows for name, rows in needed.items() if name in self.measured or name not in derived}
        lacking = missing_rows(site, kept)
        lacking += missing_rows(site, {IN_FORCE + c.name: c.rows for c in self.channels})
        by_clock = self.policy.clock.lacking(needed, self.measured)
        if by_clock:
            raise ValueError(
                f"{site.path} has no {', '.join(by_clock)}, and the hall's clock is not known; write utc_offset_h: at "
                "the top of the map, the hall's local standard time less UTC in hours"
            )
        if lacking:
            raise ValueError(
                f"{site.path} does not fit the bundle: {'; '.join(dict.fromkeys(lacking))}; map these rows; of a "
                "point that the building does not have state its fixed value, of a setpoint that it "
                "keeps left_to_building: true"
            )


def flat(setpoints: Mapping[str, Array]) -> dict[Key, float]:
    """Setpoints ``{channel: (k,)}`` by channel and row."""
    return {Key(name, row): float(v) for name, value in setpoints.items() for row, v in enumerate(np.ravel(value))}


def _mapped_rows(site: LiveMap) -> dict[str, int]:
    """Rows of everything that the map has: the shield may read more than the policy."""
    keys = [p.place.key for p in site.points] + [s.place.key for s in site.setpoints]
    return {key.name: sum(other.name == key.name for other in keys) for key in keys}
