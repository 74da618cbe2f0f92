"""What an agent sees: one table of points with fixed ranges, stacked, measured, scaled to [-1, 1].

No running normaliser: the ranges stand in the table and travel in the exported manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from envs.interface.channels import Channel

Array = NDArray[np.floating]

_ROW_GAP = 16  # numbers between rows: rows a power of two apart share cache sets, which makes transposing slow


@dataclass(frozen=True)
class Point:
    """One measured quantity.

    Attributes
    ----------
    name : str
        Physical name, ending in its unit.
    per : str
        ``site``, ``zone``, ``row`` (power rows) or ``rack``.
    low, high : float
        Fixed range that maps to -1..1; values beyond it are clipped in the observation only.
    unit : str
        Unit of the value.
    sensor : str
        Kind of sensor noise: ``temperature``, ``power``, ``flow``, ``fraction`` or ``exact``.
    needs : str
        The machine that must be present: ``""``, ``chw``, ``tower``, ``economizer``, ``fws``, ``dry``, ``tcs``,
        ``feeder``.
    observed : bool
        Whether the agent's observation carries it (controllers receive every point).
    rows : int
        Number of rows once bound to a scenario.
    """

    name: str
    per: str
    low: float
    high: float
    unit: str
    sensor: str = "exact"
    needs: str = ""
    observed: bool = True
    rows: int = 0


POINTS: tuple[Point, ...] = (
    Point("rack_inlet_c", "rack", 10.0, 45.0, "degC", "temperature", observed=False),
    Point("zone_inlet_max_c", "zone", 10.0, 45.0, "degC", "temperature"),
    Point("zone_supply_c", "zone", 8.0, 40.0, "degC", "temperature"),
    Point("zone_return_c", "zone", 15.0, 60.0, "degC", "temperature"),
    Point("zone_fan_speed_frac", "zone", 0.0, 1.0, "1"),
    Point("zone_aisle_pressure_pa", "zone", -100.0, 100.0, "Pa", "flow"),
    Point("coil_valve_frac", "zone", 0.0, 1.0, "1", needs="chw"),
    Point("room_dew_point_c", "site", -15.0, 25.0, "degC", "temperature"),
    Point("chw_supply_c", "site", 4.0, 30.0, "degC", "temperature", "chw"),
    Point("chw_return_c", "site", 6.0, 40.0, "degC", "temperature", "chw"),
    Point("chiller_plr_frac", "site", 0.0, 1.1, "1", "exact", "chw"),
    Point("chillers_running", "site", 0.0, 4.0, "1", "exact", "chw"),
    Point("economizer_on", "site", 0.0, 1.0, "1", "exact", "economizer"),
    Point("economizer_hold_frac", "site", 0.0, 1.0, "1", "exact", "economizer"),
    Point("chiller_hold_frac", "site", 0.0, 1.0, "1", "exact", "chw"),
    Point("cw_supply_c", "site", 8.0, 40.0, "degC", "temperature", "tower"),
    Point("tower_fan_speed_frac", "site", 0.0, 1.0, "1", "exact", "tower"),
    Point("tower_cells_running", "site", 0.0, 4.0, "1", "exact", "tower"),
    Point("tower_hold_frac", "site", 0.0, 1.0, "1", "exact", "tower"),
    Point("fws_supply_c", "site", 10.0, 50.0, "degC", "temperature", "fws"),
    Point("dry_cooler_fan_speed_frac", "site", 0.0, 1.0, "1", "exact", "dry"),
    Point("dry_cooler_pad_on", "site", 0.0, 1.0, "1", "exact", "dry"),
    Point("tcs_supply_c", "site", 15.0, 60.0, "degC", "temperature", "tcs"),
    Point("tcs_return_c", "site", 20.0, 70.0, "degC", "temperature", "tcs"),
    Point("cdu_valve_frac", "site", 0.0, 1.0, "1", "exact", "tcs"),
    Point("chip_max_c", "site", 20.0, 105.0, "degC", "temperature"),
    Point("it_power_share", "site", 0.0, 1.1, "1", "power"),
    Point("facility_power_share", "site", 0.0, 1.8, "1", "power"),
    Point("row_power_share", "row", 0.0, 1.1, "1", "power"),
    Point("row_demand_share", "row", 0.0, 1.1, "1", "power"),
    Point("feeder_load_frac", "site", 0.0, 1.3, "1", "power"),
    Point("breaker_memory_frac", "site", 0.0, 1.1, "1"),
    Point("capper_engaged", "site", 0.0, 1.0, "1", needs="feeder"),
    Point("rack_down_frac", "site", 0.0, 1.0, "1"),
    Point("restart_frac", "site", 0.0, 1.0, "1"),
    Point("backlog_training_h", "site", 0.0, 24.0, "h", needs="deferrable"),
    Point("backlog_batch_h", "site", 0.0, 48.0, "h", needs="batch"),
    Point("batch_ahead_h", "site", 0.0, 48.0, "h", needs="batch"),
    Point("battery_soc_frac", "site", 0.0, 1.0, "1", needs="battery"),
    Point("billing_peak_share", "site", 0.0, 1.8, "1"),
    Point("demand_window_share", "site", 0.0, 1.8, "1"),
    Point("demand_window_elapsed_frac", "site", 0.0, 1.0, "1"),
    Point("dry_bulb_c", "site", -25.0, 50.0, "degC", "temperature"),
    Point("wet_bulb_c", "site", -25.0, 35.0, "degC", "temperature"),
    Point("price_usd_mwh", "site", -50.0, 350.0, "USD/MWh"),
    Point("carbon_g_kwh", "site", 0.0, 900.0, "g/kWh"),
    Point("dr_active", "site", 0.0, 1.0, "1", needs="demand_response"),
    Point("dr_reduction_frac", "site", 0.0, 0.3, "1", needs="demand_response"),
    Point("hour_sin", "site", -1.0, 1.0, "1"),
    Point("hour_cos", "site", -1.0, 1.0, "1"),
    Point("week_sin", "site", -1.0, 1.0, "1"),
    Point("week_cos", "site", -1.0, 1.0, "1"),
    Point("forecast_wet_bulb_1h_c", "site", -25.0, 35.0, "degC", needs="forecast"),
    Point("forecast_wet_bulb_4h_c", "site", -25.0, 35.0, "degC", needs="forecast"),
    Point("forecast_price_4h_usd_mwh", "site", -50.0, 350.0, "USD/MWh", needs="forecast"),
)


def bind_points(rows: Mapping[str, int], present: set[str], channels: Sequence[Channel]) -> tuple[Point, ...]:
    """The points of one scenario: table rows whose machine is present, then every channel's setpoint in force."""
    bound = [replace(p, rows=rows[p.per]) for p in POINTS if p.needs in present or not p.needs]
    bound += [
        Point(f"in_force.{c.name}", c.per, c.low, c.high, c.unit, "exact", rows=c.rows) for c in channels if c.rows > 0
    ]
    return tuple(bound)


class Observer:
    """Stacks named points ``{name: (k, B)}`` and scales them to observations ``(B, n)``."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points)
        self.slices: dict[str, slice] = {}
        at = 0
        for p in self.points:
            self.slices[p.name] = slice(at, at + p.rows)
            at += p.rows
        self.rows = at
        seen = [p for p in self.points if p.observed]
        self.observed = np.concatenate([np.arange(self.rows)[self.slices[p.name]] for p in seen])
        self.contiguous = bool(np.all(np.diff(self.observed) == 1))
        low = np.concatenate([np.full(p.rows, p.low) for p in seen])
        high = np.concatenate([np.full(p.rows, p.high) for p in seen])
        self.gain = (2.0 / (high - low))[:, None]
        self.offset = (-low * 2.0 / (high - low) - 1.0)[:, None]
        self.size = len(self.observed)

    def stack(self, values: Mapping[str, Array], batch: int, dtype: np.dtype) -> Array:
        """Block ``(rows, B)`` of all points in table order."""
        block = np.empty((self.rows, batch), dtype)
        for name, where in self.slices.items():
            block[where] = values[name]
        return block

    def unstack(self, block: Array) -> dict[str, Array]:
        """Named views ``(k, B)`` into a block."""
        return {name: block[where] for name, where in self.slices.items()}

    def encode(self, block: Array) -> NDArray[np.float32]:
        """Observations ``(B, n)`` float32 in [-1, 1], a fresh array."""
        part = block[self.observed[0] : self.observed[-1] + 1] if self.contiguous else block[self.observed]
        rows, batch = part.shape
        scaled = np.empty((rows, batch + _ROW_GAP), part.dtype)[:, :batch]
        np.multiply(part, self.gain.astype(part.dtype), out=scaled)
        scaled += self.offset.astype(part.dtype)
        np.clip(scaled, -1.0, 1.0, out=scaled)
        return np.ascontiguousarray(scaled.T, dtype=np.float32)

    def describe(self) -> list[dict[str, object]]:
        """One row per observation element, for the manifest."""
        rows: list[dict[str, object]] = []
        for p in self.points:
            if p.observed:
                rows += [
                    {"name": p.name, "row": k, "low": p.low, "high": p.high, "unit": p.unit} for k in range(p.rows)
                ]
        return rows
