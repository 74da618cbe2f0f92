"""What one number alone does not tell: swapped points, other units, jumps and old readings are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.policy import interface_of
from agents.runtime.plausibility import Watch
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


def test_swapped_supply_and_return_are_refused(watched: Any) -> None:
    watch, seen = watched
    swapped = {**seen, "chw_supply_c": seen["chw_return_c"] + 5.0, "chw_return_c": seen["chw_supply_c"]}
    with pytest.raises(ValueError, match="chw_return_c is .* K colder than chw_supply_c"):
        watch.require(swapped, None, 300.0)


def test_a_jump_is_refused_and_a_long_time_allows_it(watched: Any) -> None:
    watch, seen = watched
    jumped = {**seen, "dry_bulb_c": seen["dry_bulb_c"] + 20.0}
    with pytest.raises(ValueError, match="dry_bulb_c moved by 20.0 K in 300 s, at most 15 K can be"):
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


@pytest.mark.parametrize("scenario", SHIPPED)
def test_no_hall_that_lost_a_machine_is_refused(scenario: str) -> None:
    faults = [[]]
    probe = DataCenterCore(scenario, 1, SHORT)
    for kind, (_, most) in KINDS.items():
        fault = Fault(kind, 3600.0, float("inf"), 0, min(most, 2.0) if not kind.startswith("weather") else 5.0)
        if not kind.startswith("sensor"):
            try:
                require_machines([fault], probe.plant.layout.present, "this hall")
            except ValueError:
                continue
            faults.append([fault])
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
