"""What two plants did with the same year: quantities hour by hour and month by month, cooling electricity, modes.

EnergyPlus takes the place of the measurements in the measures of Guideline 14, our plant that of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.validation.guideline14 import Agreement, agreement, means_by

Values = Mapping[str, NDArray[np.float64]]
#: Of `envs.plant.flows.COOLING_POWER`, what EnergyPlus's halls have, in the order of tables and figures.
COOLING = (
    "chiller_power_kw",
    "dx_power_kw",
    "tower_fan_power_kw",
    "chw_pump_power_kw",
    "cw_pump_power_kw",
    "crah_fan_power_kw",
)
COMPARED = (
    *COOLING,
    "evaporator_heat_kw",
    "economizer_heat_kw",
    "chw_flow_kg_s",
    "coil_water_kg_s",
    "chw_supply_c",
    "chw_return_c",
    "cw_supply_c",
    "zone_supply_c",
    "zone_return_c",
    "evaporation_kg_s",
    "makeup_kg_s",
)
TOTAL = "cooling_electricity_kw"
PURE_FRAC = 0.01  # economizer share of the heat up to which an hour counts as mechanical, from 1 less this as free


class Pair(NamedTuple):
    """One year of one plant in one climate, by both: values (T,) by name, month and hour of each step."""

    plant: str
    case: str
    climate: str
    energyplus: Values
    ours: Values
    month: NDArray[np.int_]
    hour: NDArray[np.int_]


class Row(NamedTuple):
    """One quantity of one pair: agreement of hourly and of monthly means."""

    plant: str
    case: str
    climate: str
    quantity: str
    ours_mean: float
    hourly: Agreement
    monthly: Agreement


def quantity(values: Values, name: str) -> NDArray[np.float64] | None:
    """A series of the site by its name: powers and flows of zones summed, temperatures averaged; None if missing."""
    if name == TOTAL:
        parts = [quantity(values, power) for power in COOLING]
        return np.sum([part for part in parts if part is not None], axis=0)
    if name in values:
        return np.asarray(values[name])
    zones = [value for key, value in values.items() if key.startswith(f"{name}[")]
    if not zones:
        return None
    return np.asarray(np.mean(zones, axis=0) if name.endswith("_c") else np.sum(zones, axis=0))


def hourly(pair: Pair, name: str, chosen: NDArray[np.bool_] | None = None) -> tuple[NDArray, NDArray] | None:
    """Hourly means of a quantity by EnergyPlus and by us, of the chosen steps; None where one of them has it not."""
    theirs, ours = quantity(pair.energyplus, name), quantity(pair.ours, name)
    if theirs is None or ours is None:
        return None
    keep = np.ones(len(pair.hour), dtype=bool) if chosen is None else chosen
    return means_by(pair.hour[keep], theirs[keep]), means_by(pair.hour[keep], ours[keep])


def month_of_hours(pair: Pair, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.int_]:
    """Month of each hour of `hourly`."""
    keep = np.ones(len(pair.hour), dtype=bool) if chosen is None else chosen
    return np.asarray(means_by(pair.hour[keep], pair.month[keep])).round().astype(int)


def rows(pair: Pair, chosen: NDArray[np.bool_] | None = None, case: str = "") -> list[Row]:
    """Every quantity that both plants have; ``chosen`` keeps a part of the steps under the name ``case``."""
    month, made = month_of_hours(pair, chosen), []
    for name in (TOTAL, *COMPARED):
        both = hourly(pair, name, chosen)
        if both is None:
            continue
        by_month = agreement(means_by(month, both[0]), means_by(month, both[1]))
        row = Row(pair.plant, case or pair.case, pair.climate, name, both[1].mean(), agreement(*both), by_month)
        made.append(row)
    return made


def modes(pair: Pair) -> NDArray[np.int_] | None:
    """Hours by mode, (3, 3): rows EnergyPlus, columns ours, mechanical - partial - free; None without economizer."""
    heats = [hourly(pair, name) for name in ("economizer_heat_kw", "evaporator_heat_kw")]
    if heats[0] is None or heats[1] is None or "economizer_heat_kw" not in pair.energyplus:
        return None
    table = np.zeros((3, 3), dtype=np.int_)
    theirs, ours = (_mode(heats[0][side], heats[1][side]) for side in (0, 1))
    np.add.at(table, (theirs, ours), 1)
    return table


def _mode(economizer_kw: NDArray, evaporator_kw: NDArray) -> NDArray[np.int_]:
    share = economizer_kw / np.maximum(economizer_kw + evaporator_kw, 1e-6)
    return (share > PURE_FRAC).astype(int) + (share > 1.0 - PURE_FRAC)


def same_order(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    """Climates from least to most cooling electricity, by EnergyPlus and by us."""
    means = [(p.climate, *(v.mean() for v in hourly(p, TOTAL) or (np.zeros(1), np.zeros(1)))) for p in pairs]
    return [m[0] for m in sorted(means, key=lambda m: m[1])], [m[0] for m in sorted(means, key=lambda m: m[2])]
