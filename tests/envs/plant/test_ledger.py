"""Limits that the ledger judges by: those of the scenario, and an alarm that a loop at its floor does not meet."""

from __future__ import annotations

import numpy as np

from envs.core import DataCenterCore
from envs.equipment.liquid_loop import FLOOR_OVER_DEW_POINT_K, condensation_floor_c
from envs.plant.ledger import ALARM_OVER_DEW_POINT_K
from envs.play import play_through

SMALL = ("site.workload_weeks=1",)


def degree_minutes(limit_c: float) -> np.ndarray:
    core = DataCenterCore("edge_room", 2, (*SMALL, f"reward.inlet_limit_c={limit_c}"), dtype="float64")
    core.reset(seed=3)
    play_through(core, core.rules, 1)
    return core.flows.inlet_excess_degree_minutes


def test_degree_minutes_count_from_the_scenario_s_own_inlet_limit() -> None:
    """Five minutes over two limits below every inlet differ by five times the limits' distance."""
    np.testing.assert_allclose(degree_minutes(15.0) - degree_minutes(17.0), 10.0, rtol=1e-9)
    assert degree_minutes(17.0).min() > 0.0 == degree_minutes(45.0).max()


def test_coolant_at_the_floor_that_may_be_commanded_stands_above_the_alarm() -> None:
    assert FLOOR_OVER_DEW_POINT_K > ALARM_OVER_DEW_POINT_K == 2.0
    assert condensation_floor_c(np.array(15.0)) == 18.0
