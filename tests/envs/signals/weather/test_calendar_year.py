"""A weather table is read by its own time stamps, and a world's year begins on 1 January wherever the file begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.episodes.world import World, weather_years
from envs.scenario import load
from envs.signals.weather.calendar_year import calendar_year
from envs.signals.weather.weather import generate_weather, load_weather

SITE = "phoenix_az"  # local standard time is UTC - 7 h
SMALL = ("site.workload_weeks=1", f"site.weather_site={SITE}")
HOUR = np.timedelta64(3600, "s")


def hours_from(start: str, count: int = 8760) -> np.ndarray:
    return np.datetime64(start, "s") + np.arange(count) * HOUR


def written(path: Path, stamps: np.ndarray, suffix: str = "", heading: str = "time") -> Path:
    """A table whose dry bulb is a tenth of the month plus a hundredth of the hour that the stamp names."""
    month = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    hour = (stamps.astype("datetime64[h]") - stamps.astype("datetime64[D]")).astype(int)
    rows = [f"{t}{suffix},{m + h / 100.0:.2f},0.5,97000" for t, m, h in zip(stamps, month, hour)]
    path.write_text(f"{heading},drybulb_c,rh_frac,pressure_pa\n" + "\n".join(rows) + "\n")
    return path


def dry_bulb_of_world(path: Path) -> np.ndarray:
    """The world's hours from local midnight of 1 January on, degC."""
    scenario = load("edge_room", [*SMALL, f"site.climates=[{path}]"])
    world = World.build(scenario)
    return world.site_pool[:: world.steps_per_day // 24, 0]


@pytest.mark.parametrize("start", ["2023-01-01T00:00:00", "2022-07-01T00:00:00", "2022-03-15T11:00:00"])
def test_a_file_that_starts_in_july_is_met_in_july(start: str, tmp_path: Path) -> None:
    got = dry_bulb_of_world(written(tmp_path / "w.csv", hours_from(start)))
    expected = hours_from("2023-01-01T00:00:00")
    month = expected.astype("datetime64[M]").astype(int) % 12 + 1
    np.testing.assert_allclose(got, month + np.tile(np.arange(24), 365) / 100.0, atol=1e-5)


def test_stamps_with_an_offset_are_kept_and_those_without_are_local_standard_time(tmp_path: Path) -> None:
    got = dry_bulb_of_world(written(tmp_path / "w.csv", hours_from("2023-01-01T00:00:00"), "Z"))
    np.testing.assert_allclose(got[:17], 1.0 + np.arange(7, 24) / 100.0, atol=1e-5)  # midnight here is 07:00 UTC
    np.testing.assert_allclose(got[-7:], 1.0 + np.arange(7) / 100.0, atol=1e-5)  # the stamps' first hours


def test_a_leap_day_is_left_out_and_its_neighbours_meet(tmp_path: Path) -> None:
    got = dry_bulb_of_world(written(tmp_path / "w.csv", hours_from("2023-09-01T00:00:00", 8784)))
    assert len(got) == 8760
    assert got[58 * 24] == pytest.approx(2.0, abs=1e-5) and got[59 * 24] == pytest.approx(3.0, abs=1e-5)


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as refused:
        weather_years(load("edge_room", [*SMALL, f"site.climates=[{path}]"]))
    return str(refused.value)


def test_a_malformed_stamp_is_refused_with_file_line_and_form(tmp_path: Path) -> None:
    path = written(tmp_path / "w.csv", hours_from("2023-01-01T00:00:00"))
    path.write_text(path.read_text().replace("2023-01-05T03:00:00", "yesterday", 1))
    said = refusal(path)
    assert f"{path}, line 101, column 'time': found 'yesterday', expected an ISO 8601 time such as" in said


def test_three_missing_hours_are_found_where_they_are_missing(tmp_path: Path) -> None:
    stamps = hours_from("2023-01-01T00:00:00")
    path = written(tmp_path / "w.csv", np.delete(stamps, [100, 101, 102]))
    assert f"{path}, line 102, column 'time': " in refusal(path)
    assert "is 14400 s after the stamp above it, expected 3600 s" in refusal(path)


def test_missing_hours_without_stamps_or_at_the_end_name_the_file_and_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("drybulb_c,rh_frac,pressure_pa\n" + "20,0.5,97000\n" * 8757)
    assert f"{path}, line 8758: the table ends with row 8757 after 8757 rows of 3600 s, 364.875 days" in refusal(path)
    assert "a column 'time' says where they are" in refusal(path)
    written(path, hours_from("2023-01-01T00:00:00", 8757))
    assert "line 8758: the table ends with '2024-01-01T03:00:00' UTC" in refusal(path)


def test_less_and_more_than_a_year_are_refused_by_a_world(tmp_path: Path) -> None:
    for days in (30, 730):
        path = written(tmp_path / "w.csv", hours_from("2021-07-01T00:00:00", 24 * days))
        assert f"{path}: " in refusal(path) and f"cover {days} days without 29 February, expected one year" in refusal(
            path
        )


@pytest.mark.parametrize("heading", ["timestamp", "Time", "date", "UTC"])
def test_stamps_under_another_name_are_not_ignored_in_silence(heading: str, tmp_path: Path) -> None:
    path = written(tmp_path / "w.csv", hours_from("2023-07-01T00:00:00"), heading=heading)
    assert f"{path}, line 1, column '{heading}': time stamps are read from a column 'time'; rename it" in refusal(path)


def test_a_table_without_stamps_is_the_year_from_its_first_hour_on(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("drybulb_c,rh_frac\n" + "".join(f"{k % 24},0.5\n" for k in range(8760)))
    columns = {"dry_bulb_c": "drybulb_c", "rh_frac": "rh_frac"}
    read = load_weather(path, site=SITE, columns=columns)
    np.testing.assert_array_equal(calendar_year(read, "w").sample(300.0).dry_bulb_c, read.sample(300.0).dry_bulb_c)


def test_a_generated_year_stays_as_it_is() -> None:
    year = generate_weather(SITE, 3)
    same = calendar_year(year, SITE)
    assert same.start_utc == year.start_utc
    np.testing.assert_array_equal(same.dry_bulb_c, year.dry_bulb_c)
