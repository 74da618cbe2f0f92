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


def test_rows_expand_to_one_column_each(tmp_path: Path, hall: Hall) -> None:
    made = read(tmp_path, hall, point_map_text({"rack_inlet_c": 8, "chw_supply_c": 1}))
    assert [p.name for p in made.points[:2]] == ["rack_inlet_c[0]", "rack_inlet_c[1]"] and len(made.points) == 9


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{name: a, channel: chw_suply_c, unit: degC}", "chw_supply_c"),
        ("{name: a, channel: cw_supply_c, unit: degC}", "not in this scenario's plant"),
        ("{name: a, channel: chw_supply_c, unit: bar}", "degF"),
        ("{name: a, channel: chw_supply_c, row: 1, unit: degC}", "0..0"),
        ("{name: a, channel: chw_supply_c}", "give name, channel and unit"),
        ("{name: a, channel: rack_inlet_c, rows: 9, unit: degC}", "at most 8"),
        ("{name: a, channel: chw_supply_c, unit: degC}\n  - {name: b, channel: chw_supply_c, unit: degC}", "keep one"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_mend(tmp_path: Path, hall: Hall, entry: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, hall, f"points:\n  - {entry}\n")
