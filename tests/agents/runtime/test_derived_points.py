"""Points that no building measures, followed from those that it does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.policy import site_data
from agents.runtime.derived import DERIVATIONS, FALLBACKS, Derived, derivations_of
from envs.core import DataCenterCore
from envs.interface.points import POINTS
from envs.play import play_through
from envs.scenario import load

SITE = site_data(load("ai_hall"))
MONDAY = 1_767_571_200.0  # 2026-01-05, a Monday, midnight UTC


def one(name: str, given: dict[str, object], derived: Derived, passed_s: float = 300.0, at: float = MONDAY) -> float:
    filled, _ = derived.filled(given, passed_s, at)
    return float(np.ravel(filled[name])[0])


def test_every_derivation_and_fallback_is_of_a_point_of_the_table() -> None:
    known = {p.name for p in POINTS}
    assert {d.point for d in DERIVATIONS} | set(FALLBACKS) <= known
    assert "breaker_memory_frac" in derivations_of(sorted(known), SITE)
    assert "breaker_memory_frac" not in derivations_of(sorted(known), {})


def test_a_breaker_s_memory_is_that_of_the_simulated_hall() -> None:
    core = DataCenterCore("ai_hall", 1, ("sensors.power_noise_frac=0", "sensors.power_bias_frac=0"))
    core.reset(seed=2)
    derived = Derived({"breaker_memory_frac": 1}, SITE)
    for _ in range(40):
        seen = core.measurements()
        given = {name: seen[name][:, 0] for name in ("row_power_share", "feeder_load_frac")}
        found = one("breaker_memory_frac", given, derived)
        play_through(core, core.rules, 1)
    assert found == pytest.approx(float(seen["breaker_memory_frac"][0, 0]), abs=0.05)


def test_a_stage_is_held_from_the_moment_that_the_count_changed() -> None:
    derived = Derived({"chiller_hold_frac": 1}, {"chiller_hold_s": 1200.0})
    assert one("chiller_hold_frac", {"chillers_running": 2.0}, derived) == 1.0
    assert one("chiller_hold_frac", {"chillers_running": 1.0}, derived) == 0.0
    assert one("chiller_hold_frac", {"chillers_running": 1.0}, derived) == pytest.approx(0.25)
    assert one("chiller_hold_frac", {"chillers_running": 1.0}, derived, passed_s=9999.0) == 1.0


def test_the_clock_gives_the_hour_and_the_day_of_the_week() -> None:
    derived = Derived(dict.fromkeys(("hour_sin", "hour_cos", "week_sin", "week_cos"), 1), {})
    filled, names = derived.filled({"dry_bulb_c": 20.0}, 300.0, MONDAY + 6 * 3600.0)
    assert names == ["hour_cos", "hour_sin", "week_cos", "week_sin"]
    assert float(filled["hour_sin"][0]) == pytest.approx(1.0)
    assert float(filled["week_sin"][0]) == pytest.approx(math.sin(2 * math.pi * 6 / 168))


def test_demand_is_the_power_until_a_limit_binds() -> None:
    derived = Derived({"row_demand_share": 1}, {})
    free = {"row_power_share": 0.9, "in_force.rack_power_limit_frac": 1.0}
    assert one("row_demand_share", free, derived) == 0.9
    bound = {"row_power_share": 0.6, "in_force.rack_power_limit_frac": 0.6}
    assert one("row_demand_share", bound, derived) == 0.9


def test_a_window_s_mean_begins_anew_on_the_quarter_of_the_hour() -> None:
    derived = Derived({"demand_window_share": 1, "demand_window_elapsed_frac": 1}, {})
    assert one("demand_window_share", {"facility_power_share": 0.4}, derived, at=MONDAY + 300.0) == pytest.approx(0.4)
    assert one("demand_window_share", {"facility_power_share": 0.8}, derived, at=MONDAY + 600.0) == pytest.approx(0.6)
    assert one("demand_window_share", {"facility_power_share": 0.2}, derived, at=MONDAY + 1000.0) == pytest.approx(0.2)


def test_the_wet_bulb_follows_from_humidity_as_published() -> None:
    derived = Derived({"wet_bulb_c": 1}, {})
    found = one("wet_bulb_c", {"dry_bulb_c": 20.0, "outdoor_relative_humidity_frac": 0.5}, derived)
    assert found == pytest.approx(13.7, abs=0.05)  # Stull (2011), worked example


def test_the_warmest_rack_of_each_zone_is_the_zone_s_inlet() -> None:
    derived = Derived({"zone_inlet_max_c": 2}, {"zone_of": [0, 0, 1]})
    filled, _ = derived.filled({"rack_inlet_c": [21.0, 24.0, 23.0]}, 300.0, MONDAY)
    assert filled["zone_inlet_max_c"].tolist() == [24.0, 23.0]


def test_what_is_measured_is_never_replaced() -> None:
    derived = Derived({"chiller_hold_frac": 1}, {"chiller_hold_s": 1200.0})
    filled, names = derived.filled({"chiller_hold_frac": 0.3, "chillers_running": 2.0}, 300.0, MONDAY)
    assert filled["chiller_hold_frac"] == 0.3 and names == []
