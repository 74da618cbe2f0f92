"""The bill: the demand charge of PHYSICS F7, demand response, and what an episode leaves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.episodes.bill import Bill, BillState, window_mean_kw
from envs.interface.reward import closing_cost
from envs.scenario import load


class Billed(Bill):
    """A bill beside the state that it charged last."""

    state: BillState


def billed(*overrides: str, step_s: float = 300.0, frac: Any = 0.8) -> Billed:
    bill = Billed(load("edge_room", overrides), step_s, np.array([40.0, 100.0]))
    bill.state = bill.begun(np.atleast_1d(frac), np.dtype("float64"))
    return bill


def charge(bill: Billed, powers: list[float]) -> list[float]:
    """Cost of each step at these grid powers [USD]."""
    return [float(charged(bill, np.array([p]))[0]) for p in powers]


def charged(bill: Billed, power: np.ndarray) -> np.ndarray:
    """Cost of a step, which the bill then remembers."""
    bill.state, cost = bill.charged(bill.state, power, bill.window_ends(bill.state))
    return cost


def test_a_window_below_the_peak_costs_nothing() -> None:
    bill = billed()
    assert charge(bill, [float(bill.state.peak_kw[0])] * 9) == [0.0] * 9


def test_the_mean_of_fifteen_minutes_is_billed_and_not_its_highest_step() -> None:
    bill = billed()
    peak = float(bill.state.peak_kw[0])
    assert charge(bill, [peak + 30.0, peak, peak - 30.0]) == pytest.approx([0.0, 0.0, 0.0])
    costs = charge(bill, [peak + 30.0, peak + 30.0, peak + 30.0])
    assert costs[:2] == [0.0, 0.0] and costs[2] == pytest.approx(30.0 * bill.rate)
    assert bill.state.peak_kw[0] == pytest.approx(peak + 30.0)


@pytest.mark.parametrize(("step_s", "steps"), [(300.0, 3), (60.0, 15), (1.0, 900), (3600.0, 1)])
def test_a_window_is_fifteen_minutes_of_any_step(step_s: float, steps: int) -> None:
    assert billed(step_s=step_s).steps_per_window == steps


def test_a_peak_is_paid_once() -> None:
    bill = billed()
    high = float(bill.state.peak_kw[0]) + 10.0
    assert sum(charge(bill, [high] * 12)) == pytest.approx(10.0 * bill.rate)


def test_a_day_carries_its_share_of_the_months_charge() -> None:
    bill = billed("episode.steps=288")
    assert bill.rate == pytest.approx(15.0 / 30.4)
    assert billed("episode.steps=2016").rate == pytest.approx(7 * bill.rate)


def test_the_window_is_fifteen_minutes_at_any_step() -> None:
    assert [billed(step_s=s).steps_per_window for s in (60.0, 300.0, 900.0, 3600.0)] == [15, 3, 1, 1]


def test_the_running_window_is_seen() -> None:
    bill = billed()
    charge(bill, [100.0, 50.0])
    assert window_mean_kw(bill.state)[0] == pytest.approx(75.0) and bill.state.window_steps[0] == 2.0


def test_each_environment_begins_at_its_own_peak_with_an_empty_window() -> None:
    bill = billed(frac=np.array([0.9, 0.8]))
    np.testing.assert_allclose(bill.state.peak_kw / bill.expected_peak_kw, [0.9, 0.8])
    assert not bill.state.window_kw.any() and not bill.state.window_steps.any()


def test_a_demand_response_event_allows_the_peak_less_its_reduction() -> None:
    bill = billed()
    peak = bill.expected_peak_kw
    event = SimpleNamespace(dr_active=np.array([1.0]), dr_reduction_frac=np.array([0.1]))
    assert bill.demand_response_short(np.array([peak]), event, 0.5)[0] == pytest.approx(0.05 * peak)
    assert bill.demand_response_short(np.array([0.8 * peak]), event, 0.5)[0] == 0.0
    calm = SimpleNamespace(dr_active=np.zeros(1), dr_reduction_frac=np.array([0.1]))
    assert bill.demand_response_short(np.array([2 * peak]), calm, 0.5)[0] == 0.0
    charge(bill, [2 * peak] * bill.steps_per_window)
    assert bill.state.peak_kw[0] > peak  # a peak that was bought allows no more
    assert bill.demand_response_short(np.array([peak]), event, 0.5)[0] == pytest.approx(0.05 * peak)


def test_charge_or_cold_that_is_missing_at_the_end_is_bought_back_dearer_and_a_surplus_pays_nothing() -> None:
    bill = billed()
    site = np.array([0, 1, 0, 0])
    battery, heat = np.array([-100.0, -100.0, 0.0, 100.0]), np.array([0.0, 0.0, 100.0, -100.0])
    np.testing.assert_allclose(closing_cost(battery, heat, bill.refill_price(site)), [6.0, 11.5, 1.2, 0.0])
