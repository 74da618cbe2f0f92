from __future__ import annotations

import numpy as np
import pytest

from experiments.evaluation.gates import GATES, failed_gates, verdict


def scores(**changed: float) -> dict[str, np.ndarray]:
    table = {
        "degree_minutes_worst_rack": 10.0,
        "tcs_degree_minutes": 5.0,
        "limit_excess_kwh": 2.0,
        "trips": 1.0,
        "work_done_h": 1000.0,
        "energy_per_work_kwh_h": 1.2,
    }
    return {name: np.full(12, changed.get(name, value)) for name, value in table.items()}


def test_equal_safety_and_equal_work_earn_a_number() -> None:
    found = verdict(scores(energy_per_work_kwh_h=1.08), scores())
    assert found.passed
    assert found.saving is not None
    assert found.saving.estimate == pytest.approx(0.1)


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.column)
def test_each_gate_withholds_the_number_and_says_why(gate) -> None:
    worse = float(scores()[gate.column][0]) * (0.99 if gate.more_is_better else 1.01)
    found = verdict(scores(energy_per_work_kwh_h=0.5, **{gate.column: worse}), scores())
    assert found.saving is None
    assert len(found.failures) == 1
    assert gate.words in found.failures[0]


def test_a_tenth_of_a_percent_less_work_is_tolerated_and_two_tenths_are_not() -> None:
    assert failed_gates(scores(work_done_h=999.1), scores()) == ()
    assert "less useful work" in failed_gates(scores(work_done_h=998.0), scores())[0]


def test_a_baseline_without_violations_tolerates_none() -> None:
    assert failed_gates(scores(limit_excess_kwh=0.01), scores(limit_excess_kwh=0.0))
    assert not failed_gates(scores(limit_excess_kwh=0.0), scores(limit_excess_kwh=0.0))


def test_a_number_that_is_not_finite_never_passes() -> None:
    assert failed_gates(scores(work_done_h=float("nan")), scores())
    assert failed_gates(scores(degree_minutes_worst_rack=float("nan")), scores())
