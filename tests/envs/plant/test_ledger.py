"""Limits that the ledger judges by: those of the scenario, and an alarm that a loop at its floor does not meet."""

from __future__ import annotations

import numpy as np

from envs.core import DataCenterCore
from envs.equipment.liquid_loop import FLOOR_OVER_DEW_POINT_K, condensation_floor_c
from envs.plant.flows import COOLING_POWER, ELECTRICAL_LOSSES, WATER, WORK, Flows
from envs.plant.ledger import ALARM_OVER_DEW_POINT_K, INTEGRALS, MEANS
from envs.play import play_through
from experiments.evaluation.trace import CONSUMERS
from experiments.validation import compare

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


def test_a_flow_of_a_step_is_the_mean_or_the_integral_of_its_sub_steps() -> None:
    core = DataCenterCore("liquid_hall", 2, SMALL, dtype="float64")
    core.reset(seed=3)
    plant, state = core.plant, core.state
    given = core.in_force, core.outside, core._load, core.lost
    now, subs = plant.step_conditions(state, *given, plant.substep_s), []
    for _ in range(plant.substeps):
        state, sub = plant.substep(state, now)
        subs.append(sub)
    _, flows = plant.step(core.state, *given, core.t)
    for name in MEANS:
        np.testing.assert_allclose(getattr(flows, name), np.mean([getattr(s, name) for s in subs], axis=0), rtol=1e-12)
    for name in WATER:
        kg = sum(getattr(s, f"{name}_s") for s in subs) * plant.substep_s
        np.testing.assert_allclose(getattr(flows, name), kg, rtol=1e-12)
    for name, (of, unit_s) in INTEGRALS.items():
        whole = sum(getattr(s, of) for s in subs) * plant.substep_s / unit_s
        np.testing.assert_allclose(getattr(flows, name), whole, rtol=1e-12)
    assert "cooling_power_kw" not in MEANS and len(MEANS) == 25
    assert flows.dry_cooler_fan_power_kw.min() > 0.0 and flows.makeup_kg.shape == (2,)


def test_a_figure_shows_every_cooling_consumer_once_and_nothing_that_is_no_flow() -> None:
    shown = [name for names in CONSUMERS.values() for name in names]
    assert len(shown) == len(set(shown)) and set(COOLING_POWER) <= set(shown)
    assert {*shown, *COOLING_POWER, *ELECTRICAL_LOSSES, *WATER, *WORK} <= set(Flows._fields)


def test_what_energyplus_is_compared_in_is_cooling_power_but_for_machines_that_its_halls_lack() -> None:
    lacking = {
        "basin_heater_power_kw",
        "dry_cooler_fan_power_kw",
        "fws_pump_power_kw",
        "tcs_pump_power_kw",
        "humidifier_power_kw",
    }
    assert set(compare.COOLING) == set(COOLING_POWER) - lacking


def test_coolant_at_the_floor_that_may_be_commanded_stands_above_the_alarm() -> None:
    assert FLOOR_OVER_DEW_POINT_K > ALARM_OVER_DEW_POINT_K == 2.0
    assert condensation_floor_c(np.array(15.0)) == 18.0
