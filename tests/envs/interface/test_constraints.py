"""The table of constraints: each row's own count, its bound, its breach."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.interface.channels import CHANNELS
from envs.interface.charges import CHARGED, used_rows
from envs.interface.constraints import (
    CONSTRAINTS,
    GATES,
    HARD_LIMITS,
    TRAVEL,
    Use,
    allowed,
    breaches,
    table,
    within_budget,
)
from envs.plant.flows import Flows
from envs.scenario import load

BY_NAME = {c.name: c for c in CONSTRAINTS}
FAN = replace(CHANNELS["crah_fan_speed_frac"], name="fan", low=0.0, high=1.0, rows=2)
WATER = replace(CHANNELS["chw_supply_temp_setpoint_c"], name="water", low=10.0, high=20.0, rows=1)


def flows(**changed: Any) -> SimpleNamespace:
    """A step of two sites, three racks, two classes of work."""
    kept = "tcs_excess_degree_minutes", "limit_excess_kwh", "overload_kwh", "capper_active_s", "trips"
    site = dict.fromkeys(kept, np.zeros(2))
    whole = {**site, "inlet_excess_degree_minutes": np.zeros((3, 2)), "work_done": np.zeros((2, 2))}
    return SimpleNamespace(**{**whole, **changed})


def used(*steps: SimpleNamespace, in_force: list[dict[str, np.ndarray]] | None = None) -> dict[str, np.ndarray]:
    use = Use([FAN, WATER])
    still = {"fan": np.zeros((2, 2)), "water": np.full((1, 2), 10.0)}
    for i, step in enumerate(steps):
        use.add(step, in_force[i] if in_force else still)
    return use.sums()


def test_the_worst_rack_is_the_one_with_the_largest_sum_and_not_each_steps_worst() -> None:
    one, two = np.zeros((3, 2)), np.zeros((3, 2))
    one[0, 0], two[1, 0], two[2, 1] = 10.0, 6.0, 4.0
    found = used(*(flows(inlet_excess_degree_minutes=x) for x in (one, two, two)))
    assert found["degree_minutes_worst_rack"] == pytest.approx([12.0, 8.0])  # each step's worst would add up to 22


@pytest.mark.parametrize(
    ("name", "flow"),
    [
        ("tcs_degree_minutes", "tcs_excess_degree_minutes"),
        ("limit_excess_kwh", "limit_excess_kwh"),
        ("overload_kwh", "overload_kwh"),
        ("protection_s", "capper_active_s"),
        ("trips", "trips"),
    ],
)
def test_what_happens_to_a_site_adds_up_over_the_steps(name: str, flow: str) -> None:
    found = used(flows(**{flow: np.array([1.0, 2.0])}), flows(**{flow: np.array([0.5, 0.0])}))
    assert found[name] == pytest.approx([1.5, 2.0])
    assert not any(values.any() for other, values in found.items() if other != name)


def test_work_adds_up_over_its_classes() -> None:
    step = flows(work_done=np.array([[1.0, 2.0], [10.0, 20.0]]))
    assert used(step, step)["work_done_h"] == pytest.approx([22.0, 44.0])


def test_travel_is_the_mean_over_all_channel_rows_in_full_ranges() -> None:
    start = {"fan": np.zeros((2, 2)), "water": np.full((1, 2), 10.0)}
    then = {"fan": np.array([[0.5, 0.0], [0.25, 0.0]]), "water": np.array([[15.0, 12.5]])}
    found = used(flows(), flows(), flows(), in_force=[start, then, start])
    # site 0: 0.5 + 0.25 of the fans, 5 of 10 K of the water: 1.25 over three rows, there and back
    assert found["actuator_travel"] == pytest.approx([2.0 * 1.25 / 3.0, 2.0 * 0.25 / 3.0])


def test_the_busiest_setpoint_is_the_one_that_moved_most_in_all() -> None:
    fans = [np.array([[0.5, 0.0], [0.0, 0.2]]), np.array([[0.5, 0.0], [0.6, 0.0]])]
    found = used(*[flows()] * 3, in_force=[{"fan": x, "water": np.full((1, 2), 10.0)} for x in (0.0 * fans[0], *fans)])
    assert found["busiest_setpoint_travel"] == pytest.approx([0.6, 0.4])  # each step's busiest would add up to 1.1


def test_the_first_setpoints_are_no_travel() -> None:
    assert (
        used(flows(), in_force=[{"fan": np.ones((2, 2)), "water": np.full((1, 2), 20.0)}])["actuator_travel"].max() == 0
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_flow_of_the_table_is_one_of_the_plant(dtype: str) -> None:
    core = DataCenterCore("edge_room", 2, dtype=dtype)
    core.reset(seed=0)
    use = Use(core.channels)
    for _ in range(3):
        core.step_setpoints({})
        use.add(core.flows, core.in_force)
    assert set(use.sums()) == set(BY_NAME)
    assert all(values.shape == (2,) and values.dtype == np.float64 for values in use.sums().values())
    assert {c.flow for c in CONSTRAINTS} <= {*Flows._fields, "travel"}


@pytest.mark.parametrize("c", [c for c in CONSTRAINTS if c.limit], ids=lambda c: c.name)
def test_a_limit_names_a_key_of_the_scenario(c: Any) -> None:
    part: Any = load("ai_hall")
    for name in c.limit.split("."):
        part = getattr(part, name)
    assert part > 0.0


@pytest.mark.parametrize(
    ("name", "reference", "days", "bound"),
    [
        ("degree_minutes_worst_rack", 100.0, 12.0, 100.0 * 1.001 + 1.2),
        ("tcs_degree_minutes", 100.0, 12.0, 100.0 * 1.001 + 1.2),
        ("overload_kwh", 100.0, 12.0, 100.0 * 1.001 + 0.12),
        ("protection_s", 100.0, 12.0, 100.0 * 1.001 + 12.0 * 864.0),
        ("trips", 3.0, 12.0, 3.003 + 0.012),
        ("work_done_h", 1000.0, 12.0, 999.0 - 1.2),
        ("actuator_travel", 10.0, 12.0, 10.01 + 24.0),
        ("busiest_setpoint_travel", 10.0, 12.0, 10.01 + 180.0),
    ],
)
def test_a_bound_is_the_references_use_a_thousandth_and_the_allowance(
    name: str, reference: float, days: float, bound: float
) -> None:
    assert float(allowed(BY_NAME[name], reference, days)) == pytest.approx(bound)


def test_the_gates_are_those_of_the_protocol() -> None:
    assert {c.name for c in GATES} == {
        "degree_minutes_worst_rack",
        "tcs_degree_minutes",
        "overload_kwh",
        "protection_s",
        "trips",
        "work_done_h",
        "actuator_travel",
        "busiest_setpoint_travel",
    }
    assert [c.name for c in CONSTRAINTS if c.at_least] == ["work_done_h"]


def use_of(**changed: float) -> dict[str, float]:
    return {"work_done_h": 1000.0, **{c.name: 10.0 for c in CONSTRAINTS if not c.at_least}, **changed}


@pytest.mark.parametrize(
    ("name", "value", "breach"),
    [
        ("degree_minutes_worst_rack", 13.11, 3.0),  # 10 x 1.001 + 0.1 are allowed of a day
        ("tcs_degree_minutes", 13.11, 3.0),
        ("overload_kwh", 13.02, 30.0),  # a kWh counts ten
        ("protection_s", 1174.01, 3.0),  # a hundredth of a day is 864 s
        ("trips", 11.011, 1000.0),  # a trip counts a thousand
        ("work_done_h", 899.01, 10.0),  # a tenth of the least, of a hundred
        ("actuator_travel", 13.01, 1.0),
        ("busiest_setpoint_travel", 26.01, 1.0),
    ],
)
def test_a_breach_is_what_passes_the_bound_by_its_weight(name: str, value: float, breach: float) -> None:
    found = breaches(use_of(**{name: value}), use_of(), 1.0)
    assert float(found.pop(name)) == pytest.approx(breach)
    assert not any(float(other) for other in found.values())


def test_equal_use_breaks_nothing() -> None:
    assert not any(float(b) for b in breaches(use_of(), use_of(), 1.0).values())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [c.name for c in GATES])
def test_a_number_that_is_not_finite_breaks_without_bound(name: str, value: float) -> None:
    odd = use_of(**{name: value})
    for use, reference in ((odd, use_of()), (use_of(), odd), (odd, odd)):
        found = breaches(use, reference, 1.0)
        assert found.pop(name) == np.inf
        assert not any(float(other) for other in found.values())
    assert all(breach == np.inf for breach in breaches(use_of(), use_of(), value).values())


@pytest.mark.parametrize("c", GATES, ids=lambda c: c.name)
def test_every_gate_forgives_something_where_the_reference_uses_nothing(c: Any) -> None:
    assert (allowed(c, 0.0, 1.0) < 0.0) if c.at_least else (allowed(c, 0.0, 1.0) > 0.0)


def test_no_trip_is_forgiven_in_a_year() -> None:
    assert allowed(BY_NAME["trips"], 0.0, 365.0) < 1.0


def test_breaches_are_judged_candidate_by_candidate_and_episode_by_episode() -> None:
    use = {name: np.full((3, 2), value) for name, value in use_of().items()}
    use["trips"] = np.array([[10.0, 10.0], [12.0, 10.0], [10.0, 13.0]])
    reference = {name: np.full((1, 2), value) for name, value in use_of().items()}
    np.testing.assert_array_equal(breaches(use, reference, 1.0)["trips"] > 0, [[0, 0], [1, 0], [0, 1]])


def test_a_reference_that_runs_away_is_cut_to_the_budget_or_to_what_the_safest_needs() -> None:
    inlet, work = BY_NAME["degree_minutes_worst_rack"], BY_NAME["work_done_h"]
    assert within_budget(inlet, 700.0, 0.0, 1.0) == 1.0
    assert within_budget(inlet, 700.0, 0.0, 7.0) == 7.0
    assert within_budget(inlet, 0.4, 0.0, 1.0) == 0.4
    assert within_budget(inlet, 40.2, 39.5, 1.0) == 39.5
    assert within_budget(work, 700.0, 0.0, 1.0) == 700.0


def test_what_a_policy_without_caps_leaves_to_the_fast_protection_opens_no_gate() -> None:
    limit = within_budget(BY_NAME["protection_s"], 19_000.0, 67_000.0, 1.0)
    assert float(allowed(BY_NAME["protection_s"], limit, 1.0)) == 0.01 * 86_400.0


def test_energy_over_a_limit_is_told_and_decides_nothing() -> None:
    use = use_of(limit_excess_kwh=1000.0)
    assert "limit_excess_kwh" not in breaches(use, use_of(), 1.0)


def test_asking_the_scheduler_for_something_is_no_travel() -> None:
    order = replace(CHANNELS["order_small_h"], rows=1)
    use = Use([FAN, order])
    for step in range(4):
        use.add(flows(), {"fan": np.full((2, 2), 0.5), "order_small_h": np.full((1, 2), 24.0 * (-1) ** step)})
    assert use.sums()["busiest_setpoint_travel"].max() == 0.0


def test_an_agent_that_only_asks_the_scheduler_travels_nothing() -> None:
    order = replace(CHANNELS["order_small_h"], rows=1)
    use, travels = Use([order]), [c.name for c in CONSTRAINTS if c.flow == TRAVEL]
    for value in (0.0, 24.0):
        in_force = {order.name: np.full((1, 2), value)}
        use.add(flows(), in_force)
    charged = dict(
        zip([c.name for c in CHARGED], used_rows(flows(), in_force, {order.name: np.zeros((1, 2))}, [order]))
    )
    for name in travels:
        assert use.sums()[name].tolist() == [0.0, 0.0] == charged[name].tolist()


def test_the_table_is_plain_data() -> None:
    rows = json.loads(json.dumps(table(), allow_nan=False))
    assert [row["name"] for row in rows] == list(BY_NAME)
    assert rows[0]["budget_per_day"] == 1.0 and rows[-1]["budget_per_day"] is None
    assert all(row["meaning"] and row["unit"] for row in rows)


def test_no_row_of_the_table_can_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        GATES[0].is_gate = False  # type: ignore[misc]


def test_bounds_that_no_policy_should_pass_are_those_of_the_protocol() -> None:
    """By hand, so that none moves unseen: use a day that none should pass, and what is forgiven beyond a reference."""
    assert {c.name: (c.budget_per_day, c.allowance_per_day) for c in CONSTRAINTS} == {
        "degree_minutes_worst_rack": (1.0, 0.1),
        "tcs_degree_minutes": (1.0, 0.1),
        "limit_excess_kwh": (0.0, 0.01),
        "overload_kwh": (0.0, 0.01),
        "protection_s": (0.0, 864.0),
        "trips": (0.0, 0.001),
        "work_done_h": (np.inf, 0.1),
        "actuator_travel": (np.inf, 2.0),
        "busiest_setpoint_travel": (np.inf, 15.0),
    }


def test_the_shield_holds_each_hard_limit_with_its_margin_and_for_its_time() -> None:
    assert {h.name: (h.margin, h.longest_s) for h in HARD_LIMITS} == {
        "inlet_allowable": (0.5, 600.0),
        "coolant_supply": (0.5, 0.0),
        "breaker_memory": (0.03, 0.0),
    }
