from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.plant.datacenter import Plant
from envs.twin.calibration import slopes
from envs.twin.calibration.calibration import calibrate
from envs.twin.calibration.errors import constants_removed, end_to_end, weigh
from envs.twin.calibration.fit import fit
from envs.twin.calibration.free_parameters import LOAD_GAIN, free_parameters, with_values
from envs.twin.calibration.intervals import Interval, covariance, intervals, is_at_bound, long_run
from envs.twin.calibration.rack_load import activity_of
from envs.twin.calibration.replay import Candidates, replay
from envs.twin.calibration.windows import drivers, stretches, windows_of
from envs.twin.telemetry.gaps import without_gaps
from envs.twin.telemetry.quantities import QUANTITIES, noise_sd
from envs.twin.telemetry.synthetic import synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry
from tests.envs.twin.conftest import HIDDEN, Hall

SIDE_BY_SIDE_S = 3.0 * 3600.0  # short windows: many at once, few steps
KEEP = ("coil_ua_kw_k", "fan_kw", "fan_exponent", "power_factor", "ups_loss_scale")


def quiet(hall: Hall) -> Telemetry:
    s = hall.scenario.sensors
    still = replace(
        s,
        temperature_noise_k=0.0,
        temperature_bias_k=0.0,
        power_noise_frac=0.0,
        power_bias_frac=0.0,
        fraction_noise=0.0,
    )
    return synthetic_telemetry(hall.truth, 0, still, 1, gaps_frac=0.0)


def first_look(hall: Hall, telemetry: Telemetry, keep: tuple[str, ...]) -> list[Interval]:
    """Intervals after one step: enough to see what the data can know."""
    windows = windows_of(telemetry, hall.scenario, hall.layout, SIDE_BY_SIDE_S)
    found = fit(hall.scenario, windows, free_parameters(hall.scenario, keep), iterations=1)
    return intervals(found, covariance(found, telemetry.step_s), telemetry.series())


def test_the_replay_of_the_true_hall_shows_what_the_hall_showed(hall: Hall) -> None:
    windows = windows_of(quiet(hall), hall.scenario, hall.layout, SIDE_BY_SIDE_S)
    free = [p for p in free_parameters(hall.scenario) if p.path in HIDDEN]
    u = np.array([p.u(HIDDEN[p.path]) for p in free])
    activity = activity_of(hall.scenario, windows, free, u)
    shown = replay(hall.scenario, Candidates(free, u[:, None]), windows, activity, ("rack_inlet_c", "chiller_power_kw"))
    inlet = windows.shown[:, [k for k, (n, _) in enumerate(windows.rows) if n == "rack_inlet_c"]]
    power = windows.shown[:, [k for k, (n, _) in enumerate(windows.rows) if n == "chiller_power_kw"]]
    assert np.sqrt(((shown[:, :8, 0] - inlet) ** 2).mean()) < 0.1
    assert np.sqrt(((shown[:, 8:, 0] - power) ** 2).mean()) < 0.02 * power.mean()


def test_a_candidate_shows_the_same_alone_and_among_others(hall: Hall) -> None:
    windows = windows_of(quiet(hall), hall.scenario, hall.layout, SIDE_BY_SIDE_S)
    free = [p for p in free_parameters(hall.scenario) if p.path in HIDDEN]
    u = np.random.default_rng(0).uniform(-1.0, 1.0, (len(free), 3))
    activity = activity_of(hall.scenario, windows, free, u[:, 0])
    together = replay(hall.scenario, Candidates(free, u), windows, activity, ("zone_return_c",))
    for k in range(3):
        alone = replay(hall.scenario, Candidates(free, u[:, k : k + 1]), windows, activity, ("zone_return_c",))
        np.testing.assert_allclose(together[:, :, k], alone[:, :, 0], atol=1e-9)


def test_hidden_parameters_are_found_from_noisy_readings_with_gaps(hall: Hall) -> None:
    telemetry = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)
    found = calibrate(
        hall.scenario, telemetry, held_out_frac=0.4, window_s=SIDE_BY_SIDE_S, ahead_s=SIDE_BY_SIDE_S, keep=KEEP
    )
    assert found.fit.converged
    by_path = {i.path: i for i in found.intervals}
    for path, truth in HIDDEN.items():
        assert by_path[path].value == pytest.approx(truth, rel=0.05), path
    inlet = next(e for e in found.errors if e.channel == "rack_inlet_c")
    assert inlet.rmse < 0.5 and inlet.readings > 200


def test_what_is_known_of_the_coil_does_not_hang_on_the_slopes_step(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coil, water and pump are told apart by little: a step that is too long pretends to know them better."""
    windows = windows_of(
        synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1), hall.scenario, hall.layout, SIDE_BY_SIDE_S
    )
    free = free_parameters(hall.scenario, ("coil_", "pump_", "unit_flow", "power_factor"))
    u = np.zeros(len(free))
    activity = activity_of(hall.scenario, windows, free, u)
    bounds = np.full(len(free), -4.0), np.full(len(free), 4.0)
    deviations = []
    for step in (slopes.SLOPE_STEP, 10.0 * slopes.SLOPE_STEP):
        monkeypatch.setattr(slopes, "SLOPE_STEP", step)
        shown, lean = slopes.slopes_at(hall.scenario, windows, free, u, activity, bounds)
        weighing = weigh(windows, shown)
        curvature = constants_removed(weighing, end_to_end(windows.shown) - shown, lean, shown).curvature()
        deviations.append(np.sqrt(np.diag(np.linalg.inv(curvature + np.eye(len(u))))))
    np.testing.assert_allclose(deviations[0], deviations[1], rtol=0.03)


def test_a_fan_that_never_moved_is_named_as_the_reason(hall: Hall) -> None:
    telemetry = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)
    values = dict(telemetry.values)
    values["crah_fan_speed_frac"] = np.full_like(values["crah_fan_speed_frac"], 0.8)
    values["zone_fan_speed_frac"] = values["crah_fan_speed_frac"]
    values["crah_fan_power_kw"] = np.full_like(values["crah_fan_power_kw"], 3 * 1.6 * 0.8**2.7)
    found = first_look(hall, telemetry.with_values(values), ("fan_kw", "fan_exponent"))
    exponent = next(i for i in found if i.path == "zones.room.fan_exponent")
    assert not exponent.identified and "crah_fan_speed_frac hardly moved" in exponent.why


def test_an_unmeasured_output_is_named_as_the_reason(hall: Hall) -> None:
    telemetry = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)
    values = {k: v for k, v in telemetry.values.items() if k != "crah_fan_power_kw"}
    found = first_look(hall, telemetry.with_values(values), ("zones.room.fan_kw",))
    assert "crah_fan_power_kw is measured" in found[0].why


def test_a_file_without_load_weather_or_setpoints_is_refused(hall: Hall) -> None:
    telemetry = quiet(hall)
    for gone, words in (
        ("rack_power_kw", "no load is mapped"),
        ("wet_bulb_c", "weather is not mapped"),
        ("chw_supply_temp_setpoint_c", "chw_supply_temp_setpoint_c is not mapped"),
    ):
        values = {k: v for k, v in telemetry.values.items() if k != gone}
        with pytest.raises(ValueError, match=words):
            windows_of(telemetry.with_values(values), hall.scenario, hall.layout)
    with pytest.raises(ValueError, match="give at least"):
        windows_of(telemetry.part(0, 40), hall.scenario, hall.layout)


def test_priors_lie_inside_the_bounds_and_values_reach_their_machines(hall: Hall) -> None:
    free = free_parameters(hall.scenario)
    assert len({p.path for p in free}) == len(free)
    for p in free:
        assert p.low <= p.prior <= p.high and p.value(p.u(p.prior)) == pytest.approx(p.prior)
    made = with_values(hall.scenario, {"zones.room.fan_kw": 2.0, "racks.hgx_air.solids_kj_k": np.array([300.0, 400.0])})
    assert made.zones["room"].fan_kw == 2.0
    assert Plant(made, "float64").layout.racks.solids_kj_k.shape[-1] == 2
    with pytest.raises(ValueError, match="no such machine"):
        with_values(hall.scenario, {"tower.cell_fan_kw": 9.0})


def test_nothing_is_compared_while_a_chiller_switches(hall: Hall) -> None:
    telemetry = quiet(hall)
    running = telemetry.values["chillers_running"].copy()
    running[:] = 1.0
    running[60:] = 2.0
    values = {**telemetry.values, "chillers_running": running}
    _, silent = drivers(telemetry.with_values(values), hall.scenario, hall.layout)
    assert np.flatnonzero(silent).tolist() == [60]


def test_weeks_apart_are_cleaned_each_for_itself() -> None:
    read = np.full((100, 2), 5.0)
    read[3, 0], read[20:60] = np.nan, np.nan
    assert stretches(read, 12) == [(0, 20), (60, 100)]
    assert stretches(read, 40) == [(0, 100)]


def test_candidates_in_turns_and_on_other_cores_show_what_they_show_at_once(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = windows_of(quiet(hall), hall.scenario, hall.layout, SIDE_BY_SIDE_S).subset([0])
    free = free_parameters(hall.scenario, ("coil_ua", "fan_kw"))
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (len(free), 3))
    activity = activity_of(hall.scenario, windows, free, points[:, 0])
    at_once = slopes.predictions(hall.scenario, windows, free, points, activity)
    monkeypatch.setattr(slopes, "BATCH_LIMIT", 0.5)
    in_turns = slopes.predictions(hall.scenario, windows, free, points, activity)
    monkeypatch.setattr(slopes, "WORTH_A_CORE", 1)
    monkeypatch.setattr(slopes, "cores", lambda: 2)
    on_cores = slopes.predictions(hall.scenario, windows, free, points, activity)
    np.testing.assert_allclose(in_turns, at_once, atol=1e-9)
    np.testing.assert_allclose(on_cores, at_once, atol=1e-9)


def test_a_parameter_at_its_bound_is_not_known(hall: Hall) -> None:
    p = free_parameters(hall.scenario, ("nominal_capacity",))[0]
    low, high = p.reach()
    assert is_at_bound(p, high) and is_at_bound(p, low) and not is_at_bound(p, 0.0)
    assert p.value(high + 1.0) == pytest.approx(p.value(high)) and p.unbound(high + 1.0) > 1.05 * p.value(high)


def test_the_error_of_one_meter_of_the_site_is_not_averaged_away(hall: Hall) -> None:
    bias = hall.scenario.sensors.power_bias_frac
    by_rack = [p for p in free_parameters(hall.scenario) if p.path.startswith(LOAD_GAIN)]
    of_the_site = [p for p in free_parameters(hall.scenario, load="it_power_kw") if p.path.startswith(LOAD_GAIN)]
    assert [p.sd for p in of_the_site] == [bias] and by_rack[0].sd == pytest.approx(bias / np.sqrt(8.0))


def test_a_machine_that_mostly_stands_is_not_read_to_the_milliwatt(hall: Hall) -> None:
    fan = np.where(np.arange(1000) % 10 == 0, 5.0, 0.0)[:, None]
    sd = noise_sd(QUANTITIES["tower_fan_power_kw"], hall.scenario.sensors, fan)
    assert sd.min() > 0.05 * sd.max()


def test_unseen_changes_of_a_setpoint_are_marked_and_others_bridged() -> None:
    x = np.array([[1.0], [np.nan], [1.0], [1.0], [np.nan], [3.0]])
    filled, bad = without_gaps(x, 3, hold=False, step_matters=0.5)
    assert filled[:, 0] == pytest.approx([1, 1, 1, 1, 2, 3]) and bad.tolist() == [0, 0, 0, 0, 1, 0]


def test_scores_that_remember_have_a_wider_long_run() -> None:
    rng = np.random.default_rng(0)
    white = rng.standard_normal((4000, 1))
    slow = np.zeros_like(white)
    for k in range(1, len(white)):
        slow[k] = 0.8 * slow[k - 1] + 0.6 * white[k]  # variance 1, long-run variance 9
    assert long_run(white, 30)[0, 0] / 4000 == pytest.approx(1.0, abs=0.4)
    assert long_run(slow, 30)[0, 0] / 4000 == pytest.approx(9.0, abs=3.0)
