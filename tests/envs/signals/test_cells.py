"""Cells: what is plain is read, what is not is named, and nothing immense is unpacked."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.signals import cells
from envs.signals.cell_numbers import plain_numbers
from envs.signals.cells import read_cells, read_headings, shown
from envs.signals.series import Column, read_table
from envs.signals.stamps import SiteClock, even_stamps, read_stamps
from envs.signals.table_file import RH_FRAC

FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATH = Path("a.csv")


@pytest.mark.parametrize(
    ("words", "values", "unit"),
    [
        (["1,612", "982.5", "1,001"], [1612, 982.5, 1001], ""),
        (["1,012.3", "", "999.5"], [1012.3, np.nan, 999.5], ""),
        (["-1,234,567.5"], [-1234567.5], ""),
        (["1,234,567", "999"], [1234567, 999], ""),
        (["21.4 °C", "Bad", "-3 °C"], [21.4, np.nan, -3.0], "degC"),
        (["5kW", "6.5kW"], [5.0, 6.5], "kW"),
        (["70 °F", "71 °F"], [70, 71], "degF"),
        (["55 %", "n/a"], [55.0, np.nan], "%"),
        (["1e3", ".5", "null", "--", "No data"], [1000.0, 0.5, np.nan, np.nan, np.nan], ""),
    ],
)
def test_plain_cells_are_read(words: list[str], values: list[float], unit: str) -> None:
    read = plain_numbers(pd.Series(words))
    assert read.values == pytest.approx(values, nan_ok=True)
    assert not read.unread.any() and read.unit == unit


@pytest.mark.parametrize(
    ("words", "unread"),
    [
        (["21,4", "20,9"], [True, True]),  # decimal commas
        (["1,012", "1,052"], [True, True]),  # thousands or three decimals: nobody knows
        (["1,612", "982", "1,001"], [True, False, True]),  # a whole number has no decimal mark, and tells nothing
        (["0,437", "12,105", "0", "13,250"], [True, True, False, True]),  # kW with three decimals
        (["0,451", "1"], [True, False]),
        (["0,451", "1,000.5"], [True, True]),
        (["1,012.3", "1052.5"], [True, False]),  # some with, some without
        (["21.4 °C", "20.9"], [True, False]),
        (["21.4 °C", "70 °F"], [True, True]),
        (["3 apples", "4 apples"], [True, True]),
        (["On", "Off"], [True, True]),
        (["inf", "1"], [True, False]),
        (["1_0", "1"], [True, False]),
    ],
)
def test_cells_that_could_mean_two_things_are_unreadable_not_empty(words: list[str], unread: list[bool]) -> None:
    read = plain_numbers(pd.Series(words))
    assert read.unread.tolist() == unread and np.isnan(read.values[read.unread]).all()


@pytest.mark.parametrize("words", [["On", "off", "", "ON"], ["TRUE", "False", "", "1"], [True, False, None, True]])
def test_switches_are_1_and_0_where_they_are_asked_for(words: list[object]) -> None:
    read = plain_numbers(pd.Series(words, dtype=object), switches=True)
    assert read.values == pytest.approx([1.0, 0.0, np.nan, 1.0], nan_ok=True) and not read.unread.any()


def test_a_table_takes_thousands_and_its_own_unit_and_no_other(tmp_path: Path) -> None:
    column = Column("pressure_pa", 50e3, 110e3, "Pa")
    (tmp_path / "a.csv").write_text('pressure_pa\n"101,325.0"\n"99,000.5"\n')
    assert read_table(tmp_path / "a.csv", [column]).columns["pressure_pa"].tolist() == [101325.0, 99000.5]
    (tmp_path / "a.csv").write_text("pressure_pa\n101325 Pa\n99000 Pa\n")
    assert read_table(tmp_path / "a.csv", [column]).columns["pressure_pa"].tolist() == [101325.0, 99000.0]
    (tmp_path / "a.csv").write_text("rh_frac\n0.55 %\n0.6 %\n")
    with pytest.raises(ValueError, match="line 2, column 'rh_frac': found '0.55 %', expected a number"):
        read_table(tmp_path / "a.csv", [RH_FRAC])


def test_a_blank_line_keeps_its_number_so_that_faults_name_the_right_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("rh_frac\n0.5\n\n0.6\nwet\n")
    frame = read_cells(tmp_path / "a.csv")
    assert frame["rh_frac"].tolist() == ["0.5", "", "0.6", "wet"]


def test_a_message_shows_sixty_characters_of_a_cell() -> None:
    assert shown("x" * 60) == repr("x" * 60) and shown("x" * 61) == repr("x" * 60 + "...")


def test_a_message_does_not_repeat_an_immense_cell(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("rh_frac\n" + "x" * 200_000 + "\n")
    with pytest.raises(ValueError, match=r"line 2, column 'rh_frac'") as said:
        read_table(tmp_path / "a.csv", [RH_FRAC])
    assert len(str(said.value)) < 500


def broken(folder: Path) -> list[Path]:
    """Containers that are cut off, damaged or something else than their name says."""
    text = ("rh_frac\n" + "0.5\n" * 5000).encode()
    packed = gzip.compress(text)
    pd.DataFrame({"rh_frac": np.linspace(0.0, 1.0, 5000)}).to_parquet(folder / "whole.parquet")
    parquet = (folder / "whole.parquet").read_bytes()
    contents = {
        "cut.csv.gz": packed[: len(packed) // 2],
        "flipped.csv.gz": packed[:12] + bytes([packed[12] ^ 0xFF]) + packed[13:],
        "plain.csv.gz": text,
        "cut.parquet": parquet[: len(parquet) // 2],
        "flipped.parquet": parquet[:200] + bytes(b ^ 0x5A for b in parquet[200:-200]) + parquet[-200:],
        "empty.parquet": b"",
        "utf16.csv": "rh_frac\n0.5\n".encode("utf-16"),
        "latin.csv": "rh_frac,t °C\n0.5,1\n".encode("latin-1"),
        "empty.csv": b"",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def test_a_broken_container_is_refused_by_name(tmp_path: Path) -> None:
    for path in broken(tmp_path):
        with pytest.raises(ValueError, match="cannot be read|no headings") as said:
            read_cells(path)
        assert str(path) in str(said.value), path
    with pytest.raises(ValueError, match="not UTF-8: save it as CSV UTF-8"):
        read_cells(tmp_path / "latin.csv")
    with pytest.raises(ValueError, match="gzip file is damaged or cut off"):
        read_headings(tmp_path / "plain.csv.gz")


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_BYTES", 1 << 20)
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as stream:
        stream.write(b"rh_frac\n")
        for _ in range(64):
            stream.write(b"0.5\n" * (1 << 18))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"bomb\.csv\.gz: it unpacks to more than 1 MiB, expected at most"):
        read_cells(tmp_path / "bomb.csv.gz")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_more_cells_than_any_hall_logs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_CELLS", 1000)
    (tmp_path / "a.csv").write_text("a,b\n" + ",\n" * 600)
    pd.DataFrame({"a": np.zeros(1200)}).to_parquet(tmp_path / "a.parquet")
    for name, count in (("a.csv", 1204), ("a.parquet", 1200)):
        with pytest.raises(ValueError, match=f"{name}: it (unpacks to|holds) {count} cells, expected at most"):
            read_cells(tmp_path / name)


@FEW
@given(st.lists(st.text(max_size=30) | st.from_regex(r"\A2\d{3}-\d\d-\d\d[T ]\d\d:\d\d[Z+\-0-9:]{0,6}\Z"), max_size=4))
def test_any_text_is_moments_or_an_error_that_names_the_place(texts: list[str]) -> None:
    try:
        read = read_stamps(PATH, pd.DataFrame({"time": texts}, dtype=object), ("time",), SiteClock(-7.0), any_zero=True)
    except ValueError as fault:
        assert "a.csv, line " in str(fault) and "column 'time'" in str(fault) and len(str(fault)) < 700
    else:
        assert len(read) == len(texts) and not np.isnat(read).any()


@FEW
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 10**19).map(float), max_size=5))
def test_any_numbers_are_moments_or_an_error_that_names_the_place(numbers: list[float]) -> None:
    for column in (pd.Series(numbers, dtype=float), pd.Series([repr(x) for x in numbers], dtype=object)):
        try:
            read = read_stamps(PATH, pd.DataFrame({"time": column}), ("time",), SiteClock(), any_zero=True)
        except ValueError as fault:
            assert "a.csv, line " in str(fault) and "column 'time'" in str(fault)
        else:
            assert len(read) == len(numbers) and not np.isnat(read).any()


@FEW
@given(st.datetimes(min_value=pd.Timestamp("1950-01-01"), max_value=pd.Timestamp("2099-12-31")), st.integers(-56, 56))
def test_a_moment_written_with_any_offset_comes_back(moment, quarters: int) -> None:
    moment = moment.replace(microsecond=0)
    shown = pd.Timestamp(moment) + pd.Timedelta(minutes=15 * quarters)
    sign, minutes = "-" if quarters < 0 else "+", abs(15 * quarters)
    offset = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    read = read_stamps(PATH, pd.DataFrame({"time": [f"{shown:%Y-%m-%dT%H:%M:%S}{offset}"]}), ("time",), SiteClock(3.0))
    assert read[0] == np.datetime64(moment)


@FEW
@given(
    st.sampled_from([60, 300, 653, 900, 3600]),
    st.integers(0, 3599),
    st.lists(st.floats(-0.04, 0.04), min_size=12, max_size=40),
)
def test_jitter_below_a_twentieth_of_the_step_leaves_an_even_grid(step: int, phase: int, jitter: list[float]) -> None:
    jitter[0] = jitter[-1] = 0.0
    exact = 1_700_000_000 // step * step + phase % step + step * np.arange(len(jitter))
    times = np.rint(1000.0 * (exact + step * np.asarray(jitter))).astype(np.int64).astype("datetime64[ms]")
    stamps, found = even_stamps(PATH, "time", times)
    assert found == step
    assert np.abs(stamps.astype(np.int64) - exact).max() <= 0.05 * step + 5.0
