from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.twin.screening.expected import expected_of
from envs.twin.screening.screen import screen
from envs.twin.telemetry.point_map import PointEntry, PointMap, read_point_map
from envs.twin.telemetry.read import read_telemetry
from envs.twin.telemetry.synthetic import synthetic_telemetry, write
from envs.twin.telemetry.telemetry import Telemetry
from tests.envs.twin.conftest import Hall


def points(*entries: PointEntry) -> PointMap:
    return PointMap("time", 0.0, entries)


SUPPLY = PointEntry("t", "chw_supply_c", 0, "degC")


def file_of(tmp_path: Path, stamps: list[str], values: list[object]) -> Path:
    path = tmp_path / "a.csv"
    pd.DataFrame({"time": stamps, "t": values}).to_csv(path, index=False)
    return path


def kinds(telemetry: Telemetry) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for f in screen(telemetry).findings:
        found.setdefault(f.kind, []).append(f.point)
    return found


def with_channel(hall: Hall, name: str, change) -> Telemetry:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1, gaps_frac=0.0)
    values = dict(t.values)
    values[name] = change(values[name].copy())
    return t.with_values(values)


def test_what_was_written_is_read_again(tmp_path: Path, hall: Hall) -> None:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)
    table, map_path = write(t, tmp_path)
    read, findings = read_telemetry(table, read_point_map(map_path, hall.scenario, hall.layout), hall.layout, 300.0)
    assert not findings and read.rows == t.rows
    for name, values in t.values.items():
        np.testing.assert_allclose(read.values[name], values, rtol=1e-5, atol=1e-6, equal_nan=True)


def test_a_reading_that_a_shift_puts_before_the_log_is_left_out(tmp_path: Path, hall: Hall) -> None:
    stamps = [f"2023-01-01T00:{m:02d}:00Z" for m in (5, 10, 15)]
    early = PointEntry("t", "chw_supply_c", 0, "degC", shift_s=-300.0)
    read, _ = read_telemetry(file_of(tmp_path, stamps, [10, 11, 12]), points(early), hall.layout, 300.0)
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx([11.0, 12.0, np.nan], nan_ok=True)


def test_a_finer_file_is_averaged_and_missing_rows_become_gaps(tmp_path: Path, hall: Hall) -> None:
    stamps = [f"2023-01-01T00:{m:02d}:00Z" for m in (1, 2, 3, 4, 5, 11, 12, 13, 14, 15)]
    read, _ = read_telemetry(
        file_of(tmp_path, stamps, [10, 11, 12, 13, 14, 20, "Bad", 22, 22, 20]), points(SUPPLY), hall.layout, 300.0
    )
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx([12.0, np.nan, 21.0], nan_ok=True)


def test_a_clock_set_back_by_an_hour_is_put_right_and_said(tmp_path: Path, hall: Hall) -> None:
    times = pd.date_range("2023-10-29T00:05Z", periods=60, freq="5min")
    shown = times.where(np.arange(60) < 24, times - pd.Timedelta("1h"))
    read, findings = read_telemetry(
        file_of(tmp_path, [s.isoformat() for s in shown], list(range(60))), points(SUPPLY), hall.layout, 300.0
    )
    assert [f.kind for f in findings] == ["clock"] and "line 26" in findings[0].words
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx(np.arange(60.0))


def test_a_stamp_that_jumps_back_otherwise_is_refused_with_its_line(tmp_path: Path, hall: Hall) -> None:
    stamps = ["2023-01-01T00:05Z", "2023-01-01T00:10Z", "2023-01-01T00:15Z", "2022-12-31T12:00Z", "2022-12-31T12:05Z"]
    with pytest.raises(ValueError, match="line 5.*goes back"):
        read_telemetry(file_of(tmp_path, stamps, [1, 2, 3, 4, 5]), points(SUPPLY), hall.layout, 300.0)


def test_the_gaps_of_a_quantitys_points_are_one_finding(hall: Hall) -> None:
    found = screen(synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)).findings
    inlets = [f for f in found if f.kind == "gap" and f.point.startswith("rack_inlet_c")]
    assert len(inlets) == 1 and inlets[0].point == "rack_inlet_c[0] and 7 more" and "at most" in inlets[0].words


def test_a_clean_file_gives_no_finding_but_gaps(hall: Hall) -> None:
    assert set(kinds(synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1))) <= {"gap"}


def test_fahrenheit_kelvin_percent_and_watts_are_named(hall: Hall) -> None:
    for name, change, unit in (
        ("zone_supply_c", lambda x: x * 1.8 + 32.0, "degF"),
        ("zone_supply_c", lambda x: x + 273.15, "K"),
        ("coil_valve_frac", lambda x: x * 100.0, "%"),
    ):
        found = screen(with_channel(hall, name, change)).findings
        assert any(f.kind == "unit" and unit in f.words for f in found), (name, unit)


def test_a_driver_in_a_wrong_unit_stops_the_calibration(hall: Hall) -> None:
    with pytest.raises(ValueError, match="dry_bulb_c drives the replay"):
        screen(with_channel(hall, "dry_bulb_c", lambda x: x + 273.15))


def test_watts_in_a_load_are_known_by_the_rating(hall: Hall) -> None:
    with pytest.raises(ValueError, match="looks like W"):
        screen(with_channel(hall, "rack_power_kw", lambda x: x * 1000.0), expected_of(hall.layout))


def test_a_stuck_sensor_is_found_and_its_readings_taken_out(hall: Hall) -> None:
    def stick(x: np.ndarray) -> np.ndarray:
        x[60:120, 0] = x[60, 0]
        return x

    made = screen(with_channel(hall, "chw_return_c", stick))
    assert [f.point for f in made.findings if f.kind == "stuck"] == ["chw_return_c[0]"]
    assert np.isnan(made.telemetry.values["chw_return_c"][61:120, 0]).all()


def test_a_lonely_outlier_is_taken_out_and_a_real_step_is_not(hall: Hall) -> None:
    def spike(x: np.ndarray) -> np.ndarray:
        x[70, 0] += 15.0
        return x

    made = screen(with_channel(hall, "zone_return_c", spike))
    assert any(f.kind == "outlier" for f in made.findings)
    kept = np.isfinite(made.telemetry.values["zone_return_c"][:, 0])
    assert not kept[70] and kept.mean() > 0.98


def test_a_point_whose_clock_lags_is_named_with_its_shift(hall: Hall) -> None:
    made = screen(with_channel(hall, "crah_fan_power_kw", lambda x: np.roll(x, 6, axis=0)))
    late = [f for f in made.findings if f.kind == "clock"]
    assert len(late) == 1 and late[0].point == "crah_fan_power_kw[0]" and "-1800" in late[0].words


HOUR = pd.date_range("2023-01-01", periods=120, freq="5min")


def read_column(tmp_path: Path, hall: Hall, values: list[object], entry: PointEntry = SUPPLY, stamps=HOUR):
    shown = [t.strftime("%Y-%m-%d %H:%M:%S") for t in stamps]
    return read_telemetry(file_of(tmp_path, shown, values), points(entry), hall.layout, 300.0)


def test_rows_exported_twice_are_left_out_and_no_clock_is_moved(tmp_path: Path, hall: Hall) -> None:
    order = [*range(48), *range(36, 120)]  # an hour's page comes twice
    values = [20.0 + 0.01 * k for k in order]
    read, findings = read_column(tmp_path, hall, values, stamps=[HOUR[k] for k in order])
    assert [f.kind for f in findings] == ["clock"]
    assert "12 rows, the first in line 50, repeat an earlier row in every cell; left out" in findings[0].words
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx(20.0 + 0.01 * np.arange(120))


def test_seconds_of_jitter_cost_no_reading_and_are_said(tmp_path: Path, hall: Hall) -> None:
    late = np.random.default_rng(3).integers(-1, 2, 120)
    stamps = HOUR + pd.to_timedelta(late, unit="s")
    read, findings = read_column(tmp_path, hall, [float(k) for k in range(120)], stamps=stamps)
    assert [f.kind for f in findings] == ["clock"] and "up to 1 s off the logger's grid" in findings[0].words
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx(np.arange(120.0))


def test_rows_that_share_a_step_by_rounding_are_no_gap(tmp_path: Path, hall: Hall) -> None:
    late = np.where(np.arange(120) == 60, 200, 0)
    _, findings = read_column(tmp_path, hall, [1.0] * 120, stamps=HOUR + pd.to_timedelta(late, unit="s"))
    assert [f.kind for f in findings] == ["doubled"] and "1 rows, the first in line 63" in findings[0].words


def test_a_column_that_no_entry_names_is_said(tmp_path: Path, hall: Hall) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"time": HOUR.strftime("%Y-%m-%dT%H:%MZ"), "t": 20.0, "spare": 1.0}).to_csv(path, index=False)
    _, findings = read_telemetry(path, points(SUPPLY), hall.layout, 300.0)
    assert [(f.kind, f.point) for f in findings] == [("unmapped", "spare")]


def test_thousands_switches_and_units_in_cells_are_read(tmp_path: Path, hall: Hall) -> None:
    power = PointEntry("t", "it_power_kw", 0, "kW")
    read, findings = read_column(tmp_path, hall, ["1,012.3", "998.5", "1,052.0"] * 40, power)
    assert read.series()["it_power_kw"][:3, 0] == pytest.approx([1012.3, 998.5, 1052.0]) and not findings
    running = PointEntry("t", "chillers_running", 0, "1")
    read, findings = read_column(tmp_path, hall, ["On", "Off", "On"] * 40, running)
    assert read.series()["chillers_running"][:3, 0].tolist() == [1.0, 0.0, 1.0] and not findings
    read, findings = read_column(tmp_path, hall, ["21.4 °C", "", "21.6 °C"] * 40)
    assert read.series()["chw_supply_c"][:3, 0] == pytest.approx([21.4, np.nan, 21.6], nan_ok=True)
    with pytest.raises(ValueError, match="column 't': its cells say degF .*'70 °F'.*the point map says degC"):
        read_column(tmp_path, hall, ["70 °F"] * 120)


def test_unreadable_cells_are_told_from_empty_ones_with_an_example_and_a_line(tmp_path: Path, hall: Hall) -> None:
    values: list[object] = ["", "", "21,4", *[21.0] * 117]
    read, findings = read_column(tmp_path, hall, values)
    assert [(f.kind, f.point) for f in findings] == [("unreadable", "t")]
    assert "1 of 120 cells are neither empty nor a number, the first '21,4' in line 4" in findings[0].words
    assert np.isnan(read.series()["chw_supply_c"][:3, 0]).all()


def test_a_driver_that_nobody_can_read_stops_with_its_own_cause_uncut(tmp_path: Path, hall: Hall) -> None:
    t = synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1)
    table, map_path = write(t, tmp_path)
    frame = pd.read_csv(table)
    frame["dry_bulb_c[0]"] = [str(x).replace(".", ",") for x in frame["dry_bulb_c[0]"]]
    frame.to_csv(table, index=False)
    read, findings = read_telemetry(table, read_point_map(map_path, hall.scenario, hall.layout), hall.layout, 300.0)
    with pytest.raises(ValueError, match="dry_bulb_c drives the replay.*neither empty nor a number") as said:
        screen(read, None, findings)
    assert "rack_inlet_c" not in str(said.value) and str(said.value).endswith(")")


def test_a_setpoint_logged_on_change_is_named_and_held_where_the_map_says_so(tmp_path: Path, hall: Hall) -> None:
    values: list[object] = [15.0 + k // 40 if k % 40 == 0 else "" for k in range(120)]
    logged = PointEntry("t", "supply_air_temp_setpoint_c", 0, "degC")
    _, findings = read_column(tmp_path, hall, values, logged)
    assert [f.kind for f in findings] == ["on change"] and "write hold: true" in findings[0].words
    held = PointEntry("t", "supply_air_temp_setpoint_c", 0, "degC", hold=True)
    read, findings = read_column(tmp_path, hall, values, held)
    assert read.series()["supply_air_temp_setpoint_c"][:, 0] == pytest.approx(15.0 + np.arange(120) // 40)
    assert not findings


def test_a_stray_stamp_is_refused_with_its_line_before_anything_is_allocated(tmp_path: Path, hall: Hall) -> None:
    stamps = [*HOUR[:-1], pd.Timestamp("2035-06-01")]
    with pytest.raises(ValueError, match="line 121: 2035-06-01T00:00:00 comes 4534 days after the row above it"):
        read_column(tmp_path, hall, [1.0] * 120, stamps=stamps)


@pytest.mark.parametrize("cells", [[f"{k * k}" for k in range(120)], ["1e22"] * 120, ["2023"] * 120])
def test_numbers_that_are_no_stamps_are_refused_with_the_formats(cells: list[str], tmp_path: Path, hall: Hall) -> None:
    with pytest.raises(ValueError, match=r"line \d+, column 'time': found the number .*YYYYMMDDHHMM.*any zero"):
        read_telemetry(file_of(tmp_path, cells, [1.0] * 120), points(SUPPLY), hall.layout, 300.0)


def test_a_time_column_of_another_name_is_to_be_set_in_the_map(tmp_path: Path, hall: Hall) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"ts": HOUR.strftime("%Y-%m-%dT%H:%MZ"), "t": 20.0}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"line 1: no time column 'time'; found \['ts', 't'\]; set time.column"):
        read_telemetry(path, points(SUPPLY), hall.layout, 300.0)


def test_seconds_from_any_zero_are_read(tmp_path: Path, hall: Hall) -> None:
    read, _ = read_telemetry(
        file_of(tmp_path, [str(300 * k) for k in range(120)], list(range(120))), points(SUPPLY), hall.layout, 300.0
    )
    assert read.series()["chw_supply_c"][:, 0] == pytest.approx(np.arange(120.0))


def test_an_energy_register_is_read_by_its_differences(tmp_path: Path, hall: Hall) -> None:
    power = 20.0 + np.arange(120) % 7
    counted = 12_345.0 + np.cumsum(power) / 12.0
    counted[60:] -= counted[60]  # set back to zero
    entry = PointEntry("t", "chiller_power_kw", 0, "kWh")
    read, _ = read_column(tmp_path, hall, [f"{x:.6f}" for x in counted], entry)
    made = read.series()["chiller_power_kw"][:, 0]
    assert np.flatnonzero(np.isnan(made)).tolist() == [0, 60]
    assert made[np.isfinite(made)] == pytest.approx(np.delete(power, [0, 60]), abs=1e-3)


def test_a_register_with_a_gap_lacks_the_reading_behind_it(tmp_path: Path, hall: Hall) -> None:
    counted: list[object] = [float(k) for k in range(120)]
    counted[50] = ""
    read, _ = read_column(tmp_path, hall, counted, PointEntry("t", "chiller_power_kw", 0, "kWh"))
    assert np.flatnonzero(np.isnan(read.series()["chiller_power_kw"][:, 0])).tolist() == [0, 50, 51]


def test_factor_and_hertz_of_the_map_are_applied(tmp_path: Path, hall: Hall) -> None:
    read, _ = read_column(tmp_path, hall, [48.6] * 120, PointEntry("t", "zone_fan_speed_frac", 0, "60 Hz"))
    assert read.series()["zone_fan_speed_frac"][:, 0] == pytest.approx(0.81)
    half = PointEntry("t", "chiller_power_kw", 0, "W", factor=0.5)
    read, _ = read_column(tmp_path, hall, [20_000.0] * 120, half)
    assert read.series()["chiller_power_kw"][:, 0] == pytest.approx(10.0)
