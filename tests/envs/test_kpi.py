"""Indicators of PHYSICS h: the check values, the identities between them, and what a missing total does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from envs.kpi import Kpis, added, demand_charge_usd, energies, kpis, partial_pue

GWH, ML = 1e6, 1e6
YEAR = {
    "facility_kwh": 12.5 * GWH,
    "it_kwh": 10.0 * GWH,
    "water_l": 18.0 * ML,
    "carbon_kg": 0.38 * 12.5 * GWH,
    "reuse_kwh": 1.0 * GWH,
    "renewable_kwh": 7.0 * GWH,
    "server_fan_kwh": (10.0 - 10.0 / 1.1) * GWH * 0.7,
    "psu_loss_kwh": (10.0 - 10.0 / 1.1) * GWH * 0.3,
    "work_done_h": 2.5e6,
}


def random_totals(n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    it = rng.uniform(1e3, 1e6, n)
    facility = it * rng.uniform(1.0, 2.0, n)
    return {
        "it_kwh": it, "facility_kwh": facility, "reuse_kwh": facility * rng.uniform(0.0, 0.3, n),
        "carbon_kg": facility * 0.4, "server_fan_kwh": it * rng.uniform(0.0, 0.1, n),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pue", 1.25), ("wue_l_kwh", 1.8), ("cue_kg_kwh", 0.475), ("erf", 0.08), ("ere", 1.15), ("ref", 0.56),
        ("itue", 1.1), ("tue", 1.375), ("energy_per_work_kwh_h", 5.0),
    ],
)  # fmt: skip
def test_check_values(name: str, value: float) -> None:
    assert getattr(kpis(YEAR), name) == pytest.approx(value, rel=1e-12)


def test_identities_hold_for_any_totals() -> None:
    totals = random_totals()
    k = kpis(totals)
    np.testing.assert_allclose(k.ere, k.pue * (1.0 - k.erf))
    np.testing.assert_allclose(k.cue_kg_kwh, 0.4 * k.pue)
    np.testing.assert_allclose(k.tue, k.pue * k.itue)
    assert np.all(k.pue >= 1.0) and np.all(k.itue >= 1.0) and np.all(k.tue >= k.pue)


def test_more_server_fan_power_lowers_pue_but_raises_tue() -> None:
    cool = {"facility_kwh": 120.0, "it_kwh": 100.0, "server_fan_kwh": 5.0}
    warm = {"facility_kwh": 124.0, "it_kwh": 105.0, "server_fan_kwh": 10.0}
    assert kpis(warm).pue < kpis(cool).pue
    assert kpis(warm).tue > kpis(cool).tue


def test_missing_totals_and_a_dark_hall_give_nan_and_no_warning() -> None:
    k = kpis({"facility_kwh": np.array([5.0, 5.0]), "it_kwh": np.array([0.0, 4.0])})
    assert np.isnan(k.pue[0]) and k.pue[1] == 1.25
    assert np.all(np.isnan(k.wue_l_kwh))
    assert k.erf[1] == 0.0 and k.itue[1] == 1.0


def test_energy_is_demanded_with_the_mend() -> None:
    with pytest.raises(ValueError, match="it_kwh"):
        kpis({"facility_kwh": 1.0})


class Step(NamedTuple):
    facility_power_kw: np.ndarray
    it_power_kw: np.ndarray
    server_fan_power_kw: np.ndarray
    psu_loss_kw: np.ndarray
    makeup_kg: np.ndarray
    water_residual_kg: np.ndarray
    work_done: np.ndarray
    worst_inlet_c: np.ndarray
    row_power_kw: np.ndarray


def test_totals_come_from_flows_in_float64_and_add_up() -> None:
    f = np.float32
    step = Step(
        *(np.full(3, x, f) for x in (1200.0, 1000.0, 40.0, 60.0, 9.0, 0.1)), np.ones((6, 3), f), np.ones(3, f),
        np.ones((4, 3), f),
    )  # fmt: skip
    one = energies(step, 300.0)
    assert set(one) == {"facility_kwh", "it_kwh", "server_fan_kwh", "psu_loss_kwh", "makeup_kg", "work_done_h"}
    assert all(value.dtype == np.float64 for value in one.values())
    hour: dict[str, Any] = {}
    for _ in range(12):
        hour = added(hour, one)
    np.testing.assert_allclose(hour["facility_kwh"], 1200.0)
    k = kpis(hour)
    np.testing.assert_allclose(k.pue, 1.2)
    np.testing.assert_allclose(k.wue_l_kwh, 0.108)
    np.testing.assert_allclose(k.itue, 1.0 / 0.9)
    np.testing.assert_allclose(k.energy_per_work_kwh_h, 1200.0 / 72.0)


def test_running_sums_of_an_episode_are_understood() -> None:
    assert kpis({"facility_power_kwh": 5.0, "it_power_kwh": 4.0, "makeup_kg": 8.0})[:2] == (1.25, 2.0)


def test_partial_pue_is_a_quotient_of_powers() -> None:
    np.testing.assert_allclose(partial_pue(np.array([110.0, 130.0]), np.array([100.0, 100.0])), [1.1, 1.3])


def test_demand_charge_of_a_month() -> None:
    assert demand_charge_usd(15.0, 10_400.0) == pytest.approx(156_000.0)
    assert demand_charge_usd(15.0, 10_400.0, 0.5) == pytest.approx(78_000.0)


def test_indicators_of_a_batch_have_its_shape() -> None:
    k = kpis(
        {
            **random_totals(7),
            "water_l": np.zeros(7),
            "renewable_kwh": np.zeros(7),
            "work_done_h": np.ones(7),
        }
    )
    assert isinstance(k, Kpis) and all(value.shape == (7,) for value in k)
