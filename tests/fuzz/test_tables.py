"""Weather, prices, load, jobs and telemetry from any table are a value or an error that names the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.signals.cells import read_cells, read_headings
from envs.signals.grid.grid import load_grid, with_grid_file
from envs.signals.stamps import SiteClock
from envs.signals.weather.weather import load_weather
from envs.signals.workload.cap_profiles import read_cap_profile
from envs.signals.workload.cluster_logs import read_job_log
from envs.signals.workload.partitions import Partition
from envs.signals.workload.traces import read_workload
from envs.twin.telemetry.point_map import PointEntry, PointMap
from envs.twin.telemetry.read import read_telemetry
from experiments.compliance.residency import COLUMNS as RECORDS
from experiments.compliance.residency import residency
from tests.fuzz.answers import FUZZ, refusal_of
from tests.fuzz.damage import Cells, written_table

MOVED = ["moved", "0", "a", "finetune", "8", "here", "here+there", "here", "there", "2023-03-01T00:00"]
LAYOUT = SimpleNamespace(rows={"site": 1})
HALL = (Partition("cpu", (0,), 1), Partition("shared", (1,), 32))
GRID = load_grid("DE-LU")
POINTS = PointMap(
    "time",
    1.0,
    (
        PointEntry("a", "chw_supply_c", 0, "degC"),
        PointEntry("b", "chillers_running", 0, "1"),
        PointEntry("c", "chw_supply_temp_setpoint_c", 0, "degC", hold=True),
    ),
)


def stamps(count: int, step_h: int = 1) -> list[str]:
    moments = np.datetime64("2023-02-27T00:00") + step_h * np.arange(count) * np.timedelta64(1, "h")
    return [str(moment) for moment in moments]


def telemetry(path: Path) -> object:
    return read_telemetry(path, POINTS, LAYOUT, 3600.0)


#: Reader and a whole table of its kind.
TABLES: dict[str, tuple[Callable[[Path], object], Cells]] = {
    "weather": (
        lambda path: load_weather(path, site="phoenix_az"),
        Cells(
            ["time", "drybulb_c", "rh_frac", "pressure_pa"],
            [[t, str(20.0 + k % 5), "0.5", "97000"] for k, t in enumerate(stamps(48))],
        ),
    ),
    "weather without stamps": (
        lambda path: load_weather(path, site="phoenix_az"),
        Cells(["drybulb_c", "rh_frac", "pressure_pa"], [["21.5", "0.5", "97000"] for _ in range(24)]),
    ),
    "weather of a wall clock": (
        lambda path: load_weather(path, site="sterling_va", zone="America/New_York"),
        Cells(["time", "drybulb_c", "rh_frac", "pressure_pa"], [[t, "21.5", "0.5", "97000"] for t in stamps(24)]),
    ),
    "prices": (
        lambda path: with_grid_file(GRID, path),
        Cells(["time", "price_usd_mwh", "carbon_g_kwh"], [[t, "50", "300"] for t in stamps(365, 24)]),
    ),
    "prices of a wall clock": (
        lambda path: with_grid_file(GRID, path, "Europe/Berlin"),
        Cells(["date", "time", "price_usd_mwh"], [[t[:10], "00:00", "50"] for t in stamps(365, 24)]),
    ),
    "load": (
        lambda path: read_workload(path, HALL[:1], 3600.0),
        Cells(["time", "rack_0"], [[t, "0.25"] for t in stamps(30)]),
    ),
    "jobs": (
        lambda path: read_workload(path, HALL, 300.0),
        Cells(
            ["submit_s", "duration_s", "gpus", "class"],
            [[str(600 * k), "3600", "8", ("eval", "pretrain", "finetune")[k % 3]] for k in range(9)],
        ),
    ),
    "jobs by stamps": (
        lambda path: read_workload(path, HALL, 300.0, zone="Europe/Berlin"),
        Cells(["submit_time", "duration_s", "gpus", "class"], [[t, "3600", "8", "eval"] for t in stamps(9)]),
    ),
    "jobs that tell how long they ran": (
        lambda path: read_job_log(path, SiteClock()),
        Cells(["timestamp", "duration", "num_gpus"], [[t, "3600", "8"] for t in stamps(9)]),
    ),
    "sweep of power limits": (
        read_cap_profile,
        Cells(["class", "power_w", "throughput"], [["decode", str(300 + 50 * k), str(50 + k)] for k in range(9)]),
    ),
    "residency": (
        lambda path: residency(path, 2023),
        Cells(list(RECORDS), [[t, *MOVED] for t in stamps(9)]),
    ),
    "telemetry": (
        telemetry,
        Cells(["time", "a", "b", "c"], [[t, "12.5", "On", "" if k % 3 else "14"] for k, t in enumerate(stamps(30))]),
    ),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_whole_table_is_read(kind: str, suffix: str, tmp_path: Path) -> None:
    import gzip

    from tests.fuzz.damage import parquet_bytes

    read, whole = TABLES[kind]
    text = whole.csv().encode()
    path = tmp_path / f"a{suffix}"
    path.write_bytes({".csv": text, ".csv.gz": gzip.compress(text), ".parquet": parquet_bytes(whole, [])}[suffix])
    assert refusal_of(read, path) is None


@pytest.mark.parametrize("kind", TABLES)
@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_table_is_a_value_or_an_error_that_names_it(
    kind: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    read, whole = TABLES[kind]
    folder = tmp_path_factory.getbasetemp()
    refusal_of(read, data.draw(written_table(folder, whole, (".csv", ".csv", ".csv.gz", ".parquet"))))


@settings(FUZZ)
@given(content=st.binary(max_size=400), suffix=st.sampled_from((".csv", ".csv.gz", ".parquet")))
def test_any_bytes_are_cells_or_an_error_that_names_them(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    refusal_of(read_cells, path)
    refusal_of(read_headings, path)
