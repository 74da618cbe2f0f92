"""PHYSICS e3: crossflow coil of a real unit, fans, pad and water."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from envs.equipment import dry_cooler
from envs.physics import psychrometrics as air

BANK = dry_cooler.DryCooler()
DRY = dataclasses.replace(BANK, has_pad=False)
CP = 4.182


def run(
    p: dry_cooler.DryCooler,
    water_in: Any,
    setpoint: Any,
    dry_c: Any,
    wet_c: Any = 5.0,
    flow_kg_s: float = 56.3,
    units: float = 3.0,
    pad: float = 0.0,
    pressure: float = 101.325,
    dtype: Any = np.float64,
    smooth: bool = False,
) -> dry_cooler.DryCoolerFlows:
    t_in, sp, dry, wet = (np.asarray(x, np.float64) for x in np.broadcast_arrays(water_in, setpoint, dry_c, wet_c))
    t_in, sp, dry, wet = (np.atleast_1d(x) for x in (t_in, sp, dry, wet))
    w = np.maximum(air.humidity_ratio_at_wet_bulb(dry, wet, pressure), 1e-4)
    state = dry_cooler.DryCoolerState(np.full(dry.shape, pad, dtype))
    t_in, sp, dry, wet, w = (x.astype(dtype) for x in (t_in, sp, dry, wet, w))
    flow = np.full(dry.shape, flow_kg_s, dtype)
    return dry_cooler.advance(p, state, t_in, flow, CP, sp, dry, wet, w, pressure, units, 60.0, smooth)[1]


@pytest.mark.parametrize(
    ("t_in", "t_air", "water", "fan", "heat", "out"),
    [
        (46.11, 35.0, 1.0, 1.0, 2931.0, 40.55),
        (46.11, 35.0, 1.0, 0.5, 1962.0, 42.39),
        (40.0, 20.0, 1.0, 0.6, 3977.0, 32.46),
        (40.0, 10.0, 0.7, 0.3, 3422.5, 30.73),
    ],
)
def test_the_real_unit_is_as_listed_on_and_off_design(
    t_in: float, t_air: float, water: float, fan: float, heat: float, out: float
) -> None:
    stream = BANK.water_kw_k * water
    eps = dry_cooler.water_effectiveness(BANK, np.array([stream]), np.array([fan]))[0]
    assert eps * stream * (t_in - t_air) == pytest.approx(heat, abs=1.0)
    assert t_in - eps * (t_in - t_air) == pytest.approx(out, abs=0.01)
    one = dataclasses.replace(DRY, units=1)
    flows = run(one, t_in, out, t_air, flow_kg_s=stream / CP, units=1.0)
    assert flows.fan_speed[0] == pytest.approx(fan, rel=0.01)
    assert flows.fan_power_kw[0] == pytest.approx(117.7 * fan**3, rel=0.02)


def test_three_units_of_liquid_hall_cool_the_design_day_at_28() -> None:
    rise = 2352.0 / (56.3 * CP)
    water = 40.0
    for _ in range(200):
        water = run(DRY, water, 10.0, 28.0, 20.0).water_out_c[0] + rise
    assert water - rise == pytest.approx(28.9, abs=0.3)


def test_the_pad_brings_phoenix_air_to_27() -> None:
    flows = run(BANK, 40.0, 10.0, 44.4, 24.0)
    assert flows.air_in_c[0] == pytest.approx(27.1, abs=0.1)
    gain = flows.evaporation_kg_s[0] / (3 * 527.0 / 1.006)
    assert gain == pytest.approx(0.0069, abs=2e-4)
    assert flows.makeup_kg_s[0] == pytest.approx(1.2 * flows.evaporation_kg_s[0])


def test_the_pad_switches_with_hysteresis() -> None:
    states, pad = [], 0.0
    for dry in (21.0, 21.9, 22.1, 21.0, 18.1, 17.9, 19.0, 21.0):
        pad = run(BANK, 30.0, 25.0, dry, pad=pad).pad_on[0]
        states.append(pad)
    assert states == [0, 0, 1, 1, 1, 0, 0, 0]
    assert dry_cooler.initial(BANK, np.array([19.0, 25.0])).pad_on.tolist() == [0.0, 1.0]
    assert dry_cooler.initial(DRY, np.array([25.0])).pad_on.tolist() == [0.0]


def test_no_pad_is_wetted_while_dry_air_is_cold_enough_for_the_setpoint() -> None:
    dry = np.array([22.5, 27.9, 28.1, 40.0])
    assert run(BANK, 40.0, 31.0, dry).pad_on.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_smooth_pads_do_what_the_switch_does_away_from_it_and_have_no_jump_at_it() -> None:
    dry = np.linspace(5.0, 48.0, 861)
    hard, soft = (run(BANK, 40.0, 31.0, dry, dry - 8.0, smooth=smooth) for smooth in (False, True))
    away = np.abs(dry - 25.0) > 4.0 * BANK.pad_band_k
    assert soft.makeup_kg_s[away] == pytest.approx(hard.makeup_kg_s[away], abs=0.01 * hard.makeup_kg_s.max())
    assert soft.pad_on[away] == pytest.approx(hard.pad_on[away], abs=0.01)
    jump = np.abs(np.diff(soft.makeup_kg_s)).max() / soft.makeup_kg_s.max()
    assert jump < 0.1 < np.abs(np.diff(hard.makeup_kg_s)).max() / hard.makeup_kg_s.max()
    assert not run(DRY, 40.0, 31.0, dry, smooth=True).pad_on.any()


@pytest.mark.parametrize("setpoint", [24.0, 30.0, 36.0])
@pytest.mark.parametrize("rise", [0.5, 4.0, 10.0])
def test_hotter_outside_never_saves_power_and_power_has_no_jump(setpoint: float, rise: float) -> None:
    dry = np.linspace(-25.0, 48.0, 1461)
    flows = run(DRY, setpoint + rise, setpoint, dry, -30.0)
    assert np.diff(flows.fan_power_kw).min() > -1e-6
    assert np.all(np.diff(flows.water_out_c) > -1e-9)
    worst = np.argmax(np.diff(flows.fan_power_kw))
    fine = run(DRY, setpoint + rise, setpoint, np.linspace(dry[worst], dry[worst + 1], 101), -30.0)
    assert np.diff(fine.fan_power_kw).max() < 25.0


def test_colder_setpoint_never_saves_power_nor_warms_the_water() -> None:
    flows = run(DRY, 40.0, np.linspace(40.0, 20.0, 401), 18.0)
    assert np.diff(flows.fan_power_kw).min() > -1e-6
    assert np.all(np.diff(flows.water_out_c) < 1e-9)


def test_water_leaves_at_its_setpoint_where_the_fans_can() -> None:
    flows = run(DRY, 42.0, 32.0, [0.0, 10.0, 20.0, 28.0])
    assert flows.water_out_c == pytest.approx([32.0] * 4)


def test_fans_rest_where_the_water_is_cold_enough_and_heat_never_flows_in() -> None:
    assert run(DRY, 30.0, 32.0, [10.0, 40.0]).fan_power_kw == pytest.approx([0.0, 0.0])
    hot = run(DRY, 35.0, 30.0, 42.0)
    assert hot.heat_kw[0] == 0.0
    assert hot.fan_speed[0] == pytest.approx(1.0)


def test_heat_is_what_the_water_loses() -> None:
    flows = run(DRY, [30.0, 38.0, 45.0], 28.0, [5.0, 27.0, 35.0])
    assert flows.heat_kw == pytest.approx(56.3 * CP * (np.array([30.0, 38.0, 45.0]) - flows.water_out_c))
    assert np.all(flows.heat_kw >= 0.0)


def test_no_unit_no_cooling_and_no_flow_no_heat() -> None:
    lost = run(BANK, 40.0, 30.0, 25.0, 15.0, units=0.0, pad=1.0)
    assert [lost.heat_kw[0], lost.fan_power_kw[0], lost.evaporation_kg_s[0], lost.water_out_c[0]] == [0, 0, 0, 40]
    still = run(DRY, 40.0, 30.0, 20.0, flow_kg_s=0.0)
    assert still.heat_kw[0] == 0.0
    assert np.all(np.isfinite(np.stack(still)))


def test_fewer_units_cost_more_fan_power_and_reach_less() -> None:
    three, two = run(DRY, 42.0, 32.0, 24.0), run(DRY, 42.0, 32.0, 24.0, units=2.0)
    assert two.fan_power_kw[0] > three.fan_power_kw[0]
    assert run(DRY, 42.0, 20.0, 30.0, units=2.0).water_out_c[0] > run(DRY, 42.0, 20.0, 30.0).water_out_c[0]


def test_thin_air_cools_less_at_full_speed() -> None:
    high, low = run(DRY, 42.0, 20.0, 30.0, pressure=83.431), run(DRY, 42.0, 20.0, 30.0)
    assert high.water_out_c[0] > low.water_out_c[0]
    assert high.fan_power_kw[0] == pytest.approx(low.fan_power_kw[0] * 83.431 / 101.325)


def test_a_wet_pad_never_needs_more_fan_power() -> None:
    dry = np.linspace(18.5, 40.0, 50)
    wet, off = run(BANK, 42.0, 32.0, dry, dry - 8.0, pad=1.0), run(DRY, 42.0, 32.0, dry, dry - 8.0)
    assert np.all(wet.fan_power_kw <= off.fan_power_kw + 1e-9)
    assert np.all(wet.evaporation_kg_s >= 0.0)


def test_fan_speed_is_found_over_the_whole_range_of_water_flows() -> None:
    speed = np.linspace(0.2, 1.0, 81)
    for share in (0.1, 0.15, 0.3, 1.0, 2.0):
        stream = share * DRY.water_kw_k
        wanted_c = 40.0 - 30.0 * dry_cooler.water_effectiveness(DRY, np.full_like(speed, stream), speed)
        flows = run(DRY, 40.0, wanted_c, 10.0, flow_kg_s=3.0 * stream / CP)
        assert np.abs(flows.fan_speed / speed - 1.0).max() < 0.003
        assert flows.fan_power_kw == pytest.approx(3.0 * DRY.fan_kw * flows.fan_speed**3)  # no fan rests
        assert flows.water_out_c == pytest.approx(wanted_c)


def test_float32_stays_float32_and_follows_float64() -> None:
    a, b = (run(BANK, 42.0, 32.0, [5.0, 21.0, 30.0], [3.0, 15.0, 20.0], dtype=t) for t in (np.float32, np.float64))
    assert all(x.dtype == np.float32 for x in a)
    assert all(x.dtype == np.float64 for x in b)
    assert np.allclose(np.stack(a), np.stack(b), rtol=1e-3, atol=1e-3)


def test_torch_gives_the_same_cooler() -> None:
    torch = pytest.importorskip("torch")

    def step(to: Any) -> Any:
        rows = (
            np.array(x) for x in ([42.0, 40.0], [56.3, 50.0], [32.0, 30.0], [25.0, 10.0], [18.0, 6.0], [0.01, 0.005])
        )
        t_in, flow, sp, dry, wet, w = (to(x) for x in rows)
        state = dry_cooler.initial(BANK, dry)
        return dry_cooler.advance(BANK, state, t_in, flow, CP, sp, dry, wet, w, 101.325, 3.0, 60.0)[1]

    assert np.allclose(np.stack([np.asarray(x) for x in step(torch.from_numpy)]), np.stack(step(np.asarray)), rtol=1e-6)


def test_a_pad_is_drained_before_it_freezes_whatever_its_switch_point() -> None:
    early = dataclasses.replace(BANK, pad_switch_c=-5.0, pad_approach_k=20.0)
    dry = np.array([-5.0, 3.9, 4.5, 8.5])
    assert run(early, 30.0, 10.0, dry, dry - 2.0, pad=1.0).pad_on.tolist() == [0.0, 0.0, 1.0, 1.0]
    frozen = run(early, 30.0, 10.0, dry, dry - 2.0, pad=1.0)
    assert np.all(frozen.makeup_kg_s[:2] == 0.0) and np.all(frozen.makeup_kg_s[2:] > 0.0)
    assert dry_cooler.initial(early, dry).pad_on.tolist() == [0.0, 0.0, 0.0, 1.0]
