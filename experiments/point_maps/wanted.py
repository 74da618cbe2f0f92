"""What a bundle asks of a building: its points and setpoints, with rows, units, and how a power becomes a share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from agents.live.units import IN_FORCE, brick_classes
from agents.runtime.exported_policy import ExportedPolicy

WHOLE_SITE = ("it_power_share", "facility_power_share")
OF_A_ROW = ("row_power_share", "row_demand_share")


class Wanted(NamedTuple):
    """One point or setpoint of a bundle.

    Attributes
    ----------
    name : str
        Of the point or channel.
    rows : int
    unit : str
        Ours.
    is_setpoint : bool
    low, high : float
        Usual range of a point, range of a channel.
    is_derived : bool
        Whether the bundle does without it.
    rated_kw : tuple of float
        By which a power is divided to become the share, row by row; empty where it is none.
    """

    name: str
    rows: int
    unit: str
    is_setpoint: bool
    low: float
    high: float
    is_derived: bool = False
    rated_kw: tuple[float, ...] = ()

    @property
    def brick(self) -> str:
        """Brick class of our table; empty where none fits."""
        return brick_classes()[IN_FORCE + self.name if self.is_setpoint else self.name]


def wanted_by(bundle: Path | str) -> list[Wanted]:
    """Everything that a bundle reads or sets, points first.

    Raises
    ------
    FileNotFoundError, ValueError
        Where it is no bundle, or a changed one.
    """
    policy = ExportedPolicy(bundle, watchful=True)
    manifest = cast("Mapping[str, Any]", policy.manifest)
    derived: Collection[str] = manifest.get("derived", ())
    rows_kw = [float(kw) for kw in manifest.get("site", {}).get("row_rated_kw", ())]
    found = []
    for point in policy.read:
        name, rows = point["name"], int(point["rows"])
        if not name.startswith(IN_FORCE):
            rated = _rated_kw(name, rows, rows_kw)
            found.append(Wanted(name, rows, point["unit"], False, point["low"], point["high"], name in derived, rated))
    for c in (*policy.interface.decoder.channels, *policy.ruled):
        low, high = float(np.min(c.low)), float(np.max(c.high))
        found.append(Wanted(c.name, c.rows, c.unit, True, low, high))
    return found


def _rated_kw(name: str, rows: int, rows_kw: list[float]) -> tuple[float, ...]:
    if name in WHOLE_SITE and rows_kw:
        return (sum(rows_kw),)
    return tuple(rows_kw) if name in OF_A_ROW and len(rows_kw) == rows else ()
