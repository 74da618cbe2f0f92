"""What needs no EnergyPlus: model pieces, schedules, the replay of a year in pieces, the verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from envs.energyplus import shared_rule
from envs.energyplus.building import RunPeriod
from envs.energyplus.epjson import merged_models, single_object
from experiments.validate import validate
from experiments.validation import bars
from experiments.validation.campaign import STUDIES, model_of, scenario_of
from experiments.validation.compare import Pair, modes, rows, same_order
from experiments.validation.components import tower_solver_failed
from experiments.validation.replay import replay
from experiments.validation.schedules import COLD, HOURS, WARM, cw_setpoint_c, hourly_year


def days(n, seed=0):
    """Invented weather and setpoints of ``n`` days at 5 minutes, as an EnergyPlus run of the hall would report them."""
    t = np.arange(n * 288)
    wet = 9.0 + 6.0 * np.sin(2.0 * np.pi * t / 288.0) + seed
    flat = np.ones(len(t))
    return {
        "dry_bulb_c": wet + 4.0,
        "wet_bulb_c": wet,
        "humidity_ratio": 0.006 * flat,
        "pressure_kpa": 99.0 * flat,
        "chw_supply_temp_setpoint_c": 16.0 * flat,
        "cw_supply_temp_setpoint_c": np.maximum(wet + 3.0, 15.6),
        "it_kw[0]": 300.0 + 80.0 * (t // 12 % 5 == 0),
        "crah_fan_speed_frac[0]": 0.8 * flat,
        "supply_air_temp_setpoint_c[0]": 23.0 * flat,
    }


def test_an_object_that_is_defined_twice_is_told():
    with pytest.raises(ValueError, match=r"Zone \['hall'\] is defined twice"):
        merged_models(single_object("Zone", "hall"), single_object("Zone", "hall"))


def test_the_parts_of_every_branch_join_at_their_nodes():
    for key, study in STUDIES.items():
        model = model_of(study, scenario_of(study), 100.0, RunPeriod())
        for objects in (model["Branch"].values(),):
            for branch in objects:
                nodes = [
                    (c["component_inlet_node_name"], c["component_outlet_node_name"]) for c in branch["components"]
                ]
                assert all(a[1] == b[0] for a, b in zip(nodes, nodes[1:], strict=False)), key


def test_a_scenario_that_the_models_do_not_cover_is_refused_with_the_mend():
    from envs.scenario import load

    study = STUDIES["hall_cold"]
    with pytest.raises(ValueError, match="that is legacy_air"):
        model_of(study, load("ai_hall"), 100.0, RunPeriod())


@pytest.mark.parametrize("case", [COLD, WARM], ids=lambda c: c.name)
def test_the_year_stays_in_the_range_of_its_case_and_never_repeats_a_week(case):
    year = hourly_year(case)
    assert len(year.it_frac) == len(year.chw_c) == HOURS
    assert case.chw_c[0] <= year.chw_c.min() and year.chw_c.max() <= case.chw_c[1]
    assert case.supply_air_c[0] <= year.supply_air_c.min() and year.supply_air_c.max() <= case.supply_air_c[1]
    assert year.it_frac.min() >= 0.45 and year.it_frac.max() <= 1.0
    assert year.fan_speed_frac.min() >= 0.55 and year.fan_speed_frac.max() <= 1.0
    assert np.corrcoef(year.it_frac[168:], year.it_frac[:-168])[0, 1] < 0.9
    assert cw_setpoint_c(case, -10.0) == case.cw_low_c and cw_setpoint_c(case, 40.0) == 29.4


def test_the_order_of_the_day_closes_the_heat_of_the_twin():
    (own,) = replay(scenario_of(STUDIES["hall_warm"]), [200.0], [days(1)], 300.0, 1, 4 * 3600.0)
    load = 300.0 + 80.0 / 5.0 + own["crah_fan_power_kw[0]"].mean()
    assert own["coil_sensible_kw[0]"].mean() == pytest.approx(load, rel=0.005)
    taken = own["evaporator_heat_kw"].mean() + own["economizer_heat_kw"].mean()
    assert taken == pytest.approx(load + own["chw_pump_power_kw"].mean(), rel=0.02)


def test_a_replay_in_pieces_is_the_replay_in_one_go_behind_its_first_hours():
    scenario, run = scenario_of(STUDIES["hall_warm"]), days(2)
    (whole,), (cut,) = (replay(scenario, [200.0], [run], 300.0, pieces, 6 * 3600.0) for pieces in (1, 4))
    late = slice(72, None)
    for name in ("chiller_power_kw", "economizer_heat_kw", "tower_fan_power_kw", "chw_return_c"):
        assert cut[name][late].mean() == pytest.approx(whole[name][late].mean(), rel=0.02, abs=0.05), name


def test_runs_side_by_side_are_the_runs_alone():
    runs = [{name: value[:96] for name, value in days(1, seed=seed).items()} for seed in (0, 5)]
    scenario = scenario_of(STUDIES["hall_warm"])
    both = replay(scenario, [200.0, 1600.0], runs, 300.0, 1, 3600.0)
    (alone,) = replay(scenario, [1600.0], runs[1:], 300.0, 1, 3600.0)
    for name, value in alone.items():
        assert both[1][name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def pair(ours=1.0, free=0.0):
    hour = np.arange(1440 * 2) // 12
    base = {"chiller_power_kw": 50.0 + (hour % 24), "evaporator_heat_kw": 400.0 + 0.0 * hour}
    theirs = {**base, "economizer_heat_kw": 0.0 * hour}
    model = {**base, "chiller_power_kw": ours * base["chiller_power_kw"], "economizer_heat_kw": free + 0.0 * hour}
    return Pair("hall", "cold", "here", theirs, model, 1 + hour // 120, hour)


def test_a_missed_bar_says_where_and_by_how_much():
    met, missed = pair(1.02), pair(1.08)._replace(climate="there")
    verdicts = {v.bar: v for v in bars.plant_verdicts([*rows(met), *rows(missed)], [met, missed])}
    annual = verdicts["annual cooling electricity"]
    assert (annual.passed, annual.worst, annual.where) == (False, "8.0%", "there")
    assert verdicts["hourly CV(RMSE)"].passed and verdicts["same mode"].passed


def chiller_row(climate, cv, hours):
    return bars.ComponentRow("hall", "cold", climate, "chiller", "power", "kW", 20.0, -1.0, 1.0, cv, hours)


def test_a_climate_with_too_few_hours_is_listed_with_its_value_and_neither_met_nor_missed():
    (judged, few) = bars.component_verdicts([chiller_row("here", 0.03, 200), chiller_row("there", 0.053, 10)])
    assert (judged.words, judged.worst, judged.where) == ("met", "3.0%", "here")
    assert (few.words, few.worst, few.where) == ("too few hours", "5.3% of 10 hours", "there")
    (missed,) = bars.component_verdicts([chiller_row("there", 0.053, bars.LEAST_HOURS)])
    assert missed.words == "missed"


def test_the_order_of_climates_is_judged_by_both_plants():
    mild, hot = pair(), pair()._replace(climate="there")
    hot = hot._replace(energyplus={**hot.energyplus, "chiller_power_kw": 2.0 * hot.energyplus["chiller_power_kw"]})
    assert same_order([hot, mild]) == (["here", "there"], ["there", "here"])


def test_a_step_is_held_for_failed_only_where_the_fans_could_not_have_done_it():
    run = {
        "tower_in_c": np.array([14.93, 14.93, 14.93]),
        "tower_out_c": np.array([12.80, 12.80, 14.70]),
        "wet_bulb_c": np.array([9.18, 9.18, 9.18]),
        "tower_air_ratio": np.array([0.131, 0.90, 0.131]),
    }
    assert tower_solver_failed(run, 0.82).tolist() == [True, False, False]


def test_modes_are_told_by_the_share_of_the_economizer():
    assert modes(pair()).tolist() == [[240, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert modes(pair(free=100.0)).tolist() == [[0, 240, 0], [0, 0, 0], [0, 0, 0]]


def test_unknown_studies_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"studies \['hall_tepid'\] are unknown; choose from hall_cold"):
        validate(tmp_path, ["hall_tepid"])


def at_energyplus(**more):
    """What EnergyPlus measured of a step: the coils' return 6 K warmer than the condenser water."""
    base = {"coil_water_in_c[0]": 16.0, "chw_return_c": 24.0, "chw_flow_kg_s": 10.0, "cw_supply_c": 18.0}
    return {**base, "wet_bulb_c": 12.0, **more}


def decisions(hours):
    """Economizer and chiller over 5-minute steps, ``hours`` a list of what was measured and for how many steps."""
    control = shared_rule.with_our_rule(
        lambda step, measured: {"chw_supply_temp_setpoint_c": 16.0}, scenario_of(STUDIES["hall_warm_shared"]), 300.0
    )
    seen = [m for measured, steps in hours for m in [measured] * steps]
    asked = [control(step, m) for step, m in enumerate([None, *seen])]
    return [(a["economizer_available"], a["chiller_available"]) for a in asked[1:]]


def test_the_shared_rule_opens_energyplus_s_economizer_from_2_k_and_waits_20_minutes_before_it_shuts_it():
    narrow = at_energyplus(chw_return_c=19.0)
    assert [e for e, _ in decisions([(narrow, 12)])] == [0.0] * 12
    cold, warm = at_energyplus(), at_energyplus(cw_supply_c=24.0)
    assert [e for e, _ in decisions([(cold, 2), (warm, 6)])] == [1.0] * 4 + [0.0] * 4
    assert [e for e, _ in decisions([(cold, 8), (narrow, 12)])] == [1.0] * 20


def test_the_shared_rule_stops_energyplus_s_chiller_in_free_cooling_until_the_supply_is_1_5_k_warm():
    free = at_energyplus(cw_supply_c=10.0, wet_bulb_c=5.0)
    drifts, hot = at_energyplus(**{"coil_water_in_c[0]": 17.4}), at_energyplus(**{"coil_water_in_c[0]": 17.6})
    weak = {"cw_supply_c": 15.0}
    ran = [c for _, c in decisions([(free, 12)])]
    assert ran[0] == 1.0 and ran[-1] == 0.0
    assert [c for _, c in decisions([(free, 12), ({**drifts, **weak}, 12)])][12:] == [0.0] * 12
    assert [c for _, c in decisions([(free, 12), ({**hot, **weak}, 4)])][12:] == [1.0] * 4


def test_the_shared_rule_never_opens_what_the_inner_control_keeps_shut():
    inner = {"chw_supply_temp_setpoint_c": 16.0, "economizer_available": 0.0}
    rule = shared_rule.with_our_rule(lambda step, measured: inner, scenario_of(STUDIES["hall_warm_shared"]), 300.0)
    assert rule(1, at_energyplus())["economizer_available"] == 0.0


def test_a_hall_without_an_economizer_has_no_rule_to_share():
    with pytest.raises(ValueError, match="'air_cooled_hall' has no economizer to switch"):
        shared_rule.with_our_rule(lambda step, measured: {}, scenario_of(STUDIES["air_cooled"]), 300.0)


@pytest.mark.energyplus
def test_unknown_climates_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"climates \['atlantis'\] are unknown; the wheel carries az_phoenix"):
        validate(tmp_path, ["hall_cold"], ["atlantis"])
