"""The embedded grid zones: yearly facts and shapes of carbon intensity and price (PHYSICS g), each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from envs.signals.table_file import packaged_rows


@dataclass(frozen=True)
class Shape:
    """Month (12,) and local-standard-hour (24,) factors of a signal, each with mean 1."""

    month: NDArray[np.float64]
    hour: NDArray[np.float64]


@dataclass(frozen=True)
class CarbonFacts:
    """Carbon intensity of a zone over a year [g/kWh]: mean, 5 % and 95 % quantile, shape."""

    mean: float
    p5: float
    p95: float
    shape: Shape


@dataclass(frozen=True)
class PriceFacts:
    """Wholesale price of a zone over a year [USD/MWh]: mean, median, 95 % quantile, maximum, share of hours below 0."""

    mean: float
    median: float
    p95: float
    maximum: float
    negative_frac: float
    shape: Shape


@dataclass(frozen=True)
class Zone:
    """A grid zone; ``utc_offset_h`` is its standard time minus UTC; ``price`` is None without market facts."""

    key: str
    utc_offset_h: float
    carbon: CarbonFacts
    price: PriceFacts | None
    source: str


def _shapes() -> dict[tuple[str, str], Shape]:
    """Every shape by (zone, signal)."""
    factors = {
        (row["zone"], row["signal"], row["axis"]): np.array(row["factors"].split(), dtype=np.float64)
        for row in packaged_rows(__package__, "grid_shapes.csv")
    }
    return {
        (zone, signal): Shape(
            month / month.mean(), factors[zone, signal, "hour"] / factors[zone, signal, "hour"].mean()
        )
        for (zone, signal, axis), month in factors.items()
        if axis == "month"
    }


@cache
def zones() -> dict[str, Zone]:
    """Every embedded zone by its key."""
    shapes = _shapes()
    return {row["zone"]: _zone(row, shapes) for row in packaged_rows(__package__, "grid_zones.csv")}


def _zone(row: dict[str, str], shapes: dict[tuple[str, str], Shape]) -> Zone:
    """One row of the table as a `Zone`."""
    key = row["zone"]
    carbon = CarbonFacts(
        float(row["carbon_mean_g_kwh"]),
        float(row["carbon_p5_g_kwh"]),
        float(row["carbon_p95_g_kwh"]),
        shapes[key, "carbon"],
    )
    price = None
    if row["price_mean_usd_mwh"]:
        price = PriceFacts(
            float(row["price_mean_usd_mwh"]),
            float(row["price_median_usd_mwh"]),
            float(row["price_p95_usd_mwh"]),
            float(row["price_max_usd_mwh"]),
            float(row["price_negative_frac"]),
            shapes[key, "price"],
        )
    return Zone(key, float(row["utc_offset_h"]), carbon, price, row["source"])


def grid_zone(key: str) -> Zone:
    """Return one embedded zone.

    Raises
    ------
    ValueError
        For an unknown key, listing the known ones.
    """
    found = zones().get(key)
    if found is None:
        known = ", ".join(zones())
        raise ValueError(f"no grid zone '{key}'; known: {known}; for others choose the nearest and give site.grid_file")
    return found
