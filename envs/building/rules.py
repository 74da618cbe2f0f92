"""The building's own controllers: every channel that the agent does not hold is run by one of these (SCENARIOS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from envs.building.row_value import rack_curves
from envs.controllers.base import Controller, Together
from envs.controllers.fixed import Fixed
from envs.controllers.marginal_value import Feeder, MarginalValueCaps, pieces_of
from envs.controllers.pid import FanPiController
from envs.controllers.proportional import ProportionalCaps
from envs.controllers.setpoint_reset import ChilledWaterReset, CondenserWaterReset, SupplyAirReset
from envs.controllers.water_filling import WaterFillingCaps

if TYPE_CHECKING:
    from envs.plant.layout import Layout
    from envs.scenario import Scenario

CAP_FLOOR_FRAC = 0.45  # lowest limit of a row, SCENARIOS "Channels an agent may hold"
UNDER_PROTECTION = 0.015  # of the feeder: noise of the meters, and what the load moves in a step; engineering guess


def building_controller(scenario: Scenario, layout: Layout, names: Sequence[str]) -> Together:
    """Rules for the channels in ``names``, with the scenario's constants."""
    rules = scenario.rules
    held = set(names)
    parts: list[Controller] = []
    if "crah_fan_speed_frac" in held:
        parts.append(FanPiController(rules.fan, scenario.episode.step_s))
    if "supply_air_temp_setpoint_c" in held:
        parts.append(
            SupplyAirReset(
                rules.supply_air, layout.membership, scenario.episode.step_s, rules.request_one_c, rules.request_three_c
            )
        )
    if "chw_supply_temp_setpoint_c" in held:
        parts.append(ChilledWaterReset(rules.chilled_water, scenario.episode.step_s))
    if "cw_supply_temp_setpoint_c" in held:
        parts.append(CondenserWaterReset(rules.condenser_water))
    if "rack_power_limit_frac" in held:
        parts.append(caps(scenario, layout, rules.caps))
    constants = {
        "fws_supply_temp_setpoint_c": rules.fws_setpoint_c,
        "tcs_supply_temp_setpoint_c": rules.tcs_setpoint_c,
        "tcs_pump_speed_frac": rules.tcs_pump_speed_frac,
        "battery_power_kw": 0.0,
    }
    fixed = {name: [value] for name, value in constants.items() if name in held}
    if fixed:
        parts.append(Fixed(fixed))
    return Together(parts)


def caps(scenario: Scenario, layout: Layout, kind: str) -> Controller:
    """The rule that shares the feeder among the power rows: one of `envs.scenario.CAPS`."""
    if kind == "marginal_value":
        return marginal_value_caps(scenario, layout)
    budget = layout.rack_budget_kw * scenario.rules.caps_budget_frac
    if kind == "proportional":
        return ProportionalCaps(layout.row_rated_kw, budget)
    return WaterFillingCaps(layout.row_rated_kw, layout.row_priority, budget)


def marginal_value_caps(scenario: Scenario, layout: Layout) -> MarginalValueCaps:
    """Share the feeder at equal marginal value, a little under where its protection engages."""
    capper, share = scenario.capper, scenario.rules.caps_budget_frac
    feeder = Feeder(
        (capper.cap_frac - UNDER_PROTECTION) * share * layout.feeder_limit_kw,
        (capper.release_frac - UNDER_PROTECTION) * layout.feeder_limit_kw,
        layout.feeder_limit_kw,
        scenario.power.pdu_loss_frac,
    )
    pieces = pieces_of(rack_curves(scenario, layout), layout.n_rows, CAP_FLOOR_FRAC)
    return MarginalValueCaps(pieces, feeder, scenario.episode.step_s, CAP_FLOOR_FRAC)


def legacy_fixed(scenario: Scenario, layout: Layout) -> Fixed:
    """The "as found" row: fans 100 %, cold air, cold water (SCENARIOS "Legacy fixed"); never called tuned."""
    values: dict[str, list[float]] = {}
    found = scenario.legacy_setpoints
    for name in layout.channel_names:
        low, high = layout.channel_ranges[name]
        value = found.get(
            name, {"rack_power_limit_frac": 1.0, "tcs_pump_speed_frac": 1.0, "battery_power_kw": 0.0}.get(name, low)
        )
        rows = layout.rows[layout.channel_per[name]]
        values[name] = [float(np.clip(value, low, high))] * rows
    return Fixed(values)
