"""What a site did, hour by hour: the one type that meters, logs and simulated sites hand to the judge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

EPOCH = np.datetime64("2000-01-01T00", "h")  # a Saturday
HOURS_PER_DAY, DAYS_PER_WEEK = 24, 7
EPOCH_WEEKDAY = 5  # Monday is 0


@dataclass(frozen=True)
class SiteRecord:
    """Hours of one site on an even clock; NaN where something was not measured.

    Attributes
    ----------
    first_hour : int
        Start of the first hour, counted from `EPOCH` in the site's local standard time.
    power_kw : ndarray (T,)
        Mean power that is to be saved [kW], or in any other unit: savings are shares.
    load : ndarray (T,)
        Mean IT power [kW, or a share].
    wet_bulb_c, dry_bulb_c : ndarray (T,)
        Outdoor air [degC]; one of the two may be missing throughout.
    inlet_c : ndarray (T,)
        Hottest inlet of the hour [degC]; NaN throughout where no inlet is measured.
    in_control : ndarray (T,)
        Share of the hour in which the policy was in control [1]; NaN where nobody recorded it.
    """

    first_hour: int
    power_kw: Floats
    load: Floats
    wet_bulb_c: Floats
    dry_bulb_c: Floats
    inlet_c: Floats
    in_control: Floats

    def __post_init__(self) -> None:
        """Refuse series of different lengths."""
        lengths = {name: len(getattr(self, name)) for name in SERIES}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"series of a site have different lengths {lengths}; give one value an hour for each")

    @property
    def hours(self) -> int:
        """Hours T."""
        return len(self.power_kw)

    def part(self, first_hour: int, hours: int) -> SiteRecord:
        """The hours of a span; NaN where the record does not reach."""
        at = np.arange(first_hour, first_hour + hours) - self.first_hour
        inside = (at >= 0) & (at < self.hours)
        index = np.clip(at, 0, max(self.hours - 1, 0))
        found = {n: np.where(inside, getattr(self, n)[index], np.nan) for n in SERIES} if self.hours else {}
        return replace(self, first_hour=first_hour, **found)


SERIES = ("power_kw", "load", "wet_bulb_c", "dry_bulb_c", "inlet_c", "in_control")


def hour_of(moment: str) -> int:
    """Hours from `EPOCH` to a moment of the site's clock."""
    return int((np.datetime64(moment, "h") - EPOCH) / np.timedelta64(1, "h"))


def moment_of(hour: int) -> np.datetime64:
    """The moment of an hour, on the site's clock."""
    return EPOCH + np.timedelta64(int(hour), "h")


def weekday_of(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Day of the week of hours since `EPOCH`, Monday 0."""
    return (np.asarray(hours) // HOURS_PER_DAY + EPOCH_WEEKDAY) % DAYS_PER_WEEK
