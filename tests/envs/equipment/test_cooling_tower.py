"""PHYSICS e2, j5 and j6: York map, Merkel as its oracle, fans, basin, staging and water."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from envs.equipment import cooling_tower as tower
from envs.physics import psychrometrics as air
from envs.physics.heat_exchanger import counterflow_effectiveness
from experiments.published.heat_rejection import MERKEL

AI_HALL = tower.CoolingTower()
LEGACY_AIR = tower.CoolingTower(
    min_cells=2,
    cell_nominal_kw=300.0,
    cell_water_kg_s=12.9,
    cell_fan_kw=3.2,
    cell_air_kg_s=8.1,
    pump_flow_l_s=13.0,
    pump_head_kpa=200.0,
    pump_efficiency=0.6,
)
FIVE_POINTS = [point[:3] for point in MERKEL]


def weather(p: tower.CoolingTower, wet_c: Any, depression: float = 5.0, dtype: Any = np.float64) -> tower.TowerWeather:
    wet = np.asarray(wet_c, np.float64)
    w = np.maximum(air.humidity_ratio_at_wet_bulb(wet + depression, wet, 101.325), 1e-4)
    return tower.weather_terms(p, *(np.asarray(x, dtype) for x in (wet, wet + depression, w)), 101.325)


def settle(
    p: tower.CoolingTower, wet_c: Any, heat_kw: float, setpoint_c: float, dt_s: float = 60.0
) -> tower.TowerFlows:
    sky = weather(p, wet_c)
    one = np.ones_like(sky.floor_c)
    state = tower.initial(p, setpoint_c * one, heat_kw * one)
    for _ in range(round(30_000 / dt_s)):
        state, flows = tower.advance(p, state, heat_kw * one, setpoint_c * one, sky, float(p.cells), dt_s)
    return flows


def held(p: tower.CoolingTower, cells: int) -> tower.CoolingTower:
    return dataclasses.replace(p, min_cells=cells, duty_cells=cells)


@pytest.mark.parametrize(
    ("tr", "wet", "lg", "approach"),
    [(5.56, 25.56, 1, 3.8425), (5.56, 20, 1, 5.0580), (5.56, 10, 1, 7.7706), (5.56, 20, 2, 10.9299)],
)
def test_york_approach_is_as_listed(tr: float, wet: float, lg: float, approach: float) -> None:
    water = tower.outlet_c(np.array([wet + approach + tr]), np.array([float(wet)]), 1.0 / lg)
    assert water[0] - wet == pytest.approx(approach, abs=2e-4)


@pytest.mark.parametrize(("point", "outlet"), list(zip(FIVE_POINTS, [29.416, 31.600, 24.801, 28.495, 23.429])))
def test_york_outlet_in_closed_form_is_as_listed(point: tuple[float, ...], outlet: float) -> None:
    hot, wet, fan = point
    assert tower.outlet_c(np.array([hot]), np.array([wet]), fan)[0] == pytest.approx(outlet, abs=1e-3)


def _saturated(t: float) -> float:
    return float(air.enthalpy_kj_kg(t, air.saturation_humidity_ratio(t, 101.325)))


def merkel_outlet(hot: float, wet: float, fan: float, ua0: float, liquid_gas: float = 1.15) -> float:
    """PHYSICS E7 for one kg/s of water: counterflow, the air's heat capacity is the slope of h_sat."""
    ua = ua0 * (1 + 0.0081 * (25.56 - wet)) * (1.3 * fan - 0.3 * fan**2) * (0.1082 + 1.667 - 0.7713)
    air_kg_s, cp_water = fan / liquid_gas, 4.182

    def surplus(out: float) -> float:
        q = cp_water * (hot - out)
        leaving = brentq(lambda t: air_kg_s * (_saturated(t) - _saturated(wet)) - q, wet, 60.0)
        cp = (_saturated(leaving) - _saturated(wet)) / max(leaving - wet, 1e-6)
        least, most = sorted((air_kg_s * cp, cp_water))
        eps = float(counterflow_effectiveness(ua * cp / 1.006 / least, least / most))
        return q - eps * least * (hot - wet)

    return float(brentq(surplus, wet - 1.0, hot - 1e-3))


def test_york_and_merkel_agree() -> None:
    ua0 = brentq(lambda ua: merkel_outlet(35.0, 25.56, 1.0, ua) - 29.43, 0.1, 6.0)
    merkel = np.array([merkel_outlet(*point, ua0) for point in FIVE_POINTS])
    assert merkel == pytest.approx([outlet for *_, outlet in MERKEL], abs=0.02)
    york = [tower.outlet_c(np.array([h]), np.array([t]), f)[0] for h, t, f in FIVE_POINTS]
    assert np.abs(york - merkel).max() <= 0.17


def test_two_cells_of_ai_hall_carry_the_design_day_at_28_9() -> None:
    flows = settle(held(AI_HALL, 2), [25.56], 1598.0 - 15.8, 15.6)
    assert flows.supply_c[0] == pytest.approx(28.9, abs=0.1)
    assert flows.fan_speed[0] == pytest.approx(1.0)
    assert flows.fan_power_kw[0] == pytest.approx(17.8)
    assert flows.pump_power_kw[0] == pytest.approx(15.8, abs=0.1)


def test_two_cells_of_legacy_air_carry_their_design_day() -> None:
    flows = settle(held(LEGACY_AIR, 2), [25.56], 590.0, 15.6)
    assert flows.supply_c[0] == pytest.approx(29.4, abs=0.3)
    assert flows.pump_power_kw[0] == pytest.approx(8.7, abs=0.1)


def test_fans_that_modulate_draw_by_the_cube_of_their_speed() -> None:
    flows = settle(held(AI_HALL, 1), np.full(9, 20.0), np.linspace(150.0, 800.0, 9), 25.0)
    assert tower.MIN_FAN_SPEED < flows.fan_speed.min() < 0.4 and flows.fan_speed.max() > 0.6
    np.testing.assert_allclose(flows.fan_power_kw, AI_HALL.cell_fan_kw * flows.fan_speed**3, rtol=1e-9)


@pytest.mark.parametrize("load", [0.05, 0.2, 0.5, 0.9, 1.2])
@pytest.mark.parametrize("setpoint", [10.0, 15.6, 20.0, 25.0, 29.4])
def test_hotter_wet_bulb_never_lowers_fan_power_and_power_has_no_jump(load: float, setpoint: float) -> None:
    wet = np.linspace(-10.0, 35.0, 901)
    flows = settle(held(AI_HALL, 1), wet, load * 850.0, setpoint)
    change = np.diff(flows.fan_power_kw)
    assert change.min() > -1e-9
    assert change.max() < 1.3
    fine = np.linspace(wet[np.argmax(change)], wet[np.argmax(change) + 1], 101)
    assert np.diff(settle(held(AI_HALL, 1), fine, load * 850.0, setpoint).fan_power_kw).max() < 0.1
    assert np.all(np.diff(flows.supply_c) > -1e-9)


@pytest.mark.parametrize("basin", [14.0, 20.0, 26.0, 32.0])
@pytest.mark.parametrize("heat", [20.0, 300.0, 900.0])
def test_hotter_wet_bulb_never_lowers_fan_power_within_one_step(basin: float, heat: float) -> None:
    sky = weather(AI_HALL, np.linspace(-10.0, 38.0, 1201))
    one = np.ones_like(sky.floor_c)
    state = tower.initial(held(AI_HALL, 1), basin * one, heat * one)
    _, flows = tower.advance(held(AI_HALL, 1), state, heat * one, 22.0 * one, sky, 3.0, 60.0)
    assert np.diff(flows.fan_power_kw).min() > -1e-6


@pytest.mark.parametrize("wet", [0.0, 12.0, 22.0])
def test_more_load_and_colder_setpoint_never_lower_fan_power(wet: float) -> None:
    p, many = held(AI_HALL, 1), np.full(201, wet)
    by_load = settle(p, many, np.linspace(0.0, 1000.0, 201), 24.0).fan_power_kw
    by_setpoint = settle(p, many, 500.0, np.linspace(29.4, 10.0, 201)).fan_power_kw
    assert np.diff(by_load).min() > -1e-9
    assert np.diff(by_setpoint).min() > -1e-9


def test_water_is_held_at_its_setpoint_where_the_fans_can() -> None:
    flows = settle(AI_HALL, [5.0, 15.0, 20.0], 1000.0, 26.0)
    assert flows.supply_c == pytest.approx([26.0] * 3, abs=1e-6)
    assert np.all((flows.fan_speed > 0) & (flows.fan_speed < 1))


def test_fan_speed_brings_the_outlet_back_through_the_map() -> None:
    flows = settle(held(AI_HALL, 2), [12.0, 16.0, 20.0], 1400.0, 24.0)
    water = tower.cell_flow_kg_s(AI_HALL)
    hot = flows.supply_c + flows.heat_in_kw / (flows.flow_kg_s * 4.182)
    back = [
        tower.outlet_c(hot[[i]], np.array([wet]), flows.fan_speed[i], water / AI_HALL.cell_water_kg_s)[0]
        for i, wet in enumerate((12.0, 16.0, 20.0))
    ]
    assert flows.supply_c == pytest.approx(back, abs=1e-3)


def test_condenser_water_never_falls_under_10_and_needs_no_fan_there() -> None:
    flows = settle(AI_HALL, [-25.0, -5.0], 20.0, 5.0)
    assert flows.supply_c == pytest.approx([10.0, 10.0])
    assert flows.fan_power_kw == pytest.approx([0.0, 0.0])


def test_above_the_map_the_outlet_follows_the_wet_bulb() -> None:
    hot = np.array([36.0, 37.0, 40.0])
    out = tower.outlet_c(hot, hot - 9.3, 1.0)
    assert np.diff(out) == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize("dt", [1.0, 60.0, 3600.0])
def test_heat_closes_with_the_basin_in_every_step(dt: float) -> None:
    sky = weather(AI_HALL, [-5.0, 12.0, 24.0, 31.0])
    one = np.ones(4)
    state = tower.initial(AI_HALL, np.array([12.0, 35.0, 24.0, 20.0]), 900.0 * one)
    for step in range(40):
        heat = (900.0 + 600.0 * np.sin(step)) * one
        new, flows = tower.advance(AI_HALL, state, heat, 22.0 * one, sky, 3.0, dt)
        stored = tower.heat_capacity_kj_k(AI_HALL) * (new.basin_c - state.basin_c) / dt
        assert np.allclose(flows.heat_in_kw - flows.heat_rejected_kw, stored, rtol=1e-9, atol=1e-7)
        assert np.allclose(flows.heat_in_kw, heat + flows.pump_power_kw)
        assert np.all(flows.heat_rejected_kw >= 0.0)
        state = new


def test_the_time_step_does_not_matter() -> None:
    p, one = held(AI_HALL, 2), np.ones(3)
    ends, energies = [], []
    for dt in (5.0, 60.0):
        sky = weather(p, [8.0, 20.0, 25.0])
        state, fan = tower.initial(p, 24.0 * one, 800.0 * one), 0.0
        for step in range(round(3600 / dt)):
            heat = (1500.0 if step * dt < 1800 else 700.0) * one
            state, flows = tower.advance(p, state, heat, 22.0 * one, sky, 3.0, dt)
            fan = fan + flows.fan_power_kw * dt / 3600.0
        ends.append(state.basin_c)
        energies.append(fan)
    assert ends[1] == pytest.approx(ends[0], abs=0.05)
    assert energies[1] == pytest.approx(energies[0], rel=0.02, abs=0.02)


def test_a_lost_tower_warms_its_water_and_rejects_nothing() -> None:
    sky, one = weather(AI_HALL, [15.0]), np.ones(1)
    state = tower.initial(AI_HALL, 20.0 * one, 1000.0 * one)
    new, flows = tower.advance(AI_HALL, state, 1000.0 * one, 20.0 * one, sky, 0.0, 60.0)
    assert (flows.running[0], flows.fan_power_kw[0], flows.flow_kg_s[0], flows.evaporation_kg_s[0]) == (0, 0, 0, 0)
    assert flows.heat_rejected_kw[0] == pytest.approx(0.0, abs=1e-2)
    assert new.basin_c[0] > 20.0


def test_per_cell_water_stays_inside_the_map() -> None:
    for p in (AI_HALL, LEGACY_AIR):
        assert 0.75 <= tower.cell_flow_kg_s(p) / p.cell_water_kg_s <= 1.25


def test_cells_follow_the_load_and_never_exceed_duty_or_what_is_left() -> None:
    light, heavy = settle(AI_HALL, [10.0], 300.0, 24.0), settle(AI_HALL, [10.0], 1500.0, 24.0)
    assert (light.running[0], heavy.running[0]) == (1.0, 2.0)
    sky, one = weather(AI_HALL, [10.0]), np.ones(1)
    state = tower.initial(AI_HALL, 24.0 * one, 1500.0 * one)
    _, flows = tower.advance(AI_HALL, state, 1500.0 * one, 24.0 * one, sky, 1.0, 60.0)
    assert flows.running[0] == 1.0


def test_a_setpoint_out_of_reach_does_not_make_cells_flap() -> None:
    sky, one = weather(AI_HALL, [26.0]), np.ones(1)
    state, seen = tower.initial(AI_HALL, 28.0 * one, 300.0 * one), []
    for _ in range(600):
        state, flows = tower.advance(AI_HALL, state, 300.0 * one, 16.0 * one, sky, 3.0, 60.0)
        seen.append(flows.running[0])
    assert np.count_nonzero(np.diff(seen)) <= 1


def test_water_ledger_closes_and_evaporation_is_plausible() -> None:
    flows = settle(AI_HALL, [0.0, 10.0, 20.0, 25.0], 1200.0, 24.0)
    assert flows.makeup_kg_s == pytest.approx(flows.evaporation_kg_s + flows.drift_kg_s + flows.blowdown_kg_s)
    per_kwh = flows.evaporation_kg_s * 3600.0 / flows.heat_rejected_kw
    assert np.all((per_kwh > 0.6) & (per_kwh < 1.7))
    cycles = flows.makeup_kg_s / (flows.blowdown_kg_s + flows.drift_kg_s)
    assert cycles == pytest.approx([4.0] * 4)


def test_float32_stays_float32_and_follows_float64() -> None:
    results = []
    for dtype in (np.float32, np.float64):
        sky = weather(AI_HALL, [2.0, 14.0, 27.0], dtype=dtype)
        one = np.ones(3, dtype)
        state = tower.initial(AI_HALL, 25 * one, 1100 * one)
        for _ in range(100):
            state, flows = tower.advance(AI_HALL, state, 1100 * one, 22 * one, sky, 3.0 * one, 60.0)
        assert all(x.dtype == dtype for x in (*flows, state.basin_c, *state.stages))
        results.append(np.stack(flows))
    assert np.allclose(results[0], results[1], rtol=2e-3, atol=2e-3)


def test_torch_gives_the_same_tower() -> None:
    torch = pytest.importorskip("torch")
    wet, dry, w = np.array([2.0, 14.0, 27.0]), np.array([6.0, 20.0, 33.0]), np.array([0.003, 0.008, 0.02])

    def run(to: Any) -> Any:
        sky = tower.weather_terms(AI_HALL, to(wet), to(dry), to(w), 101.325)
        state = tower.initial(AI_HALL, to(np.full(3, 25.0)), to(np.full(3, 1100.0)))
        for _ in range(30):
            heat, setpoint = to(np.full(3, 1100.0)), to(np.full(3, 22.0))
            state, flows = tower.advance(AI_HALL, state, heat, setpoint, sky, to(np.full(3, 3.0)), 60.0)
        return np.stack([np.asarray(x) for x in flows])

    assert np.allclose(run(torch.from_numpy), run(np.asarray), rtol=1e-6, atol=1e-6)


def test_parameters_may_differ_from_one_environment_to_the_next() -> None:
    varied = dataclasses.replace(AI_HALL, cell_fan_kw=np.array([8.0, 10.0]), pump_flow_l_s=np.array([28.0, 32.0]))
    flows = settle(varied, [20.0, 20.0], 1000.0, 24.0)
    each = [
        settle(dataclasses.replace(AI_HALL, cell_fan_kw=f, pump_flow_l_s=v), [20.0], 1000.0, 24.0)
        for f, v in ((8.0, 28.0), (10.0, 32.0))
    ]
    assert flows.fan_power_kw == pytest.approx([x.fan_power_kw[0] for x in each])


def test_basin_heaters_of_idle_cells_follow_the_frost_and_stop_at_their_thermostat() -> None:
    dry = np.array([-35.0, -10.0, 4.0, 4.5, 20.0])
    sky = weather(AI_HALL, dry - 1.0, 1.0)
    state = tower.initial(AI_HALL, 24.0 + 0.0 * dry, 400.0 + 0.0 * dry)
    _, flows = tower.advance(AI_HALL, state, 400.0 + 0.0 * dry, 24.0 + 0.0 * dry, sky, 3.0, 60.0)
    assert flows.running.tolist() == [1.0] * 5
    np.testing.assert_allclose(flows.basin_heater_kw, 2.0 * 0.3 * np.maximum(4.4 - dry, 0.0), atol=1e-12)
    assert flows.basin_heater_kw[0] > 20.0


def test_a_tower_without_idle_cells_or_without_heaters_has_no_freeze_duty() -> None:
    for p in (held(AI_HALL, 3), dataclasses.replace(AI_HALL, basin_heater_kw_k=0.0)):
        flows = settle(p, np.array([-20.0]), 1200.0, 24.0)
        assert flows.basin_heater_kw[0] == 0.0
