"""What a design costs: capital by part, and the cost of a year, from a table that a user may replace."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from envs.yaml_entry import YamlEntry
from experiments.designing.block import RACKS_OF_BLOCK, Sizes
from experiments.designing.variables import PLANTS, REDUNDANCY, Floats

SHIPPED = Path(str(resources.files("configs").joinpath("design/costs.yaml")))
CAPITAL = (
    "building_usd_per_kw", "position_usd_per_rack", "service_usd_per_kw", "generator_usd_per_kw", "ups_usd_per_kw",
    "distribution_usd_per_kw", "chiller_usd_per_kw", "tower_usd_per_kw", "dry_cooler_usd_per_kw", "pad_usd_per_kw",
    "economizer_usd_per_kw", "room_unit_usd_per_kw", "coolant_usd_per_kw", "exchanger_usd_per_kw_k",
    "piping_usd_per_kw", "tank_usd_per_m3",
)  # fmt: skip
ANNUAL = (
    "lifetime_years", "interest_frac", "upkeep_frac", "energy_usd_mwh", "water_usd_m3", "ups_losses_per_year",
    "ups_repair_h", "path_losses_per_year", "path_repair_h", "work_usd_kw_year",
)  # fmt: skip
_KEYS = ("value", "unit", "source")
_MOST = 1e7
HOURS_PER_YEAR = 8760.0
Costs = Mapping[str, float]


def read_costs(path: Path | None = None) -> dict[str, float]:
    """A table of costs ``{name: value}``, the shipped one where no file is given.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming file, line, key and the mend.
    """
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"costs = {path}: no such file; give a copy of {SHIPPED}, or leave costs out")
    top = YamlEntry.of_file(path or SHIPPED, ("capital", "annual"))
    made = {}
    for part, names in (("capital", CAPITAL), ("annual", ANNUAL)):
        entries = top.mapping(part).named(_KEYS)
        for name in entries:
            if name not in names:
                raise top.mapping(part).fault(name, f"{name} is no cost of a design; give {', '.join(names)}")
        for name in names:
            if name not in entries:
                raise top.fault(part, f"{part}.{name} is missing; copy it from the shipped file")
            low = 1.0 if name == "lifetime_years" else 0.0
            made[name] = entries[name].number("value", None, low, _MOST)
            entries[name].text("source")
    return made


def annuity(costs: Costs) -> float:
    """Share of the capital that a year pays back [1/year]."""
    interest, years = costs["interest_frac"], costs["lifetime_years"]
    return 1.0 / years if interest == 0.0 else interest / (1.0 - (1.0 + interest) ** -years)


def outages_usd_kw_year(designs: Mapping[str, Floats], costs: Costs) -> Floats:
    """Work that lost UPS units and paths take, a kW of IT and year ``(n,)`` [USD/(kW year)].

    Of n, a lost unit takes the racks that it carried; of n+1 and 2n none. A lost path takes all of n and n+1.
    """
    alone, twice = designs["ups"] == REDUNDANCY.index("n"), designs["ups"] == REDUNDANCY.index("2n")
    units_h = costs["ups_losses_per_year"] * costs["ups_repair_h"]  # of each unit; that share of the racks hangs on it
    path_h = costs["path_losses_per_year"] * costs["path_repair_h"]
    hours = np.where(alone, units_h, 0.0) + np.where(twice, 0.0, path_h)
    return hours / HOURS_PER_YEAR * costs["work_usd_kw_year"]


def capital_usd(
    designs: Mapping[str, Floats], sizes: Sizes, peak_kw: Floats, blocks: Floats, costs: Costs
) -> dict[str, Floats]:
    """Capital of a site by part ``{part: (n,)}`` [USD].

    Parameters
    ----------
    designs : mapping
        ``{variable: (n,)}``.
    sizes : Sizes
        Of a block.
    peak_kw, blocks : ndarray (n,)
        Highest draw of a block, and how many of them there are.
    costs : mapping
        As of `read_costs`.
    """
    s, towers = sizes, designs["plant"] > 0.0
    heat = s.liquid_kw + s.air_kw
    amounts: dict[str, Any] = {
        "building_usd_per_kw": s.it_kw,
        "position_usd_per_rack": np.full_like(s.it_kw, RACKS_OF_BLOCK),
        "generator_usd_per_kw": peak_kw,
        "ups_usd_per_kw": s.ups_kw,
        "distribution_usd_per_kw": s.it_kw,
        "chiller_usd_per_kw": 1.5 * s.chiller_kw,  # three for two on duty
        "tower_usd_per_kw": np.where(towers, 1.5 * s.rejection_kw, 0.0),  # three cells for two on duty
        "dry_cooler_usd_per_kw": np.where(towers, 0.0, s.rejection_kw),
        "pad_usd_per_kw": np.where(towers, 0.0, s.rejection_kw) * designs["pad"],
        "economizer_usd_per_kw": np.where(designs["plant"] == PLANTS.index("economizer"), s.air_kw, 0.0),
        "room_unit_usd_per_kw": s.air_kw * 4.0 / 3.0,  # four for three on duty
        "coolant_usd_per_kw": s.liquid_kw,
        "exchanger_usd_per_kw_k": s.cdu_ua_kw_k * 4.0 / 3.0,
        "piping_usd_per_kw": heat,
        "tank_usd_per_m3": s.buffer_m3,
    }
    made = {name: costs[name] * amount * blocks for name, amount in amounts.items()}
    made["service_usd_per_kw"] = costs["service_usd_per_kw"] * designs["feeder_mw"] * 1000.0
    return {name: made[name] for name in CAPITAL}
