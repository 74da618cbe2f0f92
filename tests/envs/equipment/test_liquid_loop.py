"""Coolant and facility water loops: handbook checks, both ends of every kW, and faults."""

from __future__ import annotations

import numpy as np
import pytest

from envs.equipment import liquid_loop as loop
from envs.physics import coil
from envs.physics.coolants import PG25, WATER

F8 = np.float64
AI_CDU, AI_FWS = loop.CoolantDistribution(), loop.FacilityWater()
LIQUID_CDU = loop.CoolantDistribution(cdus=4, cdus_running=3, ua_kw_k=215.0, tcs_flow_lpm=3528.0, stored_litres=1440.0)
LIQUID_FWS = loop.FacilityWater(
    flow_kg_s=56.3, pumps_running=2, pump_dp_kpa=250.0, pump_efficiency=0.7, volume_m3=15.0, exchanger_ua_kw_k=0.0
)
TCS_KJ_K = 1.2 * PG25.density_kg_m3 * PG25.cp_kj_kg_k
FWS_KJ_K = 4.0 * WATER.density_kg_m3 * WATER.cp_kj_kg_k


def settle(p, heat, setpoint, fws_c, fws_kg_s, speed=1.0, cdus=3.0, steps=300, dt=60.0, **kwargs):
    state = loop.initial_tcs(1, dtype=F8)
    for _ in range(steps):
        state, flows = loop.advance_tcs(
            p, state, np.array([heat]), setpoint, speed, np.array([fws_c]), fws_kg_s, np.array([cdus]), dt, **kwargs
        )
    return state, flows


@pytest.mark.parametrize(("ua", "eps", "supply"), [(150, 0.6763, 37.67), (200, 0.7456, 36.02), (300, 0.8298, 34.38)])
def test_distribution_unit_gives_the_handbook_effectiveness(ua: float, eps: float, supply: float) -> None:
    tcs, fws = 0.025 * PG25.density_kg_m3 * PG25.cp_kj_kg_k, 0.02 * WATER.density_kg_m3 * WATER.cp_kj_kg_k
    hot = coil.coil_at(coil.CoilLaw(ua / tcs, tcs / fws, 1.0, 0.8, 0.8), np.array(1.0)).full
    assert hot * tcs / min(tcs, fws) == pytest.approx(eps, abs=2e-3)
    returned = 30.0 + 1000.0 / (float(hot) * tcs)
    assert returned - 1000.0 / tcs == pytest.approx(supply, abs=0.05)


def test_unsaturated_unit_floats_at_the_handbook_supply() -> None:
    p = loop.CoolantDistribution(cdus=1, cdus_running=1, ua_kw_k=200.0, tcs_flow_lpm=1500.0)
    pump = 0.025 * 250 / 0.65
    state, flows = settle(p, 1000.0 - pump, 20.0, 30.0, 19.94, cdus=1.0)
    assert state.supply_c[0] == pytest.approx(36.02, abs=0.05)
    assert flows.heat_to_fws_kw[0] == pytest.approx(1000.0, abs=1e-6)


@pytest.mark.parametrize(
    ("p", "heat", "fws_kg_s", "supply", "returned"),
    [(AI_CDU, 1020.0, 24.4, 35.1, 45.1), (LIQUID_CDU, 2352.0, 56.3, 35.6, 45.6)],
)
def test_scenario_units_on_duty_reach_their_design_temperatures(p, heat, fws_kg_s, supply, returned) -> None:
    state, flows = settle(p, heat, 20.0, 32.0, fws_kg_s)
    assert state.supply_c[0] == pytest.approx(supply, abs=0.2)
    assert flows.return_c[0] == pytest.approx(returned, abs=0.3)


def test_pump_powers_are_those_of_the_scenarios() -> None:
    assert settle(AI_CDU, 0.0, 30.0, 30.0, 24.4, steps=2)[1].pump_power_kw[0] == pytest.approx(9.8, abs=0.05)
    assert settle(LIQUID_CDU, 0.0, 30.0, 30.0, 56.3, steps=2)[1].pump_power_kw[0] == pytest.approx(22.6, abs=0.05)
    assert loop.fws_pump_power_kw(AI_FWS, np.array(24.4)) == pytest.approx(5.7, abs=0.1)
    assert loop.fws_pump_power_kw(LIQUID_FWS, np.array(56.3)) == pytest.approx(20.0, abs=0.3)


def test_nvl72_rack_warms_its_coolant_by_ten_kelvin() -> None:
    p = loop.CoolantDistribution(cdus=1, cdus_running=1, ua_kw_k=30.0, tcs_flow_lpm=153.0, pump_dp_kpa=10.0)
    _, flows = settle(p, 102.0, 40.0, 30.0, 2.5, cdus=1.0)
    assert (flows.return_c - flows.supply_c)[0] == pytest.approx(10.1, abs=0.3)


def test_coolant_without_facility_water_warms_as_fast_as_the_handbook_says() -> None:
    state, _ = settle(AI_CDU, 1020.0, 35.0, 30.0, 24.4)
    lost, _ = loop.advance_tcs(
        AI_CDU, state, np.array([1020.0]), 35.0, 1.0, np.array([30.0]), 24.4, np.array([3.0]), 60.0, np.array([0.0])
    )
    assert 12.0 / 1.5 < (lost.supply_c - state.supply_c)[0] < 30.0 * 1.5
    assert (lost.supply_c - state.supply_c)[0] == pytest.approx(1029.8 * 60 / TCS_KJ_K, rel=1e-3)
    assert lost.valve_frac[0] > state.valve_frac[0]


def test_coolant_ledger_closes_for_random_plants_and_steps() -> None:
    rng = np.random.default_rng(3)
    for dt in (1.0, 10.0, 60.0, 300.0, 3600.0):
        n = 200
        state = loop.TcsState(rng.uniform(20, 60, n), rng.uniform(0.7, 1, n), rng.uniform(0, 1, n), np.zeros(n))
        heat = rng.uniform(0, 1500, n)
        after, flows = loop.advance_tcs(
            AI_CDU, state, heat, rng.uniform(25, 42, n), rng.uniform(0.5, 1.1, n), rng.uniform(15, 50, n), 24.4,
            rng.integers(0, 4, n).astype(F8), dt, rng.choice([0.0, 0.5, 1.0], n),
        )  # fmt: skip
        stored = (after.supply_c - state.supply_c) * TCS_KJ_K / dt
        np.testing.assert_allclose(heat + flows.pump_power_kw, flows.heat_to_fws_kw + stored, rtol=1e-12, atol=1e-9)
        assert np.all(flows.heat_to_fws_kw >= 0.0) and np.all(np.isfinite(np.stack(flows)))
        assert np.all(after.supply_c > 10.0)


def test_coolant_holds_its_setpoint_and_the_water_flow_carries_the_heat() -> None:
    state, flows = settle(AI_CDU, 700.0, 38.0, 30.0, 24.4)
    assert state.supply_c[0] == pytest.approx(38.0, abs=1e-6)
    assert 0.2 < flows.valve_frac[0] < 0.9
    exchanger = coil.CoilLaw(330 / 100.92, 100.92 / (24.4 * 4.182), 1.0, 0.8, 0.8)
    at = coil.coil_at(exchanger, np.array(1.0))
    reached = coil.effectiveness(exchanger, at, flows.fws_flow_kg_s / 24.4) * 100.92 * (flows.return_c - 30.0)
    assert reached[0] == pytest.approx(flows.heat_to_fws_kw[0], rel=0.01)


def test_colder_coolant_setpoint_needs_more_facility_water() -> None:
    flow = [settle(AI_CDU, 800.0, setpoint, 30.0, 24.4)[1].fws_flow_kg_s[0] for setpoint in (40.0, 38.0, 36.0)]
    assert flow[0] < flow[1] < flow[2]


def test_a_lost_unit_is_replaced_by_the_standby_and_a_second_one_is_not() -> None:
    p, base = AI_CDU, settle(AI_CDU, 800.0, 38.0, 30.0, 24.4, cdus=3.0)[1]
    assert settle(p, 800.0, 38.0, 30.0, 24.4, cdus=2.0)[1].flow_frac[0] == base.flow_frac[0] == 1.0
    assert settle(p, 800.0, 38.0, 30.0, 24.4, cdus=1.0)[1].flow_frac[0] == 0.5


def test_coolant_without_pumps_stays_finite_and_passes_no_heat() -> None:
    _, flows = settle(AI_CDU, 0.0, 30.0, 20.0, 24.4, cdus=0.0, steps=20)
    assert flows.heat_to_fws_kw[0] == 0.0 and flows.pump_power_kw[0] == 0.0 and flows.flow_frac[0] == 0.0
    assert np.all(np.isfinite(np.stack(flows)))


def test_pump_speed_never_leaves_the_interlock_range() -> None:
    state = loop.initial_tcs(2, dtype=F8)
    assert np.all(loop.pump_speed(AI_CDU, state, np.array([0.1, 2.0]), 600.0) == pytest.approx([0.7, 1.0]))


def test_steps_of_one_and_sixty_seconds_end_alike() -> None:
    ends = [settle(AI_CDU, 900.0, 37.0, 30.0, 24.4, steps=n, dt=dt)[0].supply_c[0] for n, dt in ((300, 1.0), (5, 60.0))]
    assert ends[0] == pytest.approx(ends[1], abs=0.1)


def fws_steps(p, heat, setpoint, cw_c, cw_kg_s, flow, steps=300, dt=60.0):
    state = loop.initial_fws(1, dtype=F8)
    for _ in range(steps):
        state, flows = loop.advance_fws(
            p, state, np.array([heat]), np.array([flow]), setpoint, np.array([cw_c]), np.array([cw_kg_s]), dt
        )
    return state, flows


def test_plate_exchanger_holds_facility_water_on_the_design_day() -> None:
    state, flows = fws_steps(AI_FWS, 1030.0, 20.0, 28.9, 30.0, 24.4)
    assert state.supply_c[0] == pytest.approx(32.0, abs=0.5)
    assert flows.valve_frac[0] == pytest.approx(1.0, abs=1e-6)


def test_facility_water_floats_above_its_setpoint_when_condenser_water_is_warm() -> None:
    cool, warm = (fws_steps(AI_FWS, 1030.0, 32.0, cw, 30.0, 24.4) for cw in (26.0, 32.0))
    assert cool[0].supply_c[0] == pytest.approx(32.0, abs=1e-6) and cool[1].valve_frac[0] < 0.95
    assert warm[0].supply_c[0] > 34.0 and warm[1].valve_frac[0] == pytest.approx(1.0, abs=1e-6)


def test_facility_water_ledger_closes_for_random_inputs_and_steps() -> None:
    rng = np.random.default_rng(5)
    for dt in (1.0, 60.0, 3600.0):
        n = 200
        state, heat = loop.FwsState(rng.uniform(15, 50, n)), rng.uniform(0, 1500, n)
        flow = loop.fws_flow(AI_FWS, rng.uniform(0, 30, n), rng.integers(0, 3, n).astype(F8))
        results = (
            loop.advance_fws(
                AI_FWS, state, heat, flow, rng.uniform(20, 36, n), rng.uniform(10, 40, n), rng.uniform(0, 60, n), dt
            ),
            loop.advance_fws_with_leaving_water(AI_FWS, state, heat, flow, rng.uniform(15, 40, n), dt),
        )
        for after, flows in results:
            stored = (after.supply_c - state.supply_c) * FWS_KJ_K / dt
            np.testing.assert_allclose(heat + flows.pump_power_kw, flows.heat_out_kw + stored, rtol=1e-12, atol=1e-8)
            assert np.all(np.isfinite(np.stack(flows)))


def test_facility_water_behind_a_dry_cooler_settles_at_the_leaving_temperature_at_any_step() -> None:
    for dt in (5.0, 60.0, 3600.0):
        state = loop.initial_fws(1, dtype=F8)
        flow, heat = np.array([56.3]), np.array([2352.0])
        for _ in range(int(20_000 / dt) + 3):
            entering = loop.fws_return_c(LIQUID_FWS, state, heat, flow)
            leaving = entering - 0.8 * (entering - 28.0)
            state, flows = loop.advance_fws_with_leaving_water(LIQUID_FWS, state, heat, flow, leaving, dt)
        assert flows.heat_out_kw[0] == pytest.approx(2352.0 + flows.pump_power_kw[0], rel=1e-6)
        expected = 28.0 + 0.2 / 0.8 * flows.heat_out_kw[0] / (56.3 * WATER.cp_kj_kg_k)
        assert state.supply_c[0] == pytest.approx(expected, abs=1e-3)


def test_facility_water_keeps_its_least_flow_and_stops_without_pumps() -> None:
    flow = loop.fws_flow(AI_FWS, np.array([0.0, 10.0, 99.0, 10.0]), np.array([2.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(flow, [7.32, 10.0, 24.4, 0.0])


def test_coolant_floor_stands_three_kelvin_above_the_dew_point() -> None:
    assert loop.condensation_floor_c(np.array(15.0)) == 18.0


def test_float32_stays_float32_and_torch_agrees() -> None:
    state = loop.initial_tcs(4)
    one = np.ones(4, dtype=np.float32)
    after, flows = loop.advance_tcs(AI_CDU, state, one * 900, one * 37, one, one * 30, 24.4, one * 3, 60.0)
    cold, cold_flows = loop.advance_fws(AI_FWS, loop.initial_fws(4), one * 900, one * 20, one * 30, one * 25, one, 60.0)
    assert {x.dtype for x in (*after, *flows, *cold, *cold_flows)} == {np.dtype(np.float32)}
    torch = pytest.importorskip("torch")
    t = torch.ones(4, dtype=torch.float64)
    wide = loop.initial_tcs(4, dtype=F8)
    numpy_after, _ = loop.advance_tcs(
        AI_CDU, wide, t.numpy() * 900, t.numpy() * 37, t.numpy(), t.numpy() * 30, 24.4, t.numpy() * 3, 60.0
    )
    torch_state = loop.TcsState(*(torch.as_tensor(x) for x in wide))
    torch_after, _ = loop.advance_tcs(AI_CDU, torch_state, t * 900, t * 37, t, t * 30, 24.4, t * 3, 60.0)
    for ours, theirs in zip(numpy_after, torch_after, strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-6)
