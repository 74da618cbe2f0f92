"""A file of meters, and what each counted in a calendar year: unit, coverage and file are checked and told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.runtime.manifest import file_hash
from envs.signals.series import Column, Series, interval_means, read_series
from envs.yaml_entry import YamlEntry
from experiments.compliance.enefg import Month, month
from experiments.compliance.quantities import FACTS, QUANTITIES, UNITS

#: What the numbers of a meter are: the amount of each interval, a counter that rises, or a mean power or temperature.
READS = ("interval", "counter", "mean")
KEYS = ("name", "quantity", "file", "column", "unit", "reads", "time", "subtract")
TIME = "time"


class Meter(NamedTuple):
    """A meter, as the file tells it; ``place`` is its line there."""

    name: str
    quantity: str
    file: Path
    column: str
    unit: str
    reads: str
    time: str
    subtract: bool
    place: str


class Site(NamedTuple):
    """A site and its meters: facts ``{name: value}``, and a year on the clock of local standard time.

    ``begun`` are year and month in which it began its operation; None where that is not told. ``simulated`` where no
    building was metered.
    """

    name: str
    year: int
    utc_offset_h: float
    facts: dict[str, float]
    meters: tuple[Meter, ...]
    begun: Month | None = None
    simulated: bool = False


class Reading(NamedTuple):
    """What a meter counted, and where that stands.

    Attributes
    ----------
    meter : Meter
    amount : float
        In the year: a sum in the first unit of its dimension, or a mean temperature [degC]; negative where it is
        subtracted.
    rows : int
        Of the file.
    sha256 : str
        Of the file.
    """

    meter: Meter
    amount: float
    rows: int
    sha256: str


def read_site(path: Path) -> Site:
    """Read a file of meters.

    Raises
    ------
    ValueError
        Naming file, line, key, value and the mend.
    """
    entry = YamlEntry.of_file(path, ("name", "year", "simulated", "utc_offset_h", "begun", "facts", "meters"))
    given = entry.mapping("facts", {})
    facts = {}
    for key in given.raw:
        if key not in FACTS:
            raise given.fault(key, f"{key} is no fact of a site; choose from {', '.join(FACTS)}")
        facts[key] = given.number(key, None, 0.0, FACTS[key].most)
    meters = tuple(_meter(one, path.parent) for one in entry.entries("meters", KEYS, least=1))
    names = [meter.name for meter in meters]
    for meter in meters:
        if names.count(meter.name) > 1:
            raise ValueError(f"{meter.place}: name {meter.name!r} stands twice; give each meter a name of its own")
    year = entry.whole("year", None, 1990, 2100)
    begun = month(entry.text("begun")) if "begun" in entry else None
    if begun is None and "begun" in entry:
        raise entry.refused("begun", "give year and month in which the operation began, such as 2026-09")
    simulated = entry.raw.get("simulated", False)
    if not isinstance(simulated, bool):
        raise entry.refused("simulated", "give true or false")
    offset_h = entry.number("utc_offset_h", None, -12.0, 14.0)
    return Site(entry.name("name"), year, offset_h, facts, meters, begun, simulated)


def _meter(entry: YamlEntry, folder: Path) -> Meter:
    quantity = entry.choice("quantity", QUANTITIES)
    dimension, reads = QUANTITIES[quantity].dimension, entry.choice("reads", READS, "interval")
    if dimension == "temperature":
        reads = "mean"
    units = UNITS["power" if reads == "mean" and dimension == "energy" else dimension]
    if reads == "mean" and dimension in ("volume", "mass"):
        raise entry.fault("reads", f"reads = mean, and {quantity} is counted; give interval or counter")
    unit = entry.text("unit")
    if unit not in units:
        kind = "a mean" if reads == "mean" else f"an {reads}" if reads == "interval" else f"a {reads}"
        raise entry.fault("unit", f"unit = {unit!r} of {quantity}, read as {kind}; give one of {', '.join(units)}")
    file = folder / entry.text("file")
    column, time, less = entry.text("column"), entry.text("time", TIME), entry.truth("subtract", False)
    return Meter(entry.name("name"), quantity, file, column, unit, reads, time, less, entry.where())


def reading(meter: Meter, site: Site) -> Reading:
    """What a meter counted in the year of the site.

    Raises
    ------
    FileNotFoundError, ValueError
        Where its file cannot be read, has a gap, does not cover the year, or a counter falls.
    """
    column = Column(meter.column, unit=meter.unit, mend="mend the row")
    series = read_series(meter.file, [column], time_column=meter.time, utc_offset_h=site.utc_offset_h)
    begins, ends = year_s(site, series, meter)
    values = series.values[:, 0]
    if meter.reads == "counter":
        amount = _counted(values, series, meter, begins, ends)
    else:
        mean = float(interval_means(values[:, None], series.step_s, np.array([begins, ends]))[0, 0])
        per_s = 1.0 / series.step_s if meter.reads == "interval" else 1.0 / 3600.0
        temperature = QUANTITIES[meter.quantity].dimension == "temperature"
        amount = mean if temperature else mean * (ends - begins) * per_s
    units = {unit: factor for known in UNITS.values() for unit, factor in known.items()}
    signed = -amount if meter.subtract else amount
    return Reading(meter, signed * units[meter.unit], len(values), file_hash(meter.file))


def year_s(site: Site, series: Series, meter: Meter) -> tuple[float, float]:
    """Beginning and end of the year, from the first value of a series on [s]."""
    offset = np.timedelta64(round(site.utc_offset_h * 3600.0), "s")
    edges = [np.datetime64(f"{year}-01-01T00:00:00", "ms") - offset for year in (site.year, site.year + 1)]
    begins, ends = (float((edge - series.first_edge_utc) / np.timedelta64(1, "s")) for edge in edges)
    last_s = series.duration_s - (series.step_s if meter.reads == "counter" else 0.0)
    short = [(-begins, "beginning"), (ends - last_s, "end")]
    for lacking_s, place in short:
        if lacking_s > 1e-3:
            raise ValueError(
                f"{meter.file}, column {meter.column!r}: {lacking_s / 86_400.0:.2f} days of {site.year} are missing at "
                f"its {place} (meter {meter.name!r}); give the whole year"
            )
    return begins, ends


def _counted(values: NDArray[np.float64], series: Series, meter: Meter, begins: float, ends: float) -> float:
    """What a counter rose by, with readings between two stamps taken on the line between them."""
    falls = np.flatnonzero(np.diff(values) < 0.0)
    if falls.size:
        raise ValueError(
            f"{meter.file}, line {int(falls[0]) + 3}, column {meter.column!r}: the counter falls from "
            f"{values[falls[0]]:g} to {values[falls[0] + 1]:g}; add up its parts where it was changed, or name it "
            "reads: interval"
        )
    first, last = np.interp([begins, ends], np.arange(len(values)) * series.step_s, values)
    return float(last - first)
