"""A digital twin: a copy of the nominal plant that runs beside the real one and is corrected by what is measured.

It is stepped with the setpoints in force, the weather and the demand of the rows, as they are measured. After each step
the observer corrects it. It never sees the true state, the load by rack or the future.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
from envs.scenario import Scenario
from envs.signals.step import Load, Outside, outside_from_bulbs
from envs.trees import as_classes_of, as_plain_data, assign, columns
from envs.twin.estimation.observer import GAIN, correct
from envs.twin.estimation.row_load import RowLoad

LONGEST_SUBSTEP_S = 150.0  # of a twin that looks ahead: two in a control step of 300 s
REMEMBERED = ("state", "fresh", "row_bias_kw", "units_share", "inlet_bias_k")
BIAS_PULL = 0.15  # of what is left at the warmest inlets, and of the rows' demand, per step; engineering guess
SHARE_PULL = 0.5  # of what a zone's air is short of, per step; engineering guess
UNIT_TOLD = 0.5  # room units: less than this is noise of the airflow; engineering guess
LEAST_AIR_FRAC = 0.05  # air that a twin expects, over what racks draw: less tells nothing


class ObservedPlant:
    """The state of B sites as far as measurements tell it.

    Parameters
    ----------
    plant : Plant
        Nominal.
    channels : sequence of Channel
        All channels of the plant: their setpoints in force are measured.
    infers_losses : bool
        Where a zone's air falls short of what its fan speed would bring, room units are taken for lost.

    Attributes
    ----------
    state : PlantState
        After the last ``update``.
    outside, load : Outside, Load
        As measured last; what a forecast goes on with.
    inlet_bias_k : ndarray (Z, B)
        Warmest measured inlet of each zone less the twin's, smoothed.
    units_share : ndarray (Z, B)
        Room units that seem to run, over those that should; 1 where losses are not inferred.
    expected : Flows, optional
        What the twin expected of the last measurements; None where they are its first.
    """

    def __init__(self, plant: Plant, channels: tuple[Channel, ...], infers_losses: bool = False) -> None:
        self.plant, self.channels, self.infers_losses = plant, channels, infers_losses
        self._advance = TapedFunction(plant.step)
        self._row_load = RowLoad(plant)
        self.reset()

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew with the next measurements, everywhere or where the mask says."""
        if mask is None or self.state is None:
            self.state: PlantState | None = None
            self.fresh: NDArray[np.bool_] | None = None
            self.expected: Flows | None = None
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
            self.units_share = np.ones((layout.n_zones, sites), self.plant.dtype)
        elif self.fresh is not None:
            self.row_bias_kw = self.row_bias_kw * ~self.fresh
            self.units_share = np.where(self.fresh, 1.0, self.units_share).astype(self.plant.dtype)
        self.outside, self.load = outside_from_measurements(measured), self.load_of(demand)
        self.lost = nothing_lost(sites, layout.n_zones, self.plant.dtype)._replace(crah_units_lost=self._units_lost())
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in self.channels}
        if anew or self.fresh is not None:
            settled, flows = self._steady_state(measured, in_force, sites)
            bias = measured["zone_inlet_max_c"] - flows.zone_inlet_max_c
        if anew:
            self.state, self.inlet_bias_k, self.fresh, self.expected = settled, bias, None, None
            return
        assert self.state is not None
        t = np.zeros(sites, np.int64)
        stepped, seen = self._advance(self.state, in_force, self.outside, self.load, self.lost, t)
        self.state, self.expected = correct(self.plant, stepped, seen, measured, GAIN), seen
        if self.infers_losses and "zone_air_supply_frac" in measured:
            told = np.maximum(seen.zone_fan_speed_frac, LEAST_AIR_FRAC)
            faster = measured.get("zone_fan_speed_frac", told) / told
            self._infer_losses(measured["zone_air_supply_frac"], seen.zone_air_supply_frac * faster)
        left = measured["zone_inlet_max_c"] - seen.zone_inlet_max_c
        self.inlet_bias_k = self.inlet_bias_k + BIAS_PULL * (left - self.inlet_bias_k)
        self.row_bias_kw = self.row_bias_kw + BIAS_PULL * (demand - seen.row_demand_kw)
        if self.fresh is not None:
            where = np.flatnonzero(self.fresh)
            self.state = assign(self.state, columns(settled, where), where)
            self.inlet_bias_k = assign(self.inlet_bias_k, bias[:, where], where)
            self.row_bias_kw = assign(self.row_bias_kw, 0.0, where)
            self.fresh = None

    def ahead(self, setpoints: Mapping[str, Floats]) -> Flows:
        """What the coming control step does under setpoints ``{channel: (k, B)}`` of all channels; nothing moves on."""
        assert self.state is not None
        t = np.zeros(self.state.alive.shape[-1], np.int64)
        held = {name: np.asarray(value, self.plant.dtype) for name, value in setpoints.items()}
        return self._advance(self.state, held, self.outside, self.load, self.lost, t)[1]

    def _infer_losses(self, measured: Floats, expected: Floats) -> None:
        """Move the share of the room units that seem to run by what the air is short of; no less than one of ten.

        ``expected`` is at the speed that the fans report: an alarm may have sped them up.
        """
        short = np.clip(measured / np.maximum(expected, LEAST_AIR_FRAC), 0.1, 2.0)
        share = np.clip(self.units_share * (1.0 + SHARE_PULL * (short - 1.0)), 0.1, 1.0)
        self.units_share = share.astype(self.plant.dtype)
        self.lost = self.lost._replace(crah_units_lost=self._units_lost())

    def _units_lost(self) -> Floats:
        """Room units that seem lost ``(Z, B)``, standby counted; what noise may explain is none."""
        zones = self.plant.layout.zones
        gone = zones.crah_running * (1.0 - self.units_share)
        standby = zones.crah_units - zones.crah_running
        return np.where(gone > UNIT_TOLD, gone + standby, 0.0).astype(self.plant.dtype)

    def snapshot(self) -> dict[str, Any]:
        """What the next update goes on from, as plain data."""
        return {name: as_plain_data(getattr(self, name, None)) for name in REMEMBERED}

    def restore(self, saved: Mapping[str, Any], like: PlantState) -> None:
        """Go on from a snapshot; ``like`` is a state of the plant, for its classes."""
        for name in REMEMBERED:
            shape = like if name == "state" and saved[name] is not None else None
            setattr(self, name, as_classes_of(shape, saved[name], name))

    def load_of(self, demand_kw: Floats) -> Load:
        """Load of rows that demand ``demand_kw (P, B)``, with what the twin's rows are known to be wrong by."""
        return self._row_load.of(demand_kw + self.row_bias_kw)

    def _steady_state(
        self, measured: Measurements, in_force: dict[str, Floats], sites: int
    ) -> tuple[PlantState, Flows]:
        charge = measured["battery_soc_frac"][0] if "battery_soc_frac" in measured else np.full(sites, 0.5)
        none = np.zeros(sites)
        return self.plant.steady_state(self.outside, self.load, in_force, self.lost, none, charge)


def coarse_scenario(scenario: Scenario) -> Scenario:
    """The site of a twin that looks ahead: the longest sub-steps that fill a control step at least twice."""
    step_s = scenario.episode.step_s
    parts = max(2, int(np.ceil(step_s / LONGEST_SUBSTEP_S)))
    return replace(scenario, episode=replace(scenario.episode, substep_s=step_s / parts))


def outside_from_measurements(measured: Measurements) -> Outside:
    """Weather, price and carbon as measured now."""
    dry, wet, height, price, carbon = (
        measured[name][0] for name in ("dry_bulb_c", "wet_bulb_c", "site_elevation_m", "price_usd_mwh", "carbon_g_kwh")
    )
    return outside_from_bulbs(dry, wet, height, price_usd_mwh=price, carbon_g_kwh=carbon)
