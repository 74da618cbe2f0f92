from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.twin.telemetry.point_map import PointEntry, point_map_text, read_point_map
from tests.envs.twin.conftest import Hall


def read(tmp_path: Path, hall: Hall, text: str):
    path = tmp_path / "points.yaml"
    path.write_text(text)
    return read_point_map(path, hall.scenario, hall.layout)


def test_units_are_converted_to_ours() -> None:
    fahrenheit = PointEntry("a", "chw_supply_c", 0, "degF")
    assert fahrenheit.in_our_unit(np.array([32.0, 212.0])) == pytest.approx([0.0, 100.0])
    assert PointEntry("a", "chw_supply_c", 0, "K").in_our_unit(np.array([273.15])) == pytest.approx([0.0])
    assert PointEntry("a", "chiller_power_kw", 0, "W").in_our_unit(np.array([1500.0])) == pytest.approx([1.5])
    assert PointEntry("a", "coil_valve_frac", 0, "%").in_our_unit(np.array([55.0])) == pytest.approx([0.55])
    for mains_hz in (50.0, 60.0):
        drive = PointEntry("a", "coil_valve_frac", 0, f"{mains_hz:g} Hz")
        assert drive.in_our_unit(np.array([0.0, 45.0, mains_hz])) == pytest.approx([0.0, 45.0 / mains_hz, 1.0])
    assert PointEntry("a", "chiller_power_kw", 0, "MW").in_our_unit(np.array([1.5])) == pytest.approx([1500.0])


def test_rows_expand_to_one_column_each(tmp_path: Path, hall: Hall) -> None:
    made = read(tmp_path, hall, point_map_text({"rack_inlet_c": 8, "chw_supply_c": 1}))
    assert [p.name for p in made.points[:2]] == ["rack_inlet_c[0]", "rack_inlet_c[1]"] and len(made.points) == 9


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{name: a, channel: chw_suply_c, unit: degC}", "chw_supply_c"),
        ("{name: a, channel: cw_supply_c, unit: degC}", "channel = cw_supply_c; it is not in this scenario's plant"),
        ("{name: a, channel: chw_supply_c, unit: bar}", "degF"),
        ("{name: a, channel: chw_supply_c, row: 1, unit: degC}", "0..0"),
        ("{name: a, channel: chw_supply_c}", "line 2: unit is missing; give a text"),
        ("{name: a, channel: chw_supply_c, unit: kWh}", "unit 'kWh' is unknown; choose one of: K, degC, degF"),
        ("{name: a, channel: chiller_power_kw, unit: kW, factor: 0}", "give a factor but 0"),
        ("{name: a, channel: chiller_power_kw, unit: kWh, hold: true}", "hold = True; a register in kWh holds nothing"),
        ("{name: a, channel: rack_inlet_c, rows: 9, unit: degC}", "rows = 9 is outside 1..8"),
        ("{name: a, channel: chw_supply_c, unit: degC}\n  - {name: b, channel: chw_supply_c, unit: degC}", "keep one"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_mend(tmp_path: Path, hall: Hall, entry: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, hall, f"points:\n  - {entry}\n")


CHW = "points:\n  - {name: a, channel: chw_supply_c, unit: degC"
INLET = "points:\n  - {name: a, channel: rack_inlet_c, unit: degC"
GOOD = CHW + "}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time: [a, b]\n" + GOOD, "line 1: time = .*; give names and values, such as {column: value}"),
        ("time: hello\n" + GOOD, "line 1: time = hello; give names"),
        ("time: {kolumn: t}\n" + GOOD, "key 'kolumn' is unknown; .*did you mean 'column'"),
        ("time: {utc_ofset_h: 1}\n" + GOOD, "did you mean 'utc_offset_h'"),
        ("time: {utc_offset_h: five}\n" + GOOD, "line 1: utc_offset_h = five; give a finite number"),
        ("time: {utc_offset_h: .nan}\n" + GOOD, "utc_offset_h = nan; give a finite number"),
        ("time: {utc_offset_h: 5:30}\n" + GOOD, "utc_offset_h = 330.*write 5.5"),
        ("time: {zone: Mars/North}\n" + GOOD, "'Mars/North' is unknown here"),
        ("time: {column: [a, b, c]}\n" + GOOD, r"two of them as \[date, time\]"),
        ("timme: {column: t}\n" + GOOD, "key 'timme' is unknown.*did you mean 'time'"),
        ("time:\n" + GOOD, "line 1: time = None; give names and values"),
        ("points: []\n", "line 1: points = .*a list of entries"),
        ("time: {column: t}\n", "points is missing; give a list of entries"),
        (
            INLET + ", rows: 2}\n",
            r"line 2: name = a; rows = 2; give a name with {row} in it",
        ),
        (CHW + ", factor: yes}\n", "factor = True; give a finite"),
        (
            CHW + ", uint: K}\n",
            "line 2: key 'uint' is unknown.*did you mean 'unit'",
        ),
        (
            CHW + ", row: 0.9}\n",
            "row = 0.9 is outside 0..0; give a whole number there",
        ),
        (
            INLET + ", rows: -1}\n",
            "rows = -1 is outside 1..8",
        ),
        (
            INLET + ", rows: 1.7}\n",
            "rows = 1.7 is outside 1..8; give a whole number there",
        ),
        (INLET + ", rows: [1]}\n", "give a whole number"),
        ("points:\n  - {name: 'a{row}', channel: rack_inlet_c, unit: degC, rows: 2, row: 1}\n", "both row and rows"),
        (
            CHW + ", shift_s: soon}\n",
            "shift_s = soon is outside -604800..604800",
        ),
        (
            CHW + ", shift_s: 1.0e+9}\n",
            "shift_s = 1000000000.0 is outside -604800..604800",
        ),
        (
            CHW + ", hold: maybe}\n",
            "hold = maybe; give true or false",
        ),
        ("points:\n  - {name: a, name: b, channel: chw_supply_c, unit: degC}\n", "line 2: key 'name' stands twice"),
        ("points:\n\t- a\n", "line 2: cannot be read as YAML"),
        ("points: [\n", "line 2: cannot be read as YAML"),
        ("- a\n", "line 1: expected keys and values"),
        ("points: !!python/object/apply:os.getcwd []\n", "line 1: cannot be read as plain YAML"),
    ],
)
def test_a_wrong_map_is_refused_by_file_and_place(tmp_path: Path, hall: Hall, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as said:
        read(tmp_path, hall, text)
    assert "points.yaml" in str(said.value)


def test_date_and_time_columns_zone_and_hold_are_read(tmp_path: Path, hall: Hall) -> None:
    made = read(
        tmp_path,
        hall,
        "time: {column: [Date, Time], utc_offset_h: 1, zone: Europe/Berlin}\n" + CHW + ", hold: true}\n",
    )
    assert made.time_columns == ("Date", "Time") and made.zone == "Europe/Berlin" and made.points[0].hold
