"""In which ASHRAE class the air at the IT stood, hour by hour: the classes of dry bulb of TC 9.9, fifth edition 2021.

Limits are recalled, as those of the handbook's page on the air side. Humidity is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.physics.namespace import Floats
from envs.signals.series import Column, interval_means, read_series
from experiments.compliance.meters import Meter, Site, year_s

QUANTITY = "inlet_temperature"
HOUR_S = 3600.0
_ROUNDING_K = 1e-6  # of means that come from a running sum
#: Class to the lowest and highest air that it takes [degC], the narrowest first.
CLASSES = {
    "recommended": (18.0, 27.0),
    "A1": (15.0, 32.0),
    "A2": (10.0, 35.0),
    "A3": (5.0, 40.0),
    "A4": (5.0, 45.0),
}
H1 = {"H1 recommended": (18.0, 22.0), "H1": (5.0, 25.0)}


class ClassHours(NamedTuple):
    """Hours of a year in which every inlet meter stood within a class, and the hours that there are."""

    name: str
    low_c: float
    high_c: float
    hours: int
    of_hours: int


def inlet_hours(site: Site) -> Floats | None:
    """Hourly means of every inlet meter in the site's year ``(hours, meters)`` [degC]; None without such meters.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `experiments.compliance.meters.reading`.
    """
    columns = [_hours(meter, site) for meter in site.meters if meter.quantity == QUANTITY]
    return np.stack(columns, axis=1) if columns else None


def _hours(meter: Meter, site: Site) -> Floats:
    column = Column(meter.column, unit=meter.unit, mend="mend the row")
    series = read_series(meter.file, [column], time_column=meter.time, utc_offset_h=site.utc_offset_h)
    begins, ends = year_s(site, series, meter)
    edges = begins + HOUR_S * np.arange(round((ends - begins) / HOUR_S) + 1)
    return np.asarray(interval_means(series.values[:, :1], series.step_s, edges)[:, 0], np.float64)


def class_hours(inlets_c: Floats) -> list[ClassHours]:
    """Hours within each class, by the coldest and the warmest inlet of the hour."""
    cold, warm = inlets_c.min(axis=1), inlets_c.max(axis=1)
    return [
        ClassHours(name, low, high, int(((cold >= low - _ROUNDING_K) & (warm <= high + _ROUNDING_K)).sum()), len(cold))
        for name, (low, high) in {**CLASSES, **H1}.items()
    ]


def narrowest(found: Sequence[ClassHours]) -> str:
    """The narrowest of the classes that held all year; empty where none did."""
    return next((c.name for c in found if c.name in CLASSES and c.hours == c.of_hours), "")
