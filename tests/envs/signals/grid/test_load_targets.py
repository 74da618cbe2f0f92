"""A file of load targets: CSV and YAML say the same, stamps go through the one reader, each bad file is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.signals.grid.load_targets import read_load_targets
from envs.signals.stamps import SiteClock

EASTERN = SiteClock(-5.0)
CSV = """start,end,reduce_frac,notice_h
2026-07-15T14:00,2026-07-15T17:00,0.25,2
2026-07-16T18:00:00Z,2026-07-16T19:00:00Z,0.1,0
"""
YAML = """
- {start: 2026-07-15T14:00, end: 2026-07-15T17:00, reduce_frac: 0.25, notice_h: 2}
- {start: 2026-07-16 13:00, end: 2026-07-16 14:00, reduce_frac: 0.1, notice_h: 0}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_and_yaml_say_the_same_in_the_site_s_clock(tmp_path: Path) -> None:
    found = [
        read_load_targets(written(tmp_path, name, text), EASTERN) for name, text in (("a.csv", CSV), ("a.yaml", YAML))
    ]
    assert found[0] == found[1]
    first, second = found[0]
    assert first.start_utc == np.datetime64("2023-07-15T19:00") and first.duration_s == 10_800.0
    assert (first.notice_s, first.reduction_frac) == (7200.0, 0.25)
    assert second.start_utc == np.datetime64("2023-07-16T18:00") and second.duration_s == 3600.0


@pytest.mark.parametrize("day", ["2024-03-01", "2024-12-31", "2025-03-01", "2024-02-28"])
def test_a_day_of_a_leap_year_keeps_its_date(tmp_path: Path, day: str) -> None:
    text = f"start,end,reduce_frac\n{day}T12:00,{day}T13:00,0.2\n"
    (event,) = read_load_targets(written(tmp_path, "a.csv", text), SiteClock())
    assert event.start_utc == np.datetime64(f"2023{day[4:]}T12:00")


def test_stamps_on_the_wall_follow_daylight_saving(tmp_path: Path) -> None:
    text = "start,end,reduce_frac\n2026-07-15T14:00,2026-07-15T15:00,0.2\n"
    (event,) = read_load_targets(written(tmp_path, "a.csv", text), SiteClock(-5.0, "America/New_York"))
    assert event.start_utc == np.datetime64("2023-07-15T18:00")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "start,end\n2026-07-15,2026-07-16\n", r"line 1: no \['reduce_frac'\]"),
        ("a.csv", CSV.replace("notice_h", "warning_h"), r"unknown \['warning_h'\]"),
        ("a.csv", "start,end,reduce_frac\n", "no rows"),
        ("a.csv", CSV.replace("0.25", "25"), r"line 2, column 'reduce_frac'.*such as 0.25"),
        ("a.csv", CSV.replace("2026-07-15T17:00", "2026-07-15T13:00"), "line 2: end .* is not behind start"),
        ("a.csv", CSV.replace("2026-07-15T17:00", "2026-07-16T17:00"), "line 3: .* behind the end of the one before"),
        (
            "a.csv",
            "start,end,reduce_frac\n2026-07-15T14:00,2026-07-15T15:00,0.1\n2026-07-15T15:00,2026-07-15T16:00,0.4\n",
            "line 3: .* less than 1 hours behind the end",
        ),
        ("a.csv", CSV.replace("2026-07-16T18", "2027-07-16T18").replace("2026-07-16T19", "2027-07-16T19"), "one year"),
        ("a.csv", "start,end,reduce_frac\n2024-02-29T10:00,2024-02-29T11:00,0.2\n", "29 February"),
        ("a.csv", "start,end,reduce_frac\nnoon,2024-02-27T11:00,0.2\n", "line 2, column 'start'"),
        ("a.csv", "start,end,reduce_frac\n2024-02-27T10:00,2024-02-29T11:00,0.2\n", "line 2: .*duration_s"),
        ("a.yaml", "start: 2026-07-15\n", "no list of entries"),
        ("a.yaml", "- [1, 2]\n", "no list of entries"),
        ("a.yaml", "- {start: [", "YAML list"),
        ("a.yaml", YAML.replace("0.25", "2.5"), "entry 1, column 'reduce_frac'"),
    ],
)
def test_each_bad_file_is_an_error_with_place_and_mend(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_load_targets(written(tmp_path, name, text), EASTERN)


@pytest.mark.parametrize("name", ["none.csv", "none.yaml"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=name):
        read_load_targets(tmp_path / name, EASTERN)
