"""The electrical side of a sub-step: transformer, battery, breakers and the fast capper."""

from __future__ import annotations

from typing import Any, NamedTuple

from envs.equipment import air_side, battery, breaker, power_capper, power_chain, rack
from envs.physics.namespace import Array, as_mask, namespace, upper
from envs.plant.state import Liquid, Now, PlantState

LEAST_UTILITY_FRAC = 1e-3  # a curtailment to nothing: the capper's shares stay finite


class SiteFlows(NamedTuple):
    """The electrical side of a sub-step."""

    facility_kw: Array
    grid_kw: Array
    transformer_kw: Array
    direct_kw: Array
    stored: Any
    battery_state: Any
    breaker_state: Any
    opened: Any
    capper_state: Any
    capped: Any
    node_power_kw: Array
    node_limit_kw: Array
    rack_down_s: Array
    alive: Array
    ups_alive: Array


def site(
    plant: Any,
    state: PlantState,
    now: Now,
    racks: rack.RackFlows,
    power: Any,
    air: air_side.AirFlows,
    dx: Any,
    liquid: Liquid,
    chw: Any,
    tower: Any,
) -> SiteFlows:
    """Transformer, battery, breakers and the fast capper: what the whole site draws and who is cut."""
    p, lay = plant.scenario, plant.layout
    direct = air.humidifier_power_kw.sum(axis=0) + p.power.lighting_kw
    if chw is not None:
        direct = direct + chw.chiller_power_kw + chw.pump_power_kw
    if tower is not None:
        direct = direct + tower.fan_power_kw + tower.pump_power_kw
    if liquid.dry is not None:
        direct = direct + liquid.dry.fan_power_kw
    if dx is not None:
        direct = direct + dx.power_kw
    behind = power.ups_power_kw + power.ups_loss_kw + direct
    transformer = power_chain.transformer_loss_kw(p.power, behind)
    facility = behind + transformer
    battery_state, stored = state.battery, None
    grid = facility
    if p.battery is not None:
        battery_state, stored = battery.advance(
            p.battery, state.battery, now.in_force["battery_power_kw"][0], now.dt_s, facility
        )
        grid = facility + stored.power_kw
    breaker_state, opened = breaker.advance(
        p.breaker, lay.nodes, state.breaker, racks.power_kw, power.row_power_kw, power.ups_power_kw, now.dt_s
    )
    xp = namespace(grid)
    node_power = xp.concat([power.row_power_kw, power.ups_power_kw[None], grid[None]], axis=0)
    node_limit = node_limits(plant, now.utility_frac)
    floor = racks.power_kw - racks.accelerator_power_kw
    capper_state, capped = power_capper.advance(
        p.capper,
        lay.tree.row_racks,
        lay.row_of,
        state.capper,
        node_limit,
        node_power,
        power.row_it_kw,
        now.limit_kw,
        racks.uncapped_power_kw,
        floor,
    )
    down_s = upper(state.rack_down_s - now.dt_s, 0.0)
    down_s = down_s + racks.shutdown * (lay.restart_s - down_s)
    alive = opened.alive * as_mask(down_s <= 0.0, down_s)
    return SiteFlows(
        facility,
        grid,
        transformer,
        direct,
        stored,
        battery_state,
        breaker_state,
        opened,
        capper_state,
        capped,
        node_power,
        node_limit,
        down_s,
        alive,
        opened.ups_alive,
    )


def node_limits(plant: Any, utility_frac: Array) -> Array:
    """Limits of rows, UPS and utility; a curtailment takes its share of the site's expected peak, as demand response
    does (PHYSICS F8): a share of a service that is twice the peak would bind nowhere.
    """
    fixed = plant.layout.node_limit_kw + 0.0 * utility_frac
    xp = namespace(fixed)
    whole = as_mask(utility_frac >= 1.0, utility_frac)
    left = upper(utility_frac, LEAST_UTILITY_FRAC) * plant.scenario.expected_peak_kw
    service = fixed[-1]
    return xp.concat([fixed[:-1], (whole * service + (1.0 - whole) * xp.minimum(service, left))[None]], axis=0)
