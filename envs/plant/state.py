"""What a plant carries from one sub-step to the next, and what holds for the whole control step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from envs.equipment.air_side import AirBalance, AirFlows, AirState, ZoneTable
from envs.equipment.battery import BatteryState
from envs.equipment.breaker import BreakerState
from envs.equipment.chilled_water import ChwFlows, ChwState
from envs.equipment.chiller import AirTerms
from envs.equipment.cooling_tower import TowerFlows, TowerState, TowerWeather
from envs.equipment.dry_cooler import DryCoolerFlows, DryCoolerState
from envs.equipment.dx_unit import DxConditions, DxFlows
from envs.equipment.liquid_loop import FwsFlows, FwsState, TcsFlows, TcsState
from envs.equipment.power_capper import CapperState
from envs.equipment.power_chain import PowerFlows
from envs.equipment.rack import RackDemand, RackFlows, RackState, RackTable
from envs.physics.namespace import Array
from envs.plant.work import WorkState
from envs.signals.step import Outside


class PlantState(NamedTuple):
    """State of every machine; a machine that is not there is None."""

    rack: RackState
    air: AirState
    tcs: TcsState | None
    fws: FwsState | None
    chw: ChwState | None
    tower: TowerState | None
    dry: DryCoolerState | None
    breaker: BreakerState
    capper: CapperState
    battery: BatteryState | None
    work: WorkState
    inlet_c: Array  # (R, B), mean of each rack in the last sub-step: what server fans answer to
    top_inlet_c: Array  # (R, B), at the rack's top: what is measured and judged
    exhaust_c: Array  # (R, B), of the last sub-step
    alive: Array  # (R, B)
    ups_alive: Array  # (B,), 0 while the UPS output is open: its fans and pumps stand still
    rack_down_s: Array  # (R, B), until a rack that shut itself down works again
    protective_kw: Array  # (R, B), limits of the fast capper for the next sub-step
    alarm: Array  # (Z, B), inlet alarm of the last sub-step; it holds until the inlets are well below
    coolant_alarm: Array  # (B,)
    pace: Array | None = None  # (S, R, B), work done over work demanded in the step; where somebody reads it


class Stores(NamedTuple):
    """What of a state stores energy: temperatures of all masses and the battery's charge; None as there."""

    solids_c: Array  # (R, B)
    chip_c: Array  # (R, B)
    hot_c: Array  # (Z, B)
    fabric_c: Array  # (Z, B)
    supply_c: Array  # (Z, B)
    chw_c: Array | None
    basin_c: Array | None
    tcs_c: Array | None
    fws_c: Array | None
    soc_frac: Array | None


def stores_of(state: PlantState) -> Stores:
    """What of a state stores energy."""
    rack, air = state.rack, state.air
    return Stores(
        rack.solids_c,
        rack.chip_c,
        air.hot_c,
        air.fabric_c,
        air.supply_c,
        state.chw and state.chw.supply_c,
        state.tower and state.tower.basin_c,
        state.tcs and state.tcs.supply_c,
        state.fws and state.fws.supply_c,
        state.battery and state.battery.soc_frac,
    )


def with_work_of(state: PlantState, other: PlantState) -> PlantState:
    """``state`` with the work that waits in ``other``.

    A plant that is driven by measured power has this of the step before: what was measured is what ran, so work that
    it held back itself would run twice.
    """
    return state._replace(work=other.work)


class Available(NamedTuple):
    """Machines able to run, never fewer than none whatever faults add up to: ``(B,)``, room units ``(Z, B)``."""

    crah_units: Array
    chillers: Array
    cells: Array  # of the tower, or dry coolers
    fws_pumps: Array
    cdus: Array
    chw_pumps: Array


def powered_machines(fit: Available, ups_alive: Array) -> Available:
    """What is fit and has power: the UPS feeds room units, coolant and facility-water pumps (SCENARIOS ai_hall)."""
    return fit._replace(
        crah_units=fit.crah_units * ups_alive, fws_pumps=fit.fws_pumps * ups_alive, cdus=fit.cdus * ups_alive
    )


class InletLimits(NamedTuple):
    """Limits on the air that racks breathe, at the site's height, each ``(B,)`` [degC]."""

    recommended_c: Array
    allowable_c: Array
    alarm_c: Array


class StepConditions(NamedTuple):
    """What holds for the whole control step."""

    zones: ZoneTable  # under the pressure outside
    racks: RackTable  # likewise
    in_force: Mapping[str, Array]
    outside: Outside
    limit_kw: Array  # (R, B)
    activity: Array  # (S, R, B)
    demand: RackDemand
    job: Array  # (R, B), lowest rack of each rack's synchronous job
    tower_weather: TowerWeather | None
    air_terms: AirTerms | None
    dx: DxConditions | None
    fit: Available
    utility_frac: Array  # (B,), share of the utility limit that is left
    coolant_floor_c: Array | None  # (B,), keeps the coolant pipes dry
    inlet: InletLimits
    pump_water_kg_s: Array | None  # (B,), what the chilled-water pumps on duty can bring
    dt_s: float


class Liquid(NamedTuple):
    """The liquid side of a sub-step; None where there is none."""

    tcs_state: TcsState | None
    tcs: TcsFlows | None
    fws_state: FwsState | None
    fws: FwsFlows | None
    dry_state: DryCoolerState | None
    dry: DryCoolerFlows | None


NO_LIQUID = Liquid(None, None, None, None, None, None)


class SubStep(NamedTuple):
    """What the machines did in a sub-step, the electrical side apart; a machine that is not there is None."""

    inlet_c: Array  # (R, B), mean of each rack
    top_inlet_c: Array  # (R, B)
    limits: InletLimits
    balance: AirBalance
    racks: RackFlows
    liquid: Liquid
    power: PowerFlows
    air_state: AirState
    air: AirFlows
    dx: DxFlows | None
    chw: ChwFlows | None
    tower: TowerFlows | None
