"""The one table of what a hall may measure: where the replay reads it, how good its sensor is, what is plausible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from envs.interface.channels import CHANNELS
from envs.interface.sensors import SensorModel
from envs.physics.namespace import Floats
from envs.plant.layout import Layout
from envs.scenario import Scenario

FRACTION_OFFSET = 0.002  # sd of a position's constant error, engineering guess
LOADS = ("rack_power_kw", "row_power_kw", "it_power_kw")  # the first that is mapped drives the racks
MODES = ("chillers_running", "economizer_on", "tower_cells_running")


@dataclass(frozen=True)
class Quantity:
    """One quantity of a hall.

    Attributes
    ----------
    name : str
        Ends in its unit; that of the plant's flows, channels or outside signals.
    per : str
        ``site``, ``zone``, ``row`` or ``rack``.
    role : str
        ``load``, ``weather``, ``setpoint`` and ``mode`` drive the replay, ``output`` is compared with it.
    kind : str
        ``temperature``, ``power``, ``fraction``, ``hours`` or ``count``.
    low, high : float
        Plausible range.
    needs : str
        Machine that must be there, as in the table of points.
    """

    name: str
    per: str
    role: str
    kind: str
    low: float
    high: float
    needs: str = ""


def _setpoints() -> Iterable[Quantity]:
    for c in CHANNELS.values():
        kind = {"degC": "temperature", "1": "fraction", "kW": "power", "h": "hours"}[c.unit]
        low, high = (0.0, 60.0) if kind == "temperature" else (-1e6, 1e6) if kind == "power" else (0.0, 1.0)
        if c.kind == "jobs" and c.possible is not None:
            low, high = c.possible
        yield Quantity(c.name, c.per, "setpoint", kind, low, high)


QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("rack_power_kw", "rack", "load", "power", 0.0, 1000.0),
        Quantity("row_power_kw", "row", "load", "power", 0.0, 50_000.0),
        Quantity("it_power_kw", "site", "load", "power", 0.0, 1e6),
        Quantity("dry_bulb_c", "site", "weather", "temperature", -50.0, 55.0),
        Quantity("wet_bulb_c", "site", "weather", "temperature", -50.0, 40.0),
        Quantity("outside_rh_frac", "site", "weather", "fraction", 0.0, 1.05),
        *_setpoints(),
        Quantity("chillers_running", "site", "mode", "count", 0.0, 64.0, "chw"),
        Quantity("economizer_on", "site", "mode", "count", 0.0, 1.0, "economizer"),
        Quantity("tower_cells_running", "site", "mode", "count", 0.0, 64.0, "tower"),
        Quantity("rack_inlet_c", "rack", "output", "temperature", 5.0, 60.0),
        Quantity("zone_supply_c", "zone", "output", "temperature", 5.0, 50.0),
        Quantity("zone_return_c", "zone", "output", "temperature", 10.0, 70.0),
        Quantity("zone_fan_speed_frac", "zone", "output", "fraction", 0.0, 1.0),
        Quantity("coil_valve_frac", "zone", "output", "fraction", 0.0, 1.0, "chw"),
        Quantity("chw_supply_c", "site", "output", "temperature", 2.0, 40.0, "chw"),
        Quantity("chw_return_c", "site", "output", "temperature", 4.0, 50.0, "chw"),
        Quantity("cw_supply_c", "site", "output", "temperature", 2.0, 50.0, "tower"),
        Quantity("tower_fan_speed_frac", "site", "output", "fraction", 0.0, 1.0, "tower"),
        Quantity("fws_supply_c", "site", "output", "temperature", 2.0, 60.0, "fws"),
        Quantity("dry_cooler_fan_speed_frac", "site", "output", "fraction", 0.0, 1.0, "dry"),
        Quantity("tcs_supply_c", "site", "output", "temperature", 5.0, 70.0, "tcs"),
        Quantity("tcs_return_c", "site", "output", "temperature", 5.0, 90.0, "tcs"),
        Quantity("cdu_valve_frac", "site", "output", "fraction", 0.0, 1.0, "tcs"),
        Quantity("crah_fan_power_kw", "site", "output", "power", 0.0, 1e5),
        Quantity("chiller_power_kw", "site", "output", "power", 0.0, 1e5, "chw"),
        Quantity("dx_power_kw", "site", "output", "power", 0.0, 1e5, "dx"),
        Quantity("chw_pump_power_kw", "site", "output", "power", 0.0, 1e5, "chw"),
        Quantity("cw_pump_power_kw", "site", "output", "power", 0.0, 1e5, "tower"),
        Quantity("tower_fan_power_kw", "site", "output", "power", 0.0, 1e5, "tower"),
        Quantity("dry_cooler_fan_power_kw", "site", "output", "power", 0.0, 1e5, "dry"),
        Quantity("fws_pump_power_kw", "site", "output", "power", 0.0, 1e5, "fws"),
        Quantity("tcs_pump_power_kw", "site", "output", "power", 0.0, 1e5, "tcs"),
        Quantity("ups_power_kw", "site", "output", "power", 0.0, 1e6),
        Quantity("ups_loss_kw", "site", "output", "power", 0.0, 1e5),
        Quantity("pdu_loss_kw", "site", "output", "power", 0.0, 1e5),
        Quantity("cooling_power_kw", "site", "output", "power", 0.0, 1e5),
        Quantity("facility_power_kw", "site", "output", "power", 0.0, 1e6),
    )
}


def rows_of(name: str, layout: Layout) -> int:
    """How many rows a quantity has in a scenario: 1, zones, power rows or racks."""
    return layout.rows[QUANTITIES[name].per]


def quantities_of(layout: Layout, scenario: Scenario) -> dict[str, Quantity]:
    """Quantities that this plant has."""
    present = layout.present | ({"dx"} if scenario.dx is not None else set())
    return {
        name: q
        for name, q in QUANTITIES.items()
        if (not q.needs or q.needs in present) and (q.role != "setpoint" or name in layout.channels)
    }


def driving_load(available: Iterable[str]) -> str | None:
    """The load that drives a replay: the finest that is measured; None where none is."""
    there = set(available)
    return next((name for name in LOADS if name in there), None)


def outputs(available: Mapping[str, object], layout: Layout, scenario: Scenario) -> list[str]:
    """Measured quantities that a replay is compared with, in the table's order; the load that drives it is none."""
    load = driving_load(available)
    known = quantities_of(layout, scenario)
    return [n for n, q in known.items() if n in available and n != load and q.role in ("output", "load")]


def noise_sd(q: Quantity, sensors: SensorModel, values: Floats) -> Floats:
    """Standard deviation of one reading, like ``values`` and in their unit; powers err in proportion to themselves."""
    if q.kind == "temperature":
        return np.full_like(values, max(sensors.temperature_noise_k, 0.02))
    if q.kind == "power":
        size = np.abs(values)
        # the upper end, not the median: a machine may stand most of the time
        floor = 0.1 * np.nanquantile(size, 0.95) if np.isfinite(size).any() else 1.0
        return np.maximum(size, max(floor, 1e-3)) * max(sensors.power_noise_frac, 1e-3)
    return np.full_like(values, max(sensors.fraction_noise, 1e-3))


def constant_error(q: Quantity, sensors: SensorModel) -> tuple[float, float]:
    """Standard deviations of a sensor's constant errors: offset in its unit, and gain [1]."""
    if q.kind == "temperature":
        return sensors.temperature_bias_k, 0.0
    if q.kind == "power":
        return 0.0, sensors.power_bias_frac
    return FRACTION_OFFSET, 0.0
