from __future__ import annotations

import numpy as np
import pytest

from experiments.evaluation.gates import failed_gates, gate_verdict, seed_failures

#: Every gate by name, so that none can be lost unseen: the baseline's value, one that just passes and one that fails
#: over twelve episodes of a day, and the words of the failure.
CASES = {
    "degree_minutes_worst_rack": (10.0, 10.1, 10.12, "more degree-minutes over the inlet limit on its worst rack"),
    "tcs_degree_minutes": (5.0, 5.1, 5.11, "more degree-minutes over the coolant limit"),
    "overload_kwh": (2.0, 2.01, 2.02, "more energy over a limit that no memory"),
    "protection_s": (100.0, 964.0, 964.2, "more time in which the fast protection"),
    "trips": (1.0, 1.0019, 1.0021, "more trips"),
    "work_done_h": (1000.0, 998.95, 998.85, "less useful work done"),
    "actuator_travel": (0.8, 2.8, 2.9, "more actuator travel"),
    "busiest_setpoint_travel": (3.6, 18.6, 18.7, "more travel of the busiest setpoint"),
}


def scores(**changed: float) -> dict[str, np.ndarray]:
    table = {name: case[0] for name, case in CASES.items()} | {"energy_per_work_kwh_h": 1.2, "days": 1.0}
    return {name: np.full(12, changed.get(name, value)) for name, value in table.items()}


def test_equal_safety_and_equal_work_earn_a_number() -> None:
    found = gate_verdict([scores(energy_per_work_kwh_h=1.08)], scores())
    assert found.passed
    assert found.saving is not None
    assert found.saving.estimate == pytest.approx(0.1)


@pytest.mark.parametrize("column", CASES)
def test_each_gate_withholds_the_number_and_says_why(column: str) -> None:
    _, fine, worse, words = CASES[column]
    assert gate_verdict([scores(energy_per_work_kwh_h=0.5, **{column: fine})], scores()).passed
    found = gate_verdict([scores(energy_per_work_kwh_h=0.5, **{column: worse})], scores())
    assert found.saving is None and not found.passed
    assert len(found.failures) == 1
    assert words in found.failures[0]


def test_a_failure_names_both_numbers_the_bound_and_the_unit() -> None:
    (words,) = failed_gates(scores(degree_minutes_worst_rack=20.0), scores())
    assert "240 K min against 120 (at most 121.32 allowed)" in words


def test_half_a_kelvin_minute_in_twelve_days_is_no_verdict_and_two_are_one() -> None:
    cool = scores(degree_minutes_worst_rack=0.0)
    assert failed_gates(scores(degree_minutes_worst_rack=0.5 / 12), cool) == ()
    assert failed_gates(scores(degree_minutes_worst_rack=2.0 / 12), cool)


def test_the_demonstrations_agent_moves_more_than_is_allowed_and_a_planner_does_not() -> None:
    rule = scores(actuator_travel=0.8)
    assert failed_gates(scores(actuator_travel=6.9), rule)
    assert failed_gates(scores(actuator_travel=2.0), rule) == ()


def test_one_setpoint_that_does_all_the_moving_fails_though_the_mean_is_small() -> None:
    rule = scores(actuator_travel=0.8, busiest_setpoint_travel=3.6)
    (words,) = failed_gates(scores(actuator_travel=2.0, busiest_setpoint_travel=28.0), rule)
    assert "more travel of the busiest setpoint: 336 full ranges against 43.2 (at most 223.243 allowed)" in words


def test_a_longer_evaluation_allows_as_much_a_day_and_not_more() -> None:
    week, calm = scores(days=7.0, trips=0.0, overload_kwh=0.06), scores(days=7.0, trips=0.0, overload_kwh=0.0)
    assert failed_gates(week, calm) == ()
    assert failed_gates({**week, "days": week["days"] / 7.0}, {**calm, "days": calm["days"] / 7.0})


def test_a_trip_is_never_tolerated_where_the_baseline_has_none() -> None:
    assert failed_gates(scores(trips=1.0 / 12), scores(trips=0.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", CASES)
def test_a_number_that_is_not_finite_never_passes(column: str, value: float) -> None:
    assert failed_gates(scores(**{column: value}), scores())
    assert failed_gates(scores(), scores(**{column: value}))


def test_scores_of_a_version_with_other_gates_are_refused_by_name() -> None:
    old = {name: values for name, values in scores().items() if name != "busiest_setpoint_travel"}
    with pytest.raises(ValueError, match="lack busiest_setpoint_travel: they are of another version"):
        failed_gates(old, scores())


def test_failures_name_the_training_seed_only_where_there_are_several() -> None:
    hot = scores(degree_minutes_worst_rack=30.0)
    (alone,) = seed_failures([hot], scores())
    assert alone == failed_gates(hot, scores())[0]
    assert seed_failures([scores(), hot], scores()) == (f"seed 2 of 2: {alone}",)
