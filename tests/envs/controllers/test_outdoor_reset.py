"""Outdoor reset: setpoints that follow the wet bulb, and rules that stand still where it is off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.building.rules import building_controller, first_setpoints
from envs.controllers.base import CombinedController
from envs.controllers.fixed import Fixed
from envs.controllers.outdoor_reset import OutdoorReset
from envs.controllers.pid import FanPi, FanPiController
from envs.controllers.plain_rule import plain_rule, rule_from
from envs.controllers.setpoint_reset import CondenserReset, CondenserWaterReset, SupplyAirReset, TrimRespond
from envs.core import DataCenterCore
from envs.scenario import SHIPPED, load

WET_BULB = np.array([[-5.0, 5.0, 10.0, 25.0]])  # all of the reset, three quarters, half, none
LINE = OutdoorReset(cold_c=0.0, warm_c=20.0, fan_frac=0.2, supply_air_k=-4.0, condenser_water_k=-2.0, tcs_k=-4.0)
SHARE = np.array([1.0, 0.75, 0.5, 0.0])


def test_the_whole_is_added_in_the_cold_nothing_in_the_warm_and_a_share_between() -> None:
    np.testing.assert_allclose(LINE.added("tcs_supply_temp_setpoint_c", {"wet_bulb_c": WET_BULB})[0], -4.0 * SHARE)


def test_a_channel_without_a_reset_needs_no_wet_bulb() -> None:
    assert OutdoorReset().added("tcs_supply_temp_setpoint_c", {}) == 0.0
    assert LINE.added("rack_power_limit_frac", {}) == 0.0


def test_the_upper_end_of_the_supply_air_follows_the_wet_bulb() -> None:
    loop = SupplyAirReset(
        TrimRespond(low=18.0, high=24.0, start=24.0, delay_s=0.0), np.ones((1, 1)), 300.0, outdoor=LINE
    )
    seen = loop.act({"rack_inlet_c": np.full((1, 4), 20.0), "wet_bulb_c": WET_BULB})["supply_air_temp_setpoint_c"]
    np.testing.assert_allclose(seen[0], 24.0 - 4.0 * SHARE)


def test_the_upper_end_never_falls_below_the_lower_one() -> None:
    loop = SupplyAirReset(
        TrimRespond(low=18.0, high=20.0, start=20.0, delay_s=0.0), np.ones((1, 1)), 300.0, outdoor=LINE
    )
    seen = loop.act({"rack_inlet_c": np.full((1, 4), 20.0), "wet_bulb_c": WET_BULB})["supply_air_temp_setpoint_c"]
    np.testing.assert_allclose(seen[0], [18.0, 18.0, 18.0, 20.0])


def test_the_lowest_fan_speed_follows_the_wet_bulb() -> None:
    loop = FanPiController(FanPi(low=0.4, start=0.4), 300.0, LINE)
    cool = {"zone_inlet_max_c": np.full((1, 4), 20.0), "wet_bulb_c": WET_BULB}
    np.testing.assert_allclose(loop.act(cool)["crah_fan_speed_frac"][0], 0.4 + 0.2 * SHARE)


def test_condenser_water_and_what_no_loop_drives_follow_it_too() -> None:
    measured = {"wet_bulb_c": WET_BULB, "dry_bulb_c": WET_BULB}
    condenser = CondenserWaterReset(CondenserReset(), LINE).act(measured)["cw_supply_temp_setpoint_c"][0]
    np.testing.assert_allclose(condenser, np.clip(WET_BULB[0] + 3.0, 15.6, 29.4) - 2.0 * SHARE)
    coolant = Fixed({"tcs_supply_temp_setpoint_c": [30.0]}, LINE).act(measured)["tcs_supply_temp_setpoint_c"]
    np.testing.assert_allclose(coolant[0], 30.0 - 4.0 * SHARE)


def test_facility_water_keeps_its_distance_to_warm_air_and_its_line_in_cool_air() -> None:
    water = OutdoorReset(fws_over_air_k=4.5, cold_c=0.0, warm_c=20.0, fws_k=-4.0)
    measured = {"wet_bulb_c": WET_BULB, "dry_bulb_c": np.array([[0.0, 10.0, 29.5, 33.0]])}
    held = Fixed({"fws_supply_temp_setpoint_c": [34.0]}, water).act(measured)["fws_supply_temp_setpoint_c"]
    np.testing.assert_allclose(held[0], [30.0, 31.0, 34.0, 37.5])
    coolant = Fixed({"tcs_supply_temp_setpoint_c": [34.0]}, water).act(measured)["tcs_supply_temp_setpoint_c"]
    np.testing.assert_allclose(coolant[0], 34.0)


def test_a_distance_to_the_air_travels_in_a_bundle_and_in_the_hash_and_none_leaves_both_as_they_were() -> None:
    for reset, told in ((LINE, False), (replace(LINE, fws_over_air_k=4.5), True)):
        rule = CombinedController([Fixed({"fws_supply_temp_setpoint_c": [34.0]}, reset)])
        [part] = plain_rule(rule)
        assert ("fws_over_air_k" in part["outdoor"]) is told
        assert rule_from([part]).parts[0].outdoor == reset
    scenario = load("liquid_hall")
    other = replace(scenario, rules=replace(scenario.rules, outdoor=OutdoorReset(fws_over_air_k=4.5)))
    assert "fws_over_air_k" not in scenario.hashed_parts()["rules"]["outdoor"] and scenario.hash() != other.hash()


def test_an_episode_begins_where_the_reset_has_the_coolant() -> None:
    scenario = load("ai_hall")
    scenario = replace(scenario, rules=replace(scenario.rules, outdoor=LINE))
    core = DataCenterCore(scenario, 1)
    begun = first_setpoints(scenario, core.channels, WET_BULB[0], WET_BULB[0], core.dtype)
    np.testing.assert_allclose(begun["tcs_supply_temp_setpoint_c"][0], scenario.rules.tcs_setpoint_c - 4.0 * SHARE)


@pytest.mark.parametrize("name", [n for n in SHIPPED if n != "ai_factory_feeder"])  # it is given tuned rules
def test_the_rules_as_given_reset_nothing_by_outdoor_air(name: str) -> None:
    core = DataCenterCore(name, 2, ["site.workload_weeks=1"])
    core.reset(seed=0)
    cold, warm = ({**core.measured, "wet_bulb_c": np.full_like(core.measured["wet_bulb_c"], t)} for t in (-5.0, 16.0))
    for channel in core.channels:
        if channel.name != CondenserWaterReset.channel:
            rule = building_controller(core.scenario, core.plant.layout, [channel.name])
            first = rule.act(cold)[channel.name]
            rule.reset(2)
            np.testing.assert_array_equal(first, rule.act(warm)[channel.name])
