"""A digital twin: a copy of the nominal plant that runs beside the real one and is corrected by what is measured.

It is stepped with the setpoints in force, the weather and the demand of the rows, as they are measured. After each step
the observer corrects it. It never sees the true state, the load by rack or the future.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Measurements
from envs.engine import TapedFunction
from envs.faults import nothing_lost
from envs.interface.channels import Channel
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.state import PlantState
from envs.signals.step import Load, Outside, outside_from_bulbs
from envs.trees import assign, columns
from envs.twin.estimation.observer import GAIN, correct
from envs.twin.estimation.row_load import RowLoad

BIAS_PULL = 0.15  # of what is left at the warmest inlets, and of the rows' demand, per step; engineering guess


class ObservedPlant:
    """The state of B sites as far as measurements tell it.

    Parameters
    ----------
    plant : Plant
        Nominal.
    channels : sequence of Channel
        All channels of the plant: their setpoints in force are measured.

    Attributes
    ----------
    state : PlantState
        After the last ``update``.
    outside, load : Outside, Load
        As measured last; what a forecast goes on with.
    inlet_bias_k : ndarray (Z, B)
        Warmest measured inlet of each zone less the twin's, smoothed.
    """

    def __init__(self, plant: Plant, channels: tuple[Channel, ...]) -> None:
        self.plant, self.channels = plant, channels
        self._advance = TapedFunction(plant.step)
        self._row_load = RowLoad(plant)
        self.reset()

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew with the next measurements, everywhere or where the mask says."""
        if mask is None or self.state is None:
            self.state: PlantState | None = None
            self.fresh: NDArray[np.bool_] | None = None
        else:
            self.fresh = mask if self.fresh is None else self.fresh | mask

    def update(self, measured: Measurements) -> None:
        """One control step further, to the moment of these measurements."""
        sites = measured["dry_bulb_c"].shape[-1]
        layout = self.plant.layout
        demand = measured["row_demand_share"] * layout.row_rated_kw
        anew = self.state is None or self.state.alive.shape[-1] != sites
        if anew:
            self.row_bias_kw = 0.0 * demand
        elif self.fresh is not None:
            self.row_bias_kw = self.row_bias_kw * ~self.fresh
        self.outside, self.load = outside_from_measurements(measured, layout.pressure_kpa), self.load_of(demand)
        self.lost = nothing_lost(sites, layout.n_zones, self.plant.dtype)
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in self.channels}
        if anew or self.fresh is not None:
            settled, flows = self._steady_state(measured, in_force, sites)
            bias = measured["zone_inlet_max_c"] - flows.zone_inlet_max_c
        if anew:
            self.state, self.inlet_bias_k, self.fresh = settled, bias, None
            return
        assert self.state is not None
        t = np.zeros(sites, np.int64)
        stepped, seen = self._advance(self.state, in_force, self.outside, self.load, self.lost, t)
        self.state = correct(self.plant, stepped, seen, measured, GAIN)
        left = measured["zone_inlet_max_c"] - seen.zone_inlet_max_c
        self.inlet_bias_k = self.inlet_bias_k + BIAS_PULL * (left - self.inlet_bias_k)
        self.row_bias_kw = self.row_bias_kw + BIAS_PULL * (demand - seen.row_demand_kw)
        if self.fresh is not None:
            where = np.flatnonzero(self.fresh)
            self.state = assign(self.state, columns(settled, where), where)
            self.inlet_bias_k = assign(self.inlet_bias_k, bias[:, where], where)
            self.row_bias_kw = assign(self.row_bias_kw, 0.0, where)
            self.fresh = None

    def load_of(self, demand_kw: Floats) -> Load:
        """Load of rows that demand ``demand_kw (P, B)``, with what the twin's rows are known to be wrong by."""
        return self._row_load.of(demand_kw + self.row_bias_kw)

    def _steady_state(
        self, measured: Measurements, in_force: dict[str, Floats], sites: int
    ) -> tuple[PlantState, Flows]:
        charge = measured["battery_soc_frac"][0] if "battery_soc_frac" in measured else np.full(sites, 0.5)
        none = np.zeros(sites)
        return self.plant.steady_state(self.outside, self.load, in_force, self.lost, none, charge)


def outside_from_measurements(measured: Measurements, pressure_kpa: float) -> Outside:
    """Weather, price and carbon as measured now."""
    dry, wet, price, carbon = (
        measured[name][0] for name in ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh")
    )
    return outside_from_bulbs(dry, wet, pressure_kpa, price_usd_mwh=price, carbon_g_kwh=carbon)
