"""What an agent sees: every point's range, its scaling to the box, its order, what binds a policy to it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from agents.policy import interface_of
from envs.core import DataCenterCore
from envs.interface.channels import table_hash
from envs.interface.interface import POSSIBLE_BY_NAME, POSSIBLE_BY_UNIT, possible_range
from envs.interface.observation import ObservationEncoder
from envs.interface.points import Point
from envs.scenario import SHIPPED

#: A policy is bound to these: one that moves makes every trained network read other numbers.
RANGES: dict[str, tuple[float, float]] = {
    "job_running_share": (0, 1),
    "job_restarting_share": (0, 1),
    "job_paused_share": (0, 1),
    "job_flexible_share": (0, 1),
    "job_ending_share": (0, 1),
    "job_waiting_share": (0, 4),
    "job_waiting_h": (0, 48),
    "job_largest_waiting_share": (0, 1),
    "job_oldest_wait_h": (0, 24),
    "rack_inlet_c": (10, 45),
    "zone_inlet_max_c": (10, 45),
    "zone_supply_c": (8, 40),
    "zone_return_c": (15, 60),
    "zone_fan_speed_frac": (0, 1),
    "zone_aisle_pressure_pa": (-100, 100),
    "coil_valve_frac": (0, 1),
    "room_dew_point_c": (-15, 25),
    "chw_supply_c": (4, 30),
    "chw_return_c": (6, 40),
    "chiller_plr_frac": (0, 1.1),
    "chillers_running": (0, 4),
    "economizer_on": (0, 1),
    "economizer_hold_frac": (0, 1),
    "chiller_hold_frac": (0, 1),
    "cw_supply_c": (8, 40),
    "tower_fan_speed_frac": (0, 1),
    "tower_cells_running": (0, 4),
    "tower_hold_frac": (0, 1),
    "fws_supply_c": (10, 50),
    "dry_cooler_fan_speed_frac": (0, 1),
    "dry_cooler_pad_on": (0, 1),
    "tcs_supply_c": (15, 60),
    "tcs_return_c": (20, 70),
    "cdu_valve_frac": (0, 1),
    "chip_max_c": (20, 105),
    "it_power_share": (0, 1.1),
    "facility_power_share": (0, 1.8),
    "row_power_share": (0, 1.1),
    "row_demand_share": (0, 1.1),
    "feeder_load_frac": (0, 1.3),
    "breaker_memory_frac": (0, 1.1),
    "capper_engaged": (0, 1),
    "rack_down_frac": (0, 1),
    "restart_frac": (0, 1),
    "backlog_training_h": (0, 24),
    "backlog_batch_h": (0, 48),
    "batch_ahead_h": (0, 48),
    "battery_soc_frac": (0, 1),
    "billing_peak_share": (0, 1.8),
    "demand_window_share": (0, 1.8),
    "demand_window_elapsed_frac": (0, 1),
    "zone_air_supply_frac": (0, 3),
    "site_elevation_m": (-400, 5000),
    "dry_bulb_c": (-25, 50),
    "wet_bulb_c": (-25, 35),
    "price_usd_mwh": (-50, 350),
    "carbon_g_kwh": (0, 900),
    "dr_active": (0, 1),
    "dr_reduction_frac": (0, 0.3),
    "dr_announced_frac": (0, 0.3),
    "dr_starts_in_h": (0, 2),
    "dr_ends_in_h": (0, 6),
    "hour_sin": (-1, 1),
    "hour_cos": (-1, 1),
    "week_sin": (-1, 1),
    "week_cos": (-1, 1),
    "forecast_wet_bulb_1h_c": (-25, 35),
    "forecast_wet_bulb_4h_c": (-25, 35),
    "forecast_price_4h_usd_mwh": (-50, 350),
}


@cache
def core_of(scenario: str) -> DataCenterCore:
    """A core that sees forecasts, after its first step."""
    core = DataCenterCore(scenario, 2, ["forecast=true", "site.demand_response_per_year=20"], dtype="float64")
    core.reset(seed=4)
    core.step_setpoints({})
    return core


def observer_of(scenario: str) -> ObservationEncoder:
    return core_of(scenario).observer


def as_observed(observer: ObservationEncoder, **values: Any) -> np.ndarray:
    """Observation of one site whose points stand in the middle of their ranges, but for ``values``."""
    middle = {p.name: np.full((p.rows, 1), 0.5 * (p.low + p.high)) for p in observer.points}
    block = observer.stack({**middle, **values}, 1, np.dtype("float64"))
    return observer.encode(block)[0]


def elements(observer: ObservationEncoder, name: str) -> list[int]:
    return [i for i, element in enumerate(observer.element_names) if element.partition("[")[0] == name]


def test_every_point_has_the_range_that_policies_are_bound_to() -> None:
    met = {
        p.name: (p.low, p.high) for s in SHIPPED for p in observer_of(s).points if not p.name.startswith("in_force.")
    }
    assert met == {name: RANGES[name] for name in met}
    assert set(RANGES) - set(met) <= {"battery_soc_frac"}


@pytest.mark.parametrize("scenario", SHIPPED)
def test_setpoints_in_force_are_seen_over_their_channels_range(scenario: str) -> None:
    core = core_of(scenario)
    points = {p.name: (p.low, p.high, p.rows) for p in core.observer.points}
    for c in core.channels:
        assert points[f"in_force.{c.name}"] == (c.low, c.high, c.rows)


@pytest.mark.parametrize("scenario", SHIPPED)
def test_each_point_is_minus_one_at_its_low_one_at_its_high_and_clipped_beyond(scenario: str) -> None:
    observer = observer_of(scenario)
    for p in observer.points:
        where = elements(observer, p.name)
        assert len(where) == (p.rows if p.observed else 0)
        span = p.high - p.low
        steps = {p.low: -1.0, p.high: 1.0, p.low + 0.25 * span: -0.5, p.low - span: -1.0, p.high + span: 1.0}
        for value, scaled in steps.items():
            seen = as_observed(observer, **{p.name: np.full((p.rows, 1), value)})
            np.testing.assert_allclose(seen[where], scaled, atol=1e-6, err_msg=f"{p.name} at {value}")
            others = np.delete(seen, where)
            np.testing.assert_allclose(others, 0.0, atol=1e-6, err_msg=f"{p.name} is seen elsewhere")


@pytest.mark.parametrize("scenario", SHIPPED)
def test_elements_stand_in_the_order_of_their_names(scenario: str) -> None:
    observer = observer_of(scenario)
    values = {}
    for number, p in enumerate(observer.points):
        share = (number + np.arange(p.rows) / 100.0)[:, None] / 100.0  # of the range: another for each row
        values[p.name] = p.low + share * (p.high - p.low)
    seen = as_observed(observer, **values)
    order = {p.name: number for number, p in enumerate(observer.points)}
    named = [name.partition("[") for name in observer.element_names]
    expected = [2.0 * (order[name] + int(row[:-1] or 0) / 100.0) / 100.0 - 1.0 for name, _, row in named]
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_racks_are_measured_for_the_rules_and_not_seen_by_the_agent() -> None:
    core = core_of("ai_hall")
    assert core.measurements()["rack_inlet_c"].shape == (core.plant.layout.n_racks, 2)
    assert not elements(core.observer, "rack_inlet_c")


def test_an_observation_is_fresh_float32_in_the_box() -> None:
    core = core_of("edge_room")
    block = np.full((core.observer.rows, 2), 1e9)
    seen = core.observer.encode(block)
    assert seen.dtype == np.float32 and seen.shape == (2, core.observer.size) == (2, len(core.observer.element_names))
    assert seen.max() == 1.0
    seen[:] = 0.0
    assert block.min() == 1e9


def test_a_block_comes_apart_as_it_was_stacked() -> None:
    observer = observer_of("edge_room")
    values = {p.name: np.full((p.rows, 3), float(i)) for i, p in enumerate(observer.points)}
    parts = observer.unstack(observer.stack(values, 3, np.dtype("float64")))
    assert list(parts) == [p.name for p in observer.points]
    for name, value in values.items():
        np.testing.assert_array_equal(parts[name], value)


@pytest.mark.parametrize("field", ["low", "high"])
def test_a_range_that_moves_is_seen_by_what_binds_a_policy(field: str) -> None:
    whole = interface_of(core_of("edge_room"))
    last = whole.observer.points[-1]
    points = [*whole.observer.points[:-1], replace(last, **{field: getattr(last, field) + 0.1})]
    assert replace(whole, observer=ObservationEncoder(points)).plain()["points"] != whole.plain()["points"]
    same = ObservationEncoder(whole.observer.points)
    assert replace(whole, observer=same).plain()["points"] == whole.plain()["points"]


@pytest.mark.parametrize("field", ["low", "high", "slew_up", "slew_down"])
def test_a_channel_that_moves_has_another_hash(field: str) -> None:
    channels = core_of("edge_room").agent_channels
    moved = replace(channels[0], **{field: getattr(channels[0], field) - 0.05})
    if getattr(moved, field) == getattr(channels[0], field):  # a free slew stays free
        moved = replace(channels[0], **{field: 0.05})
    hashes = {table_hash(channels), table_hash([moved, *channels[1:]]), table_hash(channels[::-1])}
    assert len(hashes) == 3 and all(len(h) == 12 for h in hashes)


def test_the_forecast_is_what_the_weather_and_the_price_will_be() -> None:
    core = DataCenterCore("edge_room", 1, ["forecast=true"], dtype="float64")
    core.reset(seed=1)
    per_hour = round(3600.0 / core.step_s)
    said, came = [], []
    for _ in range(4 * per_hour + 3):
        core.step_setpoints({})
        seen = core.measurements()
        said.append([seen[f"forecast_{n}"][0, 0] for n in ("wet_bulb_1h_c", "wet_bulb_4h_c", "price_4h_usd_mwh")])
        came.append([seen["price_usd_mwh"][0, 0]])
    assert said[0][2] == came[4 * per_hour][0] and said[2][2] == came[4 * per_hour + 2][0]
    assert said[3 * per_hour][0] == said[0][1]  # in three hours, the hour ahead is what four hours ahead were
    assert len({s[0] for s in said}) > per_hour


def test_without_the_scenarios_word_no_forecast_is_seen() -> None:
    core = DataCenterCore("edge_room", 1)
    assert not [p.name for p in core.observer.points if p.name.startswith("forecast")]


def test_what_is_not_observed_may_stand_last() -> None:
    seen, unseen = Point("a_c", "site", 0.0, 10.0, "degC", rows=2), Point("b_c", "site", 0.0, 1.0, "degC", rows=1)
    encoder = ObservationEncoder([seen, replace(unseen, observed=False)])
    np.testing.assert_array_equal(encoder.encode(np.array([[0.0], [10.0], [7.0]])), [[-1.0, 1.0]])


@pytest.mark.parametrize("name", POSSIBLE_BY_NAME)
def test_what_a_point_may_read_holds_all_that_it_usually_shows(name: str) -> None:
    low, high = POSSIBLE_BY_NAME[name]
    usual_low, usual_high = RANGES[name]
    assert low <= usual_low < usual_high <= high


def test_every_unit_may_read_less_than_nothing_and_its_ends_stand_in_order() -> None:
    assert {unit for unit, (low, high) in POSSIBLE_BY_UNIT.items() if low < 0.0 < high} == set(POSSIBLE_BY_UNIT)


def test_a_setpoint_in_force_is_believed_half_its_range_beyond_either_end() -> None:
    fan = next(p for p in observer_of("edge_room").points if p.name == "in_force.crah_fan_speed_frac")
    half = 0.5 * (fan.high - fan.low)
    assert possible_range(fan) == pytest.approx((fan.low - half, fan.high + half))
