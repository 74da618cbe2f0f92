"""Designs that are played: alone as in a batch, on typical days as over the year, by search as by brute force."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from experiments.design import design, held_against_year, replay
from experiments.designing.costs import read_costs
from experiments.designing.figures import Figures, faults, figures
from experiments.designing.front import Bar, front, hypervolume
from experiments.designing.page import FACTS, HTML, SCENARIOS, TABLE, Found, save
from experiments.designing.search import Archive, generation, played, sample
from experiments.designing.variables import NAMES, decoded, fixed_values
from experiments.designing.years import Year, climate_of

pytest.importorskip("pymoo")
pytest.importorskip("SALib")
COSTS = read_costs()
OBJECTIVES = ("cost_usd_kw_year", "pue", "wue_l_kwh")
DRY = fixed_values({"rack": "liquid_190", "plant": "air_cooled", "feeder_mw": 20})
FACT = {"command": "coldaisle design", "climate": "sterling_va", "costs": COSTS, "seed": 0}


def made_up(n: int) -> Archive:
    """Designs whose year nobody played."""
    points = sample(n, 1)
    designs = decoded(points, fixed_values({"feeder_mw": 20}))
    rng = np.random.default_rng(0)
    columns = {name: np.zeros(n) for name in Year._fields}
    columns |= {
        "it_kwh": np.full(n, 1e7),
        "energy_kwh": rng.uniform(1.05e7, 1.3e7, n),
        "peak_kw": rng.uniform(1e3, 3e3, n),
    }
    columns |= {"water_kg": rng.uniform(0.0, 1e7, n), "worst_inlet_c": rng.uniform(24.0, 33.0, n)}
    year = Year(**columns)
    found = figures(designs, year, rng.uniform(60.0, 1800.0, n), COSTS)
    return Archive(points, designs, year, found, faults(found))


def test_no_design_of_the_front_is_beaten_and_every_other_one_is() -> None:
    a = made_up(80)
    best = front(a, OBJECTIVES)
    there = np.flatnonzero(a.faults == "")
    values = np.stack([getattr(a.figures, name) for name in OBJECTIVES], axis=1)
    for k in there:
        beaten = any(np.all(values[j] <= values[k] + 1e-3) and np.any(values[j] < values[k]) for j in there if j != k)
        assert k in best or beaten
    assert 0 < len(best) < len(there) and np.all(np.diff(a.figures.cost_usd_kw_year[best]) >= 0.0)


def test_the_volume_that_a_front_beats_is_its_area() -> None:
    values = np.array([[0.0, 0.5], [0.5, 0.0]])
    assert hypervolume(values, np.zeros(2), np.ones(2)) == pytest.approx(0.75)


def test_the_page_shows_front_tornado_and_what_is_ruled_out_figures_before_what_moves(tmp_path: Path) -> None:
    a = made_up(60)
    best = front(a, OBJECTIVES)
    bars = {"pue": [Bar("chw_supply_c", "22", "12", 1.08, 1.12), Bar("pad", "no", "yes", 1.09, 1.1)]}
    found = Found(a, best, bars, {name: np.full(len(NAMES), 0.1) for name in OBJECTIVES}, None)
    page = save(tmp_path, found, "sterling_va", OBJECTIVES, dict(FACT))
    text = page.read_text()
    assert page.name == HTML and f"The cheapest of 60 designs is {best[0]}" in text
    assert "inlet air over 32 degC" in text and "Tornado: pue" in text and text.count("data:image/png") == 2
    assert json.loads((tmp_path / FACTS).read_text())["front"] == best.tolist()
    assert len(list((tmp_path / SCENARIOS).iterdir())) == min(30, len(best))
    assert len((tmp_path / TABLE).read_text().splitlines()) == 61
    head = re.findall("<th>(.*?)</th>", text.replace("<wbr>", "").partition("</thead>")[0])
    assert head[:4] == ["design", *OBJECTIVES] and head[6:] == [name for name in NAMES if name != "feeder_mw"]
    assert "The same in every design: feeder_mw 20." in text and "<td>feeder_mw</td>" not in text
    assert "e+0" not in text.partition("</tbody>")[0].rpartition("<tbody>")[2]


@pytest.mark.parametrize(("designs", "size"), [(8, 8), (60, 15), (2000, 500), (10000, 500)])
def test_a_generation_is_a_quarter_of_all_designs_where_nothing_is_asked(designs: int, size: int) -> None:
    assert generation(designs, None) == size


@pytest.mark.parametrize(
    ("designs", "population", "words"),
    [
        (2000, 0, "population = 0; give 8 to 2000"),
        (60, 500, "population = 500; give 8 to 60, .* it is 15 then"),
        (-1, None, "designs = -1; give 8 or more"),
    ],
)
def test_numbers_that_make_no_search_are_refused_with_a_mend(designs: int, population: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        generation(designs, population)


def test_a_negative_number_of_designs_to_check_is_refused_before_anything_is_played() -> None:
    with pytest.raises(ValueError, match="check = -1; give 0 or more"):
        design("sterling_va", 2000, 500, OBJECTIVES, COSTS, check=-1)


def test_a_folder_without_a_search_cannot_be_replayed_and_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"replay = .*: no design\.json there; give the folder"):
        replay(tmp_path, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_engine")
def test_a_design_of_a_batch_is_the_design_played_alone_from_its_file(tmp_path: Path) -> None:
    found = design("phoenix_az", 16, 8, OBJECTIVES, COSTS, DRY, check=0, seed=3)
    save(tmp_path, found, "phoenix_az", OBJECTIVES, {**FACT, "climate": "phoenix_az"})
    for number in (int(found.best[0]), 15):
        for name, stored, now in replay(tmp_path, number):
            assert now == pytest.approx(stored, rel=2e-3, abs=2e-3), name


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_engine")
def test_the_typical_days_come_near_the_whole_year() -> None:
    climate = climate_of("sterling_va")
    for plant in ("air_cooled", "economizer"):
        a = played(sample(6, 0), climate, COSTS, {**DRY, **fixed_values({"plant": plant})}, None)
        held = held_against_year(a, np.arange(6), climate)
        assert held.energy_frac < 0.01 and held.pue < 0.01 and held.wue_l_kwh < 0.1 and held.peak_frac < 0.05


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_engine")
def test_the_search_beats_as_much_as_a_lattice_of_as_many_designs() -> None:
    from scripts.design_front import FIXED, compared, lattice
    from scripts.design_front import OBJECTIVES as AXES

    climate, fixed = climate_of("phoenix_az"), fixed_values({**FIXED, "cdu_approach_k": 5.0})
    brute = played(lattice({"tcs_supply_c": 5, "rejection_size": 4, "buffer_min": 4}), climate, COSTS, fixed, None)
    found = design("phoenix_az", 80, 20, AXES, COSTS, fixed, seed=1).archive
    first, second, _ = compared(brute, found, AXES)
    assert second >= 0.99 * first


def test_every_figure_has_one_value_for_each_design() -> None:
    assert {len(column) for column in made_up(20).figures} == {20} and len(Figures._fields) == 19
