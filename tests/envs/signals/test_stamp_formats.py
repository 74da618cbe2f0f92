"""Every way of writing time gives weather, prices, load, jobs and telemetry the same moments.

Values are coded by the moment they belong to, so that a shift by any amount is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from envs.signals.grid.grid import load_grid, with_grid_file
from envs.signals.stamps import SiteClock, read_stamps, usual_step_s
from envs.signals.weather.calendar_year import calendar_year
from envs.signals.weather.weather import load_weather
from envs.signals.workload.job_list import _rows
from envs.signals.workload.partitions import Partition
from envs.signals.workload.traces import read_workload
from envs.twin.telemetry.point_map import PointEntry, PointMap
from envs.twin.telemetry.read import read_telemetry

OFFSET_H = -7.0  # phoenix_az and the grid zone AZPS
LAYOUT = SimpleNamespace(rows={"site": 1})
HALL = (Partition("cpu", (0,), 1), Partition("shared", (1,), 32))


def local_hours(start: str, count: int) -> pd.Series:
    return pd.Series(pd.date_range(start, periods=count, freq="1h"))


def utc(local: pd.Series) -> pd.Series:
    return local + pd.Timedelta(hours=-OFFSET_H)


def epoch(local: pd.Series) -> pd.Series:
    return (utc(local) - pd.Timestamp("1970-01-01")) // pd.Timedelta("1s")


def excel(local: pd.Series) -> pd.Series:
    return ((local - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")).round(5)


def jittered(local: pd.Series) -> pd.Series:
    seconds = np.random.default_rng(0).integers(-1, 2, len(local))
    return (local + pd.to_timedelta(seconds, unit="s")).dt.strftime("%Y-%m-%d %H:%M:%S")


def ending(pattern: str, suffix: str, of: Callable[[pd.Series], pd.Series] = lambda local: local):
    return lambda local: {"time": of(local).dt.strftime(pattern) + suffix}


FORMATS: dict[str, Callable[[pd.Series], dict[str, object]]] = {
    "no offset": ending("%Y-%m-%dT%H:%M", ""),
    "no offset, seconds and a blank": ending("%Y-%m-%d %H:%M:%S.000", ""),
    "slashes": ending("%Y/%m/%d %H:%M", ""),
    "Z": ending("%Y-%m-%dT%H:%MZ", "", utc),
    "UTC": ending("%Y-%m-%d %H:%M:%S UTC", "", utc),
    "+00": ending("%Y-%m-%d %H:%M:%S", "+00", utc),
    "-07": ending("%Y-%m-%d %H:%M:%S", "-07"),
    "-07:00": ending("%Y-%m-%dT%H:%M:%S", "-07:00"),
    "-0700": ending("%Y-%m-%dT%H:%M", "-0700"),
    "+05:30 of elsewhere": ending("%Y-%m-%dT%H:%M", "+05:30", lambda t: utc(t) + pd.Timedelta(hours=5.5)),
    "YYYYMMDDHH": ending("%Y%m%d%H", ""),
    "YYYYMMDDHHMM": ending("%Y%m%d%H%M", ""),
    "YYYYMMDDHHMMSS": ending("%Y%m%d%H%M%S", ""),
    "compact with T and Z": ending("%Y%m%dT%H%M%SZ", "", utc),
    "seconds since 1970": lambda local: {"time": epoch(local)},
    "milliseconds since 1970": lambda local: {"time": epoch(local) * 1000},
    "Excel days": lambda local: {"time": excel(local)},
    "date and time": lambda local: {"Date": local.dt.strftime("%Y-%m-%d"), "Time": local.dt.strftime("%H:%M")},
    "date and time with 24:00": lambda local: {
        "date": (local - pd.Timedelta("1s")).dt.strftime("%Y%m%d"),
        "time": [f"{(t - pd.Timedelta('1s')).hour + 1}:00" for t in local],
    },
    "clock on the wall": ending("%Y-%m-%d %H:%M", ""),
    "jitter of a second": lambda local: {"time": jittered(local)},
    "Parquet datetime": lambda local: {"time": local},
    "Parquet datetime in milliseconds": lambda local: {"time": local.astype("datetime64[ms]")},
    "Parquet datetime of a zone": lambda local: {"time": local.dt.tz_localize("America/Phoenix")},
    "Parquet datetime index": lambda local: {"time": local},
    "Parquet number": lambda local: {"time": epoch(local).astype(float)},
}
ZONES = {"clock on the wall": "America/Phoenix"}


def written(folder: Path, name: str, local: pd.Series, columns: dict[str, object], job: bool = False) -> Path:
    """A file of these columns behind the time as ``name`` writes it; a job list calls the time submit_time."""
    stamps = FORMATS[name](local)
    prefix = "submit_" if job else ""
    frame = pd.DataFrame({f"{prefix}{key.lower() if job else key}": value for key, value in stamps.items()} | columns)
    if not name.startswith("Parquet"):
        frame.to_csv(folder / "a.csv", index=False)
        return folder / "a.csv"
    frame = frame.set_index(f"{prefix}time") if name.endswith("index") else frame
    frame.to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize("name", FORMATS)
def test_weather_has_the_value_of_its_hour(name: str, tmp_path: Path) -> None:
    local = local_hours("2023-02-27T00:00", 96)
    dry_bulb = local.dt.month + local.dt.day / 100.0 + local.dt.hour / 10000.0
    path = written(tmp_path, name, local, {"drybulb_c": dry_bulb, "rh_frac": 0.5, "pressure_pa": 97_000.0})
    weather = load_weather(path, site="phoenix_az", zone=ZONES.get(name, ""))
    assert weather.start_utc == np.datetime64("2023-02-27T07:00") and weather.step_s == 3600.0
    np.testing.assert_allclose(weather.dry_bulb_c, dry_bulb, rtol=1e-12)


@pytest.mark.parametrize("name", FORMATS)
def test_prices_have_the_value_of_their_hour(name: str, tmp_path: Path) -> None:
    local = local_hours("2022-07-01T00:00", 8760)
    price = 1000.0 * local.dt.month + 10.0 * local.dt.day + local.dt.hour / 10.0
    path = written(tmp_path, name, local, {"price_usd_mwh": price})
    read = with_grid_file(load_grid("AZPS"), path, ZONES.get(name, ""))
    year = local_hours("2023-01-01T00:00", 8760)
    expected = 1000.0 * year.dt.month + 10.0 * year.dt.day + year.dt.hour / 10.0
    np.testing.assert_allclose(read.price_usd_mwh, expected, atol=2e-3)


@pytest.mark.parametrize("name", FORMATS)
def test_a_load_trace_has_the_value_of_its_hour_and_its_place_in_the_week(name: str, tmp_path: Path) -> None:
    local = local_hours("2023-02-27T00:00", 96)  # a Monday
    load = local.dt.month / 100.0 + local.dt.day / 10_000.0 + local.dt.hour / 1e6
    path = written(tmp_path, name, local, {"rack_0": load})
    read = read_workload(path, HALL[:1], 3600.0, utc_offset_h=OFFSET_H, zone=ZONES.get(name, ""))
    assert read.week_start_s == 0.0
    np.testing.assert_allclose(read.activity[:, 0, 0], load, atol=1e-7)


@pytest.mark.parametrize("name", FORMATS)
def test_jobs_come_at_their_moment(name: str, tmp_path: Path) -> None:
    local = local_hours("2023-03-01T03:00", 96)  # a Wednesday
    rows = {"duration_s": 3600.0, "gpus": 8, "class": "eval"}
    path = written(tmp_path, name, local, {key: [value] * 96 for key, value in rows.items()}, job=True)
    read = _rows(path, HALL[1], SiteClock(OFFSET_H, ZONES.get(name, "")))
    assert read.week_start_s == 2 * 86_400.0
    np.testing.assert_allclose(read.submit_s, 3600.0 * np.arange(3, 99), atol=1.5 if "jitter" in name else 0.5)


@pytest.mark.parametrize("name", FORMATS)
def test_telemetry_has_the_value_of_its_hour(name: str, tmp_path: Path) -> None:
    local = local_hours("2023-02-27T00:00", 96)
    value = 10.0 + local.dt.month + local.dt.day / 100.0 + local.dt.hour / 10000.0
    path = written(tmp_path, name, local, {"t": value})
    time = tuple(FORMATS[name](local)) if "date and time" in name else "time"
    points = PointMap(time, OFFSET_H, (PointEntry("t", "chw_supply_c", 0, "degC"),), ZONES.get(name, ""))
    read, findings = read_telemetry(path, points, LAYOUT, 3600.0)
    assert read.start_utc[0] == np.datetime64("2023-02-27T07:00:00")
    np.testing.assert_allclose(read.series()["chw_supply_c"][:, 0], value)
    assert [f.kind for f in findings] == (["clock"] if "jitter" in name else [])


def test_a_wall_clock_with_daylight_saving_is_exact_through_both_changes(tmp_path: Path) -> None:
    moments = pd.Series(pd.date_range("2022-12-31T23:00Z", periods=8760, freq="1h"))
    shown = moments.dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d %H:%M")
    standard = moments.dt.tz_localize(None) + pd.Timedelta("1h")
    price = 1000.0 * standard.dt.month + 10.0 * standard.dt.day + standard.dt.hour / 10.0
    pd.DataFrame({"time": shown, "price_usd_mwh": price}).to_csv(tmp_path / "a.csv", index=False)
    read = with_grid_file(load_grid("DE-LU"), tmp_path / "a.csv", "Europe/Berlin")
    np.testing.assert_allclose(read.price_usd_mwh, price, atol=2e-3)
    with pytest.raises(ValueError, match="line 2020.*7200 s after.*no daylight saving"):
        with_grid_file(load_grid("DE-LU"), tmp_path / "a.csv")


def test_offsets_that_change_in_summer_are_exact(tmp_path: Path) -> None:
    moments = pd.Series(pd.date_range("2022-12-31T23:00Z", periods=8760, freq="1h"))
    shown = [t.isoformat() for t in moments.dt.tz_convert("Europe/Berlin")]
    pd.DataFrame({"time": shown, "price_usd_mwh": np.arange(8760.0)}).to_csv(tmp_path / "a.csv", index=False)
    read = with_grid_file(load_grid("DE-LU"), tmp_path / "a.csv")
    np.testing.assert_allclose(read.price_usd_mwh, np.arange(8760.0), atol=1e-3)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (["2023-03-26 01:00", "2023-03-26 02:00", "2023-03-26 03:00"], "line 3.*does not exist in Europe/Berlin"),
        (["2023-10-29 01:00", "2023-10-29 02:00", "2023-10-29 03:00"], "line 3.*comes twice in Europe/Berlin"),
    ],
)
def test_a_wall_clock_that_cannot_be_told_is_refused_with_its_line(shown: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_stamps(Path("a.csv"), pd.DataFrame({"time": shown}), ("time",), SiteClock(1.0, "Europe/Berlin"))


@pytest.mark.parametrize("zone", ["Europe/Berlinn", "../etc", "CEST+2"])
def test_a_zone_that_is_none_is_refused_by_name(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone .* is unknown here; give an IANA name"):
        SiteClock(1.0, zone)


@pytest.mark.parametrize("offset_h", [330.0, float("nan"), float("inf"), -15.0])
def test_an_offset_that_is_none_is_refused(offset_h: float) -> None:
    with pytest.raises(ValueError, match="give local standard time minus UTC in hours, -14..14"):
        SiteClock(offset_h)


@pytest.mark.parametrize(
    "cells",
    [
        ["202313010000", "202313010100"],  # month 13
        ["0", "3600"],  # seconds from any zero have no moment in a table
        ["1e12", "2e15"],
        ["31.12.2023 00:00", "31.12.2023 01:00"],
        ["2023-02-30T00:00", "2023-03-01T00:00"],
        ["2023-01-01T25:00", "2023-01-01T26:00"],
        ["2023-01-01T00:00+25:00", "2023-01-01T01:00+25:00"],
        ["1023-01-01T00:00", "1023-01-01T01:00"],
    ],
)
def test_what_is_no_moment_is_refused_with_its_line_and_the_formats(cells: list[str]) -> None:
    with pytest.raises(ValueError, match=r"a\.csv, line [23], column 'time': found .* expected .*YYYYMMDDHHMM") as said:
        read_stamps(Path("a.csv"), pd.DataFrame({"time": cells}), ("time",), SiteClock())
    assert "Excel day numbers" in str(said.value)


@pytest.mark.parametrize("hole", ["", "yesterday"])
def test_a_cell_that_is_no_number_among_numbers_is_the_one_that_is_named(hole: str) -> None:
    with pytest.raises(ValueError, match=f"line 4, column 'time': found '{hole}'.*1 such cells"):
        read_stamps(
            Path("a.csv"), pd.DataFrame({"time": ["1672531200", "1672534800", hole]}), ("time",), SiteClock(-7.0)
        )


@pytest.mark.parametrize(("year", "stamp"), [(2024, ""), (2024, "Z"), (2023, "")])
def test_prices_and_weather_of_a_leap_year_keep_their_days_after_february(
    year: int, stamp: str, tmp_path: Path
) -> None:
    local = local_hours(f"{year}-01-01T00:00", 8784 if year == 2024 else 8760)
    shown = (utc(local) if stamp else local).dt.strftime("%Y-%m-%dT%H:%M") + stamp
    code = local.dt.month + local.dt.day / 100.0 + local.dt.hour / 10000.0
    pd.DataFrame({"time": shown, "drybulb_c": code, "rh_frac": 0.5, "pressure_pa": 97_000.0}).to_csv(
        tmp_path / "w.csv", index=False
    )
    for name in ("price_usd_mwh", "carbon_g_kwh"):
        pd.DataFrame({"time": shown, name: 100.0 * code}).to_csv(tmp_path / f"{name}.csv", index=False)
    weather = calendar_year(load_weather(tmp_path / "w.csv", site="phoenix_az"), "w")
    plain = local_hours("2023-01-01T00:00", 8760)
    expected = (plain.dt.month + plain.dt.day / 100.0 + plain.dt.hour / 10000.0).to_numpy()
    np.testing.assert_allclose(weather.dry_bulb_c, expected, rtol=1e-12)
    for name in ("price_usd_mwh", "carbon_g_kwh"):
        read = with_grid_file(load_grid("AZPS"), tmp_path / f"{name}.csv")
        np.testing.assert_allclose(getattr(read, name), 100.0 * expected, atol=2e-4)


@pytest.mark.parametrize("offset_h", [9.0, -7.0])
@pytest.mark.parametrize("start", ["2023-07-01T00:00", "2024-02-29T00:00", "2024-03-01T00:00"])
def test_prices_that_begin_near_a_leap_day_keep_their_days(start: str, offset_h: float, tmp_path: Path) -> None:
    local = local_hours(start, 8784)
    code = 1000.0 * local.dt.month + 10.0 * local.dt.day + local.dt.hour / 10.0
    pd.DataFrame({"time": local.dt.strftime("%Y-%m-%dT%H:%M"), "price_usd_mwh": code}).to_csv(
        tmp_path / "p.csv", index=False
    )
    grid = load_grid("AZPS")
    first = np.datetime64("2023-01-01T00:00:00") - np.timedelta64(int(offset_h), "h")
    grid = replace(grid, zone=replace(grid.zone, utc_offset_h=offset_h), start_utc=first)
    plain = local_hours("2023-01-01T00:00", 8760)
    expected = 1000.0 * plain.dt.month + 10.0 * plain.dt.day + plain.dt.hour / 10.0
    np.testing.assert_allclose(with_grid_file(grid, tmp_path / "p.csv").price_usd_mwh, expected, atol=2e-3)


def test_rows_from_the_newest_on_are_refused_with_the_mend(tmp_path: Path) -> None:
    local = local_hours("2023-02-27T00:00", 96)
    path = written(tmp_path, "Z", local, {"drybulb_c": 20.0, "rh_frac": 0.5, "pressure_pa": 97_000.0})
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(ValueError, match="line 3, .* is before the stamp above it; write rows in the order of time"):
        load_weather(path, site="phoenix_az")


def test_8784_rows_without_stamps_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"price_usd_mwh": np.arange(8784.0)}).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(
        ValueError, match=r"p\.csv, line 8785: 8784 rows .* cover 366 days, expected 365.*column 'time'"
    ):
        with_grid_file(load_grid("AZPS"), tmp_path / "p.csv")


def test_a_second_of_jitter_at_both_ends_of_four_rows_is_not_taken_for_the_step() -> None:
    assert usual_step_s(np.array([-1.0, 60.0, 120.0, 181.0])) == 60.0
