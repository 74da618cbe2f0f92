"""What a campus is: its sites, the wire between them, and which jobs may leave home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envs.parameters import Parameters, parameter
from envs.unknown_name import unknown_name

GUESS = "engineering guess"


@dataclass(frozen=True)
class CampusSite:
    """Where one hall of a campus stands; all halls are the scenario's.

    Attributes
    ----------
    climate : str
        Key of an embedded climate, or a weather file.
    grid_zone : str
        Whose prices and carbon it pays.
    region : str
        Jobs that must stay in a region may go to all its sites.
    """

    climate: str
    grid_zone: str
    region: str


@dataclass(frozen=True)
class Wire(Parameters):
    """The network between the sites, and what travels on it."""

    usd_gb: float = parameter(0.01, 0.0, 1.0, "USD/GB", GUESS + ": half of a public cloud's list between regions")
    gb_s: float = parameter(12.5, 0.01, 1e4, "GB/s", GUESS + ": 100 Gb/s up from each site")
    data_gb: float = parameter(30.0, 0.0, 1e5, "GB", GUESS + ": median of a job's data and checkpoint, by accelerator")
    data_sigma: float = parameter(1.0, 0.0, 3.0, "1", GUESS + ": of the logarithm")


@dataclass(frozen=True)
class Residency(Parameters):
    """Which share of the jobs must stay where; the rest may go to every site."""

    home_frac: float = parameter(0.2, 0.0, 1.0, "1", GUESS + ": never leave the site at which they came")
    region_frac: float = parameter(0.3, 0.0, 1.0, "1", GUESS + ": stay in its region")

    def __post_init__(self) -> None:
        """Check ranges and that both are shares of one whole."""
        super().__post_init__()
        if self.home_frac + self.region_frac > 1.0:
            raise ValueError(
                f"Residency.home_frac = {self.home_frac} and region_frac = {self.region_frac} add up to more than 1; "
                "lower one of them"
            )


@dataclass(frozen=True)
class Campus:
    """Sites by name, the wire and the residency of jobs.

    Raises
    ------
    ValueError
        For fewer than two sites.
    """

    sites: Mapping[str, CampusSite]
    wire: Wire = field(default_factory=Wire)
    residency: Residency = field(default_factory=Residency)

    def __post_init__(self) -> None:
        """Refuse a campus between whose sites nothing can move."""
        if len(self.sites) < 2:
            raise ValueError(f"sites = {list(self.sites)}; give at least two, each with climate, grid_zone and region")

    @property
    def same_region(self) -> NDArray[np.bool_]:
        """Whether two sites share a region ``(S, S)``."""
        regions = np.array([site.region for site in self.sites.values()])
        return np.asarray(regions[:, None] == regions[None, :])


def campus_sites(given: Mapping[str, Mapping[str, str]]) -> dict[str, CampusSite]:
    """Sites as a command line gives them.

    Raises
    ------
    ValueError
        For a key that no site has, or one that is missing.
    """
    known, found = tuple(CampusSite.__dataclass_fields__), {}
    for name, keys in given.items():
        for key in keys:
            if key not in known:
                raise ValueError(unknown_name(f"sites.{name}", key, known))
        missing = [key for key in known if key not in keys]
        if missing:
            raise ValueError(f"sites.{name} = {dict(keys)} lacks {', '.join(missing)}; give {', '.join(known)}")
        found[name] = CampusSite(**{key: str(value) for key, value in keys.items()})
    return found
