"""The battery: the check of PHYSICS F5, its ledger, its limits, and that cycling never pays."""

from __future__ import annotations

import numpy as np
import pytest

from envs.equipment import battery
from envs.equipment.battery import Battery, BatteryState

BIG = Battery(power_kw=1000.0, capacity_kwh=4000.0, one_way_efficiency_frac=0.92)


def at(soc: float, n: int = 1) -> BatteryState:
    return BatteryState(np.full(n, soc), np.zeros(n))


@pytest.mark.parametrize(("command_kw", "soc"), [(1000.0, 0.5575), (-1000.0, 0.43207)])
def test_a_quarter_hour_at_full_power_matches_the_check_value(command_kw: float, soc: float) -> None:
    state, flows = battery.advance(BIG, at(0.5), np.full(1, command_kw), 900.0)
    assert state.soc_frac[0] == pytest.approx(soc, abs=5e-6)
    assert flows.power_kw[0] == command_kw


def test_energy_ledger_is_exact() -> None:
    rng = np.random.default_rng(0)
    state = battery.initial(BIG, 100, dtype=np.float64)
    for command in rng.uniform(-1500.0, 1500.0, (200, 100)):
        new, f = battery.advance(BIG, state, command, 60.0)
        gained = (new.soc_frac - state.soc_frac) * 4000.0 * 60.0
        np.testing.assert_allclose(f.power_kw, gained + f.loss_kw, atol=1e-8)
        np.testing.assert_allclose(f.stored_kw, f.power_kw - f.loss_kw, atol=1e-9)
        assert np.all(f.loss_kw >= 0.0)
        state = new


def test_charge_stays_in_its_window_whatever_is_asked() -> None:
    rng = np.random.default_rng(1)
    state = battery.initial(BIG, 50, dtype=np.float64)
    for command in rng.choice([-5000.0, 5000.0], (400, 50)) * rng.uniform(0.0, 1.0, (400, 1)):
        state, flows = battery.advance(BIG, state, command, 300.0)
        assert np.all(state.soc_frac >= 0.10 - 1e-12) and np.all(state.soc_frac <= 0.95 + 1e-12)
        assert np.all(np.abs(flows.power_kw) <= 1000.0)


@pytest.mark.parametrize(("soc", "command_kw"), [(0.95, 500.0), (0.10, -500.0)])
def test_a_full_or_empty_battery_does_nothing(soc: float, command_kw: float) -> None:
    _, flows = battery.advance(BIG, at(soc), np.full(1, command_kw), 60.0)
    np.testing.assert_allclose(flows.power_kw, 0.0, atol=1e-9)


def test_cycling_never_pays() -> None:
    state, paid_kwh = at(0.5), 0.0
    for command_kw in (800.0, -800.0, 300.0, -1000.0, 1000.0):
        state, flows = battery.advance(BIG, state, np.full(1, command_kw), 900.0)
        paid_kwh += flows.power_kw[0] * 0.25
    back_kw = (0.5 - state.soc_frac[0]) * 4000.0 * 4.0
    terminal_kw = back_kw / 0.92 if back_kw > 0.0 else back_kw * 0.92
    state, flows = battery.advance(BIG, state, np.full(1, terminal_kw), 900.0)
    paid_kwh += flows.power_kw[0] * 0.25
    assert state.soc_frac[0] == pytest.approx(0.5)
    assert paid_kwh > 50.0


def test_a_round_trip_keeps_the_square_of_the_one_way_efficiency() -> None:
    charged, _ = battery.advance(BIG, at(0.5), np.full(1, 1000.0), 900.0)
    stored_kw = (charged.soc_frac[0] - 0.5) * 4000.0 * 4.0
    back, flows = battery.advance(BIG, charged, np.full(1, -stored_kw * 0.92), 900.0)
    assert back.soc_frac[0] == pytest.approx(0.5)
    assert -flows.power_kw[0] / 1000.0 == pytest.approx(0.92**2)


def test_result_does_not_depend_on_the_time_step() -> None:
    coarse, _ = battery.advance(BIG, at(0.5), np.full(1, 700.0), 900.0)
    fine = at(0.5)
    for _ in range(90):
        fine, _ = battery.advance(BIG, fine, np.full(1, 700.0), 10.0)
    np.testing.assert_allclose(fine.soc_frac, coarse.soc_frac, rtol=1e-12)


def test_ramp_limits_the_change_of_power() -> None:
    p = Battery(ramp_kw_s=2.0)
    state, flows = battery.advance(p, at(0.5), np.full(1, 900.0), 60.0)
    assert flows.power_kw[0] == pytest.approx(120.0)
    _, flows = battery.advance(p, state, np.full(1, -900.0), 60.0)
    assert flows.power_kw[0] == pytest.approx(0.0)


def test_no_export_when_the_load_is_given() -> None:
    _, flows = battery.advance(BIG, at(0.5), np.full(1, -800.0), 60.0, load_kw=np.full(1, 300.0))
    assert flows.power_kw[0] == -300.0


def test_float32_stays_float32_and_torch_agrees() -> None:
    torch = pytest.importorskip("torch")
    command = np.linspace(-1500.0, 1500.0, 31)
    state, expected = battery.advance(BIG, at(0.2, 31), command, 300.0)
    small = BatteryState(*(a.astype(np.float32) for a in at(0.2, 31)))
    state32, flows32 = battery.advance(BIG, small, command.astype(np.float32), 300.0)
    assert all(a.dtype == np.float32 for a in (*state32, *flows32))
    other = BatteryState(*(torch.as_tensor(a) for a in at(0.2, 31)))
    got_state, got = battery.advance(BIG, other, torch.as_tensor(command), 300.0)
    for a, b, c in zip((*got_state, *got), (*state, *expected), (*state32, *flows32)):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(c, b, rtol=1e-5, atol=1e-3)


def test_an_empty_charge_window_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"0\.10 and 0\.95"):
        Battery(soc_min_frac=0.9, soc_max_frac=0.5)
