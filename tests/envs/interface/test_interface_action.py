"""Box to field: every encoding, its inverse, water-filling and slew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.interface.action import (
    ActionDecoder,
    channel_travel,
    next_in_force,
    travel_ranges,
    value_in_force,
    water_fill,
)
from envs.interface.channels import CHANNELS, bind_channels, table_hash

ROWS = {"site": 1, "zone": 2, "row": 3, "class": 2}
RATED = np.array([[600.0], [300.0], [50.0]])
FEEDER = 700.0


def decoder(name: str, encoding: str = "absolute") -> ActionDecoder:
    return ActionDecoder(bind_channels([name], ROWS, {}, {name: encoding}), RATED, FEEDER)


def decoded(
    name: str, encoding: str, actions: np.ndarray, force: float = 20.0, demand: np.ndarray | None = None
) -> np.ndarray:
    made = decoder(name, encoding)
    n, rows = len(actions), made.channels[0].rows
    demand = np.zeros((3, n)) if demand is None else demand
    wet_bulb = np.linspace(10.0, 20.0, n)
    return made.decode(np.asarray(actions, float), {name: np.full((rows, n), force)}, wet_bulb, demand, 300.0)[name]


def test_absolute_maps_the_box_onto_the_range_and_back() -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    value = decoded("supply_air_temp_setpoint_c", "absolute", actions)
    np.testing.assert_allclose((value - 18.0) / 9.0 * 2.0 - 1.0, actions.T, atol=1e-12)
    edges = decoded("crah_fan_speed_frac", "absolute", np.array([[-1.0, 1.0]]))
    np.testing.assert_allclose(edges[:, 0], [0.30, 1.0])


def test_delta_moves_the_value_in_force_by_up_to_the_slew() -> None:
    value = decoded("chw_supply_temp_setpoint_c", "delta", np.array([[-1.0], [0.0], [0.5], [1.0]]), force=18.0)
    np.testing.assert_allclose(value[0], [17.5, 18.0, 18.25, 18.5])


def test_a_delta_that_is_free_upwards_may_cross_the_whole_range() -> None:
    value = decoded("crah_fan_speed_frac", "delta", np.array([[1.0, -1.0]]), force=0.5)
    np.testing.assert_allclose(value[:, 0], [1.2, 0.4])


def test_approach_is_two_to_ten_kelvin_over_the_wet_bulb() -> None:
    value = decoded("cw_supply_temp_setpoint_c", "approach", np.array([[-1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(value[0] - np.linspace(10.0, 20.0, 3), [2.0, 6.0, 10.0])


def test_feeder_share_takes_one_element_and_shares_by_water_filling() -> None:
    name = "rack_power_limit_frac"
    made = decoder(name, "feeder_share")
    assert made.size == 1
    demand = np.array([[500.0], [250.0], [40.0]])
    kw = decoded(name, "feeder_share", np.array([[0.0]]), demand=demand) * RATED
    budget = (0.45 + 0.5 * 0.55) * FEEDER
    np.testing.assert_allclose(np.minimum(kw, demand).sum(), budget)
    np.testing.assert_allclose(kw[0], kw[1])
    np.testing.assert_allclose(np.minimum(kw, demand)[2], 40.0)


def test_channels_are_read_from_the_box_in_the_order_of_the_table() -> None:
    names = ["crah_fan_speed_frac", "chw_supply_temp_setpoint_c", "rack_power_limit_frac"]
    made = ActionDecoder(bind_channels(names, ROWS, {}, {}), RATED, FEEDER)
    box = np.array([[-1.0, 1.0, 0.0, 1.0, -1.0, 0.0]])
    force = {n: np.zeros((1, 1)) for n in names}
    out = made.decode(box, force, np.zeros(1), np.zeros((3, 1)), 300.0)
    np.testing.assert_allclose(out["crah_fan_speed_frac"][:, 0], [0.3, 1.0])
    np.testing.assert_allclose(out["chw_supply_temp_setpoint_c"][:, 0], [18.0])
    np.testing.assert_allclose(out["rack_power_limit_frac"][:, 0], [1.0, 0.45, 0.725])


def test_float32_stays_float32() -> None:
    for name, encoding in (
        ("crah_fan_speed_frac", "delta"),
        ("rack_power_limit_frac", "feeder_share"),
        ("cw_supply_temp_setpoint_c", "approach"),
    ):
        made = ActionDecoder(bind_channels([name], ROWS, {}, {name: encoding}), RATED.astype(np.float32), FEEDER)
        f32 = np.zeros((made.channels[0].rows, 2), np.float32)
        out = made.decode(np.zeros((2, made.size)), {name: f32}, f32[0], np.ones((3, 2), np.float32), 300.0)
        assert out[name].dtype == np.float32
        assert value_in_force(made.channels[0], out[name], f32, 300.0).dtype == np.float32


loads = st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(loads, st.floats(0.0, 4000.0))
def test_water_filling_hands_out_the_budget_or_the_demand_exactly(demand: list[float], budget: float) -> None:
    d = np.array(demand)[:, None]
    cap = water_fill(d, np.array([[budget]]))
    np.testing.assert_allclose(np.minimum(d, cap).sum(), min(budget, d.sum()), rtol=1e-9, atol=1e-7)
    assert (cap >= 0.0).all()


@settings(max_examples=100, deadline=None)
@given(loads, st.floats(0.0, 4000.0))
def test_no_row_is_capped_below_another_that_asks_no_more(demand: list[float], budget: float) -> None:
    d = np.array(demand)[:, None]
    served = np.minimum(d, water_fill(d, np.array([[budget]])))[:, 0]
    order = np.argsort(d[:, 0], kind="stable")
    assert (np.diff(served[order]) >= -1e-6).all()


def test_water_filling_of_a_batch_is_water_filling_one_by_one() -> None:
    rng = np.random.default_rng(0)
    demand, budget = rng.uniform(0, 100, (5, 40)), rng.uniform(0, 500, (1, 40))
    together = water_fill(demand, budget)
    alone = np.concatenate([water_fill(demand[:, k : k + 1], budget[:, k : k + 1]) for k in range(40)], axis=1)
    np.testing.assert_array_equal(together, alone)


def test_a_slew_binds_one_way_and_the_range_both() -> None:
    fan = bind_channels(["crah_fan_speed_frac"], ROWS, {}, {})[0]
    now = np.full((2, 1), 0.8)
    np.testing.assert_allclose(value_in_force(fan, now * 0.0, now, 300.0), 0.7)
    np.testing.assert_allclose(value_in_force(fan, now * 0.0, now, 60.0), 0.78)
    np.testing.assert_allclose(value_in_force(fan, now * 9.0, now, 60.0), 1.0)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_every_channel_stays_in_its_range_whatever_is_asked(name: str) -> None:
    channel = bind_channels([name], ROWS, {}, {})[0]
    inside = np.full((channel.rows, 2), 0.5 * (channel.low + channel.high))
    for target in (-1e9, 1e9):
        value = value_in_force(channel, inside * 0.0 + target, inside, 300.0)
        assert (value >= channel.low).all() and (value <= channel.high).all()


@pytest.mark.parametrize(
    ("names", "ranges", "encodings", "words"),
    [
        (["fan"], {}, {}, "names: channel 'fan' is unknown; choose one of"),
        (["crah_fan_sped_frac"], {}, {}, "names: .*did you mean 'crah_fan_speed_frac'"),
        ([], {"fan": [0.0, 1.0]}, {}, "ranges: channel 'fan' is unknown"),
        ([], {}, {"fan": "delta"}, "encodings: channel 'fan' is unknown"),
        (["crah_fan_speed_frac"] * 2, {}, {}, "names: channel 'crah_fan_speed_frac' stands twice"),
        (["crah_fan_speed_frac"], {"crah_fan_speed_frac": [1.0, 0.5]}, {}, "is empty"),
        (["crah_fan_speed_frac"], {}, {"crah_fan_speed_frac": "log"}, "encoding 'log' is unknown"),
        (["crah_fan_speed_frac"], {}, {"crah_fan_speed_frac": "approach"}, r"only for \['cw_supply_temp_setpoint_c'\]"),
        (["crah_fan_speed_frac"], {}, {"crah_fan_speed_frac": "feeder_share"}, r"only for \['rack_power_limit_frac'\]"),
    ],
)
def test_a_table_that_cannot_be_bound_says_why(names: list[str], ranges: dict, encodings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bind_channels(names, ROWS, ranges, encodings)


def test_another_table_has_another_hash() -> None:
    one, other = (
        bind_channels(["crah_fan_speed_frac"], ROWS, r, {}) for r in ({}, {"crah_fan_speed_frac": [0.4, 1.0]})
    )
    assert table_hash(one) != table_hash(other) and table_hash(one) == table_hash(tuple(one))


def test_setpoints_that_nobody_asks_for_stay_and_the_others_go_as_far_as_their_slew() -> None:
    channels = bind_channels(["crah_fan_speed_frac", "chw_supply_temp_setpoint_c"], ROWS, {}, {})
    before = {"crah_fan_speed_frac": np.full((2, 3), 0.8), "chw_supply_temp_setpoint_c": np.full((1, 3), 18.0)}
    found = next_in_force(channels, {"chw_supply_temp_setpoint_c": np.full((1, 3), 22.0)}, before, 300.0)
    np.testing.assert_array_equal(found["crah_fan_speed_frac"], before["crah_fan_speed_frac"])
    np.testing.assert_allclose(found["chw_supply_temp_setpoint_c"], 18.5)


def test_travel_is_the_mean_of_a_channel_s_rows_in_full_ranges_summed_over_channels() -> None:
    fan, chw = bind_channels(["crah_fan_speed_frac", "chw_supply_temp_setpoint_c"], ROWS, {}, {})
    before = {fan.name: np.array([[0.3], [0.3]]), chw.name: np.array([[14.0]])}
    after = {fan.name: np.array([[1.0], [0.3]]), chw.name: np.array([[18.0]])}
    np.testing.assert_allclose(channel_travel(fan, after[fan.name], before[fan.name]), [0.5])
    np.testing.assert_allclose(travel_ranges((fan, chw), after, before), [1.0])
    np.testing.assert_allclose(travel_ranges((fan, chw), before, after), [1.0])


@pytest.mark.parametrize("encoding", ["absolute", "delta"])
def test_an_action_beyond_the_box_is_its_edge(encoding: str) -> None:
    beyond, edge = (decoded("chw_supply_temp_setpoint_c", encoding, x * np.array([[-1.0], [1.0]])) for x in (1.7, 1.0))
    np.testing.assert_array_equal(beyond, edge)


def test_a_masked_action_is_refused_with_its_place_and_a_mask_of_nothing_is_none() -> None:
    made, calm = decoder("crah_fan_speed_frac"), np.zeros((2, 2))
    np.testing.assert_array_equal(made.box(np.ma.masked_array(calm), 2, np.float32), calm.T)
    with pytest.raises(ValueError, match=r"action at \[1, 0\] \(environment, number\) is masked"):
        made.box(np.ma.masked_array(calm, [[False, False], [True, False]]), 2, np.float32)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_action_that_is_not_finite_is_named_with_its_environment(wrong: float) -> None:
    actions = np.zeros((3, 2))
    actions[2, 1] = wrong
    with pytest.raises(ValueError, match=rf"action 1 of environment 2 is {wrong}; give a finite number"):
        decoder("crah_fan_speed_frac").box(actions, 3, np.float32)
