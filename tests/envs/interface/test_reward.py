"""Every price of the reward, its tolerance, its constants and its sum; expected dollars are worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.interface.reward import (
    TERM_NAMES,
    PricingInputs,
    RewardConfig,
    check_weights,
    closing_cost,
    refill_price,
    terms,
    tolerance,
    total,
    total_cost,
)

PRICES = RewardConfig(
    carbon_usd_t=20.0,
    water_usd_m3=4.0,
    blowdown_usd_m3=2.0,
    interactive_lost_usd_h=3.0,
    training_lost_usd_h=2.4,
    training_delay_usd_h2=0.05,
    batch_lost_usd_h=1.2,
    inlet_limit_c=27.0,
    inlet_margin_k=5.0,
    inlet_usd_rack_h=10.0,
    ramp_limit_k_h=20.0,
    ramp_usd_h=2.0,
    coolant_margin_k=3.0,
    coolant_usd_h=20.0,
    branch_usd_kwh=5.0,
    trip_usd=200.0,
    dr_penalty_usd_kwh=1.0,
    travel_usd=0.02,
)
STEP_H = 0.25
PRETRAIN, FINETUNE, PREFILL, DECODE, BATCH, CPU = range(6)


def flows(**changed: Any) -> SimpleNamespace:
    """A step of one site with three racks and six work classes in which nothing costs anything."""
    site = ("grid_power_kw", "reference_it_kw", "makeup_kg", "blowdown_kg")
    site += ("coolant_excess_k", "limit_excess_kwh", "trips")
    quiet = {name: np.zeros(1) for name in site} | {"rack_inlet_max_c": np.full((3, 1), 22.0)}
    quiet |= {name: np.zeros((6, 1)) for name in ("work_demanded", "work_done", "work_lost", "backlog")}
    return SimpleNamespace(**{**quiet, **changed})


def judged(**changed: float) -> PricingInputs:
    """Beside the flows: nothing happened, energy costs 50 USD/MWh and carries 400 g/kWh."""
    names = ("demand_cost_usd", "demand_response_short_kwh", "travel_ranges", "inlet_ramp_k_h")
    quiet = {**dict.fromkeys(names, 0.0), "price_usd_mwh": 50.0, "carbon_g_kwh": 400.0}
    return PricingInputs(**{name: np.full(1, value) for name, value in {**quiet, **changed}.items()})


def of_class(k: int, hours: float) -> np.ndarray:
    work = np.zeros((6, 1))
    work[k] = hours
    return work


def priced(**changed: Any) -> dict[str, float]:
    """Terms [USD] of a quarter of an hour; names of ``PricingInputs`` go there, the others to the flows."""
    beside = {name: changed.pop(name) for name in list(changed) if name in PricingInputs.__dataclass_fields__}
    found = terms(PRICES, flows(**changed), judged(**beside), STEP_H)
    return {name: float(value[0]) for name, value in found.items()}


def hot(*inlets: float) -> np.ndarray:
    return np.array(inlets)[:, None]


CASES: tuple[tuple[str, dict[str, Any], float], ...] = (
    # 100 kW above the load's own for a quarter of an hour are 25 kWh
    ("energy", {"grid_power_kw": np.array([500.0]), "reference_it_kw": np.array([400.0])}, 25.0 * 0.050),
    ("carbon", {"grid_power_kw": np.array([500.0]), "reference_it_kw": np.array([400.0])}, 25.0 * 0.400 * 0.020),
    ("demand", {"demand_cost_usd": 7.5}, 7.5),
    ("water", {"makeup_kg": np.array([1000.0])}, 4.0),
    ("water", {"blowdown_kg": np.array([1000.0])}, 2.0),
    ("work_lost", {"work_lost": of_class(PRETRAIN, 10.0), "work_demanded": of_class(PRETRAIN, 10.0)}, 24.0),
    ("work_lost", {"work_lost": of_class(FINETUNE, 10.0), "work_demanded": of_class(FINETUNE, 10.0)}, 24.0),
    ("work_lost", {"work_lost": of_class(PREFILL, 10.0), "work_demanded": of_class(PREFILL, 10.0)}, 30.0),
    ("work_lost", {"work_lost": of_class(DECODE, 10.0), "work_demanded": of_class(DECODE, 10.0)}, 30.0),
    ("work_lost", {"work_lost": of_class(BATCH, 10.0), "work_demanded": of_class(BATCH, 10.0)}, 12.0),
    ("work_lost", {"work_lost": of_class(CPU, 10.0), "work_demanded": of_class(CPU, 10.0)}, 30.0),
    # put off in this step: charged at once for 12 h of waiting, batch for the tenth that will be late
    ("work_delayed", {"work_demanded": of_class(PRETRAIN, 10.0)}, 10.0 * 0.05 * 12.0),
    ("work_delayed", {"work_demanded": of_class(FINETUNE, 10.0)}, 10.0 * 0.05 * 12.0),
    ("work_delayed", {"work_demanded": of_class(BATCH, 10.0)}, 10.0 * 1.2 * 0.1),
    ("work_delayed", {"work_done": of_class(PRETRAIN, 10.0)}, -10.0 * 0.05 * 12.0),  # caught up: refunded
    ("work_delayed", {"backlog": of_class(PRETRAIN, 10.0)}, 10.0 * 0.05 * 0.25),
    ("work_delayed", {"backlog": of_class(FINETUNE, 10.0)}, 10.0 * 0.05 * 0.25),
    ("demand_response", {"demand_response_short_kwh": 8.0}, 8.0),
    # half the margin is half of the full price: a quarter of an hour at 10 USD/h for each rack
    ("inlet", {"rack_inlet_max_c": hot(29.5, 22.0, 22.0)}, 0.5 * 10.0 * 0.25),
    ("inlet", {"rack_inlet_max_c": hot(40.0, 32.0, 22.0)}, 2.0 * 10.0 * 0.25),
    ("ramp", {"inlet_ramp_k_h": 30.0}, 0.5 * 2.0 * 0.25),
    ("coolant", {"coolant_excess_k": np.array([1.5])}, 0.5 * 20.0 * 0.25),
    ("branch", {"limit_excess_kwh": np.array([3.0])}, 15.0),
    ("trips", {"trips": np.array([2.0])}, 400.0),
    ("travel", {"travel_ranges": 1.5}, 0.03),
)


@pytest.mark.parametrize(("term", "change", "usd"), CASES, ids=[f"{t}-{'-'.join(c)}" for t, c, _ in CASES])
def test_each_price_charges_what_its_hand_calculation_says(term: str, change: dict[str, Any], usd: float) -> None:
    assert priced(**change)[term] == pytest.approx(usd, rel=1e-12)


@pytest.mark.parametrize(("term", "change", "usd"), CASES, ids=[f"{t}-{'-'.join(c)}" for t, c, _ in CASES])
def test_what_one_term_charges_no_other_charges_again(term: str, change: dict[str, Any], usd: float) -> None:
    together = {"energy", "carbon"} if term in ("energy", "carbon") else {term}
    assert {name for name, value in priced(**change).items() if value} == together


def test_a_quiet_step_costs_nothing() -> None:
    assert set(priced().values()) == {0.0}


def test_every_term_has_a_case_but_closing_which_is_charged_at_the_end() -> None:
    assert {term for term, _, _ in CASES} | {"closing"} == set(TERM_NAMES)
    assert {*priced(), "closing"} == set(TERM_NAMES)


@pytest.mark.parametrize("price", ["inlet", "ramp", "coolant"])
def test_half_a_step_costs_half_of_what_counts_by_the_hour(price: str) -> None:
    over = flows(rack_inlet_max_c=hot(40.0, 22.0, 22.0), coolant_excess_k=np.array([9.0]))
    whole, half = (terms(PRICES, over, judged(inlet_ramp_k_h=90.0), h)[price][0] for h in (1.0, 0.5))
    assert half == pytest.approx(0.5 * whole) and whole > 0.0


def test_the_shipped_prices_are_those_of_the_handbook() -> None:
    p = RewardConfig()
    energy = (p.demand_charge_usd_kw_month, p.carbon_usd_t, p.water_usd_m3, p.blowdown_usd_m3, p.dr_penalty_usd_kwh)
    assert energy == (15.0, 20.0, 4.0, 2.0, 1.0)
    work = (p.interactive_lost_usd_h, p.training_lost_usd_h, p.training_delay_usd_h2, p.batch_lost_usd_h)
    assert work == (3.0, 2.4, 0.05, 1.2)
    limits = (p.inlet_limit_c, p.inlet_margin_k, p.ramp_limit_k_h, p.coolant_margin_k)
    assert limits == (27.0, 5.0, 20.0, 3.0)
    wear = (p.inlet_usd_rack_h, p.ramp_usd_h, p.coolant_usd_h, p.branch_usd_kwh, p.trip_usd, p.travel_usd, p.scale_usd)
    assert wear == (10.0, 2.0, 20.0, 5.0, 200.0, 0.02, 5.0)


# ---- tolerance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "kept"), [(20.0, 1.0), (27.0, 1.0), (29.5, 0.5), (32.0, 0.0), (99.0, 0.0)])
def test_tolerance_is_whole_at_the_limit_half_in_the_middle_and_gone_at_the_margin(value: float, kept: float) -> None:
    assert float(tolerance(np.array(value), 27.0, 5.0)) == pytest.approx(kept, abs=1e-15)


def test_tolerance_falls_all_the_way_and_is_flat_at_both_ends() -> None:
    kept = tolerance(np.linspace(27.0, 32.0, 101), 27.0, 5.0)
    steps = np.diff(kept)
    assert np.all(steps < 0.0)
    assert abs(steps[0]) < 0.05 * abs(steps[50]) and abs(steps[-1]) < 0.05 * abs(steps[50])


def test_tolerance_is_no_straight_line() -> None:
    # (1 - s)^2 (1 + 2 s) at a quarter and three quarters; a line would give 0.75 and 0.25
    assert tolerance(np.array([28.25, 30.75]), 27.0, 5.0) == pytest.approx([0.84375, 0.15625])


# ---- closing, weights, total ----------------------------------------------------------------------------------------


def test_energy_taken_from_storage_is_bought_back_with_the_loss_of_a_round_trip_and_never_below_its_least_price() -> (
    None
):
    assert refill_price(np.array([100.0, 40.0, -20.0])) == pytest.approx([0.115, 0.060, 0.060])


@pytest.mark.parametrize(
    ("battery_kwh", "heat_kwh", "usd"),
    [(-100.0, 0.0, 11.5), (0.0, 100.0, 2.3), (-100.0, 100.0, 13.8), (100.0, -100.0, 0.0), (100.0, 100.0, 2.3)],
)
def test_charge_missing_costs_its_refill_heat_left_a_fifth_of_it_and_surplus_nothing(
    battery_kwh: float, heat_kwh: float, usd: float
) -> None:
    found = closing_cost(np.array([battery_kwh]), np.array([heat_kwh]), np.array([0.115]))
    assert found[0] == pytest.approx(usd)


def test_the_reward_is_minus_the_sum_of_the_terms_over_the_scale() -> None:
    values = {"energy": np.array([3.0, 1.0]), "water": np.array([2.0, 0.5]), "closing": np.array([5.0, 0.0])}
    assert total_cost(values, {}) == pytest.approx([10.0, 1.5])
    assert total(values, {}, 5.0) == pytest.approx([-2.0, -0.3])


def test_a_weight_multiplies_its_own_term_alone_and_zero_leaves_it_out() -> None:
    values = {"energy": np.array([3.0]), "water": np.array([2.0])}
    assert total(values, {"water": 0.0}, 1.0)[0] == pytest.approx(-3.0)
    assert total(values, {"water": 2.5}, 1.0)[0] == pytest.approx(-8.0)
    assert total(values, {"energy": 2.5}, 1.0)[0] == pytest.approx(-9.5)


def test_weights_of_unknown_terms_and_below_zero_are_refused() -> None:
    check_weights(dict.fromkeys(TERM_NAMES, 0.0))
    with pytest.raises(ValueError, match="reward term 'magic' is unknown"):
        check_weights({"magic": 1.0})
    with pytest.raises(ValueError, match="energy = -1.0 is negative; give 0"):
        check_weights({"energy": -1.0})
    with pytest.raises(ValueError, match="water = nan"):
        check_weights({"water": float("nan")})


def test_a_real_step_is_paid_as_its_flows_say() -> None:
    from envs.core import DataCenterCore

    core = DataCenterCore("edge_room", 2, dtype="float64")
    core.reset(seed=3)
    outside = core.outside
    _, reward, _, cost = core.step_setpoints({})
    kwh = (core.flows.grid_power_kw - core.flows.reference_it_kw) * (core.step_s / 3600.0)
    np.testing.assert_allclose(cost["energy"], kwh * outside.price_usd_mwh / 1000.0, rtol=1e-9)
    np.testing.assert_allclose(cost["carbon"], kwh * outside.carbon_g_kwh * 20.0 / 1e6, rtol=1e-9)
    assert set(cost) == set(TERM_NAMES)
    np.testing.assert_allclose(reward, -sum(cost.values()) / core.scenario.reward.scale_usd, rtol=1e-6)
