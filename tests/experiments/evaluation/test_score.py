"""Every column of the score table from a small made-up episode; expected numbers are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.interface.channels import CHANNELS
from envs.interface.reward import TERM_NAMES, RewardConfig
from envs.plant.flows import COOLING_POWER
from experiments.evaluation.score import KPIS, MEASURES, PAID, Scorer, totals

PRICES = RewardConfig(water_usd_m3=4.0, blowdown_usd_m3=2.0)
COST = {name: float(2**i) for i, name in enumerate(TERM_NAMES)}  # no sum of some of them is another one

FAN = replace(CHANNELS["crah_fan_speed_frac"], name="fan", low=0.0, high=1.0, rows=2)


def flows(**changed: Any) -> SimpleNamespace:
    """A step of two sites, three racks, six work classes."""
    site = {name: np.zeros(2, np.float32) for name in COOLING_POWER}
    site |= {
        "facility_power_kw": 120.0,
        "grid_power_kw": 130.0,
        "it_power_kw": 100.0,
        "makeup_kg": 30.0,
        "blowdown_kg": 10.0,
    }
    site |= {"energy_residual_kw": 1e-4, "worst_inlet_c": 26.0, "trips": 0.0, "limit_excess_kwh": 0.0}
    site["overload_kwh"] = 0.0
    site |= {
        "tcs_excess_degree_minutes": 0.0,
        "capper_active_s": 0.0,
        "chiller_power_kw": 10.0,
        "server_fan_power_kw": 5.0,
        "psu_loss_kw": 3.0,
    }
    whole = {k: np.full(2, v, np.float32) for k, v in site.items()}
    whole["inlet_excess_degree_minutes"] = np.zeros((3, 2), np.float32)
    whole["zone_air_supply_frac"] = np.array([[1.25, 1.5], [0.75, 1.0]], np.float32)
    for name, value in (("work_demanded", 5.0), ("work_done", 4.0), ("work_lost", 1.0), ("backlog", 2.0)):
        whole[name] = np.full((6, 2), value, np.float32)
    return SimpleNamespace(**{**whole, **changed})


def scored(
    steps: list[Any], in_force: list[dict[str, Any]] | None = None, weights: dict[str, float] | None = None
) -> dict[str, np.ndarray]:
    scorer = Scorer(2, 300.0, [FAN], PRICES, weights, provisioned_kw=500.0)
    cost = {name: np.full(2, usd, np.float32) for name, usd in COST.items()}
    for i, step in enumerate(steps):
        setpoints = in_force[i] if in_force else {"fan": np.zeros((2, 2), np.float32)}
        scorer.add(step, setpoints, np.full(2, 50.0), np.full(2, 400.0), cost, np.full(2, 0.5))
    return scorer.table()


HOT = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 0.0]])  # K min of each rack in five minutes

#: An hour of the step above with heat, caps, trips and lost work in it: what every KPI of site 0 must show.
HOUR: dict[str, float] = {
    "energy_per_work_kwh_h": 120.0 / 288.0,
    "facility_kwh": 120.0,
    "cooling_kwh": 10.0,
    "peak_kw": 130.0,
    "water_l": 360.0,
    "carbon_kg": 130.0 * 0.4,
    "utility_cost_usd": 130.0 * 0.05 + 0.36 * 4.0 + 0.12 * 2.0,
    "degree_minutes_worst_rack": 120.0,
    "worst_excess_k": 2.0,
    "worst_inlet_c": 29.0,
    "air_supply_frac": 0.75,
    "longest_spell_min": 60.0,
    "tcs_degree_minutes": 12 * 1.5,
    "violations": 12.0,
    "trips": 24.0,
    "limit_excess_kwh": 12 * 0.25,
    "overload_kwh": 12 * 0.125,
    "protection_s": 12 * 60.0,
    "work_done_h": 288.0,
    "work_per_mw_h": 288.0 / 0.5,
    "work_lost_h": 72.0,
    "late_work_h": 12 * 0.5,
    "backlog_h": 12.0,
    "travel_ranges": 0.0,
    "pue": 1.2,
    "wue_l_kwh": 3.6,
    "cue_kg_kwh": 0.52,
    "itue": 100.0 / 92.0,
    "tue": 1.2 * 100.0 / 92.0,
    "energy_residual_frac": 1e-4 / 120.0,
}


def hour() -> dict[str, np.ndarray]:
    pairs = {
        "inlet_excess_degree_minutes": HOT,
        "worst_inlet_c": np.array([29.0, 26.0]),
        "trips": np.array([2.0, 0.0]),
        "limit_excess_kwh": np.array([0.25, 0.0]),
        "overload_kwh": np.array([0.125, 0.0]),
        "tcs_excess_degree_minutes": np.array([1.5, 0.0]),
        "capper_active_s": np.array([60.0, 0.0]),
    }
    return scored([flows(**pairs)] * 12)


@pytest.mark.parametrize("measure", KPIS, ids=lambda m: m.column)
def test_each_column_of_an_hour_is_what_the_hand_gives(measure: Any) -> None:
    assert hour()[measure.column][0] == pytest.approx(HOUR[measure.column], rel=1e-6)


#: What a reader must find in the title of a column, and its unit.
WORDS: dict[str, tuple[str, str]] = {
    "energy_per_work_kwh_h": ("energy per useful work", "kWh per accelerator-h"),
    "facility_kwh": ("facility energy", "kWh"),
    "cooling_kwh": ("cooling energy", "kWh"),
    "peak_kw": ("peak grid power", "kW"),
    "water_l": ("make-up water", "L"),
    "carbon_kg": ("carbon", "kg CO2"),
    "utility_cost_usd": ("energy and water cost", "USD"),
    "degree_minutes_worst_rack": ("over the inlet limit, worst rack", "K min"),
    "worst_excess_k": ("largest excess", "K"),
    "worst_inlet_c": ("warmest inlet", "degC"),
    "air_supply_frac": ("air supplied over air that racks draw", "1"),
    "longest_spell_min": ("longest spell", "min"),
    "tcs_degree_minutes": ("over the coolant limit", "K min"),
    "violations": ("steps with a violation", "1"),
    "trips": ("trips", "1"),
    "limit_excess_kwh": ("over caps and branch limits", "kWh"),
    "overload_kwh": ("no memory forgives", "kWh"),
    "protection_s": ("fast protection", "s"),
    "work_done_h": ("work done", "accelerator-h"),
    "work_per_mw_h": ("per provisioned MW", "accelerator-h per MW and h"),
    "work_lost_h": ("work lost", "accelerator-h"),
    "late_work_h": ("served later than the target", "accelerator-h"),
    "backlog_h": ("backlog", "accelerator-h"),
    "travel_ranges": ("travel", "full ranges per channel-row and day"),
    "pue": ("PUE", "1"),
    "wue_l_kwh": ("WUE", "L/kWh"),
    "cue_kg_kwh": ("CUE", "kg CO2/kWh"),
    "itue": ("ITUE", "1"),
    "tue": ("TUE", "1"),
    "energy_residual_frac": ("energy-balance residual", "of facility power"),
}


@pytest.mark.parametrize("measure", KPIS, ids=lambda m: m.column)
def test_a_column_carries_the_title_and_the_unit_of_what_it_holds(measure: Any) -> None:
    words, unit = WORDS[measure.column]
    assert words in measure.title and measure.unit == unit


def test_every_measure_has_its_hand_calculation() -> None:
    assert {m.column for m in KPIS} == set(HOUR)


@pytest.mark.parametrize("term", TERM_NAMES)
def test_each_term_that_an_agent_is_paid_for_is_dollars_per_day(term: str) -> None:
    for hours in (1, 2):  # twelve steps an hour, 24 hours a day
        assert scored([flows()] * 12 * hours)[f"cost_{term}_usd_day"] == pytest.approx([COST[term] * 12 * 24] * 2)


def test_what_an_agent_is_paid_for_is_the_sum_of_the_terms_by_their_weights() -> None:
    assert scored([flows()] * 12)["cost_usd_day"] == pytest.approx([sum(COST.values()) * 288] * 2)
    weighted = scored([flows()] * 12, weights={"energy": 0.0, "closing": 3.0})["cost_usd_day"]
    assert weighted == pytest.approx([(sum(COST.values()) - COST["energy"] + 2.0 * COST["closing"]) * 288] * 2)


def test_the_utilities_bill_and_what_an_agent_is_paid_for_are_two_numbers_with_two_names() -> None:
    table = scored([flows()] * 12)
    assert "cost_usd" not in table and "utility_cost_usd" in table
    assert [m.column for m in PAID] == [*(f"cost_{name}_usd_day" for name in TERM_NAMES), "cost_usd_day"]
    assert all(m.unit == "USD/day" for m in PAID)


def test_energy_is_judged_without_the_battery() -> None:
    table = scored([flows(grid_power_kw=np.full(2, 900.0))] * 12)
    assert table["facility_kwh"] == pytest.approx([120.0] * 2)
    assert table["peak_kw"] == pytest.approx([900.0] * 2)


@pytest.mark.parametrize("name", COOLING_POWER)
def test_each_cooling_consumer_counts_once(name: str) -> None:
    more = flows(**{name: getattr(flows(), name) + 6.0})
    assert scored([more] * 12)["cooling_kwh"] == pytest.approx([16.0] * 2)


def test_the_worst_rack_is_the_one_with_the_largest_sum_not_the_largest_step() -> None:
    one = np.zeros((3, 2))
    one[1, 0] = 10.0
    two = np.zeros((3, 2))
    two[2, 0] = 6.0
    table = scored([flows(inlet_excess_degree_minutes=x) for x in (one, two, two)])
    assert table["degree_minutes_worst_rack"] == pytest.approx([12.0, 0.0])
    assert table["degree_minutes_all_racks"] == pytest.approx([22.0, 0.0])
    assert table["worst_rack"][0] == 2
    assert table["worst_excess_k"] == pytest.approx([2.0, 0.0])
    assert table["longest_spell_min"] == pytest.approx([15.0, 0.0])
    assert table["violations"] == pytest.approx([3.0, 0.0])


@pytest.mark.parametrize("name", ["trips", "limit_excess_kwh", "tcs_excess_degree_minutes"])
def test_each_kind_of_violation_counts_a_step(name: str) -> None:
    table = scored([flows(**{name: np.array([0.5, 0.0])}), flows()])
    assert table["violations"] == pytest.approx([1.0, 0.0])


def test_a_spell_ends_when_every_rack_is_cool_again() -> None:
    hot = np.ones((3, 2))
    steps = [flows(inlet_excess_degree_minutes=x) for x in (hot, 0 * hot, hot, hot, 0 * hot)]
    assert scored(steps)["longest_spell_min"] == pytest.approx([10.0, 10.0])


def test_travel_counts_full_ranges_per_row_and_day() -> None:
    positions = [{"fan": np.array([[0.0, 0.0], [0.0, 0.5]]) + 0.5 * (i % 2)} for i in range(288)]
    table = scored([flows()] * 288, positions)
    assert table["travel_ranges"] == pytest.approx([287 * 0.5] * 2)
    assert table["actuator_travel"] == pytest.approx([287 * 0.5] * 2) and table["days"] == pytest.approx([1.0] * 2)


def test_energy_per_work_has_no_number_without_work() -> None:
    assert np.isnan(scored([flows(work_done=np.zeros((6, 2)))])["energy_per_work_kwh_h"]).all()


def test_totals_are_ratios_of_sums_and_peaks_of_peaks() -> None:
    peak = np.array([200.0, 300.0])
    whole = totals(scored([flows(facility_power_kw=peak, grid_power_kw=peak)] * 12))
    assert whole["facility_kwh"] == pytest.approx(500.0)
    assert whole["energy_per_work_kwh_h"] == pytest.approx(500.0 / 576.0)
    assert whole["peak_kw"] == pytest.approx(300.0)
    assert whole["pue"] == pytest.approx(2.5)


#: How a column of two episodes becomes one number; ratios are made of sums, see above.
JOINED = {
    **dict.fromkeys(("peak_kw", "worst_excess_k", "worst_inlet_c", "longest_spell_min", "energy_residual_frac"), max),
    **dict.fromkeys(
        ("travel_ranges", "air_supply_frac", "work_per_mw_h", *(m.column for m in PAID)), lambda pair: sum(pair) / 2.0
    ),
}
RATIOS = {"energy_per_work_kwh_h", "pue", "wue_l_kwh", "cue_kg_kwh", "itue", "tue"}


@pytest.mark.parametrize("column", [m.column for m in MEASURES if m.column not in RATIOS])
def test_totals_add_up_what_adds_up_and_keep_what_is_per_day_per_day(column: str) -> None:
    table = hour() | {column: np.array([3.0, 5.0])}
    assert totals(table)[column] == pytest.approx(JOINED.get(column, sum)([3.0, 5.0]))


def test_a_longer_episode_weighs_more_in_a_mean_per_day() -> None:
    table = hour() | {"cost_usd_day": np.array([10.0, 40.0]), "days": np.array([1.0, 2.0])}
    assert totals(table)["cost_usd_day"] == pytest.approx(30.0)


def test_every_measure_of_the_table_is_scored() -> None:
    table = scored([flows()])
    assert {m.column for m in MEASURES} <= set(table)
    assert all(np.isfinite(table[m.column]).all() for m in MEASURES)
    assert len({m.column for m in MEASURES}) == len(MEASURES)
