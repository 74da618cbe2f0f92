"""What a design is worth on a site: cost, PUE, water, kW that can be used or are stranded; and what rules it out.

A site of a given feeder is filled with whole blocks; each is provisioned at its highest draw and a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.unknown_name import unknown_name
from experiments.designing.block import sizes
from experiments.designing.costs import Costs, annuity, capital_usd, outages_usd_kw_year
from experiments.designing.variables import Floats
from experiments.designing.years import Year

PEAK_MARGIN = 1.05  # provisioned over the highest draw of 26 days; engineering guess
MOST_INLET_K_MIN = 30.0  # over the recommended limit, rack and day
MOST_COOLANT_K_MIN = 0.0
MOST_LOST_FRAC = 0.001
MOST_INLET_C = 32.0
#: Differences below this are the rounding of float32, or nobody's: neither of two designs is then the better one.
ALIKE = {
    "cost_usd_kw_year": 0.1,
    "pue": 1e-4,
    "wue_l_kwh": 1e-3,
    "deployable_frac": 1e-4,
    "stranded_frac": 1e-4,
    "ride_through_s": 1.0,
}
#: Objective to its unit, whether less is better, and what it is.
OBJECTIVES: dict[str, tuple[str, bool, str]] = {
    "cost_usd_kw_year": (
        "USD/(kW year)",
        True,
        "capital, upkeep, energy, water and work lost to the UPS in a year, a deployable kW",
    ),
    "pue": ("1", True, "energy of the site over that of the IT, at the output of the UPS"),
    "wue_l_kwh": ("L/kWh", True, "make-up water over the IT's energy"),
    "deployable_frac": ("1", False, "IT power that can be deployed, over the feeder"),
    "stranded_frac": ("1", True, "feeder that no whole block can use, over the feeder"),
    "ride_through_s": ("s", False, "until a limit is passed after all cooling is lost"),
}


class Figures(NamedTuple):
    """Figures of designs, each ``(n,)``; those of `OBJECTIVES` and what they come from."""

    cost_usd_kw_year: Floats
    pue: Floats
    wue_l_kwh: Floats
    deployable_frac: Floats
    stranded_frac: Floats
    ride_through_s: Floats
    deployable_kw: Floats
    stranded_kw: Floats
    capital_usd_kw: Floats
    energy_usd_kw_year: Floats
    water_usd_kw_year: Floats
    outages_usd_kw_year: Floats
    blocks: Floats
    peak_kw: Floats
    worst_inlet_c: Floats
    inlet_k_min: Floats
    coolant_k_min: Floats
    trips: Floats
    lost_frac: Floats


def figures(designs: Mapping[str, Floats], year: Year, ride_through_s: Floats, costs: Costs) -> Figures:
    """Figures of designs, by a table of costs."""
    size, feeder_kw = sizes(designs), designs["feeder_mw"] * 1000.0
    provisioned = PEAK_MARGIN * year.peak_kw
    blocks = np.floor(feeder_kw / provisioned)
    deployable = blocks * size.it_kw
    stranded = feeder_kw - blocks * provisioned
    base = np.maximum(deployable, 1e-9)
    capital = np.sum(list(capital_usd(designs, size, year.peak_kw, blocks, costs).values()), axis=0)
    energy = blocks * year.energy_kwh * 1e-3 * costs["energy_usd_mwh"]
    water = blocks * year.water_kg * 1e-3 * costs["water_usd_m3"]
    outages = outages_usd_kw_year(designs, costs)
    annual = (annuity(costs) + costs["upkeep_frac"]) * capital + energy + water
    it_kwh = year.it_kwh + year.pdu_kwh
    return Figures(
        annual / base + outages, year.energy_kwh / it_kwh, year.water_kg / it_kwh, deployable / feeder_kw,
        stranded / feeder_kw, ride_through_s, deployable, stranded, capital / base, energy / base, water / base,
        outages, blocks, year.peak_kw, year.worst_inlet_c, year.inlet_k_min, year.coolant_k_min, year.trips,
        year.lost_frac,
    )  # fmt: skip


#: Why a design cannot be built: words to what is true of such a design, in the order in which they are asked.
FAULTS = {
    "feeder smaller than one block": lambda f: f.blocks < 1.0,
    "racks stop": lambda f: f.trips > 0.0,
    "coolant over its limit": lambda f: f.coolant_k_min > MOST_COOLANT_K_MIN,
    "inlet air over 32 degC": lambda f: f.worst_inlet_c > MOST_INLET_C,
    "inlet air over 27 degC for long": lambda f: f.inlet_k_min > MOST_INLET_K_MIN,
    "work lost to heat": lambda f: f.lost_frac > MOST_LOST_FRAC,
}


def faults(found: Figures) -> NDArray[np.str_]:
    """The first thing that rules each design out ``(n,)``; empty where nothing does."""
    words = np.full(len(found.pue), "", dtype="U40")
    for name, holds in FAULTS.items():
        words = np.where((words == "") & holds(found), name, words)
    return words


def require_objectives(names: Sequence[str]) -> tuple[str, ...]:
    """Names of objectives, checked.

    Raises
    ------
    ValueError
        For an unknown name, or fewer than two.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise ValueError(unknown_name("objectives", name, OBJECTIVES))
    if len(set(names)) < 2:
        raise ValueError(f"objectives = {list(names)}; a front needs two or more of {', '.join(OBJECTIVES)}")
    return tuple(dict.fromkeys(names))


def losses(found: Figures, names: Sequence[str]) -> Floats:
    """Objectives as columns ``(n, k)`` of which less is better, in whole steps of `ALIKE`."""
    columns = [
        np.round(getattr(found, name) / ALIKE[name]) * ALIKE[name] * (1.0 if OBJECTIVES[name][1] else -1.0)
        for name in names
    ]
    return np.stack(columns, axis=1)
