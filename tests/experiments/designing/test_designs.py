"""Designs: what may be chosen, the hall that it means, its days, its costs and what rules it out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.scenario import load
from experiments.designing.block import RACKS_OF_BLOCK, block, sizes, structure
from experiments.designing.costs import CAPITAL, SHIPPED, annuity, capital_usd, outages_usd_kw_year, read_costs
from experiments.designing.days import typical_days
from experiments.designing.figures import FAULTS, OBJECTIVES, faults, figures, losses, require_objectives
from experiments.designing.variables import NAMES, PLANTS, RACKS, VARIABLES, decoded, fixed_values, matters, rows
from experiments.designing.years import Year

COSTS = read_costs()


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, len(NAMES)))


def year_of(n: int, **given: float) -> Year:
    """A year in which nothing is wrong."""
    usual = {"energy_kwh": 11e6, "it_kwh": 9.9e6, "pdu_kwh": 0.1e6, "water_kg": 1e6, "peak_kw": 1500.0}
    columns = {**dict.fromkeys(Year._fields, 0.0), **usual, "worst_inlet_c": 25.0, **given}
    return Year(**{name: np.full(n, value) for name, value in columns.items()})


def test_a_point_of_the_cube_is_a_design_inside_its_ranges() -> None:
    designs = decoded(np.vstack([np.zeros(len(NAMES)), np.ones(len(NAMES)), points(50)]))
    for v in VARIABLES:
        values = designs[v.name]
        if v.options:
            assert set(values) == set(range(len(v.options)))
        else:
            assert values[0] == v.low and values[1] == v.high and np.all((v.low <= values) & (values <= v.high))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"colour": 1}, "colour"),
        ({"rack": "liquid_191"}, "liquid_190"),
        ({"tcs_supply_c": 80.0}, "fixed.tcs_supply_c = 80.0; give 25 to 45 degC"),
        ({"tcs_supply_c": "warm"}, "fixed.tcs_supply_c = 'warm'"),
        ({"liquid_frac": 2}, "fixed.liquid_frac = 2; give 0.7 to 0.98$"),
    ],
)
def test_what_no_design_has_is_refused_with_what_it_may_have(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fixed_values(given)


def test_a_table_of_costs_that_is_not_there_is_named_with_its_key() -> None:
    with pytest.raises(FileNotFoundError, match=r"costs = nope\.yaml: no such file; give a copy of .*costs\.yaml"):
        read_costs(Path("nope.yaml"))


def test_a_fixed_variable_moves_in_no_design() -> None:
    designs = decoded(points(20), fixed_values({"rack": "liquid_600", "feeder_mw": 12}))
    assert set(designs["rack"]) == {3.0} and set(designs["feeder_mw"]) == {12.0}


@pytest.mark.parametrize("rack", RACKS)
@pytest.mark.parametrize("plant", PLANTS)
def test_every_rack_under_every_plant_is_a_hall_with_the_machines_of_that_plant(rack: str, plant: str) -> None:
    designs = decoded(points(3), fixed_values({"rack": rack, "plant": plant}))
    hall = block(designs, "sterling_va", "hall")
    assert sum(group.count for group in hall.racks.values()) == RACKS_OF_BLOCK
    assert (hall.tower is not None) == (plant != PLANTS[0])
    assert (hall.coolant is not None) == (rack != RACKS[0])
    assert (hall.dry_cooler is not None) == (rack != RACKS[0] and plant == PLANTS[0])
    assert len(set(structure(designs))) == 1


def test_a_design_is_the_same_hall_from_its_file(tmp_path: Path) -> None:
    from experiments.designing.page import scenario_text

    designs = decoded(points(2))
    path = tmp_path / "one.yaml"
    path.write_text(scenario_text(designs, 1, "denver_co"))
    assert load(str(path)) == block(rows(designs, [1]), "denver_co", "design_1")


def test_the_heat_of_a_block_goes_to_air_or_to_liquid() -> None:
    size = sizes(decoded(points(60)))
    np.testing.assert_allclose(size.liquid_kw + size.air_kw, 1.03 * size.it_kw)


def test_the_typical_days_stand_for_the_year_and_lie_in_their_months() -> None:
    hour = np.arange(8760)
    dry = 12.0 - 12.0 * np.cos(2 * np.pi * hour / 8760) + 5.0 * np.sin(2 * np.pi * hour / 24)
    dry += np.random.default_rng(0).normal(size=365).repeat(24)
    dry[200 * 24 + 15] = 45.0
    chosen = typical_days(dry, dry - 4.0)
    typical, extreme = chosen.days[:-2], chosen.days[-2:]
    assert len(set(typical)) == 24 and chosen.weights.sum() == 365.0 and set(chosen.weights[-2:]) == {0.0}
    assert extreme[0] == 200
    mean = float((dry.reshape(365, 24).mean(axis=1)[typical] * chosen.weights[:-2]).sum() / 365.0)
    assert mean == pytest.approx(dry.mean(), abs=0.5)


def test_a_file_of_costs_that_lacks_one_is_refused_by_name(tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    for old, new, words in (
        ("  pad_usd_per_kw:", "  pads_usd_per_kw:", "pads_usd_per_kw is no cost"),
        ("{value: 15, unit: years", "{value: cheap, unit: years", "value = cheap is outside"),
    ):
        path = tmp_path / "costs.yaml"
        path.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=words):
            read_costs(path)


def test_fifteen_years_at_eight_percent_pay_back_a_ninth_a_year() -> None:
    assert annuity(COSTS) == pytest.approx(0.11683, abs=1e-5)  # tables of compound interest
    assert annuity({**COSTS, "interest_frac": 0.0}) == pytest.approx(1.0 / 15.0)


def test_a_site_costs_about_what_is_published_a_megawatt() -> None:
    """9.3 to 15 million USD a MW (Cushman & Wakefield 2025), less what is not in the table: fees, offices' fit-out."""
    designs = decoded(points(200), fixed_values({"feeder_mw": 24}))
    size, blocks = sizes(designs), np.ones(200)
    peak = 1.15 * size.it_kw
    by_part = capital_usd(designs, size, peak, blocks, COSTS)
    spent = np.sum(list(by_part.values()), axis=0) - by_part["service_usd_per_kw"]
    assert np.all((spent / size.it_kw > 6500.0) & (spent / size.it_kw < 15000.0))
    assert set(by_part) == set(CAPITAL)


def test_redundancy_of_the_ups_costs_capital_and_saves_work() -> None:
    designs = decoded(np.repeat(points(1), 3, axis=0)) | {"ups": np.array([0.0, 1.0, 2.0])}
    lost, size = outages_usd_kw_year(designs, COSTS), sizes(designs)
    assert lost[0] == pytest.approx((0.05 * 24 + 0.02 * 12) / 8760 * 8500) and lost[0] > lost[1] > lost[2] == 0.0
    assert np.all(np.diff(capital_usd(designs, size, size.it_kw, np.ones(3), COSTS)["ups_usd_per_kw"]) > 0.0)


def test_blocks_are_whole_and_what_they_leave_of_the_feeder_is_stranded() -> None:
    designs = decoded(points(1), fixed_values({"rack": "liquid_190", "feeder_mw": 10}))
    found = figures(designs, year_of(1), np.zeros(1), COSTS)
    assert found.blocks[0] == 6.0 and found.stranded_kw[0] == pytest.approx(10_000 - 6 * 1575.0)
    assert found.deployable_kw[0] == 6 * 8 * 190.0 and found.pue[0] == pytest.approx(1.1)
    assert found.wue_l_kwh[0] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"peak_kw": 30_000.0}, "feeder smaller than one block"),
        ({"trips": 1.0}, "racks stop"),
        ({"coolant_k_min": 2.0}, "coolant over its limit"),
        ({"worst_inlet_c": 33.0}, "inlet air over 32 degC"),
        ({"inlet_k_min": 90.0}, "inlet air over 27 degC for long"),
        ({"lost_frac": 0.02}, "work lost to heat"),
        ({}, ""),
    ],
)
def test_what_rules_a_design_out_is_named(given: dict[str, float], reason: str) -> None:
    designs = decoded(points(1), fixed_values({"rack": "liquid_190", "feeder_mw": 10}))
    assert faults(figures(designs, year_of(1, **given), np.zeros(1), COSTS))[0] == reason
    assert reason == "" or reason in FAULTS


def test_differences_that_are_rounding_make_no_design_better() -> None:
    designs = decoded(points(2), fixed_values({"rack": "liquid_190", "feeder_mw": 10}))
    year = year_of(2)._replace(water_kg=np.array([0.0, 1.0]))
    values = losses(figures(designs, year, np.zeros(2), COSTS), ["wue_l_kwh", "ride_through_s"])
    assert np.array_equal(values[0], values[1])


def test_a_front_is_over_two_objectives_that_there_are() -> None:
    assert require_objectives(["pue", "pue", "wue_l_kwh"]) == ("pue", "wue_l_kwh")
    for wrong in (["pue"], ["pue", "beauty"]):
        with pytest.raises(ValueError, match="pue"):
            require_objectives(wrong)
    assert all(unit for unit, _, _ in OBJECTIVES.values())


def test_a_variable_matters_only_where_its_machine_is() -> None:
    assert not matters("pad", "liquid_190", "economizer") and matters("pad", "liquid_190", "air_cooled")
    assert not matters("tcs_supply_c", "air_34", "economizer") and not matters("rejection_size", "air_34", "air_cooled")
