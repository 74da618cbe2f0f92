"""Temperature of the chips of a rack: heat sinks and cold plates, leakage, the clock derate of a hot chip.

Sources: PHYSICS B6 (leakage), B7 (heat sinks feel their airflow), B8 (derate), D5 (cold plate), T1 (time steps).
"""

from __future__ import annotations

from typing import NamedTuple

from envs.equipment.rack_table import ChipTable, RackTable
from envs.physics.namespace import Array, namespace

LEAKAGE_REFERENCE_C = 60.0  # draws are stated at this chip temperature, PHYSICS B6
THROTTLE_C = 85.0  # the clock derate starts, PHYSICS B8
LEAKAGE_END_C = 200.0  # leakage rises no further, PHYSICS B6 [G]: a straight line without end feeds its own heat
DERATE_PER_K = 0.05  # PHYSICS B8
DERATE_FLOOR = 0.5  # PHYSICS B8

_FLOW_FLOOR = 0.02  # coolant that circulates by itself [G]
_FLOW_CEILING = 10.0
_LEAK_GAIN_LIMIT = 0.9  # resistance times leakage slope; thermal runaway is at 1
_ANY_EXCESS_K = 1e6


class ChipTerms(NamedTuple):
    """Thermal terms of the working chips (R, B): R' [K/kW], share kept over the step, inlet gain, constant [K]."""

    resistance: Array
    kept: Array
    air_gain: Array
    rest: Array


def next_excess_k(terms: ChipTerms, excess: Array, chip_kw: Array, inlet_c: Array) -> Array:
    """Temperature of a working chip after the step, as its excess over the throttle point [K].

    Leakage and derate are solved together as one linear equation (B8): with ``x = R' P``, ``R' = R/(1 - R L)``, the
    chip would settle at ``e`` above 85 degC undisturbed, at ``e/(1 + 0.05 x)`` while derating, at ``e - 0.5 x`` on the
    derate's floor. It runs towards the first until it is hot, from there towards the higher of the others, by ``C R'``.
    """
    xp = namespace(chip_kw)
    resistance, kept, air_gain, rest = terms
    rise = resistance * chip_kw
    settled = air_gain * inlet_c + rest + rise
    derate = DERATE_PER_K * rise
    limited = xp.maximum(settled / (1.0 + derate), settled - ((1.0 - DERATE_FLOOR) / DERATE_PER_K) * derate)
    hot = xp.clip(excess, 0.0, _ANY_EXCESS_K)
    return xp.minimum(settled + (excess - settled) * kept, limited + (hot - limited) * kept)


def chip_terms(table: RackTable, coolant_c: Array, flow_frac: Array, airflow_kg_s: Array, dt_s: float) -> ChipTerms:
    """Terms by kind of rack, spread over the racks; by rack where heat sinks feel their own airflow (B7)."""
    xp = namespace(coolant_c)
    chips = table.chips
    v = xp.clip(flow_frac, _FLOW_FLOOR, _FLOW_CEILING)
    r = chips.fixed_k_kw + chips.plate_k_kw / xp.sqrt(v) + chips.rise_k_kw / v
    if table.sink_k_kw is None:
        return ChipTerms(*(x[table.kind] for x in _with_leakage(chips, r, coolant_c, dt_s)))
    blown = xp.clip(airflow_kg_s * table.sink_flow_s_kg, _FLOW_FLOOR, _FLOW_CEILING)
    by_rack = ChipTable(*(x[table.kind] for x in chips))
    return _with_leakage(by_rack, r[table.kind] + table.sink_k_kw / xp.sqrt(blown), coolant_c, dt_s)


def _with_leakage(chips: ChipTable, r: Array, coolant_c: Array, dt_s: float) -> ChipTerms:
    """Terms of a resistance ``r`` [K/kW] whose chips leak more the hotter they are, B8."""
    xp = namespace(r)
    gain = 1.0 / (1.0 - xp.clip(r * chips.leak_kw_k, 0.0, _LEAK_GAIN_LIMIT))
    resistance = r * gain
    kept = xp.exp(-dt_s / (chips.package_kj_k * resistance))
    rest = (chips.wet * coolant_c - LEAKAGE_REFERENCE_C) * gain - (THROTTLE_C - LEAKAGE_REFERENCE_C)
    return ChipTerms(resistance, kept, chips.air * gain, rest)
