"""Key performance indicators of ISO/IEC 30134 and their relatives, from summed energies alone (PHYSICS h).

PUE, WUE and the like are side columns: a warmer inlet raises server-fan power and so *lowers* PUE while total energy
rises. Results are judged by facility energy per useful work; ITUE and TUE show what PUE hides. Reported values want a
year; over an episode they are rolling figures. Part numbers of the standard: [R].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Value = Any  # a number or a float64 array (B,)


class Kpis(NamedTuple):
    """Indicators, numbers or ``(B,)`` float64; nan where a denominator is zero or a total is missing."""

    pue: Value
    """Facility energy over IT energy (ISO/IEC 30134-2) [1]."""
    wue_l_kwh: Value
    """Make-up water over IT energy (-9) [L/kWh]."""
    cue_kg_kwh: Value
    """Carbon dioxide over IT energy (-8) [kg/kWh]."""
    itue: Value
    """IT energy over what computes: without server fans and power-supply losses (Patterson, ISC 2013) [1]."""
    tue: Value
    """``ITUE x PUE``: facility energy over what computes [1]."""
    energy_per_work_kwh_h: Value
    """Facility energy per useful rated accelerator-hour [kWh/h]: the figure that counts."""


#: Other names under which the running sums of an episode keep a total.
_ALSO = {"water_l": "makeup_kg"}


def kpis(totals: Mapping[str, Value]) -> Kpis:
    """Work out the indicators of a period.

    Parameters
    ----------
    totals : mapping
        Sums over the period, numbers or ``(B,)``. Needed: ``facility_kwh``, ``it_kwh``. Used where given:
        ``server_fan_kwh``, ``psu_loss_kwh``, ``water_l`` (or ``makeup_kg``: a kilogram is a litre), ``carbon_kg``,
        ``work_done_h``. ``x_power_kwh`` is read as ``x_kwh``.

    Raises
    ------
    ValueError
        Where facility or IT energy is missing.
    """
    for name in ("facility_kwh", "it_kwh"):
        if _total(totals, name) is None:
            raise ValueError(f"totals lack {name!r}; give the energy of the period in kWh (have {sorted(totals)})")
    facility, it = _double(_total(totals, "facility_kwh")), _double(_total(totals, "it_kwh"))
    fans, supplies = (_double(_total(totals, name), 0.0) for name in ("server_fan_kwh", "psu_loss_kwh"))
    pue, itue = _ratio(facility, it), _ratio(it, it - fans - supplies)
    return Kpis(
        pue=pue,
        wue_l_kwh=_ratio(_double(_total(totals, "water_l")), it),
        cue_kg_kwh=_ratio(_double(_total(totals, "carbon_kg")), it),
        itue=itue,
        tue=itue * pue,
        energy_per_work_kwh_h=_ratio(facility, _double(_total(totals, "work_done_h"))),
    )


def _total(totals: Mapping[str, Value], name: str) -> Value:
    """Total under its name or the one it also goes by; None where there is none."""
    for key in (name, name.removesuffix("_kwh") + "_power_kwh", _ALSO.get(name, name)):
        if key in totals:
            return totals[key]
    return None


def _double(value: Value, missing: float = np.nan) -> Value:
    """Value in float64; ``missing`` for None."""
    return np.asarray(missing if value is None else value, dtype=np.float64)[()]


def _ratio(part: Value, whole: Value) -> Value:
    """Quotient; nan where the whole is not above zero."""
    positive = np.asarray(whole) > 0.0
    return np.where(positive, part / np.where(positive, whole, 1.0), np.nan)[()]
