"""Any EPW file is a value or an error that names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.signals.weather.weather import read_epw_weather
from tests.fuzz.answers import FUZZ, refusal_of
from tests.fuzz.damage import ODD_CELLS, ODD_STAMPS, damaged_bytes

HEADER = (
    "LOCATION,Phoenix,AZ,USA,TMY3,722780,33.45,-111.98,-7.0,337.0",
    "DESIGN CONDITIONS,0",
    "TYPICAL/EXTREME PERIODS,0",
    "GROUND TEMPERATURES,0",
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,made up",
    "COMMENTS 2,made up",
    "DATA PERIODS,1,1,Data,Sunday,1/1,12/31",
)


def records(days: tuple[tuple[int, int], ...]) -> list[list[str]]:
    return [
        f"2023,{month},{day},{hour},60,?9,21.5,10.0,48,96700".split(",") for month, day in days for hour in range(1, 25)
    ]


def text(rows: list[list[str]], header: list[str]) -> bytes:
    return "\n".join([*header, *(",".join(row) for row in rows), ""]).encode("utf-8")


WHOLE = records(((2, 27), (2, 28), (3, 1)))


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.epw").write_bytes(text(WHOLE, list(HEADER)))
    assert refusal_of(read_epw_weather, tmp_path / "a.epw") is None


@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_epw_file_is_a_value_or_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows, header = [list(row) for row in WHOLE], list(HEADER)
    odd = st.sampled_from(ODD_CELLS + ODD_STAMPS) | st.text(max_size=8) | st.floats().map(repr)
    for _ in range(data.draw(st.integers(0, 3))):
        row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, 9))
        what = data.draw(st.sampled_from(("cell", "header", "lost", "doubled", "short", "turned")))
        if what == "cell":
            rows[row][column : column + 1] = [data.draw(odd)]
        elif what == "header":
            line = row % len(header)
            parts = header[line].split(",")
            parts[column % len(parts)] = data.draw(odd)
            header[line] = ",".join(parts)
        elif what == "lost":
            del rows[row : row + data.draw(st.sampled_from((1, 24))) or None]
            rows = rows or [["2023"]]
        elif what == "doubled":
            rows[row:row] = [list(r) for r in rows[row : row + data.draw(st.sampled_from((1, 24)))]]
        elif what == "short":
            rows[row] = rows[row][:column]
        else:
            rows = rows[::-1]
    content = text(rows, header)
    path = tmp_path_factory.getbasetemp() / "a.epw"
    path.write_bytes(data.draw(damaged_bytes(content)) if data.draw(st.booleans()) else content)
    refusal_of(read_epw_weather, path)
