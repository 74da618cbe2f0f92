"""The power chain: efficiencies of PHYSICS F1 and F2, the design days of the scenarios, and the ledger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.equipment import power_chain
from envs.equipment.power_chain import UPS_SETS, PowerChain, losses, power_tree

LOADS = np.array([0.10, 0.25, 0.50, 0.75, 1.0])
ETA = {
    "legacy": [0.703, 0.842, 0.897, 0.9125, 0.917],
    "modern": [0.868, 0.930, 0.950, 0.9555, 0.957],
    "three_level": [0.915, 0.956, 0.9685, 0.971, 0.972],
    "eco": [0.941, 0.974, 0.984, 0.987, 0.988],
}
ROWS = [0] * 5 + [1] * 5 + [2] * 7 + [3] * 3


def hall(dtype: type = np.float64, batch: int = 4) -> tuple[PowerChain, power_chain.PowerTree, np.ndarray]:
    p = PowerChain()
    peak = np.array([120.0] * 10 + [33.6] * 7 + [10.0] * 3)
    power = (peak[:, None] * np.linspace(0.3, 1.0, batch)).astype(dtype)
    return p, power_tree(p, ROWS, dtype), power


@pytest.mark.parametrize("name", sorted(UPS_SETS))
def test_ups_efficiency_follows_its_published_set(name: str) -> None:
    p = PowerChain(ups_set=name, ups_units=1, ups_unit_kw=1000.0, ups_limit_kw=1000.0)
    out = 1000.0 * LOADS
    eta = out / (out + power_chain.ups_loss_kw(p, out))
    np.testing.assert_allclose(eta, ETA[name], atol=5.5e-4)


def test_default_set_at_half_load_is_95_percent_for_modern() -> None:
    p = PowerChain(ups_set="modern", ups_units=2, ups_unit_kw=500.0, ups_limit_kw=1000.0)
    assert 500.0 / (500.0 + power_chain.ups_loss_kw(p, 500.0)) == pytest.approx(0.950, abs=0.005)


def test_transformer_efficiency_follows_f2() -> None:
    p = PowerChain(transformer_kva=2500.0)
    out = 2500.0 * LOADS
    eta = out / (out + power_chain.transformer_loss_kw(p, out))
    np.testing.assert_allclose(eta, [0.9913, 0.9950, 0.9947, 0.9934, 0.9918], atol=6e-5)


@pytest.mark.parametrize(
    ("name", "units", "unit_kw", "load_frac", "loss_kw", "tolerance_kw"),
    [("three_level", 3, 800.0, 0.63, 46.0, 0.5), ("three_level", 4, 1000.0, 0.62, 75.0, 1.0)],
)
def test_ups_loss_of_the_scenarios_closes(
    name: str, units: int, unit_kw: float, load_frac: float, loss_kw: float, tolerance_kw: float
) -> None:
    p = PowerChain(ups_set=name, ups_units=units, ups_unit_kw=unit_kw, ups_limit_kw=unit_kw)
    assert power_chain.ups_loss_kw(p, load_frac * units * unit_kw) == pytest.approx(loss_kw, abs=tolerance_kw)


@pytest.mark.parametrize(("name", "load_frac", "eta"), [("legacy", 0.54, 0.90), ("modern", 0.40, 0.945)])
def test_ups_efficiency_of_the_small_scenarios_closes(name: str, load_frac: float, eta: float) -> None:
    p = PowerChain(ups_set=name, ups_units=1, ups_unit_kw=100.0, ups_limit_kw=100.0)
    out = 100.0 * load_frac
    assert out / (out + power_chain.ups_loss_kw(p, out)) == pytest.approx(eta, abs=1.5e-3)


def test_dual_path_doubles_the_no_load_loss_and_halves_the_square_law() -> None:
    one = PowerChain(ups_set="legacy", ups_units=2, ups_unit_kw=500.0, ups_limit_kw=500.0)
    two = replace(one, ups_dual_path=True)
    assert power_chain.ups_loss_kw(two, 0.0) == pytest.approx(2.0 * power_chain.ups_loss_kw(one, 0.0))
    four = replace(one, ups_units=4)
    assert power_chain.ups_loss_kw(two, 400.0) == pytest.approx(power_chain.ups_loss_kw(four, 400.0))
    assert power_chain.ups_loss_kw(two, 400.0) > power_chain.ups_loss_kw(one, 400.0)


def test_every_kw_of_the_utility_is_a_load_or_a_loss() -> None:
    p, tree, racks = hall()
    ups_loads, direct = np.full(4, 26.0), np.full(4, 90.0)
    f = losses(p, tree, racks, ups_loads, direct)
    loads = racks.sum(axis=0) + ups_loads + direct + p.lighting_kw
    lost = f.pdu_loss_kw + f.ups_loss_kw + f.transformer_loss_kw
    np.testing.assert_allclose(f.facility_power_kw, loads + lost, rtol=1e-13)
    np.testing.assert_allclose(f.row_power_kw.sum(axis=0) + ups_loads, f.ups_power_kw, rtol=1e-13)
    np.testing.assert_array_equal(f.utility_power_kw, f.facility_power_kw)


def test_ai_hall_design_day_losses_close() -> None:
    p, tree, racks = hall(batch=1)
    racks = np.array([120.0] * 10 + [33.6] * 7 + [10.0] * 3)[:, None]
    f = losses(p, tree, racks, np.full(1, 26.0), np.full(1, 90.0))
    assert f.pdu_loss_kw[0] == pytest.approx(15.0, abs=2.0)
    assert f.ups_loss_kw[0] == pytest.approx(46.0, abs=1.0)
    assert f.transformer_loss_kw[0] == pytest.approx(12.0, abs=2.5)


def test_busway_loses_its_fraction_at_full_load_and_a_quarter_of_that_at_half() -> None:
    p, tree, _ = hall()
    full = losses(p, tree, np.array([[128.0]] * 5 + [[0.0]] * 15), np.zeros(1), np.zeros(1)).pdu_loss_kw[0]
    half = losses(p, tree, np.array([[64.0]] * 5 + [[0.0]] * 15), np.zeros(1), np.zeros(1)).pdu_loss_kw[0]
    assert full == pytest.approx(6.4)
    assert half == pytest.approx(1.6)


def test_more_rack_power_never_lowers_any_loss() -> None:
    p, tree, racks = hall(batch=50)
    f = losses(p, tree, racks, np.zeros(50), np.zeros(50))
    for name in ("pdu_loss_kw", "ups_loss_kw", "transformer_loss_kw", "facility_power_kw"):
        assert np.all(np.diff(getattr(f, name)) > 0.0)


def test_battery_moves_the_utility_but_not_the_facility() -> None:
    p, tree, racks = hall()
    idle = losses(p, tree, racks, np.zeros(4), np.zeros(4))
    charging = losses(p, tree, racks, np.zeros(4), np.zeros(4), battery_kw=np.full(4, 100.0))
    np.testing.assert_array_equal(charging.facility_power_kw, idle.facility_power_kw)
    np.testing.assert_allclose(charging.utility_power_kw, idle.utility_power_kw + 100.0)


def test_parameters_may_differ_per_environment() -> None:
    p, tree, racks = hall()
    racks = np.repeat(racks[:, -1:], 2, axis=1)
    varied = replace(p, ups_loss_scale=np.array([1.0, 1.2]), pdu_loss_frac=np.array([0.01, 0.02]))
    f = losses(varied, tree, racks, np.zeros(2), np.zeros(2))
    assert f.pdu_loss_kw[1] == pytest.approx(2.0 * f.pdu_loss_kw[0])
    assert f.ups_loss_kw[1] > f.ups_loss_kw[0]


def test_float32_stays_float32_and_agrees_with_float64() -> None:
    p, tree32, racks32 = hall(np.float32)
    _, tree64, racks64 = hall(np.float64)
    f32 = losses(p, tree32, racks32, np.full(4, 26.0, np.float32), np.full(4, 90.0, np.float32))
    f64 = losses(p, tree64, racks64, np.full(4, 26.0), np.full(4, 90.0))
    for a, b in zip(f32, f64):
        assert a.dtype == np.float32 and b.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=2e-6)


def test_torch_gives_the_same_powers() -> None:
    torch = pytest.importorskip("torch")
    p, tree, racks = hall()
    expected = losses(p, tree, racks, np.full(4, 26.0), np.full(4, 90.0))
    other = power_chain.PowerTree(*(torch.as_tensor(a) for a in tree))
    loads = [torch.full((4,), x, dtype=torch.float64) for x in (26.0, 90.0)]
    got = losses(p, other, torch.as_tensor(racks), *loads)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"ups_set": "magic"}, "three_level"),
        ({"ups_limit_kw": 99_999.0}, "install more units"),
        ({"pdu_loss_frac": 1.0}, "0.05"),
    ],
)
def test_implausible_parameters_are_refused_with_the_mend(change: dict[str, object], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        PowerChain(**change)


def test_rack_on_an_unknown_row_is_refused() -> None:
    with pytest.raises(ValueError, match="row 7"):
        power_tree(PowerChain(), [0, 1, 7])


@pytest.mark.parametrize("dual", [False, True])
def test_what_one_kilowatt_more_loses_upstream_is_the_slope_of_the_losses(dual: bool) -> None:
    p = PowerChain(ups_dual_path=dual)
    out = np.array([1199.0, 1201.0])
    lost = power_chain.ups_loss_kw(p, out) + power_chain.transformer_loss_kw(p, out)
    assert power_chain.rising_loss_frac(p, 1200.0) == pytest.approx(float(np.diff(lost)[0]) / 2.0, rel=1e-6)
