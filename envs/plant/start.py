"""A settled start: the state that constant conditions lead to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from envs.engine import repeated
from envs.equipment import (
    air_side,
    battery,
    breaker,
    chilled_water,
    cooling_tower,
    dry_cooler,
    liquid_loop,
    power_capper,
    rack,
)
from envs.faults import Availability
from envs.physics.namespace import Array
from envs.plant import work
from envs.plant.flows import Flows
from envs.plant.plant_like import Steppable
from envs.plant.state import PlantState
from envs.signals.step import Load, Outside

SETTLING_STEP_S = 900.0
SETTLING_STEPS = 6
NO_LIMIT_KW = 1e6


def steady_state(
    plant: Steppable,
    outside: Outside,
    load: Load,
    in_force: Mapping[str, Array],
    lost: Availability,
    warmth_k: Array,
    soc_frac: Array,
) -> tuple[PlantState, Flows]:
    """State that has settled under constant conditions, and the Flows of one step from it.

    Parameters
    ----------
    outside, load : Outside, Load
        Signals of the first step.
    in_force : mapping
        Setpoints at the start.
    lost : Availability
        Nothing lost, as a rule.
    warmth_k : array (B,)
        Added to the loops at the end [K]: the start is randomised.
    soc_frac : array (B,)
        Battery charge.
    """
    settled = settled_state(plant, outside, load, in_force, lost, warmth_k, soc_frac)
    return begun_step(plant, settled, outside, load, in_force, lost, soc_frac)


def settled_state(
    plant: Steppable,
    outside: Outside,
    load: Load,
    in_force: Mapping[str, Array],
    lost: Availability,
    warmth_k: Array,
    soc_frac: Array,
) -> PlantState:
    """State that has settled; arguments as in `steady_state`."""
    state = _first_guess(plant, outside, load, in_force, soc_frac)
    now = plant.step_conditions(state, in_force, outside, load, lost, SETTLING_STEP_S)

    def turn(at: PlantState) -> tuple[PlantState, tuple[()]]:
        after, _sub = plant.substep(at, now)
        return _everything_on(after._replace(air=after.air._replace(fabric_c=after.air.hot_c))), ()

    state, _ = repeated(turn, lambda so_far, _: so_far, state, SETTLING_STEPS)
    return _warmer_state(state, warmth_k.astype(plant.dtype))


def begun_step(
    plant: Steppable,
    settled: PlantState,
    outside: Outside,
    load: Load,
    in_force: Mapping[str, Array],
    lost: Availability,
    soc_frac: Array,
) -> tuple[PlantState, Flows]:
    """One step from a settled state, in which no batch work arrives; then no work waits and the battery is charged."""
    n = soc_frac.shape[-1]
    asked = load._replace(batch_arrival=load.batch_arrival * 0.0, batch_due=load.batch_due * 0.0)
    state, flows = plant.step(settled, in_force, outside, asked, lost, np.zeros(n))
    fresh = work.initial(plant.layout.work, n, plant.dtype)
    battery_state = state.battery
    if battery_state is not None:
        battery_state = battery_state._replace(soc_frac=soc_frac.astype(plant.dtype))
    return state._replace(work=fresh, battery=battery_state), flows


def _first_guess(
    plant: Steppable, outside: Outside, load: Load, in_force: Mapping[str, Array], soc_frac: Array
) -> PlantState:
    p, lay, n = plant.scenario, plant.layout, len(soc_frac)
    like = outside.dry_bulb_c
    supply = in_force["supply_air_temp_setpoint_c"]
    inlet = lay.membership.T @ supply
    demand = rack.demand_terms(lay.racks, load.activity)
    coolant = like * 0.0 + 20.0
    if p.coolant is not None:
        coolant = in_force["tcs_supply_temp_setpoint_c"][0]
    racks = rack.initial(lay.racks, demand, inlet, coolant, like * 0.0 + 1.0)
    load_kw = (demand.base_kw + demand.total_kw).sum(axis=0)
    air_share = 1.0 if p.coolant is None else 0.4
    chw = tower = tcs = fws = dry = None
    if p.chilled_water is not None:
        chw = chilled_water.initial(
            p.chilled_water, in_force["chw_supply_temp_setpoint_c"][0] + 0.0, load_kw * air_share
        )
    if p.tower is not None:
        tower = cooling_tower.initial(p.tower, in_force["cw_supply_temp_setpoint_c"][0] + 0.0, load_kw)
    if p.coolant is not None:
        tcs = liquid_loop.initial_tcs(n, coolant, dtype=plant.dtype)
        fws = liquid_loop.initial_fws(n, in_force["fws_supply_temp_setpoint_c"][0], plant.dtype)
    if p.dry_cooler is not None:
        dry = dry_cooler.initial(p.dry_cooler, like)
    alive = inlet * 0.0 + 1.0
    air = air_side.initial(
        lay.zones,
        n,
        supply,
        supply + 14.0,
        np.minimum(outside.humidity_ratio, 0.009),
        in_force["crah_fan_speed_frac"],
    )
    return PlantState(
        rack=racks,
        air=air,
        tcs=tcs,
        fws=fws,
        chw=chw,
        tower=tower,
        dry=dry,
        breaker=breaker.initial(p.breaker, lay.nodes, n),
        capper=power_capper.initial(lay.n_rows, n, plant.dtype),
        battery=None if p.battery is None else battery.initial(p.battery, n, 0.5, plant.dtype),
        work=work.initial(lay.work, n, plant.dtype),
        inlet_c=inlet,
        top_inlet_c=inlet,
        exhaust_c=racks.solids_c,
        alive=alive,
        ups_alive=like * 0.0 + 1.0,
        rack_down_s=alive * 0.0,
        protective_kw=alive * NO_LIMIT_KW,
        alarm=supply * 0.0,
        coolant_alarm=like * 0.0,
    )


def _everything_on(state: PlantState) -> PlantState:
    """State with every breaker closed and every rack up.

    The first guess holds no cap yet, so its first steps can draw more than a feeder carries. What trips there is
    an artefact of the guess: an hour later the racks would still be down, and the room would be settled without them.
    """
    up = state.alive * 0.0 + 1.0
    return state._replace(
        breaker=state.breaker._replace(down_s=state.breaker.down_s * 0.0),
        alive=up,
        ups_alive=up[0],
        rack_down_s=up * 0.0,
    )


def _warmer_state(state: PlantState, warmth_k: Array) -> PlantState:
    """Loops and room shifted by ``warmth_k (B,)`` [K]."""
    air = state.air._replace(hot_c=state.air.hot_c + warmth_k, supply_c=state.air.supply_c + 0.5 * warmth_k)
    chw, tower = state.chw, state.tower
    if chw is not None:
        chw = chw._replace(supply_c=chw.supply_c + 0.5 * warmth_k)
    if tower is not None:
        tower = tower._replace(basin_c=tower.basin_c + warmth_k)
    return state._replace(air=air, chw=chw, tower=tower)
