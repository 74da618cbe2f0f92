"""What one number alone does not tell: swapped points, other units, jumps and old readings are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.policy import interface_of
from agents.runtime.plausibility import Watch
from agents.runtime.relations import COLDER, RELATIONS, Related, Relation
from agents.runtime.stamped import seconds_of, stamped
from envs.core import DataCenterCore
from envs.faults import KINDS, Fault
from envs.scenario import SHIPPED
from envs.scenario.checks import require_machines

SHORT = ("site.workload_weeks=1",)


@pytest.fixture(scope="module")
def watched() -> tuple[Watch, dict[str, np.ndarray]]:
    """The checks of a hall, and what it measures at some moment ``{point: (k, 1)}``."""
    core = DataCenterCore("ai_hall", 1, SHORT)
    core.reset(seed=3)
    return Watch(interface_of(core).plain()["points"], 600.0), dict(core.measurements())


def changed(seen: dict[str, np.ndarray], **values: float) -> dict[str, np.ndarray]:
    return {**seen, **{name: np.full_like(seen[name], value) for name, value in values.items()}}


def test_a_hall_in_order_is_believed(watched: Any) -> None:
    watch, seen = watched
    watch.require(seen, seen, 300.0)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("coil_valve_frac", 3.0, "coil_valve_frac = 3 is more than the whole; give a share 0..1, no percent"),
        ("zone_supply_c", 70.0, "zone_supply_c = 70 degC beside in_force.supply_air.* looks like degF"),
        ("chw_supply_c", 64.4, "chw_supply_c = 64.4 degC .* looks like degF; give temperatures in degC"),
        ("chip_max_c", 12.0, "chip_max_c is .* K colder than .*, which cannot be; check whether the two are swapped"),
    ],
)
def test_what_cannot_be_beside_the_rest_is_refused_by_name(name: str, value: float, words: str, watched: Any) -> None:
    watch, seen = watched
    with pytest.raises(ValueError, match=words):
        watch.require(changed(seen, **{name: value}), None, 300.0)


@pytest.fixture(scope="module")
def halls() -> list[tuple[list[Any], dict[str, np.ndarray]]]:
    """Points and a reading ``{point: (k, 1)}`` of each shipped hall."""
    found = []
    for scenario in SHIPPED:
        core = DataCenterCore(scenario, 1, SHORT)
        core.reset(seed=3)
        found.append((interface_of(core).plain()["points"], dict(core.measurements())))
    return found


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda r: f"{r.point} {r.way} than {r.other or r.constant}")
def test_each_relation_refuses_what_cannot_be_by_name_and_believes_a_hair_less(relation: Relation, halls: Any) -> None:
    points, seen = next((p, m) for p, m in halls if Related(p, [relation]).holding)
    related = Related(points, [relation])
    other = relation.constant + (relation.factor * seen[relation.other] if relation.other else 0.0)
    if relation.way != COLDER and relation.factor < 0.0:  # the sum of both: all racks down
        seen, other = changed(seen, rack_down_frac=1.0), np.zeros((1, 1))
    sign = -1.0 if relation.way == COLDER else 1.0
    believed, refused = (np.max, np.min) if relation.way == COLDER else (np.min, np.max)
    edge = float(believed(other)) + sign * relation.slack  # of the row that allows least
    beyond = float(refused(other)) + sign * relation.slack
    hair = 0.01
    related.require(changed(seen, **{relation.point: edge - sign * hair}))
    with pytest.raises(ValueError, match=rf"^{relation.point} .*{relation.other}.*, which cannot be; .*check"):
        related.require(changed(seen, **{relation.point: beyond + sign * hair}))
    if relation.calm:
        related.require(changed(seen, **{relation.point: edge + sign * 5.0, "rack_down_frac": 0.5}))


def test_supply_air_in_degc_that_is_declared_degf_is_refused(watched: Any) -> None:
    watch, seen = watched
    with pytest.raises(ValueError, match="zone_supply_c is .* K colder than .*degC that is taken for degF shows this"):
        watch.require({**seen, "zone_supply_c": (seen["zone_supply_c"] - 32.0) / 1.8}, None, 300.0)


def test_a_wet_bulb_over_the_dry_bulb_is_refused_from_two_kelvin_on(watched: Any) -> None:
    watch, seen = watched
    watch.require({**seen, "wet_bulb_c": seen["dry_bulb_c"] + 1.9}, None, 300.0)
    with pytest.raises(ValueError, match="dry_bulb_c is 2.1 K colder than wet_bulb_c, which cannot be"):
        watch.require({**seen, "wet_bulb_c": seen["dry_bulb_c"] + 2.1}, None, 300.0)


def test_the_whole_liquid_side_in_degf_is_refused_on_the_first_call(watched: Any) -> None:
    watch, seen = watched
    liquid = {name: 32.0 + 1.8 * seen[name] for name in ("fws_supply_c", "tcs_supply_c", "tcs_return_c", "chip_max_c")}
    with pytest.raises(ValueError, match="looks like degF"):
        watch.require({**seen, **liquid}, None, 300.0)
    raised = {name: value + 10.0 for name, value in seen.items() if name in ("in_force.fws_supply_temp_setpoint_c",)}
    with pytest.raises(ValueError, match="_c is .* K warmer than .* while no rack is down, which cannot be"):
        watch.require({**seen, **liquid, **raised, "tcs_supply_c": seen["tcs_supply_c"]}, None, 300.0)


def test_a_chip_at_190_degc_is_refused_while_no_rack_is_down_and_believed_while_one_is(watched: Any) -> None:
    watch, seen = watched
    with pytest.raises(ValueError, match="chip_max_c is 60.0 K warmer than 130 degC while no rack is down"):
        watch.require(changed(seen, chip_max_c=190.0), None, 300.0)
    watch.require(changed(seen, chip_max_c=190.0, rack_down_frac=0.1), None, 300.0)


def test_full_power_beside_racks_that_are_all_down_is_refused(watched: Any) -> None:
    watch, seen = watched
    with pytest.raises(ValueError, match="it_power_share = 1 beside rack_down_frac = 1, which cannot be"):
        watch.require(changed(seen, it_power_share=1.0, facility_power_share=1.2, rack_down_frac=1.0), None, 300.0)


def test_a_fan_speed_that_was_divided_by_a_hundred_is_refused_and_a_fan_that_stands_still_is_not(watched: Any) -> None:
    watch, seen = watched
    with pytest.raises(ValueError, match="zone_fan_speed_frac = 0.00.* looks like a share that was taken for percent"):
        watch.require({**seen, "zone_fan_speed_frac": seen["zone_fan_speed_frac"] / 100.0}, None, 300.0)
    watch.require(changed(seen, zone_fan_speed_frac=0.0), None, 300.0)


def test_a_jump_of_coolant_is_believed_where_a_hot_chip_says_that_it_stands_still(watched: Any) -> None:
    watch, seen = watched
    hot = {**seen, "tcs_return_c": seen["tcs_return_c"] + 90.0}
    with pytest.raises(ValueError, match="tcs_return_c moved by 90.0 K in 300 s, at most 60 K can be"):
        watch.require(hot, seen, 300.0)
    watch.require(changed(hot, chip_max_c=95.0), changed(seen, chip_max_c=60.0), 300.0)


def test_swapped_supply_and_return_are_refused(watched: Any) -> None:
    watch, seen = watched
    swapped = {**seen, "chw_supply_c": seen["chw_return_c"] + 5.0, "chw_return_c": seen["chw_supply_c"]}
    with pytest.raises(ValueError, match="chw_return_c is .* K colder than chw_supply_c"):
        watch.require(swapped, None, 300.0)


def test_a_jump_is_refused_and_a_long_time_allows_it(watched: Any) -> None:
    watch, seen = watched
    jumped = {**seen, "dry_bulb_c": seen["dry_bulb_c"] + 20.0}
    with pytest.raises(ValueError, match="dry_bulb_c moved by 20.0 K in 300 s, at most 18 K can be"):
        watch.require(jumped, seen, 300.0)
    watch.require(jumped, seen, 600.0)


def test_hot_water_is_believed_while_racks_are_down(watched: Any) -> None:
    watch, seen = watched
    hot = changed(seen, chw_supply_c=64.4, chw_return_c=66.0)
    watch.require({**hot, "rack_down_frac": seen["rack_down_frac"] + 0.5}, None, 300.0)


@pytest.mark.parametrize("age_s", [601.0, -61.0])
def test_an_old_or_future_reading_is_refused_by_name(age_s: float, watched: Any) -> None:
    with pytest.raises(ValueError, match=rf"dry_bulb_c is {age_s:.0f} s old, a reading may be 600 s old"):
        watched[0].require_fresh({"dry_bulb_c": 1000.0}, 1000.0 + age_s)
    watched[0].require_fresh({"dry_bulb_c": 1000.0}, 1599.0)


def test_times_are_seconds_or_iso_with_an_offset() -> None:
    values, times = stamped({"a": 1.0, "b": {"value": [2.0], "time": "1970-01-01T01:00:00+01:00"}})
    assert values == {"a": 1.0, "b": [2.0]} and times == {"b": 0.0}
    assert seconds_of("a", 12.5) == 12.5
    with pytest.raises(ValueError, match="a: time '13:00'; give seconds since 1970 or ISO 8601"):
        seconds_of("a", "13:00")
    with pytest.raises(ValueError, match="a = .* has no value"):
        stamped({"a": {"time": 3}})


def faults_of(scenario: str) -> list[list[Fault]]:
    """No fault, and each of the library that this hall can have, small and as large as it comes."""
    faults: list[list[Fault]] = [[]]
    probe = DataCenterCore(scenario, 1, SHORT)
    for kind, (_, most) in KINDS.items():
        for magnitude in {min(most, 2.0), most}:
            fault = Fault(kind, 3600.0, float("inf"), 0, magnitude)
            if not kind.startswith("sensor"):
                try:
                    require_machines([fault], probe.plant.layout.present, "this hall")
                except ValueError:
                    continue
                faults.append([fault])
    return faults


@pytest.mark.parametrize("scenario", SHIPPED)
def test_no_hall_in_trouble_is_refused_from_its_start_under_every_fault(scenario: str) -> None:
    faults = faults_of(scenario)
    core = DataCenterCore(scenario, len(faults), SHORT)
    core.reset(seed=7)
    core.set_faults(faults)
    watch, last = Watch(interface_of(core).plain()["points"], 600.0), None
    generator = np.random.default_rng(0)
    for _ in range(60):
        seen = {name: value.copy() for name, value in core.measurements().items()}
        watch.require(seen, last, core.step_s)
        last = seen
        core.step(generator.uniform(-1.0, 1.0, (core.num_envs, core.action_size)).astype(np.float32))
