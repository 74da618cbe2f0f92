"""The electrical side of a sub-step: transformer, battery, breakers and the fast capper."""

from __future__ import annotations

from typing import NamedTuple

from envs.equipment import battery, breaker, power_capper, power_chain
from envs.physics.namespace import Array, as_mask, namespace, upper
from envs.plant.layout import PlantParts
from envs.plant.state import PlantState, StepConditions, SubStep

LEAST_UTILITY_FRAC = 1e-3  # a curtailment to nothing: the capper's shares stay finite


class SiteFlows(NamedTuple):
    """The electrical side of a sub-step."""

    facility_power_kw: Array
    grid_power_kw: Array
    transformer_loss_kw: Array
    stored: battery.BatteryFlows | None
    battery_state: battery.BatteryState | None
    breaker_state: breaker.BreakerState
    opened: breaker.BreakerFlows
    capper_state: power_capper.CapperState
    capped: power_capper.CapperFlows
    node_power_kw: Array
    node_limit_kw: Array
    rack_down_s: Array
    alive: Array
    ups_alive: Array


def electrical_substep(plant: PlantParts, state: PlantState, now: StepConditions, did: SubStep) -> SiteFlows:
    """Transformer, battery, breakers and the fast capper: what the whole site draws and who is cut.

    Parameters
    ----------
    plant : PlantParts
    state : PlantState
        At the start of the sub-step.
    now : StepConditions
        What holds for the control step.
    did : SubStep
        What the machines did.
    """
    p, lay, racks, power = plant.scenario, plant.layout, did.racks, did.power
    behind = power.ups_power_kw + power.ups_loss_kw + _direct_kw(did, p.power.lighting_kw)
    transformer = power_chain.transformer_loss_kw(p.power, behind)
    facility = behind + transformer
    battery_state, stored = state.battery, None
    grid = facility
    if p.battery is not None and state.battery is not None:
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


def _direct_kw(did: SubStep, lighting_kw: float) -> Array:
    """What hangs on the transformer without a UPS ``(B,)`` [kW]."""
    direct = did.air.humidifier_power_kw.sum(axis=0) + lighting_kw
    if did.chw is not None:
        direct = direct + did.chw.chiller_power_kw + did.chw.pump_power_kw
    if did.tower is not None:
        direct = direct + did.tower.fan_power_kw + did.tower.pump_power_kw
    if did.liquid.dry is not None:
        direct = direct + did.liquid.dry.fan_power_kw
    if did.dx is not None:
        direct = direct + did.dx.power_kw
    return direct


def node_limits(plant: PlantParts, utility_frac: Array) -> Array:
    """Limits of rows, UPS and utility; a curtailment takes its share of the site's expected peak, as demand response
    does (PHYSICS F8): a share of a service that is twice the peak would bind nowhere.
    """
    fixed = plant.layout.node_limit_kw + 0.0 * utility_frac
    xp = namespace(fixed)
    whole = as_mask(utility_frac >= 1.0, utility_frac)
    left = upper(utility_frac, LEAST_UTILITY_FRAC) * plant.scenario.expected_peak_kw
    service = fixed[-1]
    return xp.concat([fixed[:-1], (whole * service + (1.0 - whole) * xp.minimum(service, left))[None]], axis=0)
