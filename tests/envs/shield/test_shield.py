"""Ranges, interlocks and slew: any setpoints become the nearest safe ones, and every change is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.interface.channels import CHANNELS
from envs.interface.constraints import CONSTRAINTS, HARD_LIMITS
from envs.plant.flows import Flows
from envs.shield.interlocks import INTERLOCKS
from envs.shield.shield import Shield
from envs.shield.site_limits import SiteLimits
from envs.twin.estimation.foresight import site_limits

Hall = tuple[Shield, dict[str, np.ndarray]]
FAN, SUPPLY, CHW, COOLANT = (
    "crah_fan_speed_frac",
    "supply_air_temp_setpoint_c",
    "chw_supply_temp_setpoint_c",
    "tcs_supply_temp_setpoint_c",
)


@pytest.fixture
def hall() -> Hall:
    """The shield of ai_hall without foresight, and what one site measures ``{point: (k,)}``."""
    core = DataCenterCore("ai_hall", 1, ("site.workload_weeks=1",))
    core.reset(seed=1)
    shield = Shield(core.channels, core.step_s, site_limits(core.plant))
    return shield, {name: value[:, 0].astype(np.float64) for name, value in core.measurements().items()}


def in_force(seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: seen[f"in_force.{name}"] for name in CHANNELS if f"in_force.{name}" in seen}


def test_what_is_in_force_and_safe_stays_untouched(hall: Hall) -> None:
    shield, seen = hall
    made, told = shield.safe(in_force(seen), seen)
    assert told == [] and all(np.array_equal(made[name], value) for name, value in in_force(seen).items())


def test_a_setpoint_outside_its_range_is_brought_to_the_end_and_told_with_both_numbers(hall: Hall) -> None:
    shield, seen = hall
    made, told = shield.safe({FAN: [1.4, 0.9]}, seen)
    assert made[FAN].tolist() == [1.0, 0.9]
    (one,) = told
    assert (one.channel, one.row, one.limit, one.wanted, one.given, one.unit) == (FAN, 0, "range", 1.4, 1.0, "1")
    assert one.why == "outside the channel's range: crah_fan_speed_frac[0] down by 0.4, from 1.4 to 1"


def test_a_setpoint_goes_no_further_than_the_slew(hall: Hall) -> None:
    shield, seen = hall
    made, told = shield.safe({CHW: [14.0]}, seen)
    assert made[CHW][0] == pytest.approx(seen[f"in_force.{CHW}"][0] - 0.5)
    assert [x.limit for x in told] == ["slew"] and told[0].unit == "degC"


def test_what_is_no_number_stays_as_it_is_in_force(hall: Hall) -> None:
    shield, seen = hall
    made, told = shield.safe({SUPPLY: [np.nan, np.inf]}, seen)
    assert np.array_equal(made[SUPPLY], seen[f"in_force.{SUPPLY}"]) and [x.limit for x in told] == ["no_number"] * 2


@pytest.mark.parametrize(
    ("limit", "channel", "wanted", "seen", "least", "most"),
    [
        ("least_airflow", FAN, 0.3, {"zone_air_supply_frac": 0.5, "zone_fan_speed_frac": 0.6}, 0.6, 0.6),
        ("least_airflow", FAN, 0.3, {"zone_air_supply_frac": 0.0, "zone_fan_speed_frac": 0.0}, 1.0, 1.0),
        ("condensation", COOLANT, 30.0, {"room_dew_point_c": 33.0, f"in_force.{COOLANT}": 35.5}, 36.0, 36.0),
        ("chiller_restart", CHW, 20.0, {"chiller_hold_frac": 0.4, "chw_supply_c": 17.0}, 18.5, 18.5),
        ("branch_power", "rack_power_limit_frac", 1.0, {}, 0.45, 1.0),
        ("service_power", "battery_power_kw", 1000.0, {"facility_power_share": 1.6}, -1000.0, 700.0),
    ],
)
def test_an_interlock_bounds_its_channel_by_what_is_measured(
    limit: str, channel: str, wanted: float, seen: dict[str, float], least: float, most: float, hall: Hall
) -> None:
    shield, whole = hall
    given = {**whole, f"in_force.{CHW}": np.array([18.4]), **{n: np.full_like(whole[n], v) for n, v in seen.items()}}
    made, told = shield.safe({channel: np.full_like(whole[f"in_force.{channel}"], wanted)}, given)
    assert least - 1e-6 <= made[channel].min() and made[channel].max() <= most + 1e-6
    if limit not in ("branch_power",):
        assert limit in {x.limit for x in told}


def test_a_branch_that_carries_less_than_its_racks_caps_them() -> None:
    core = DataCenterCore("ai_hall", 1, ("site.workload_weeks=1",))
    core.reset(seed=1)
    shield = Shield(core.channels, core.step_s, SiteLimits(row_limit_frac=(0.8, 1.2, 1.2, 1.2)))
    made, told = shield.safe({"rack_power_limit_frac": np.ones((4, 1))}, core.measurements())
    assert made["rack_power_limit_frac"][:, 0].tolist() == pytest.approx([0.8, 1.0, 1.0, 1.0])
    assert told[0].limit == "branch_power" and "could draw more than its branch carries" in told[0].why


def test_a_channel_stays_where_its_interlock_cannot_be_judged(hall: Hall) -> None:
    shield, seen = hall
    missing = {name: value for name, value in seen.items() if name != "room_dew_point_c"}
    for given in (missing, {**seen, "room_dew_point_c": np.array([np.nan])}):
        made, told = shield.safe({COOLANT: [40.0]}, given)
        assert made[COOLANT][0] == seen[f"in_force.{COOLANT}"][0] and told[0].limit == "condensation"


def test_a_batch_gets_what_each_site_gets_alone(hall: Hall) -> None:
    shield, seen = hall
    generator = np.random.default_rng(0)
    wanted = {n: generator.uniform(CHANNELS[n].low, CHANNELS[n].high, (len(v), 5)) for n, v in in_force(seen).items()}
    many = {name: np.repeat(value[:, None], 5, axis=1) for name, value in seen.items()}
    made, told = shield.safe(wanted, many)
    for site in range(5):
        alone, own = shield.safe({n: v[:, site] for n, v in wanted.items()}, seen)
        assert all(np.array_equal(made[n][:, site], alone[n]) for n in wanted)
        assert [x._replace(site=0) for x in told if x.site == site] == own


@pytest.mark.parametrize(
    ("wanted", "left", "words"),
    [
        ({"crah_fan_speed": [0.5, 0.5]}, "", "channel 'crah_fan_speed'"),
        ({FAN: [0.5]}, "", r"has shape \(1, 1\); give \(2, 1\)"),
        ({FAN: [0.5, 0.5]}, f"in_force.{FAN}", f"lack in_force.{FAN}"),
    ],
)
def test_what_cannot_be_guarded_is_refused_by_name(wanted: Any, left: str, words: str, hall: Hall) -> None:
    shield, seen = hall
    with pytest.raises(ValueError, match=words):
        shield.safe(wanted, {name: value for name, value in seen.items() if name != left})


def test_every_interlock_and_hard_limit_is_of_the_tables() -> None:
    assert {lock.channel for lock in INTERLOCKS} <= set(CHANNELS)
    assert {limit.backs for limit in HARD_LIMITS} <= {c.name for c in CONSTRAINTS}
    assert {limit.flow for limit in HARD_LIMITS} <= set(Flows._fields)
