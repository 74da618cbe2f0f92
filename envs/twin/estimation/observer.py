"""A digital twin: a copy of the nominal plant that runs beside the real one and is corrected by what is measured.

It is stepped with the setpoints that are in force, the weather and the demand that are measured. Stages, modes and
their timers are read where the building reports them; temperatures are pulled towards their sensors by a part of the
difference, which leaves the sensors' noise behind. What no sensor sees (the servers' masses, water in the pipes, the
fabric of the hall) the twin remembers by itself. It never sees the true state, the load by rack or the future.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.building.row_value import usual_mix
from envs.controllers.base import Measurements
from envs.engine import Taped
from envs.episodes.world import Load, Outside
from envs.equipment import rack
from envs.faults import availability, fault_plan
from envs.interface.channels import Channel
from envs.physics.namespace import Floats
from envs.physics.psychrometrics import saturation_humidity_ratio
from envs.plant.datacenter import Plant
from envs.plant.state import PlantState
from envs.trees import assign
from envs.twin.estimation.work_by_power import WorkByPower

CP_AIR, LATENT, CP_VAPOUR, CP_WATER = 1.006, 2501.0, 1.86, 4.186  # PHYSICS a, wet-bulb energy balance
MOST_USE = 1.15  # of a row whose mix draws less than the usual one
PULL = 0.3  # of the difference to a sensor per step; noise 0.2 K, engineering guess
BIAS_PULL = 0.15  # of what is left at the warmest inlets, and of the rows' demand, per step; engineering guess


class Twin:
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
        After the last ``follow``.
    outside, load : Outside, Load
        As measured last; what a forecast goes on with.
    inlet_bias_k : ndarray (Z, B)
        Warmest measured inlet of each zone less the twin's, smoothed.
    """

    def __init__(self, plant: Plant, channels: tuple[Channel, ...]) -> None:
        self.plant, self.channels = plant, channels
        self._advance = Taped(plant.step)
        self._row_load = RowLoad(plant)
        self.forget()

    def forget(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew with the next measurements, everywhere or where the mask says."""
        if mask is None or self.state is None:
            self.state: PlantState | None = None
            self.fresh: NDArray[np.bool_] | None = None
        else:
            self.fresh = mask if self.fresh is None else self.fresh | mask

    def follow(self, measured: Measurements) -> None:
        """One control step further, to the moment of these measurements."""
        sites = measured["dry_bulb_c"].shape[-1]
        layout = self.plant.layout
        demand = measured["row_demand_share"] * layout.row_rated_kw
        anew = self.state is None or self.state.alive.shape[-1] != sites
        if anew:
            self.row_bias_kw = 0.0 * demand
        elif self.fresh is not None:
            self.row_bias_kw = self.row_bias_kw * ~self.fresh
        self.outside, self.load = outside_of(measured, layout.pressure_kpa), self.load_of(demand)
        self.lost = availability(fault_plan([[]] * sites, layout.n_zones, dtype=self.plant.dtype), np.zeros(sites))
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in self.channels}
        if anew or self.fresh is not None:
            settled, flows = self._settled(measured, in_force, sites)
            bias = measured["zone_inlet_max_c"] - flows.zone_inlet_max_c
        if anew:
            self.state, self.inlet_bias_k, self.fresh = settled, bias, None
            return
        assert self.state is not None
        t = np.zeros(sites, np.int64)
        stepped, seen = self._advance(self.state, in_force, self.outside, self.load, self.lost, t)
        self.state = corrected(self.plant, stepped, seen, measured)
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

    def _settled(self, measured: Measurements, in_force: dict[str, Floats], sites: int) -> tuple[PlantState, Any]:
        charge = measured["battery_soc_frac"][0] if "battery_soc_frac" in measured else np.full(sites, 0.5)
        none = np.zeros(sites)
        return self.plant.settled(self.outside, self.load, in_force, self.lost, none, charge)


def corrected(plant: Plant, state: PlantState, seen: Any, measured: Measurements) -> PlantState:
    """The twin's state after a step, moved towards what was measured at its end.

    Parameters
    ----------
    plant : Plant
        Gives the lengths of the timers.
    state, seen : PlantState, Flows
        What the twin came to, and what it would have measured.
    measured : mapping
        ``{point: (k, B)}``.
    """
    s = plant.scenario

    def pull(value: Floats, name: str) -> Floats:
        """Correct a zone's ``(Z, B)`` or the site's ``(B,)`` state by its sensor."""
        there = measured[name] if value.ndim == 2 else measured[name][0]
        moved: Floats = value + PULL * (there - getattr(seen, name))
        return moved.astype(value.dtype)

    def timed(stages: Any, running: str, hold: str, length_s: float) -> Any:
        """Stages as the building reports them."""
        since = measured[hold][0] * max(float(length_s), 1.0)
        return stages._replace(
            running=measured[running][0].astype(stages.running.dtype),
            since_change_s=since.astype(stages.since_change_s.dtype),
        )

    air = state.air._replace(
        supply_c=pull(state.air.supply_c, "zone_supply_c"),
        hot_c=pull(state.air.hot_c, "zone_return_c"),
        fan_speed_frac=measured["zone_fan_speed_frac"].astype(state.air.fan_speed_frac.dtype),
    )
    changed: dict[str, Any] = {"air": air}
    if s.chilled_water is not None and state.chw is not None:
        chw = state.chw._replace(supply_c=pull(state.chw.supply_c, "chw_supply_c"))
        chw = chw._replace(
            stages=timed(chw.stages, "chillers_running", "chiller_hold_frac", s.chilled_water.stage_hold_s)
        )
        if "economizer_on" in measured:
            since = measured["economizer_hold_frac"][0] * max(float(s.chilled_water.economizer_lockout_s), 1.0)
            chw = chw._replace(
                economizer_on=measured["economizer_on"][0].astype(chw.supply_c.dtype),
                economizer_since_s=since.astype(chw.supply_c.dtype),
            )
        changed["chw"] = chw
    if s.tower is not None and state.tower is not None:
        tower = state.tower._replace(basin_c=pull(state.tower.basin_c, "cw_supply_c"))
        cells = timed(tower.stages, "tower_cells_running", "tower_hold_frac", s.tower.stage_hold_s)
        changed["tower"] = tower._replace(stages=cells)
    if state.tcs is not None and state.fws is not None:
        changed["tcs"] = state.tcs._replace(supply_c=pull(state.tcs.supply_c, "tcs_supply_c"))
        changed["fws"] = state.fws._replace(supply_c=pull(state.fws.supply_c, "fws_supply_c"))
    if state.dry is not None:
        changed["dry"] = state.dry._replace(pad_on=measured["dry_cooler_pad_on"][0].astype(air.supply_c.dtype))
    if state.battery is not None:
        changed["battery"] = state.battery._replace(soc_frac=measured["battery_soc_frac"][0].astype(air.supply_c.dtype))
    return state._replace(**changed)


def columns(tree: Any, where: NDArray[np.intp]) -> Any:
    """Environments ``where`` (the last axis) of nested states."""
    if tree is None:
        return None
    if isinstance(tree, np.ndarray):
        return tree[..., where]
    return type(tree)(*(columns(part, where) for part in tree))


def tiled(tree: Any, copies: int) -> Any:
    """Nested states with the environments (the last axis) repeated ``copies`` times, copy after copy."""
    if tree is None or isinstance(tree, (bool, int, float)):
        return tree
    if isinstance(tree, np.ndarray):
        return np.concatenate([tree] * copies, axis=-1)
    if isinstance(tree, dict):
        return {name: tiled(part, copies) for name, part in tree.items()}
    parts = [tiled(part, copies) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def outside_of(measured: Measurements, pressure_kpa: float) -> Outside:
    """Weather, price and carbon as measured now; humidity from the wet bulb."""
    dry, wet = measured["dry_bulb_c"][0], measured["wet_bulb_c"][0]
    wet = np.minimum(wet, dry)
    at_wet = saturation_humidity_ratio(wet, pressure_kpa)
    humid = (LATENT + (CP_VAPOUR - CP_WATER) * wet) * at_wet - CP_AIR * (dry - wet)
    ratio = np.maximum(humid / (LATENT + CP_VAPOUR * dry - CP_WATER * wet), 1e-5).astype(dry.dtype)
    zero = dry * 0.0
    known = {name: measured[name][0] for name in ("price_usd_mwh", "carbon_g_kwh")}
    made = {**dict.fromkeys(Outside._fields, zero), **known, "dry_bulb_c": dry, "wet_bulb_c": wet}
    return Outside(**{**made, "humidity_ratio": ratio, "pressure_kpa": zero + pressure_kpa})


class RowLoad:
    """From the measured demand of the power rows to activity by slot: the usual mix of each rack, scaled by its row.

    Linear between the row's draw at rest and at full use.
    """

    def __init__(self, plant: Plant) -> None:
        self.layout, self.mix = plant.layout, usual_mix(plant.scenario)
        self.rest_kw, self.busy_kw = (self._draw(use) for use in (0.0, 1.0))
        ends = np.array([0.0, MOST_USE])
        drawn = self.rest_kw + ends * (self.busy_kw - self.rest_kw)
        self.path = WorkByPower(self.mix[:, :, None] * ends, drawn, self.layout.row_of)

    def _draw(self, use: float) -> Floats:
        """Demand of each power row ``(P, 1)`` [kW] with every rack at ``use`` of its usual mix."""
        table = self.layout.racks
        demand = rack.demand_terms(table, (use * self.mix[:, :, None]).astype(self.layout.dtype))
        supplies = np.broadcast_to(np.asarray(table.psu_marginal, self.layout.dtype), (self.layout.n_racks, 1))
        draw: Floats = self.layout.tree.row_racks @ ((demand.base_kw + demand.total_kw) * supplies)
        return draw

    def of(self, demand_kw: Floats) -> Load:
        """Load that draws ``demand_kw (P, B)``; no queues."""
        return self.path.load(demand_kw, self.layout.dtype)
