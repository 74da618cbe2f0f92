"""A file of telemetry as a building that can be watched and never moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from building import Building

from agents.live.clock import SteppedClock
from agents.live.connectors import connector_of
from agents.live.decider import Decider
from agents.live.point_map import read_live_map
from agents.live.reading import ConnectorFault, Key, WriteNote
from experiments.simulated_site.point_maps import point_map_text

Make = Callable[..., Building]


def written(b: Building, place: Path, suffix: str, rows: int = 4, stamps: bool = False) -> Path:
    """Telemetry of a hall, one column a value."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    columns: dict[str, list[object]] = {"time": []}
    for row in range(rows):
        columns["time"].append(f"2026-01-01T00:{5 * row:02d}:00" if stamps else 300.0 * row)
        for key, value in b.hall.values().items():
            name = key.name.removeprefix("in_force.") if key.name.startswith("in_force.") else key.name
            columns.setdefault(f"{name}[{key.row}]", []).append(value)
        b.hall.advance()
    table, path = pa.table(columns), place / f"telemetry{suffix}"
    if suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        pa.parquet.write_table(table, path)
    points = place / "table.yaml"
    points.write_text(point_map_text(b.hall, "table", {"file": path.name}), encoding="utf-8")
    return points


@pytest.mark.parametrize(("suffix", "stamps"), [(".csv", False), (".csv", True), (".parquet", False)])
def test_rows_come_by_at_the_pace_of_the_clock_and_grow_old_between(
    suffix: str, stamps: bool, building: Make, bundle: Path, tmp_path: Path
) -> None:
    b = building("simulated")
    first = dict(b.hall.values())
    clock = SteppedClock()
    site = read_live_map(written(b, tmp_path, suffix, stamps=stamps))
    connector = connector_of(site, clock)
    readings = connector.read()
    assert all(reading.value == pytest.approx(first[key], rel=1e-6) for key, reading in readings.items())
    clock.sleep(200.0)
    assert connector.read()[Key("tcs_supply_c")] == readings[Key("tcs_supply_c")]
    clock.sleep(100.0)
    assert connector.read()[Key("tcs_supply_c")].stamp_s == clock.now()
    clock.sleep(900.0)
    with pytest.raises(ConnectorFault, match="is over: its 4 rows were read"):
        connector.read()
    assert Decider(bundle, site).decided()


def test_what_was_cannot_be_written(building: Make, tmp_path: Path) -> None:
    b = building("simulated")
    connector = connector_of(read_live_map(written(b, tmp_path, ".csv")), SteppedClock())
    with pytest.raises(ConnectorFault, match="use mode=shadow"):
        connector.write({b.site.setpoints[0].channel: 1.0}, WriteNote("", "", "", "", 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"tcs_supply_c[0]"', '"coolant"', 1), "has no column tcs_supply_c"),
        (
            lambda text: "\n".join([text.split("\n")[0], *reversed(text.split("\n")[1:-1])]),
            "is not after the row before",
        ),
        (lambda text: text.split("\n")[0] + "\n", "has no rows"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused_by_name(
    change: Callable[[str], str], words: str, building: Make, tmp_path: Path
) -> None:
    b = building("simulated")
    points = written(b, tmp_path, ".csv")
    file = tmp_path / "telemetry.csv"
    file.write_text(change(file.read_text()))
    with pytest.raises(ValueError, match=words):
        connector_of(read_live_map(points), SteppedClock())


def test_a_cell_that_is_no_number_is_a_bad_reading(building: Make, tmp_path: Path) -> None:
    b = building("simulated")
    points = written(b, tmp_path, ".csv")
    file = tmp_path / "telemetry.csv"
    lines = file.read_text().split("\n")
    at = lines[0].replace('"', "").split(",").index("tcs_supply_c[0]")
    cells = lines[1].split(",")
    cells[at] = '"#N/A error"'
    file.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    reading = connector_of(read_live_map(points), SteppedClock()).read()[Key("tcs_supply_c")]
    assert not reading.good and "no number" in reading.why
