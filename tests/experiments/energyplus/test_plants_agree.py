"""A few days of both plants: ledgers of EnergyPlus's side, machines under equal conditions, the whole."""

from __future__ import annotations

import numpy as np
import pytest

from envs.energyplus import engine
from envs.energyplus.building import RunPeriod
from experiments.validation import bars, page
from experiments.validation.campaign import STUDIES, energyplus_year
from experiments.validation.compare import TOTAL, hourly, modes, rows
from experiments.validation.components import constant_ua_effectiveness, our_effectiveness
from experiments.validation.guideline14 import agreement

pytestmark = pytest.mark.energyplus


def machine(outcome, name, quantity="power"):
    (row,) = [r for r in outcome.components if (r.machine, r.quantity) == (name, quantity)]
    return row


def test_the_heat_of_energyplus_closes_from_rack_to_sky(cold_days):
    v = cold_days.pairs[0].energyplus
    room = v["it_kw[0]"] + v["crah_fan_power_kw[0]"]
    assert v["coil_total_kw[0]"][288:].mean() == pytest.approx(room[288:].mean(), rel=0.002)
    water = v["coil_total_kw[0]"] + v["chw_pump_power_kw"]
    assert (v["evaporator_heat_kw"] + v["economizer_heat_kw"])[288:].mean() == pytest.approx(
        water[288:].mean(), rel=0.005
    )
    given = v["evaporator_heat_kw"] + v["chiller_power_kw"] + v["economizer_heat_kw"] + v["cw_pump_power_kw"]
    assert v["tower_heat_kw"][288:].mean() == pytest.approx(given[288:].mean(), rel=0.02)


def test_no_heat_comes_from_nowhere_where_the_condenser_water_is_too_warm_for_the_economizer():
    study = STUDIES["hall_cold"]
    v = energyplus_year(study, engine.weather_files()["az_phoenix"], RunPeriod((7, 10), (7, 11))).values
    assert v["economizer_available"][12:].max() == v["economizer_heat_kw"][12:].max() == 0.0
    water = v["coil_total_kw[0]"] + v["chw_pump_power_kw"]
    assert v["evaporator_heat_kw"][144:].mean() == pytest.approx(water[144:].mean(), rel=0.01)


def test_both_plants_carry_the_same_load_on_the_same_air(cold_days):
    pair = cold_days.pairs[0]
    for name in ("coil_sensible_kw[0]", "air_flow_kg_s[0]"):
        assert agreement(*hourly(pair, name)).cv_rmse_frac < 0.03, name


def test_the_chiller_in_its_box_is_within_a_hundredth(cold_days):
    assert machine(cold_days, "chiller").cv_rmse_frac < 0.01


def test_pumps_and_room_fans_are_within_a_hundredth(cold_days, warm_days):
    for outcome in (cold_days, warm_days):
        for name in ("chilled-water pump", "condenser pump", "room fans"):
            assert machine(outcome, name).cv_rmse_frac < 0.01, name


def test_the_tower_is_within_the_bar_where_the_search_of_energyplus_does_not_fail(cold_days, warm_days):
    for outcome in (cold_days, warm_days):
        assert machine(outcome, "tower", "fan power").cv_rmse_frac < bars.COMPONENT_CV_FRAC
        assert machine(outcome, "tower", "leaving water").rmse < 0.1


def test_the_coil_is_within_the_bars_and_a_constant_conductance_would_not_be(cold_days, warm_days):
    for outcome in (cold_days, warm_days):
        assert machine(outcome, "coil", "leaving air").rmse < bars.COIL_RMSE_K
        assert machine(outcome, "coil", "sensible heat").cv_rmse_frac < bars.COMPONENT_CV_FRAC
        assert machine(outcome, "coil, constant UA", "leaving air").rmse > bars.COIL_RMSE_K


def test_the_two_coil_laws_meet_at_design_flows_and_part_below():
    from envs.energyplus.air_handler import AirLoop

    loop = AirLoop(10.0, 10.0, 2.7, 12.0, 6.0, 25.0)
    air, water = np.array([12.0, 6.0]), np.array([6.0, 1.5])
    ours, fixed = our_effectiveness(loop, air, water), constant_ua_effectiveness(loop, air, water)
    assert ours[0] == pytest.approx(fixed[0]) and ours[1] < 0.95 * fixed[1]


def test_the_economizer_is_within_the_bar(cold_days, warm_days):
    for outcome in (cold_days, warm_days):
        assert machine(outcome, "economizer", "heat").cv_rmse_frac < bars.COMPONENT_CV_FRAC


def test_an_air_cooled_chiller_and_dx_units_in_their_box_agree(air_cooled_days, dx_days):
    assert machine(air_cooled_days, "chiller").cv_rmse_frac < bars.COMPONENT_CV_FRAC
    assert machine(dx_days, "dx units").cv_rmse_frac < 0.01


def test_cooling_electricity_of_each_plant_is_within_the_annual_bar_over_the_days(cold_days, air_cooled_days, dx_days):
    for outcome in (cold_days, air_cooled_days, dx_days):
        theirs, ours = hourly(outcome.pairs[0], TOTAL)
        assert ours.mean() == pytest.approx(theirs.mean(), rel=bars.ANNUAL_FRAC), outcome.study.plant
        assert agreement(theirs, ours).cv_rmse_frac < bars.HOURLY_CV_FRAC, outcome.study.plant


def test_both_modes_occur_in_the_days_and_most_hours_agree(warm_days):
    table = modes(warm_days.pairs[0])
    assert (table.sum(axis=1) > 0).sum() >= 2 and table.trace() / table.sum() > 0.75


def same_mode_frac(outcome):
    table = modes(outcome.pairs[0])
    return table.trace() / table.sum()


def test_under_one_supervisory_rule_the_plants_are_in_the_same_mode_and_under_their_own_they_part(
    days_under_one_rule, days_under_own_rules
):
    assert same_mode_frac(days_under_one_rule) >= bars.MODE_FRAC
    assert same_mode_frac(days_under_own_rules) < bars.MODE_FRAC


def test_the_shared_rule_stops_energyplus_s_chiller_and_no_heat_is_lost_by_it(days_under_one_rule):
    v = days_under_one_rule.pairs[0].energyplus
    stopped = v["chiller_available"] < 0.5
    assert 0.2 < stopped.mean() < 0.98
    assert v["evaporator_heat_kw"][stopped].max() == 0.0 and v["economizer_heat_kw"][stopped].min() > 50.0
    water = v["coil_total_kw[0]"] + v["chw_pump_power_kw"]
    taken = v["evaporator_heat_kw"] + v["economizer_heat_kw"]
    assert taken[288:].mean() == pytest.approx(water[288:].mean(), rel=0.01)  # the warm-up left other water in the loop


def test_the_page_and_the_tables_are_written_with_every_missed_bar(tmp_path, cold_days):
    section = page.section(cold_days)
    verdicts = bars.component_verdicts(cold_days.components)
    verdicts.append(bars.PlantVerdict("chilled_water_hall", "cold", "invented", "<= 1%", "2.0%", "il_chicago", False))
    facts = {
        "command": "coldaisle validate",
        "energyplus": "25.2",
        "wheel": "26.1.0",
        "period": "4 days",
        "climates": ["il_chicago"],
        "git_hash": "0" * 40,
        "plant_hash": "1" * 40,
    }
    html = page.write(tmp_path, [section], verdicts, facts).read_text(encoding="utf-8")
    assert "invented" in html and "missed" in html and html.count("data:image/png") == len(section.figures) == 3
    assert "**missed**" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    names = {p.name for p in tmp_path.iterdir()}
    assert {"agreement.csv", "components.csv", "verdicts.csv", "monthly_chilled_water_hall.csv"} <= names
    assert {r.quantity for r in rows(cold_days.pairs[0])} >= {TOTAL, "chw_supply_c", "chw_return_c", "cw_supply_c"}
