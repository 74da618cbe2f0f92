"""What nobody asked for is refused by name with the mend, never ignored: columns, headings, doubled names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.signals.grid.grid import load_grid, with_grid_file
from envs.signals.table_file import time_heading
from envs.signals.weather.weather import load_weather
from envs.signals.workload.partitions import Partition
from envs.signals.workload.traces import read_workload

HALL = (Partition("cpu", (0,), 1), Partition("shared", (1,), 32))
STAMPS = pd.Series(pd.date_range("2022-07-01", periods=8760, freq="1h"))
TIME_HEADINGS = (
    "Datetime (UTC)",
    "time(UTC)",
    "Date/Time",
    "valid_time",
    "Timestamp (UTC)",
    "ts",
    "period_start",
    "interval_start_utc",
    "MTU (CET/CEST)",
    "Zeitpunkt",
    "Unnamed: 0",
    "Time",
)


def weather(path: Path) -> object:
    return load_weather(path, site="phoenix_az")


def prices(path: Path) -> object:
    return with_grid_file(load_grid("AZPS"), path)


def load(path: Path) -> object:
    return read_workload(path, HALL[:1], 3600.0)


def jobs(path: Path) -> object:
    return read_workload(path, HALL, 300.0)


COLUMNS = {
    weather: {"drybulb_c": 20.0, "rh_frac": 0.5, "pressure_pa": 97_000.0},
    prices: {"price_usd_mwh": 50.0},
    load: {"rack_0": 0.5},
    jobs: {"submit_s": 0.0, "duration_s": 600.0, "gpus": 8, "class": "eval"},
}


def table(reader: object, **more: object) -> pd.DataFrame:
    columns = {name: [value] * len(STAMPS) for name, value in COLUMNS[reader].items()}  # type: ignore[index]
    return pd.DataFrame(more | columns) if reader is not jobs else pd.DataFrame(more | columns).head(5)


@pytest.mark.parametrize("reader", [weather, prices, load])
@pytest.mark.parametrize("heading", TIME_HEADINGS)
def test_time_under_another_heading_is_refused_by_its_name(reader, heading: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame = table(reader, **{heading: STAMPS.dt.strftime("%Y-%m-%d %H:%M")})
    frame.rename(columns={"Unnamed: 0": ""}).to_csv(path, index=False)
    with pytest.raises(ValueError, match="line 1, column '") as said:
        reader(path)
    assert (
        str(path) in str(said.value)
        and f"'{heading}'" in str(said.value)
        and "'time'" in str(said.value)
        or (reader is load and "expected rack_<index>" in str(said.value))
    )


@pytest.mark.parametrize("reader", [weather, prices, load])
def test_an_index_of_time_without_a_name_is_refused(reader, tmp_path: Path) -> None:
    frame = table(reader).set_index(pd.DatetimeIndex(STAMPS))
    frame.to_csv(tmp_path / "a.csv")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(
            ValueError, match=rf"{name}, line 1, column 'Unnamed: 0': it has no heading; name it 'time'"
        ):
            reader(tmp_path / name)


@pytest.mark.parametrize("reader", [weather, prices])
def test_parts_of_a_date_are_refused_with_the_mend(reader, tmp_path: Path) -> None:
    parts = {"Year": STAMPS.dt.year, "Month": STAMPS.dt.month, "Day": STAMPS.dt.day, "Hour": STAMPS.dt.hour}
    table(reader, **parts).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="column 'Year': time stamps are read from .*join Year, Month, Day, Hour"):
        reader(tmp_path / "a.csv")


@pytest.mark.parametrize("reader", [weather, prices, load, jobs])
def test_a_column_nobody_asked_for_is_refused(reader, tmp_path: Path) -> None:
    time = {} if reader is jobs else {"time": STAMPS.dt.strftime("%Y-%m-%dT%H:%M")}
    table(reader, **time, price_eur=1.0).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="line 1, column 'price_eur': .*(rename|remove)"):
        reader(tmp_path / "a.csv")


@pytest.mark.parametrize("reader", [weather, prices, load, jobs])
def test_a_heading_that_stands_twice_is_refused(reader, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    time = {} if reader is jobs else {"time": STAMPS.dt.strftime("%Y-%m-%dT%H:%M")}
    table(reader, **time).to_csv(path, index=False)
    lines = path.read_text().splitlines()
    name = lines[0].split(",")[-1]
    path.write_text("\n".join([f"{lines[0]},{name}", *(f"{line},{line.split(',')[-1]}" for line in lines[1:])]))
    with pytest.raises(ValueError, match=f"line 1, column '{name}': the heading stands twice"):
        reader(path)


def test_rows_with_more_cells_than_headings_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("drybulb_c,rh_frac,pressure_pa\n1,0.5,97000\n2,0.5,97000,7\n")
    with pytest.raises(ValueError, match=r"a\.csv: .*line 3"):
        weather(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("drybulb_c,rh_frac,pressure_pa\n" + "1,2,0.5,97000\n" * 24)
    with pytest.raises(ValueError, match=r"b\.csv, line 2: more cells than the 3 headings"):
        weather(tmp_path / "b.csv")


def test_what_follows_from_the_other_columns_may_stand_in_a_weather_table(tmp_path: Path) -> None:
    table(weather, wetbulb_c=12.0, dewpoint_c=9.0).to_csv(tmp_path / "a.csv", index=False)
    assert len(load_weather(tmp_path / "a.csv", site="phoenix_az").dry_bulb_c) == 8760


def test_a_price_of_the_day_ahead_is_not_taken_for_a_time(tmp_path: Path) -> None:
    pd.DataFrame({"price_day_ahead": np.arange(3.0), "state": 1.0}).to_csv(tmp_path / "a.csv", index=False)
    assert time_heading(tmp_path / "a.csv") is None
