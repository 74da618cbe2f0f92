"""The embedded climates: monthly normals of real sites, each with its source (PHYSICS k)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from envs.signals.table_file import packaged_rows


@dataclass(frozen=True)
class ClimateSite:
    """Where a data centre stands.

    ``utc_offset_h`` is local standard time minus UTC; ``grid_zone`` is the default zone of `envs.signals.grid.zones`.
    """

    key: str
    name: str
    latitude: float
    longitude: float
    elevation_m: float
    utc_offset_h: float
    grid_zone: str = "US"
    source: str = "given by the user"


@dataclass(frozen=True)
class Climate:
    """Monthly normals of a site, each array (12,) float64, January first.

    temp_mean_c [degC]; diurnal_amplitude_k: half the range of the mean day [K]; hour_of_max: local standard hour of its
    maximum; day_mean_sd_k: standard deviation of daily means within a month [K]; dew_point_c [degC].
    """

    site: ClimateSite
    temp_mean_c: NDArray[np.float64]
    diurnal_amplitude_k: NDArray[np.float64]
    hour_of_max: NDArray[np.float64]
    day_mean_sd_k: NDArray[np.float64]
    dew_point_c: NDArray[np.float64]


_NORMALS = ("temp_mean_c", "diurnal_amplitude_k", "hour_of_max", "day_mean_sd_k", "dew_point_c")


@cache
def sites() -> dict[str, ClimateSite]:
    """Every embedded site by its key."""
    return {
        row["key"]: ClimateSite(
            row["key"],
            row["name"],
            float(row["latitude"]),
            float(row["longitude"]),
            float(row["elevation_m"]),
            float(row["utc_offset_h"]),
            row["grid_zone"],
            row["source"],
        )
        for row in packaged_rows(__package__, "climate_sites.csv")
    }


def climate(key: str) -> Climate:
    """Return the normals of one embedded site.

    Raises
    ------
    ValueError
        For an unknown key, listing the known ones.
    """
    site = sites().get(key)
    if site is None:
        raise ValueError(f"no embedded climate '{key}'; known: {', '.join(sites())}; or give an .epw, .csv or .parquet")
    rows = sorted(
        (row for row in packaged_rows(__package__, "climate_normals.csv") if row["key"] == key),
        key=lambda row: int(row["month"]),
    )
    return Climate(site, *(np.array([float(row[name]) for row in rows]) for name in _NORMALS))
