"""The hall's own clock: local standard time, which is not that of the box that a policy runs on."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

HOUR_S = 3600.0
FURTHEST_OFFSET_H = 14.0
#: Points that only a clock gives which is the hall's.
BY_THE_CLOCK = ("hour_sin", "hour_cos", "week_sin", "week_cos")
TELL_CLOCK = "give utc_offset_h, the hall's local standard time less UTC in hours (-5 in Virginia), or measure them"


class HallClock:
    """Local standard time of a hall.

    Parameters
    ----------
    utc_offset_h : float or None
        Local standard time less UTC [h]; None where nobody told.

    Raises
    ------
    ValueError
        Outside of -14..14.
    """

    def __init__(self, utc_offset_h: float | None) -> None:
        if utc_offset_h is not None and not -FURTHEST_OFFSET_H <= utc_offset_h <= FURTHEST_OFFSET_H:
            raise ValueError(
                f"utc_offset_h = {utc_offset_h:g} is outside -14..14; give local standard time less UTC in hours"
            )
        self.utc_offset_h = utc_offset_h

    def local_s(self, utc_s: float) -> float:
        """Seconds since 1970-01-01 on the wall; UTC's where the offset is not known."""
        return utc_s + HOUR_S * (self.utc_offset_h or 0.0)

    def lacking(self, needed: Collection[str], measured: Collection[str]) -> list[str]:
        """Points that nobody measures and no clock gives."""
        if self.utc_offset_h is not None:
            return []
        return [name for name in BY_THE_CLOCK if name in needed and name not in measured]

    def require(self, needed: Collection[str], measured: Collection[str]) -> None:
        """Refuse a reading without the hall's hour where the hall's clock is not known.

        Raises
        ------
        ValueError
            Naming the points and the mend.
        """
        lacking = self.lacking(needed, measured)
        if lacking:
            raise ValueError(f"measurements lack {', '.join(lacking)}, and the hall's clock is not known; {TELL_CLOCK}")


def told_offset(site: Mapping[str, object], given: float | None) -> float | None:
    """The offset that is given; else that of the bundle's site, where it has one."""
    if given is not None:
        return given
    found = site.get("utc_offset_h")
    return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None
