"""The building's own controllers against the handbook's check values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.building.rules import caps
from envs.controllers.base import CombinedController, Controller
from envs.controllers.fixed import Fixed
from envs.controllers.pid import FanPi, FanPiController
from envs.controllers.proportional import ProportionalCaps
from envs.controllers.setpoint_reset import (
    ChilledWaterReset,
    CondenserReset,
    CondenserWaterReset,
    SupplyAirReset,
    TrimRespond,
    trim_and_respond,
)
from envs.controllers.water_filling import WaterFillingCaps
from envs.plant.datacenter import Plant
from envs.scenario import load

RATED = np.array([[600.0], [600.0], [240.0], [30.0]])
PRIORITY = [0, 2, 0, 3]
BRISK = FanPi(kp_per_k=0.06, ki_per_k_300s=0.04)  # gains whose parts are easy to tell apart
ZONES = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])


def inlet(value: float, n: int = 1, zones: int = 1) -> dict[str, np.ndarray]:
    return {"zone_inlet_max_c": np.full((zones, n), value)}


def fan(controller: FanPiController, value: float) -> float:
    return float(controller.act(inlet(value))["crah_fan_speed_frac"][0, 0])


def test_the_guideline_36_check_sequence() -> None:
    c = TrimRespond(low=13.0, high=18.0, start=18.0, trim_k=0.1, respond_k=0.2, respond_max_k=0.6, ignore=2.0)
    setpoint, seen = np.array([[18.0]]), []
    for requests in (0, 1, 3, 5, 8, 0):
        setpoint = trim_and_respond(c, setpoint, np.array([[float(requests)]]), np.array([[1e6]]))
        seen.append(round(float(setpoint[0, 0]), 6))
    assert seen == [18.0, 18.0, 17.9, 17.4, 16.9, 17.0]


def test_trim_and_respond_holds_still_through_the_start_delay() -> None:
    reset = SupplyAirReset(TrimRespond(), ZONES, 300.0)
    cool = {"rack_inlet_c": np.full((4, 1), 20.0)}
    seen = [float(reset.act(cool)["supply_air_temp_setpoint_c"][0, 0]) for _ in range(4)]
    np.testing.assert_allclose(seen, [20.0, 20.0, 20.1, 20.2])


def test_hot_racks_pull_down_the_setpoint_of_their_own_zone() -> None:
    reset = SupplyAirReset(TrimRespond(delay_s=0.0), ZONES, 300.0)
    hot = {"rack_inlet_c": np.array([[26.0], [28.0], [20.0], [20.0]])}
    np.testing.assert_allclose(reset.act(hot)["supply_air_temp_setpoint_c"][:, 0], [19.5, 20.1])


def test_starved_coils_ask_for_colder_water() -> None:
    reset = ChilledWaterReset(
        TrimRespond(low=14, high=22, start=18, trim_k=0.2, ignore=0, respond_k=0.3, respond_max_k=1.0, delay_s=0.0),
        300.0,
    )
    held = {"in_force.supply_air_temp_setpoint_c": np.full((2, 1), 20.0), "zone_supply_c": np.array([[20.5], [22.0]])}
    for valve, moved in (([0.5, 0.5], 0.2), ([0.99, 0.5], -0.1), ([0.5, 0.99], -0.7), ([0.99, 0.99], -0.8)):
        reset.reset(1)
        out = reset.act(held | {"coil_valve_frac": np.array(valve)[:, None]})
        np.testing.assert_allclose(out["chw_supply_temp_setpoint_c"], 18.0 + moved)


@pytest.mark.parametrize(("wet_bulb", "setpoint"), [(5.0, 15.6), (20.0, 23.0), (25.56, 28.56), (28.0, 29.4)])
def test_condenser_water_follows_the_wet_bulb_within_its_limits(wet_bulb: float, setpoint: float) -> None:
    out = CondenserWaterReset(CondenserReset()).act({"wet_bulb_c": np.array([[wet_bulb]])})
    np.testing.assert_allclose(out["cw_supply_temp_setpoint_c"], setpoint)


def test_the_load_aware_form_adds_three_kelvin_where_chillers_idle() -> None:
    rule = CondenserWaterReset(CondenserReset(part_load_k=3.0))
    out = rule.act({"wet_bulb_c": np.array([[15.0, 15.0]]), "chiller_plr_frac": np.array([[0.0, 1.0]])})
    np.testing.assert_allclose(out["cw_supply_temp_setpoint_c"], [[21.0, 18.0]])


def test_the_fan_loop_rests_within_its_dead_band() -> None:
    loop = FanPiController(BRISK, 300.0)
    assert [fan(loop, t) for t in (25.3, 25.7, 25.5)] == pytest.approx([0.70] * 3)


def test_the_fan_loop_adds_a_proportional_and_an_integral_part() -> None:
    loop = FanPiController(BRISK, 300.0)
    np.testing.assert_allclose([fan(loop, 26.8) for _ in range(3)], [0.80, 0.84, 0.88])
    assert fan(loop, 25.5) == pytest.approx(0.82)


def test_the_integral_gain_scales_with_the_interval() -> None:
    fast, slow = (
        FanPiController(replace(BRISK, kp_per_k=0.0), 60.0),
        FanPiController(replace(BRISK, kp_per_k=0.0), 300.0),
    )
    quick = [fan(fast, 26.8) for _ in range(5)][-1]
    assert quick == pytest.approx(fan(slow, 26.8))


def test_the_fan_loop_does_not_wind_up() -> None:
    loop = FanPiController(BRISK, 300.0)
    for _ in range(100):
        assert fan(loop, 35.0) == 1.0
    assert fan(loop, 24.2) == pytest.approx(1.0 - 0.04 - 0.06)
    for _ in range(100):
        assert fan(loop, 15.0) >= 0.30
    assert fan(loop, 26.8) == pytest.approx(0.30 + 0.04 + 0.06)


def test_the_fan_loop_starts_without_a_bump() -> None:
    loop = FanPiController(replace(BRISK, start=0.6), 300.0)
    assert fan(loop, 25.5) == pytest.approx(0.6)


def demand(n: int, seed: int = 0, low: float = 0.2) -> dict[str, np.ndarray]:
    return {"row_demand_share": np.random.default_rng(seed).uniform(low, 1.0, (4, n))}


CAPS: tuple[Callable[[float], Any], ...] = (
    lambda budget: WaterFillingCaps(RATED, PRIORITY, budget),
    lambda budget: ProportionalCaps(RATED, budget),
)


@pytest.mark.parametrize("rule", CAPS)
@pytest.mark.parametrize("budget", [700.0, 900.0, 1100.0])
def test_caps_never_let_the_rows_draw_more_than_the_budget(rule: Callable[[float], Any], budget: float) -> None:
    measured = demand(200)
    limit = rule(budget).act(measured)["rack_power_limit_frac"] * RATED
    drawn = np.minimum(limit, measured["row_demand_share"] * RATED).sum(axis=0)
    assert (drawn <= budget + 1e-6).all() and (drawn > budget * 0.9).any()


@pytest.mark.parametrize("rule", CAPS)
def test_nothing_is_capped_where_the_demand_fits(rule: Callable[[float], Any]) -> None:
    measured = demand(200)
    limit = rule(1700.0).act(measured)["rack_power_limit_frac"]
    assert (limit >= measured["row_demand_share"] - 1e-9).all()


@pytest.mark.parametrize("rule", CAPS)
def test_caps_stay_between_their_floor_and_the_rating(rule: Callable[[float], Any]) -> None:
    limit = rule(500.0).act(demand(50))["rack_power_limit_frac"]
    assert (limit >= 0.45).all() and (limit <= 1.0).all()


def test_open_caps_withhold_nothing_whatever_is_drawn() -> None:
    scenario = load("ai_factory")
    rule = caps(scenario, Plant(scenario).layout, "open")
    for share in (0.0, 0.5, 1.3):
        measured = {"row_demand_share": np.full((4, 3), share, np.float32)}
        np.testing.assert_array_equal(rule.act(measured)["rack_power_limit_frac"], 1.0)


def test_serving_is_filled_before_training_by_water_filling_alone() -> None:
    measured = {"row_demand_share": np.full((4, 1), 0.95)}
    filled, shared = (rule(1100.0).act(measured)["rack_power_limit_frac"][:, 0] for rule in CAPS)
    assert filled[1] >= 0.95 and filled[3] >= 0.95 and filled[0] < 0.8
    assert shared[1] < 0.95 and shared[0] == pytest.approx(shared[1])


STATEFUL: dict[str, tuple[Callable[[], Controller], Callable[[np.random.Generator, int], dict[str, np.ndarray]]]] = {
    "fan": (lambda: FanPiController(BRISK, 300.0), lambda g, n: {"zone_inlet_max_c": g.uniform(20, 30, (2, n))}),
    "air": (
        lambda: SupplyAirReset(TrimRespond(), ZONES, 300.0),
        lambda g, n: {"rack_inlet_c": g.uniform(20, 30, (4, n))},
    ),
    "water": (
        lambda: ChilledWaterReset(TrimRespond(), 300.0),
        lambda g, n: {
            "coil_valve_frac": g.uniform(0.8, 1, (2, n)),
            "zone_supply_c": g.uniform(18, 24, (2, n)),
            "in_force.supply_air_temp_setpoint_c": np.full((2, n), 20.0),
        },
    ),
    "caps": (
        lambda: WaterFillingCaps(RATED, PRIORITY, 900.0),
        lambda g, n: {"row_demand_share": g.uniform(0, 1, (4, n))},
    ),
}


def run(rule: Controller, tape: list[dict[str, np.ndarray]]) -> list[np.ndarray]:
    rule.reset(next(iter(tape[0].values())).shape[1])
    return [next(iter(rule.act(measured).values())) for measured in tape]


@pytest.mark.parametrize("kind", sorted(STATEFUL))
def test_a_batch_is_run_as_its_sites_one_by_one(kind: str) -> None:
    make, measure = STATEFUL[kind]
    rng = np.random.default_rng(0)
    tape = [measure(rng, 5) for _ in range(12)]
    together = run(make(), tape)
    for k in range(5):
        alone = run(make(), [{name: v[:, k : k + 1] for name, v in m.items()} for m in tape])
        for a, b in zip(together, alone):
            np.testing.assert_allclose(a[:, k : k + 1], b, rtol=1e-12)


@pytest.mark.parametrize("kind", ["air", "fan", "water"])
def test_a_masked_reset_forgets_where_the_mask_says_and_nowhere_else(kind: str) -> None:
    make, measure = STATEFUL[kind]
    rng = np.random.default_rng(1)
    tape = [measure(rng, 2) for _ in range(16)]
    reset, calm, fresh = make(), make(), make()
    run(reset, tape[:12])
    run(calm, tape[:12])
    reset.reset(2, np.array([True, False]))
    fresh.reset(2)
    for measured in tape[12:]:
        a, b, c = (next(iter(rule.act(measured).values())) for rule in (reset, calm, fresh))
        np.testing.assert_array_equal(a[:, 1], b[:, 1])
        np.testing.assert_array_equal(a[:, 0], c[:, 0])
    assert not np.array_equal(b, c)


@pytest.mark.parametrize("kind", sorted(STATEFUL))
def test_a_rule_answers_in_the_precision_it_is_asked_in(kind: str) -> None:
    make, measure = STATEFUL[kind]
    measured = {k: v.astype(np.float32) for k, v in measure(np.random.default_rng(0), 3).items()}
    rule = make()
    rule.reset(3)
    assert all(v.dtype == np.float32 for _ in range(4) for v in rule.act(measured).values())


def test_two_controllers_cannot_write_one_channel() -> None:
    twice = CombinedController([Fixed({"tcs_pump_speed_frac": [1.0]}), Fixed({"tcs_pump_speed_frac": [0.9]})])
    with pytest.raises(ValueError, match="two controllers write channel 'tcs_pump_speed_frac'"):
        twice.act({"dry_bulb_c": np.zeros((1, 2))})
