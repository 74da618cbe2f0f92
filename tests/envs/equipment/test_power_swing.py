"""Swings of training within seconds: waveform, smoothing, racks of a job on a feeder, what machines make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.equipment import battery, breaker, power_swing, rack
from envs.equipment.breaker import Breaker
from envs.equipment.power_swing import DUTY, PERIOD_S, Smoothing, Swing, feeder_swing, seen_share, smoothed_swing
from envs.equipment.rack_archetypes import HGX_AIR, NVL72, RackArchetype
from envs.equipment.throughput import CLASSES

PRETRAIN, NONE = CLASSES.index("pretrain"), CLASSES.index("none")
NOTHING = Smoothing(0.0, 0.0, 0.0, 0.0)
MEAN_KW, COUNT, DEPTH = 80.0, 72.0, 0.65
DT_S = 1e-3


def waveform(mean_kw: float, depth_kw: float, floor_kw: float = 0.0, ramp_kw_s: float = np.inf) -> np.ndarray:
    """One period of a rack that burns power while it waits: two levels, lifted to a floor, edges bent by a ramp."""
    high = mean_kw + (1.0 - DUTY) * depth_kw
    t = (np.arange(round(PERIOD_S / DT_S)) + 0.5) * DT_S
    into = t - DUTY * PERIOD_S
    wave = np.where(into < 0.0, high, np.maximum(high - depth_kw, min(floor_kw, high)))
    if np.isfinite(ramp_kw_s):
        wave = np.where(into < 0.0, high, np.maximum(wave, high - ramp_kw_s * np.minimum(into, PERIOD_S - t)))
    return wave


def smoothed(p: Smoothing, activity: float = 1.0) -> tuple[float, float, float]:
    """Rise, fall and burnt power [kW] of one rack."""
    full = np.full((1, 1), activity)
    (up, down), burnt = smoothed_swing(p, MEAN_KW * full, full, COUNT * full, DEPTH * full)
    return float(up[0, 0]), float(down[0, 0]), float(burnt[0, 0])


WAVES = ((0.0, np.inf), (60.0, np.inf), (0.0, 300.0), (0.0, 120.0), (60.0, 150.0), (200.0, np.inf))


@pytest.mark.parametrize(("floor_kw", "ramp_kw_s"), WAVES)
def test_a_smoothed_step_is_the_wave_that_it_describes(floor_kw: float, ramp_kw_s: float) -> None:
    wave = waveform(MEAN_KW, DEPTH * MEAN_KW, floor_kw, ramp_kw_s)
    ramp = 0.0 if np.isinf(ramp_kw_s) else COUNT / ramp_kw_s
    up, down, burnt = smoothed(Smoothing(floor_kw / COUNT, ramp, 0.0, 0.0))
    assert wave.mean() == pytest.approx(MEAN_KW + burnt, rel=1e-3)
    assert wave.max() - wave.mean() == pytest.approx(up, abs=0.05)
    assert wave.mean() - wave.min() == pytest.approx(down, abs=0.2)
    assert wave.var() <= up * down + 0.5
    if np.isinf(ramp_kw_s):
        assert wave.var() == pytest.approx(up * down, rel=1e-3, abs=1e-6)


def test_without_smoothing_the_mean_is_untouched() -> None:
    up, down, burnt = smoothed(NOTHING, activity=0.37)
    assert burnt == 0.0
    assert (up, down) == pytest.approx((0.25 * 0.65 * 80.0 * 0.37, 0.75 * 0.65 * 80.0 * 0.37))


def test_storage_takes_off_the_peak_what_its_joules_can_carry() -> None:
    up, down, _ = smoothed(NOTHING)
    needed_kj = up * DUTY * PERIOD_S
    for share in (0.0, 0.3, 0.8, 1.0, 1.7):
        left_up, left_down, lost = smoothed(Smoothing(0.0, 0.0, share * needed_kj, 0.05))
        taken = min(share, 1.0)
        assert (left_up, left_down) == pytest.approx(((1.0 - taken) * up, (1.0 - taken) * down), abs=1e-9)
        assert lost == pytest.approx(0.05 * taken * up * DUTY)


def demand(archetype: RackArchetype, swing: float | None, activity: float = 1.0) -> tuple[Any, rack.RackDemand]:
    table = rack.rack_table([archetype], [[PRETRAIN], [NONE]], np.float64)
    share = np.array([[[activity]], [[0.0]]])
    return table, rack.demand_terms(table, share, None if swing is None else np.full((1, 1), swing))


def settled(archetype: RackArchetype, swing: float | None, limit_kw: float = 1e6) -> rack.RackFlows:
    table, terms = demand(archetype, swing)
    inlet, coolant, one = np.full((1, 1), 25.0), np.full(1, 30.0), np.ones((1, 1))
    state = rack.initial(table, terms, inlet, coolant, one[0])
    for _ in range(6):
        state, flows = rack.advance(table, state, inlet, coolant, one[0], terms, limit_kw * one, one, 1e5)
    return flows


def test_a_swing_of_zero_is_no_swing_at_all() -> None:
    without, zero = settled(NVL72, None), settled(NVL72, 0.0)
    for name, a, b in zip(rack.RackFlows._fields, without, zero):
        if name != "swing":
            np.testing.assert_array_equal(a, b)
    assert zero.swing is not None and not np.any(zero.swing.up_kw) and not np.any(zero.swing.down_kw)
    assert without.swing is None


def test_a_rack_in_training_rises_above_its_rating_as_measured_accelerators_do() -> None:
    """PHYSICS B2: the 99th percentile of A100 samples is 437-440 of 400 W, 1.10 of TDP."""
    flows = settled(NVL72, 0.65)
    assert flows.swing is not None
    accelerators = flows.accelerator_power_kw + flows.swing.up_kw / 1.0256
    assert accelerators[0, 0] / (72 * 1.2) == pytest.approx(1.10, abs=0.03)


def test_energy_means_are_those_without_a_swing() -> None:
    np.testing.assert_allclose(settled(HGX_AIR, 0.65).power_kw, settled(HGX_AIR, None).power_kw, rtol=1e-12)


def test_a_floor_costs_its_burnt_energy_at_the_input_and_in_the_heat() -> None:
    bare, floored = settled(NVL72, 0.65), settled(replace(NVL72, swing_floor_frac=0.9), 0.65)
    tdp, draw = 72 * 1.2, 72 * 1.2 * 0.95
    low = draw * (1.0 - 0.75 * 0.65)
    burnt = 0.25 * (0.9 * tdp - low)
    more = (floored.power_kw - bare.power_kw)[0, 0]
    leakage = 72 * 1.2 * 0.20 * 0.008 * (floored.chip_c - bare.chip_c)[0, 0]  # of chips that burning warms
    assert more == pytest.approx((burnt + leakage) / 0.975, rel=0.01)
    heat = floored.air_heat_kw + floored.liquid_heat_kw
    np.testing.assert_allclose(heat, floored.power_kw, rtol=1e-9)
    assert floored.swing is not None and bare.swing is not None
    peak = [(f.power_kw + f.swing.up_kw)[0, 0] for f in (bare, floored)]
    assert peak[1] == pytest.approx(peak[0], rel=0.01)  # the high level stays
    assert floored.swing.down_kw[0, 0] < 0.45 * bare.swing.down_kw[0, 0]


def test_the_joules_of_a_gb300_supply_lower_a_rack_s_peak() -> None:
    bare, stored = settled(NVL72, 0.65), settled(replace(NVL72, swing_storage_j=65.0), 0.65)
    assert bare.swing is not None and stored.swing is not None
    moved_kj = 0.25 * 0.65 * 72 * 1.2 * 0.95 * DUTY * PERIOD_S
    assert stored.swing.up_kw / bare.swing.up_kw == pytest.approx(1.0 - 72 * 0.065 / moved_kj, rel=1e-3)


def test_a_cap_takes_the_swing_down_with_the_draw() -> None:
    free, capped = settled(NVL72, 0.65), settled(NVL72, 0.65, limit_kw=90.0)
    assert free.swing is not None and capped.swing is not None
    left = (capped.swing.up_kw / free.swing.up_kw)[0, 0]
    assert left == pytest.approx(capped.cap_frac[0, 0, 0], rel=1e-6) and 0.6 < left < 0.85


def feeder(up: list[float], job: list[int]) -> power_swing.FeederSwing:
    swing = Swing(np.array(up)[:, None], 3.0 * np.array(up)[:, None])
    rows = np.array([[1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
    return feeder_swing(swing, np.array(job)[:, None], ((0, 1, 2, 3),), rows)


def test_racks_of_one_job_add_up_and_jobs_add_as_squares() -> None:
    jobs = ([0] * 4 + [4], [0, 1, 2, 3, 4], [0, 0, 2, 2, 4])
    together, apart, pairs = (feeder([2.0] * 4 + [3.0], job) for job in jobs)
    assert [float(x.up_kw[5, 0]) for x in (together, apart, pairs)] == pytest.approx([8.0, 4.0, 4.0 * np.sqrt(2.0)])
    assert float(together.up_kw[6, 0]) == pytest.approx(3.0)
    assert float(together.up_kw[7, 0]) == pytest.approx(np.hypot(8.0, 3.0))
    assert float(together.site_down_kw[0]) == pytest.approx(3.0 * np.hypot(8.0, 3.0))
    assert float(pairs.square_kw2[5, 0]) == pytest.approx(2.0 * 4.0 * 12.0)
    np.testing.assert_allclose(together.up_kw[:5, 0], [2.0, 2.0, 2.0, 2.0, 3.0], atol=1e-5)


def test_independent_jobs_have_the_mean_square_of_their_sum() -> None:
    rng = np.random.default_rng(0)
    up = np.array([2.0, 3.0, 1.0, 4.0])
    high = rng.random((200_000, 4)) < DUTY
    total = np.where(high, up, -3.0 * up).sum(axis=1)
    found = feeder([*up, 0.0], [0, 1, 2, 3, 4])
    assert total.var() == pytest.approx(float(found.square_kw2[5, 0]), rel=0.01)
    assert total.max() == pytest.approx(up.sum()) and float(found.up_kw[5, 0]) < up.sum()


def test_float32_stays_float32() -> None:
    swing = Swing(*(np.ones((5, 2), np.float32) for _ in range(2)))
    job = np.zeros((5, 2), np.int16)
    found = feeder_swing(swing, job, ((0, 1, 2, 3),), np.ones((2, 5), np.float32))
    assert {x.dtype for x in found} == {np.dtype(np.float32)}


def test_torch_tells_the_same_story() -> None:
    torch = pytest.importorskip("torch")
    up, job = np.array([[2.0], [2.0], [1.0], [0.0], [3.0]]), np.array([[0], [0], [2], [3], [4]])
    rows = np.ones((1, 5))
    ours = feeder_swing(Swing(up, 3.0 * up), job, ((0, 1, 2, 3),), rows)
    given = torch.as_tensor(up).requires_grad_()
    theirs = feeder_swing(Swing(given, 3.0 * given), torch.as_tensor(job), ((0, 1, 2, 3),), torch.as_tensor(rows))
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-9)
    theirs.up_kw.sum().backward()
    assert torch.isfinite(given.grad).all()


# ---- what machines make of it -------------------------------------------------------------------------------------

NODES = breaker.breaker_nodes([100.0], [150.0], 200.0, [0], np.float64)


def memory_after(swing: breaker.Swing | None, seconds: float, dt_s: float, load_kw: Any = 80.0) -> float:
    """Thermal memory of the rack's breaker."""
    p = Breaker()
    state = breaker.initial(p, NODES, 1, 0.8)
    for k in range(round(seconds / dt_s)):
        kw = np.full((1, 1), float(load_kw(k * dt_s) if callable(load_kw) else load_kw))
        state, _ = breaker.advance(p, NODES, state, kw, kw, kw[0], dt_s, swing)
    return float(state.memory[0, 0])


def swing_of(depth_kw: float) -> breaker.Swing:
    up, down = (1.0 - DUTY) * depth_kw, DUTY * depth_kw
    return breaker.Swing(np.full((3, 1), up), np.full((3, 1), up * down))


def test_a_breaker_heats_by_the_rms_of_the_swing() -> None:
    settled_at = memory_after(swing_of(60.0), 40.0 * 420.0, 60.0)
    assert settled_at == pytest.approx(0.8**2 + 0.25 * 0.75 * 0.6**2, rel=1e-6)
    high, low = 80.0 + 0.25 * 60.0, 80.0 - 0.75 * 60.0
    stepped = memory_after(None, 300.0, 0.05, lambda t: high if t % PERIOD_S < DUTY * PERIOD_S - 1e-9 else low)
    assert memory_after(swing_of(60.0), 300.0, 60.0) == pytest.approx(stepped, abs=3e-4)


def test_a_swing_trips_a_breaker_that_its_mean_would_not() -> None:
    p, kw = Breaker(), np.full((1, 1), 100.0)
    trips = []
    for swing in (None, swing_of(90.0)):
        state, tripped = breaker.initial(p, NODES, 1, 0.9), 0.0
        for _ in range(60):
            state, flows = breaker.advance(p, NODES, state, kw, 0.0 * kw, 0.0 * kw[0], 60.0, swing)
            tripped += float(flows.trips[0])
        trips.append(tripped)
    assert trips[0] == 0.0 < trips[1]


def test_the_instantaneous_trip_goes_by_the_peak() -> None:
    p, kw = Breaker(instantaneous_ratio=2.0, pickup_ratio=1.5), np.full((1, 1), 120.0)
    found = []
    for depth in (0.0, 300.0, 340.0):  # peaks of 1.2, 1.95 and 2.05 times the rating
        _, flows = breaker.advance(
            p, NODES, breaker.initial(p, NODES, 1), kw, 0.0 * kw, 0.0 * kw[0], 1.0, swing_of(depth)
        )
        found.append(float(flows.trips[0]))
    assert found[0] == found[1] == 0.0 < found[2]


@pytest.mark.parametrize("form", ["thermal", "power_law", "iec"])
def test_breakers_without_a_swing_are_those_of_before(form: str) -> None:
    p, rng = Breaker(form=form), np.random.default_rng(1)
    a = b = breaker.initial(p, NODES, 50)
    zero = breaker.Swing(np.zeros((3, 50)), np.zeros((3, 50)))
    for _ in range(10):
        kw = rng.uniform(50.0, 180.0, (1, 50))
        a, fa = breaker.advance(p, NODES, a, kw, kw, kw[0], 30.0)
        b, fb = breaker.advance(p, NODES, b, kw, kw, kw[0], 30.0, zero)
        np.testing.assert_array_equal(a.memory, b.memory)
        np.testing.assert_array_equal(fa.alive, fb.alive)


@pytest.mark.parametrize("meter_s", [0.01, 1.0, 1.5, 1.8, 2.0, 3.0, 5.5])
def test_a_meter_shows_the_largest_of_its_running_means(meter_s: float) -> None:
    wave = np.tile(waveform(10.0, 1.0), 8) - 10.0
    width = round(meter_s / DT_S)
    running = np.convolve(wave, np.full(width, 1.0 / width), "valid")
    assert seen_share(meter_s) * (1.0 - DUTY) == pytest.approx(running.max(), abs=2e-3)


def test_a_battery_never_exports_in_the_trough_of_a_swing() -> None:
    p = battery.Battery(power_kw=1000.0, capacity_kwh=2000.0)
    state = battery.initial(p, 1, 0.9, np.float64)
    trough = np.full(1, 500.0 - 200.0)
    _, flows = battery.advance(p, state, np.full(1, -1000.0), 60.0, trough)
    assert float(flows.power_kw[0]) == pytest.approx(-300.0)
