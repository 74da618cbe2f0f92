"""A site whose parts cannot work together is refused when it is made: thing, value, allowed range and mend."""

from __future__ import annotations

import re

import pytest

from envs.core import DataCenterCore
from envs.faults import Fault
from envs.scenario import SHIPPED, load
from envs.scenario.checks import machines, possible_kinds

TRIP = "kind: chiller_trip, start_s: 0, duration_s: 60"

IMPOSSIBLE = [
    ("ai_hall", "coolant.cdus_running=9", "coolant.cdus_running = 9.0 is above cdus = 3.0; give at most 3.0"),
    ("ai_hall", "tower.duty_cells=9", "tower.duty_cells = 9 is above cells = 3; give at most 3"),
    ("ai_hall", "tower.min_cells=4", "tower.min_cells = 4 is above cells = 3; give at most 3"),
    ("edge_room", "zones.room.crah_units=1", "zones.room.crah_running = 3.0 is above crah_units = 1.0; give at most"),
    ("liquid_hall", "zones.hall.crah_running=9", "zones.hall.crah_running = 9.0 is above crah_units = 4.0; give at"),
    ("ai_hall", "channel_ranges={crah_fan_speed_frac: [0.3, 50]}", "is outside [0.05, 1]; give a range in it"),
    ("ai_hall", "channel_ranges={supply_air_temp_setpoint_c: [291, 300]}", "is outside [5, 45] degC; give a range"),
    ("edge_room", "channel_ranges={battery_power_kw: [-1, 1]}", "its range is the machine's own; set battery.power_kw"),
    ("ai_hall", "legacy_setpoints={supply_air_temp_setpoint_c: 300}", "= 300.0 is outside [18, 27] degC, where the"),
    ("legacy_air", "legacy_setpoints={supply_air_temp_setpoint_c: 25}", "= 25.0 is outside [13, 24] degC, where the"),
    ("edge_room", "legacy_setpoints={battery_power_kw: 51}", "= 51.0 is outside [-50, 50] kW"),
    ("ai_hall", "power.ups_limit_kw=1", "power.ups_limit_kw = 1.0 kW is below the 510.5 kW that the site's racks draw"),
    ("ai_hall", "power.utility_limit_kw=300", "power.utility_limit_kw = 300.0 kW is below the 510.5 kW"),
    ("ai_hall", "power.row_limit_kw=[200,640,280,50]", "power.row_limit_kw[0] = 200.0 kW is below the 209.1 kW"),
    ("ai_hall", "racks.r1.breaker_kw=5", "racks.r1.breaker_kw = 5.0 kW is below the 41.8 kW that the rack draw"),
    ("ai_hall", "expected_peak_kw=300000", "expected_peak_kw = 300000.0 is outside [511, 5396] kW"),
    ("ai_hall", "expected_peak_kw=100", "expected_peak_kw = 100.0 is outside [511, 5396] kW"),
    ("edge_room", "faults.scheduled=[{kind: tower_cell, start_s: 0, duration_s: 60}]", "needs tower or dry, and the"),
    ("liquid_hall", f"faults.scheduled=[{{{TRIP}}}]", "faults.scheduled: a chiller_trip needs chw"),
    ("legacy_air", "faults.random=[{kind: cdu, per_year: 1, mean_duration_s: 60}]", "faults.random: a cdu needs tcs"),
]


@pytest.mark.parametrize(("site", "line", "words"), IMPOSSIBLE, ids=[f"{s}-{line}" for s, line, _ in IMPOSSIBLE])
def test_an_impossible_site_is_refused_with_value_range_and_mend(site: str, line: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        load(site, [line])


def test_liquid_heat_that_an_override_makes_needs_coolant_as_a_preset_s_does() -> None:
    with pytest.raises(ValueError, match=r"racks\.cpu: liquid_share_frac = 0\.5\); give coolant and facility_water"):
        load("edge_room", ["racks.cpu.overrides={liquid_share_frac: 0.5}"])
    dry = ["coolant=null", "facility_water=null"]
    dry += [f"racks.{key}.overrides={{liquid_share_frac: 0}}" for key in ("r1", "r2_conv", "r2_code")]
    assert load("ai_hall", dry).coolant is None


def test_faults_set_by_hand_are_refused_where_their_machine_is_not_there() -> None:
    core = DataCenterCore("edge_room", 2, ["site.workload_weeks=1"])
    core.reset(seed=0)
    core.set_faults([[], [Fault("chiller_trip", 0.0, 60.0)]])
    with pytest.raises(ValueError, match="'edge_room': a cdu needs tcs.*choose one of .*'chiller_trip'"):
        core.set_faults([[], [Fault("cdu", 0.0, 60.0)]])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_fault_that_a_shipped_site_admits_may_be_scheduled_there(name: str) -> None:
    kinds = possible_kinds(machines(load(name)))
    lines = [f"{{kind: {kind}, start_s: 0, duration_s: 60}}" for kind in kinds]
    assert len(load(name, [f"faults.scheduled=[{', '.join(lines)}]"]).faults.scheduled) == len(kinds) >= 7
