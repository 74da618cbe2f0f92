"""What racks breathe: warm tops where air is short, thin air at height, outdoor air that brings its heat."""

import numpy as np
import pytest
from plant_rig import Rig

from envs.physics.altitude import allowable_derating_k, recommended_derating_k
from envs.physics.recirculation import top_share
from envs.plant.datacenter import Plant
from envs.scenario import SHIPPED


def settled(rig, **setpoints):
    """Settled flows at 90 % load on a mild day, and the state after an hour."""
    outside, asked, told = rig.outside(20.0, 0.5, n=1), rig.load(0.9, 1), rig.setpoints(1, **setpoints)
    state = rig.steady_state(outside, asked, told)
    for _ in range(12):
        state, flows = rig.step(state, told, outside, asked)
    return state, flows


def test_a_rack_short_of_air_breathes_the_hot_aisle_at_its_top() -> None:
    """A room that supplies 0.7 of what its racks draw: the mean inlet looks fine, the top does not."""
    rig = Rig("legacy_air", overrides=("zones.hall.local_recirculation_frac=0",))
    rig.plant = Plant(rig.scenario, "float64", alarms=False)
    state, flows = settled(rig, crah_fan_speed_frac=0.36, supply_air_temp_setpoint_c=14.0)
    supplied = flows.zone_air_supply_frac[0, 0]
    assert 0.5 < supplied < 0.85
    hot_k = state.air.hot_c[0, 0] - flows.zone_supply_c[0, 0]
    share = (flows.rack_inlet_mean_c - flows.zone_supply_c[0]) / hot_k
    top = (flows.rack_inlet_c - flows.zone_supply_c[0]) / hot_k
    np.testing.assert_allclose(top, np.minimum(1.0, 3.0 * share), atol=0.02)
    assert flows.rack_inlet_mean_c.mean() < 27.0 < flows.rack_inlet_c.mean()
    assert flows.inlet_excess_degree_minutes.max() > 0.0
    np.testing.assert_array_equal(flows.zone_inlet_max_c[0], flows.rack_inlet_c.max(axis=0))


def test_recirculated_air_fills_the_top_third_first_and_a_mixed_rack_has_one_temperature() -> None:
    share = np.array([0.0, 0.1, 1.0 / 3.0, 0.6, 1.0])
    np.testing.assert_allclose(top_share(share, np.array(1.0 / 3.0)), [0.0, 0.3, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(top_share(share, np.array(1.0)), share)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_air_that_fans_supply_meets_the_racks_alike_at_every_height(name: str) -> None:
    """Both kinds of fans move volumes: the ratio stays, the racks' rise grows by one over the density."""
    found = {}
    for height in (0, 2548):
        rig = Rig(name, overrides=(f"elevation_m={height}",))
        rig.plant = Plant(rig.scenario, "float64", alarms=False)
        state, flows = settled(rig, crah_fan_speed_frac=0.7)
        drawn = state.rack.fan_speed_frac  # the warmer racks of thin air may turn faster
        rise = (flows.rack_power_kw * 0.0 + state.exhaust_c - flows.rack_inlet_mean_c)[0, 0]
        air_heat = rise * drawn[0, 0]
        found[height] = flows.zone_air_supply_frac[0, 0] * drawn[0, 0], air_heat
    (low_supply, low_heat), (high_supply, high_heat) = found[0], found[2548]
    assert high_supply == pytest.approx(low_supply, rel=0.02)
    density = (1.0 - 2.25577e-5 * 2548) ** 5.2559
    assert high_heat == pytest.approx(low_heat / density, rel=0.06)


def test_the_weather_sets_the_pressure_of_the_hall_whatever_the_scenario_calls_its_height() -> None:
    rig = Rig("edge_room", overrides=("elevation_m=90",))
    asked, told = rig.load(0.9, 1), rig.setpoints(1)
    power = []
    for height in (90.0, 2548.0):
        outside = rig.outside(20.0, 0.5, n=1)
        thin = 101.325 * (1.0 - 2.25577e-5 * height) ** 5.2559
        outside = outside._replace(pressure_kpa=outside.pressure_kpa * 0.0 + thin, elevation_m=np.array([height]))
        state = rig.steady_state(outside, asked, told)
        power.append(rig.step(state, told, outside, asked)[1].crah_fan_power_kw[0])
    assert power[1] / power[0] == pytest.approx((thin / 100.245), rel=0.01)


def test_limits_of_the_inlets_fall_with_height_as_the_guideline_says() -> None:
    height = np.array([0.0, 900.0, 1500.0, 1800.0, 2400.0])
    np.testing.assert_allclose(allowable_derating_k(height), [0.0, 0.0, 2.0, 3.0, 5.0])
    np.testing.assert_allclose(recommended_derating_k(height), [0.0, 0.0, 0.0, 0.0, 2.0])
    flows = settled(Rig("edge_room", overrides=("elevation_m=2400",)))[1]
    assert flows.inlet_limit_c[0] == 25.0 and flows.inlet_allowable_c[0] == 27.0


def test_outdoor_air_brings_its_heat_with_its_moisture() -> None:
    """Five air changes an hour at -35 degC carry off tens of kilowatts and spare the chiller a sixth."""
    chiller_kw, expected_kw = {}, 0.0
    for changes in (0.0, 5.0):
        rig = Rig("legacy_air", overrides=(f"zones.hall.air_changes_per_h={changes}",))
        outside, asked, told = rig.outside(-35.0, 0.5, n=1), rig.load(0.9, 1), rig.setpoints(1)
        state = rig.steady_state(outside, asked, told)
        for _ in range(6):
            state, flows = rig.step(state, told, outside, asked)
        chiller_kw[changes] = flows.chiller_power_kw[0]
        expected_kw = rig.layout.zones.outdoor_kw_k[0, 0] * (state.air.hot_c[0, 0] + 35.0)
        assert abs(flows.energy_residual_kw[0]) < 1e-6
    assert expected_kw > 50.0
    assert chiller_kw[0.0] - chiller_kw[5.0] == pytest.approx(10.1, abs=1.0)


def test_the_inlet_alarm_acts_in_the_sub_step_in_which_the_inlets_pass_it() -> None:
    rig = Rig("edge_room", overrides=("episode.step_s=60", "episode.substep_s=60"))
    outside, asked, told = rig.outside(20.0, 0.5, n=1), rig.load(0.9, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, told)
    lean = rig.setpoints(1, crah_fan_speed_frac=0.3)
    _, flows = rig.step(state, lean, outside, asked)
    assert flows.zone_fan_speed_frac[0, 0] > 0.95 and flows.rack_inlet_max_c.max() < 30.0
    quiet = Plant(rig.scenario, "float64", alarms=False)
    _, flows = quiet.step(state, lean, outside, asked, rig.nothing_lost(1), np.zeros(1))
    assert flows.rack_inlet_max_c.max() > 30.0


def test_an_alarm_that_full_fans_have_cured_does_not_chatter() -> None:
    rig = Rig("edge_room", overrides=("episode.step_s=60", "episode.substep_s=60"))
    outside, asked, told = rig.outside(20.0, 0.5, n=1), rig.load(0.9, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, told)
    lean, speeds = rig.setpoints(1, crah_fan_speed_frac=0.3), []
    for _ in range(60):
        state, flows = rig.step(state, lean, outside, asked)
        speeds.append(flows.zone_fan_speed_frac[0, 0])
    assert np.count_nonzero(np.abs(np.diff(speeds)) > 0.1) <= 6, speeds
