from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.physics.psychrometrics import dew_point_from_humidity_ratio_c, pressure_kpa
from envs.signals.weather.calendar_year import calendar_year
from envs.signals.weather.climates import ClimateSite, climate
from envs.signals.weather.epw import read_epw
from envs.signals.weather.weather import Weather, WeatherSamples, generate_weather, load_weather, weather_from_humidity
from experiments.published.laws import FREE_COOLING_H

needs_data = pytest.mark.skipif("COLDAISLE_DATA" not in os.environ, reason="COLDAISLE_DATA is unset: no measured years")
PLACE = ClimateSite("here", "Here", 40.0, -100.0, 300.0, -6.0)
# Table k: T mean/min/max, wet bulb mean and 99.6 %, hours wet bulb < 10, < 18, dry bulb < 27
TABLE_K = {
    "phoenix_az_tmy3": (23.8, 2.2, 44.4, 13.2, 23.9, 2770, 6682, 5202),
    "sterling_va_tmy3": (12.7, -16.1, 37.2, 9.5, 25.0, 4427, 6581, 8072),
    "chicago_il_tmy3": (10.0, -22.8, 35.0, 7.2, 25.4, 4871, 7230, 8238),
    "dallas_tx_tmy3": (19.8, -3.9, 40.0, 14.6, 26.8, 2840, 4930, 6345),
    "miami_fl_tmy3": (24.5, 5.0, 35.6, 20.8, 26.1, 296, 1706, 6090),
    "seattle_wa_tmy3": (11.7, -7.2, 35.0, 8.9, 20.9, 4847, 8509, 8580),
    "denver_co_tmy3": (10.0, -23.0, 39.4, 4.4, 17.4, 6318, 8745, 8080),
    "frankfurt_de_om2023": (12.1, -6.2, 35.0, 9.4, 22.2, 4648, 8103, 8493),
    "london_gb_om2023": (11.6, -4.7, 31.3, 9.6, 20.4, 4659, 8496, 8694),
    "mumbai_in_om2023": (27.2, 14.7, 37.8, 22.9, 27.7, 0, 855, 4369),
    "singapore_om2023": (27.3, 22.4, 33.4, 24.8, 26.7, 0, 0, 3900),
}


def weather_path(name: str) -> Path:
    return Path(os.environ["COLDAISLE_DATA"]) / "weather" / f"{name}.csv.gz"


def handed_year(name: str) -> tuple[Weather, dict[str, np.ndarray]]:
    path = weather_path(name)
    with (path.parent / "site_stats.csv").open() as stream:
        row = {row["site"]: row for row in csv.DictReader(stream)}[name]
    site = ClimateSite(name, row["name"], float(row["lat"]), float(row["lon"]), float(row["elev_m"]), 0.0)
    weather = load_weather(path, site=site, first_hour=1.0 if name.endswith("tmy3") else 0.0)
    raw = np.genfromtxt(path, delimiter=",", names=True)
    return weather, {column: raw[column] for column in raw.dtype.names}


@needs_data
@pytest.mark.parametrize("name", sorted(TABLE_K))
def test_a_measured_year_gives_the_statistics_of_table_k(name: str) -> None:
    weather, raw = handed_year(name)
    mean, low, high, wet_mean, wet_hot, below_10, below_18, cool_hours = TABLE_K[name]
    assert weather.dry_bulb_c.mean() == pytest.approx(mean, abs=0.06)
    assert (weather.dry_bulb_c.min(), weather.dry_bulb_c.max()) == pytest.approx((low, high), abs=0.06)
    assert weather.wet_bulb_c.mean() == pytest.approx(wet_mean, abs=0.06)
    assert np.quantile(weather.wet_bulb_c, 0.996) == pytest.approx(wet_hot, abs=0.06)
    assert np.sum(weather.wet_bulb_c < 10.0) == pytest.approx(below_10, abs=3)
    assert np.sum(weather.wet_bulb_c < 18.0) == pytest.approx(below_18, abs=3)
    assert np.sum(weather.dry_bulb_c < 27.0) == cool_hours
    near_ice = np.abs(raw["wetbulb_c"]) < 0.6
    error = np.abs(weather.wet_bulb_c - raw["wetbulb_c"])
    assert error[~near_ice].max() < 0.0101
    assert error.max() < 0.3


@needs_data
@pytest.mark.parametrize("name", sorted(FREE_COOLING_H))
def test_free_cooling_hours_are_exact_from_files(name: str) -> None:
    weather, _ = handed_year(name)
    assert int(np.sum(weather.wet_bulb_c < 18.0)) == FREE_COOLING_H[name]


def write_epw(path: Path, hours: int = 48, mends: dict[int, list[str]] | None = None) -> Path:
    header = [
        "LOCATION,Test City,ST,USA,TMY3,000000,39.72,-104.75,-7.0,1726.0",
        *(f"{word},0" for word in ("DESIGN CONDITIONS", "TYPICAL/EXTREME PERIODS", "GROUND TEMPERATURES")),
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,written by a test",
        "COMMENTS 2,",
        "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
    ]
    rows = []
    for i in range(hours):
        day, hour = i // 24 + 1, i % 24 + 1
        row = [1995, 1, day, hour, 0, "?9?9", 0.1 * i, -2.0, 50, 82000 + i, *[0] * 25]
        rows.append((mends or {}).get(i, [str(cell) for cell in row]))
    path.write_text("\n".join([*header, *(",".join(row) for row in rows)]) + "\n")
    return path


def test_an_epw_file_is_read_with_its_header_and_units(tmp_path: Path) -> None:
    weather = load_weather(write_epw(tmp_path / "city.epw"), start_year=2024)
    assert (weather.latitude, weather.longitude) == (39.72, -104.75)
    assert (weather.elevation_m, weather.utc_offset_h) == (1726.0, -7.0)
    assert weather.site.name == "Test City"
    assert weather.dry_bulb_c[5] == pytest.approx(0.5)
    assert weather.pressure_kpa[5] == pytest.approx(82.005)
    assert weather.start_utc == np.datetime64("2024-01-01T08:00:00")


def test_the_poles_and_the_date_line_are_places_and_beyond_them_is_none(tmp_path: Path) -> None:
    path = write_epw(tmp_path / "pole.epw")
    text = path.read_text()
    path.write_text(text.replace("39.72,-104.75,-7.0,1726.0", "-90.0,180.0,12.0,1726.0"))
    weather = load_weather(path)
    assert (weather.latitude, weather.longitude, weather.utc_offset_h) == (-90.0, 180.0, 12.0)
    for beyond, words in {
        "-90.1,180.0,12.0": "latitude = -90.1, expected -90..90",
        "90.0,180.5,12.0": "longitude = 180.5",
        "90.0,-180.0,14.5": "time zone = 14.5",
    }.items():
        path.write_text(text.replace("39.72,-104.75,-7.0", beyond))
        with pytest.raises(ValueError, match=words):
            load_weather(path)


def test_an_epw_row_is_the_moment_that_ends_its_hour(tmp_path: Path) -> None:
    samples = load_weather(write_epw(tmp_path / "city.epw")).sample(1800.0)
    assert samples.dry_bulb_c[2] == pytest.approx(0.0)  # 01:00
    assert samples.dry_bulb_c[4] == pytest.approx(0.1, abs=1e-6)  # 02:00
    assert samples.dry_bulb_c[3] == pytest.approx(0.05, abs=1e-6)
    assert samples.dry_bulb_c[0] == pytest.approx(4.7, abs=1e-6)  # 00:00 is the last row's 24:00
    assert len(samples.dry_bulb_c) == 96


def epw_row(hour: int, dry_bulb: str = "5.0", rh: str = "50", pressure: str = "82000") -> list[str]:
    return ["1995", "1", "1", str(hour), "0", "?9?9", dry_bulb, "-2.0", rh, pressure]


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        ({3: epw_row(4, dry_bulb="99.9")}, ["line 12", "dry bulb", "'99.9'", "missing"]),
        ({3: epw_row(4, rh="999")}, ["line 12", "relative humidity", "'999'"]),
        ({3: epw_row(4, pressure="none")}, ["line 12", "pressure", "'none'"]),
        ({3: epw_row(5)}, ["line 12", "found hour 5", "hour 4"]),
        ({3: ["1995", "1", "1"]}, ["line 12", "3 fields"]),
    ],
)
def test_a_broken_epw_record_is_named(tmp_path: Path, mend: dict[int, list[str]], words: list[str]) -> None:
    path = write_epw(tmp_path / "bad.epw", mends=mend)
    with pytest.raises(ValueError) as error:
        read_epw(path)
    for word in ["bad.epw", *words]:
        assert word in str(error.value)


def test_an_epw_of_broken_days_or_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="whole days"):
        read_epw(write_epw(tmp_path / "a.epw", hours=30))
    (tmp_path / "b.epw").write_text("drybulb_c,rh_frac\n1,2\n")
    with pytest.raises(ValueError, match=r"b\.epw, line 1.*LOCATION"):
        read_epw(tmp_path / "b.epw")
    text = write_epw(tmp_path / "c.epw").read_text()
    (tmp_path / "c.epw").write_text(text.replace("39.72", "139.72"))
    with pytest.raises(ValueError, match="latitude = 139.72"):
        read_epw(tmp_path / "c.epw")


def test_energyplus_own_files_are_read() -> None:
    package = pytest.importorskip("pyenergyplus", reason="EnergyPlus is not installed: pip install pyenergyplus-lbnl")
    files = sorted(Path(package.__file__).parent.glob("data/weather/*.epw"))
    assert files
    for path in files:
        weather = load_weather(path)
        assert len(weather.dry_bulb_c) == 8760
        assert np.all(weather.wet_bulb_c <= weather.dry_bulb_c + 1e-6)
        assert weather.pressure_kpa.mean() == pytest.approx(float(pressure_kpa(weather.elevation_m)), rel=0.02)


def constant_days(days: int = 2, **change: np.ndarray) -> Weather:
    hours = np.arange(24 * days)
    dry_bulb = 20.0 + 5.0 * np.sin(2 * np.pi * hours / 24)
    arrays = {"dry_bulb_c": dry_bulb, "rh_frac": np.full(len(hours), 0.5), **change}
    start = np.datetime64("2023-01-01T06:00:00", "s")
    return weather_from_humidity(PLACE, start, 3600.0, arrays["dry_bulb_c"], arrays["rh_frac"], 97.77)


def test_samples_are_float32_on_the_control_grid() -> None:
    samples = constant_days().sample(300.0)
    assert samples._fields == ("dry_bulb_c", "wet_bulb_c", "humidity_ratio", "pressure_kpa")
    for values in samples:
        assert values.dtype == np.float32
        assert values.shape == (576,)


def test_samples_pass_through_the_hours_and_wrap_around_the_end() -> None:
    weather = constant_days()
    samples = weather.sample(300.0)
    np.testing.assert_allclose(samples.dry_bulb_c[::12], weather.dry_bulb_c, rtol=1e-6)
    last = samples.dry_bulb_c[-6]
    assert last == pytest.approx((weather.dry_bulb_c[-1] + weather.dry_bulb_c[0]) / 2, rel=1e-5)
    assert weather.grid_start_utc == np.datetime64("2023-01-01T06:00:00")


def test_a_year_on_the_control_grid_has_105120_steps() -> None:
    samples = load_weather("singapore_sg", seed=1).sample(300.0)
    assert all(len(values) == 105_120 for values in samples)


def test_a_generated_year_starts_at_local_midnight() -> None:
    assert generate_weather("mumbai_in").grid_start_utc == np.datetime64("2022-12-31T18:30:00")
    assert generate_weather("phoenix_az", start_year=2025).start_utc == np.datetime64("2025-01-01T07:00:00")


def test_the_generated_dew_point_comes_back_from_the_humidity_ratio() -> None:
    weather = generate_weather("miami_fl", 0, years=3)
    dew_point = dew_point_from_humidity_ratio_c(weather.humidity_ratio, weather.pressure_kpa)
    assert dew_point.mean() == pytest.approx(climate("miami_fl").dew_point_c.mean(), abs=1.0)


def test_a_step_that_does_not_divide_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="divides a day"):
        constant_days().sample(7000.0)


def test_weather_of_broken_days_is_refused() -> None:
    with pytest.raises(ValueError, match="whole days"):
        weather_from_humidity(PLACE, np.datetime64("2023-01-01"), 3600.0, np.zeros(30), np.full(30, 0.5), 100.0)


def test_a_table_without_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("drybulb_c,rh_frac,pressure_pa\n1,0.5,100000\n")
    with pytest.raises(ValueError, match="site=ClimateSite"):
        load_weather(tmp_path / "a.csv")


def test_a_table_with_time_stamps_and_own_headings_is_read(tmp_path: Path) -> None:
    rows = [f"2024-06-01T{h:02d}:00,{15 + h * 0.1:.1f},0.5" for h in range(24)]
    (tmp_path / "june.csv").write_text("time,temp,rh\n" + "\n".join(rows) + "\n")
    weather = load_weather(
        tmp_path / "june.csv", site="denver_co", columns={"dry_bulb_c": "temp", "rh_frac": "rh"}, time_column="time"
    )
    assert weather.grid_start_utc == np.datetime64("2024-06-01T07:00:00")
    assert weather.sample(3600.0).dry_bulb_c[3] == pytest.approx(15.3, abs=1e-5)
    assert weather.pressure_kpa[0] == pytest.approx(float(pressure_kpa(1726.0)))


def test_unknown_column_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dry_bulb_c, rh_frac"):
        load_weather(tmp_path / "a.csv", site=PLACE, columns={"temperature": "t"})


def test_an_unknown_source_lists_the_sites() -> None:
    with pytest.raises(ValueError, match=r"'atlantis'.*\.epw"):
        load_weather("atlantis")


def test_weather_as_a_series_carries_its_names() -> None:
    series = constant_days().series()
    assert series.names == WeatherSamples._fields
    assert (series.label, series.kind) == ("mid", "interpolate")


@pytest.mark.parametrize("elevation", ["3.0", "2548.0"])
def test_an_epw_whose_height_and_pressure_are_of_two_places_is_refused(elevation: str, tmp_path: Path) -> None:
    path = write_epw(tmp_path / "city.epw")
    path.write_text(path.read_text().replace("1726.0", elevation))
    with pytest.raises(
        ValueError, match=rf"city.epw, line 1: elevation = {float(elevation):g} m means .* found 82.0 kPa"
    ):
        read_epw(path)


def coded_epw(path: Path, dates: pd.DatetimeIndex, bom: bool = False, years: bool = False) -> Path:
    """An EPW file of these days: dry bulb month + day/100 + hour/10000 of the record's own fields; 24 hours a day."""
    text = write_epw(path, hours=24).read_text().splitlines()[:8]
    rows = [
        f"{1980 + d.month if years else d.year},{d.month},{d.day},{hour},0,?9?9,"
        f"{d.month + d.day / 100 + hour / 10000:.4f},-2.0,50,82000" + ",0" * 25
        for d in dates
        for hour in range(1, 25)
    ]
    path.write_text("\n".join([*text, *rows]) + "\n", encoding="utf-8-sig" if bom else "utf-8")
    return path


def days(start: str, count: int = 365) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq="1D")


def without_leap_day(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return dates[~((dates.month == 2) & (dates.day == 29))]


@pytest.mark.parametrize(
    ("dates", "bom"),
    [
        (days("2023-01-01"), False),
        (days("2023-01-01"), True),
        (days("2022-07-01"), False),
        (days("2024-01-01", 366), False),
        (days("2023-07-01", 366), False),
        (days("2024-03-01"), False),
        (days("2024-02-29", 366), False),
        (without_leap_day(days("2024-01-01", 366)), False),
    ],
    ids=["plain", "byte order mark", "July", "leap", "July to a leap June", "March", "29 February", "leap without"],
)
def test_an_epw_file_is_placed_by_its_dates(tmp_path: Path, dates: pd.DatetimeIndex, bom: bool) -> None:
    year = calendar_year(load_weather(coded_epw(tmp_path / "a.epw", dates, bom)), "a")
    assert year.start_utc == np.datetime64("2023-01-01T07:00:00")  # 00:00 in a zone of -7 h
    moments = pd.date_range("2023-01-01T00:00", periods=8760, freq="1h")
    label = moments - pd.Timedelta("1h")
    expected = (label.month + label.day / 100 + (label.hour + 1) / 10000).to_numpy().copy()
    if (dates.month == 2).sum() != 28:
        expected[59 * 24] = 2.2924  # 1 March 00:00 is the end of 29 February
    np.testing.assert_allclose(year.dry_bulb_c[: 59 * 24], expected[: 59 * 24], rtol=1e-12)
    np.testing.assert_allclose(year.dry_bulb_c[59 * 24 + 1 :], expected[59 * 24 + 1 :], rtol=1e-12)
    if dates[0].day != 29:
        np.testing.assert_allclose(year.dry_bulb_c[59 * 24], expected[59 * 24], rtol=1e-12)


def test_a_typical_year_of_mixed_years_is_read_as_it_stands(tmp_path: Path) -> None:
    plain = load_weather(coded_epw(tmp_path / "a.epw", days("2023-01-01")))
    mixed = load_weather(coded_epw(tmp_path / "b.epw", days("2023-01-01"), years=True))
    np.testing.assert_array_equal(mixed.dry_bulb_c, plain.dry_bulb_c)


def swapped(dates: pd.DatetimeIndex, at: int) -> pd.DatetimeIndex:
    order = np.arange(len(dates))
    order[at : at + 20] = np.concatenate([order[at + 10 : at + 20], order[at : at + 10]])
    return dates[order]


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (days("2023-01-01").insert(305, pd.Timestamp("2023-11-01"))[:365], "line 7329: found month/day 11/1, expected"),
        (days("2023-01-01").delete(31), "line 753: found month/day 2/2, expected 2/1"),
        (swapped(days("2023-01-01"), 40), "line 969: found month/day 2/20, expected 2/10"),
    ],
    ids=["doubled", "missing", "blocks swapped"],
)
def test_an_epw_file_whose_days_do_not_follow_the_calendar_is_refused_with_the_line(
    tmp_path: Path, dates: pd.DatetimeIndex, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        read_epw(coded_epw(tmp_path / "a.epw", dates))


def test_humidity_in_fractions_and_odd_digits_are_refused(tmp_path: Path) -> None:
    rows = {i: epw_row(i % 24 + 1, rh="0.5") for i in range(24)}
    with pytest.raises(ValueError, match="relative humidity.*no value is above 0.5, expected percent"):
        read_epw(write_epw(tmp_path / "a.epw", 24, rows))
    with pytest.raises(ValueError, match="line 12, field 7.*'1_0'"):
        read_epw(write_epw(tmp_path / "a.epw", 24, {3: epw_row(4, dry_bulb="1_0")}))
    with pytest.raises(ValueError, match="line 12: found month/day 13/1"):
        read_epw(write_epw(tmp_path / "a.epw", 24, {3: ["1995", "13", "1", "4", "0", "", "5", "1", "50", "82000"]}))
