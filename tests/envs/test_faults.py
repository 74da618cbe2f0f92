"""The fault library: refusals that mend, what is missing when, and nothing where no fault is configured."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.faults import (
    KINDS,
    WET_PER_DRY,
    Availability,
    Fault,
    FaultConfig,
    FaultRate,
    availability,
    draw_faults,
    fault_plan,
    with_new_faults,
)
from envs.physics.psychrometrics import saturation_humidity_ratio

FIELD = {
    "chiller_trip": "chillers_lost", "tower_cell": "tower_cells_lost", "pump_cw": "cw_pumps_lost",
    "pump_chw": "chw_pumps_lost", "pump_fws": "fws_pumps_lost", "pump_tcs": "tcs_pumps_lost", "cdu": "cdus_lost",
    "weather_hot": "dry_bulb_add_c",
}  # fmt: skip


def same(a: Availability, b: Availability) -> bool:
    return all((x is None and y is None) or np.array_equal(x, y) for x, y in zip(a, b))


@pytest.mark.parametrize("kind", sorted(FIELD))
def test_each_kind_takes_what_it_names_and_nothing_else(kind: str) -> None:
    plan = fault_plan([[Fault(kind, 100.0, 50.0, magnitude=2.0)], []])
    now = availability(plan, np.array([120.0, 120.0]))
    np.testing.assert_array_equal(getattr(now, FIELD[kind]), [2.0, 0.0])
    others = set(Availability._fields) - {FIELD[kind], "wet_bulb_add_c"}
    for name in others - {"sensor_stuck", "sensor_offset"}:
        np.testing.assert_array_equal(getattr(now, name), getattr(plan.nothing, name))


def test_a_fault_holds_from_its_start_to_its_end() -> None:
    plan = fault_plan([[Fault("cdu", 100.0, 50.0)]])
    lost = [float(availability(plan, np.array([t])).cdus_lost[0]) for t in (0.0, 99.9, 100.0, 149.9, 150.0, 1e6)]
    assert lost == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def test_a_fault_for_good_never_ends() -> None:
    plan = fault_plan([[Fault("pump_fws", 0.0, float("inf"))]])
    assert availability(plan, np.array([1e9])).fws_pumps_lost[0] == 1.0


def test_environments_have_their_own_clock_and_faults() -> None:
    plan = fault_plan([[Fault("crah_fan", 10.0, 10.0, index=1)], [Fault("crah_fan", 10.0, 10.0, index=0)], []], zones=2)
    lost = availability(plan, np.array([15.0, 15.0, 15.0])).crah_units_lost
    np.testing.assert_array_equal(lost, [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(availability(plan, np.array([15.0, 25.0, 15.0])).crah_units_lost[:, 1], [0, 0])


def test_simultaneous_faults_add_up_and_shares_stay_above_zero() -> None:
    plan = fault_plan(
        [
            [
                Fault("crah_fan", 0.0, 9.0),
                Fault("crah_fan", 5.0, 9.0),
                *[Fault("utility_curtailment", 0.0, 9.0, 0, 0.6)] * 2,
            ]
        ]
    )
    now = availability(plan, np.array([6.0]))
    assert now.crah_units_lost[0, 0] == 2.0
    assert now.utility_limit_frac[0] == 0.0


def test_curtailment_and_load_loss_leave_the_rest() -> None:
    plan = fault_plan([[Fault("utility_curtailment", 0.0, 9.0, 0, 0.25), Fault("load_loss", 0.0, 9.0, 0, 0.5)]])
    now = availability(plan, np.array([1.0]))
    assert now.utility_limit_frac[0] == 0.75 and now.load_frac[0] == 0.5


def test_hot_weather_raises_the_wet_bulb_as_dry_heating_does(psychrolib: ModuleType) -> None:
    w = psychrolib.GetHumRatioFromRelHum(30.0, 0.4, 101325.0)
    wet = [psychrolib.GetTWetBulbFromHumRatio(t, w, 101325.0) for t in (30.0, 35.0)]
    assert pytest.approx((wet[1] - wet[0]) / 5.0, abs=0.02) == WET_PER_DRY
    now = availability(fault_plan([[Fault("weather_hot", 0.0, 9.0, 0, 5.0)]]), np.array([1.0]))
    assert now.wet_bulb_add_c[0] == pytest.approx(5.0 * WET_PER_DRY)


def test_a_cold_snap_leaves_no_wet_bulb_over_the_dry_one_and_no_air_above_saturation() -> None:
    core = DataCenterCore("edge_room", 4, ("site.workload_weeks=1",))
    core.reset(seed=3)
    before = core.outside
    core.set_faults([[Fault("weather_hot", 0.0, 1e6, 0, -15.0)]] * 4)
    now = core.outside
    np.testing.assert_allclose(now.dry_bulb_c, before.dry_bulb_c - 15.0, rtol=1e-5)
    assert (now.wet_bulb_c <= now.dry_bulb_c).all() and (now.wet_bulb_c < before.wet_bulb_c).all()
    assert (now.humidity_ratio <= saturation_humidity_ratio(now.dry_bulb_c, now.pressure_kpa)).all()


def test_sensor_faults_reach_their_row_and_a_drift_grows() -> None:
    faults = [Fault("sensor_stuck", 0.0, 100.0, index=2), Fault("sensor_drift", 0.0, 100.0, index=1, magnitude=-4.0)]
    now = availability(fault_plan([faults, []], sensors=3), np.array([50.0, 50.0]))
    assert now.sensor_stuck is not None and now.sensor_offset is not None
    np.testing.assert_array_equal(now.sensor_stuck, [[0, 0], [0, 0], [1, 0]])
    np.testing.assert_array_equal(now.sensor_offset, [[0, 0], [-2, 0], [0, 0]])


def test_without_faults_the_answer_is_one_constant() -> None:
    plan = fault_plan([[], [], []], zones=2, sensors=40)
    assert not plan.has_faults
    assert availability(plan, np.zeros(3)) is availability(plan, np.full(3, 1e6))
    now = availability(plan, np.zeros(3))
    assert now.sensor_stuck is None and now.sensor_offset is None
    assert now.crah_units_lost.shape == (2, 3) and now.crah_units_lost.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        now.load_frac[0] = 0.0


def test_no_sensor_block_is_made_where_only_machines_fail() -> None:
    now = availability(fault_plan([[Fault("cdu", 0.0, 9.0)]], sensors=40), np.array([1.0]))
    assert now.sensor_stuck is None and now.sensor_offset is None


def test_replacing_some_environments_equals_planning_anew() -> None:
    a, b, c = ([Fault(k, 0.0, 99.0)] * m for k, m in (("cdu", 1), ("tower_cell", 3), ("chiller_trip", 2)))
    time = np.full(3, 5.0)
    changed = with_new_faults(fault_plan([a, a, a], zones=2), {1: b, 2: c})
    assert same(availability(changed, time), availability(fault_plan([a, b, c], zones=2), time))
    emptied = with_new_faults(changed, {0: [], 1: [], 2: []})
    assert not emptied.has_faults
    assert not with_new_faults(changed, {1: []}).start_s.shape[0] > 2


def test_replacing_leaves_the_old_plan_alone() -> None:
    plan = fault_plan([[Fault("cdu", 0.0, 99.0)]])
    with_new_faults(plan, {0: [Fault("tower_cell", 0.0, 99.0)]})
    assert availability(plan, np.array([1.0])).cdus_lost[0] == 1.0


def test_draws_follow_their_rate_and_their_seed() -> None:
    rates = [FaultRate("crah_fan", 52.0, 3600.0), FaultRate("sensor_stuck", 26.0, 7200.0)]
    week = 7 * 86_400.0
    lists = [draw_faults(rates, week, 3, 10, np.random.default_rng(k)) for k in range(1500)]
    count = {kind: sum(f.kind == kind for x in lists for f in x) for kind in ("crah_fan", "sensor_stuck")}
    assert count["crah_fan"] / 1500 == pytest.approx(52.0 * 7.0 / 365.0, rel=0.1)
    assert count["sensor_stuck"] / 1500 == pytest.approx(26.0 * 7.0 / 365.0, rel=0.15)
    drawn = [f for x in lists for f in x]
    assert {f.index for f in drawn if f.kind == "crah_fan"} == {0, 1, 2}
    assert np.mean([f.duration_s for f in drawn if f.kind == "crah_fan"]) == pytest.approx(3600.0, rel=0.1)
    assert lists[7] == draw_faults(rates, week, 3, 10, np.random.default_rng(7))
    fault_plan(lists, zones=3, sensors=10)


def test_sensor_draws_without_sensors_are_none() -> None:
    assert draw_faults([FaultRate("sensor_stuck", 9e3, 60.0)], 86_400.0, 1, 0, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("meteor", 0.0, 1.0), "crah_fan"),
        (("cdu", -1.0, 1.0), "0 or more"),
        (("cdu", 0.0, 0.0), "above 0"),
        (("cdu", 0.0, 1.0, 3), "an index is for"),
        (("utility_curtailment", 0.0, 1.0, 0, 20.0), "share of the expected peak"),
        (("pump_cw", 0.0, 1.0, 0, -1.0), "outside"),
        (("cdu", float("nan"), 1.0), "start_s"),
    ],
)
def test_impossible_faults_are_refused_with_the_mend(arguments: tuple, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        Fault(*arguments)


@pytest.mark.parametrize(("kind", "hint"), [("crah_fan", "2 zones"), ("sensor_drift", "4 sensor rows")])
def test_targets_that_do_not_exist_are_refused(kind: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        fault_plan([[Fault(kind, 0.0, 1.0, index=9)]], zones=2, sensors=4)


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="events a year"):
        FaultRate("cdu", -1.0, 60.0)


def test_a_configuration_reads_from_plain_data_and_refuses_by_name() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    schema = omegaconf.OmegaConf.structured(FaultConfig)
    plain = {
        "scheduled": [{"kind": "cdu", "start_s": 60.0, "duration_s": 600.0}],
        "random": [{"kind": "crah_fan", "per_year": 4.0, "mean_duration_s": 3600.0}],
    }
    config = omegaconf.OmegaConf.to_object(omegaconf.OmegaConf.merge(schema, plain))
    assert config == FaultConfig([Fault("cdu", 60.0, 600.0)], [FaultRate("crah_fan", 4.0, 3600.0)])
    assert config.draw(1.0, 1, 0, np.random.default_rng(0))[0] == Fault("cdu", 60.0, 600.0)
    wrong = {"scheduled": [{"kind": "meteor", "start_s": 0.0, "duration_s": 1.0}]}
    with pytest.raises(ValueError, match="crah_fan"):
        omegaconf.OmegaConf.to_object(omegaconf.OmegaConf.merge(schema, wrong))


def test_a_timetable_takes_nothing_from_the_generator() -> None:
    a, b = np.random.default_rng(5), np.random.default_rng(5)
    FaultConfig([Fault("cdu", 60.0, 600.0)]).draw(1e6, 1, 0, a)
    assert a.random() == b.random()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_kind_gives_arrays_of_the_plants_type(dtype: type) -> None:
    everything = [Fault(kind, 0.0, 10.0, magnitude=0.5) for kind in KINDS]
    now = availability(fault_plan([everything], zones=1, sensors=1, dtype=dtype), np.array([5.0]))
    assert all(a is not None and a.dtype == dtype for a in now)
