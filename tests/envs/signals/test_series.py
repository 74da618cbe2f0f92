from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.signals.series import Column, Series, interval_means, read_series, read_table
from envs.signals.table_file import DRY_BULB_C, PRESSURE_PA, RH_FRAC

START = np.datetime64("2023-01-01T00:00:00", "s")


def series(values: list[float], label: str = "start", kind: str = "hold", step_s: float = 3600.0) -> Series:
    return Series(START, step_s, np.array(values, dtype=np.float64)[:, None], ("load_kw",), label, kind)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("step_s", [300.0, 900.0, 3600.0, 7200.0, 14400.0, 2400.0])
def test_resampling_a_held_series_preserves_its_mean(step_s: float) -> None:
    held = series([3.0, 7.0, 1.0, 9.0])
    assert held.resample(step_s).values.mean() == pytest.approx(5.0, rel=1e-12)


def test_a_held_value_fills_its_interval_and_no_other() -> None:
    fine = series([3.0, 7.0]).resample(1200.0)
    np.testing.assert_allclose(fine.values[:, 0], [3, 3, 3, 7, 7, 7])


def test_an_end_label_means_the_hour_before_the_stamp() -> None:
    fine = series([3.0, 7.0], label="end").resample(1800.0)
    assert fine.start_utc == START - np.timedelta64(3600, "s")
    np.testing.assert_allclose(fine.values[:, 0], [3, 3, 7, 7])
    assert fine.label == "start"


def test_interpolation_passes_through_a_moment_at_its_stamp() -> None:
    fine = series([0.0, 6.0, 12.0], label="mid", kind="interpolate").resample(600.0)
    at = {
        int((fine.start_utc + np.timedelta64(600 * k, "s") - START) / np.timedelta64(1, "s")): v
        for k, v in enumerate(fine.values[:, 0])
    }
    assert at[0] == pytest.approx(0.0)
    assert at[3600] == pytest.approx(6.0)
    assert at[1800] == pytest.approx(3.0)
    assert at[-1800] == pytest.approx(0.0)


def test_interpolation_places_a_labelled_hour_in_its_middle() -> None:
    for label, shift_s in (("start", 1800.0), ("end", -1800.0)):
        fine = series([0.0, 6.0, 12.0], label=label, kind="interpolate").resample(600.0)
        moments_s = (fine.start_utc - START) / np.timedelta64(1, "s") + np.arange(len(fine)) * 600.0
        middle = np.interp(3600.0 + shift_s, moments_s, fine.values[:, 0])
        assert middle == pytest.approx(6.0)


def test_a_step_that_does_not_divide_the_span_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        series([1.0, 2.0]).resample(7000.0)


def test_interval_means_integrate_exactly_over_crossing_edges() -> None:
    means = interval_means(np.array([[1.0], [3.0]]), 10.0, np.array([0.0, 5.0, 15.0, 20.0]))
    np.testing.assert_allclose(means[:, 0], [1.0, 2.0, 3.0])


def test_a_part_keeps_its_time() -> None:
    part = series([1.0, 2.0, 3.0, 4.0]).part(1, 2)
    assert part.start_utc == START + np.timedelta64(3600, "s")
    np.testing.assert_allclose(part.values[:, 0], [2.0, 3.0])
    with pytest.raises(ValueError, match="leaves the series"):
        part.part(1, 2)


def test_what_no_series_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite at row 1"):
        series([1.0, np.nan])
    with pytest.raises(ValueError, match="label"):
        series([1.0], label="middle")
    with pytest.raises(ValueError, match="step_s"):
        series([1.0], step_s=0.0)
    with pytest.raises(ValueError, match="shape"):
        Series(START, 60.0, np.zeros((3, 2)), ("one_kw",))
    with pytest.raises(ValueError, match="no column 'two_kw'"):
        series([1.0]).column("two_kw")


def test_csv_gzip_and_parquet_read_the_same(tmp_path: Path) -> None:
    text = "drybulb_c,rh_frac\n20.5,0.4\n21.0,0.45\n"
    plain = write(tmp_path / "a.csv", text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    pd.read_csv(plain).to_parquet(tmp_path / "a.parquet")
    columns = [Column("drybulb_c", -70, 60, "degC"), RH_FRAC]
    for name in ("a.csv", "a.csv.gz", "a.parquet"):
        table = read_table(tmp_path / name, columns)
        np.testing.assert_array_equal(table.columns["drybulb_c"], [20.5, 21.0])
        np.testing.assert_array_equal(table.columns["rh_frac"], [0.4, 0.45])


FAULTS = {
    "kelvin": (
        "dry_bulb_c\n20\n293.15\n",
        [DRY_BULB_C],
        ["line 3", "'dry_bulb_c'", "293.15", "-70", "subtract 273.15"],
    ),
    "percent": ("rh_frac\n.4\n.5\n55\n", [RH_FRAC], ["line 4", "'rh_frac'", "55", "1.05", "divide by 100"]),
    "hectopascal": ("pressure_pa\n1013\n", [PRESSURE_PA], ["line 2", "1013", "hPa", "multiply by 100"]),
    "missing column": ("temp,rh_frac\n1,2\n", [DRY_BULB_C], ["line 1", "'dry_bulb_c'", "temp, rh_frac", "rename"]),
    "text": ("rh_frac\n.4\nmoist\n", [RH_FRAC], ["line 3", "'moist'", "a number in [0, 1.05]", "1 such"]),
    "empty cell": ("rh_frac,a\n.4,1\n,1\n", [RH_FRAC], ["line 3", "''", "expected a number"]),
    "nan": ("rh_frac\nnan\n", [RH_FRAC], ["line 2", "'nan'"]),
    "no rows": ("rh_frac\n", [RH_FRAC], ["found 0 data rows"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_table_is_refused_with_place_finding_and_mend(tmp_path: Path, fault: str) -> None:
    text, columns, words = FAULTS[fault]
    path = write(tmp_path / "bad.csv", text)
    with pytest.raises(ValueError) as error:
        read_table(path, columns)
    for word in ["bad.csv", *words]:
        assert word in str(error.value)


def test_parquet_errors_name_the_row(tmp_path: Path) -> None:
    pd.DataFrame({"rh_frac": [0.4, np.nan]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="row 1, column 'rh_frac'"):
        read_table(tmp_path / "a.parquet", [RH_FRAC])


def test_a_wrong_length_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "rh_frac\n.4\n.5\n")
    with pytest.raises(ValueError, match="found 2 data rows, expected 8760"):
        read_table(path, [RH_FRAC], rows=8760)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv", [RH_FRAC])


def stamped(path: Path, stamps: list[str]) -> Path:
    return write(path, "time,rh_frac\n" + "".join(f"{stamp},0.5\n" for stamp in stamps))


@pytest.mark.parametrize(
    ("stamps", "words"),
    [
        (["2023-01-01T00:00", "2023-01-01T01:00", "2023-01-01T01:00"], ["line 4", "repeats"]),
        (
            ["2023-01-01T00:00", "2023-01-01T01:00", "2023-01-01T02:00", "2023-01-01T04:00"],
            ["line 5", "7200 s after", "3600 s"],
        ),
        (["2023-01-01T00:00", "2023-01-01T01:00", "2023-01-01T02:00", "2023-01-01T01:30"], ["line 5", "is before"]),
        (["2023-01-01T00:00", "yesterday"], ["line 3", "'yesterday'", "ISO 8601"]),
        (["2023-01-01T00:00"], ["one row"]),
    ],
)
def test_uneven_time_stamps_are_refused(tmp_path: Path, stamps: list[str], words: list[str]) -> None:
    path = stamped(tmp_path / "a.csv", stamps)
    with pytest.raises(ValueError) as error:
        read_table(path, [RH_FRAC], time_column="time")
    for word in [*words, "'time'"]:
        assert word in str(error.value)


def test_naive_stamps_are_local_standard_time_and_offsets_are_kept(tmp_path: Path) -> None:
    local = stamped(tmp_path / "a.csv", ["2023-01-01T00:00", "2023-01-01T01:00"])
    aware = stamped(tmp_path / "b.csv", ["2023-01-01T00:00-07:00", "2023-01-01T01:00-07:00"])
    zulu = stamped(tmp_path / "c.csv", ["2023-01-01T07:00Z", "2023-01-01T08:00Z"])
    for path in (local, aware, zulu):
        read = read_series(path, [RH_FRAC], time_column="time", utc_offset_h=-7.0)
        assert read.start_utc == np.datetime64("2023-01-01T07:00:00")
        assert read.step_s == 3600.0


def test_a_series_without_time_needs_start_and_step(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "rh_frac\n.4\n.5\n")
    assert len(read_series(path, [RH_FRAC], start_utc=START, step_s=60.0)) == 2
    with pytest.raises(ValueError, match="time_column, or both"):
        read_series(path, [RH_FRAC])
