"""The building's own controllers: every channel that the agent does not hold is run by one of these (SCENARIOS)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.building.row_value import rack_curves
from envs.controllers.base import CombinedController, Controller
from envs.controllers.fixed import Fixed
from envs.controllers.marginal_value import Feeder, MarginalValueCaps, pieces_of
from envs.controllers.pid import FanPiController
from envs.controllers.proportional import ProportionalCaps
from envs.controllers.setpoint_reset import ChilledWaterReset, CondenserWaterReset, SupplyAirReset
from envs.controllers.three_band import ThreeBandCaps
from envs.controllers.water_filling import WaterFillingCaps
from envs.equipment.power_chain import rising_loss_frac
from envs.interface.channels import CHANNELS, Channel
from envs.physics.namespace import Floats

if TYPE_CHECKING:
    from envs.plant.layout import Layout
    from envs.scenario import Scenario

CAP_FLOOR_FRAC = 0.45  # lowest limit of a row, SCENARIOS "Channels an agent may hold"
_NO_BUDGET_KW = 1e9  # whose shares withhold nothing: the fast protection alone caps
UNDER_PROTECTION = 0.03  # of the feeder: noise of the meters, swings that the protection sees, and what the load
# moves in a step; engineering guess


def building_controller(scenario: Scenario, layout: Layout, names: Sequence[str]) -> CombinedController:
    """Rules for the channels in ``names``, with the scenario's constants."""
    parts = [loop(scenario, layout) for name, loop in LOOPS.items() if name in names]
    held = {name: [value] * layout.channels[name].rows for name, value in constants(scenario, names).items()}
    if held:
        parts.append(Fixed(held, scenario.rules.outdoor))
    return CombinedController(parts)


def _fan(s: Scenario, layout: Layout) -> Controller:
    return FanPiController(s.rules.fan, s.episode.step_s, s.rules.outdoor)


def _supply_air(s: Scenario, layout: Layout) -> Controller:
    r = s.rules
    limits = r.request_one_c, r.request_three_c
    return SupplyAirReset(r.supply_air, layout.membership, s.episode.step_s, *limits, r.outdoor)


def _chilled_water(s: Scenario, layout: Layout) -> Controller:
    return ChilledWaterReset(s.rules.chilled_water, s.episode.step_s, s.rules.outdoor)


def _condenser_water(s: Scenario, layout: Layout) -> Controller:
    return CondenserWaterReset(s.rules.condenser_water, s.rules.outdoor)


def _caps(s: Scenario, layout: Layout) -> Controller:
    return caps(s, layout, s.rules.caps)


#: The loop of each channel that has one. Every other channel is held at its row's ``start``.
LOOPS: dict[str, Callable[[Scenario, Layout], Controller]] = {
    "crah_fan_speed_frac": _fan,
    "supply_air_temp_setpoint_c": _supply_air,
    "chw_supply_temp_setpoint_c": _chilled_water,
    "cw_supply_temp_setpoint_c": _condenser_water,
    "rack_power_limit_frac": _caps,
}


def constants(scenario: Scenario, names: Iterable[str]) -> dict[str, Any]:
    """Values at which the building holds the channels that no loop drives [unit of the channel]."""
    return {name: start(CHANNELS[name], scenario) for name in names if name not in LOOPS}


def start(channel: Channel, scenario: Scenario, wet_bulb_c: Floats | float = 0.0) -> Any:
    """Value of a channel before the first action [unit of the channel].

    The wet bulb moves condenser water alone; what an outdoor reset adds is not in it.
    """
    if not isinstance(channel.start, str):
        return channel.start
    value = attrgetter(channel.start)(scenario)
    return value(wet_bulb_c) if callable(value) else value


def first_setpoints(
    scenario: Scenario, channels: Iterable[Channel], wet_bulb_c: Floats, dry_bulb_c: Floats, dtype: np.dtype
) -> dict[str, Floats]:
    """Setpoints in force before the first action, ``{channel: (k, B)}``: the start of each rule, inside the range.

    What no trim and respond will move begins where the outdoor reset has it.
    """
    n, outside = len(wet_bulb_c), {"wet_bulb_c": wet_bulb_c, "dry_bulb_c": dry_bulb_c}
    begun = {c.name: start(c, scenario, wet_bulb_c) + np.zeros((c.rows, n)) for c in channels}
    for name in begun:
        if name not in LOOPS or name == CondenserWaterReset.channel:
            begun[name] = scenario.rules.outdoor.moved(name, begun[name], outside)
    return {c.name: np.clip(begun[c.name], c.low, c.high).astype(dtype) for c in channels}


def caps(scenario: Scenario, layout: Layout, kind: str) -> Controller:
    """The rule that shares the feeder among the power rows: one of `envs.scenario.scenario.CAPS`."""
    if kind == "marginal_value":
        return marginal_value_caps(scenario, layout)
    if kind == "three_band":
        return ThreeBandCaps(layout.row_rated_kw, layout.row_priority, _feeder(scenario, layout), CAP_FLOOR_FRAC)
    if kind == "open":
        return ProportionalCaps(layout.row_rated_kw, _NO_BUDGET_KW)
    budget = layout.rack_budget_kw * scenario.rules.caps_budget_frac
    if kind == "proportional":
        return ProportionalCaps(layout.row_rated_kw, budget)
    high = scenario.rules.caps_high_frac
    return WaterFillingCaps(layout.row_rated_kw, layout.row_priority, budget, CAP_FLOOR_FRAC, high)


def marginal_value_caps(scenario: Scenario, layout: Layout) -> MarginalValueCaps:
    """Share the feeder at equal marginal value, a little under where its protection engages."""
    pieces = pieces_of(rack_curves(scenario, layout), layout.n_rows, CAP_FLOOR_FRAC)
    return MarginalValueCaps(pieces, _feeder(scenario, layout), scenario.episode.step_s, CAP_FLOOR_FRAC)


def _feeder(scenario: Scenario, layout: Layout) -> Feeder:
    """What the node that binds may carry, a little under where its protection engages: the UPS, or the whole site."""
    capper, share = scenario.capper, scenario.rules.caps_budget_frac
    limit_kw, loss_frac = layout.provisioned_kw, scenario.power.pdu_loss_frac
    bands = (capper.cap_frac - UNDER_PROTECTION) * share * limit_kw, (capper.release_frac - UNDER_PROTECTION) * limit_kw
    if layout.utility_binds:
        upstream = rising_loss_frac(scenario.power, limit_kw)
        return Feeder(*bands, layout.rated_it_kw, loss_frac + upstream, "facility_power_share")
    return Feeder(*bands, limit_kw, loss_frac)


def legacy_fixed(scenario: Scenario, layout: Layout) -> Fixed:
    """The "as found" row: fans 100 %, cold air, cold water (SCENARIOS "Legacy fixed"); never called tuned."""
    values: dict[str, list[float]] = {}
    for name, c in layout.channels.items():
        usual = c.low if c.as_found is None else c.as_found
        value = scenario.legacy_setpoints.get(name, usual)
        values[name] = [float(np.clip(value, c.low, c.high))] * c.rows
    return Fixed(values)
