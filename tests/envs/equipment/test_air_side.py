"""The air of a zone: design points, the ledger, honest responses, faults and ride-through."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from envs.equipment import air_side
from envs.equipment.air_side import AirZone
from envs.equipment.air_zone import zone_table, zones_at_pressure
from envs.physics.recirculation import rack_spread, recirculation_matrix
from envs.units import CP_AIR_KJ_KG_K, LATENT_HEAT_KJ_KG, RHO_AIR_KG_M3

F8 = np.float64
HALL_A = AirZone(
    fabric_kw_k_m3=0.0, air_changes_per_h=0.0
)  # slab and walls take hours to settle: where they matter a test has them
HALL_B = dataclasses.replace(HALL_A, crah_units=4, crah_running=4, it_flow_m3_s=15.9)
LEGACY = AirZone(
    crah_units=8, crah_running=8, unit_flow_m3_s=5.7, fan_kw=4.3, coil_ua_kw_k=7.5, coil_water_kg_s=3.26,
    leakage_frac=0.15, it_flow_m3_s=24.0, hot_aisle_kj_k=2000.0, plenum_kj_k=300.0, air_volume_m3=810.0,
    humidity_floor_c=5.5, fabric_kw_k_m3=0.0, air_changes_per_h=0.0,
)  # fmt: skip
EDGE = AirZone(
    unit_flow_m3_s=2.7, fan_kw=1.6, coil_ua_kw_k=3.06, coil_water_kg_s=1.79, leakage_frac=0.05, it_flow_m3_s=4.8,
    hot_aisle_kj_k=200.0, plenum_kj_k=100.0, air_volume_m3=135.0, fabric_kw_k_m3=0.0, air_changes_per_h=0.0,
)  # fmt: skip
DRY = air_side.OutdoorAir(np.array([20.0]), np.array([0.008]))


def column(value: float) -> np.ndarray:
    return np.array([[float(value)]])


def settle(
    zone: AirZone,
    heat: float,
    fan: float,
    setpoint: float,
    chw: float,
    steps: int = 400,
    dt: float = 60.0,
    it_kg_s: float | None = None,
    units: float = 99.0,
    start: air_side.AirState | None = None,
    **kwargs: np.ndarray,
):
    """Steady zone with a fixed heat; the racks' air defaults to the design flow."""
    zt = air_side.zone_table([zone], dtype=F8)
    state = air_side.initial(zt, 1) if start is None else start
    flow = zone.it_flow_m3_s * RHO_AIR_KG_M3 if it_kg_s is None else it_kg_s
    for _ in range(steps):
        speed = air_side.fan_speed(state, column(fan), dt)
        air = air_side.balance(zt, speed, column(min(units, zone.crah_units)), column(flow))
        state, flows = air_side.advance(
            zt, state, air, column(heat), column(0.0), column(setpoint), np.array([chw]), DRY, dt, **kwargs
        )
    return state, air, flows


@pytest.mark.parametrize(
    ("zone", "heat", "hot", "cold", "chw", "water_out"),
    [
        (HALL_A, 110.0, 37.0, 22.9, 18.0, 26.0),
        (HALL_B, 110.0, 37.0, 22.9, 18.0, 26.0),
        (EDGE, 45.0, 37.0, 23.0, 12.0, 18.0),
        (LEGACY, 75.0, 25.5, 14.5, 7.0, 12.5),
    ],
)
def test_room_unit_wide_open_takes_its_design_heat(zone, heat, hot, cold, chw, water_out) -> None:
    zone = dataclasses.replace(zone, crah_units=1, crah_running=1, leakage_frac=0.0, fan_kw=0.01)
    state, _, flows = settle(zone, heat, 1.0, 0.0, chw, it_kg_s=200.0)
    assert flows.water_flow_kg_s[0, 0] == pytest.approx(zone.coil_water_kg_s, rel=1e-6)
    assert flows.return_c[0, 0] == pytest.approx(hot, abs=0.03 * (hot - chw))
    assert state.supply_c[0, 0] == pytest.approx(cold, abs=0.03 * (hot - chw))
    assert chw + heat / (zone.coil_water_kg_s * 4.182) == pytest.approx(water_out, abs=0.03 * (water_out - chw))


@pytest.mark.parametrize(
    ("zone", "pressure_pa", "efficiency"), [(HALL_A, 400, 0.62), (LEGACY, 450, 0.60), (EDGE, 350, 0.60)]
)
def test_fan_power_is_that_of_the_air_it_moves(zone: AirZone, pressure_pa: float, efficiency: float) -> None:
    assert zone.fan_kw == pytest.approx(zone.unit_flow_m3_s * pressure_pa / efficiency * 1e-3, rel=0.02)


def test_fan_at_eighty_percent_draws_half_its_power() -> None:
    full, slow = (settle(HALL_A, 100.0, fan, 22.0, 18.0, steps=20)[2].fan_power_kw[0, 0] for fan in (1.0, 0.8))
    assert 0.51 <= slow / full <= 0.57


def test_steady_inlet_rise_is_that_of_the_recirculated_share() -> None:
    """C5: phi 0.1 at 12 K gives 1.333 K, 0.2 gives 3.0 K."""
    for phi, rise in ((0.1, 1.333), (0.2, 3.0)):
        zone = dataclasses.replace(HALL_A, leakage_frac=phi)
        flow = 10.0
        heat = 12.0 * flow * CP_AIR_KJ_KG_K
        zt = air_side.zone_table([zone], dtype=F8)
        state, air, _ = settle(zone, heat, 1.0, 22.0, 10.0, it_kg_s=flow)
        exhaust = state.hot_c
        one = np.ones((1, 1))
        inlet = air_side.inlet_temperatures(zt, state, air, exhaust, one, one, one).mean_c
        assert (inlet - state.supply_c)[0, 0] == pytest.approx(rise, abs=0.02)


def random_step(rng: np.random.Generator, dt: float, limit: bool):
    zones, n = (
        [dataclasses.replace(zone, fabric_kw_k_m3=0.005, air_changes_per_h=5.0) for zone in (HALL_A, LEGACY, EDGE)],
        300,
    )
    zt = air_side.zone_table(zones, dtype=F8)

    def draw(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, (3, n))

    state = air_side.AirState(draw(15, 70), draw(8, 45), draw(0.001, 0.02), draw(0, 1), draw(0, 1), draw(10, 60))
    speed = air_side.fan_speed(state, draw(0, 1) * (draw(0, 1) > 0.2), dt)
    units = rng.integers(0, 9, (3, n)).clip(0, zt.crah_units).astype(F8)
    air = air_side.balance(zt, speed, units, draw(0, 40) * (draw(0, 1) > 0.1))
    heat, gain = draw(0, 500), draw(0, 20)
    after, flows = air_side.advance(
        zt, state, air, heat, gain, draw(12, 27), rng.uniform(5, 30, n),
        air_side.OutdoorAir(rng.uniform(-35, 50, n), rng.uniform(0, 0.03, n)), dt,
        draw(0, 300) if limit else None,
    )  # fmt: skip
    return zt, state, air, heat + gain, after, flows


@pytest.mark.parametrize("limit", [False, True])
@pytest.mark.parametrize("dt", [0.5, 5.0, 60.0, 300.0, 3600.0])
def test_heat_in_is_heat_out_and_stored_for_random_zones_and_steps(dt: float, limit: bool) -> None:
    zt, state, _, heat, after, flows = random_step(np.random.default_rng(11), dt, limit)
    stored = sum(
        capacity * (getattr(after, name) - getattr(state, name)) / dt
        for capacity, name in (
            (zt.hot_aisle_kj_k, "hot_c"), (zt.plenum_kj_k, "supply_c"), (zt.fabric_kj_k, "fabric_c")
        )
    )  # fmt: skip
    residual = heat + flows.fan_power_kw - flows.coil_sensible_kw - flows.outdoor_heat_kw - stored
    scale = heat + np.abs(stored) + zt.hot_aisle_kj_k * 50.0 / dt
    assert np.abs(residual / scale).max() < 1e-12


@pytest.mark.parametrize("dt", [0.5, 60.0, 3600.0])
def test_water_in_is_water_out_and_stored(dt: float) -> None:
    rng = np.random.default_rng(12)
    zt = air_side.zone_table([HALL_A, LEGACY, EDGE], dtype=F8)
    zt, state, air, _, after, flows = random_step(rng, dt, False)
    outside = (after.humidity_ratio - state.humidity_ratio) * zt.air_kg / dt
    came_in = flows.humidifier_water_kg_s - flows.condensate_kg_s - outside  # = m_oa (W - W_oa)
    exchange = zt.air_kg * zt.air_changes_per_s
    implied = after.humidity_ratio - came_in / exchange
    assert np.all(implied > -1e-6) and np.all(implied < 0.03 + 1e-6)  # the outside humidity that was drawn
    assert np.abs(implied - implied[:1]).max() < 1e-6  # the same for every zone of a site
    np.testing.assert_allclose(flows.coil_latent_kw, flows.condensate_kg_s * LATENT_HEAT_KJ_KG)


@pytest.mark.parametrize("dt", [0.5, 60.0, 3600.0])
def test_nothing_blows_up_and_no_coil_heats_or_exceeds_its_reach(dt: float) -> None:
    zt, _, air, _, after, flows = random_step(np.random.default_rng(13), dt, False)
    assert all(np.all(np.isfinite(x)) for x in (*after, *flows, *air))
    assert flows.coil_sensible_kw.min() >= 0.0 and flows.water_flow_kg_s.min() >= 0.0
    assert np.all(flows.water_flow_kg_s <= zt.coil_water_kg_s * air.running * (1 + 1e-9))
    assert after.humidity_ratio.min() >= 0.0 and np.all((air.phi >= 0.0) & (air.phi <= 1.0))


def test_saturated_coil_takes_what_the_exchanger_law_gives() -> None:
    zt = air_side.zone_table([HALL_A], dtype=F8)
    state, air, flows = settle(HALL_A, 300.0, 0.7, 15.0, 20.0)
    at = air_side.coil.coil_at(zt.coil_law, air.fan_speed_frac)
    reach = at.full * air.coil_kg_s * CP_AIR_KJ_KG_K * (flows.return_c - 20.0)
    assert flows.coil_sensible_kw[0, 0] == pytest.approx(reach[0, 0], rel=1e-9)
    assert state.supply_c[0, 0] > 15.0 and flows.valve_frac[0, 0] == pytest.approx(1.0)


def test_steady_state_does_not_depend_on_the_step() -> None:
    for setpoint, chw in ((22.0, 16.0), (15.0, 20.0)):
        ends = [settle(HALL_A, 200.0, 0.7, setpoint, chw, steps=n, dt=dt) for n, dt in ((4000, 5.0), (100, 300.0))]
        np.testing.assert_allclose(ends[0][0].hot_c, ends[1][0].hot_c, atol=1e-6)
        np.testing.assert_allclose(ends[0][2].coil_sensible_kw, ends[1][2].coil_sensible_kw, rtol=1e-8)


def test_transient_at_sixty_seconds_follows_the_one_at_one_second() -> None:
    start, _, _ = settle(HALL_A, 150.0, 0.7, 22.0, 16.0)
    fine, _, _ = settle(HALL_A, 220.0, 0.7, 20.0, 16.0, steps=300, dt=1.0, start=start)
    coarse, _, _ = settle(HALL_A, 220.0, 0.7, 20.0, 16.0, steps=5, dt=60.0, start=start)
    assert coarse.supply_c[0, 0] == pytest.approx(fine.supply_c[0, 0], abs=0.02)
    assert coarse.hot_c[0, 0] == pytest.approx(fine.hot_c[0, 0], abs=0.15)


def test_supply_air_holds_its_setpoint_behind_the_fan() -> None:
    state, _, flows = settle(HALL_A, 200.0, 0.7, 22.0, 16.0)
    assert state.supply_c[0, 0] == pytest.approx(22.0, abs=1e-6)
    assert flows.coil_sensible_kw[0, 0] == pytest.approx(200.0 + flows.fan_power_kw[0, 0], rel=1e-9)


def test_more_fan_speed_moves_more_air_at_once() -> None:
    zt = air_side.zone_table([HALL_A], dtype=F8)
    state = air_side.initial(zt, 1, fan_speed_frac=0.5)
    flow = [
        air_side.balance(zt, air_side.fan_speed(state, column(u), 60.0), column(3), column(13.0)).supply_kg_s[0, 0]
        for u in (0.5, 0.6, 0.8)
    ]
    assert flow[1] > 1.19 * flow[0] and flow[2] > 1.59 * flow[0]


def test_colder_supply_setpoint_needs_more_coil_heat_now_and_more_water_later() -> None:
    start, _, _ = settle(HALL_A, 200.0, 0.7, 22.0, 16.0)
    now = [settle(HALL_A, 200.0, 0.7, s, 16.0, steps=1, start=start)[2].coil_sensible_kw[0, 0] for s in (23, 22, 21)]
    later = [settle(HALL_A, 200.0, 0.7, s, 16.0)[2].water_flow_kg_s[0, 0] for s in (23, 22, 21)]
    assert now[0] < now[1] < now[2] and later[0] < later[1] < later[2]


def test_warmer_chilled_water_needs_more_of_it_and_at_last_lifts_the_supply_air() -> None:
    flow = [settle(HALL_A, 200.0, 0.7, 22.0, chw)[2].water_flow_kg_s[0, 0] for chw in (12.0, 15.0, 18.0)]
    assert flow[0] < flow[1] < flow[2]
    assert settle(HALL_A, 300.0, 0.7, 22.0, 21.0)[0].supply_c[0, 0] > 22.5


@pytest.mark.parametrize("measure", ["phi", "direct_kg_s", "bypass_kg_s", "dp_pa"])
def test_flows_have_no_jump_where_supply_meets_demand(measure: str) -> None:
    zt = air_side.zone_table([HALL_A], dtype=F8)
    speed = np.linspace(0.0, 1.0, 2001)[None, :]
    air = air_side.balance(zt, speed, column(3), column(13.0))
    value = getattr(air, measure)[0]
    assert np.abs(np.diff(value)).max() < 0.01 * (value.max() - value.min())


def test_air_balance_holds_and_pressure_changes_sign_with_the_excess() -> None:
    zt = air_side.zone_table([HALL_A], dtype=F8)
    it_kg_s = 10.8 * RHO_AIR_KG_M3
    speed = np.array([[1.1, 1.0, 0.9]]) * it_kg_s / (3 * 6.5 * RHO_AIR_KG_M3)
    air = air_side.balance(zt, speed, column(3), column(it_kg_s))
    np.testing.assert_allclose(air.dp_pa, [[5.0, 0.0, -5.0]], atol=1e-9)
    np.testing.assert_allclose(air.direct_kg_s + air.phi * it_kg_s, it_kg_s)
    np.testing.assert_allclose(air.direct_kg_s + air.bypass_kg_s, air.coil_kg_s)


def test_a_failed_unit_leaks_a_twentieth_backwards_and_all_failed_move_nothing() -> None:
    zt = air_side.zone_table([HALL_B], dtype=F8)
    supply = [
        air_side.balance(zt, column(1.0), column(k), column(10.0)).supply_kg_s[0, 0] / (6.5 * RHO_AIR_KG_M3)
        for k in (4, 3, 0)
    ]
    assert supply == pytest.approx([4.0, 2.95, 0.0])
    assert air_side.balance(zt, column(1.0), column(0), column(10.0)).phi[0, 0] == 1.0


def test_more_fan_speed_lowers_every_inlet_while_air_is_short() -> None:
    rows, zones = [0] * 5 + [1] * 5, [0] * 10
    zt = air_side.zone_table([HALL_A], dtype=F8)
    matrix, spread = recirculation_matrix(rows, zones, dtype=F8), rack_spread(rows, zones, dtype=F8)
    inlets = []
    for fan in (0.4, 0.5, 0.6):
        state, air, _ = settle(HALL_A, 180.0, fan, 20.0, 14.0)
        exhaust = np.repeat(state.hot_c, 10, axis=0)
        inlets.append(air_side.inlet_temperatures(zt, state, air, exhaust, matrix, spread, np.ones((1, 10))).mean_c)
    assert np.all(inlets[0] > inlets[1]) and np.all(inlets[1] > inlets[2])
    assert inlets[0][0, 0] - inlets[0][2, 0] > 0.3  # the end of the row breathes more


def test_direct_expansion_zone_stops_at_its_capacity_and_uses_no_water() -> None:
    zone = AirZone(crah_units=4, crah_running=4, unit_flow_m3_s=3.5, fan_kw=2.0, it_flow_m3_s=4.0)
    zt = air_side.zone_table([zone], dtype=F8)
    state = air_side.initial(zt, 1)
    held = settle(zone, 100.0, 0.6, 20.0, 0.0, cooling_limit_kw=column(150.0))
    assert held[0].supply_c[0, 0] == pytest.approx(20.0, abs=1e-6) and held[2].water_flow_kg_s[0, 0] == 0.0
    _, _, short = settle(zone, 100.0, 0.6, 20.0, 0.0, steps=1, start=state, cooling_limit_kw=column(60.0))
    assert short.coil_sensible_kw[0, 0] == pytest.approx(60.0, rel=1e-9)


def test_a_coil_without_water_takes_no_heat_and_its_valve_opens() -> None:
    start, _, before = settle(HALL_A, 180.0, 0.6, 22.0, 16.0)
    _, _, dry = settle(HALL_A, 180.0, 0.6, 22.0, 16.0, steps=5, start=start, water_available_frac=np.array([0.0]))
    assert dry.coil_sensible_kw[0, 0] < 0.01 and dry.valve_frac[0, 0] > 0.9 > before.valve_frac[0, 0]
    _, _, half = settle(HALL_A, 300.0, 0.6, 22.0, 18.0, water_available_frac=np.array([0.5]))
    assert half.water_flow_kg_s[0, 0] == pytest.approx(0.5 * 3 * 3.29, rel=0.01)


def test_cold_water_dries_humid_air_and_pays_latent_heat() -> None:
    zt = air_side.zone_table([LEGACY], dtype=F8)
    humid = air_side.initial(zt, 1, humidity_ratio=0.014)
    _, _, cold = settle(LEGACY, 400.0, 0.9, 15.0, 7.0, steps=1, start=humid)
    _, _, mild = settle(LEGACY, 400.0, 0.9, 23.0, 18.0, steps=1, start=humid)
    assert cold.coil_latent_kw[0, 0] > 5.0 and mild.coil_latent_kw[0, 0] < cold.coil_latent_kw[0, 0]


def test_humidifier_holds_the_dew_point_floor_against_dry_outside_air() -> None:
    zt = air_side.zone_table([dataclasses.replace(LEGACY, air_changes_per_h=0.25)], dtype=F8)
    state = air_side.initial(zt, 1, hot_c=25.0, supply_c=15.0, humidity_ratio=0.0056)
    air = air_side.balance(zt, column(0.8), column(8), column(24.0))
    dry = air_side.OutdoorAir(np.array([20.0]), np.array([0.002]))
    for _ in range(600):
        state, flows = air_side.advance(
            zt, state, air, column(300.0), column(0.0), column(15.0), np.array([10.0]), dry, 60.0
        )
    assert state.humidity_ratio[0, 0] == pytest.approx(zt.humidity_floor[0, 0], rel=1e-6)
    exchange = zt.air_kg[0, 0] * 0.25 / 3600
    assert flows.humidifier_water_kg_s[0, 0] == pytest.approx(exchange * (zt.humidity_floor[0, 0] - 0.002), rel=1e-3)
    assert flows.humidifier_power_kw[0, 0] == pytest.approx(flows.humidifier_water_kg_s[0, 0] * 3600 * 0.75)


def ride_through(heat_kw: float, solids_kj_k: float, until: Callable[[float, float], bool]) -> float:
    """Seconds from 22 degC after all room units stop, per cabinet, with the server solids standing in for a rack."""
    zone = AirZone(crah_units=1, crah_running=1, it_flow_m3_s=1.0, hot_aisle_kj_k=25.0, air_volume_m3=9.4)
    zt = air_side.zone_table([zone], dtype=F8)
    state = air_side.initial(zt, 1, hot_c=22.0, supply_c=22.0, fan_speed_frac=0.0)
    air = air_side.balance(zt, column(0.0), column(0), column(0.4))
    film_kw_k, solids_c, seconds = heat_kw / 10.0, 32.0, 0.0
    while not until(state.hot_c[0, 0], solids_c) and seconds < 5000.0:
        given = film_kw_k * (solids_c - state.hot_c[0, 0]) if solids_kj_k else heat_kw
        solids_c += (heat_kw - given) / solids_kj_k if solids_kj_k else 0.0
        state, _ = air_side.advance(
            zt, state, air, column(given), column(0.0), column(22.0), np.array([18.0]), DRY, 1.0
        )
        seconds += 1.0
    return seconds


@pytest.mark.parametrize(
    ("heat_kw", "to_32", "to_40"), [(5.0, (50, 58), (290, 610)), (10.0, (25, 29), (145, 305)), (40.0, (6, 7), (36, 76))]
)
def test_room_without_room_units_warms_as_fast_as_the_handbook_says(heat_kw, to_32, to_40) -> None:
    """j15: the air alone reaches 32 degC in under a minute; with the server solids 40 degC takes minutes."""
    air_only = ride_through(heat_kw, 0.0, lambda hot, _: hot >= 32.0)
    assert to_32[0] / 2 <= air_only <= to_32[1] * 2
    with_solids = ride_through(heat_kw, 125.0, lambda hot, _: hot >= 40.0)
    assert to_40[0] / 2 <= with_solids <= to_40[1] * 2


def test_a_zone_without_air_keeps_all_its_heat_and_the_coil_takes_none() -> None:
    start, _, _ = settle(HALL_A, 180.0, 0.6, 22.0, 16.0)
    after, air, flows = settle(HALL_A, 180.0, 0.0, 22.0, 16.0, steps=1, dt=10.0, units=0, start=start)
    assert flows.coil_sensible_kw[0, 0] == pytest.approx(0.0, abs=1e-9) and air.phi[0, 0] == 1.0
    assert (after.hot_c - start.hot_c)[0, 0] == pytest.approx(180.0 * 10.0 / 250.0, rel=1e-6)


def test_thin_air_carries_less_and_costs_less_fan_power() -> None:
    sea, high = (air_side.zone_table([HALL_A], pressure_kpa=p, dtype=F8) for p in (101.325, 83.431))
    assert high.unit_kg_s / sea.unit_kg_s == pytest.approx(83.431 / 101.325)
    assert high.fan_kw / sea.fan_kw == pytest.approx(83.431 / 101.325)


def test_zones_side_by_side_behave_as_alone() -> None:
    both = air_side.zone_table([HALL_A, HALL_B], dtype=F8)
    pair = air_side.initial(both, 1)
    two = np.array([[180.0], [265.0]])
    air = air_side.balance(both, two * 0 + 0.7, np.array([[3.0], [4.0]]), np.array([[12.0], [18.0]]))
    pair, _ = air_side.advance(both, pair, air, two, two * 0, two * 0 + 22, np.array([16.0]), DRY, 60.0)
    alone = air_side.zone_table([HALL_B], dtype=F8)
    one = air_side.initial(alone, 1)
    air = air_side.balance(alone, column(0.7), column(4), column(18.0))
    one, _ = air_side.advance(alone, one, air, column(265), column(0), column(22), np.array([16.0]), DRY, 60.0)
    np.testing.assert_allclose(np.stack(pair)[:, 1], np.stack(one)[:, 0])


def step_once(zt, state, like):
    """One step of two zones with three environments, arrays made from ``like``."""
    air = air_side.balance(zt, air_side.fan_speed(state, like * 0.7, 60.0), like * 3, like * 12)
    outside = air_side.OutdoorAir(like[0] * 20.0, like[0] * 0.01)
    return air, *air_side.advance(zt, state, air, like * 180, like, like * 22, like[0] * 16, outside, 60.0)


def test_float32_stays_float32_and_torch_agrees() -> None:
    zt = air_side.zone_table([HALL_A, HALL_B])
    air, after, flows = step_once(zt, air_side.initial(zt, 3), np.ones((2, 3), dtype=np.float32))
    assert {x.dtype for x in (*air, *after, *flows)} == {np.dtype(np.float32)}
    torch = pytest.importorskip("torch")
    wide = air_side.zone_table([HALL_A, HALL_B], dtype=F8)
    state = air_side.initial(wide, 3)
    _, expected, _ = step_once(wide, state, np.ones((2, 3)))
    law = air_side.coil.CoilLaw(*(torch.as_tensor(x) for x in wide.coil_law[:2]), *wide.coil_law[2:])
    table = wide._replace(**{k: torch.as_tensor(v) for k, v in wide._asdict().items() if k != "coil_law"}, coil_law=law)
    _, got, _ = step_once(
        table, air_side.AirState(*(torch.as_tensor(x) for x in state)), torch.ones((2, 3), dtype=torch.float64)
    )
    for ours, theirs in zip(expected, got, strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-6)


def test_zones_brought_to_another_pressure_are_those_built_at_it() -> None:
    zones = [AirZone(), AirZone(crah_units=4, crah_running=3, coil_ua_kw_k=9.0)]
    moved, built = (
        zones_at_pressure(zone_table(zones, dtype=np.float64), np.array([74.5])),
        zone_table(zones, 74.5, np.float64),
    )
    for name, value in built._asdict().items():
        for a, b in zip(
            getattr(moved, name) if name == "coil_law" else [getattr(moved, name)],
            value if name == "coil_law" else [value],
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=name)
