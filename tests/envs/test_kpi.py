"""Indicators of PHYSICS h: the check values, the identities between them, and what a missing total does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.kpi import Kpis, kpis

GWH, ML = 1e6, 1e6
YEAR = {
    "facility_kwh": 12.5 * GWH,
    "it_kwh": 10.0 * GWH,
    "water_l": 18.0 * ML,
    "carbon_kg": 0.38 * 12.5 * GWH,
    "server_fan_kwh": (10.0 - 10.0 / 1.1) * GWH * 0.7,
    "psu_loss_kwh": (10.0 - 10.0 / 1.1) * GWH * 0.3,
    "work_done_h": 2.5e6,
}


def random_totals(n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    it = rng.uniform(1e3, 1e6, n)
    facility = it * rng.uniform(1.0, 2.0, n)
    return {
        "it_kwh": it, "facility_kwh": facility,
        "carbon_kg": facility * 0.4, "server_fan_kwh": it * rng.uniform(0.0, 0.1, n),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pue", 1.25), ("wue_l_kwh", 1.8), ("cue_kg_kwh", 0.475),
        ("itue", 1.1), ("tue", 1.375), ("energy_per_work_kwh_h", 5.0),
    ],
)  # fmt: skip
def test_check_values(name: str, value: float) -> None:
    assert getattr(kpis(YEAR), name) == pytest.approx(value, rel=1e-12)


def test_identities_hold_for_any_totals() -> None:
    totals = random_totals()
    k = kpis(totals)
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
    assert np.all(np.isnan(k.wue_l_kwh)) and np.all(np.isnan(k.cue_kg_kwh))
    assert k.itue[1] == 1.0


def test_energy_is_demanded_with_the_mend() -> None:
    with pytest.raises(ValueError, match="it_kwh"):
        kpis({"facility_kwh": 1.0})


def test_running_sums_of_an_episode_are_understood() -> None:
    assert kpis({"facility_power_kwh": 5.0, "it_power_kwh": 4.0, "makeup_kg": 8.0})[:2] == (1.25, 2.0)


def test_indicators_of_a_batch_have_its_shape() -> None:
    k = kpis(
        {
            **random_totals(7),
            "water_l": np.zeros(7),
            "work_done_h": np.ones(7),
        }
    )
    assert isinstance(k, Kpis) and all(value.shape == (7,) for value in k)


def test_the_least_energy_has_indicators_and_none_divides_by_nothing() -> None:
    with np.errstate(all="raise"):
        k = kpis({"facility_kwh": np.array([0.2, 5.0]), "it_kwh": np.array([0.1, 0.0])})
    assert k.pue[0] == pytest.approx(2.0) and np.isnan(k.pue[1])
