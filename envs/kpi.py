"""Key performance indicators of ISO/IEC 30134 and their relatives, from summed energies alone (PHYSICS h).

PUE, WUE and the like are side columns: a warmer inlet raises server-fan power and so *lowers* PUE while total energy
rises. Results are judged by facility energy per useful work; ITUE and TUE show what PUE hides. Reported values want a
year; over an episode they are rolling figures. Part numbers of the standard: [R].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.units import SECONDS_PER_HOUR

Value = Any  # a number or a float64 array (B,)


class Kpis(NamedTuple):
    """Indicators, numbers or ``(B,)`` float64; nan where a denominator is zero or a total is missing."""

    pue: Value
    """Facility energy over IT energy (ISO/IEC 30134-2) [1]."""
    wue_l_kwh: Value
    """Make-up water over IT energy (-9) [L/kWh]."""
    cue_kg_kwh: Value
    """Carbon dioxide over IT energy (-8) [kg/kWh]."""
    erf: Value
    """Energy reused outside over facility energy (-6) [1]."""
    ere: Value
    """Facility energy less what is reused, over IT energy (The Green Grid) [1]; equals ``PUE (1 - ERF)``."""
    ref: Value
    """Renewable energy over facility energy (-3) [1]."""
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
        ``reuse_kwh``, ``renewable_kwh``, ``work_done_h``. ``x_power_kwh`` is read as ``x_kwh``.

    Raises
    ------
    ValueError
        Where facility or IT energy is missing.
    """
    for name in ("facility_kwh", "it_kwh"):
        if _total(totals, name) is None:
            raise ValueError(f"totals lack {name!r}; give the energy of the period in kWh (have {sorted(totals)})")
    facility, it = _double(_total(totals, "facility_kwh")), _double(_total(totals, "it_kwh"))
    reuse = _double(_total(totals, "reuse_kwh"), 0.0)
    fans, supplies = (_double(_total(totals, name), 0.0) for name in ("server_fan_kwh", "psu_loss_kwh"))
    pue, itue = _ratio(facility, it), _ratio(it, it - fans - supplies)
    return Kpis(
        pue=pue,
        wue_l_kwh=_ratio(_double(_total(totals, "water_l")), it),
        cue_kg_kwh=_ratio(_double(_total(totals, "carbon_kg")), it),
        erf=_ratio(reuse, facility),
        ere=_ratio(facility - reuse, it),
        ref=_ratio(_double(_total(totals, "renewable_kwh")), facility),
        itue=itue,
        tue=itue * pue,
        energy_per_work_kwh_h=_ratio(facility, _double(_total(totals, "work_done_h"))),
    )


def energies(flows: Any, step_s: float) -> dict[str, NDArray[np.float64]]:
    """Totals of one control step from its Flows: ``x_power_kw`` and ``x_loss_kw`` as kWh, water, useful work.

    Parameters
    ----------
    flows : Flows
        Named tuple of step means; entries that are not ``(B,)`` powers, masses or ``work_done (K, B)`` are left out.
    step_s : float
        Control interval [s].
    """
    out: dict[str, NDArray[np.float64]] = {}
    for name, value in zip(flows._fields, flows):
        if np.ndim(value) == 1 and name.endswith(("_power_kw", "_loss_kw")):
            key = name.removesuffix("_kw").removesuffix("_power") + "_kwh"
            out[key] = np.asarray(value, dtype=np.float64) * (step_s / SECONDS_PER_HOUR)
        elif np.ndim(value) == 1 and name.endswith("_kg") and "residual" not in name:
            out[name] = np.asarray(value, dtype=np.float64)
        elif name == "work_done":
            out["work_done_h"] = np.sum(value, axis=0, dtype=np.float64)
    return out


def added(totals: Mapping[str, Value], more: Mapping[str, Value]) -> dict[str, Value]:
    """Sum of two periods' totals; a name that stands in one only is kept."""
    return {name: totals.get(name, 0.0) + more.get(name, 0.0) for name in {**totals, **more}}


def partial_pue(part_power_kw: Value, it_power_kw: Value) -> Value:
    """Mean power of a part of the site, its IT included, over IT power: the momentary form [1]."""
    return _ratio(_double(part_power_kw), _double(it_power_kw))


def demand_charge_usd(rate_usd_kw_month: float, peak_kw: Value, share_of_month: float = 1.0) -> Value:
    """Demand charge [USD] of a month's highest 15-minute mean (PHYSICS F7), or of a share of that month."""
    return rate_usd_kw_month * share_of_month * _double(peak_kw)


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
