from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.interface.channels import Channel
from experiments.evaluation.score import COOLING, MEASURES, Scorer, totals

FAN = Channel("fan", "zone", 0.0, 1.0, 1.0, 1.0, "1", 0.0, rows=2)


def flows(**changed: Any) -> SimpleNamespace:
    """A step of two sites, three racks, six work classes."""
    site = {name: np.zeros(2, np.float32) for name in COOLING}
    site |= {
        "facility_power_kw": 120.0,
        "grid_power_kw": 130.0,
        "it_power_kw": 100.0,
        "makeup_kg": 30.0,
        "blowdown_kg": 10.0,
    }
    site |= {"energy_residual_kw": 1e-4, "worst_inlet_c": 26.0, "trips": 0.0, "limit_excess_kwh": 0.0}
    site |= {
        "tcs_excess_degree_minutes": 0.0,
        "capper_active_s": 0.0,
        "chiller_power_kw": 10.0,
        "server_fan_power_kw": 5.0,
        "psu_loss_kw": 3.0,
    }
    whole = {k: np.full(2, v, np.float32) for k, v in site.items()}
    whole["inlet_excess_degree_minutes"] = np.zeros((3, 2), np.float32)
    for name, value in (("work_demanded", 5.0), ("work_done", 4.0), ("work_lost", 1.0), ("backlog", 2.0)):
        whole[name] = np.full((6, 2), value, np.float32)
    return SimpleNamespace(**{**whole, **changed})


def scored(steps: list[Any], in_force: list[dict[str, Any]] | None = None) -> dict[str, np.ndarray]:
    scorer = Scorer(2, 300.0, [FAN], 4.0, 2.0)
    for i, step in enumerate(steps):
        setpoints = in_force[i] if in_force else {"fan": np.zeros((2, 2), np.float32)}
        scorer.add(step, setpoints, np.full(2, 50.0), np.full(2, 400.0))
    return scorer.table()


def test_energy_cost_carbon_and_water_of_an_hour() -> None:
    table = scored([flows()] * 12)
    assert table["facility_kwh"] == pytest.approx([120.0] * 2)
    assert table["cooling_kwh"] == pytest.approx([10.0] * 2)
    assert table["carbon_kg"] == pytest.approx([130.0 * 0.4] * 2)
    assert table["water_l"] == pytest.approx([360.0] * 2)
    assert table["cost_usd"] == pytest.approx([130.0 * 0.05 + 0.36 * 4.0 + 0.12 * 2.0] * 2)
    assert table["work_done_h"] == pytest.approx([12 * 24.0] * 2)
    assert table["energy_per_work_kwh_h"] == pytest.approx([120.0 / 288.0] * 2)
    assert table["pue"] == pytest.approx([1.2] * 2)
    assert table["backlog_h"] == pytest.approx([12.0] * 2)


def test_energy_is_judged_without_the_battery() -> None:
    table = scored([flows(grid_power_kw=np.full(2, 900.0))] * 12)
    assert table["facility_kwh"] == pytest.approx([120.0] * 2)
    assert table["peak_kw"] == pytest.approx([900.0] * 2)


def test_the_worst_rack_is_the_one_with_the_largest_sum_not_the_largest_step() -> None:
    one = np.zeros((3, 2))
    one[1, 0] = 10.0
    two = np.zeros((3, 2))
    two[2, 0] = 6.0
    table = scored([flows(inlet_excess_degree_minutes=x) for x in (one, two, two)])
    assert table["degree_minutes_worst_rack"] == pytest.approx([12.0, 0.0])
    assert table["worst_rack"][0] == 2
    assert table["worst_excess_k"] == pytest.approx([2.0, 0.0])
    assert table["longest_spell_min"] == pytest.approx([15.0, 0.0])
    assert table["violations"] == pytest.approx([3.0, 0.0])


def test_a_spell_ends_when_every_rack_is_cool_again() -> None:
    hot = np.ones((3, 2))
    steps = [flows(inlet_excess_degree_minutes=x) for x in (hot, 0 * hot, hot, hot, 0 * hot)]
    assert scored(steps)["longest_spell_min"] == pytest.approx([10.0, 10.0])


def test_travel_counts_full_ranges_per_row_and_day() -> None:
    positions = [{"fan": np.array([[0.0, 0.0], [0.0, 0.5]]) + 0.5 * (i % 2)} for i in range(288)]
    table = scored([flows()] * 288, positions)
    assert table["travel_ranges"] == pytest.approx([287 * 0.5] * 2)


def test_energy_per_work_has_no_number_without_work() -> None:
    assert np.isnan(scored([flows(work_done=np.zeros((6, 2)))])["energy_per_work_kwh_h"]).all()


def test_totals_are_ratios_of_sums_and_peaks_of_peaks() -> None:
    peak = np.array([200.0, 300.0])
    whole = totals(scored([flows(facility_power_kw=peak, grid_power_kw=peak)] * 12))
    assert whole["facility_kwh"] == pytest.approx(500.0)
    assert whole["energy_per_work_kwh_h"] == pytest.approx(500.0 / 576.0)
    assert whole["peak_kw"] == pytest.approx(300.0)


def test_every_measure_of_the_table_is_scored() -> None:
    table = scored([flows()])
    assert {m.column for m in MEASURES} <= set(table)
    assert all(np.isfinite(table[m.column]).all() for m in MEASURES)
