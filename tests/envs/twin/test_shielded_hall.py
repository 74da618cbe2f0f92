"""Behind the shield no policy brings a hall past a hard limit, whatever single machine or sensor fails."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.faults import Fault
from envs.play import play_through
from envs.scenario import SHIPPED, load
from envs.shield.shield import Shield
from envs.twin.estimation.foresight import TwinForesight, shield_of
from scripts.shield_week import FOLDER, POLICIES, Row, adversary, broken, week

HARMFUL = ("careless", "all high", "random", "bang-bang by the hour")
#: Single faults of the halls whose weeks are stored.
FAULTS = {
    "ai_factory": 23, "ai_factory_feeder": 23, "ai_hall": 23, "ai_hall_power_cap": 23, "edge_room": 15,
    "hot_water_hall": 19, "inference_hall": 23, "legacy_air": 17, "liquid_hall": 19,
}  # fmt: skip
WEEKS = tuple(FAULTS)
SOME = ("none", "crah_fan 0", "sensor_stuck zone_inlet_max_c")


@pytest.mark.slow
def test_no_policy_passes_a_hard_limit_for_a_day_and_without_the_shield_one_does() -> None:
    policies = {name: POLICIES[name] for name in HARMFUL}
    free = week("ai_hall", policies, days=1, shielded=False, only=SOME)
    assert any(broken(row) for row in free), "nothing is proved by policies that do no harm"
    rows = week("ai_hall", policies, days=1, only=SOME)
    assert {row.policy: broken(row) for row in rows} == dict.fromkeys(HARMFUL, [])


@pytest.mark.parametrize("scenario", ["ai_hall", "edge_room", "liquid_hall"])
@pytest.mark.quick_for("edge_room", "liquid_hall")
def test_the_shield_leaves_a_good_policy_alone_in_99_of_100_steps(scenario: str) -> None:
    (row,) = week(scenario, {"rules": POLICIES["rules"]}, days=2, only=("none",))
    assert row.acted_without_fault_frac < 0.01


@pytest.mark.slow
def test_a_feeder_without_its_own_protection_is_kept_from_its_trip() -> None:
    open_limits = {"open": POLICIES["all high"]}
    unprotected = ("capper.enabled=false", "power.ups_limit_kw=1120")
    how = {"days": 1, "only": ("none",), "overrides": unprotected}
    assert "breaker_memory" in broken(week("ai_hall", open_limits, shielded=False, **how)[0])
    (row,) = week("ai_hall", open_limits, **how)
    assert broken(row) == [] and row.acted_frac > 0.0


def test_what_is_foreseen_names_limit_and_excess() -> None:
    core = DataCenterCore("ai_hall", 1)
    core.reset(seed=1)
    shield = shield_of(core.scenario)
    hot = {**core.measurements()}
    for name, value in (("supply_air_temp_setpoint_c", 27.0), ("crah_fan_speed_frac", 0.3)):
        hot[f"in_force.{name}"] = np.full_like(hot[f"in_force.{name}"], value)
    hot = {
        **hot,
        "zone_supply_c": hot["zone_supply_c"] * 0.0 + 27.0,
        "zone_inlet_max_c": hot["zone_supply_c"] * 0 + 33.0,
    }
    wanted = {name: hot[f"in_force.{name}"] for name in ("supply_air_temp_setpoint_c", "crah_fan_speed_frac")}
    made, told = shield.safe(wanted, hot)
    foreseen = [x for x in told if x.limit == "inlet_allowable"]
    assert foreseen and "the warmest inlet would pass the allowable limit less its margin by" in foreseen[0].why
    assert made["crah_fan_speed_frac"].max() > 0.3


def test_a_core_goes_on_from_its_saved_state_behind_a_shield_to_the_bit() -> None:
    scenario = load("edge_room", ["site.workload_weeks=1"])
    core, other = (DataCenterCore(scenario, 2, shield=shield_of(scenario)) for _ in range(2))
    core.reset(seed=4)
    play_through(core, core.rules, 10)
    other.load_state(core.save_state())
    play_through(core, core.rules, 10)
    play_through(other, other.rules, 10)
    assert np.array_equal(core.measured["rack_inlet_c"], other.measured["rack_inlet_c"])
    plain = DataCenterCore(scenario, 2)
    with pytest.raises(ValueError, match="shield"):
        plain.load_state(core.save_state())


def test_a_room_unit_that_is_lost_is_found_by_the_air_that_is_missing() -> None:
    scenario = load("ai_hall", ["site.workload_weeks=1"])
    core = DataCenterCore(scenario, 1)
    core.reset(seed=2)
    core.set_faults([[Fault("crah_fan", 3000.0, 1e6)]])
    ahead = TwinForesight(scenario)
    for _ in range(30):
        ahead.observe(core.measurements())
        play_through(core, core.rules, 1)
    assert ahead.twin.lost.crah_units_lost[0, 0] == pytest.approx(1.0, abs=0.4)
    assert ahead.twin.lost.crah_units_lost[1, 0] == 0.0


def test_measurements_that_the_twin_needs_are_asked_for_by_name() -> None:
    core = DataCenterCore("edge_room", 1)
    core.reset(seed=0)
    seen = {**core.measurements(), "dry_bulb_c": np.array([[np.nan]])}
    with pytest.raises(ValueError, match="measurements lack finite dry_bulb_c"):
        TwinForesight(core.scenario).observe(seen)


def test_without_foresight_a_shield_still_holds_range_and_slew() -> None:
    channels, step_s = DataCenterCore("edge_room", 1).channels, 300.0
    core = DataCenterCore("edge_room", 2, shield=Shield(channels, step_s))
    core.reset(seed=0)
    play_through(core, core.rules, 3)
    assert core.episode_statistics()["shield_steps"].tolist() == [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", WEEKS)
def test_no_policy_passes_a_hard_limit_for_two_days_with_any_single_fault(
    scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llvmlite", reason="two hundred sites for two days take hours on numpy")
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    policies = {**POLICIES, "adversary": adversary(scenario, rounds=2, population=12, only=("none", "crah_fan 0"))}
    rows = week(scenario, policies, days=2)
    assert {row.policy: broken(row) for row in rows} == dict.fromkeys(policies, [])
    assert rows[0].acted_without_fault_frac < 0.01


def test_a_week_of_every_shipped_scenario_is_stored() -> None:
    assert set(WEEKS) == set(SHIPPED)


@pytest.mark.parametrize("scenario", WEEKS)
def test_the_stored_week_keeps_every_hard_limit_under_every_fault_and_leaves_the_rules_alone(scenario: str) -> None:
    with (FOLDER / f"shield_{scenario}.csv").open(newline="", encoding="utf-8") as file:
        rows = [Row(*(name, policy), *map(float, rest)) for name, policy, *rest in list(csv.reader(file))[1:]]
    assert {row.policy for row in rows} == {*POLICIES, "adversary"}
    assert {(row.scenario, row.days, row.faults) for row in rows} == {(scenario, 7.0, FAULTS[scenario])}
    assert {row.policy: broken(row) for row in rows} == dict.fromkeys((row.policy for row in rows), [])
    assert rows[0].policy == "rules" and rows[0].acted_without_fault_frac < 0.01
