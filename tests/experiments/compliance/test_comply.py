"""A year's figures from meters: units, coverage and traces, and what is missing by name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from envs.scenario import load
from experiments.compliance.ashrae import class_hours, inlet_hours, narrowest
from experiments.compliance.enefg import answers
from experiments.compliance.figures import Figure, Told
from experiments.compliance.page import answer_words, page
from experiments.compliance.simulated_year import COLUMNS, simulated_hours
from experiments.comply import asked_meters, comply

HOURS = 8760
SITE = """name: hall
year: 2025
utc_offset_h: 1
facts: {installed_it_kw: 800}
meters:
  - {name: feeder a, quantity: total_energy, file: a.csv, column: kwh, unit: kWh}
  - {name: feeder b, quantity: total_energy, file: b.csv, column: mw, unit: MW, reads: mean}
  - {name: ups, quantity: it_energy, file: a.csv, column: ups_mwh, unit: MWh, reads: counter}
  - {name: garden, quantity: water, file: b.csv, column: garden_l, unit: L, subtract: true}
  - {name: town, quantity: water, file: b.csv, column: town_m3, unit: m3}
"""


def stamps(hours: int) -> np.ndarray:
    return np.datetime_as_string(np.datetime64("2024-12-31T23:00") + np.arange(hours) * np.timedelta64(1, "h"))


def written(folder: Path, site: str = SITE, hours: int = HOURS + 1, **columns: np.ndarray) -> Path:
    known = {
        "kwh": np.full(hours, 600.0), "ups_mwh": 5.0 + 0.8 * np.arange(hours), "mw": np.full(hours, 0.4),
        "garden_l": np.full(hours, 100.0), "town_m3": np.full(hours, 1.1),
    }  # fmt: skip
    known |= columns
    for name, of in {"a.csv": ("kwh", "ups_mwh"), "b.csv": ("mw", "garden_l", "town_m3")}.items():
        rows = zip(stamps(hours), *(known[key] for key in of))
        lines = [",".join(("time", *of)), *(",".join((f"{at}Z", *(f"{x:.12g}" for x in row))) for at, *row in rows)]
        (folder / name).write_text("\n".join(lines) + "\n")
    path = folder / "meters.yaml"
    path.write_text(site)
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    path = written(tmp_path_factory.mktemp("site"))
    return path, comply(path)[2]


def value(told: Told, symbol: str) -> Figure:
    return next(figure for figure in told.figures if figure.symbol == symbol)


def test_sums_of_meters_in_other_units_give_the_figures(found: tuple[Path, Told]) -> None:
    _, told = found
    assert value(told, "EDC").value == pytest.approx(HOURS * 1000.0)
    assert value(told, "EIT").value == pytest.approx(HOURS * 800.0)
    assert value(told, "WIN").value == pytest.approx(HOURS * 1.0)
    assert value(told, "PUE").value == pytest.approx(1.25)
    assert value(told, "WUE").value == pytest.approx(1.0 / 0.8)


def test_every_figure_names_its_meters_and_every_meter_its_file_by_hash(found: tuple[Path, Told]) -> None:
    path, told = found
    assert value(told, "PUE").meters == ("feeder a", "feeder b", "ups")
    assert value(told, "PDIT").meters == () and value(told, "WIN").meters == ("garden", "town")
    site, readings, _ = comply(path)
    for one in readings:
        assert one.sha256 == hashlib.sha256(one.meter.file.read_bytes()).hexdigest() and one.rows == HOURS + 1
    text = page(site, readings, told, "coldaisle comply")
    assert all(one.sha256[:12] in text for one in readings) and "must report" in answer_words(site, told)


def test_what_no_meter_has_is_missing_by_name_and_not_zero(found: tuple[Path, Told]) -> None:
    _, told = found
    symbols = {figure.symbol for figure in told.figures}
    for symbol in ("REF", "ERF", "CUE", "EREUSE", "ERES-GOO", "TIN", "CSERV", "SDC"):
        assert symbol in told.missing and symbol not in symbols
    assert told.missing["ERF"] == "needs reused_heat"
    assert "renewable_on_site" in told.missing["REF"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("unit: kWh", "unit: kW", "line 6: unit = 'kW' of total_energy, read as an interval; give one of kWh"),
        ("quantity: it_energy", "quantity: it_enrgy", "line 8.*did you mean 'it_energy'"),
        ("name: ups", "name: feeder a", "stands twice"),
        ("column: kwh", "column: kw", "a.csv"),
        ("unit: m3}", "unit: m3, reads: mean}", "line 10: reads = mean, and water is counted"),
        ("installed_it_kw", "installed_kw", "installed_kw is no fact"),
        ("year: 2025", "year: 2026", "are missing at its end"),
        ("year: 2025", "year: 2024", "are missing at its beginning"),
        ("unit: MWh", "unit: GWh", "is a unit wrong"),
        ("unit: L, subtract", "unit: m3, subtract", "do meters subtract more"),
    ],
)
def test_a_file_of_meters_that_is_wrong_is_refused_with_the_mend(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        comply(written(tmp_path, SITE.replace(old, new)))


def test_a_counter_that_falls_is_refused_by_its_line(tmp_path: Path) -> None:
    counter = 5.0 + 0.8 * np.arange(HOURS + 1)
    counter[100:] -= 50.0
    with pytest.raises(ValueError, match=r"a.csv, line 102, column 'ups_mwh': the counter falls"):
        comply(written(tmp_path, ups_mwh=counter))


def test_a_year_that_ends_early_is_refused_with_the_days_that_lack(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"10.00 days of 2025 are missing at its end \(meter 'feeder a'\)"):
        comply(written(tmp_path, hours=HOURS - 240))


@pytest.mark.slow
def test_a_simulated_year_meters_what_the_plant_took() -> None:
    hours = simulated_hours(load("edge_room", ["site.workload_weeks=1"]), days=12)
    assert set(hours) == set(COLUMNS) and all(len(column) == 12 * 24 for column in hours.values())
    pue = hours["total_energy_kwh"].sum() / hours["it_energy_kwh"].sum()
    assert 1.05 < pue < 2.5 and 15.0 < hours["supply_air_setpoint_c"].mean() < 30.0


@pytest.mark.parametrize(
    ("begun", "year", "figures", "words"),
    [
        ((2020, 1), 2026, {"PUE": 1.6, "REF": 0.6}, ["not yet in force; missed", "not yet in force; missed", "met"]),
        ((2020, 1), 2028, {"PUE": 1.4, "REF": 1.0}, ["met", "not yet in force; missed", "met", "met"]),
        ((2020, 1), 2030, {"PUE": 1.31, "REF": 1.0}, ["met", "missed", "met", "met"]),
        ((2026, 7), 2028, {"PUE": 1.2, "ERF": 0.1, "REF": 0.9}, ["met", "met", "met", "missed"]),
        ((2027, 7), 2030, {"PUE": 1.15, "ERF": 0.14}, ["met", "missed", "unknown: REF is missing"]),
        ((2029, 1), 2030, {"PUE": 1.3, "ERF": 0.2}, ["not yet in force; missed", "not yet in force; met"]),
    ],
)
def test_the_german_law_asks_by_the_month_in_which_operation_began(
    begun: tuple[int, int], year: int, figures: dict[str, float], words: list[str]
) -> None:
    """EnEfG section 11: old ones 1.5 and 1.3, new ones 1.2 and 10, 15, 20 % reused two years after they began."""
    assert [a.words for a in answers(begun, year, figures)][: len(words)] == words


def test_the_page_judges_by_the_german_law_where_the_beginning_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, SITE.replace("year: 2025", "year: 2025\nbegun: 2026-09"))
    site, readings, told = comply(path)
    text = page(site, readings, told, "coldaisle comply")
    assert "| PUE <= 1.2 | 11 (2) | 2028-09 | 1.25 | not yet in force; missed |" in text
    assert "With 800 kW of IT the site is above" in text
    with pytest.raises(ValueError, match=r"line 3.*such as 2026-09"):
        comply(written(tmp_path, SITE.replace("year: 2025", "year: 2025\nbegun: soon")))


def test_an_hour_is_in_a_class_where_every_inlet_is(tmp_path: Path) -> None:
    inlet = "  - {name: top, quantity: inlet_temperature, file: c.csv, column: c, unit: degC}\n"
    warm = np.full(HOURS + 1, 24.0)
    warm[:100], warm[100:110], warm[110:111] = 30.0, 17.0, 41.0
    path = written(tmp_path, SITE + inlet)
    lines = ["time,c", *(f"{at}Z,{c:g}" for at, c in zip(stamps(HOURS + 1), warm))]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    site, readings, told = comply(path)
    inlets_c = inlet_hours(site)
    assert inlets_c is not None and inlets_c.shape == (HOURS, 1)
    hours = class_hours(inlets_c)
    found = {c.name: c.hours for c in hours}
    assert found["recommended"] == HOURS - 111 and found["A1"] == HOURS - 1 == found["A3"] and found["A4"] == HOURS
    assert found["H1"] == HOURS - 101 and narrowest(hours) == "A4"
    assert "" not in {f.symbol for f in told.figures} | set(told.missing), "no law asks for it"
    text = page(site, readings, told, "coldaisle comply", hours)
    assert "The year lay within A4." in text and f"| A1 | 15 to 32 | {HOURS - 1} | 99.99% |" in text


def test_a_second_inlet_that_is_cold_counts_too() -> None:
    hours = class_hours(np.array([[24.0, 24.0], [24.0, 12.0], [33.0, 20.0]]))
    assert [c.hours for c in hours[:3]] == [1, 1, 3] and narrowest(hours) == "A2"


def test_without_a_meter_of_inlets_there_are_no_classes(found: tuple[Path, Told]) -> None:
    path, _ = found
    assert inlet_hours(comply(path)[0]) is None


def test_a_simulated_year_says_so_in_title_and_verdict(tmp_path: Path) -> None:
    path = written(tmp_path, SITE.replace("year: 2025", "year: 2025\nsimulated: true"))
    text = page(*comply(path), "coldaisle comply")
    title, verdict = text.split("\n\n")[:2]
    assert title == "# hall, 2025, simulated" and verdict.startswith("**Of a simulated year, no building: PUE 1.250")
    with pytest.raises(ValueError, match="line 3.*give true or false"):
        comply(written(tmp_path, SITE.replace("year: 2025", "year: 2025\nsimulated: perhaps")))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"meters": "", "scenario": None}, r"neither .* give meters=<yaml> or scenario=<name>"),
        ({"meters": "a.yaml", "scenario": {"name": "b"}}, r"both .* give meters=<yaml> or scenario=<name>"),
        ({"meters": "nope.yaml", "scenario": None}, r"meters = nope.yaml: no such file; give a YAML file"),
    ],
)
def test_a_command_line_without_meters_is_refused_with_the_mend(
    given: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        asked_meters(OmegaConf.create(given), tmp_path)
    assert not list(tmp_path.iterdir())
