"""What a control step of a forecast costs: the task's own terms, but for the demand charge, which the horizon pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envs.interface.action import travel_ranges
from envs.interface.reward import PricingInputs, terms, total_cost

if TYPE_CHECKING:
    from agents.planners.mpc import Mpc
    from envs.controllers.base import Setpoints
    from envs.physics.namespace import Floats
    from envs.plant.flows import Flows
    from envs.signals.step import Outside


def forecast_cost(
    mpc: Mpc, flows: Flows, rack_bias_k: Floats, outside: Outside, before: Setpoints, in_force: Setpoints
) -> Floats:
    """Cost of a step ``(B,)`` [USD], inlets warmer by the bias ``(R, B)`` [K] than the twin has them.

    Parameters
    ----------
    mpc : Mpc
        Gives the prices, the channels and the length of a step.
    flows : Flows
        Of the twin.
    rack_bias_k : ndarray (R, B)
    outside : Outside
        Its prices count.
    before, in_force : dict
        Setpoints of the step before and of this one ``{channel: (k, B)}``.
    """
    zero = flows.grid_power_kw * 0.0
    warm = flows._replace(rack_inlet_max_c=flows.rack_inlet_max_c + rack_bias_k)
    judged = PricingInputs(
        price_usd_mwh=outside.price_usd_mwh,
        carbon_g_kwh=outside.carbon_g_kwh,
        demand_cost_usd=zero,
        demand_response_short_kwh=zero,
        travel_ranges=travel_ranges(mpc.agent_channels, in_force, before),
        inlet_ramp_k_h=zero,
    )
    found: Floats = total_cost(
        terms(mpc.scenario.reward, warm, judged, mpc.step_s / 3600.0), mpc.scenario.reward_weights
    )
    return found
